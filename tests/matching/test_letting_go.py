"""A compiled schema that is let go leaves nothing to the garbage collector, whatever was visited of it."""

from __future__ import annotations

import gc

import pytest

import treadle
from laws import vocabularies
from treadle.frontends.json_schema.compilation import Compilation

TRAPS = vocabularies.traps()
RECURSIVE = {
    "type": "object",
    "properties": {"a": {"$ref": "#"}, "b": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["a"],
    "additionalProperties": False,
}
CASES = {
    "plain": ({"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}, b'{"a":"x","b":12}'),
    "recursive": (
        {"anyOf": [RECURSIVE, {"type": "null"}], "$defs": {"x": {"$ref": "#"}}},
        b"null",
    ),
    "itself": ({"properties": {"a": {"$ref": "#"}}, "items": {"$ref": "#"}}, b'{"a":[{"a":[]}]}'),
    "negation": ({"not": {"required": ["a"]}, "properties": {"b": {"enum": [1, "x"]}}}, b'{"b":1}'),
    "unique": ({"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": True}, b'["a","b"]'),
    "patterns": ({"patternProperties": {"^a": {"type": "number"}, "b$": {"minimum": 3}}}, b'{"ab":4}'),
    "tags": (
        {"oneOf": [{"properties": {"k": {"const": n}}, "required": ["k"]} for n in range(4)]},
        b'{"k":2}',
    ),
    "unevaluated": (
        {"properties": {"a": {}}, "unevaluatedProperties": {"type": "null"}},
        b'{"a":1,"b":null}',
    ),
}


@pytest.fixture(scope="module", autouse=True)
def _without_what_others_left():
    """What earlier tests keep is not looked at: in a whole run each collection took two seconds of it."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("order", ["declared", "any"])
@pytest.mark.parametrize("name", CASES)
def test_no_cycle_is_left(name, order):
    schema, text = CASES[name]

    def visit() -> None:
        compiled = treadle.compile(treadle.JsonSchema(schema, property_order=order), TRAPS)
        matcher = compiled.matcher()
        state = compiled.automaton.start
        for byte in text:
            compiled.automaton.mask(state)
            state = compiled.automaton.bytes.step(state, byte)
        assert compiled.automaton.is_accepting(state)
        matcher.mask()

    visit()  # What is kept for all schemas is there now.
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        visit()
        gc.collect()
        left = {type(one).__module__ for one in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert not {module for module in left if module.startswith("treadle.") and ".regex." not in module}


def test_what_was_let_go_by_one_is_there_for_another():
    constraint = treadle.JsonSchema(CASES["itself"][0])
    first, second = (treadle.compile(constraint, TRAPS) for _ in range(2))
    del first
    gc.collect()
    assert second.automaton.bytes.run(second.automaton.start, CASES["itself"][1]) > 1


def test_a_compilation_that_is_not_taken_apart_is_noticed(monkeypatch):
    monkeypatch.setattr(Compilation, "dispose", lambda self: None)
    with pytest.raises(AssertionError):
        test_no_cycle_is_left("itself", "any")
