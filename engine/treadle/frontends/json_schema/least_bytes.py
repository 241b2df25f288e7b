"""Lower bounds on the length of texts, for closing in time.

In: a goal. Out: the fewest bytes of a compact JSON text that satisfies it, or fewer. A bound never exceeds the truth:
goals met inside of themselves, deep ones and conditions that would take a search count as one byte.
"""

from __future__ import annotations

from treadle.errors import LimitExceeded
from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.string_keywords import StringCase
from treadle.grammar.emptiness import shortest_length
from treadle.grammar.expression import NOTHING, Expr

#: Goals inside of each other.
_DEEPEST = 24


class LeastBytes:
    """The bounds of one compilation; kept on the goals."""

    def __init__(self) -> None:
        self._depth = 0

    def of_goal(self, goal: Formula) -> int:
        known: int | None = goal.answers.get("bytes")
        if known is not None:
            return known
        if goal.certain & values.NUMBER or self._depth >= _DEEPEST:
            return 1
        # While the goal is in question it counts as one byte, which no text undercuts.
        goal.answers["bytes"] = 1
        self._depth += 1
        try:
            found = goal.answers["bytes"] = self._least(goal)
        finally:
            self._depth -= 1
        return found

    def _least(self, goal: Formula) -> int:
        cases = goal.cases()
        bounds = [4] if cases.null or cases.true else []
        if cases.false:
            bounds.append(5)
        if cases.number is not NOTHING:
            bounds.append(max(_shortest(cases.number), 1))
        bounds.extend(2 + _least_string(case) for case in cases.strings)
        bounds.extend(1 + state.min_bytes() for state in cases.arrays)
        bounds.extend(1 + state.min_bytes() for state in cases.objects)
        return min(bounds, default=1)


def _least_string(case: StringCase) -> int:
    return max(case.min_length, _shortest(case.language))


def _shortest(language: Expr) -> int:
    try:
        return shortest_length(language)
    except LimitExceeded:
        return language.min_length
