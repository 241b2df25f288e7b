"""Syntax trees -> expressions, with assertions resolved exactly.

In: a tree. Out: the expression of the whole texts in which it matches, from the start or anywhere. The translation
runs in continuation style: the language of a node is the language of everything from there to the end of the text,
given a tail that says what follows. A lookahead is then an intersection with the tail, `$` with the empty text.
What lies before is known by monitors: deterministic automata of the languages of all `Behind` assertions in the tree,
whose states at one place form a *context* (as the look-around conditions of Moseley et al. 2023, PLDI, but known
ahead of time). Only tails that still hold such assertions depend on the context, so a pattern that begins with `^`
costs nothing extra. A loop with assertions inside is a `knot`, unfolded lazily, once per context and count.
Lookaheads inside of lookbehinds are refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field

from treadle.errors import LimitExceeded, UnsupportedFeature
from treadle.frontends.regex.syntax import (
    EMPTY,
    NEVER,
    Ahead,
    Atom,
    Behind,
    Choice,
    LookAhead,
    LookBehind,
    Loop,
    Sequence,
    Tree,
    choice,
    loop,
    sequence,
)
from treadle.grammar.charset import ALL, CharSet, refine
from treadle.grammar.derivative import transitions
from treadle.grammar.expression import (
    ANY_TEXT,
    EPSILON,
    NOTHING,
    Expr,
    alternate,
    chars,
    complement,
    concat,
    intersect,
    knot,
    repeat,
    text,
)
from treadle.grammar.inclusion import includes

#: States of the monitors at one place in the text.
Context = tuple[Expr, ...]

#: Contexts looked at to see whether a context depends on the last character alone.
_CONTEXTS = 64
_NUMBERS = itertools.count()


def search_language(tree: Tree) -> Expr:
    """All texts in which the tree matches somewhere."""
    return _translated(sequence((loop(Atom(ALL), 0, None), tree)), ANY_TEXT)


def full_language(tree: Tree) -> Expr:
    """All texts that the tree matches from start to end."""
    return _translated(tree, EPSILON)


def _translated(tree: Tree, rest: Expr) -> Expr:
    translation = _Translation(tree)
    try:
        return translation.language(tree, translation.fixed(rest), translation.start)
    except RecursionError:
        raise LimitExceeded("a pattern too deep to translate", limit="nesting") from None


@dataclass(frozen=True, slots=True, eq=False)
class _Fixed:
    """A tail that does not depend on what came before."""

    expr: Expr
    sensitive: bool = False

    def at(self, _: Context) -> Expr:
        return self.expr


@dataclass(frozen=True, slots=True, eq=False)
class _Following:
    """A tree, then a tail; one of them looks back."""

    translation: _Translation
    tree: Tree
    tail: _Tail
    known: dict[Context, Expr] = field(default_factory=dict)
    sensitive: bool = True

    def at(self, context: Context) -> Expr:
        found = self.known.get(context)
        if found is None:
            found = self.known[context] = self.translation.language(self.tree, self.tail, context)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Again:
    """The rest of a loop: `low` to `high` more times the body, then a tail."""

    translation: _Translation
    body: Tree
    low: int
    high: int | None
    tail: _Tail
    sensitive: bool
    number: int

    def at(self, context: Context) -> Expr:
        return self.translation.iterated(self, context)


_Tail = _Fixed | _Following | _Again


@dataclass(frozen=True, slots=True, eq=False)
class _Unfolding:
    """The definition of a knot: this rest of a loop in this context."""

    again: _Again
    context: Context

    @property
    def key(self) -> tuple[Hashable, ...]:
        return (self.again.number, *(state.serial for state in self.context))

    def unfold(self) -> Expr:
        return self.again.translation.unfolded(self.again, self.context)


class _Translation:
    """One tree on its way to an expression; remembers its tails, so that equal rests of loops are equal nodes."""

    def __init__(self, tree: Tree) -> None:
        self._behind: dict[Tree, Expr] = _behind_languages(tree)
        monitors = tuple(dict.fromkeys(self._behind.values()))
        self._monitor_of = {monitor: index for index, monitor in enumerate(monitors)}
        #: The context at the start of the text.
        self.start: Context = monitors
        self._moves: dict[Context, tuple[tuple[CharSet, Context], ...]] = {}
        self._plain: dict[Tree, Expr] = {}
        self._tails: dict[tuple[object, ...], _Tail] = {}
        # Rewritten bodies of loops; kept, because tails are found again by the identity of trees.
        self._reading: dict[Tree, Tree] = {}
        self._silent: dict[Tree, Tree] = {}
        self._definite = self._depends_on_last_character()

    def language(self, tree: Tree, tail: _Tail, context: Context) -> Expr:
        """The texts from here to the end, when `tree` comes next and then the tail."""
        if not (tree.behind or tree.ahead or tail.sensitive):
            return concat(self._plain_language(tree), tail.at(context))
        match tree:
            case Atom():
                return self._after_atom(tree.set, tail, context)
            case Sequence():
                return self._chained(tree, tail).at(context)
            case Choice():
                return alternate(*(self.language(option, tail, context) for option in tree.options))
            case Loop():
                return self._looped(tree, tail, context)
            case Ahead():
                return intersect(tree.language, tail.at(context))
            case LookAhead():
                seen = self.language(tree.body, self.fixed(ANY_TEXT), context)
                return intersect(complement(seen) if tree.negated else seen, tail.at(context))
            case Behind() | LookBehind():
                state = context[self._monitor_of[self._behind[tree]]]
                return tail.at(context) if state.nullable else NOTHING

    def fixed(self, expr: Expr) -> _Tail:
        return self._remembered(("fixed", expr), lambda: _Fixed(expr))

    def _remembered(self, key: tuple[object, ...], make: Callable[[], _Tail]) -> _Tail:
        tail = self._tails.get(key)
        if tail is None:
            tail = self._tails[key] = make()
        return tail

    def _chained(self, tree: Sequence, tail: _Tail) -> _Tail:
        for item in reversed(tree.items):
            if item.behind or tail.sensitive:
                tail = self._following(item, tail)
            else:
                tail = self.fixed(self.language(item, tail, self.start))
        return tail

    def _following(self, item: Tree, tail: _Tail) -> _Tail:
        return self._remembered(("then", item, tail), lambda: _Following(self, item, tail))

    def _plain_language(self, tree: Tree) -> Expr:
        """The language of a tree without assertions."""
        known = self._plain.get(tree)
        if known is not None:
            return known
        match tree:
            case Atom():
                found = chars(tree.set)
            case Sequence():
                found = concat(*self._plain_items(tree.items))
            case Choice():
                found = alternate(*(self._plain_language(option) for option in tree.options))
            case Loop():
                found = repeat(self._plain_language(tree.body), tree.low, tree.high)
            case _:
                raise AssertionError(f"{type(tree).__name__} is an assertion")
        self._plain[tree] = found
        return found

    def _plain_items(self, items: tuple[Tree, ...]) -> Iterator[Expr]:
        """One expression per item; runs of single characters are one text at once, which is linear in their length."""
        for literal, run in itertools.groupby(items, key=_is_literal):
            if literal:
                yield text("".join(chr(item.set.min()) for item in run if isinstance(item, Atom)))
            else:
                yield from map(self._plain_language, run)

    # Contexts

    def _after_atom(self, charset: CharSet, tail: _Tail, context: Context) -> Expr:
        if not tail.sensitive:
            return concat(chars(charset), tail.at(context))
        moves = ((charset & moved, after) for moved, after in self._moves_from(context))
        return alternate(*(concat(chars(common), tail.at(after)) for common, after in moves if common))

    def _moves_from(self, context: Context) -> tuple[tuple[CharSet, Context], ...]:
        """The classes of characters, together all of them, with the context after each."""
        known = self._moves.get(context)
        if known is None:
            known = self._moves[context] = _joint_moves(context)
        return known

    def _depends_on_last_character(self) -> bool:
        """Whether all contexts move alike, as those of ^ and \\b do."""
        first = set(self._moves_from(self.start))
        pending = [self.start]
        seen = {self.start}
        while pending:
            moves = self._moves_from(pending.pop())
            if set(moves) != first or len(seen) > _CONTEXTS:
                return False
            fresh = {after for _, after in moves} - seen
            seen |= fresh
            pending.extend(fresh)
        return True

    # Loops

    def _looped(self, tree: Loop, tail: _Tail, context: Context) -> Expr:
        if isinstance(tree.body, Atom) and self._definite:
            return self._looped_atom(tree.body.set, tree, tail, context)
        return self._again(tree.body, tree.low, tree.high, tail).at(context)

    def _looped_atom(self, charset: CharSet, tree: Loop, tail: _Tail, context: Context) -> Expr:
        """All but the last character in any context, then one tail per context that the last one leads to."""
        moves = [(charset & moved, after) for moved, after in self._moves_from(context)]
        body = chars(charset)
        if len(moves) == 1 and tree.low == 0 and includes(tail.at(context), tail.at(moves[0][1])):
            return alternate(tail.at(context), concat(repeat(body, 0, tree.high), tail.at(moves[0][1])))
        before = repeat(body, max(tree.low - 1, 0), None if tree.high is None else tree.high - 1)
        options = [concat(before, chars(last), tail.at(after)) for last, after in moves if last]
        return alternate(*options, *([tail.at(context)] if tree.low == 0 else ()))

    def _again(self, body: Tree, low: int, high: int | None, tail: _Tail) -> _Tail:
        if high == 0:
            return tail
        sensitive = body.behind or tail.sensitive
        return self._remembered(
            ("again", body, low, high, tail),
            lambda: _Again(self, body, low, high, tail, sensitive, next(_NUMBERS)),
        )

    def iterated(self, again: _Again, context: Context) -> Expr:
        """The language of the rest of a loop; a knot, so that it may mention itself."""
        if not again.sensitive:
            context = self.start
        if again.low == 0:
            after = again.tail.at(context)
            nullable = after.nullable
            shortest = 0 if again.sensitive else after.min_length
        else:
            nullable = self._by_empty_iterations(again, context).nullable
            shortest = 0
        return knot(
            _Unfolding(again, context), nullable=nullable, min_length=max(shortest, 0 if nullable else 1)
        )

    def unfolded(self, again: _Again, context: Context) -> Expr:
        """One iteration more that reads something, or none.

        Iterations that read nothing are done at once where they help: to reach the least number of iterations.
        """
        fewer = None if again.high is None else again.high - 1
        rest = self._again(again.body, max(again.low - 1, 0), fewer, again.tail)
        if again.body not in self._reading:
            self._reading[again.body] = _reading(again.body)
        more = self.language(self._reading[again.body], rest, context)
        done = again.tail.at(context) if again.low == 0 else self._by_empty_iterations(again, context)
        return alternate(done, more)

    def _by_empty_iterations(self, again: _Again, context: Context) -> Expr:
        """An iteration that reads nothing; what it asserts holds for all others still wanted at this place."""
        fewer = None if again.high is None else again.high - 1
        rest = self._again(again.body, 0, fewer, again.tail)
        if again.body not in self._silent:
            self._silent[again.body] = _silent(again.body)
        silent = self._silent[again.body]
        return NOTHING if silent is NEVER else self.language(silent, rest, context)


def _is_literal(tree: Tree) -> bool:
    return isinstance(tree, Atom) and tree.set.only() is not None


def _joint_moves(context: Context) -> tuple[tuple[CharSet, Context], ...]:
    rows = [transitions(state) for state in context]
    edges = [(index, charset, target) for index, row in enumerate(rows) for charset, target in row]
    merged: dict[Context, list[CharSet]] = {}
    for charset, members in refine((ALL, *(charset for _, charset, _ in edges))):
        after = [NOTHING] * len(context)
        for member in members[1:]:
            index, _, target = edges[member - 1]
            after[index] = target
        merged.setdefault(tuple(after), []).append(charset)
    return tuple(
        (CharSet.of(bounds for charset in sets for bounds in charset.ranges), after)
        for after, sets in merged.items()
    )


def _behind_languages(tree: Tree) -> dict[Tree, Expr]:
    """Every assertion about the text before, with the language that this text must be in."""
    found: dict[Tree, Expr] = {}
    pending = [tree]
    while pending:
        node = pending.pop()
        if not node.behind:
            continue
        match node:
            case Behind():
                found[node] = node.language
            case LookBehind():
                found[node] = _before(node)
            case Sequence():
                pending.extend(node.items)
            case Choice():
                pending.extend(node.options)
            case Loop() | LookAhead():
                pending.append(node.body)
    return found


def _before(node: LookBehind) -> Expr:
    if node.body.ahead:
        where = "" if node.column is None else f"column {node.column}"
        raise UnsupportedFeature("an assertion about what follows, inside of a lookbehind", where=where)
    seen = full_language(sequence((loop(Atom(ALL), 0, None), node.body)))
    return complement(seen) if node.negated else seen


def _reading(tree: Tree) -> Tree:
    """The ways to match a tree that read at least one character."""
    match tree:
        case Atom():
            return tree
        case Choice():
            return choice(_reading(option) for option in tree.options)
        case Sequence():
            return choice(_reading_orders(tree.items))
        case Loop():
            return _reading_loop(tree)
        case _:
            return NEVER


def _reading_orders(items: tuple[Tree, ...]) -> list[Tree]:
    """One way per item that may be the first to read something."""
    ways = []
    silent: list[Tree] = []
    for index, item in enumerate(items):
        ways.append(sequence((*silent, _reading(item), *items[index + 1 :])))
        silent.append(_silent(item))
        if silent[-1] is NEVER:
            break
    return ways


def _reading_loop(tree: Loop) -> Tree:
    silent = _silent(tree.body)
    low = 0 if silent is EMPTY else tree.low
    fewer = None if tree.high is None else tree.high - 1
    first = _reading(tree.body)
    ways = [sequence((first, loop(tree.body, max(low - 1, 0), fewer)))]
    if low and silent is not NEVER and fewer != 0:
        rest = None if fewer is None else fewer - 1
        ways.append(sequence((silent, first, loop(tree.body, 0, rest))))
    return choice(ways)


def _silent(tree: Tree) -> Tree:
    """The ways to match a tree that read nothing: EMPTY, NEVER, or what they assert."""
    match tree:
        case Atom():
            return NEVER
        case Sequence():
            return sequence(_silent(item) for item in tree.items)
        case Choice():
            ways = [_silent(option) for option in tree.options]
            return EMPTY if EMPTY in ways else choice(ways)
        case Loop():
            return EMPTY if tree.low == 0 else _silent(tree.body)
        case _:
            return tree
