"""How alike two values are: the utilities of minimum Bayes risk selection (mbr.py), all symmetric, 1 for equals.

Values are parsed ones where the constraint is about JSON, texts otherwise. Two spellings of one value are equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

Utility = Callable[[Any, Any], float]


def equality(one: Any, other: Any) -> float:
    """1 for equals, else 0: minimum Bayes risk becomes a majority vote."""
    return float(_key(one) == _key(other))


def field_f1(one: Any, other: Any) -> float:
    """F1 of the fields that two JSON values share: (path, leaf) pairs, an array's items by their places."""
    ours, theirs = Counter(_fields(one)), Counter(_fields(other))
    # An empty object or array is a leaf of its own, so there is always at least one field.
    return 2 * (ours & theirs).total() / (ours.total() + theirs.total())


UTILITIES: dict[str, Utility] = {"equality": equality, "field_f1": field_f1}


def _fields(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], object]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _fields(inner, (*path, name))
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _fields(inner, (*path, place))
    else:
        yield path, _key(value)


def _key(value: Any) -> object:
    """Hashable, equal for equal JSON values: 1 and 1.0 are one number, 1 and true are not one value."""
    if isinstance(value, dict):
        return "object", frozenset((name, _key(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_key, value))
    return (
        "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    ), value
