"""`treadle generate` on the bundled model."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest

from treadle import library

pytestmark = pytest.mark.model


def test_a_schema(treadle_command):
    done = treadle_command("generate", "Ada Lovelace, 36. As JSON:", "--schema", "person", "--max-tokens", 60)
    assert (done.status, done.err) == (0, "")
    jsonschema.validate(json.loads(done.out), json.loads(library.find("schemas", "person").read_text()))


def test_several_samples_for_programs(treadle_command):
    arguments = "generate Year: --regex [0-9]{4} -n 3 --temperature 1 --seed 7 --json".split()
    first, second = (treadle_command(*arguments).json["results"] for _ in range(2))
    assert [result["text"] for result in first] == [result["text"] for result in second]
    assert len(first) == 3
    assert all(re.fullmatch("[0-9]{4}", result["text"]) for result in first)


def test_choices_with_the_prompt_from_standard_input(treadle_command):
    done = treadle_command("generate", "-", "--choices", "yes", "--choices", "no", stdin="Is water wet?\n")
    assert done.out in {"yes\n", "no\n"}


def test_streaming_gives_the_same_text(treadle_command):
    arguments = ["generate", "A number:", "--type", "int", "--max-tokens", 8]
    assert treadle_command(*arguments, "--stream").out == treadle_command(*arguments).out


def test_a_budget_below_the_shortest_text_is_refused_up_front(treadle_command):
    done = treadle_command("generate", "x", "--schema", "invoice", "--max-tokens", 3)
    assert done.is_one_line_error("treadle: ")


@pytest.mark.parametrize(
    "strategy", ["beam:width=2", "superposed:drafts=2", "astar:expansions=20,first=beam:width=2"]
)
def test_searches_take_their_options(treadle_command, strategy):
    arguments = ["generate", "Sky:", "--choices", "blue", "--choices", "grey", "--strategy", strategy]
    done = treadle_command(*arguments, "--no-forced-runs", "--exact-budget")
    assert done.out in {"blue\n", "grey\n"}


@pytest.mark.parametrize("option", ["--no-forced-runs", "--exact-budget"])
def test_streaming_goes_with_no_option_of_searches(treadle_command, option):
    done = treadle_command("generate", "Sky:", "--choices", "blue", "--stream", option)
    assert done.status != 0 and "--stream goes with neither" in done.err


PREDICATES = """
import treadle

def even(text):
    return int(text) % 2 == 0

def no_nine(text):
    return "9" not in text

pruned = treadle.Predicate(no_nine, when="partial")
plain = lambda text: "q" not in text
"""


@pytest.mark.parametrize(
    ("options", "admits"),
    [
        (("even",), lambda text: int(text) % 2 == 0),
        (("no_nine", "--predicate-when", "partial"), lambda text: "9" not in text),
        (("no_nine", "--predicate-when", "partial", "--predicate-unsound"), lambda text: "9" not in text),
        (("pruned", "--strategy", "awrs"), lambda text: "9" not in text),
    ],
)
def test_a_predicate_beside_a_constraint(treadle_command, file, options, admits):
    function, *more = options
    place = file(PREDICATES, f"conditions_{function}.py") + ":" + function
    arguments = ["generate", "A number:", "--regex", "[1-9][0-9]", "--predicate", place, *more, "-n", 4]
    done = treadle_command(*arguments, "--seed", 1)
    assert (done.status, done.err) == (0, "")
    texts = done.out.split()
    assert texts and all(re.fullmatch("[1-9][0-9]", text) and admits(text) for text in texts)


def test_a_predicate_alone_stands_beside_any_text(treadle_command, file):
    arguments = ["--predicate", file(PREDICATES, "alone.py") + ":plain", "--predicate-when", "partial"]
    done = treadle_command(
        "generate", "Sky:", *arguments, "--seed", 1, "--max-tokens", 6, "--strategy", "awrs"
    )
    assert done.status == 0 and done.out and "q" not in done.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--predicate", "nothing"), "give file.py:name or module:name"),
        (("--predicate", "math:no_such"), "no_such"),
        (("--predicate", "math:pi"), "a predicate is a function of the text"),
        (("--predicate-when", "partial"), "go with --predicate"),
        (("--predicate-unsound",), "go with --predicate"),
    ],
)
def test_a_predicate_that_is_none_is_refused(treadle_command, options, said):
    assert treadle_command("generate", "x", "--regex", "[0-9]", *options).is_one_line_error(said)


def test_standard_input_is_read_once(treadle_command):
    done = treadle_command("generate", "-", "--schema", "-", stdin="{}")
    assert done.is_one_line_error("the prompt and the constraint cannot both be standard input")
