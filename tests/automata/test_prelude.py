"""Preludes change what is lowered when, never to what; and values that differ have no key in common."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import pytest

from treadle.automata import prelude
from treadle.automata.byte_automaton import EVERY_BYTE, ByteAutomaton
from treadle.constraints import JsonSchema, Union
from treadle.frontends.json_schema.compilation import Compilation
from treadle.frontends.json_schema.plain_values import plain_values
from treadle.frontends.json_schema.text import Writer
from treadle.grammar import rules

DRAFT4 = "http://json-schema.org/draft-04/schema#"
DRAFT7 = "http://json-schema.org/draft-07/schema#"
SCHEMAS: list[Any] = [
    True,
    {"type": "integer"},
    {"type": "integer", "$schema": DRAFT4},
    {"type": ["integer", "number", "null"]},
    {"type": "array"},
    {"type": ["object", "null"]},
    {"items": {"type": ["string", "null"]}, "type": "array", "maxItems": 2},
    {"type": "object", "additionalProperties": {"type": "number"}},
    {"type": "object", "properties": {"a": {}, "b": {"type": "boolean"}, "c": {"type": "null"}}, "required": ["b"]},
    {"type": "object", "propertyNames": {"maxLength": 1}, "properties": {"a": {"type": "object"}}},
]  # fmt: skip
TEXTS: list[Any] = [
    1, 1.0, -2e5, None, "x\n€😀", [], [1, [None, "a"]], ["a", None], ["a", "b", "c"], {}, {"a": 1}, {"b": True},
    {"b": False, "c": None, "d": {"e": [1.5]}}, {"a": {"a": {}}, "b": True}, {"long": 1},
]  # fmt: skip


def automata(schema: Any, **policies: Any) -> tuple[ByteAutomaton, ByteAutomaton]:
    """With a prelude, and without one."""
    root, again = (JsonSchema(schema, **policies).rules()[0] for _ in range(2))
    assert isinstance(root, rules.Prepared)
    assert isinstance(again, rules.Prepared)
    return ByteAutomaton(root), ByteAutomaton(again.node)


def assert_alike(prepared: ByteAutomaton, plain: ByteAutomaton, data: bytes) -> None:
    first, second = prepared.start, plain.start
    for byte in data:
        assert prepared.allowed_bytes(first) == plain.allowed_bytes(second)
        assert prepared.is_accepting(first) == plain.is_accepting(second)
        first, second = prepared.step(first, byte), plain.step(second, byte)


@pytest.mark.parametrize("order", ["declared", "any"])
@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_bytes_allowed_are_the_same(schema: Any, order: Any) -> None:
    for indent in (None, 2):
        for text in TEXTS:
            assert_alike(*automata(schema, property_order=order), json.dumps(text, indent=indent).encode())


@pytest.mark.parametrize("whitespace", ["flexible", "compact", "python", "any"])
@pytest.mark.parametrize("escapes", ["any", "canonical"])
def test_policies_have_preludes_of_their_own(whitespace: Any, escapes: Any) -> None:
    policies = {"whitespace": whitespace, "escapes": escapes}
    for data in (b'{"a" : [1,2]}', b'{"a": [1, 2]}', b'{"a":"\\u0041"}', b' {"a":\n\n1}'):
        assert_alike(*automata(True, **policies), data)


@pytest.mark.parametrize("prepared", [True, False])
def test_nothing_of_a_prelude_is_lowered_again(prepared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    automata(True)
    asked: list[Any] = []
    cases = Compilation.cases
    monkeypatch.setattr(Compilation, "cases", lambda self, goal: (asked.append(goal), cases(self, goal))[1])
    root = JsonSchema(True).rules()[0]
    assert isinstance(root, rules.Prepared)
    automaton = ByteAutomaton(root if prepared else root.node)
    assert automaton.is_accepting(automaton.run(automaton.start, b'{"a":[1,"x",{"b":null,"c":-1e5}]}'))
    assert bool(asked) != prepared


def test_integers_of_draft_4_are_written_otherwise() -> None:
    old, new = (
        ByteAutomaton(JsonSchema({"type": "integer", "$schema": draft}).rules()[0])
        for draft in (DRAFT4, DRAFT7)
    )
    assert not old.is_accepting(old.run(old.start, b"1.0"))
    assert new.is_accepting(new.run(new.start, b"1.0"))


def test_members_of_a_union_with_other_orders_keep_theirs() -> None:
    listed = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]}
    either = Union((
        JsonSchema({"required": ["x"], "properties": {"x": listed}, "type": "object"}),
        JsonSchema({"required": ["y"], "properties": {"y": listed}, "type": "object"}, property_order="any"),
    ))  # fmt: skip
    automaton = ByteAutomaton(either.rules()[0])
    assert automaton.run(automaton.start, b'{"x":{"b"') != automaton.run(automaton.start, b'{"y":{"b"')
    assert automaton.is_accepting(automaton.run(automaton.start, b'{"y":{"b":1,"a":{}}}'))
    assert automaton.run(automaton.start, b'{"x":{"b":1,"a":{}}}') == 1


def test_a_prelude_keeps_no_constraint() -> None:
    writer = Writer()
    prelude.prelude_of(plain_values(writer, True), EVERY_BYTE, False)
    gone = weakref.ref(writer)
    del writer
    gc.collect()
    assert gone() is None
