"""One table of schemas with instances that they accept and refuse: what the suite does not have, or has no name for."""

from __future__ import annotations

import json
from typing import Any

import pytest

import treadle
from laws.random_schemas import URIS
from oracles.keyword_cases import CASES as KEYWORDS
from oracles.keyword_cases import FORMATS, UNNAMED, Case
from oracles.schema_judge import Judge
from treadle.automata.byte_automaton import DEAD, ByteAutomaton
from treadle.frontends.json_schema import compile_schema
from treadle.frontends.json_schema.simulate import accepts

D4 = "http://json-schema.org/draft-04/schema#"
TREE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "next": {"$ref": "#"}},
    "required": ["value"],
    "additionalProperties": False,
}

D7 = "http://json-schema.org/draft-07/schema#"

CASES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "a fragment as the identifier of draft 7 begins no resource": (
        {
            "$schema": D7,
            "type": ["array", "null"],
            "items": {"$ref": "#d0"},
            "definitions": {"d0": {"$id": "#d0", "items": {"$ref": "#"}}},
        },
        [[], [1], [[None]], [[[1]]]],
        [1, [[1]], [[[[1]]]]],
    ),
    "no integer of draft 4, but a multiple": (
        {"$schema": D4, "type": "number", "not": {"type": "integer"}, "multipleOf": 2},
        [2.0, 4.0, 0.0],
        [2, 3, 2.5, 1.0, "2.0"],
    ),
    "no integer of draft 3, but a multiple": (
        {"$schema": D4.replace("04", "03"), "type": "number", "disallow": ["integer"], "divisibleBy": 2},
        [2.0, 4.0, 0.0],
        [2, 3, 2.5, 1.0, "2.0"],
    ),
    "no keyword at all": ({}, [None, True, 0, "", [], {}, {"a": [1]}], []),
    "one equals 1.0 but not true": ({"enum": [1, [0]]}, [1, 1.0, [0.0]], [True, [False], "1"]),
    "const of an object, members in any order": (
        {"const": {"a": 1, "b": [2]}},
        [{"b": [2], "a": 1}],
        [{"a": 1}, {}],
    ),
    "enum narrowed by the other keywords": (
        {"enum": ["a", "bb", 3], "type": "string", "maxLength": 1},
        ["a"],
        ["bb", 3],
    ),
    "pattern and lengths together": (
        {"type": "string", "pattern": "^a+$", "minLength": 2, "maxLength": 3},
        ["aa", "aaa"],
        ["a", "aaaa", "ab"],
    ),
    "not a pattern": ({"type": "string", "not": {"pattern": "b"}}, ["", "a"], ["b", "abc"]),
    "not between two lengths": (
        {"type": "string", "not": {"minLength": 2, "maxLength": 3}},
        ["", "a", "abcd"],
        ["ab"],
    ),
    "a word pattern is a tag": (
        {"type": "string", "pattern": "^(get|put)$"},
        ["get", "put"],
        ["GET", "gets", 1],
    ),
    "bounds of either spelling": (
        {"minimum": 1, "exclusiveMaximum": 3, "type": "number"},
        [1, 2.999],
        [0.999, 3],
    ),
    "not a multiple, bounded": (
        {"type": "integer", "minimum": 0, "maximum": 4, "not": {"multipleOf": 2}},
        [1, 3],
        [0, 2, 4],
    ),
    "an integer may end in .0": ({"type": "integer"}, [1.0, -3], [1.5]),
    "draft 4 integers may not": ({"$schema": D4, "type": "integer"}, [1], [1.0]),
    "draft 4 integers that are listed": (
        {"$schema": D4, "type": "integer", "enum": [2, 1.0]},
        [1, 2],
        [1.0, 2.0],
    ),
    "draft 4 numbers that are not written as integers": (
        {"$schema": D4, "enum": [1, 2.5, "a"], "not": {"type": "integer"}},
        [1.0, 2.5, "a"],
        [1, 2.0],
    ),
    "draft 4 listed integers without some": (
        {"$schema": D4, "type": "integer", "enum": [1, 2], "not": {"type": "integer", "minimum": 2}},
        [1],
        [2, 1.0],
    ),
    "draft 4 exclusive bounds": ({"$schema": D4, "minimum": 1, "exclusiveMinimum": True}, [1.5, "x"], [1]),
    "draft 4 exclusive bounds without saying so": ({"minimum": 1, "exclusiveMinimum": True}, [2], [1]),
    "tuple items without saying so": (
        {"items": [{"type": "string"}], "additionalItems": {"type": "null"}},
        [[], ["a"], ["a", None]],
        [[1], ["a", 1]],
    ),
    "dependencies without saying so": (
        {"dependencies": {"a": ["b"]}},
        [{}, {"b": 1}, {"a": 1, "b": 1}],
        [{"a": 1}],
    ),
    "required member that nothing describes": ({"required": ["x"]}, [{"x": 0}, []], [{}]),
    "a forbidden member": ({"properties": {"a": False}}, [{}, {"b": 1}], [{"a": 1}]),
    "overlapping patterns both hold": (
        {"patternProperties": {"^a": {"type": "integer"}, "b$": {"minimum": 3}}},
        [{"ab": 3}, {"a": 1}, {"b": "x"}],
        [{"ab": 2}, {"ab": "x"}, {"b": 1}],
    ),
    "a listed member and a pattern both hold": (
        {"properties": {"ab": {"maximum": 5}}, "patternProperties": {"^a": {"minimum": 3}}},
        [{"ab": 4}],
        [{"ab": 6}, {"ab": 2}],
    ),
    "names by a schema of their own": (
        {"propertyNames": {"anyOf": [{"maxLength": 1}, {"pattern": "^x"}]}},
        [{"a": 1, "xyz": 2}],
        [{"ab": 1}],
    ),
    "few names and a count": (
        {"propertyNames": {"enum": ["a", "b"]}, "minProperties": 2},
        [{"b": 0, "a": 0}],
        [{"a": 0}],
    ),
    "counts with optional members": (
        {
            "properties": {"a": {}, "b": {}},
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        },
        [{"a": 1}, {"b": 1}],
        [{}, {"a": 1, "b": 1}],
    ),
    "recursion": (
        TREE,
        [{"value": 1}, {"value": 1, "next": {"value": 2}}],
        [{"next": {}}, {"value": 1, "next": {}}],
    ),
    "recursive conjunction": (
        {"allOf": [TREE, {"properties": {"next": {"required": ["next"]}}}]},
        [{"value": 1}],
        [{"value": 1, "next": {"value": 2}}],
    ),
    "one of two overlapping objects": (
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        [{"a": 1}, {"b": 1, "c": 2}],
        [{}, {"a": 1, "b": 1}],
    ),
    "one of two overlapping numbers": (
        {"oneOf": [{"minimum": 2}, {"maximum": 3}], "type": "number"},
        [1, 4],
        [2, 3, 2.5],
    ),
    "if a tag, then a member": (
        {
            "if": {"properties": {"k": {"const": 1}}, "required": ["k"]},
            "then": {"required": ["x"]},
            "else": {"required": ["y"]},
        },
        [{"k": 1, "x": 0}, {"y": 0}, {"k": 2, "y": 0}],
        [{"k": 1}, {"k": 2}, {}, {"k": 1, "y": 0}],
    ),
    "not required": ({"not": {"required": ["a", "b"]}}, [{}, {"a": 1}], [{"a": 1, "b": 1}]),
    "not an object of integers": (
        {"type": "object", "not": {"additionalProperties": {"type": "integer"}}},
        [{"a": "x"}],
        [{}, {"a": 1}],
    ),
    "not an array of integers": (
        {"type": "array", "not": {"items": {"type": "integer"}}},
        [["x"], [1, None]],
        [[], [1]],
    ),
    "contains between one and two": (
        {"contains": {"type": "integer"}, "maxContains": 2},
        [[1], ["x", 1, 2]],
        [[], ["x"], [1, 2, 3]],
    ),
    "unique items that are few": (
        {"items": {"enum": [1, 2]}, "uniqueItems": True},
        [[], [1], [2, 1]],
        [[1, 1], [1, 2, 1]],
    ),
    "unique items that are many": (
        {"type": "array", "uniqueItems": True},
        [[1, "1", True, [1], {"a": 1}]],
        [[1, 1.0], [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [[], []]],
    ),
    "not unique": (
        {"type": "array", "not": {"uniqueItems": True}},
        [[1, 1], [1, 2, 1.0]],
        [[], [1], [1, True]],
    ),
    "unevaluated beside one of": (
        {
            "oneOf": [
                {"properties": {"k": {"const": 1}, "a": {}}, "required": ["k"]},
                {"properties": {"k": {"const": 2}, "b": {}}, "required": ["k"]},
            ],
            "unevaluatedProperties": False,
        },
        [{"k": 1, "a": 0}, {"k": 2, "b": 0}],
        [{"k": 1, "b": 0}, {"k": 2, "c": 0}],
    ),
    "unevaluated under not": (
        {"not": {"properties": {"a": {}}, "unevaluatedProperties": False}, "type": "object"},
        [{"b": 1}, {"a": 1, "b": 1}],
        [{}, {"a": 1}],
    ),
    "nullable is an annotation": ({"type": "string", "nullable": True}, ["x"], [None]),
}


@pytest.mark.parametrize(("schema", "accepted", "refused"), CASES.values(), ids=CASES.keys())
def test_schema_accepts_and_refuses(schema: Any, accepted: list[Any], refused: list[Any]) -> None:
    goal, _ = compile_schema(schema, property_order="any")
    assert [value for value in accepted if not accepts(goal, value)] == []
    assert [value for value in refused if accepts(goal, value)] == []


BY_DRAFT = [
    pytest.param({"$schema": URIS[draft], **case.schema}, case, id=f"{keyword}-{number}-{draft}")
    for keyword, cases in KEYWORDS.items()
    for number, case in enumerate(cases)
    for draft in case.drafts
]
UNNAMED_CASES = [(case.schema, case) for cases in UNNAMED.values() for case in cases]


def texts_wrong(schema: Any, case: Case) -> list[str]:
    """The texts of a case that the engine judges otherwise."""
    automaton = ByteAutomaton(treadle.JsonSchema(schema, property_order="any").rules()[0])
    verdicts = dict.fromkeys(map(json.dumps, case.accepted), True)
    verdicts |= dict.fromkeys(map(json.dumps, case.refused), False)
    states = {text: automaton.run(automaton.start, text.encode()) for text in verdicts}
    return [
        text
        for text, state in states.items()
        if (state != DEAD and automaton.is_accepting(state)) != verdicts[text]
    ]


@pytest.mark.parametrize(("schema", "case"), BY_DRAFT)
def test_a_keyword_decides_as_jsonschema_says(schema: Any, case: Case) -> None:
    judge = Judge(schema)
    assert [value for value in case.accepted if not judge.accepts(json.dumps(value))] == []
    assert [value for value in case.refused if judge.accepts(json.dumps(value))] == []
    assert texts_wrong(schema, case) == []


@pytest.mark.parametrize(("schema", "case"), UNNAMED_CASES)
def test_older_spellings_are_read_where_no_draft_is_named(schema: Any, case: Case) -> None:
    assert texts_wrong(schema, case) == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_decides(name: str) -> None:
    assert texts_wrong({"format": name}, Case({}, *FORMATS[name])) == []


@pytest.mark.parametrize(
    ("schema", "instance", "why"),
    [
        ({"properties": {"b": {}, "a": {}}}, {"a": 1, "b": 1}, "members come as `properties` lists them"),
        ({"properties": {"a": {}}}, {"x": 1, "a": 1}, "other members come last"),
        (
            {"properties": {"a": {}}, "required": ["z"]},
            {"z": 1, "a": 1},
            "required names come behind declared ones",
        ),
    ],
)
def test_declared_order_refuses_what_any_order_accepts(schema: Any, instance: Any, why: str) -> None:
    declared, _ = compile_schema(schema, property_order="declared")
    free, _ = compile_schema(schema, property_order="any")
    assert accepts(free, instance), why
    assert not accepts(declared, instance), why
    assert accepts(declared, dict(reversed(instance.items()))), why


def test_formats_are_asserted_unless_told_otherwise() -> None:
    schema = {"$schema": D4, "type": "string", "format": "date"}
    assert not accepts(compile_schema(schema)[0], "yesterday")
    assert accepts(compile_schema(schema, formats="annotate")[0], "yesterday")


def test_report_names_annotations() -> None:
    goal, report = compile_schema({"type": "string", "format": "phone-number", "nullable": True})
    goal.cases()
    assert {(note.kind, note.pointer) for note in report} == {
        ("annotation", "#/format"),
        ("annotation", "#/nullable"),
    }
