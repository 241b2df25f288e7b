"""Goals that only a few values satisfy: which values?

In: a goal. Out: all its values, or None where there are many or finding out is not simple. Used by `uniqueItems`.
"""

from __future__ import annotations

from typing import Any

from treadle.errors import LimitExceeded
from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.in_place import expand
from treadle.frontends.json_schema.literals import Literals
from treadle.frontends.json_schema.numeric_conditions import NumberCondition
from treadle.frontends.json_schema.simulate import accepts
from treadle.frontends.json_schema.string_keywords import string_cases
from treadle.grammar.expression import as_words


def finite_values(goal: Formula, limit: int) -> list[Any] | None:
    """All values of the goal; None where there are more than `limit`, or perhaps."""
    if goal.is_atom and isinstance(goal.atom, Literals):
        return _at_most(list(goal.atom.by_key.values()), limit)
    for conjunct in goal.conjuncts:
        if conjunct.is_atom and isinstance(conjunct.atom, Literals):
            return _at_most([value for value in conjunct.atom.by_key.values() if accepts(goal, value)], limit)
    if goal.certain & (values.NUMBER | values.STRING | values.ARRAY | values.OBJECT):
        return None
    if goal.possible & (values.ARRAY | values.OBJECT):
        return None
    return _scalars(goal, limit)


def _at_most(found: list[Any], limit: int) -> list[Any] | None:
    return found if len(found) <= limit else None


def _scalars(goal: Formula, limit: int) -> list[Any] | None:
    found: list[Any] = []
    for kind, value in ((values.NULL, None), (values.TRUE, True), (values.FALSE, False)):
        if goal.possible & kind and expand(goal, kind).is_true:
            found.append(value)
    for kind, some in ((values.NUMBER, _numbers), (values.STRING, _strings)):
        if goal.possible & kind:
            more = some(expand(goal, kind), limit)
            if more is None:
                return None
            found.extend(more)
    return _at_most(found, limit)


def _numbers(formula: Formula, limit: int) -> list[Any] | None:
    """Listed numbers, or the integers of a short interval."""
    positive = [member.atom for member in formula.conjuncts if member.is_atom]
    if formula.is_false:
        return []
    if len(positive) != 1 or any(member.is_or for member in formula.conjuncts):
        return None
    condition: NumberCondition = positive[0]
    candidates: list[Any]
    if condition.listed is not None:
        candidates = list(condition.listed)
    elif not condition.integral or condition.low is None or condition.high is None:
        return None
    else:
        low, high = int(condition.low[0]), int(condition.high[0])
        if high - low > 4 * limit:
            return None
        candidates = list(range(low - 1, high + 2))
    excluded = [member.atom for member in formula.conjuncts if member.is_not]
    return [
        value
        for value in candidates
        if condition.accepts(value) and not any(atom.accepts(value) for atom in excluded)
    ]


def _strings(formula: Formula, limit: int) -> list[Any] | None:
    found: dict[str, None] = {}
    try:
        cases = string_cases(formula, lambda message: None)
        for case in cases:
            listed = as_words(case.language, limit + 1)
            if listed is None:
                return None
            found.update(dict.fromkeys(text for text in listed if case.accepts(text)))
    except LimitExceeded:
        return None
    return list(found)
