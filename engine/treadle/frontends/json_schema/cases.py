"""The values of a goal by kind: what the automaton layer asks for first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from treadle.frontends.json_schema.array_state import ArrayState
    from treadle.frontends.json_schema.object_state import ObjectState
    from treadle.frontends.json_schema.string_keywords import StringCase
    from treadle.grammar.expression import Expr


@dataclass(frozen=True, slots=True)
class Cases:
    """What may be written where a goal stands. Equal cases admit the same texts.

    Tuples are unions, and their members may overlap.
    """

    null: bool
    true: bool
    false: bool
    #: The texts of numbers; NOTHING if none.
    number: Expr
    strings: tuple[StringCase, ...]
    arrays: tuple[ArrayState, ...]
    objects: tuple[ObjectState, ...]
