"""What a front end hands back for one grammar: the grammar, notes about it, and the files that it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from treadle.grammar.cfg import Cfg


@dataclass(frozen=True, slots=True)
class Reading:
    cfg: Cfg
    #: (place, sentence): what is right but may not be meant, as a rule that nothing uses.
    notes: tuple[tuple[str, str], ...] = ()
    #: Are there terminals that `extensions` has to fill in?
    extended: bool = False
    #: Patterns of the terminals that those are made of.
    sources: Mapping[str, str] = field(default_factory=dict)
    #: Imported files and the SHA-256 of their text.
    files: Mapping[str, str] = field(default_factory=dict)
