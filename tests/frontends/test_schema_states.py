"""What the states of objects and arrays offer, and that they stay few and simple where schemas are."""

from __future__ import annotations

from typing import Any

import pytest

import treadle
from treadle import JsonSchema
from treadle.errors import UnsatisfiableConstraint
from treadle.frontends.json_schema import ObjectState, compile_schema
from treadle.frontends.json_schema.object_state import FixedObject
from treadle.frontends.json_schema.simulate import accepts
from treadle.grammar.derivative import matches

POINT = {
    "type": "object",
    "properties": {"x": {"type": "number"}, "y": {"type": "number"}, "label": {"type": "string"}},
    "required": ["x", "y"],
}


def only_object(schema: Any, **options: Any) -> ObjectState:
    (state,) = compile_schema(schema, **options)[0].cases().objects
    return state


def after(state: ObjectState, *names: str) -> ObjectState:
    """The state behind members of these names, each with exactly one way to go on."""
    for name in names:
        ((_, state),) = state.member(name)
    return state


def test_declared_names_stop_at_the_first_one_required() -> None:
    state = only_object(POINT)
    assert state.names == ("x",)
    assert not state.can_close
    assert not state.others
    assert after(state, "x").names == ("y",)


def test_other_names_open_once_nothing_is_required() -> None:
    state = after(only_object(POINT), "x", "y")
    assert state.can_close
    assert state.names == ("label",)
    (others,) = state.others
    assert matches(others.language, "anything")
    ((goal, rest),) = state.other(others, "z")
    assert goal.is_true
    assert rest.names == ()
    assert {"x", "y", "label", "z"} <= rest.forbidden


def test_any_order_remembers_names_and_nothing_else() -> None:
    state = only_object(POINT, property_order="any")
    assert set(state.names) == {"x", "y", "label"}
    assert after(state, "x", "y") is after(state, "y", "x")
    assert after(state, "x").forbidden == {"x"}
    assert after(state, "x").member("x") == ()


def test_equal_residuals_are_the_same_object() -> None:
    goal, _ = compile_schema({"type": "array", "items": {"type": "integer"}})
    (state,) = goal.cases().arrays
    ((_, rest),) = state.next()
    assert rest is state


def test_members_that_nothing_satisfies_are_not_offered() -> None:
    schema = {
        "properties": {"a": False, "b": {"allOf": [{"type": "string"}, {"type": "null"}]}, "c": {}},
        "type": "object",
    }
    assert only_object(schema, property_order="any").names == ("c",)


def test_names_that_would_make_the_object_unsatisfiable_are_not_offered() -> None:
    schema = {
        "properties": {"a": {}, "b": {}, "c": {"const": 1}},
        "dependentSchemas": {"a": {"properties": {"c": {"const": 2}}, "required": ["c"]}},
        "type": "object",
    }
    (*states,) = compile_schema(schema, property_order="any")[0].cases().objects
    assert {name for state in states for name in state.names} == {"b", "c"}


def test_no_room_is_left_for_optional_members() -> None:
    state = only_object({**POINT, "maxProperties": 2}, property_order="any")
    assert set(state.names) == {"x", "y"}
    assert state.others == ()


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_tagged_unions_are_fixed_states_and_a_tag_leaves_one(keyword: str) -> None:
    options = [
        {
            "type": "object",
            "properties": {"kind": {"const": f"k{index}"}, "value": {"type": "string", "minLength": index}},
            "required": ["kind"],
        }
        for index in range(50)
    ]
    goal, _ = compile_schema({keyword: options})
    states = goal.cases().objects
    assert len(states) == 50
    assert all(isinstance(state, FixedObject) for state in states)
    value = {"kind": "k3", "value": "abc"}
    assert accepts(goal, value)
    assert not accepts(goal, {"kind": "k4", "value": "abc"})


def test_conditions_on_a_tag_are_divided_by_it() -> None:
    schema = {
        "type": "object",
        "properties": {"kind": {"enum": [f"k{index}" for index in range(20)]}},
        "required": ["kind"],
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": f"k{index}"}}},
                "then": {"properties": {"value": {"const": index}}, "required": ["value"]},
            }
            for index in range(20)
        ],
    }
    goal, _ = compile_schema(schema, property_order="any")
    states = goal.cases().objects
    assert len(states) == 20
    assert all(isinstance(state, FixedObject) for state in states)
    assert accepts(goal, {"value": 7, "kind": "k7"})
    assert not accepts(goal, {"value": 7, "kind": "k8"})


def test_presence_conditions_stay_one_state() -> None:
    schema = {"type": "object", "anyOf": [{"required": [name]} for name in "abcdefgh"]}
    state = only_object(schema, property_order="any")
    assert not state.can_close
    assert after(state, "c").can_close


def test_unique_items_ask_for_values_only_where_they_are_many() -> None:
    (many,) = compile_schema({"type": "array", "uniqueItems": True})[0].cases().arrays
    ((_, rest),) = many.next()
    assert rest.needs_item_value
    assert rest.remember([1]) is rest.remember([1.0])
    schema = {"type": "array", "items": {"type": "boolean"}, "not": {"uniqueItems": True}}
    (few,) = compile_schema(schema)[0].cases().arrays
    assert len(few.next()) == 2
    assert not any(rest.needs_item_value for _, rest in few.next())


#: Whether the items that must come can all differ, or one of them equal an earlier one.
COUNTED = [
    ({"items": {"enum": list(range(30))}, "minItems": 30}, True),
    ({"items": {"enum": list(range(30))}, "minItems": 31}, False),
    ({"items": {"type": "string", "pattern": "^[ab]{1,2}$"}, "minItems": 6}, True),
    ({"items": {"type": "string", "pattern": "^[ab]{1,2}$"}, "minItems": 7}, False),
    ({"items": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2}, "minItems": 7}, True),
    ({"items": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2}, "minItems": 8}, False),
    (
        {
            "items": {
                "properties": {"a": {"type": "boolean"}},
                "additionalProperties": False,
                "type": "object",
            },
            "minItems": 4,
        },
        False,
    ),
    ({"items": {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.5}, "minItems": 4}, False),
    ({"prefixItems": [{"enum": [1, 2]}, {"const": 1}, {"enum": [1, 2]}], "minItems": 3}, False),
]


@pytest.mark.parametrize(("schema", "possible"), COUNTED)
def test_different_items_are_counted(schema: dict[str, Any], possible: bool) -> None:
    schema = {"type": "array", "uniqueItems": True, **schema}
    if possible:
        assert not compile_schema(schema)[1].inexact
    else:
        with pytest.raises(UnsatisfiableConstraint):
            compile_schema(schema)


def test_an_item_leaves_to_later_ones_what_they_need() -> None:
    two = {"enum": [1, 2]}
    schema = {
        "type": "array",
        "uniqueItems": True,
        "prefixItems": [{"type": "integer"}, two, two],
        "minItems": 3,
    }
    assert treadle.check(JsonSchema(schema), "[0,1,2]")
    assert treadle.check(JsonSchema(schema), "[1,2,3]").offset == 2


def test_the_last_item_that_may_come_is_a_copy() -> None:
    schema = {
        "type": "array",
        "not": {"uniqueItems": True},
        "prefixItems": [{}, {"type": "string"}],
        "maxItems": 2,
    }
    goal, report = compile_schema(schema)
    (state,) = goal.cases().arrays
    ((first, behind),) = state.next()
    assert accepts(first, "a")
    assert not accepts(first, 1)
    ((second, end),) = behind.remember("a").next()
    assert accepts(second, "a")
    assert not accepts(second, "b")
    assert end.can_close
    assert not report.inexact


def test_least_bytes_never_exceed_a_text() -> None:
    goal, _ = compile_schema(POINT)
    assert goal.min_bytes() == len('{"x":0,"y":0}')
    (state,) = goal.cases().objects
    assert state.min_bytes() == len('"x":0,"y":0}')


def test_recursion_that_never_ends_is_empty() -> None:
    chain = {"type": "object", "properties": {"next": {"$ref": "#/$defs/chain"}}, "required": ["next"]}
    goal, _ = compile_schema(
        {"anyOf": [{"$ref": "#/$defs/chain"}, {"type": "null"}], "$defs": {"chain": chain}}
    )
    assert goal.cases().objects == ()
    assert goal.cases().null


def test_mutual_recursion_with_a_way_out_is_not_empty() -> None:
    schema = {
        "$ref": "#/$defs/a",
        "$defs": {
            "a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/b"}}, "required": ["b"]},
            "b": {
                "anyOf": [
                    {"$ref": "#/$defs/a"},
                    {"type": "array", "items": {"$ref": "#/$defs/a"}, "minItems": 1},
                    {"const": 0},
                ]
            },
        },
    }
    goal, report = compile_schema(schema)
    assert accepts(goal, {"b": [{"b": 0}]})
    assert not report.inexact
