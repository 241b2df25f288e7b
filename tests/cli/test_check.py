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
    ('{"x": 1', 7, "#/x"),
    ("", 0, "#"),
    ('\n{"x": 1]', 8, "#/x"),
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


def test_refused_says_place_and_what_was_allowed_in_one_line(treadle_command, file):
    done = treadle_command("check", file(POINT), file('{\n  "x": true\n}', "instance.json"))
    assert done.status == 1
    assert done.out.startswith("refused at byte 9 (line 2, column 8), at #/x: found 'true")
    assert done.out.count("\n") == 1
    assert done.err == ""


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
