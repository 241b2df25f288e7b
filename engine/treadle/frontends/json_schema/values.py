"""JSON values as JSON Schema sees them: seven kinds, and equality in which 1 is 1.0 but not true.

In: values as `json.loads` gives them. Out: a hashable key, equal exactly for equal values. An object's key is a
frozenset of (name, key) pairs and an array's a tuple behind a tag, so that the container trackers can take keys apart
again without looking at the value (`items_of`, `members_of`).
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from decimal import Decimal
from math import isfinite
from typing import Any

#: One bit for each kind of JSON value; `true` and `false` are kinds of their own, since `const` tells them apart.
NULL, TRUE, FALSE, NUMBER, STRING, ARRAY, OBJECT = (1 << bit for bit in range(7))
BOOLEAN = TRUE | FALSE
ANY = 127
KINDS = (NULL, TRUE, FALSE, NUMBER, STRING, ARRAY, OBJECT)

#: The kinds behind each name of `type`; "integer" says more than a kind can.
TYPE_KINDS: dict[str, int] = {
    "null": NULL,
    "boolean": BOOLEAN,
    "number": NUMBER,
    "integer": NUMBER,
    "string": STRING,
    "array": ARRAY,
    "object": OBJECT,
}
KIND_NAMES = {
    NULL: "null",
    TRUE: "true",
    FALSE: "false",
    NUMBER: "number",
    STRING: "string",
    ARRAY: "array",
    OBJECT: "object",
}

# Python says True == 1, so the two booleans need keys that equal nothing else.
_TRUE_KEY = ("true",)
_FALSE_KEY = ("false",)


def kind_of(value: Any) -> int:
    """The bit of the value's kind."""
    if isinstance(value, str):
        return STRING
    if value is None:
        return NULL
    if value is True:
        return TRUE
    if value is False:
        return FALSE
    if isinstance(value, (int, float, Decimal)):
        return NUMBER
    return OBJECT if isinstance(value, dict) else ARRAY


def value_key(value: Any) -> Hashable:
    """A hashable stand-in for the value, equal for values that JSON Schema calls equal."""
    if isinstance(value, str) or value is None:
        return value
    if value is True:
        return _TRUE_KEY
    if value is False:
        return _FALSE_KEY
    if isinstance(value, dict):
        return frozenset((name, value_key(member)) for name, member in value.items())
    if isinstance(value, (list, tuple)):
        return ("array", *(value_key(item) for item in value))
    assert isinstance(value, (int, float, Decimal))
    return value


def read_value(text: str | bytes) -> Any:
    """The value of a JSON text; a number that no float names exactly is a Decimal."""
    return json.loads(text, parse_float=_exact_float)


def _exact_float(text: str) -> float | Decimal:
    rounded, named = float(text), Decimal(text)
    return rounded if isfinite(rounded) and Decimal(repr(rounded)) == named else named


def is_integral(value: int | float | Decimal) -> bool:
    """Whether the number has no fraction: 1.0 is an integer to JSON Schema."""
    if isinstance(value, int):
        return True
    if isinstance(value, float):
        return value.is_integer()
    return value == value.to_integral_value()


def has_type(value: Any, name: str) -> bool:
    """Whether the value is of the type that `type` names."""
    if name == "any":
        return True
    kind = kind_of(value)
    if not TYPE_KINDS.get(name, 0) & kind:
        return False
    return name != "integer" or is_integral(value)
