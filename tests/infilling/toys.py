"""Languages small enough to write out, and what brute force says about every canvas over them.

A judge from outside (`re`, `json` with jsonschema, counting brackets) says which texts are in the language; all
fillings of a canvas are tried. Nothing here knows of states.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import jsonschema

import treadle
from treadle.infilling.cells import HOLE, Cell, Fixed
from treadle.vocabulary import Vocabulary

Canvas = tuple[int | None, ...]


def dyck(text: str) -> bool:
    depth = 0
    for sign in text:
        depth += 1 if sign == "(" else -1
        if depth < 0:
            return False
    return depth == 0 and set(text) <= {"(", ")"}


def two_brackets(text: str) -> bool:
    while (shorter := text.replace("()", "").replace("[]", "")) != text:
        text = shorter
    return not text


AB, COUNT, ACCENTS = "(?:ab|abc)*d?", "a{2,5}b|b{3}", "(?:é|ê|e)+"
DYCK = 'start: p*\np: "(" p* ")"'
NUMBERS = {"type": "array", "items": {"enum": [1, 12]}, "maxItems": 3}
NESTED = {"$ref": "#/$defs/t", "$defs": {"t": {"anyOf": [
    {"type": "array", "items": {"$ref": "#/$defs/t"}},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/t"}}, "additionalProperties": False},
]}}}  # fmt: skip
NAMES = {"type": "object", "additionalProperties": {"const": 1}, "minProperties": 1}


def satisfies(schema: dict) -> Callable[[str], bool]:
    def judge(text: str) -> bool:
        try:
            value = json.loads(text, object_pairs_hook=_without_repeats)
        except ValueError:
            return False
        return jsonschema.Draft202012Validator(schema).is_valid(value)

    return judge


def _without_repeats(pairs: list) -> dict:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name comes twice")
    return dict(pairs)


@dataclass(frozen=True)
class Toy:
    name: str
    constraint: treadle.constraints.Constraint
    judge: Callable[[str], bool]
    tokens: tuple[bytes, ...]
    #: Cells of the canvases that are looked at.
    cells: int

    @cached_property
    def _known(self) -> dict[tuple[int, bool], list[tuple[int, ...]]]:
        return {}

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary([*self.tokens, None], eos_ids=len(self.tokens))

    @cached_property
    def compiled(self) -> treadle.Compiled:
        return treadle.compile(self.constraint, self.vocabulary)

    @property
    def automaton(self):
        return self.compiled.automaton

    @property
    def end(self) -> int:
        return len(self.tokens)

    def holds(self, tokens: tuple[int, ...]) -> bool:
        """Is what these tokens spell in the language?"""
        try:
            return bool(self.judge(b"".join(self.tokens[t] for t in tokens).decode()))
        except UnicodeDecodeError:
            return False

    def fillings(self, cells: int, tail: bool) -> list[tuple[int, ...]]:
        """Every full canvas of the language."""
        known = self._known.get((cells, tail))
        if known is not None:
            return known
        found = self._known[cells, tail] = []
        for length in range(cells + 1) if tail else [cells]:
            padding = (self.end,) * (cells - length)
            every = itertools.product(range(self.end), repeat=length)
            found += [tokens + padding for tokens in every if self.holds(tokens)]
        return found

    def canvases(self, cells: int, tail: bool, most: int = 4100) -> Iterator[Canvas]:
        """Every state of filling: each cell open or one of the tokens. Of more than `most`: some."""
        choices = self.end + tail
        if (choices + 1) ** cells <= most:
            return itertools.product([None, *range(choices)], repeat=cells)
        rng = random.Random(0)
        cell = lambda: None if rng.random() < 0.5 else rng.randrange(choices)
        return (tuple(cell() for _ in range(cells)) for _ in range(most // 3))


def matching(canvas: Canvas, fillings: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    return [f for f in fillings if all(c is None or c == t for c, t in zip(canvas, f, strict=True))]


def cells_of(canvas: Canvas) -> list[Cell]:
    return [HOLE if token is None else Fixed(token) for token in canvas]


def toys() -> list[Toy]:
    regex, grammar = treadle.Regex, treadle.Grammar
    schema = partial(treadle.JsonSchema, whitespace="compact")
    brackets = 'start: pair*\npair: "(" pair* ")" | "[" pair* "]"'
    return [
        Toy("dyck", grammar(DYCK), dyck, (b"(", b")"), 6),
        Toy("dyck-long-tokens", grammar(DYCK), dyck, (b"(", b")", b"()", b"))", b")(("), 4),
        Toy("two-brackets", grammar(brackets), two_brackets, (b"(", b")", b"[", b"]", b")]"), 4),
        Toy("regular", regex(AB), re.compile(AB).fullmatch, (b"a", b"b", b"c", b"d", b"ab", b"bca"), 4),
        Toy("counted", regex(COUNT), re.compile(COUNT).fullmatch, (b"a", b"b", b"aa", b"bb", b"aab"), 4),
        Toy(
            "utf-8",
            regex(ACCENTS),
            re.compile(ACCENTS).fullmatch,
            (b"e", b"\xc3", b"\xa9", b"\xaa", b"\xa9e"),
            4,
        ),
        Toy("numbers", schema(NUMBERS), satisfies(NUMBERS), tuple(b"[ ] , 1 2 12 ,1 1]".split()), 5),
        Toy("nested", schema(NESTED), satisfies(NESTED), tuple(b'[ ] , { " a : } {"a": ]}'.split()), 5),
        Toy("names", schema(NAMES), satisfies(NAMES), tuple(b'{ " a : 1 } , {" ":1 ,"'.split()), 5),
    ]
