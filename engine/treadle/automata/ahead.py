"""Lowering ahead: what a first token would have to wait for is lowered when a constraint is compiled.

In: the lowering of a constraint and a number of positions. Rules are lowered in the order of their discovery, members
of objects in their declared order with the required ones first, until so many positions were added: the outer members
of any schema, all of a small one. This changes when something is lowered, never to what.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from treadle.automata import layout as at
from treadle.automata.lowering import Lowering
from treadle.errors import TreadleError
from treadle.grammar import rules


def lower_ahead(lowering: Lowering, most: int) -> None:
    """Lower until there are `most` more positions, or nothing is left. What raises is left to whoever reaches it."""
    try:
        _lower_up_to(lowering, lowering.memory.used[at.AT_POSITIONS] + most)
    except TreadleError:
        return


def lower_all(lowering: Lowering) -> None:
    """Lower until nothing is left, which must be finite. Raises what lowering raises."""
    _lower_up_to(lowering, sys.maxsize)


def _lower_up_to(lowering: Lowering, last: int) -> None:
    calls = objects = 0
    names: Iterator[tuple[int, int]] = iter(())
    while lowering.memory.used[at.AT_POSITIONS] < last:
        if calls < len(lowering.calls):
            _, entry = lowering.calls[calls]
            calls += 1
            if not lowering.is_lowered(entry):
                lowering.lower_lazy(entry)
            continue
        name = next(names, None)
        if name is not None:
            if not lowering.is_name_lowered(*name):
                lowering.lower_name(*name)
        elif objects < len(lowering.objects):
            names = _names(*lowering.objects[objects])
            objects += 1
        else:
            return


def _names(p: int, node: rules.Object) -> Iterator[tuple[int, int]]:
    """The position of an object's names with the number of each name that may come, the likeliest first."""
    usable = [(not member.required, member.rank, n) for n, member in enumerate(node.members) if member.usable]
    return iter([(p, n) for *_, n in sorted(usable)])
