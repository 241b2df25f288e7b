"""Number conditions: `minimum`, `maximum`, `multipleOf`, "integer", `enum` and `const` -> a language of number texts.

The schema's keywords become one `NumberCondition`; a formula over conditions becomes one language, region by region
where arithmetic can decide, else by operations on languages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from treadle.errors import LimitExceeded
from treadle.frontends.json_schema.drafts import DRAFT3, DRAFT4, Group
from treadle.frontends.json_schema.formula import Algebra, Formula
from treadle.frontends.json_schema.numbers import JSON_NUMBER, meet, negate
from treadle.frontends.json_schema.numeric_conditions import BARE, Bound, Number, NumberCondition
from treadle.frontends.json_schema.numeric_regions import regions_of
from treadle.frontends.json_schema.schema import Schema
from treadle.grammar.emptiness import is_empty
from treadle.grammar.expression import NOTHING, Expr, alternate, complement, intersect


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
    if formula.is_true:
        return JSON_NUMBER
    if formula.is_false:
        return NOTHING
    if formula.is_atom:
        return _of_condition(formula.atom)
    regions = regions_of(formula)
    if regions is not None:
        return alternate(*(region.language() for region in regions))
    language = _language_of(formula)
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
        return _of_condition(formula.atom)
    if formula.is_not:
        return _negated(formula.atom)
    if formula.is_and:
        return _joint(formula)
    return alternate(*(_language_of(member) for member in formula.members))


def _joint(formula: Formula) -> Expr:
    """A conjunction. "Not an integer" of draft 4 comes last: what other conditions leave needs no shape of numbers.

    PERF: and the product of that shape with a condition on multiples has states without end.
    """
    others = [member for member in formula.members if not _is_not_bare(member)]
    if len(others) in (0, len(formula.members)):
        return meet(*(_language_of(member) for member in formula.members))
    joint = meet(*(_language_of(member) for member in others))
    return intersect(joint, complement(BARE.language()))


def _is_not_bare(formula: Formula) -> bool:
    return formula.is_not and bool(formula.atom == BARE)


def _of_condition(condition: NumberCondition) -> Expr:
    return condition.language()


def _negated(condition: NumberCondition) -> Expr:
    language = condition.language()
    if condition == BARE:
        # "not an integer" of draft 4: any text that is not digits only, 1.0 among them.
        return intersect(JSON_NUMBER, complement(language))
    return negate(language)
