"""Random JSON Schemas from a seed, and random values that some of them accept. Draft 2020-12.

Small on purpose: two levels of most keywords meet more often than ten levels of a few. Patterns mean the same in
ECMA-262 and in Python's `re`, multiples are exact in binary, so that `jsonschema` can judge.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Schema = Any
NAMES = ("a", "b", "ab", "é", "x y", "")
STRINGS = ("", "a", "b", "ab", "é", "日本", "😀", "a\nb", 'q"', "x1", "abc")
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2.5,
    7,
    100,
    *STRINGS,
    [],
    [1],
    [1, 1],
    ["a"],
    {},
    {"a": 1},
    {"a": "a", "b": 2},
)
PATTERNS = ("a", "^a", "b$", "^[a-c]*$", "^.{1,2}$", "^(a|é)+$", "^x[0-9]$")


def random_schema(rng: random.Random) -> dict[str, Any]:
    """A schema with one definition to refer to, which may refer to itself."""
    root = _object(rng, 2) if rng.random() < 0.4 else _schema(rng, 2)
    if root is True or root is False:
        root = {"allOf": [root]}
    return {**root, "$defs": {"d": _definition(rng)}}


def _definition(rng: random.Random) -> Schema:
    return rng.choice((
        {"type": "array", "items": {"$ref": "#/$defs/d"}, "maxItems": 2},
        {"type": ["object", "null"], "properties": {"a": {"$ref": "#/$defs/d"}, "b": _schema(rng, 0)},
        "additionalProperties": False},
        {"anyOf": [{"type": "integer"}, {"type": "array", "prefixItems": [{"$ref": "#/$defs/d"}], "items": False}]},
        # N.B. a definition that refers to itself without entering a member or an item means nothing.
        rng.choice((_number, _string))(rng),
    ))  # fmt: skip


def _schema(rng: random.Random, depth: int) -> Schema:
    kinds: list[Callable[[], Schema]] = [
        lambda: rng.random() < 0.9,
        lambda: {"type": rng.choice(("null", "boolean", "integer", "number", "string"))},
        lambda: {"enum": rng.sample(VALUES, rng.randint(1, 4))},
        lambda: {"const": rng.choice(VALUES)},
        lambda: _number(rng), lambda: _string(rng), lambda: _string(rng), lambda: {"$ref": "#/$defs/d"},
    ]  # fmt: skip
    if depth:
        kinds += [lambda: _object(rng, depth - 1)] * 4 + [lambda: _array(rng, depth - 1)] * 3
        kinds += [lambda: _combined(rng, depth - 1)] * 4
    return rng.choice(kinds)()


def _number(rng: random.Random) -> Schema:
    low = rng.randint(-20, 20)
    limits = (
        {"minimum": low},
        {"exclusiveMinimum": low},
        {"maximum": low},
        {"multipleOf": rng.choice((2, 5, 0.5))},
        {"maximum": low + 30},
    )
    schema: dict[str, Any] = {"type": rng.choice(("integer", "number"))}
    for limit in rng.sample(limits, rng.randint(1, 2)):
        schema |= limit
    return schema


def _string(rng: random.Random) -> Schema:
    low = rng.randint(0, 2)
    limits = ({"minLength": low}, {"maxLength": low + 2}, {"pattern": rng.choice(PATTERNS)})
    schema: dict[str, Any] = {"type": "string"}
    for limit in rng.sample(limits, rng.randint(1, 2)):
        schema |= limit
    return schema


def _object(rng: random.Random, depth: int) -> Schema:
    schema: dict[str, Any] = {"type": "object"} if rng.random() < 0.9 else {}
    names = rng.sample(NAMES, rng.randint(0, 3))
    if names:
        schema["properties"] = {name: _schema(rng, depth) for name in names}
    if rng.random() < 0.5:
        schema["required"] = rng.sample(NAMES, rng.randint(0, 2))
    if rng.random() < 0.6:
        schema["additionalProperties"] = rng.choice((False, False, True, _schema(rng, depth)))
    if rng.random() < 0.3:
        schema["patternProperties"] = {rng.choice(PATTERNS): _schema(rng, depth)}
    if rng.random() < 0.2:
        schema["propertyNames"] = _string(rng)
    if rng.random() < 0.3:
        schema[rng.choice(("minProperties", "maxProperties"))] = rng.randint(1, 2)
    return schema


def _array(rng: random.Random, depth: int) -> Schema:
    schema: dict[str, Any] = {"type": "array"} if rng.random() < 0.9 else {}
    if rng.random() < 0.7:
        schema["items"] = _schema(rng, depth)
    if rng.random() < 0.4:
        schema["prefixItems"] = [_schema(rng, depth) for _ in range(rng.randint(1, 2))]
    if rng.random() < 0.4:
        schema["minItems"] = rng.randint(0, 2)
    if rng.random() < 0.4:
        schema["maxItems"] = rng.randint(1, 3)
    if rng.random() < 0.2:
        schema["contains"] = _schema(rng, 0)
    return schema


def _combined(rng: random.Random, depth: int) -> Schema:
    kind = rng.choice(("anyOf", "allOf", "oneOf", "not", "if"))
    parts = [_schema(rng, depth) for _ in range(rng.randint(2, 3))]
    if kind == "not":
        return {"type": rng.choice(("string", "integer", "object", "array")), "not": parts[0]}
    if kind == "if":
        return {"if": parts[0], "then": parts[1], "else": parts[-1]}
    beside = {"type": rng.choice(("object", "string", "number"))} if rng.random() < 0.3 else {}
    return {kind: parts, **beside}


def random_value(rng: random.Random, depth: int = 2) -> Any:
    """A value that has a chance to be valid."""
    kind = rng.randrange(10 if depth else 6)
    if kind < 4:
        return rng.choice(VALUES)
    if kind == 4:
        return rng.randint(-25, 50)
    if kind == 5:
        return rng.choice(STRINGS) + rng.choice(("", "a", "1"))
    if kind < 8:
        return {
            rng.choice((*NAMES, "ac", "x1")): random_value(rng, depth - 1) for _ in range(rng.randint(0, 3))
        }
    return [random_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
