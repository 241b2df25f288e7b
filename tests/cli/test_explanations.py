"""Why a text is refused: the keyword, where it stands, and the value at fault. A case for each keyword."""

from __future__ import annotations

from typing import Any

import pytest
import referencing

import treadle
from treadle import JsonSchema

DRAFT3 = "http://json-schema.org/draft-03/schema#"
DRAFT4 = "http://json-schema.org/draft-04/schema#"
DRAFT7 = "http://json-schema.org/draft-07/schema#"
DRAFT2019 = "https://json-schema.org/draft/2019-09/schema"

CAT = {"properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind", "lives"]}
DOG = {"properties": {"kind": {"const": "dog"}, "barks": {"type": "boolean"}}, "required": ["kind", "barks"]}

#: schema, text, offset of the refused byte, pointer of the value, pointer of the keyword
REFUSED: list[tuple[Any, str, int, str, str]] = [
    # Any value.
    ({"type": "integer"}, '"1"', 0, "#", "#/type"),
    ({"type": ["string", "null"]}, "[1]", 0, "#", "#/type"),
    ({"enum": ["red", "green"]}, '"blue"', 1, "#", "#/enum"),
    ({"const": {"a": 1}}, '{"a":2}', 5, "#", "#/const"),
    ({"type": "string", "enum": ["a", "b"]}, "5", 0, "#", "#/type"),
    # Strings.
    ({"minLength": 3}, '"ab"', 3, "#", "#/minLength"),
    ({"maxLength": 2}, '"abc"', 3, "#", "#/maxLength"),
    ({"pattern": "^[a-z]+$"}, '"ab1"', 3, "#", "#/pattern"),
    ({"pattern": r"^\p{L}+$"}, '"é1"', 3, "#", "#/pattern"),
    ({"format": "date"}, '"2021-02-29"', 10, "#", "#/format"),
    # Numbers.
    ({"minimum": 10}, "9", 1, "#", "#/minimum"),
    ({"maximum": 10}, "[]11", 2, "#", ""),
    ({"items": {"maximum": 10}}, "[11]", 2, "#/0", "#/items/maximum"),
    ({"exclusiveMinimum": 5}, "5", 1, "#", "#/exclusiveMinimum"),
    ({"items": {"exclusiveMaximum": 5}}, "[5]", 2, "#/0", "#/items/exclusiveMaximum"),
    ({"items": {"multipleOf": 0.1}}, "[0.35]", 4, "#/0", "#/items/multipleOf"),
    ({"minimum": 5, "exclusiveMinimum": True}, "5", 1, "#", "#/minimum"),
    # Arrays.
    ({"items": {"type": "boolean"}}, "[true, 1]", 7, "#/1", "#/items/type"),
    ({"prefixItems": [{"type": "string"}, {"type": "null"}]}, '["a", 2]', 6, "#/1", "#/prefixItems/1/type"),
    ({"prefixItems": [{}], "items": False}, "[1, 2]", 2, "#", "#/items"),
    ({"items": [{}, {"type": "null"}]}, "[1, 2]", 4, "#/1", "#/items/1/type"),
    ({"items": [{}], "additionalItems": {"type": "null"}}, "[1, 2]", 4, "#/1", "#/additionalItems/type"),
    ({"minItems": 2}, "[1]", 2, "#", "#/minItems"),
    ({"maxItems": 1}, "[1, 2]", 2, "#", "#/maxItems"),
    ({"uniqueItems": True}, '["ab", "ab"]', 10, "#", "#/uniqueItems"),
    ({"contains": {"const": 7}}, "[6]", 2, "#", "#/contains"),
    ({"contains": {"const": 7}, "maxContains": 1}, "[7, 7]", 5, "#", "#/maxContains"),
    ({"prefixItems": [{}], "unevaluatedItems": False}, "[1, 2]", 2, "#", "#/unevaluatedItems"),
    # Objects.
    ({"properties": {"a": {"type": "null"}}}, '{"b": 1, "a": 2}', 14, "#/a", "#/properties/a/type"),
    ({"properties": {"a": False}}, '{"a": 2}', 3, "#/a", "#/properties/a"),
    ({"required": ["a", "b"]}, '{"a": 1}', 7, "#", "#/required"),
    ({"properties": {"a": {}}, "additionalProperties": False}, '{"b": 1}', 2, "#", "#/additionalProperties"),
    ({"additionalProperties": {"type": "null"}}, '{"b": 1}', 6, "#/b", "#/additionalProperties/type"),
    ({"patternProperties": {"^x": {"type": "null"}}}, '{"x1": 1}', 7, "#/x1", "#/patternProperties/^x/type"),
    ({"propertyNames": {"maxLength": 2}}, '{"abc": 1}', 4, "#", "#/propertyNames/maxLength"),
    ({"minProperties": 2}, '{"a": 1}', 7, "#", "#/minProperties"),
    ({"maxProperties": 1}, '{"a": 1, "b": 2}', 7, "#", "#/maxProperties"),
    ({"dependentRequired": {"a": ["b"]}}, '{"a": 1}', 7, "#", "#/dependentRequired"),
    (
        {"dependentSchemas": {"a": {"maxProperties": 1}}},
        '{"a": 1, "b": 2}',
        7,
        "#",
        "#/dependentSchemas/a/maxProperties",
    ),
    ({"dependencies": {"a": ["b"]}}, '{"a": 1}', 7, "#", "#/dependencies"),
    (
        {"properties": {"a": {}}, "unevaluatedProperties": False},
        '{"b": 1}',
        2,
        "#",
        "#/unevaluatedProperties",
    ),
    # Combining.
    ({"allOf": [{"type": "string"}, {"maxLength": 1}]}, '"ab"', 2, "#", "#/allOf/1/maxLength"),
    (
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "null"}}]},
        "[1]",
        1,
        "#/0",
        "#/anyOf/1/items/type",
    ),
    (
        {"oneOf": [CAT, DOG], "type": "object"},
        '{"kind": "dog", "barks": 1}',
        25,
        "#/barks",
        "#/oneOf/1/properties/barks/type",
    ),
    (
        {"oneOf": [CAT, DOG], "type": "object"},
        '{"kind": "cow"}',
        11,
        "#/kind",
        "#/oneOf/0/properties/kind/const",
    ),
    ({"oneOf": [{"minimum": 3}, {"maximum": 5}], "type": "integer"}, "4", 1, "#", "#/oneOf"),
    ({"not": {"type": "string"}}, '"a"', 0, "#", "#/not"),
    ({"if": {"type": "string"}, "then": {"maxLength": 1}}, '"ab"', 2, "#", "#/then/maxLength"),
    ({"if": {"type": "string"}, "else": {"type": "null"}}, "4", 0, "#", "#/else/type"),
    # References.
    ({"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"type": "null"}}}, "[1]", 1, "#/0", "#/$defs/a/type"),
    (
        {"items": {"$ref": "#n"}, "$defs": {"a": {"$anchor": "n", "type": "null"}}},
        "[1]",
        1,
        "#/0",
        "#/$defs/a/type",
    ),
    ({"items": {"$ref": "#"}, "type": "array"}, "[[[1]]]", 3, "#/0/0/0", "#/type"),
    ({"$dynamicAnchor": "n", "items": {"$dynamicRef": "#n"}, "type": "array"}, "[[1]]", 2, "#/0/0", "#/type"),
    (
        {"$schema": DRAFT2019, "$recursiveAnchor": True, "items": {"$recursiveRef": "#"}, "type": "array"},
        "[[1]]",
        2,
        "#/0/0",
        "#/type",
    ),
    # Older drafts.
    ({"$schema": DRAFT3, "divisibleBy": 5}, "7", 1, "#", "#/divisibleBy"),
    ({"$schema": DRAFT3, "disallow": ["string"]}, '"a"', 0, "#", "#/disallow"),
    ({"$schema": DRAFT3, "extends": {"type": "string"}}, "1", 0, "#", "#/extends/type"),
    (
        {"$schema": DRAFT4, "items": {"maximum": 5, "exclusiveMaximum": True}},
        "[5]",
        2,
        "#/0",
        "#/items/maximum",
    ),
    (
        {"$schema": DRAFT7, "dependencies": {"a": {"required": ["b"]}}},
        '{"a": 1}',
        7,
        "#",
        "#/dependencies/a/required",
    ),
    # Pointers of names that need escapes.
    (
        {"properties": {"a/b": {"properties": {"c~": {"type": "null"}}}}},
        '{"a/b": {"c~": 1}}',
        15,
        "#/a~1b/c~0",
        "#/properties/a~1b/properties/c~0/type",
    ),
]


def verdict(schema: Any, text: str | bytes, **options: Any) -> treadle.Verdict:
    policies = {"property_order": "any", "whitespace": "any", **options}
    return treadle.check(JsonSchema(schema, **policies), text)


@pytest.mark.parametrize(
    ("schema", "text", "offset", "pointer", "schema_pointer"), REFUSED, ids=[str(case[0]) for case in REFUSED]
)
def test_the_keyword_and_the_value(schema, text, offset, pointer, schema_pointer):
    found = verdict(schema, text)
    assert not found
    assert (found.offset, found.pointer, found.schema_pointer) == (offset, pointer, schema_pointer)
    assert found.reason
    if schema_pointer:
        assert found.keyword in schema_pointer


#: text, pointer, part of the reason
NO_KEYWORD = [
    ("{'a': 1}", "#", "not JSON"),
    ('{"a": 01}', "#/a", "not JSON"),
    ('{"a": 1]', "#", "not JSON"),
    ('{"a": [1}', "#/a", "not JSON"),
    ('{"a": 1} {}', "#", "not JSON"),
    ('{"a": tru}', "#/a", "not JSON"),
    ('{"a": 1, "a": 2}', "#", "'a' comes twice"),
    ('{"b": {"a": 1, "\\u0061": 2}}', "#/b", "'a' comes twice"),
]


@pytest.mark.parametrize(("text", "pointer", "reason"), NO_KEYWORD)
def test_what_no_keyword_speaks_about(text, pointer, reason):
    found = verdict({"type": "object"}, text)
    assert (found.pointer, found.keyword, found.schema_pointer) == (pointer, "", "")
    assert reason in found.reason


NESTED = {"properties": {"b": {"type": "object", "required": ["x", "y"]}}, "required": ["a"]}

#: text, pointer, keyword, part of the reason
SHORT = [
    ("", "#", "", "a value is missing"),
    ('{"a":', "#/a", "", "a value is missing"),
    ('{"a": [1,', "#/a/1", "", "a value is missing"),
    ('{"a": "x', "#/a", "", "the string is not closed"),
    ('{"a', "#", "required", "'a' is a required property"),
    ('{"a": fal', "#/a", "", "the word is not complete"),
    ('{"a": -', "#/a", "", "the number is not complete"),
    ('{"a": [1', "#/a", "", "the array is not closed"),
    ('{"a": 1', "#", "", "the object is not closed"),
    ('{"c": 1', "#", "required", "'a' is a required property"),
    ('{"a": 1, "b": {"z": 1', "#/b", "required", "'x' is a required property, 'y' is a required property"),
    ('{"a": 1, "b": {"x": 1, "y": 1}', "#", "", "the object is not closed"),
]


@pytest.mark.parametrize(("text", "pointer", "keyword", "reason"), SHORT)
def test_what_is_missing_where_a_text_ends_early(text, pointer, keyword, reason):
    found = verdict({"type": "object", **NESTED}, text)
    assert (found.offset, found.pointer, found.keyword) == (len(text), pointer, keyword)
    assert found.reason.startswith("the text ends early: ")
    assert reason in found.reason


ORDERED = {"properties": {"a": {}, "b": {}}, "required": ["a"]}

#: policies, text, pointer, keyword, part of the reason
POLICIES = [
    ({"property_order": "declared"}, '{"b": 1, "a": 1}', "#", "", "property_order='declared'"),
    ({"property_order": "declared"}, '{"b": 1}', "#", "required", "'a' is a required property"),
    ({"whitespace": "compact"}, '{"a": 1}', "#/a", "", "whitespace='compact'"),
    ({"whitespace": "python"}, '{"a":1}', "#/a", "", "whitespace='python'"),
    ({"escapes": "canonical"}, r'{"a":"\u0061"}', "#/a", "", "escapes='canonical'"),
]


@pytest.mark.parametrize(("policies", "text", "pointer", "keyword", "reason"), POLICIES)
def test_a_policy_is_named(policies, text, pointer, keyword, reason):
    found = verdict({"type": "object", **ORDERED}, text, **policies)
    assert (found.pointer, found.keyword) == (pointer, keyword)
    assert reason in found.reason


def test_a_policy_that_is_kept_is_not_to_blame():
    found = verdict(ORDERED | {"properties": {"a": {"type": "null"}}}, '{"a":1}', whitespace="compact")
    assert found.keyword == "type"


def test_formats_that_are_annotations_are_not_to_blame():
    schema = {"allOf": [{"format": "date"}, {"maxLength": 2}]}
    assert verdict(schema, '"abc"', formats="annotate").keyword == "maxLength"


def test_keywords_of_other_documents():
    other = referencing.Resource.from_contents({"$id": "urn:other", "$defs": {"a": {"type": "null"}}},
                                               default_specification=referencing.jsonschema.DRAFT202012)  # fmt: skip
    registry = referencing.Registry().with_resources([("urn:other", other)])
    found = verdict({"items": {"$ref": "urn:other#/$defs/a"}}, "[1]", registry=registry)
    assert (found.pointer, found.schema_pointer) == ("#/0", "urn:other#/$defs/a/type")


def test_a_branch_that_got_furthest_is_said_to_be_one_of_several():
    found = verdict({"type": "object", "oneOf": [CAT, DOG]}, '{"kind": "dog", "barks": 1}')
    assert "#/oneOf" in found.reason


def test_other_constraints_have_their_place_only():
    found = treadle.check(treadle.Regex("[0-9]+"), "12a")
    assert (found.offset, found.pointer, found.keyword) == (2, "", "")
    assert treadle.check(treadle.PythonType(int), '"a"').keyword == "type"


def test_nesting_of_ten_thousand_is_explained():
    text = "[" * 10_000
    assert verdict(True, text).reason.startswith("the text ends early")
