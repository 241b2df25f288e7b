"""Goals that only a few values satisfy: which values?

In: a goal. Out: all its values, or None where there are many or finding out is not simple. Used by `uniqueItems`.
Containers are written out by walking their states. Whatever a state offers leads to some value, so a goal with too
many values is mostly noticed at the first member or item that has too many.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from treadle.errors import LimitExceeded
from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.in_place import expand
from treadle.frontends.json_schema.literals import Literals
from treadle.frontends.json_schema.numeric_conditions import NumberCondition, exact
from treadle.frontends.json_schema.simulate import accepts
from treadle.frontends.json_schema.string_keywords import string_cases
from treadle.frontends.json_schema.values import value_key
from treadle.grammar.emptiness import live_transitions, longest_length
from treadle.grammar.expression import ANY_CHAR, Expr, intersect, repeat

if TYPE_CHECKING:
    from treadle.frontends.json_schema.array_state import ArrayState
    from treadle.frontends.json_schema.object_state import ObjectState

#: Containers inside of each other that are written out.
_DEEPEST = 4
#: Ways of writing containers that are tried for each value that is allowed.
_WAYS = 8
#: Characters of the longest string that is written out.
_LONGEST = 256


class _Many(Exception):
    """There are more values than asked for, or perhaps."""


def finite_values(goal: Formula, limit: int) -> list[Any] | None:
    """All values of the goal; None where there are more than `limit`, or perhaps."""
    known = goal.answers.get("finite", (0, 0, ()))
    asked, limited, found = known
    if not asked or (found is None and limited < limit):
        # A goal that is met again inside of itself counts as one with many values.
        goal.answers["finite"] = True, limit, None
        found = _found(goal, limit)
        goal.answers["finite"] = True, limit, found
    return found if found is None or len(found) <= limit else None


def _found(goal: Formula, limit: int) -> list[Any] | None:
    for conjunct in goal.conjuncts:
        if conjunct.is_atom and isinstance(conjunct.atom, Literals):
            listed = conjunct.atom.by_key.values()
            return [value for value in listed if conjunct is goal or accepts(goal, value)]
    try:
        return list(_values(goal, limit, 0))
    except (_Many, LimitExceeded):
        return None


def _values(goal: Formula, limit: int, depth: int) -> list[Any]:
    """All values, each once."""
    if goal.certain & (values.NUMBER | values.STRING | values.ARRAY | values.OBJECT):
        raise _Many
    found: dict[Any, Any] = {}
    for value in _by_kind(goal, limit, depth):
        found[value_key(value)] = value
        if len(found) > limit:
            raise _Many
    return list(found.values())


def _by_kind(goal: Formula, limit: int, depth: int) -> Iterator[Any]:
    """Scalars first: where they are too many, nothing is unfolded."""
    for kind, value in ((values.NULL, None), (values.TRUE, True), (values.FALSE, False)):
        if goal.possible & kind and expand(goal, kind).is_true:
            yield value
    if goal.possible & values.NUMBER:
        yield from _numbers(expand(goal, values.NUMBER), limit)
    if goal.possible & values.STRING:
        yield from _strings(expand(goal, values.STRING), limit)
    if goal.possible & (values.ARRAY | values.OBJECT):
        if depth == _DEEPEST:
            raise _Many
        cases = goal.cases()
        ways = _counted(limit)
        for array in cases.arrays:
            yield from _arrays(array, limit, depth, ways)
        for state in cases.objects:
            yield from _objects(state, limit, depth, ways)


def _counted(limit: int) -> Iterator[None]:
    """So many ways, and no more."""
    yield from (None for _ in range(_WAYS * limit))
    raise _Many


def _numbers(formula: Formula, limit: int) -> list[Any]:
    """Listed numbers, or the multiples in a short interval."""
    if formula.is_or:
        return [value for member in formula.members for value in _numbers(member, limit)]
    if formula.is_false:
        return []
    positive = [member.atom for member in formula.conjuncts if member.is_atom]
    excluded = [member.atom for member in formula.conjuncts if member.is_not]
    # What drafts 3 and 4 call no integer is a matter of its spelling.
    if len(positive) + len(excluded) < len(formula.conjuncts) or any(atom.bare for atom in excluded):
        raise _Many
    if len(positive) != 1:
        raise _Many
    condition: NumberCondition = positive[0]
    return [
        value
        for value in _candidates(condition, limit)
        if condition.accepts(value) and not any(atom.accepts(value) for atom in excluded)
    ]


def _candidates(condition: NumberCondition, limit: int) -> list[Any]:
    if condition.listed is not None:
        return list(condition.listed)
    if condition.low is None or condition.high is None or not (condition.integral or condition.steps):
        raise _Many
    step = max([exact(step) for step in condition.steps], default=Decimal(1))
    if condition.integral and step < 1:
        step = Decimal(1)
    low, high = exact(condition.low[0]) / step, exact(condition.high[0]) / step
    if high - low > 4 * limit:
        raise _Many
    multiples = [step * k for k in range(int(low) - 1, int(high) + 2)]
    return [int(value) if value == value.to_integral_value() else float(value) for value in multiples]


def _strings(formula: Formula, limit: int) -> Iterator[str]:
    for case in string_cases(formula, lambda message: None):
        language = intersect(case.language, repeat(ANY_CHAR, case.min_length, case.max_length))
        if longest_length(language) is None:
            raise _Many
        yield from (text for text in islice(_texts(language), limit + 1) if case.accepts(text))


def _texts(language: Expr) -> Iterator[str]:
    """All texts of a language without an end to its lengths."""
    work = [("", language)]
    while work:
        read, rest = work.pop()
        if rest.nullable:
            yield read
        if len(read) == _LONGEST:
            raise _Many
        for charset, target in live_transitions(rest):
            # N.B. more than anybody asks for are as good as all.
            work.extend((read + chr(codepoint), target) for codepoint in islice(charset.codepoints(), 2_000))


def _arrays(state: ArrayState, limit: int, depth: int, ways: Iterator[None]) -> Iterator[list[Any]]:
    next(ways)
    if state.can_close:
        yield []
    for goal, after in state.next():
        for item in _values(goal, limit, depth + 1):
            known = after.remember(item) if after.needs_item_value else after
            yield from ([item, *rest] for rest in _arrays(known, limit, depth, ways))


def _objects(state: ObjectState, limit: int, depth: int, ways: Iterator[None]) -> Iterator[dict[str, Any]]:
    next(ways)
    if state.others:
        raise _Many
    if state.can_close:
        yield {}
    for name in state.names:
        for goal, after in state.member(name):
            for value in _values(goal, limit, depth + 1):
                yield from ({name: value, **rest} for rest in _objects(after, limit, depth, ways))
