"""Cheap sufficient tests that one language includes another.

In: two nodes. Out: True only when the second language is inside the first; False means "not seen". The tests look
at shapes (counters of one body, alphabets and lengths, a common tail) and never at derivatives. They keep the sets
of alternatives small that derivatives of ambiguous counters build (x{0,9}y | x{0,8}y is x{0,9}y), which is what
makes such patterns cheap; a complete test is `emptiness.is_subset`.
"""

from __future__ import annotations

from treadle.grammar.charset import ALL, CharSet
from treadle.grammar.nodes import (
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
)

#: Nodes that one test may look at; deep expressions are left to their own.
_BUDGET = 40
#: Answers that are kept, by the serials of both nodes: nine of ten questions were asked before, since derivatives
#: of one combination meet the same members again and again. Serials are never used twice and hold no node.
_ANSWERS: dict[tuple[int, int], bool] = {}
_ANSWERS_KEPT = 1 << 15
#: Of these nothing is seen to include another node but themselves, unless it is made of others.
_OPAQUE = frozenset({Complement, Leaf, Text, Words, Knot})
_SIMPLE = frozenset({Complement, Leaf, Text, Words, Knot, Concat, Repeat, Chars})


def includes(whole: Expr, part: Expr) -> bool:
    """Whether `part` is seen to be inside `whole`."""
    if type(whole) in _OPAQUE and type(part) in _SIMPLE:
        return whole is part
    if part.min_length < whole.min_length or (part.nullable and not whole.nullable):
        return type(part) is Nothing
    key = whole.serial, part.serial
    known = _ANSWERS.get(key)
    if known is None:
        if len(_ANSWERS) >= _ANSWERS_KEPT:
            _ANSWERS.clear()
        known = _ANSWERS[key] = _includes(whole, part, _BUDGET)
    return known


def _includes(whole: Expr, part: Expr, budget: int) -> bool:
    if whole is part or type(part) is Nothing:
        return True
    if type(part) is Epsilon:
        return whole.nullable
    if budget <= 0 or part.min_length < whole.min_length or _longer(part.max_length, whole.max_length):
        return False
    if part.nullable and not whole.nullable:
        return False
    if type(part) is Alternate:
        share = budget // (len(part.members) + 1)
        return all(_includes(whole, member, share) for member in part.members)
    if type(whole) is Repeat:
        return _repeat_includes(whole, part, budget)
    if type(whole) is Concat:
        return _concat_includes(whole, part, budget)
    if type(whole) is Chars:
        return type(part) is Chars and whole.set.includes(part.set)
    if type(whole) is Alternate:
        share = budget // (len(whole.members) + 1)
        return any(_includes(member, part, share) for member in whole.members)
    if type(whole) is Intersect:
        share = budget // (len(whole.members) + 1)
        return all(_includes(member, part, share) for member in whole.members)
    return type(part) is Intersect and any(member is whole for member in part.members)


def _longer(length: int | None, bound: int | None) -> bool:
    return bound is not None and (length is None or length > bound)


def _repeat_includes(whole: Repeat, part: Expr, budget: int) -> bool:
    body = whole.body
    if type(part) is Repeat and part.body is body:
        return part.low >= whole.low and not _longer(part.high, whole.high)
    if part is body:
        return whole.low <= 1
    # The lengths are already known to fit; with a set as the body nothing but the alphabet is left to look at.
    return type(body) is Chars and within(part, body.set, budget)


def _concat_includes(whole: Concat, part: Expr, budget: int) -> bool:
    if whole.head.nullable and _includes(whole.tail, part, budget // 2):
        return True
    if type(part) is not Concat:
        return whole.tail.nullable and _includes(whole.head, part, budget // 2)
    if _is_any_text(whole.tail) and _begins_with(part.head, whole.head):
        return True
    if _includes(whole.head, part.head, budget // 2) and _includes(whole.tail, part.tail, budget - 4):
        return True
    return _swallows(whole, part, budget)


def _is_any_text(expr: Expr) -> bool:
    return type(expr) is Repeat and expr.low == 0 and expr.high is None and _is_any_char(expr.body)


def _is_any_char(expr: Expr) -> bool:
    return type(expr) is Chars and expr.set is ALL


def _begins_with(part: Expr, head: Expr) -> bool:
    """x{c,d} begins with x{a} when there are enough: what follows is then a matter of any text."""
    if type(head) is not Repeat:
        return False
    if type(part) is Repeat and part.body is head.body:
        return part.low >= head.low
    return part is head.body and head.low <= 1


def _swallows(whole: Concat, part: Concat, budget: int) -> bool:
    """S* T includes c T where c is over S: ".*foo" includes "xfoo"."""
    head = whole.head
    if type(head) is not Repeat or type(head.body) is not Chars or head.high is not None or head.low > 1:
        return False
    rest: Expr = part
    while type(rest) is Concat and budget > 0:
        if not within(rest.head, head.body.set, budget):
            return False
        rest = rest.tail
        budget -= 4
        if rest is whole.tail:
            return True
    return False


def within(expr: Expr, charset: CharSet, budget: int = _BUDGET) -> bool:
    """Whether every character of every text is seen to be in `charset`."""
    if charset is ALL or type(expr) is Epsilon:
        return True
    if budget <= 0:
        return False
    kind = type(expr)
    if kind is Chars:
        return charset.includes(expr.set)  # type: ignore[attr-defined]
    if kind is Repeat:
        return within(expr.body, charset, budget - 1)  # type: ignore[attr-defined]
    if kind is Text:
        return all(charset.contains(ord(character)) for character in expr.text)  # type: ignore[attr-defined]
    if kind is Concat:
        head, tail = expr.head, expr.tail  # type: ignore[attr-defined]
        return within(head, charset, budget // 2) and within(tail, charset, budget - 2)
    if kind is Alternate:
        members = expr.members  # type: ignore[attr-defined]
        return all(within(member, charset, budget // (len(members) + 1)) for member in members)
    if kind is Intersect:
        members = expr.members  # type: ignore[attr-defined]
        return any(within(member, charset, budget // (len(members) + 1)) for member in members)
    return False
