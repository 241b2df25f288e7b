"""Random values by what the states of goals offer: a walk through the algebra, without texts.

In: a goal and a `random.Random`. Out: a value that the goal should accept. A state that offers nothing and cannot close
is a dead end, which is an AssertionError. Strings and numbers are the shortest of their languages.
"""

from __future__ import annotations

import json
import random
from functools import partial
from typing import Any

from treadle.frontends.json_schema import ArrayState, Formula, ObjectState
from treadle.grammar.emptiness import shortest
from treadle.grammar.expression import ANY_CHAR, NOTHING, complement, intersect, repeat, words


class Walker:
    """Writes a random value by what the states offer; runs into an assertion at a dead end."""

    def __init__(self, rng: random.Random) -> None:
        self.random = rng

    def value(self, goal: Formula, depth: int) -> Any:
        cases = goal.cases()
        options: list[Any] = [partial(_same, fixed) for fixed, allowed in _fixed(cases) if allowed]
        if cases.number is not NOTHING:
            options.append(partial(self.number, cases.number))
        options.extend(partial(self.text, case) for case in cases.strings)
        if depth > 0 or not options:
            options.extend(partial(self.array, state, depth) for state in cases.arrays)
            options.extend(partial(self.object, state, depth) for state in cases.objects)
        assert options, f"a dead end: {goal.describe()}"
        return self.random.choice(options)()

    def branch(self, branches: Any) -> Any:
        """Listed values come from sets: in their own order, so that a seed alone says what is drawn."""
        return self.random.choice(sorted(branches, key=lambda one: (one[0].describe(), one[1].describe())))

    def number(self, language: Any) -> Any:
        return json.loads(_shortest(language))

    def text(self, case: Any) -> str:
        return _shortest(intersect(case.language, repeat(ANY_CHAR, case.min_length, case.max_length)))

    def stops(self, state: ArrayState | ObjectState, depth: int) -> bool:
        return state.can_close and (depth <= 0 or self.random.random() < 0.4)

    def array(self, state: ArrayState, depth: int) -> list[Any]:
        items: list[Any] = []
        while not self.stops(state, depth) and len(items) < 8:
            branches = state.next()
            if not branches and state.can_close:
                break
            assert branches, f"a dead end: {state.describe()}"
            goal, state = self.branch(branches)
            items.append(self.value(goal, depth - 1))
            if state.needs_item_value:
                state = state.remember(items[-1])
        return items if state.can_close else self.array_to_the_end(items, state)

    def array_to_the_end(self, items: list[Any], state: ArrayState) -> list[Any]:
        """Few arrays need more than eight items."""
        while not state.can_close:
            assert len(items) < 60, f"an array that does not end: {state.describe()}"
            goal, state = self.branch(state.next())
            items.append(self.value(goal, 0))
            if state.needs_item_value:
                state = state.remember(items[-1])
        return items

    def object(self, state: ObjectState, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while not self.stops(state, depth):
            options: list[Any] = [*sorted(state.names), *state.others]
            if not options and state.can_close:
                break
            assert options, f"a dead end: {state.describe()}"
            chosen = self.random.choice(options)
            if isinstance(chosen, str):
                name, branches = chosen, state.member(chosen)
            else:
                gone = (
                    complement(words([*state.names, *state.forbidden]))
                    if state.names or state.forbidden
                    else chosen.language
                )
                name = _shortest(intersect(chosen.language, gone))
                branches = state.other(chosen, name)
            assert branches, f"a dead end: {name!r} in {state.describe()}"
            assert name not in members
            goal, state = self.branch(branches)
            members[name] = self.value(goal, depth - 1)
        return members


def _same(value: Any) -> Any:
    return value


def _fixed(cases: Any) -> list[tuple[Any, bool]]:
    return [(None, cases.null), (True, cases.true), (False, cases.false)]


def _shortest(language: Any) -> str:
    found = shortest(language)
    assert found is not None, "an empty language was offered"
    return found
