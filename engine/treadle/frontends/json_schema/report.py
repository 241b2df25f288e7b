"""What compiling a schema found that its author may want to know: annotations, readings, relaxations, limits.

An entry never means that a keyword was weakened in silence: `annotation` is a keyword that asserts nothing by the
specification (an unknown format, `nullable`), `reading` an old spelling that was understood, `relaxed` a refusal that
`lenient=True` turned into a note, `inexact` a search that ran out of its budget, after which a dead end is possible
but never a wrong acceptance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["annotation", "reading", "relaxed", "inexact"]


@dataclass(frozen=True, slots=True)
class Note:
    """One entry."""

    kind: Kind
    #: JSON pointer of the keyword, with a leading "#".
    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message} ({self.kind})"


@dataclass(slots=True)
class Report:
    """The notes of one compilation, in the order found; the same note is kept once.

    Grows while decoding goes on, since schema locations are expanded when they are reached.
    """

    _notes: dict[Note, None] = field(default_factory=dict)

    def add(self, kind: Kind, pointer: str, message: str) -> None:
        self._notes[Note(kind, pointer, message)] = None

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(self._notes)

    @property
    def relaxations(self) -> tuple[Note, ...]:
        return tuple(note for note in self._notes if note.kind == "relaxed")

    @property
    def inexact(self) -> tuple[Note, ...]:
        return tuple(note for note in self._notes if note.kind == "inexact")

    def __iter__(self) -> Iterator[Note]:
        return iter(self._notes)

    def __len__(self) -> int:
        return len(self._notes)
