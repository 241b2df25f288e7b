"""Small words that the format grammars are written with.

`one("a-z")` is a character out of a set, `seq`, `either`, `maybe`, `many` put languages together, strings stand for
themselves. `Dependent` is for the few places where what follows depends on what was read ("60" seconds on the
time zone, the end of a range on its beginning): the language after the head is built when a text gets there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from treadle.grammar.charset import CharSet
from treadle.grammar.derivative import first_ascii, transitions
from treadle.grammar.emptiness import shortest
from treadle.grammar.expression import EPSILON, Expr, alternate, chars, concat, leaf, repeat, text

Part = Expr | str


def part(value: Part) -> Expr:
    return text(value) if isinstance(value, str) else value


def seq(*parts: Part) -> Expr:
    return concat(*map(part, parts))


def either(*parts: Part) -> Expr:
    return alternate(*map(part, parts))


def maybe(*parts: Part) -> Expr:
    return alternate(EPSILON, seq(*parts))


def many(body: Part, low: int = 0, high: int | None = None) -> Expr:
    return repeat(part(body), low, high)


def charset(spec: str) -> CharSet:
    """Single characters and ranges, as in "a-z0-9_"; a hyphen stands for itself at either end."""
    ranges = []
    at = 0
    while at < len(spec):
        last = at + 2 if spec[at + 1 : at + 2] == "-" and at + 2 < len(spec) else at
        ranges.append((ord(spec[at]), ord(spec[last])))
        at = last + 1
    return CharSet.of(ranges)


def one(spec: str) -> Expr:
    return chars(charset(spec))


DIGIT = one("0-9")
HEX = one("0-9a-fA-F")
ALNUM = one("a-zA-Z0-9")


@dataclass(frozen=True, slots=True)
class _Reading:
    """In the head: its rest, and what was read of it."""

    rest: Expr
    text: str


class Dependent:
    """A machine for `head` followed by `follow(what the head read)`.

    The head's texts must be few enough to tell apart and no text of it may begin another. What `follow` gives must not
    be empty, and the shortest text of it must be of one length whatever was read.
    """

    def __init__(self, head: Expr, follow: Callable[[str], Expr]) -> None:
        self._head = head
        self._follow = lru_cache(maxsize=4096)(follow)

    def language(self) -> Expr:
        return leaf(self, _Reading(self._head, ""))

    def transitions(self, state: Hashable, /) -> Sequence[tuple[CharSet, Hashable]]:
        if isinstance(state, Expr):
            return transitions(state)
        assert isinstance(state, _Reading)
        return [
            (CharSet.single(codepoint), self._after(rest, state.text + chr(codepoint)))
            for classes, rest in transitions(state.rest)
            for codepoint in classes.codepoints()
        ]

    def first_ascii(self, state: Hashable, /) -> int:
        if isinstance(state, Expr):
            return first_ascii(state)
        assert isinstance(state, _Reading)
        return first_ascii(state.rest)

    def _after(self, rest: Expr, read: str) -> Hashable:
        return self._follow(read) if rest is EPSILON else _Reading(rest, read)

    def accepting(self, state: Hashable, /) -> bool:
        return isinstance(state, Expr) and state.nullable

    def dead(self, state: Hashable, /) -> bool:
        return False

    def shortest_length(self, state: Hashable, /) -> int:
        return len(self.shortest(state))

    def shortest(self, state: Hashable, /) -> str:
        if isinstance(state, Expr):
            return shortest(state) or ""
        assert isinstance(state, _Reading)
        head = shortest(state.rest) or ""
        return head + (shortest(self._follow(state.text + head)) or "")
