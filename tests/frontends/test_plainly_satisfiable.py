"""What a look says is satisfiable is satisfiable: by hand, by the search that does not look, and with mutants."""

from __future__ import annotations

import random
from typing import Any

import pytest

from laws.random_schemas import random_schema
from treadle.errors import ConstraintError
from treadle.frontends.json_schema import plainly_satisfiable, satisfiable
from treadle.frontends.json_schema.compilation import Compilation
from treadle.frontends.json_schema.plainly_satisfiable import has_plain_values, is_plainly_satisfiable

DRAFT3 = "http://json-schema.org/draft-03/schema#"
NEVER: dict[str, Any] = {"type": "string", "minLength": 2, "maxLength": 1}

PLAIN: list[Any] = [
    {"type": "string"}, {"type": "object", "properties": {"a": NEVER}}, {"type": "array", "items": NEVER},
    {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "null"}}},
    {"type": "object", "required": ["a"], "properties": {"a": {"required": ["b"], "type": "object"}}},
    {"type": "array", "minItems": 3, "items": {"type": "boolean"}}, {"type": "array", "minItems": 2},
    {"type": "string", "pattern": "^a+$"}, {"type": "string", "format": "date"},
]  # fmt: skip
NOT_TOLD: list[Any] = [
    NEVER, {"type": "object", "required": ["a"], "properties": {"a": NEVER}},
    {"type": "object", "required": ["a"], "properties": {"a": False}},
    {"type": "object", "required": ["a"], "additionalProperties": False},
    {"type": "object", "required": ["a"], "additionalProperties": NEVER},
    {"type": "object", "required": ["a"], "patternProperties": {"^a": False}},
    {"type": "object", "required": ["a"], "propertyNames": {"const": "b"}},
    {"type": "object", "required": ["a", "b"], "maxProperties": 1},
    {"type": "object", "required": ["a"], "unevaluatedProperties": False},
    {"type": "object", "required": ["a"], "dependentRequired": {"a": ["b"]}, "properties": {"b": False}},
    {"type": "object", "minProperties": 1, "additionalProperties": False},
    {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
    {"type": "array", "minItems": 1, "items": False}, {"type": "array", "minItems": 1, "items": NEVER},
    {"type": "array", "minItems": 2, "maxItems": 1}, {"type": "array", "contains": NEVER},
    {"type": "array", "minItems": 1, "prefixItems": [NEVER]},
    {"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "null"}},
    {"type": "object", "$schema": DRAFT3, "properties": {"a": {"required": True, "disallow": "any"}}},
    {"type": "integer", "minimum": 2, "maximum": 1}, {"not": {}}, {"allOf": [NEVER]}, {"enum": []},
]  # fmt: skip


def compilation_of(schema: Any) -> Compilation:
    return Compilation(schema, declared_order=False, assert_formats=True, lenient=False)


def told(schema: Any) -> tuple[bool, bool]:
    """By the goal, and by what was read."""
    compilation = compilation_of(schema)
    read = next(iter(compilation.schemas.values()))
    return is_plainly_satisfiable(compilation.root), has_plain_values(compilation, schema, read.resource)


@pytest.mark.parametrize("schema", PLAIN, ids=str)
def test_told_by_a_look(schema: Any) -> None:
    assert told(schema) == (True, True)


@pytest.mark.parametrize("schema", NOT_TOLD, ids=str)
def test_not_told_by_a_look(schema: Any) -> None:
    assert told(schema) == (False, False)


def satisfiable_by_search(schema: Any, monkeypatch: pytest.MonkeyPatch) -> bool:
    with monkeypatch.context() as blind:
        blind.setattr(satisfiable, "is_plainly_satisfiable", lambda goal, deep=0: bool(goal.certain))
        blind.setattr("treadle.frontends.json_schema.compilation.has_plain_values", lambda *_: False)
        return not compilation_of(schema).root.is_empty()


def check(seeds: range, monkeypatch: pytest.MonkeyPatch) -> int:
    seen = 0
    for seed in seeds:
        schema = random_schema(random.Random(seed))
        for part in (schema, {**schema, "type": "object", "required": ["a", "b"]}):
            try:
                by_goal, by_look = told(part)
            except (ConstraintError, RecursionError):
                continue
            if by_goal or by_look:
                seen += 1
                assert satisfiable_by_search(part, monkeypatch), part
    return seen


def test_what_a_look_tells_is_what_the_search_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(range(400), monkeypatch) > 100


@pytest.mark.parametrize(
    ("name", "mutant"),
    [
        ("_says_only", lambda *_: True),
        ("_settles", lambda *_: True),
        ("_has_plain_strings", lambda *_: True),
    ],
)
def test_a_look_that_sees_too_little_is_caught(
    name: str, mutant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plainly_satisfiable, name, mutant)
    assert any(told(schema) != (False, False) for schema in NOT_TOLD)
