"""Random schemas over all keywords: verdicts against jsonschema, and walks through the states that must all end well.

A schema is drawn from a seed, so a failure names the seed that shows it again. The judge of `pattern` is `re`, whose
`.` and `$` differ from ECMA-262 at line ends, so names and strings here have none.
"""

from __future__ import annotations

import json
import random
from functools import partial
from typing import Any

import pytest
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for

from treadle.errors import ConstraintError, InvalidConstraint, UnsatisfiableConstraint
from treadle.frontends.json_schema import ArrayState, Formula, ObjectState, compile_schema
from treadle.frontends.json_schema.simulate import accepts
from treadle.grammar.emptiness import shortest
from treadle.grammar.expression import ANY_CHAR, NOTHING, complement, intersect, repeat, words

NAMES = ["a", "b", "c", "dd", "x1"]
TYPES = ["string", "integer", "number", "boolean", "null", "array", "object"]
PATTERNS = ["^a", "b$", "a", "^[ab]+$", "^[a-z]{2}$", "^x", "1", "^(a|dd)$", "[^a]"]
VALUES: list[Any] = [
    *(None, True, False, 0, 1, 1.0, 2, 3, -1, 0.5, 10, "", "a", "b", "ab", "abc", "x1"),
    *(
        [],
        [1],
        [1, 2],
        ["a"],
        [True],
        [[]],
        {},
        {"a": 1},
        {"a": "a"},
        {"b": 2},
        {"a": 1, "b": 2},
        {"c": None},
    ),
]
URIS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}


class Drawer:
    """Draws schemas of one draft, and values."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.draft = self.random.choice([4, 6, 7, 2019, 2020, 2020])
        self.targets: list[str] = []

    def document(self) -> dict[str, Any]:
        # Only earlier definitions are referred to: a schema applied to a value because it is applied to it means
        # nothing, and crashes the judge. Recursion goes through members and items.
        definitions = {}
        for name, depth in (("d0", 1), ("d1", 2)):
            definitions[name] = self.schema(depth)
            self.targets.append(f"#/definitions/{name}")
        top = self.schema(3)
        return {
            "$schema": URIS[self.draft],
            **(top if isinstance(top, dict) else {}),
            "definitions": definitions,
        }

    def value(self, depth: int = 2) -> Any:
        chance = self.random
        if depth <= 0 or chance.random() < 0.45:
            return chance.choice(VALUES)
        if chance.random() < 0.5:
            return [self.value(depth - 1) for _ in range(chance.randint(0, 3))]
        return {
            name: self.value(depth - 1)
            for name in chance.sample([*NAMES, "zz", "", "ab"], chance.randint(0, 4))
        }

    def schema(self, depth: int) -> Any:
        if depth <= 0 or self.random.random() < 0.08:
            return self.leaf()
        found: dict[str, Any] = {}
        families = [
            *(
                self.types,
                self.listed,
                self.number,
                self.string,
                self.array,
                self.members,
                self.counts,
                self.all_of,
            ),
            *(
                self.any_of,
                self.one_of,
                self.negation,
                self.condition,
                self.dependency,
                self.reference,
                self.recursion,
            ),
            *(self.contains, self.unique, self.names, self.unevaluated),
        ]
        for family in self.random.sample(families, self.random.choice([1, 1, 2, 2, 3, 4])):
            found.update(family(depth - 1))
        return found

    def leaf(self) -> Any:
        chance = self.random.random()
        if chance < 0.15 and self.draft > 4:
            return self.random.choice([True, True, False])
        if chance < 0.4:
            return {"type": self.random.choice(TYPES)}
        return self.listed(0) if chance < 0.65 else {}

    def some(self, **choices: list[Any]) -> dict[str, Any]:
        names = self.random.sample(sorted(choices), self.random.randint(1, 2))
        return {name: self.random.choice(choices[name]) for name in names}

    def subschemas(self, depth: int) -> list[Any]:
        return [self.schema(depth) for _ in range(self.random.randint(1, 3))]

    def types(self, depth: int) -> dict[str, Any]:
        return {
            "type": self.random.choice(
                [*TYPES, ["object", "null"], ["array", "string", "integer"], ["object", "array"]]
            )
        }

    def listed(self, depth: int) -> dict[str, Any]:
        if self.draft > 4 and self.random.random() < 0.3:
            return {"const": self.random.choice(VALUES)}
        return {"enum": self.random.sample(VALUES, self.random.randint(1, 6))}

    def number(self, depth: int) -> dict[str, Any]:
        bounds = [-1, 0, 1, 2, 2.5, 10]
        if self.draft == 4:
            return {"minimum": self.random.choice(bounds), "exclusiveMinimum": self.random.random() < 0.5}
        return self.some(
            minimum=bounds,
            maximum=bounds,
            exclusiveMinimum=bounds,
            exclusiveMaximum=bounds,
            multipleOf=[1, 2, 0.5, 3],
        )

    def string(self, depth: int) -> dict[str, Any]:
        return self.some(minLength=[0, 1, 2, 3], maxLength=[0, 1, 2, 3], pattern=PATTERNS)

    def array(self, depth: int) -> dict[str, Any]:
        prefix, rest = ("prefixItems", "items") if self.draft == 2020 else ("items", "additionalItems")
        if self.random.random() < 0.4:
            found = {"items": self.schema(depth)}
        else:
            found = {prefix: self.subschemas(depth)[:2]}
            if self.random.random() < 0.6:
                found[rest] = self.schema(depth)
        if self.random.random() < 0.4:
            found.update(self.some(minItems=[0, 1, 2], maxItems=[0, 1, 2, 3]))
        return found

    def members(self, depth: int) -> dict[str, Any]:
        chance = self.random
        found: dict[str, Any] = {}
        if chance.random() < 0.8:
            found["properties"] = {
                name: self.schema(depth) for name in chance.sample(NAMES, chance.randint(1, 3))
            }
        if chance.random() < 0.35:
            found["patternProperties"] = {
                name: self.schema(depth) for name in chance.sample(PATTERNS, chance.randint(1, 2))
            }
        if chance.random() < 0.4:
            found["additionalProperties"] = self.schema(depth)
        if chance.random() < 0.4:
            found["required"] = chance.sample(NAMES, chance.randint(1, 2))
        return found

    def counts(self, depth: int) -> dict[str, Any]:
        return self.some(minProperties=[0, 1, 2], maxProperties=[0, 1, 2, 3])

    def all_of(self, depth: int) -> dict[str, Any]:
        return {"allOf": self.subschemas(depth)}

    def any_of(self, depth: int) -> dict[str, Any]:
        return {"anyOf": self.subschemas(depth)}

    def one_of(self, depth: int) -> dict[str, Any]:
        return {"oneOf": self.subschemas(depth)}

    def negation(self, depth: int) -> dict[str, Any]:
        return {"not": self.schema(depth)}

    def condition(self, depth: int) -> dict[str, Any]:
        if self.draft < 7:
            return {}
        found = {"if": self.schema(depth)}
        for name in ("then", "else"):
            if self.random.random() < 0.7:
                found[name] = self.schema(depth)
        return found

    def dependency(self, depth: int) -> dict[str, Any]:
        name, names = self.random.choice(NAMES), self.random.sample(NAMES, 1)
        by_schema = self.random.random() < 0.5
        if self.draft < 2019:
            return {"dependencies": {name: self.schema(depth) if by_schema else names}}
        return (
            {"dependentSchemas": {name: self.schema(depth)}}
            if by_schema
            else {"dependentRequired": {name: names}}
        )

    def reference(self, depth: int) -> dict[str, Any]:
        return {"$ref": self.random.choice(self.targets)} if self.targets else {}

    def recursion(self, depth: int) -> dict[str, Any]:
        return self.random.choice([{"items": {"$ref": "#"}}, {"additionalProperties": {"$ref": "#"}}])

    def contains(self, depth: int) -> dict[str, Any]:
        if self.draft < 6:
            return {}
        counts = self.some(minContains=[0, 1, 2], maxContains=[0, 1, 2]) if self.draft > 7 else {}
        return {"contains": self.schema(depth), **counts}

    def unique(self, depth: int) -> dict[str, Any]:
        return {"uniqueItems": True}

    def names(self, depth: int) -> dict[str, Any]:
        return {"propertyNames": self.schema(depth)} if self.draft > 4 else {}

    def unevaluated(self, depth: int) -> dict[str, Any]:
        # The judge's annotations of 2019-09 are not those of the specification.
        if self.draft < 2020:
            return {}
        name = self.random.choice(["unevaluatedProperties", "unevaluatedItems"])
        return {name: self.random.choice([False, self.schema(depth)])}


def judged(schema: dict[str, Any]) -> Any:
    """The judge of a schema; None where the judge calls it malformed."""
    validator = validator_for(schema)
    try:
        validator.check_schema(schema)
    except SchemaError:
        return None
    return validator(schema)


def compare(seed: int) -> None:
    drawer = Drawer(seed)
    schema = drawer.document()
    judge = judged(schema)
    if judge is None:
        return
    try:
        goal, _ = compile_schema(schema, property_order="any")
    except InvalidConstraint:
        pytest.fail(f"seed {seed}: refused {json.dumps(schema)}")
    except UnsatisfiableConstraint:
        goal = None
    for value in (drawer.value() for _ in range(20)):
        try:
            expected = judge.is_valid(value)
        except RecursionError:
            return
        found = goal is not None and accepts(goal, value)
        assert found == expected, f"seed {seed}: {json.dumps(value)} against {json.dumps(schema)}"


@pytest.mark.parametrize("block", range(4))
def test_verdicts_are_those_of_jsonschema(block: int) -> None:
    for seed in range(block * 60, (block + 1) * 60):
        compare(seed)


@pytest.mark.fuzz
@pytest.mark.parametrize("block", range(20))
def test_many_verdicts_are_those_of_jsonschema(block: int) -> None:
    for seed in range(1_000 + block * 500, 1_500 + block * 500):
        compare(seed)


class Walker:
    """Writes a random value by what the states offer; runs into an assertion at a dead end."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

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
            goal, state = self.random.choice(branches)
            items.append(self.value(goal, depth - 1))
            if state.needs_item_value:
                state = state.remember(items[-1])
        return items if state.can_close else self.array_to_the_end(items, state)

    def array_to_the_end(self, items: list[Any], state: ArrayState) -> list[Any]:
        """Few arrays need more than eight items."""
        while not state.can_close:
            assert len(items) < 60, f"an array that does not end: {state.describe()}"
            goal, state = self.random.choice(state.next())
            items.append(self.value(goal, 0))
            if state.needs_item_value:
                state = state.remember(items[-1])
        return items

    def object(self, state: ObjectState, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while not self.stops(state, depth):
            options: list[Any] = [*state.names, *state.others]
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
            goal, state = self.random.choice(branches)
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


def walk(seed: int, order: Any) -> None:
    schema = Drawer(seed).document()
    judge = judged(schema)
    if judge is None:
        return
    try:
        goal, report = compile_schema(schema, property_order=order)
    except ConstraintError:
        return
    for attempt in range(6):
        try:
            value = Walker(seed * 100 + attempt).value(goal, 3)
            if len(json.dumps(value)) > 200:
                continue  # the judge takes exponential time on recursive schemas
            valid = judge.is_valid(value)
        except RecursionError:
            return
        except AssertionError as error:
            if report.inexact:
                return
            pytest.fail(f"seed {seed}: {error} in {json.dumps(schema)}")
        assert valid, f"seed {seed}: {json.dumps(value)} against {json.dumps(schema)}"


@pytest.mark.parametrize("order", ["declared", "any"])
def test_walks_end_in_valid_values(order: str) -> None:
    for seed in range(120):
        walk(seed, order)


@pytest.mark.fuzz
@pytest.mark.parametrize("block", range(10))
@pytest.mark.parametrize("order", ["declared", "any"])
def test_many_walks_end_in_valid_values(order: str, block: int) -> None:
    for seed in range(10_000 + block * 200, 10_200 + block * 200):
        walk(seed, order)
