"""Whether a parsed value satisfies a goal, by walking the states that decoding would walk.

In: a goal and a value as `json.loads` gives it. Out: a verdict. This is the algebra's meaning spelled out: members in
the order of the value, every branch that admits it. The automata read texts by the same states, so a value that this
accepts is one that can be generated. Slow and obvious; used to filter listed values and as a judge in tests.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.formula import Formula
from treadle.grammar.derivative import matches

if TYPE_CHECKING:
    from treadle.frontends.json_schema.array_state import ArrayState
    from treadle.frontends.json_schema.object_state import Branches, ObjectState


def accepts(goal: Formula, value: Any) -> bool:
    """Whether the value satisfies the goal; members in the order that the goal's compilation was given."""
    kind = values.kind_of(value)
    if goal.certain & kind:
        # N.B. certain kinds are accepted whatever they contain.
        return True
    if not goal.possible & kind:
        return False
    cases = goal.cases()
    if kind == values.STRING:
        return any(case.accepts(value) for case in cases.strings)
    if kind == values.NUMBER:
        return matches(cases.number, number_text(value))
    if kind == values.ARRAY:
        return _accepts_array(cases.arrays, value)
    if kind == values.OBJECT:
        return _accepts_object(cases.objects, value)
    return cases.null if value is None else cases.true if value else cases.false


def number_text(value: int | float | Decimal) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _accepts_array(states: tuple[ArrayState, ...], items: list[Any]) -> bool:
    current = dict.fromkeys(states)
    for item in items:
        after: dict[ArrayState, None] = {}
        for state in current:
            for goal, rest in state.next():
                if rest not in after and accepts(goal, item):
                    after[rest.remember(item) if rest.needs_item_value else rest] = None
        current = after
    return any(state.can_close for state in current)


def _accepts_object(states: tuple[ObjectState, ...], members: dict[str, Any]) -> bool:
    current = dict.fromkeys(states)
    for name, value in members.items():
        after: dict[ObjectState, None] = {}
        for state in current:
            for goal, rest in _branches(state, name):
                if rest not in after and accepts(goal, value):
                    after[rest] = None
        current = after
    return any(state.can_close for state in current)


def _branches(state: ObjectState, name: str) -> Branches:
    if name in state.names:
        return state.member(name)
    if name in state.forbidden:
        return ()
    for name_class in state.others:
        if matches(name_class.language, name):
            return state.other(name_class, name)
    return ()
