"""Normal forms: what has to be one node, and what stays small."""

from __future__ import annotations

import gc
import weakref

import pytest

from treadle.grammar.charset import ALL, CharSet
from treadle.grammar.derivative import matches, transitions
from treadle.grammar.emptiness import live_transitions
from treadle.grammar.expression import (
    ANY_CHAR,
    ANY_TEXT,
    EPSILON,
    NOTHING,
    Expr,
    alternate,
    as_words,
    chars,
    complement,
    concat,
    intersect,
    optional,
    repeat,
    text,
    words,
)

A, B, C = (chars(CharSet.from_text(letter)) for letter in "abc")
AB = text("ab")
LOOP = repeat(alternate(text("ab"), concat(A, C)), 0, None)

SAME = {
    "union is associative": (alternate(AB, alternate(LOOP, A)), alternate(alternate(A, AB), LOOP)),
    "union is idempotent": (alternate(LOOP, LOOP, AB), alternate(AB, LOOP)),
    "characters of a union are one set": (alternate(A, B), chars(CharSet.from_text("ab"))),
    "anything absorbs": (alternate(LOOP, ANY_TEXT), ANY_TEXT),
    "nothing is neutral for union": (alternate(NOTHING, LOOP), LOOP),
    "nothing absorbs in a row": (concat(A, NOTHING, B), NOTHING),
    "rows lean to the right": (concat(concat(LOOP, A), B), concat(LOOP, concat(A, B))),
    "single characters make a text": (concat(A, B, C), text("abc")),
    "counters in a row add up": (concat(repeat(A, 1, 2), repeat(A, 0, 3)), repeat(A, 1, 5)),
    "one more of a counter": (concat(AB, repeat(AB, 0, None)), repeat(AB, 1, None)),
    "counters that touch unite": (alternate(repeat(AB, 0, 2), repeat(AB, 3, 5)), repeat(AB, 0, 5)),
    "a smaller counter goes": (alternate(repeat(AB, 0, 9), repeat(AB, 2, 7)), repeat(AB, 0, 9)),
    "nested counters collapse": (repeat(repeat(A, 0, 1000), 0, 1000), repeat(A, 0, 1_000_000)),
    "nested counters with a gap do not": (repeat(repeat(A, 2, 3), 0, 2), repeat(repeat(A, 2, 3), 0, 2)),
    "optional of optional": (optional(optional(AB)), optional(AB)),
    "a star sheds inner stars": (
        repeat(alternate(repeat(A, 0, None), B), 0, None),
        repeat(alternate(A, B), 0, None),
    ),
    "the empty text and a counter": (alternate(EPSILON, repeat(A, 1, 4)), repeat(A, 0, 4)),
    "anything after a counter": (concat(repeat(A, 2, 9), ANY_TEXT), concat(repeat(A, 2, 2), ANY_TEXT)),
    "anything after an option": (concat(LOOP, ANY_TEXT), ANY_TEXT),
    "double complement": (complement(complement(LOOP)), LOOP),
    "complement of nothing": (complement(NOTHING), ANY_TEXT),
    "complement of the empty text": (complement(EPSILON), repeat(ANY_CHAR, 1, None)),
    "complement of lengths": (complement(repeat(ANY_CHAR, 0, 5)), repeat(ANY_CHAR, 6, None)),
    "intersection with anything": (intersect(LOOP, ANY_TEXT), LOOP),
    "intersection with a complement": (intersect(LOOP, complement(LOOP)), NOTHING),
    "intersection of counters": (
        intersect(repeat(chars(CharSet.from_text("ab")), 2, 9), repeat(chars(CharSet.from_text("bc")), 0, 5)),
        repeat(B, 2, 5),
    ),
    "intersection of impossible lengths": (intersect(LOOP, repeat(ANY_CHAR, 1, 1), text("abc")), NOTHING),
    "words of characters": (alternate(text("ab"), text("cd"), text("ab")), words(["cd", "ab"])),
    "one word": (words(["ab"]), AB),
    "no words": (words([]), NOTHING),
    "no repetition": (repeat(LOOP, 0, 0), EPSILON),
    "repetition of nothing": (repeat(NOTHING, 0, None), EPSILON),
    "an empty range": (repeat(A, 3, 2), NOTHING),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_equal_shapes_are_one_node(one: Expr, other: Expr) -> None:
    assert one is other


def test_nested_counters_do_not_pretend_to_be_contiguous() -> None:
    twos = repeat(repeat(A, 2, 2), 0, 3)
    assert [size for size in range(9) if matches(twos, "a" * size)] == [0, 2, 4, 6]


def test_many_words_cost_a_sort() -> None:
    numbers = [f"w{number}" for number in range(50_000)]
    many = words(numbers)
    assert len(transitions(many)) == 1
    assert all(matches(many, word) for word in numbers[::5000])
    assert not matches(many, "w50000")
    assert as_words(many) == tuple(sorted(numbers))


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (words(["b", "a", "abc"]), ("a", "abc", "b")),
        (alternate(words(["bb", "aa"]), A, EPSILON), ("", "a", "aa", "bb")),
        (text("abc"), ("abc",)),
        (optional(words(["ab", "cd"])), ("", "ab", "cd")),
        (NOTHING, ()),
        (EPSILON, ("",)),
        (repeat(A, 0, None), None),
        (ANY_CHAR, None),
        (concat(AB, LOOP), None),
    ],
)
def test_as_words_sees_finite_sets(expr: Expr, expected: tuple[str, ...] | None) -> None:
    assert as_words(expr, 1000) == expected


def test_as_words_stops_at_its_limit() -> None:
    assert as_words(words(["a", "b", "c"]), 2) is None
    assert as_words(chars(ALL), 100) is None


def test_depth_is_no_limit() -> None:
    deep: Expr = AB
    for _ in range(2000):
        deep = repeat(concat(C, deep, LOOP), 0, None)
    assert matches(deep, "")
    assert matches(deep, "c" * 40 + "ab")
    assert not matches(deep, "c" * 40 + "b")


def test_unused_nodes_are_collected() -> None:
    loop = repeat(concat(text("only here"), chars(CharSet.from_text("xyz"))), 0, None)
    pending, seen = [loop], {loop}
    while pending:
        for _, target in live_transitions(pending.pop()):
            if target not in seen:
                seen.add(target)
                pending.append(target)
    alive = weakref.ref(loop)
    del loop, pending, seen, target
    gc.collect()
    assert alive() is None
