"""`treadle check`: accepted or refused, and the place."""

from __future__ import annotations

import json

import pytest

POINT = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "y": {"type": "array", "items": {"type": "boolean"}}},
    "required": ["x"],
    "additionalProperties": False,
}

ACCEPTED = [
    '{"x": 1}',
    '{"y":[],"x":1}',
    ' \n{ "x" :\t1 }\r\n',
    '{"\\u0078": 1}',
    '{"x":1,"y":[true , false]}\n',
]

#: text, offset of the first byte that no valid text has there, pointer
REFUSED = [
    ('{"x": "1"}', 6, "#/x"),
    ('{"x": 1.5}', 9, "#/x"),  # 1.5e1 is an integer, so the digits may stand
    ('{"x": 1, "z": 2}', 10, "#"),
    ('{"x": 1, "x": 2}', 10, "#"),
    ('{"y": [true, 1], "x": 1}', 13, "#/y/1"),
    ("{}", 1, "#"),
    ("[]", 0, "#"),
    ('{"x": 1', 7, "#"),
    ("", 0, "#"),
    ('\n{"x": 1]', 8, "#"),
    ('{"y": [true], "z": 1}', 15, "#"),
    ('{"y": [true]', 12, "#"),
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepted(treadle_command, file, text):
    done = treadle_command("check", file(POINT), file(text, "instance.json"))
    assert (done.status, done.out, done.err) == (0, "accepted\n", "")


@pytest.mark.parametrize(("text", "offset", "pointer"), REFUSED)
def test_refused_with_its_place(treadle_command, file, text, offset, pointer):
    done = treadle_command("check", file(POINT), file(text, "instance.json"), "--json")
    assert done.status == 1
    assert done.json["accepted"] is False
    assert (done.json["offset"], done.json["pointer"]) == (offset, pointer)
    assert done.json["expected"]


def test_refused_says_place_reason_keyword_and_what_was_allowed(treadle_command, file):
    done = treadle_command("check", file(POINT), file('{\n  "x": true\n}', "instance.json"))
    assert (done.status, done.err) == (1, "")
    place, keyword, found, expected = done.out.splitlines()
    assert place == "refused at byte 9 (line 2, column 8), at #/x: true is not of type 'integer'"
    assert keyword.split() == ["keyword", "type,", "at", "#/properties/x/type"]
    assert found.split()[0] == "found"
    assert "'-' '0'-'9'" in expected


def test_refused_without_a_keyword_says_why(treadle_command, file):
    done = treadle_command("check", file(POINT), file('{"x": 1, "x": 2}', "instance.json"))
    assert "the name 'x' comes twice in this object" in done.out
    assert "keyword" not in done.out


def test_json_answers_have_the_keyword(treadle_command, file):
    done = treadle_command("check", file(POINT), file('{"x": "1"}', "instance.json"), "--json")
    assert done.json["keyword"] == "type"
    assert done.json["schema_pointer"] == "#/properties/x/type"
    assert done.json["reason"] == "\"1\" is not of type 'integer'"


def test_documents_that_a_schema_refers_to_are_given(treadle_command, file):
    schema = file({"items": {"$ref": "urn:point#/$defs/y"}, "allOf": [{"$ref": "lists.json"}]})
    point = file({"$id": "urn:point", "$defs": {"y": {"type": "null"}}}, "point.json")
    lists = file({"type": "array"}, "lists.json")
    instance = file("[null, 1]", "instance.json")
    assert treadle_command("check", schema, instance).is_one_line_error("--resource", "nothing is fetched")
    given = ["--resource", point, "--resource", lists]
    done = treadle_command("check", schema, instance, *given, "--json")
    assert (done.status, done.json["schema_pointer"]) == (1, "urn:point#/$defs/y/type")
    assert treadle_command("compile", schema, *given).status == 0
    elsewhere = file({"type": "array"}, "elsewhere.json")
    given = ["--resource", point, "--resource", f"lists.json={elsewhere}"]
    assert treadle_command("check", schema, file("[null]", "instance.json"), *given).status == 0
    assert treadle_command("check", schema, instance, "--resource", "nowhere.json").is_one_line_error(
        "nowhere"
    )


def test_schema_and_instance_may_come_from_standard_input(treadle_command, file):
    instance = '{"name": "Ada", "age": 36}'
    assert treadle_command("check", "person", "-", stdin=instance).status == 0
    assert treadle_command("check", "-", file(instance), stdin='{"type": "object"}').status == 0
    assert treadle_command("check", "-", "-").is_one_line_error("standard input")


def test_policies_can_be_tightened(treadle_command, file):
    schema, instance = file(POINT), file('{"y": [], "x": 1}', "instance.json")
    assert treadle_command("check", schema, instance).status == 0
    assert treadle_command("check", schema, instance, "--property-order", "declared").status == 1
    assert treadle_command("check", schema, instance, "--whitespace", "compact").status == 1


def test_an_instance_that_is_not_utf8_is_refused_at_the_byte(treadle_command, file):
    done = treadle_command("check", file({}), file(b'"caf\xe9"', "instance.json"), "--json")
    assert (done.status, done.json["offset"]) == (1, 5)


def test_json_answers_are_one_object_on_one_line(treadle_command, file):
    done = treadle_command("check", file(POINT), file('{"x": 1}', "instance.json"), "--json")
    assert json.loads(done.out) == {"accepted": True}
    assert done.out.count("\n") == 1
