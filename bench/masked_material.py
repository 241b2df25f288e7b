"""Generated tasks for the bundled masked model: prompts with the one text that answers each, to train on and to judge.

Two kinds, both drawn from a seed and from nothing else (no data set is read):

records    record name, age, city: from Oslo, age 31, Ada     ->  {"name": "Ada", "age": 31, "city": "Oslo"}
functions  function area of w and h: the product of w and h   ->  def area(w, h):\\n    return w * h\\n

The keys of a record stand in the order asked for, its facts in any order. A task is *held out* if its prompt's digest
says so, one in sixteen; training never sees those. `Task.right` judges what a text does, not how it is spelled: a
record by its parsed members, a function by its values on a grid, evaluated from its syntax tree and never run.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import json
import operator
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

NAMES = tuple(
    "Ada Alan Ana Ben Carl Chen Clara Dana David Diego Elena Emil Emma Erik Eva Farid Felix Finn Frida Grace Hana Hugo "
    "Ida Igor Ines Iris Ivan Jan Jonas Judith Kamal Karl Kenji Lars Laura Leo Lin Lisa Lucas Maria Max Maya Mia Nadia "
    "Nils Nora Olga Omar Oscar Paul Petra Priya Rosa Ruth Sam Sara Sofia Theo Tom Uma Vera Victor Wei Yusuf Zoe".split()
)
CITIES = tuple(
    "Accra Athens Berlin Bern Boston Cairo Dakar Delhi Dublin Geneva Hanoi Havana Kyoto Lagos Lima Lisbon London "
    "Lyon Madrid Milan Nairobi Osaka Oslo Paris Porto Prague Quito Riga Rome Seoul Sofia Tokyo Tunis Turin Vienna "
    "Zurich".split()
)
JOBS = tuple(
    "actor baker chef clerk doctor driver farmer judge lawyer nurse painter pilot sailor singer tailor".split()
)
HOBBIES = tuple(
    "art bread cats chess dogs films golf jazz maps poetry rowing rugby skating tea trains yoga".split()
)
LEVELS = ("low", "medium", "high")

Facts = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A prompt, the text that answers it, and what says whether another text does."""

    kind: str
    prompt: str
    text: str
    #: The JSON Schema of a record; None for a function.
    schema: dict[str, Any] | None
    right: Callable[[str], bool]

    @property
    def is_held_out(self) -> bool:
        return hashlib.sha256(self.prompt.encode()).digest()[0] < 16


def tasks(seed: int, *, held_out: bool) -> Iterator[Task]:
    """Without end: records and functions by turns, either held out or not."""
    rng = random.Random(seed)
    for make in itertools.cycle((record, function)):
        while (task := make(rng)).is_held_out != held_out:
            pass
        yield task


# -- records ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """A member: how a value is drawn, told in a prompt, and described by a schema."""

    draw: Callable[[random.Random], Any]
    tell: Callable[[Any], str]
    schema: dict[str, Any]


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


FIELDS = {
    "name": Field(lambda rng: rng.choice(NAMES), str, _text(12)),
    "age": Field(
        lambda rng: rng.randint(10, 99), "age {}".format, {"type": "integer", "minimum": 0, "maximum": 120}
    ),
    "city": Field(lambda rng: rng.choice(CITIES), "from {}".format, _text(12)),
    "job": Field(lambda rng: rng.choice(JOBS), "a {}".format, _text(12)),
    "active": Field(
        lambda rng: rng.random() < 0.5, lambda on: "active" if on else "retired", {"type": "boolean"}
    ),
    "year": Field(
        lambda rng: rng.randint(1950, 2025),
        "since {}".format,
        {"type": "integer", "minimum": 1900, "maximum": 2100},
    ),
    "level": Field(lambda rng: rng.choice(LEVELS), "{} level".format, {"enum": list(LEVELS)}),
    "likes": Field(
        lambda rng: rng.sample(HOBBIES, rng.randint(1, 2)),
        lambda some: "likes " + " and ".join(some),
        {"type": "array", "items": _text(12), "minItems": 1, "maxItems": 3},
    ),
}


def record(rng: random.Random) -> Task:
    keys = rng.sample(list(FIELDS), rng.randint(2, 4))
    value = {key: FIELDS[key].draw(rng) for key in keys}
    told = [FIELDS[key].tell(value[key]) for key in rng.sample(keys, len(keys))]
    schema = {
        "type": "object",
        "properties": {key: FIELDS[key].schema for key in keys},
        "required": keys,
        "additionalProperties": False,
    }
    prompt = f"record {', '.join(keys)}: {', '.join(told)}\n"
    return Task("record", prompt, json.dumps(value), schema, lambda text: _is_record(text, value))


def _is_record(text: str, value: Facts) -> bool:
    try:
        # True == 1 in Python, but not in JSON.
        return json.dumps(json.loads(text), sort_keys=True) == json.dumps(value, sort_keys=True)
    except ValueError:
        return False


# -- functions ----------------------------------------------------------------------------------------

TITLES = ("area", "blend", "cost", "gain", "loss", "merge", "pick", "rate", "score", "total")
ARGUMENTS = ("a", "b", "c", "h", "n", "w", "x", "y")
#: How an expression of two parts is told and written; parts are arguments, numbers or `single`s.
DOUBLE = (
    ("the sum of {} and {}", "{} + {}"),
    ("the product of {} and {}", "{} * {}"),
    ("{} minus {}", "{} - {}"),
    ("the larger of {} and {}", "max({}, {})"),
    ("the smaller of {} and {}", "min({}, {})"),
)
SINGLE = (("the square of {}", "{} ** 2"), ("the size of {}", "abs({})"))
AROUND = (("twice {}", "2 * ({})"), ("{} plus {n}", "{} + {n}"), ("{}", "{}"), ("{}", "{}"))


def function(rng: random.Random) -> Task:
    title, names = rng.choice(TITLES), rng.sample(ARGUMENTS, rng.randint(1, 2))
    told, written = _expression(rng, names)
    prompt = f"function {title} of {' and '.join(names)}: {told}\n"
    text = f"def {title}({', '.join(names)}):\n    return {written}\n"
    return Task("function", prompt, text, None, lambda other: _is_function(other, text))


def _expression(rng: random.Random, names: list[str]) -> tuple[str, str]:
    left, right = (names if len(names) == 2 else [names[0], str(rng.randint(2, 9))]) if rng.random() < 0.9 else (
        [rng.choice(names), str(rng.randint(2, 9))]
    )  # fmt: skip
    parts = [(part, part) for part in (left, right)]
    if rng.random() < 0.4:
        k = 0 if right.isdigit() else rng.randrange(2)
        told, written = rng.choice(SINGLE)
        parts[k] = told.format(parts[k][0]), written.format(parts[k][1])
    told, written = rng.choice(DOUBLE)
    told, written = told.format(parts[0][0], parts[1][0]), written.format(parts[0][1], parts[1][1])
    around_told, around_written = rng.choice(AROUND)
    n = rng.randint(2, 9)
    return around_told.format(told, n=n), around_written.format(written, n=n)


def _is_function(text: str, expected: str) -> bool:
    return values(text) is not None and values(text) == values(expected)


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
}  # fmt: skip
_CALLS: dict[str, Callable[..., Any]] = {"max": max, "min": min, "abs": abs}
_GRID = (-7, -2, 0, 1, 3, 10)


def values(text: str) -> tuple[Any, ...] | None:
    """Name, arity and values on a grid of a function of one return statement; None for any other text."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    match tree.body:
        case [ast.FunctionDef(name=title, args=arguments, body=[ast.Return(value=ast.expr() as result)])]:
            names = [argument.arg for argument in arguments.args]
        case _:
            return None
    points = itertools.product(_GRID, repeat=len(names))
    try:
        return title, len(names), *(_value(result, dict(zip(names, point, strict=True))) for point in points)
    except (_Foreign, TypeError):
        return None


class _Foreign(Exception):
    """An expression that no task is about."""


def _value(node: ast.expr, known: dict[str, int]) -> int:
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=2)):
            return _value(left, known) ** 2
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return int(_BINARY[type(op)](_value(left, known), _value(right, known)))
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, known)
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if name in _CALLS and parts:
            return int(_CALLS[name](*(_value(part, known) for part in parts)))
        case _:
            raise _Foreign
