"""JSON texts of one value, as different as the default policies of writing allow.

In: a `random.Random` and a value. Out: a text with members in any order, white space of one of the usual kinds or
mixed (nothing, a space, a line break with its indentation), characters escaped in any of their ways, and numbers in
other spellings of the same value.
"""

from __future__ import annotations

import json
import random
from typing import Any

from oracles.spellings import spellings


def random_text(rng: random.Random, value: Any) -> str:
    """One text of the value."""
    style = rng.randrange(6)
    shuffled = _shuffled(rng, value)
    if style == 0:
        return json.dumps(shuffled)
    if style == 1:
        return json.dumps(shuffled, ensure_ascii=False, separators=(",", ":"))
    if style == 2:
        return json.dumps(shuffled, ensure_ascii=rng.random() < 0.5, indent=rng.choice((1, 2, 4, "\t")))
    return _Writer(rng, loose=style > 3, escaping=rng.choice((0, 0.1, 0.5))).value(value, 1)


def _shuffled(rng: random.Random, value: Any) -> Any:
    if isinstance(value, list):
        return [_shuffled(rng, item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _shuffled(rng, value[name]) for name in rng.sample(sorted(value), len(value))}


class _Writer:
    def __init__(self, rng: random.Random, *, loose: bool, escaping: float) -> None:
        self.rng = rng
        self.loose = loose
        self.escaping = escaping

    def gap(self, depth: int) -> str:
        if not self.loose:
            return ""
        indentation = self.rng.choice((" ", "  ", "\t")) * self.rng.randint(0, 2 * depth)
        return self.rng.choice(("", "", " ", "\n" + indentation))

    def value(self, value: Any, depth: int) -> str:
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, list):
            return self.bracketed("[", [self.value(item, depth + 1) for item in value], "]", depth)
        if isinstance(value, dict):
            names = self.rng.sample(sorted(value), len(value))
            return self.bracketed("{", [self.member(name, value[name], depth) for name in names], "}", depth)
        if type(value) is float:
            return self.rng.choice(_spelled_floats(value))
        return json.dumps(value)

    def member(self, name: str, value: Any, depth: int) -> str:
        gaps = self.gap(depth), self.gap(depth)
        return f"{self.string(name)}{gaps[0]}:{gaps[1]}{self.value(value, depth + 1)}"

    def bracketed(self, opening: str, parts: list[str], closing: str, depth: int) -> str:
        if not parts:
            return opening + self.gap(depth) + closing
        spaced = [self.gap(depth) + part + self.gap(depth) for part in parts]
        return opening + ",".join(spaced) + closing

    def string(self, text: str) -> str:
        return '"' + "".join(map(self.character, text)) + '"'

    def character(self, char: str) -> str:
        usual, *others = (way.decode() for way in spellings(char))
        return self.rng.choice(others) if others and self.rng.random() < self.escaping else usual


def _spelled_floats(value: float) -> tuple[str, ...]:
    """The float in several ways that no condition on numbers excludes, nor draft 4, where "1.0" is no integer."""
    plain = repr(value)
    return (plain,) if "e" in plain else (plain, plain + "0", plain + "000")
