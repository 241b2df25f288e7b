"""Conditions on numbers as atoms: an interval with steps, or a list of values.

Conjunctions of conditions are one condition again, and listed values are filtered with arithmetic, so that only
negations and disjunctions are left for `numeric_regions`. Numbers are what their shortest texts name: 0.1 is a tenth.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.formula import CONTAINER, Algebra, Formula
from treadle.frontends.json_schema.numbers import equal_to, interval
from treadle.grammar.expression import Expr, alternate, words

Number = int | float | Decimal

#: A bound and whether the bound itself is inside.
Bound = tuple[Number, bool]


@dataclass(frozen=True, slots=True)
class NumberCondition:
    """The atom: numbers between two bounds that are multiples of all steps; or only the listed ones."""

    low: Bound | None = None
    high: Bound | None = None
    integral: bool = False
    steps: frozenset[Number] = frozenset()
    #: Digits only: what drafts 3 and 4 call an integer.
    bare: bool = False
    listed: frozenset[Number] | None = None

    sort = CONTAINER
    meets = True

    def accepts(self, value: Number) -> bool:
        """Whether the number, in some spelling, meets the condition: 1.0 may be written as the integer 1."""
        if self.listed is not None and value not in self.listed:
            return False
        if self.low is not None and not (value > self.low[0] or (self.low[1] and value == self.low[0])):
            return False
        if self.high is not None and not (value < self.high[0] or (self.high[1] and value == self.high[0])):
            return False
        if self.integral and not values.is_integral(value):
            return False
        return all((Fraction(exact(value)) / Fraction(exact(step))).denominator == 1 for step in self.steps)

    def language(self) -> Expr:
        return _language(self)

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("number conditions are no value atoms")

    def describe(self) -> str:
        return "number condition"

    @staticmethod
    def meet(algebra: Algebra, members: list[Formula]) -> list[Formula] | None:
        """All positive conditions as one, listed numbers filtered by every condition; None where nothing changes."""
        positive = [member.atom for member in members if member.is_atom]
        negative = [member for member in members if member.is_not]
        lists = [atom for atom in positive if atom.listed is not None]
        if lists:
            # Whether a value is an integer of draft 4 is a matter of its spelling, which a list does not know.
            by_spelling = [member for member in negative if member.atom.bare]
            atoms = [member.atom for member in negative if not member.atom.bare]
            kept = frozenset(
                value
                for value in min((atom.listed for atom in lists), key=len)
                if all(atom.accepts(value) for atom in positive)
                and not any(atom.accepts(value) for atom in atoms)
            )
            if not kept:
                return [algebra.FALSE]
            joint = algebra.atom(NumberCondition(listed=kept, bare=any(atom.bare for atom in positive)))
            met_members = [joint, *by_spelling]
            return None if set(met_members) == set(members) else met_members
        if len(positive) < 2:
            return None
        return [algebra.atom(met(positive)), *negative]


def exact(value: Number) -> Decimal:
    """The decimal that the number's shortest text names."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def met(conditions: list[NumberCondition]) -> NumberCondition:
    # Of equal bounds the exclusive one is tighter.
    lows = [condition.low for condition in conditions if condition.low is not None]
    highs = [condition.high for condition in conditions if condition.high is not None]
    return NumberCondition(
        low=max(lows, key=lambda bound: (bound[0], not bound[1])) if lows else None,
        high=min(highs, key=lambda bound: (bound[0], bound[1])) if highs else None,
        integral=any(condition.integral for condition in conditions),
        steps=frozenset().union(*(condition.steps for condition in conditions)),
        bare=any(condition.bare for condition in conditions),
    )


# Kept across compilations: the same few intervals occur in most schemas.
@lru_cache(maxsize=4096)
def _language(condition: NumberCondition) -> Expr:
    if condition.listed is not None:
        if condition.bare:
            return words(str(int(value)) for value in condition.listed)
        return alternate(*(equal_to(value) for value in condition.listed))
    low, high = condition.low or (None, True), condition.high or (None, True)
    return interval(
        low[0],
        low[1],
        high[0],
        high[1],
        integral=condition.integral,
        multiples=condition.steps,
        bare=condition.bare,
    )


#: What drafts 3 and 4 call an integer.
BARE = NumberCondition(integral=True, bare=True)
