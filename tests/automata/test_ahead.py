"""Lowering ahead changes when something is lowered, never to what: every mask is the same with and without it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from treadle.automata.byte_automaton import ByteAutomaton
from treadle.constraints import JsonSchema

SCHEMAS: dict[str, Any] = {
    "members": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"enum": [1, "x", None]}, "c": {"type": "boolean"}},
        "required": ["c"],
    },
    "nested": {
        "properties": {
            "a": {"properties": {"b": {"items": {"type": "integer"}}}, "additionalProperties": False}
        },
        "type": "object",
    },
    "recursive": {
        "$defs": {"tree": {"type": "object", "properties": {"kids": {"items": {"$ref": "#/$defs/tree"}}}}},
        "$ref": "#/$defs/tree",
    },
    "classes": {
        "type": "object",
        "patternProperties": {"^x": {"type": "null"}},
        "additionalProperties": False,
    },
    "unique": {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True},
}
TEXTS = [
    {},
    {"c": True},
    {"a": "s", "c": False},
    {"a": {"b": [1, 2]}},
    {"kids": [{}, {"kids": []}]},
    {"x1": None},
    [1, 2],
    [1, 1],
    {"b": "x", "c": True, "d": [None]},
]


@pytest.mark.parametrize("order", ["declared", "any"])
@pytest.mark.parametrize("name", SCHEMAS)
def test_bytes_allowed_are_the_same(name: str, order: Any) -> None:
    lazily, ahead = (
        ByteAutomaton(JsonSchema(SCHEMAS[name], property_order=order).rules()[0]) for _ in range(2)
    )
    ahead.lower_ahead(1000)
    for text in TEXTS:
        first, second = lazily.start, ahead.start
        for byte in json.dumps(text).encode():
            assert lazily.allowed_bytes(first) == ahead.allowed_bytes(second)
            assert lazily.is_accepting(first) == ahead.is_accepting(second)
            first, second = lazily.step(first, byte), ahead.step(second, byte)


def test_a_bound_is_kept_and_a_recursive_schema_ends() -> None:
    automaton = ByteAutomaton(JsonSchema(SCHEMAS["recursive"]).rules()[0])
    before = _positions(automaton)
    automaton.lower_ahead(0)
    assert _positions(automaton) == before
    automaton.lower_ahead(40)
    assert before < _positions(automaton) < before + 80


def test_everything_of_a_small_schema_is_lowered() -> None:
    """Negative control of the law above: there is something that `lower_ahead` does."""
    automaton = ByteAutomaton(JsonSchema(SCHEMAS["members"]).rules()[0])
    automaton.lower_ahead(1000)
    all_of_it = _positions(automaton)
    automaton.run(automaton.start, json.dumps({"a": "s", "b": 1, "c": True}).encode())
    assert _positions(automaton) == all_of_it


def test_what_raises_is_left_to_whoever_reaches_it() -> None:
    """A member that cannot be lowered must not refuse the schema: nobody may ever write it."""
    automaton = ByteAutomaton(JsonSchema(SCHEMAS["members"]).rules()[0])
    lower_name = automaton._lowering.lower_name

    def refuses(p: int, index: int) -> None:
        raise treadle_error

    from treadle.errors import LimitExceeded

    treadle_error = LimitExceeded("too much", limit="states", value=1)
    automaton._lowering.lower_name = refuses  # type: ignore[method-assign]
    automaton.lower_ahead(1000)
    automaton._lowering.lower_name = lower_name  # type: ignore[method-assign]
    assert automaton.is_accepting(automaton.run(automaton.start, b'{"c": true}'))


def _positions(automaton: ByteAutomaton) -> int:
    from treadle.automata import layout as at

    return automaton.memory.used[at.AT_POSITIONS]
