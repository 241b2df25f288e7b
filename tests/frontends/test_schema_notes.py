"""Nothing silent: what people write and no draft enforces is enforced, refused, or named in the report."""

from __future__ import annotations

from typing import Any

import pytest
import referencing

import treadle
from treadle import JsonSchema
from treadle.errors import InvalidConstraint, UnsupportedFeature
from treadle.frontends.json_schema import compile_schema
from treadle.frontends.json_schema.compilation import Compilation

DRAFT3 = "http://json-schema.org/draft-03/schema#"
DRAFT4 = "http://json-schema.org/draft-04/schema#"
DRAFT6 = "http://json-schema.org/draft-06/schema#"
DRAFT7 = "http://json-schema.org/draft-07/schema#"
DRAFT2019 = "https://json-schema.org/draft/2019-09/schema"
DRAFT2020 = "https://json-schema.org/draft/2020-12/schema"

#: schema, kinds and pointers of the notes
NOTED: list[tuple[Any, list[tuple[str, str]]]] = [
    ({"type": "string", "nullable": True}, [("annotation", "#/nullable")]),
    ({"oneOf": [{}], "discriminator": {"propertyName": "k"}}, [("annotation", "#/discriminator")]),
    ({"contentEncoding": "base64"}, [("annotation", "#/contentEncoding")]),
    ({"contentMediaType": "text/plain"}, [("annotation", "#/contentMediaType")]),
    ({"$schema": DRAFT2019, "contentSchema": {"type": "null"}}, [("annotation", "#/contentSchema")]),
    ({"$vocabulary": {"https://example.com/vocab": True}}, [("annotation", "#/$vocabulary")]),
    ({"items": {"divisibleBy": 5}}, [("annotation", "#/items/divisibleBy")]),
    ({"extends": {"type": "string"}}, [("annotation", "#/extends")]),
    ({"disallow": ["string"]}, [("annotation", "#/disallow")]),
    (
        {"$schema": DRAFT3, "allOf": [{}], "minProperties": 1},
        [("annotation", "#/allOf"), ("annotation", "#/minProperties")],
    ),
    ({"$schema": DRAFT4, "const": 1}, [("annotation", "#/const")]),
    (
        {"$schema": DRAFT4, "contains": {}, "propertyNames": {}},
        [("annotation", "#/contains"), ("annotation", "#/propertyNames")],
    ),
    ({"$schema": DRAFT6, "if": {}, "then": {}}, [("annotation", "#/if"), ("annotation", "#/then")]),
    ({"$schema": DRAFT7, "dependentRequired": {}}, [("annotation", "#/dependentRequired")]),
    ({"$schema": DRAFT7, "unevaluatedItems": False}, [("annotation", "#/unevaluatedItems")]),
    ({"$schema": DRAFT2019, "prefixItems": [{}]}, [("annotation", "#/prefixItems")]),
    ({"$schema": DRAFT2020, "dependencies": {}}, [("annotation", "#/dependencies")]),
    (
        {"$schema": DRAFT2020, "prefixItems": [{}], "additionalItems": False},
        [("annotation", "#/additionalItems")],
    ),
    ({"$schema": DRAFT2020, "items": [{"type": "null"}]}, [("reading", "#/items")]),
    ({"$schema": DRAFT4, "$id": "urn:a"}, [("annotation", "#/$id")]),
    ({"$schema": DRAFT7, "id": "urn:a"}, [("annotation", "#/id")]),
    ({"$schema": DRAFT7, "id": {"not": "a name"}}, []),
    ({"properties": {"id": {"type": "string"}, "extends": {}, "const": {}}}, []),
    (
        {"$schema": DRAFT7, "definitions": {"a": {}}, "$ref": "#/definitions/a", "type": "null"},
        [("annotation", "#/type")],
    ),
    ({"$schema": "https://example.com/mine"}, [("reading", "#/$schema")]),
]


@pytest.mark.parametrize(("schema", "notes"), NOTED, ids=[str(schema) for schema, _ in NOTED])
def test_what_asserts_nothing_is_named(schema, notes):
    _, report = compile_schema(schema)
    assert sorted((note.kind, note.pointer) for note in report) == sorted(notes)


#: schema, texts that satisfy it, texts that do not
ENFORCED: list[tuple[Any, list[str], list[str]]] = [
    (
        {"items": [{"type": "null"}], "additionalItems": {"type": "string"}},
        ["[]", '[null, "a"]'],
        ["[1]", "[null, 1]"],
    ),
    (
        {"$schema": DRAFT2020, "items": [{"type": "null"}], "additionalItems": False},
        ["[null]"],
        ["[1]", "[null, null]"],
    ),
    ({"$schema": DRAFT3, "divisibleBy": 5}, ["10"], ["7"]),
    ({"$schema": DRAFT3, "extends": [{"type": "string"}, {"maxLength": 1}]}, ['"a"'], ["1", '"ab"']),
    ({"$schema": DRAFT3, "disallow": ["string", {"minimum": 5}]}, ["4"], ['"a"', "5"]),
    (
        {"$schema": DRAFT3, "type": ["string", {"type": "object", "properties": {"a": {"required": True}}}]},
        ['"a"', '{"a": 1}'],
        ["1", "{}"],
    ),
    ({"$schema": DRAFT3, "properties": {"a": {"required": True}, "b": {}}}, ['{"a": 1}'], ["{}", '{"b": 1}']),
    ({"$schema": DRAFT3, "dependencies": {"a": "b"}}, ['{"a": 1, "b": 1}', "{}"], ['{"a": 1}']),
    ({"$schema": DRAFT3, "type": "any"}, ["1", '"a"'], []),
    (
        {
            "$schema": DRAFT4,
            "id": "urn:a",
            "items": {"$ref": "#n"},
            "definitions": {"a": {"id": "#n", "type": "null"}},
        },
        ["[null]"],
        ["[1]"],
    ),
    (
        {"$id": "urn:a", "items": {"$ref": "#n"}, "$defs": {"a": {"$anchor": "n", "type": "null"}}},
        ["[null]"],
        ["[1]"],
    ),
    ({"minimum": 5, "exclusiveMinimum": True}, ["6"], ["5"]),
    (
        {"dependencies": {"a": ["b"], "c": {"maxProperties": 1}}},
        ['{"a": 1, "b": 1}', '{"c": 1}'],
        ['{"a": 1}', '{"c": 1, "b": 1}'],
    ),
]


@pytest.mark.parametrize(("schema", "valid", "invalid"), ENFORCED, ids=[str(case[0]) for case in ENFORCED])
def test_old_spellings_are_enforced(schema, valid, invalid):
    constraint = JsonSchema(schema, property_order="any")
    assert [text for text in valid if not treadle.check(constraint, text)] == []
    assert [text for text in invalid if treadle.check(constraint, text)] == []


def registry_of(**documents: Any) -> Any:
    make = referencing.Resource.from_contents
    return referencing.Registry().with_resources(
        (f"urn:{name}", make(contents, default_specification=referencing.jsonschema.DRAFT202012))
        for name, contents in documents.items()
    )


def meta_schema(**vocabularies: bool) -> dict[str, Any]:
    base = "https://json-schema.org/draft/2020-12/vocab/"
    known = {base + name: needed for name, needed in vocabularies.items() if name != "foreign"}
    foreign = {"urn:foreign": vocabularies["foreign"]} if "foreign" in vocabularies else {}
    return {"$schema": DRAFT2020, "$id": "urn:meta", "$vocabulary": known | foreign}


def test_only_the_vocabularies_of_the_meta_schema_are_enforced():
    registry = registry_of(meta=meta_schema(core=True, applicator=True))
    schema = {"$schema": "urn:meta", "properties": {"a": False}, "minProperties": 2}
    _, report = compile_schema(schema, registry=registry)
    assert [(note.kind, note.pointer) for note in report] == [("annotation", "#/minProperties")]
    constraint = JsonSchema(schema, registry=registry)
    assert treadle.check(constraint, '{"b": 1}')
    assert not treadle.check(constraint, '{"a": 1}')


def test_a_required_vocabulary_that_nobody_knows_is_refused():
    schema = {"$schema": "urn:meta", "type": "null"}
    needed = registry_of(meta=meta_schema(core=True, validation=True, foreign=True))
    with pytest.raises(UnsupportedFeature) as caught:
        compile_schema(schema, registry=needed)
    assert caught.value.where == "#/$schema"
    _, report = compile_schema(schema, registry=needed, lenient=True)
    assert [note.kind for note in report] == ["relaxed"]
    compile_schema(schema, registry=registry_of(meta=meta_schema(core=True, validation=True, foreign=False)))


def test_references_lead_into_the_registry_and_nowhere_else():
    schema = {"items": {"$ref": "urn:other#/$defs/a"}}
    registry = registry_of(
        other={"$id": "urn:other", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"type": "null"}}}
    )
    constraint = JsonSchema(schema, registry=registry)
    assert treadle.check(constraint, "[null]")
    assert not treadle.check(constraint, "[1]")
    with pytest.raises(InvalidConstraint) as caught:
        compile_schema(schema)
    assert caught.value.where == "#/items/$ref"
    assert "registry" in caught.value.expected
    # The drafts' own schemas are always there.
    compile_schema({"$ref": DRAFT7}, registry=registry)


#: Members of objects that are excluded have no place in the declared order.
ORDERS = [
    ({"uniqueItems": True}, '[{"a":1,"b":2},{"b":2,"a":2}]', True),
    ({"uniqueItems": True}, '[{"a":1,"b":2},{"b":2,"c":1,"a":1}]', True),
    ({"uniqueItems": True}, '[{"a":1,"b":2},{"b":2,"a":1}]', False),
    (
        {"uniqueItems": True, "items": {"properties": {"b": {}, "a": {}}}},
        '[{"b":1,"a":1},{"a":2,"b":2}]',
        False,
    ),
    ({"uniqueItems": True, "items": {"properties": {"b": {}}}}, '[{"b":1,"a":1},{"b":1,"c":1,"a":1}]', True),
    ({"uniqueItems": True, "items": {"properties": {"b": {}}}}, '[{"b":1,"a":1},{"a":2,"b":1}]', False),
    ({"uniqueItems": True, "items": {"minProperties": 2}}, '[{"a":1,"b":2},{"b":2,"a":2}]', True),
    ({"not": {"const": {"a": 1, "b": 2}}}, '{"b":2,"a":2}', True),
    ({"not": {"const": {"a": 1, "b": 2}}}, '{"b":2,"a":1}', False),
    ({"not": {"const": {"a": 1, "b": 2}}, "properties": {"b": {}, "c": {}}}, '{"b":2,"c":1,"a":1}', True),
    ({"not": {"const": {"a": 1, "b": 2}}, "properties": {"b": {}, "c": {}}}, '{"a":1,"b":3}', False),
    ({"not": {"const": {"a": 1}}, "maxProperties": 1}, '{"a":2}', True),
    ({"not": {"const": {"a": 1}}}, '{"a":2,"a":3}', False),
    ({"enum": [{"a": 1, "b": 2}]}, '{"b":2,"a":1}', False),
]


@pytest.mark.parametrize(("schema", "text", "accepted"), ORDERS)
def test_names_inside_of_what_is_excluded_are_not_declared(schema, text, accepted):
    assert bool(treadle.check(JsonSchema(schema), text)) is accepted


def test_what_was_noted_before_its_cases_were_asked_for_is_noted_by_every_compilation() -> None:
    """Cases are kept for all compilations, but not those of which something is to be said."""
    schema = {"type": "string", "minLength": 1, "maxLength": 3, "format": "of-nobody"}
    for asks_first in (True, False):
        compilation = Compilation(schema, declared_order=False, assert_formats=True, lenient=False)
        assert not asks_first or not compilation.root.is_empty()
        compilation.root.cases()
        assert [note.pointer for note in compilation.report] == ["#/format"]
