"""For every keyword of every draft: schemas with values that they accept and refuse because of it.

`CASES[keyword]` are the cases in which the keyword decides. Who switches it off has to see one of them fail
(tests/conformance/test_mutations.py); jsonschema and the engine have to agree with all (test_schema_keywords.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ALL = (3, 4, 6, 7, 2019, 2020)
FROM_4, FROM_6, FROM_7, FROM_2019 = ALL[1:], ALL[2:], ALL[3:], ALL[4:]
UP_TO_4, UP_TO_7, UP_TO_2019 = ALL[:2], ALL[:4], ALL[:5]


@dataclass(frozen=True)
class Case:
    """A schema without `$schema`, and the drafts in which it decides like this."""

    schema: dict[str, Any]
    accepted: tuple[Any, ...]
    refused: tuple[Any, ...]
    drafts: tuple[int, ...] = ALL


def _node(keyword: str, anchor: dict[str, Any]) -> dict[str, Any]:
    """Two resources with the same anchor: a reference in the inner one leads to the outer one."""
    back = "#node" if keyword == "$dynamicRef" else "#"
    inner = {"$id": "http://example.com/inner", **anchor, "items": {keyword: back}}
    return {
        "$id": "http://example.com/outer",
        **anchor,
        "maxItems": 1,
        "$ref": "inner",
        "$defs": {"inner": inner},
    }


CASES: dict[str, tuple[Case, ...]] = {
    "type": (
        Case({"type": "string"}, ("a",), (1, None)),
        Case({"type": ["null", "integer"]}, (None, 1), (1.5, "a")),
        Case({"type": "integer"}, (1,), (1.0,), UP_TO_4),
        Case({"type": "integer"}, (1, 1.0), (1.5,), FROM_6),
        Case({"type": ["null", {"minimum": 2}]}, (None, 2, "a"), (1,), (3,)),
        Case({"type": "any"}, (None, 1), (), (3,)),
    ),
    "enum": (Case({"enum": [1, "a", [0]]}, (1, "a", [0]), (2, True, [False])),),
    "const": (Case({"const": {"a": 1}}, ({"a": 1},), ({}, {"a": True}), FROM_6),),
    "pattern": (Case({"pattern": "^a+$"}, ("a", 1), ("ab", "")),),
    "minLength": (Case({"minLength": 2}, ("ab", "日本", 1), ("a", "😀")),),
    "maxLength": (Case({"maxLength": 1}, ("a", "😀", 1), ("ab",)),),
    "format": (Case({"format": "ipv6"}, ("::1", 1), ("x",)),),
    "minimum": (Case({"minimum": 2}, (2, 2.5, "a"), (1, 1.99)),),
    "maximum": (Case({"maximum": 2}, (2, -1, "a"), (3, 2.01)),),
    "exclusiveMinimum": (
        Case({"minimum": 1, "exclusiveMinimum": True}, (1.5, "a"), (1,), UP_TO_4),
        Case({"exclusiveMinimum": 1}, (1.5, "a"), (1, 0), FROM_6),
    ),
    "exclusiveMaximum": (
        Case({"maximum": 1, "exclusiveMaximum": True}, (0.5, "a"), (1,), UP_TO_4),
        Case({"exclusiveMaximum": 1}, (0.5, "a"), (1, 2), FROM_6),
    ),
    "multipleOf": (Case({"multipleOf": 0.5}, (1, 1.5, "a"), (1.25,), FROM_4),),
    "divisibleBy": (Case({"divisibleBy": 2}, (2, 4.0, "a"), (3,), (3,)),),
    "items": (
        Case({"items": {"type": "null"}}, ([], [None], {}), ([1], [None, 1])),
        Case({"items": [{"type": "null"}]}, ([], [None, 1]), ([1],), UP_TO_2019),
        Case({"prefixItems": [{}], "items": {"type": "null"}}, ([1, None],), ([1, 2],), (2020,)),
    ),
    "prefixItems": (Case({"prefixItems": [{"type": "null"}]}, ([], [None, 1]), ([1],), (2020,)),),
    "additionalItems": (Case({"items": [{}], "additionalItems": False}, ([], [1]), ([1, 2],), UP_TO_2019),),
    "minItems": (Case({"minItems": 1}, ([1], "a"), ([],)),),
    "maxItems": (Case({"maxItems": 1}, ([1], "a"), ([1, 2],)),),
    "uniqueItems": (Case({"uniqueItems": True}, ([1, "1", True], "a"), ([1, 1.0], [{"a": 1}, {"a": 1}])),),
    "contains": (Case({"contains": {"type": "null"}}, ([1, None], "a"), ([], [1]), FROM_6),),
    "minContains": (
        Case({"contains": {"type": "null"}, "minContains": 2}, ([None, None],), ([None],), FROM_2019),
        Case({"contains": {"type": "null"}, "minContains": 0}, ([],), (), FROM_2019),
    ),
    "maxContains": (
        Case({"contains": {"type": "null"}, "maxContains": 1}, ([None],), ([None, None],), FROM_2019),
    ),
    "unevaluatedItems": (
        Case({"unevaluatedItems": {"type": "null"}}, ([None], {}), ([1],), FROM_2019),
        Case({"contains": {"type": "null"}, "unevaluatedItems": False}, ([None],), ([None, 1],), (2020,)),
    ),
    "properties": (Case({"properties": {"a": {"type": "null"}}}, ({"a": None}, {"b": 1}, []), ({"a": 1},)),),
    "patternProperties": (
        Case({"patternProperties": {"^a": {"type": "null"}}}, ({"ab": None}, {"b": 1}), ({"ab": 1},)),
    ),
    "additionalProperties": (
        Case({"additionalProperties": False}, ({}, []), ({"a": 1},)),
        Case(
            {"properties": {"a": {}}, "additionalProperties": {"type": "null"}},
            ({"a": 1, "b": None},),
            ({"b": 1},),
        ),
    ),
    "required": (
        Case({"required": ["a"]}, ({"a": 1}, []), ({}, {"b": 1}), FROM_4),
        Case({"properties": {"a": {"required": True}, "b": {}}}, ({"a": 1}, []), ({}, {"b": 1}), (3,)),
    ),
    "minProperties": (Case({"minProperties": 1}, ({"a": 1}, []), ({},), FROM_4),),
    "maxProperties": (Case({"maxProperties": 1}, ({"a": 1}, []), ({"a": 1, "b": 2},), FROM_4),),
    "propertyNames": (Case({"propertyNames": {"maxLength": 1}}, ({"a": 1}, []), ({"ab": 1},), FROM_6),),
    "unevaluatedProperties": (
        Case(
            {"anyOf": [{"properties": {"a": {}}, "required": ["a"]}, {}], "unevaluatedProperties": False},
            ({"a": 1}, []),
            ({"b": 1}, {"a": 1, "b": 1}),
            FROM_2019,
        ),
    ),
    "allOf": (Case({"allOf": [{"minimum": 1}, {"maximum": 2}]}, (1, 2), (0, 3), FROM_4),),
    "anyOf": (Case({"anyOf": [{"type": "null"}, {"minimum": 2}]}, (None, 2), (1,), FROM_4),),
    "oneOf": (Case({"oneOf": [{"minimum": 2}, {"maximum": 3}]}, (1, 4), (2, "a"), FROM_4),),
    "not": (Case({"not": {"type": "null"}}, (1,), (None,), FROM_4),),
    "if": (
        Case(
            {"if": {"minimum": 2}, "then": {"multipleOf": 2}, "else": {"type": "null"}},
            (2, "a"),
            (1, 3),
            FROM_7,
        ),
    ),
    "then": (Case({"if": {"minimum": 2}, "then": {"multipleOf": 2}}, (1, 2), (3,), FROM_7),),
    "else": (Case({"if": {"minimum": 2}, "else": {"type": "null"}}, (2, None), (1,), FROM_7),),
    "dependencies": (
        Case({"dependencies": {"a": ["b"]}}, ({}, {"a": 1, "b": 1}, []), ({"a": 1},), UP_TO_7),
        Case(
            {"dependencies": {"a": {"properties": {"b": {"type": "null"}}}}},
            ({"b": 1},),
            ({"a": 1, "b": 1},),
            UP_TO_7,
        ),
        Case({"dependencies": {"a": "b"}}, ({"a": 1, "b": 1},), ({"a": 1},), (3,)),
    ),
    "dependentRequired": (
        Case({"dependentRequired": {"a": ["b"]}}, ({}, {"a": 1, "b": 1}, []), ({"a": 1},), FROM_2019),
    ),
    "dependentSchemas": (
        Case(
            {"dependentSchemas": {"a": {"maxProperties": 1}}}, ({"a": 1}, []), ({"a": 1, "b": 1},), FROM_2019
        ),
    ),
    "$ref": (
        Case(
            {"items": {"$ref": "#/definitions/d"}, "definitions": {"d": {"type": "null"}}}, ([None],), ([1],)
        ),
        Case({"items": {"$ref": "#"}, "type": "array"}, ([], [[]]), ([1],)),
    ),
    "$dynamicRef": (
        Case(
            _node("$dynamicRef", {"$dynamicAnchor": "node"}), ([], [[]], [[1]]), ([[], []], [[1, 2]]), (2020,)
        ),
    ),
    "$recursiveRef": (
        Case(
            _node("$recursiveRef", {"$recursiveAnchor": True}),
            ([], [[]], [[1]]),
            ([[], []], [[1, 2]]),
            (2019,),
        ),
    ),
    "extends": (
        Case({"extends": {"minimum": 2}}, (2, "a"), (1,), (3,)),
        Case({"extends": [{"minimum": 2}, {"maximum": 3}]}, (2, "a"), (1, 4), (3,)),
    ),
    "disallow": (
        Case({"disallow": "null"}, (1,), (None,), (3,)),
        Case({"disallow": ["null", {"minimum": 2}]}, (1,), (None, 2, "a"), (3,)),
    ),
}

#: Spellings of older drafts, read where no draft is named. jsonschema takes them for malformed or for annotations.
UNNAMED: dict[str, tuple[Case, ...]] = {
    "items": (Case({"items": [{"type": "null"}]}, ([], [None, 1]), ([1],)),),
    "additionalItems": (Case({"items": [{}], "additionalItems": False}, ([1],), ([1, 2],)),),
    "exclusiveMinimum": (Case({"minimum": 1, "exclusiveMinimum": True}, (2,), (1,)),),
    "exclusiveMaximum": (Case({"maximum": 1, "exclusiveMaximum": True}, (0,), (1,)),),
    "dependencies": (Case({"dependencies": {"a": ["b"]}}, ({}, {"a": 1, "b": 1}), ({"a": 1},)),),
}

#: For every format: texts that have it and texts that have not.
FORMATS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "date": (("2024-02-29",), ("2023-02-29",)),
    "time": (("12:00:00Z",), ("12:00",)),
    "date-time": (("2024-02-29T12:00:00Z",), ("2024-02-29",)),
    "duration": (("P1D",), ("1D",)),
    "ipv4": (("127.0.0.1",), ("256.0.0.1",)),
    "ip-address": (("127.0.0.1",), ("256.0.0.1",)),
    "ipv6": (("::1",), ("1::2::3",)),
    "hostname": (("example.com",), ("-a",)),
    "host-name": (("example.com",), ("-a",)),
    "idn-hostname": (("실례.테스트",), ("〮a",)),
    "email": (("a@b.org",), ("ab",)),
    "idn-email": (("실례@실례.테스트",), ("ab",)),
    "uri": (("http://a/b?c#d",), ("//a",)),
    "uri-reference": (("//a",), ("a\\b",)),
    "iri": (("http://ƒøø.ßår/",), ("//a",)),
    "iri-reference": (("#ƒ",), ("a\\b",)),
    "uri-template": (("/{a}",), ("/{a",)),
    "json-pointer": (("/a/~1",), ("a",)),
    "relative-json-pointer": (("0/a",), ("/a",)),
    "uuid": (("2eb8aa08-aa98-11ea-b4aa-73b441d16380",), ("2eb8aa08aa9811eab4aa73b441d16380",)),
    "regex": (("^a+$",), ("^(a",)),
    "color": (("red", "#0f0"), ("rot",)),
}
