"""Number conditions: `minimum`, `maximum`, `multipleOf`, "integer", `enum` and `const` -> a language of number texts.

A condition is one interval with steps, or a list of values; conjunctions of conditions are one condition again, and
listed values are filtered with arithmetic. Only negations and disjunctions become operations on languages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from treadle.errors import LimitExceeded
from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.drafts import DRAFT3, DRAFT4, Group
from treadle.frontends.json_schema.formula import CONTAINER, Algebra, Formula
from treadle.frontends.json_schema.numbers import JSON_NUMBER, equal_to, interval, meet, negate
from treadle.frontends.json_schema.schema import Schema
from treadle.grammar.emptiness import is_empty
from treadle.grammar.expression import NOTHING, Expr, alternate, complement, intersect, words

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
        if self.listed is not None and value not in self.listed:
            return False
        if self.low is not None and not (value > self.low[0] or (self.low[1] and value == self.low[0])):
            return False
        if self.high is not None and not (value < self.high[0] or (self.high[1] and value == self.high[0])):
            return False
        if self.integral and not values.is_integral(value):
            return False
        if self.bare and not isinstance(value, int):
            return False
        return all(exact(value) % exact(step) == 0 for step in self.steps)

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
            atoms = [member.atom for member in negative]
            kept = frozenset(
                value
                for value in min((atom.listed for atom in lists), key=len)
                if all(atom.accepts(value) for atom in positive) and not any(atom.accepts(value) for atom in atoms)
            )
            bare = any(atom.bare for atom in positive)
            return [algebra.atom(NumberCondition(listed=kept, bare=bare))] if kept else [algebra.FALSE]
        if len(positive) < 2:
            return None
        return [algebra.atom(_met(positive)), *negative]


def exact(value: Number) -> Decimal:
    """The decimal that the number's shortest text names."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _met(conditions: list[NumberCondition]) -> NumberCondition:
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


def number_conditions(schema: Schema) -> Formula:
    """The schema's own number keywords, "integer" included."""
    algebra = schema.compilation.algebra
    if not schema.groups & Group.NUMBER:
        if not schema.only_integers:
            return algebra.TRUE
        return algebra.atom(NumberCondition(integral=True, bare=_bare(schema)))
    low = _bound(schema, "minimum", "exclusiveMinimum", lower=True)
    high = _bound(schema, "maximum", "exclusiveMaximum", lower=False)
    steps = [step for step in (schema.get("multipleOf"), schema.get("divisibleBy")) if step is not None]
    if low is None and high is None and not steps and not schema.only_integers:
        return algebra.TRUE
    condition = NumberCondition(
        low, high, schema.only_integers, frozenset(steps), schema.only_integers and _bare(schema)
    )
    return algebra.atom(condition)


def _bare(schema: Schema) -> bool:
    return schema.draft is DRAFT4 or schema.draft is DRAFT3


def _bound(schema: Schema, inclusive: str, exclusive: str, *, lower: bool) -> Bound | None:
    bound, edge = schema.get(inclusive), schema.get(exclusive)
    if isinstance(edge, bool):
        return None if bound is None else (bound, not edge)
    if edge is None:
        return None if bound is None else (bound, True)
    if bound is None:
        return edge, False
    if bound == edge:
        return edge, False
    return (bound, True) if (bound > edge) == lower else (edge, False)


def listed_numbers(algebra: Algebra, numbers: Iterable[Number]) -> Formula:
    listed = frozenset(numbers)
    return algebra.atom(NumberCondition(listed=listed)) if listed else algebra.FALSE


def number_language(formula: Formula, note: Any) -> Expr:
    """A formula over number conditions as one language; NOTHING where no number satisfies it."""
    language = _language_of(formula)
    if formula.is_atom or language is JSON_NUMBER or language is NOTHING:
        return language
    try:
        return NOTHING if is_empty(language) else language
    except LimitExceeded:
        note("whether some number satisfies it was not decided within the limit")
        return language


def _language_of(formula: Formula) -> Expr:
    if formula.is_true:
        return JSON_NUMBER
    if formula.is_false:
        return NOTHING
    if formula.is_atom:
        return _language(formula.atom)
    if formula.is_not:
        return _negated(formula.atom)
    parts = [_language_of(member) for member in formula.members]
    return meet(*parts) if formula.is_and else alternate(*parts)


def _negated(condition: NumberCondition) -> Expr:
    language = _language(condition)
    if condition.bare and condition.listed is None and condition == NumberCondition(integral=True, bare=True):
        # "not an integer" of draft 4: any text that is not digits only, 1.0 among them.
        return intersect(JSON_NUMBER, complement(language))
    return negate(language)
