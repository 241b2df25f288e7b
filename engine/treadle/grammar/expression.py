"""Expressions: regular languages of Unicode text with intersection and complement.

In: smaller expressions, character sets, texts, hand-written automata. Out: interned nodes in a normal form, so that
equal shapes are the same object and derivatives of an expression stay few (Brzozowski 1964: finitely many modulo
associativity, commutativity and idempotence of union; the similarity rules below are those plus the cheap ones of
Owens, Reppy & Turon 2009). Counters stay counters: x{0,1000} is one node, and x{a,b}{c,d} collapses.
Nothing is decided here that needs a search; that is `emptiness`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from treadle.grammar.charset import ALL, CharSet
from treadle.grammar.inclusion import includes, within
from treadle.grammar.literals import EPSILON, NOTHING, as_words, chars, own_words, text, word_range, words
from treadle.grammar.nodes import (
    Alternate,
    Chars,
    Complement,
    Concat,
    Definition,
    Epsilon,
    Expr,
    Intersect,
    Knot,
    Leaf,
    Machine,
    Nothing,
    Repeat,
    Text,
    Words,
    intern_node,
    known_node,
)

__all__ = [
    "ANY_CHAR", "ANY_TEXT", "EPSILON", "NOTHING", "Alternate", "Chars", "Complement", "Concat", "Epsilon", "Expr",
    "Intersect", "Knot", "Leaf", "Machine", "Nothing", "Repeat", "Text", "Words", "alternate", "as_words", "chars",
    "complement", "concat", "intersect", "knot", "leaf", "optional", "repeat", "text", "word_range", "words",
]  # fmt: skip

#: Alternations of more members than this are not searched for members inside of others (the search is quadratic).
_PAIRWISE = 24


def leaf(machine: Machine, state: Hashable) -> Expr:
    """What a hand-written automaton accepts from `state`."""
    if machine.dead(state):
        return NOTHING
    nullable = machine.accepting(state)
    bounds = (0 if nullable else 1, None)
    fields = (machine, state)
    return intern_node(Leaf, fields, fields, nullable=nullable, plain=True, exact=False, lengths=bounds)


def knot(definition: Definition, *, nullable: bool, min_length: int) -> Expr:
    """A recursively defined language; `nullable` and the lower bound of its lengths cannot be seen from outside."""
    bounds = (min_length, None)
    return intern_node(
        Knot, definition.key, (definition,), nullable=nullable, plain=False, exact=False, lengths=bounds
    )


def concat(*parts: Expr) -> Expr:
    """The parts one after the other."""
    if not parts:
        return EPSILON
    result = parts[-1]
    for part in reversed(parts[:-1]):
        result = _concat_pair(part, result)
    return result


def _concat_pair(left: Expr, right: Expr) -> Expr:
    if left is EPSILON or right is NOTHING:
        return right
    if right is EPSILON or left is NOTHING:
        return left
    if type(left) is not Concat:
        return _concat_head(left, right)
    heads: list[Expr] = []
    while type(left) is Concat:
        heads.append(left.head)
        left = left.tail
    right = _concat_head(left, right)
    for head in reversed(heads):
        right = _concat_head(head, right)
    return right


def _concat_head(head: Expr, tail: Expr) -> Expr:
    """`head` is no Concat, neither is trivial."""
    known = known_node(Concat, head.serial, tail.serial)
    if known is not None:
        return known
    if type(tail) is Concat:
        joined = _joined(head, tail.head)
        if joined is not None:
            return _concat_head(joined, tail.tail)
    else:
        joined = _joined(head, tail)
        if joined is not None:
            return joined
    if tail.nullable and _is_star_over(head, tail):
        return head
    if tail is ANY_TEXT and type(head) is Repeat:
        # x{a,b} and then anything is x{a} and then anything.
        if head.low == 0 or head.nullable:
            return tail
        if head.high != head.low:
            return _concat_head(repeat(head.body, head.low, head.low), tail)
    elif tail is ANY_TEXT and head.nullable:
        return tail
    shortest = head.min_length + tail.min_length
    longest = (
        None if head.max_length is None or tail.max_length is None else head.max_length + tail.max_length
    )
    return intern_node(
        Concat,
        (head.serial, tail.serial),
        (head, tail),
        nullable=head.nullable and tail.nullable,
        plain=head.plain and tail.plain,
        exact=head.exact and tail.exact,
        lengths=(shortest, longest),
    )


def _is_star_over(head: Expr, tail: Expr) -> bool:
    """S* T = S* when T has the empty text and is over S."""
    if type(head) is not Repeat or head.high is not None or type(head.body) is not Chars:
        return False
    return within(tail, head.body.set)


def _joined(left: Expr, right: Expr) -> Expr | None:
    """The two as one node where they are literals or counters of the same body."""
    literal = _literal(left)
    if literal is not None:
        other = _literal(right)
        if other is not None:
            return text(literal + other)
    if type(right) is Repeat:
        if type(left) is Repeat and left.body is right.body:
            high = None if left.high is None or right.high is None else left.high + right.high
            return repeat(left.body, left.low + right.low, high)
        if left is right.body:
            return repeat(left, right.low + 1, None if right.high is None else right.high + 1)
    elif type(left) is Repeat and right is left.body:
        return repeat(right, left.low + 1, None if left.high is None else left.high + 1)
    return None


def _literal(expr: Expr) -> str | None:
    if type(expr) is Text:
        return expr.text
    if type(expr) is Chars:
        only = expr.set.only()
        return None if only is None else chr(only)
    return None


def optional(expr: Expr) -> Expr:
    return repeat(expr, 0, 1)


def repeat(body: Expr, low: int, high: int | None) -> Expr:
    """`low` to `high` times the body; None = no upper bound."""
    if high is not None and high < low:
        return NOTHING
    if high == 0 or body is EPSILON:
        return EPSILON
    if body is NOTHING:
        return EPSILON if low == 0 else NOTHING
    if low == high == 1:
        return body
    known = known_node(Repeat, body.serial, low, high)
    if known is not None:
        return known
    return _repeat_normal(body, low, high)


def _repeat_normal(body: Expr, low: int, high: int | None) -> Expr:
    if type(body) is Repeat and _contiguous(body, low, high):
        top = None if body.high is None or high is None else body.high * high
        return repeat(body.body, body.low * low, top)
    if high is None and type(body) is Alternate:
        flat, sheds_empty = _star_body(body, low)
        if flat is not body:
            return repeat(flat, 0 if sheds_empty else low, None)
    if body.nullable:
        low = 0
    shortest = body.min_length * low
    longest = None if high is None or body.max_length is None else body.max_length * high
    return intern_node(
        Repeat,
        (body.serial, low, high),
        (body, low, high),
        nullable=low == 0 or body.nullable,
        plain=body.plain,
        exact=body.exact,
        lengths=(shortest, longest),
    )


def _contiguous(inner: Repeat, low: int, high: int | None) -> bool:
    """Whether the counts k*a .. k*b for low <= k <= high leave no gap between one k and the next."""
    if low == high or inner.high is None:
        return low > 0 or inner.low <= 1
    return (low + 1) * inner.low <= low * inner.high + 1


def _star_body(body: Alternate, low: int) -> tuple[Expr, bool]:
    """(x+|y?)* is (x|y)*: the body without its own stars, and whether an empty alternative was dropped."""
    if low > 1:
        return body, False
    sheds = False
    members = []
    for member in body.members:
        if member is EPSILON:
            sheds = True
            continue
        if type(member) is Repeat and member.low <= 1:
            sheds = sheds or member.low == 0
            member = member.body
        members.append(member)
    return alternate(*members), sheds


def alternate(*options: Expr) -> Expr:
    """The union."""
    if len(options) == 2 and options[0] is options[1]:
        return options[0]
    members = _flat(options, Alternate)
    members.pop(NOTHING, None)
    if len(members) == 1:
        return next(iter(members))
    if ANY_TEXT in members:
        return ANY_TEXT
    kept = _merge_counters(_merge_literals(list(members)))
    if 1 < len(kept) <= _PAIRWISE:
        kept = _pruned(kept, includes)
    if not kept:
        return NOTHING
    return kept[0] if len(kept) == 1 else _alternate_node(kept)


def _alternate_node(members: list[Expr]) -> Expr:
    members.sort(key=_serial)
    key = tuple([member.serial for member in members])
    known = known_node(Alternate, *key)
    if known is not None:
        return known
    lengths = [member.max_length for member in members]
    longest = None if None in lengths else max(length for length in lengths if length is not None)
    return intern_node(
        Alternate,
        key,
        (tuple(members),),
        nullable=any(member.nullable for member in members),
        plain=all(member.plain for member in members),
        exact=all(member.exact for member in members),
        lengths=(min(member.min_length for member in members), longest),
    )


def _serial(expr: Expr) -> int:
    return expr.serial


def _flat(exprs: Iterable[Expr], kind: type[Alternate | Intersect]) -> dict[Expr, None]:
    """The distinct members of an associative operation; nodes never nest in their own kind."""
    members: dict[Expr, None] = {}
    for expr in exprs:
        if type(expr) is kind:
            for member in expr.members:
                members[member] = None
        else:
            members[expr] = None
    return members


def _merge_literals(members: list[Expr]) -> list[Expr]:
    """All character sets as one, all whole words as one word set."""
    sets = [member.set for member in members if type(member) is Chars]
    literals = [
        member for member in members if type(member) is Text or (type(member) is Words and not member.depth)
    ]
    if len(sets) > 1:
        # PERF: one union of all ranges; a union per member is quadratic for long alternations.
        joined = CharSet.of(bounds for charset in sets for bounds in charset.ranges)
        members = [chars(joined), *(member for member in members if type(member) is not Chars)]
    if len(literals) > 1:
        gone = set(literals)
        merged = words(word for member in literals for word in own_words(member))
        members = [merged, *(member for member in members if member not in gone)]
    return members


def _merge_counters(members: list[Expr]) -> list[Expr]:
    """x{a,b} | x{c,d} as one counter where the ranges touch; x alone counts as x{1,1}, the empty text as x{0,0}."""
    if EPSILON in members and (len(members) == 2 or any(m.nullable and m is not EPSILON for m in members)):
        rest = [member for member in members if member is not EPSILON]
        return rest if len(rest) > 1 or rest[0].nullable else [optional(rest[0])]
    bodies = {member.body for member in members if type(member) is Repeat}
    if not bodies:
        return members
    grouped: dict[Expr, list[tuple[int, int | None]]] = {}
    others = []
    for member in members:
        if type(member) is Repeat:
            grouped.setdefault(member.body, []).append((member.low, member.high))
        elif member in bodies:
            grouped.setdefault(member, []).append((1, 1))
        else:
            others.append(member)
    for body, spans in grouped.items():
        others.extend(repeat(body, low, high) for low, high in _merged_spans(spans))
    return others


def _merged_spans(spans: list[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    spans.sort(key=lambda span: span[0])
    merged = [spans[0]]
    for low, high in spans[1:]:
        last_low, last_high = merged[-1]
        if last_high is None:
            break
        if low > last_high + 1:
            merged.append((low, high))
        else:
            merged[-1] = (last_low, None if high is None else max(high, last_high))
    return merged


def _pruned(members: list[Expr], covers: Callable[[Expr, Expr], bool]) -> list[Expr]:
    """The members without those that another one covers."""
    kept: list[Expr] = []
    for member in members:
        if any(covers(other, member) for other in kept):
            continue
        kept = [other for other in kept if not covers(member, other)]
        kept.append(member)
    return kept


def intersect(*parts: Expr) -> Expr:
    """The texts that all parts have; derivatives are taken of the parts, never multiplied out."""
    if len(parts) == 2 and parts[0] is parts[1]:
        return parts[0]
    members = _flat(parts, Intersect)
    members.pop(ANY_TEXT, None)
    if NOTHING in members:
        return NOTHING
    if len(members) < 2:
        return next(iter(members), ANY_TEXT)
    if EPSILON in members:
        return EPSILON if all(member.nullable for member in members) else NOTHING
    if any(type(member) is Complement and member.body in members for member in members):
        return NOTHING
    kept = _merge_runs(list(members))
    if 1 < len(kept) <= _PAIRWISE:
        kept = _pruned(kept, lambda one, other: includes(other, one))
    return kept[0] if len(kept) == 1 else _intersect_node(kept)


def _merge_runs(members: list[Expr]) -> list[Expr]:
    """S{a,b} & T{c,d} as one counter (S & T){max(a,c),min(b,d)}; a set alone counts as S{1,1}."""
    runs = [member for member in members if _run(member) is not None]
    if len(runs) < 2:
        return members
    charset, low, high = ALL, 0, None
    for member in runs:
        run = _run(member)
        assert run is not None
        charset, low = charset & run[0], max(low, run[1])
        high = run[2] if high is None else high if run[2] is None else min(high, run[2])
    return [repeat(chars(charset), low, high), *(member for member in members if _run(member) is None)]


def _run(expr: Expr) -> tuple[CharSet, int, int | None] | None:
    if type(expr) is Chars:
        return expr.set, 1, 1
    if type(expr) is Repeat and type(expr.body) is Chars:
        return expr.body.set, expr.low, expr.high
    return None


def _intersect_node(members: list[Expr]) -> Expr:
    members.sort(key=_serial)
    shortest = max(member.min_length for member in members)
    bounds = [member.max_length for member in members if member.max_length is not None]
    longest = min(bounds) if bounds else None
    if NOTHING in members or (longest is not None and longest < shortest):
        return NOTHING
    nullable = all(member.nullable for member in members)
    if EPSILON in members or longest == 0:
        return EPSILON if nullable else NOTHING
    return intern_node(
        Intersect,
        tuple(map(_serial, members)),
        (tuple(members),),
        nullable=nullable,
        plain=False,
        exact=False,
        lengths=(shortest, longest),
    )


def complement(body: Expr) -> Expr:
    """Every text that the body does not have."""
    if type(body) is Complement:
        return body.body
    if body is NOTHING:
        return ANY_TEXT
    if body is EPSILON:
        return repeat(ANY_CHAR, 1, None)
    if body is ANY_CHAR or (type(body) is Repeat and body.body is ANY_CHAR):
        return _other_lengths(body)
    shortest = 1 if body.nullable else 0
    return intern_node(
        Complement,
        (body.serial,),
        (body,),
        nullable=not body.nullable,
        plain=False,
        exact=False,
        lengths=(shortest, None),
    )


def _other_lengths(body: Expr) -> Expr:
    low, high = (body.low, body.high) if type(body) is Repeat else (1, 1)
    shorter = repeat(ANY_CHAR, 0, low - 1) if low else NOTHING
    longer = NOTHING if high is None else repeat(ANY_CHAR, high + 1, None)
    return alternate(shorter, longer)


ANY_CHAR: Expr = chars(ALL)
#: Defined before the rules about it are used: `_concat_head` and `alternate` compare with it.
ANY_TEXT: Expr = intern_node(
    Repeat,
    (ANY_CHAR.serial, 0, None),
    (ANY_CHAR, 0, None),
    nullable=True,
    plain=True,
    exact=True,
    lengths=(0, None),
)
