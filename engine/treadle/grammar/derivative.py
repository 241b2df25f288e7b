"""Derivatives of expressions by character classes.

In: a node. Out: the disjoint classes of characters it can read first, each with the language of what may follow
(Brzozowski 1964; classes as in Owens, Reppy & Turon 2009). Every node keeps its transitions, so walking a text twice
costs dictionary-free look-ups. Nodes are worked off with an explicit stack: nesting depth is no limit.
Targets may be empty languages when intersections or complements are inside; `emptiness.live_transitions` removes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from treadle.grammar.charset import CharSet, refine
from treadle.grammar.expression import (
    ANY_TEXT,
    EPSILON,
    NOTHING,
    Alternate,
    Chars,
    Complement,
    Concat,
    Epsilon,
    Expr,
    Intersect,
    Knot,
    Leaf,
    Nothing,
    Repeat,
    Text,
    Words,
    alternate,
    as_words,
    complement,
    concat,
    intersect,
    leaf,
    repeat,
    text,
    word_range,
    words,
)
from treadle.grammar.nodes import Transitions, is_foreseeing

_ALL_ASCII = (1 << 128) - 1
#: Levels of an expression that `first_ascii` looks into.
_SHALLOW = 12
#: Word sets up to this size are filtered by what they are intersected with; larger ones are left lazy.
_FILTERED_WORDS = 4096


def nullable(expr: Expr) -> bool:
    """Whether the empty text is in the language."""
    return expr.nullable


def transitions(expr: Expr) -> Transitions:
    """Disjoint classes and their targets, by lowest character; distinct targets, none of them NOTHING."""
    known = expr._transitions
    if known is not None:
        return known
    pending = [expr]
    while pending:
        node = pending[-1]
        if node._transitions is not None:
            pending.pop()
            continue
        missing = [part for part in _parts(node) if part._transitions is None]
        if missing:
            pending.extend(missing)
        else:
            node._transitions = _RULES[type(node)](node)
            pending.pop()
    assert expr._transitions is not None
    return expr._transitions


def first_ascii(expr: Expr) -> int:
    """The ASCII characters that a text may begin with, a superset, as 128 bits.

    Read off the shape: a state that no ASCII character leads on from need not be derived to find that out.
    """
    known = expr._first
    if known is None:
        known = expr._first = _first_of(expr, _SHALLOW)
    return known


def _first_of(expr: Expr, levels: int) -> int:
    kind = type(expr)
    if kind is Concat:
        known = _first_part(expr.head, levels)  # type: ignore[attr-defined]
        return known | _first_part(expr.tail, levels) if expr.head.nullable else known  # type: ignore[attr-defined]
    if kind is Chars:
        return expr.set.ascii  # type: ignore[attr-defined, no-any-return]
    if kind is Text:
        codepoint = ord(expr.text[0])  # type: ignore[attr-defined]
        return 1 << codepoint if codepoint < 128 else 0
    if kind is Repeat:
        return _first_part(expr.body, levels)  # type: ignore[attr-defined]
    if kind is Alternate:
        found = 0
        for member in expr.members:  # type: ignore[attr-defined]
            found |= _first_part(member, levels)
        return found
    if kind is Intersect:
        found = _ALL_ASCII
        for member in expr.members:  # type: ignore[attr-defined]
            found &= _first_part(member, levels)
        return found
    if kind is Leaf and is_foreseeing(expr.machine):  # type: ignore[attr-defined]
        return expr.machine.first_ascii(expr.state)  # type: ignore[attr-defined]
    return 0 if kind is Epsilon or kind is Nothing else _ALL_ASCII


def _first_part(expr: Expr, levels: int) -> int:
    known = expr._first
    if known is not None:
        return known
    if levels == 0:
        return _ALL_ASCII
    known = expr._first = _first_of(expr, levels - 1)
    return known


def step(expr: Expr, codepoint: int) -> Expr:
    """The language of what may follow this character; NOTHING when it may not stand here."""
    for charset, target in transitions(expr):
        if charset.contains(codepoint):
            return target
    return NOTHING


def matches(expr: Expr, string: str) -> bool:
    """Whether the whole string is in the language."""
    for character in string:
        expr = step(expr, ord(character))
        if expr is NOTHING:
            return False
    return expr.nullable


def _parts(node: Expr) -> Sequence[Expr]:
    """The nodes whose transitions those of `node` are made of."""
    kind = type(node)
    if kind is Concat:
        head, tail = node.head, node.tail  # type: ignore[attr-defined]
        return (head, tail) if head.nullable else (head,)
    if kind is Alternate or kind is Intersect:
        return node.members  # type: ignore[attr-defined, no-any-return]
    if kind is Repeat or kind is Complement:
        return (node.body,)  # type: ignore[attr-defined]
    return ()


def _of_nothing(_: Expr) -> Transitions:
    return ()


def _of_chars(node: Chars) -> Transitions:
    return ((node.set, EPSILON),)


def _of_text(node: Text) -> Transitions:
    return ((CharSet.single(ord(node.text[0])), text(node.text[1:])),)


def _of_words(node: Words) -> Transitions:
    """One interval of the sorted words per next character, found by bisection."""
    found = []
    at, depth, ordered = node.low, node.depth, node.table.words
    if len(ordered[at]) == depth:
        at += 1
    while at < node.high:
        character = ordered[at][depth]
        end = _end_of_run(ordered, at, node.high, depth, character)
        found.append((CharSet.single(ord(character)), word_range(node.table, at, end, depth + 1)))
        at = end
    return _merged(found)


def _end_of_run(ordered: tuple[str, ...], low: int, high: int, depth: int, character: str) -> int:
    """The end of the words from `low` on that have `character` at `depth`."""
    while low < high:
        middle = (low + high) // 2
        if ordered[middle][depth] <= character:
            low = middle + 1
        else:
            high = middle
    return low


def _of_leaf(node: Leaf) -> Transitions:
    following = (
        (charset, leaf(node.machine, state)) for charset, state in node.machine.transitions(node.state)
    )
    return _merged([(charset, target) for charset, target in following if target is not NOTHING])


def _of_knot(node: Knot) -> Transitions:
    return transitions(node.definition.unfold())


def _of_concat(node: Concat) -> Transitions:
    tail = node.tail
    through = tuple((charset, concat(target, tail)) for charset, target in _known(node.head))
    return _union((through, _known(tail))) if node.head.nullable else _merged(through)


def _of_repeat(node: Repeat) -> Transitions:
    rest = repeat(node.body, max(node.low - 1, 0), None if node.high is None else node.high - 1)
    return _merged(tuple((charset, concat(target, rest)) for charset, target in _known(node.body)))


def _of_alternate(node: Alternate) -> Transitions:
    return _union([_known(member) for member in node.members])


def _of_intersect(node: Intersect) -> Transitions:
    reduced = filtered_words(node)
    if reduced is not None:
        return transitions(reduced)
    rows = [_known(member) for member in node.members]
    whole = len(rows)
    found = []
    for charset, targets in _refined(rows):
        if len(targets) == whole:
            target = intersect(*targets)
            if target is not NOTHING:
                found.append((charset, target))
    return _merged(found)


def _of_complement(node: Complement) -> Transitions:
    inner = _known(node.body)
    rest = CharSet.of(bounds for charset, _ in inner for bounds in charset.ranges).complement()
    found = [(charset, complement(target)) for charset, target in inner if target is not ANY_TEXT]
    if rest:
        found.append((rest, ANY_TEXT))
    return _merged(found)


_RULES: dict[type[Expr], Callable[[Any], Transitions]] = {
    Nothing: _of_nothing,
    Epsilon: _of_nothing,
    Chars: _of_chars,
    Text: _of_text,
    Words: _of_words,
    Knot: _of_knot,
    Leaf: _of_leaf,
    Concat: _of_concat,
    Repeat: _of_repeat,
    Alternate: _of_alternate,
    Intersect: _of_intersect,
    Complement: _of_complement,
}


def _known(node: Expr) -> Transitions:
    known = node._transitions
    assert known is not None
    return known


def _union(rows: Sequence[Transitions]) -> Transitions:
    return _merged([(charset, alternate(*targets)) for charset, targets in _refined(rows)])


def _refined(rows: Sequence[Transitions]) -> list[tuple[CharSet, list[Expr]]]:
    """The classes that all rows agree on, each with the targets of the rows that have it."""
    edges = [edge for row in rows for edge in row]
    if len(edges) == 1:
        return [(edges[0][0], [edges[0][1]])]
    classes = refine(tuple(charset for charset, _ in edges))
    return [(charset, [edges[index][1] for index in members]) for charset, members in classes]


def _merged(edges: Sequence[tuple[CharSet, Expr]]) -> Transitions:
    """Edges with equal targets as one, in the order of their lowest characters."""
    if len(edges) < 2:
        return tuple(edges)
    ranges: dict[Expr, list[CharSet]] = {}
    for charset, target in edges:
        ranges.setdefault(target, []).append(charset)
    merged = [(_joined(sets), target) for target, sets in ranges.items()]
    merged.sort(key=_lowest)
    return tuple(merged)


def _joined(sets: list[CharSet]) -> CharSet:
    return sets[0] if len(sets) == 1 else CharSet.of(bounds for charset in sets for bounds in charset.ranges)


def _lowest(edge: tuple[CharSet, Expr]) -> int:
    return edge[0].ranges[0][0]


def filtered_words(node: Intersect) -> Expr | None:
    """An intersection with a small word set as the words that pass; None when no part is one."""
    for member in node.members:
        if type(member) is Words or type(member) is Text:
            found = as_words(member, _FILTERED_WORDS)
            if found is not None:
                others = [other for other in node.members if other is not member]
                return words(word for word in found if all(matches(other, word) for other in others))
    return None
