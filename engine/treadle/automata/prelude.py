"""Preludes: what many constraints would lower again and again, lowered once and copied into each automaton.

In: calls that constraints share (`rules.Common`), and how texts are spelled. Out: a lowering in which all of them are
lowered to their ends, with the first character states of their strings and numbers. A memory that begins with it has
the same rows under the same numbers, so beginning with it is a few copies, however much was lowered.

Any value, and a string, number or list of anything, stand in nearly every schema; unfolding "any value" alone cost a
first visit 0.6 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from treadle.automata.ahead import lower_all
from treadle.automata.lowering import RETURN, Lowering
from treadle.automata.memory import Memory
from treadle.automata.spelling import Spelling
from treadle.grammar.rules import Common

#: Character states of a prelude: those of plain numbers, and what is met first of a long tail of exponents.
_CHARACTER_STATES: Final = 192


@dataclass(frozen=True)
class Prelude:
    """A lowering with nothing left to lower."""

    lowering: Lowering
    #: What follows an unlisted name: name position, class of the name, position behind.
    others: tuple[tuple[int, int, int], ...]


@lru_cache(maxsize=64)
def prelude_of(common: Common, usable: frozenset[int], measured: bool) -> Prelude:
    """The prelude of some calls, kept for the process."""
    lowering = Lowering(Memory(), Spelling(usable), measured)
    for call in common.calls():
        lowering.lower(call, RETURN)
    lower_all(lowering)
    others = []
    for p, node in lowering.objects:
        # N.B. behind an unlisted name stands a value, which was lowered, or adds objects to this very list.
        others += [(p, label, lowering.lower_other(p, label, -1)) for label in range(len(node.others))]
        lower_all(lowering)
    lowering.characters.lower_ahead(_CHARACTER_STATES)
    return Prelude(lowering, tuple(others))
