"""Boolean combinations of number conditions as unions of regions, with emptiness by arithmetic.

A region is an interval of multiples of one step, without the multiples of some steps and without some values; regions
are closed under conjunction with a condition or with its negation. Whether one is empty is a question about residues:
an unbounded region never is unless a forbidden step divides its own (take the multiples that are 1 modulo all
forbidden ones); a bounded one is looked through. So combinations whose automata are large products are decided, and
pruned, before any automaton is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, gcd, lcm

from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.numbers import meet, multiple_of, negate
from treadle.frontends.json_schema.numeric_conditions import Number, NumberCondition, exact, met
from treadle.frontends.json_schema.splitting import alternatives
from treadle.grammar.expression import Expr, alternate

#: Regions that one formula may come apart into.
_REGIONS = 128
#: Multiples that are looked through in a bounded region.
_LOOKED_AT = 5_000


@dataclass(frozen=True, slots=True)
class Region:
    """Numbers of the condition that are no multiples of the steps in `not_steps` and are not among `not_values`."""

    condition: NumberCondition
    not_steps: frozenset[Number] = frozenset()
    not_values: frozenset[Number] = frozenset()

    def language(self) -> Expr:
        between = alternate(*(condition.language() for condition in self._between_values()))
        return meet(between, *(negate(multiple_of(step)) for step in self.not_steps))

    def _between_values(self) -> list[NumberCondition]:
        """The condition cut at the excluded values; cheaper than a complement, and cuts between neighbours vanish."""
        if self.condition.listed is not None:
            return [self.condition]
        ordered: list[Number | None] = [None, *sorted(self.not_values), None]
        pieces = (
            self.within(
                NumberCondition(
                    low=None if low is None else (low, False), high=None if high is None else (high, False)
                )
            )
            for low, high in zip(ordered, ordered[1:], strict=False)
        )
        return [piece.condition for piece in pieces if not piece.is_empty()]

    def is_empty(self) -> bool:
        condition = self.condition
        if condition.listed is not None:
            return not any(self._keeps(Fraction(exact(value))) for value in condition.listed)
        low = None if condition.low is None else Fraction(exact(condition.low[0]))
        high = None if condition.high is None else Fraction(exact(condition.high[0]))
        steps = [Fraction(exact(step)) for step in condition.steps]
        if condition.integral:
            steps.append(Fraction(1))
        if not steps:
            return self._interval_is_empty(low, high)
        return self._multiples_are_empty(_common(steps), low, high)

    def _keeps(self, value: Fraction) -> bool:
        if any(value == Fraction(exact(excluded)) for excluded in self.not_values):
            return False
        return all((value / Fraction(exact(step))).denominator != 1 for step in self.not_steps)

    def _interval_is_empty(self, low: Fraction | None, high: Fraction | None) -> bool:
        """Between two different numbers there are always more than steps and values can exclude."""
        if low is None or high is None or low < high:
            return False
        if low > high:
            return True
        assert self.condition.low is not None and self.condition.high is not None
        return not (self.condition.low[1] and self.condition.high[1] and self._keeps(low))

    def _multiples_are_empty(self, step: Fraction, low: Fraction | None, high: Fraction | None) -> bool:
        if any((step / Fraction(exact(other))).denominator == 1 for other in self.not_steps):
            return True
        if low is None or high is None:
            return False
        condition = self.condition
        assert condition.low is not None and condition.high is not None
        first, last = ceil(low / step), floor(high / step)
        if first * step == low and not condition.low[1]:
            first += 1
        if last * step == high and not condition.high[1]:
            last -= 1
        if last - first > _LOOKED_AT and not self.not_steps:
            return False
        looked_at = range(first, min(last, first + _LOOKED_AT) + 1)
        return not any(self._keeps(step * factor) for factor in looked_at) and last - first <= _LOOKED_AT

    def within(self, condition: NumberCondition) -> Region:
        return Region(met([self.condition, condition]), self.not_steps, self.not_values)

    def outside(self, condition: NumberCondition) -> list[Region]:
        """The region without the numbers of a condition."""
        if self.condition.listed is not None:
            left = frozenset(value for value in self.condition.listed if not condition.accepts(value))
            own = NumberCondition(listed=left, bare=self.condition.bare)
            return [Region(own, self.not_steps, self.not_values)] if left else []
        if condition.listed is not None:
            return [Region(self.condition, self.not_steps, self.not_values | condition.listed)]
        found = []
        if condition.low is not None:
            found.append(self.within(NumberCondition(high=(condition.low[0], not condition.low[1]))))
        if condition.high is not None:
            found.append(self.within(NumberCondition(low=(condition.high[0], not condition.high[1]))))
        steps: Iterable[Number] = (*condition.steps, 1) if condition.integral else condition.steps
        found.extend(Region(self.condition, self.not_steps | {step}, self.not_values) for step in steps)
        return found


def _common(steps: list[Fraction]) -> Fraction:
    """The least common multiple."""
    numerator, denominator = 1, 0
    for step in steps:
        numerator, denominator = lcm(numerator, step.numerator), gcd(denominator, step.denominator)
    return Fraction(numerator, denominator)


def regions_of(formula: Formula) -> list[Region] | None:
    """The formula as a union of regions that are not empty; None where that does not work out."""
    found: dict[Region, None] = {}
    for option in alternatives(formula, _REGIONS):
        regions = _regions_of_conjunction(option)
        if regions is None or len(found) + len(regions) > _REGIONS:
            return None
        found.update(dict.fromkeys(region for region in regions if not region.is_empty()))
    return list(found)


def _regions_of_conjunction(formula: Formula) -> list[Region] | None:
    if any(member.is_or for member in formula.conjuncts):
        return None
    positive = [member.atom for member in formula.conjuncts if member.is_atom]
    regions = [Region(positive[0] if positive else NumberCondition())]
    for member in formula.conjuncts:
        if member.is_not:
            if member.atom.bare and not regions[0].condition.bare:
                # Not a matter of values: 1.0 is no integer to draft 4.
                return None
            regions = [part for region in regions for part in region.outside(member.atom)]
            if len(regions) > _REGIONS:
                return None
    return regions
