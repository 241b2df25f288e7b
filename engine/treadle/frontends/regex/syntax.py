"""Syntax trees of patterns, the same for every dialect.

In: what a reader has understood. Out: small immutable trees of sets, sequences, choices, loops and assertions.
Anchors and word boundaries are gone: `start`, `end` and `boundary` write them as assertions about the text before
(`Behind`) or after (`Ahead`). Groups are gone too, as nothing refers to them. Each node knows whether an assertion
is inside, because a tree without one is plainly an expression.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from treadle.grammar.charset import CharSet
from treadle.grammar.expression import (
    ANY_TEXT,
    EPSILON,
    Expr,
    alternate,
    chars,
    concat,
)


# eq=False: trees are compared and hashed by identity, so that a deep tree is as cheap a key as a small one.
@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """One character of a set."""

    set: CharSet
    behind: bool = field(default=False, init=False)
    ahead: bool = field(default=False, init=False)


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    items: tuple[Tree, ...]
    behind: bool
    ahead: bool


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    options: tuple[Tree, ...]
    behind: bool
    ahead: bool


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    body: Tree
    low: int
    high: int | None
    behind: bool
    ahead: bool


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """The text from here to the end is in `language`."""

    language: Expr
    behind: bool = field(default=False, init=False)
    ahead: bool = field(default=True, init=False)


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """The text from the start to here is in `language`."""

    language: Expr
    behind: bool = field(default=True, init=False)
    ahead: bool = field(default=False, init=False)


@dataclass(frozen=True, slots=True, eq=False)
class LookAhead:
    """The text from here on begins, or does not begin, with what `body` matches."""

    body: Tree
    negated: bool
    behind: bool
    ahead: bool = field(default=True, init=False)


@dataclass(frozen=True, slots=True, eq=False)
class LookBehind:
    """The text up to here ends, or does not end, with what `body` matches. `column` is where it stands."""

    body: Tree
    negated: bool
    column: int | None
    behind: bool = field(default=True, init=False)
    ahead: bool = field(default=False, init=False)


Tree = Atom | Sequence | Choice | Loop | Ahead | Behind | LookAhead | LookBehind

#: Matches nothing; the empty choice.
NEVER = Choice((), False, False)
#: Matches the empty text; the empty sequence.
EMPTY = Sequence((), False, False)


def sequence(items: Iterable[Tree]) -> Tree:
    flat: list[Tree] = []
    for item in items:
        flat.extend(item.items if isinstance(item, Sequence) else (item,))
    if any(item is NEVER for item in flat):
        return NEVER
    if len(flat) < 2:
        return flat[0] if flat else EMPTY
    return Sequence(tuple(flat), any(item.behind for item in flat), any(item.ahead for item in flat))


def choice(options: Iterable[Tree]) -> Tree:
    kept = tuple(option for option in options if option is not NEVER)
    if len(kept) == 1:
        return kept[0]
    return (
        Choice(kept, any(option.behind for option in kept), any(option.ahead for option in kept))
        if kept
        else NEVER
    )


def loop(body: Tree, low: int, high: int | None) -> Tree:
    return body if low == high == 1 else Loop(body, low, high, body.behind, body.ahead)


def look_ahead(body: Tree, *, negated: bool) -> Tree:
    return LookAhead(body, negated, body.behind)


def start(*, lines: CharSet | None = None) -> Tree:
    """^: nothing before, or, when `lines` is given, one of these line ends."""
    before = EPSILON if lines is None else alternate(EPSILON, concat(ANY_TEXT, chars(lines)))
    return Behind(before)


def end(*, lines: CharSet | None = None, last_newline: CharSet | None = None) -> Tree:
    """$: nothing after, or a line end of `lines` and anything, or one last character out of `last_newline`."""
    after = [EPSILON]
    if lines is not None:
        after.append(concat(chars(lines), ANY_TEXT))
    if last_newline is not None:
        after.append(chars(last_newline))
    return Ahead(alternate(*after))


def boundary(word: CharSet, *, negated: bool) -> Tree:
    """A place between a word character and none (not `negated`), or between two of a kind (`negated`)."""
    after = concat(chars(word), ANY_TEXT)
    before = concat(ANY_TEXT, chars(word))
    no_word_after = alternate(EPSILON, concat(chars(word.complement()), ANY_TEXT))
    no_word_before = alternate(EPSILON, concat(ANY_TEXT, chars(word.complement())))
    if negated:
        pairs = ((before, after), (no_word_before, no_word_after))
    else:
        pairs = ((before, no_word_after), (no_word_before, after))
    return choice(sequence((Behind(left), Ahead(right))) for left, right in pairs)
