"""Generated tasks: their own texts answer them, held-out ones are held out, and the judge sees what a text does."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import jsonschema
import pytest
from bench.masked_material import tasks, values

import treadle

FUNCTIONS = Path(__file__).resolve().parents[2] / "examples/functions.lark"


def test_every_text_answers_its_own_prompt_and_satisfies_its_constraint():
    grammar = treadle.Grammar(FUNCTIONS.read_text("utf-8"))
    for task in islice(tasks(5, held_out=True), 40):
        assert task.right(task.text)
        if task.schema is None:
            assert treadle.check(grammar, task.text.encode())
        else:
            assert not task.right(task.text.replace("{", "", 1))
            jsonschema.Draft202012Validator.check_schema(task.schema)
            assert treadle.check(treadle.JsonSchema(task.schema), task.text.encode())


def test_training_never_sees_a_prompt_that_is_held_out():
    seen = {task.prompt for task in islice(tasks(2, held_out=False), 3000)}
    kept = {task.prompt for task in islice(tasks(4, held_out=True), 300)}
    assert not seen & kept


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("def f(a, b):\n    return b + a\n", True),
        ("def f(a, b):\n    return a - -b\n", True),
        ("def f(x, y):\n    return x + y\n", True),
        ("def f(a, b):\n    return a - b\n", False),
        ("def g(a, b):\n    return a + b\n", False),
        ("def f(a):\n    return a\n", False),
        ("def f(a, b):\n    return open(a)\n", False),
        ("def f(a, b):\n    return a + c\n", False),
        ("def f(a, b):", False),
    ],
)
def test_functions_are_judged_by_their_values_and_never_run(text, same):
    assert (values(text) == values("def f(a, b):\n    return a + b\n")) == same
