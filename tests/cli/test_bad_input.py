"""Bad input: one line on standard error with its place, exit status 2, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def deep(levels: int) -> dict:
    schema: dict = {"type": "integer"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


BAD_SCHEMAS = {
    "unsatisfiable": ({"type": "number", "minimum": 3, "maximum": 2}, "#"),
    "unsatisfiable member": ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "#"),
    "unknown reference": ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "#/$defs/b"),
    "remote reference": ({"$ref": "urn:nowhere:schema"}, "urn:nowhere:schema"),
    "malformed pattern": ({"properties": {"a": {"pattern": "a(b"}}}, "#/properties/a/pattern"),
    "back-reference": ({"pattern": r"^(a|b)\1$"}, "#/pattern"),
    "wrong type of keyword": ({"properties": {"a": {"minLength": "3"}}}, "#/properties/a/minLength"),
    "unknown type": ({"type": "text"}, "#/type"),
    "not a schema": (["type", "string"], ""),
}


@pytest.mark.parametrize(("schema", "place"), BAD_SCHEMAS.values(), ids=BAD_SCHEMAS)
@pytest.mark.parametrize("command", ["check", "compile"])
def test_bad_schemas(treadle_command, file, command, schema, place):
    arguments = [command, file(schema), *([file("1", "instance.json")] if command == "check" else [])]
    done = treadle_command(*arguments)
    assert done.is_one_line_error("treadle: ", place), done


@pytest.mark.parametrize("text", ["", "{", '{"type": }', "type: string", "\x00"])
def test_schemas_that_are_not_json(treadle_command, file, text):
    assert treadle_command("compile", file(text)).is_one_line_error("schema.json, line 1, column")


def test_a_schema_that_is_not_utf8(treadle_command, file):
    assert treadle_command("compile", file(b'{"const": "\xff"}')).is_one_line_error(
        "schema.json, byte 11", "UTF-8"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "x"],
        ["generate", "x", "--regex", "a", "--choices", "b"],
        ["generate", "x", "--regex", "a(b"],
        ["generate", "x", "--regex", "a", "--max-tokens", "0"],
        ["generate", "x", "--regex", "a", "--stream", "--json"],
        ["generate", "x", "--type", "no.such.module:Thing"],
        ["generate", "x", "--type", "integer"],
        ["generate", "-", "--schema", "-"],
        ["check", "person"],
        ["check", "no-such-file.json", "person"],
        ["check", "person", "no-such-file.json"],
        ["compile", "."],
        ["compile", "person", "--vocab", "no-such-folder"],
        ["compile", "person", "--whitespace", "lots"],
        ["comple", "person"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_arguments(treadle_command, arguments):
    assert treadle_command(*arguments).is_one_line_error("treadle: ")


@pytest.mark.parametrize("levels", [500, 100_000])
def test_deep_nesting_works_or_is_one_line(treadle_command, file, levels):
    # Written by hand: json.dumps does not go as deep as this.
    text = '{"type":"array","items":' * levels + "{}" + "}" * levels
    done = treadle_command("compile", file(text))
    assert done.status == 0 or done.is_one_line_error("treadle: "), done.err[:300]


def test_a_schema_of_two_megabytes_works_or_is_one_line(treadle_command, file):
    names = {f"member_{number:06}": {"type": "string", "maxLength": number % 50} for number in range(40_000)}
    text = json.dumps({"type": "object", "properties": names})
    assert len(text) > 2_000_000
    done = treadle_command("compile", file(text))
    assert done.status == 0 or done.is_one_line_error("treadle: "), done.err[:300]


def test_no_arguments_show_the_help(treadle_command):
    done = treadle_command()
    assert done.status == 2
    assert "generate" in done.out + done.err


def test_as_a_process_of_its_own(file):
    command = [sys.executable, "-m", "treadle", "compile", file({"type": "text"})]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("treadle: #/type: ")
    assert done.stderr.count("\n") == 1
