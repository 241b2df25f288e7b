"""Bad, hostile and large schemas: one error with its place, or it works."""

from __future__ import annotations

import json
from typing import Any

import pytest

from treadle.errors import InvalidConstraint, LimitExceeded, UnsupportedFeature
from treadle.frontends.json_schema import compile_schema
from treadle.frontends.json_schema.simulate import accepts


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        (3, "#"),
        ({"type": "sting"}, "#/type"),
        ({"properties": {"a": {"minLength": -1}}}, "#/properties/a/minLength"),
        ({"properties": {"a/b": {"required": True}}}, "#/properties/a~1b/required"),
        ({"items": {"pattern": "(a"}}, "#/items/pattern"),
        ({"patternProperties": {"[": {}}}, "#/patternProperties/["),
        ({"allOf": {}}, "#/allOf"),
        ({"anyOf": []}, "#/anyOf"),
        ({"enum": "a"}, "#/enum"),
        ({"multipleOf": 0}, "#/multipleOf"),
        ({"properties": {"x": 5}}, "#/properties/x"),
        ({"$ref": "#/$defs/nowhere"}, "#/$ref"),
        ({"items": {"$ref": "other.json"}}, "#/items/$ref"),
        (
            {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": 2},
            "#/exclusiveMinimum",
        ),
    ],
)
def test_malformed_schemas_are_refused_with_their_place(schema: Any, where: str) -> None:
    with pytest.raises(InvalidConstraint) as caught:
        compile_schema(schema)
    assert caught.value.where.startswith(where)
    assert "\n" not in str(caught.value)


def test_definitions_that_nothing_refers_to_are_not_read() -> None:
    compile_schema({"$defs": {"broken": {"type": 7}}})


def nested(depth: int, wrap: Any, core: Any) -> Any:
    for _ in range(depth):
        core = wrap(core)
    return core


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        (
            nested(
                500,
                lambda inner: {"type": "object", "properties": {"a": inner}, "required": ["a"]},
                {"const": 1},
            ),
            nested(500, lambda inner: {"a": inner}, 1),
        ),
        (
            nested(500, lambda inner: {"type": "array", "items": inner, "minItems": 1}, {"const": 1}),
            nested(500, lambda inner: [inner], 1),
        ),
    ],
    ids=["objects", "arrays"],
)
def test_nesting_of_500_works(schema: Any, instance: Any) -> None:
    goal, _ = compile_schema(schema)
    value = instance
    # Level by level, since the judge would recurse.
    for _ in range(500):
        cases = goal.cases()
        if cases.objects:
            ((goal, _),) = cases.objects[0].member("a")
            value = value["a"]
        else:
            ((goal, _),) = cases.arrays[0].next()
            value = value[0]
    assert accepts(goal, value)


def test_deep_nesting_in_place_is_refused_in_one_line() -> None:
    schema = nested(500, lambda inner: {"allOf": [inner]}, {"type": "string"})
    with pytest.raises(LimitExceeded) as caught:
        compile_schema(schema)
    assert "\n" not in str(caught.value)
    goal, _ = compile_schema(nested(40, lambda inner: {"allOf": [inner]}, {"type": "string"}))
    assert accepts(goal, "x")


def test_two_megabytes_compile_without_looking_into_each_member() -> None:
    schema = {
        "type": "object",
        "properties": {
            f"member_{index}": {
                "type": "object",
                "properties": {f"x{k}": {"type": "string"} for k in range(28)},
                "required": ["x0"],
            }
            for index in range(2500)
        },
    }
    assert len(json.dumps(schema)) > 1_700_000
    goal, _ = compile_schema(schema)
    (state,) = goal.cases().objects
    assert len(state.names) == 2500
    # A formula for each member and a few more, none for what is inside of members: `made` counts work.
    assert goal.algebra.made < 3 * 2500


def test_a_schema_inside_of_itself_adds_nothing_and_is_noted() -> None:
    goal, report = compile_schema({"anyOf": [{"$ref": "#"}, {"type": "string"}]})
    assert accepts(goal, "x")
    assert not accepts(goal, 1)
    assert [note.pointer for note in report.inexact] == ["#"]


def test_unknown_dialect_is_read_as_the_default_and_noted() -> None:
    _, report = compile_schema({"$schema": "https://example.com/mine", "type": "string"})
    assert [note.pointer for note in report] == ["#/$schema"]


BACK_REFERENCE = r"^(a)\1$"


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"items": {"type": "string", "pattern": BACK_REFERENCE}}, "#/items/pattern"),
        ({"patternProperties": {BACK_REFERENCE: {"type": "null"}}}, "#/patternProperties"),
        (
            {
                "anyOf": [{"properties": {f"p{index}": {}}} for index in range(12)],
                "unevaluatedProperties": False,
            },
            "#/unevaluatedProperties",
        ),
    ],
)
def test_what_cannot_be_enforced_is_refused_or_noted(schema: Any, where: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        compile_schema(schema)
    assert caught.value.where.startswith(where)
    goal, report = compile_schema(schema, lenient=True)
    assert [note.pointer.startswith(where) for note in report.relaxations] == [True]
    assert accepts(goal, ["x"])
    assert accepts(goal, {"aa": 1})
