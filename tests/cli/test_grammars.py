"""Grammars on the command line: check, compile, and what goes wrong."""

from __future__ import annotations

import pytest

SUMS = """
start: NAME "=" sum
sum: sum ("+" | "-") NUMBER | NUMBER
NAME: /[a-z]+/
NUMBER: /[0-9]+/
%ignore " "
LOST: "x"
"""


@pytest.fixture
def sums(file) -> str:
    return file(SUMS, "sums.lark")


@pytest.mark.parametrize("text", ["a = 1 + 2", "a=1", "a = 1 - 2\n"])
def test_a_text_of_the_grammar_is_accepted(treadle_command, file, sums, text):
    done = treadle_command("check", "--grammar", sums, file(text, "text"))
    assert (done.status, done.out, done.err) == (0, "accepted\n", "")


def test_a_refusal_says_where_and_what_was_allowed(treadle_command, sums):
    done = treadle_command("check", "--grammar", sums, "-", "--json", stdin="a = 1 +\n+ 2\n")
    assert done.status == 1
    found = done.json
    assert (found["offset"], found["line"], found["column"]) == (7, 1, 8)
    assert found["expected"] == "' ' '0'-'9'"


def test_a_text_that_ends_early_is_refused(treadle_command, sums):
    done = treadle_command("check", "--grammar", sums, "-", stdin="a = ")
    assert done.status == 1
    assert "the text ends early" in done.out


def test_the_start_and_the_lexing_can_be_named(treadle_command, file, sums):
    text = file("1+2", "text")
    assert treadle_command("check", "--grammar", sums, text).status == 1
    assert treadle_command("check", "--grammar", sums, "--start", "sum", text).status == 0
    assert (
        treadle_command("check", "--grammar", sums, "--lexing", "scannerless", file("a=1", "other")).status
        == 0
    )


@pytest.mark.parametrize(
    ("name", "grammar", "accepted"),
    [("a.gbnf", 'root ::= "a" root | "b"', "aab"), ("a.ebnf", "s = 'a', { 'b' } ;", "abb")],
)
def test_other_languages_are_known_by_their_suffix(treadle_command, file, name, grammar, accepted):
    path = file(grammar, name)
    assert treadle_command("check", "--grammar", path, "-", stdin=accepted).status == 0
    assert treadle_command("check", "--grammar", path, "-", stdin="x").status == 1


def test_compile_reports_what_there_is(treadle_command, sums):
    done = treadle_command("compile", "--grammar", sums, "--json")
    assert done.status == 0
    assert done.json["enforced"]["rules"] == 2
    assert done.json["enforced"]["lexical lexing"] == 1
    assert done.json["notes"] == ["line 7 column 1: terminal LOST is never used (annotation)"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("check", "--grammar", "{wrong}", "{text}"), ("line 1 column 8", "b is used but not defined")),
        (("compile", "--grammar", "{wrong}"), ("line 1 column 8",)),
        (("check", "--grammar", "no-such-grammar", "{text}"), ("no grammar of this name",)),
        (("check", "--grammar", "missing.lark", "{text}"), ("missing.lark",)),
        (("check", "--grammar", "{wrong}", "{text}", "{text}"), ("one text",)),
        (("check", "{text}"), ("--grammar",)),
        (("compile",), ("--grammar",)),
        (("check", "--grammar", "-", "-"), ("standard input",)),
        (("compile", "{text}", "--grammar", "{wrong}"), ("a schema or --grammar",)),
        (("compile", "--grammar", "{wrong}", "--resource", "{text}"), ("--resource",)),
    ],
)
def test_what_is_wrong_is_one_line(treadle_command, file, arguments, parts):
    paths = {"{wrong}": file("start: b", "wrong.lark"), "{text}": file("a", "text")}
    done = treadle_command(*(paths.get(argument, argument) for argument in arguments))
    assert done.is_one_line_error(*parts), done
