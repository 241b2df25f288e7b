"""Contradictory schemas: refused with the keywords that exclude each other, all of them and no others."""

from __future__ import annotations

from typing import Any

import pytest

from treadle.errors import UnsatisfiableConstraint
from treadle.frontends.json_schema import compile_schema, conflict

DRAFT3 = "http://json-schema.org/draft-03/schema#"
DRAFT4 = "http://json-schema.org/draft-04/schema#"

#: Contradictions, and the keywords without any one of which there is none.
CONTRADICTIONS: list[tuple[Any, set[str]]] = [
    (False, {"#"}),
    ({"not": {}}, {"#/not"}),
    ({"enum": []}, {"#/enum"}),
    ({"type": "integer", "enum": ["a"]}, {"#/type", "#/enum"}),
    ({"type": "integer", "title": "x", "const": 1.5, "default": 2}, {"#/type", "#/const"}),
    ({"const": 1, "enum": [2, 3]}, {"#/const", "#/enum"}),
    # Numbers.
    ({"type": "number", "minimum": 3, "maximum": 2}, {"#/type", "#/minimum", "#/maximum"}),
    (
        {"type": "number", "minimum": 3, "exclusiveMaximum": 3, "maximum": 9},
        {"#/type", "#/minimum", "#/exclusiveMaximum"},
    ),
    (
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        {"#/type", "#/exclusiveMinimum", "#/exclusiveMaximum"},
    ),
    (
        {"type": "number", "multipleOf": 10, "minimum": 1, "maximum": 9},
        {"#/type", "#/multipleOf", "#/minimum", "#/maximum"},
    ),
    ({"type": "integer", "multipleOf": 6, "not": {"multipleOf": 3}}, {"#/multipleOf", "#/not"}),
    # Strings.
    ({"type": "string", "minLength": 2, "maxLength": 1}, {"#/type", "#/minLength", "#/maxLength"}),
    (
        {"type": "string", "pattern": "^a$", "minLength": 2, "maxLength": 7},
        {"#/type", "#/pattern", "#/minLength"},
    ),
    ({"type": "string", "pattern": "^a+$", "enum": ["b", "c"]}, {"#/pattern", "#/enum"}),
    ({"type": "string", "format": "date", "pattern": "^x"}, {"#/type", "#/format", "#/pattern"}),
    ({"type": "string", "format": "ipv4", "minLength": 16}, {"#/type", "#/format", "#/minLength"}),
    (
        {"type": "string", "pattern": "^a", "allOf": [{"minLength": 1}, {"pattern": "^b"}]},
        {"#/type", "#/pattern", "#/allOf/1/pattern"},
    ),
    # Objects.
    (
        {"type": "object", "required": ["a"], "properties": {"a": False, "b": {}}},
        {"#/type", "#/required", "#/properties/a"},
    ),
    (
        {"type": "object", "required": ["a", "b"], "properties": {"b": {}}, "additionalProperties": False},
        {"#/type", "#/required", "#/additionalProperties"},
    ),
    (
        {"type": "object", "required": ["a"], "propertyNames": {"pattern": "^b"}},
        {"#/type", "#/required", "#/propertyNames/pattern"},
    ),
    (
        {
            "type": "object",
            "required": ["a"],
            "patternProperties": {"^a": {"type": "string"}},
            "properties": {"a": {"type": "integer"}},
        },
        {"#/type", "#/required", "#/patternProperties/^a/type", "#/properties/a/type"},
    ),
    (
        {"type": "object", "minProperties": 2, "maxProperties": 1},
        {"#/type", "#/minProperties", "#/maxProperties"},
    ),
    (
        {"type": "object", "required": ["a", "b"], "maxProperties": 1},
        {"#/type", "#/required", "#/maxProperties"},
    ),
    (
        {"type": "object", "propertyNames": {"enum": ["a", "b"]}, "minProperties": 3},
        {"#/type", "#/propertyNames/enum", "#/minProperties"},
    ),
    (
        {"type": "object", "properties": {"a": {}}, "additionalProperties": False, "minProperties": 2},
        {"#/type", "#/additionalProperties", "#/minProperties"},
    ),
    (
        {
            "type": "object",
            "required": ["a"],
            "dependentRequired": {"a": ["b"], "c": ["d"]},
            "properties": {"b": False},
        },
        {"#/type", "#/required", "#/dependentRequired/a", "#/properties/b"},
    ),
    (
        {"type": "object", "required": ["a"], "dependentSchemas": {"a": {"maxProperties": 0}}},
        {"#/type", "#/required", "#/dependentSchemas/a/maxProperties"},
    ),
    (
        {"type": "object", "required": ["a"], "properties": {"b": {}}, "unevaluatedProperties": False},
        {"#/type", "#/required", "#/unevaluatedProperties"},
    ),
    (
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"#/type", "#/required", "#/properties/a/$ref"},
    ),
    (
        {
            "type": "object",
            "required": ["a"],
            "properties": {
                "a": {
                    "type": "object",
                    "required": ["b"],
                    "properties": {"b": {"type": "string", "const": 1}},
                }
            },
        },
        {
            "#/type",
            "#/required",
            "#/properties/a/type",
            "#/properties/a/required",
            "#/properties/a/properties/b/type",
            "#/properties/a/properties/b/const",
        },
    ),
    # Arrays.
    ({"type": "array", "items": False, "minItems": 1}, {"#/type", "#/items", "#/minItems"}),
    (
        {"type": "array", "minItems": 3, "maxItems": 2, "items": {"type": "null"}},
        {"#/type", "#/minItems", "#/maxItems"},
    ),
    (
        {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3},
        {"#/type", "#/items/type", "#/uniqueItems", "#/minItems"},
    ),
    (
        {"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": True, "minItems": 3},
        {"#/type", "#/items/enum", "#/uniqueItems", "#/minItems"},
    ),
    (
        {"type": "array", "contains": {"const": 1}, "items": {"const": 2}},
        {"#/type", "#/contains/const", "#/items/const"},
    ),
    (
        {"type": "array", "contains": {"const": 1}, "minContains": 3, "maxItems": 2},
        {"#/type", "#/contains", "#/minContains", "#/maxItems"},
    ),
    (
        {"type": "array", "contains": {"const": 1}, "minContains": 3, "maxContains": 2},
        {"#/type", "#/contains", "#/minContains", "#/maxContains"},
    ),
    (
        {"type": "array", "prefixItems": [{}, {"type": "null", "enum": [1]}], "minItems": 2},
        {"#/type", "#/prefixItems/1/type", "#/prefixItems/1/enum", "#/minItems"},
    ),
    (
        {"type": "array", "prefixItems": [{}], "unevaluatedItems": False, "minItems": 2},
        {"#/type", "#/unevaluatedItems", "#/minItems"},
    ),
    # Combining.
    (
        {"allOf": [{"type": "string"}, {"minimum": 1}, {"type": "object"}]},
        {"#/allOf/0/type", "#/allOf/2/type"},
    ),
    (
        {"type": "string", "anyOf": [{"type": "integer"}, {"type": "null"}]},
        {"#/type", "#/anyOf/0/type", "#/anyOf/1/type"},
    ),
    ({"oneOf": [{"type": "string"}, {"type": "string"}]}, {"#/oneOf"}),
    ({"type": "string", "not": {"type": ["string", "null"]}}, {"#/type", "#/not"}),
    (
        {"type": "integer", "if": {"type": "number"}, "then": {"type": "string"}},
        {"#/type", "#/if", "#/then/type"},
    ),
    (
        {"type": "string", "if": {"type": "number"}, "else": {"type": "number"}},
        {"#/type", "#/if", "#/else/type"},
    ),
    # References.
    ({"$ref": "#"}, {"#/$ref"}),
    (
        {"$ref": "#/$defs/x", "type": "null", "$defs": {"x": {"type": "string", "minLength": 1}}},
        {"#/type", "#/$defs/x/type"},
    ),
    (
        {"$ref": "#x", "type": "null", "$defs": {"x": {"$anchor": "x", "type": "string"}}},
        {"#/type", "#/$defs/x/type"},
    ),
    # Older drafts.
    ({"$schema": DRAFT3, "type": "string", "disallow": ["string"]}, {"#/type", "#/disallow"}),
    (
        {"$schema": DRAFT4, "type": "number", "minimum": 1, "maximum": 1, "exclusiveMaximum": True},
        {"#/type", "#/minimum", "#/maximum", "#/exclusiveMaximum"},
    ),
]


@pytest.mark.parametrize(
    ("schema", "needed"), CONTRADICTIONS, ids=[str(schema) for schema, _ in CONTRADICTIONS]
)
def test_what_nothing_satisfies_is_refused_with_the_keywords_in_conflict(
    schema: Any, needed: set[str]
) -> None:
    with pytest.raises(UnsatisfiableConstraint) as caught:
        compile_schema(schema)
    assert set(caught.value.conflict) == needed
    assert len(caught.value.conflict) == len(needed)
    assert "\n" not in str(caught.value)


def test_the_message_names_the_conflict() -> None:
    with pytest.raises(UnsatisfiableConstraint) as caught:
        compile_schema({"type": "integer", "enum": ["a"]})
    assert str(caught.value) == "#: nothing satisfies the schema: #/type conflicts with #/enum"
    assert caught.value.at("column 3").conflict == ("#/type", "#/enum")


def test_a_conflict_in_a_large_schema_is_found_in_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    # Tries are counted, so that a slow machine finds the same; at most so many are made.
    monkeypatch.setattr(conflict, "_SECONDS", float("inf"))
    monkeypatch.setattr(conflict, "_TRIES", 60)
    member = {"type": "object", "properties": {f"x{k}": {"type": "string"} for k in range(20)}}
    names = {f"m{index}": dict(member) for index in range(500)}
    names["m77"] = {"type": "string", "enum": [4]}
    with pytest.raises(UnsatisfiableConstraint) as caught:
        compile_schema({"type": "object", "properties": names, "required": list(names)})
    assert caught.value.conflict == (
        "#/type", "#/properties/m77/type", "#/properties/m77/enum", "#/required",
    )  # fmt: skip


def test_where_the_time_runs_out_the_place_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflict, "_TRIES", 3)
    inner = {"allOf": [{"type": "string"}, {"type": "null"}, {"minLength": 2}]}
    with pytest.raises(UnsatisfiableConstraint) as caught:
        compile_schema({"allOf": [{"allOf": [inner]}], "title": "x"})
    assert caught.value.conflict == ()
    assert caught.value.where.startswith("#/allOf/0")
