"""Searches: what they find, what they cost, where they stop."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import pytest

from treadle.errors import LimitExceeded
from treadle.grammar.charset import CharSet
from treadle.grammar.derivative import matches, step
from treadle.grammar.emptiness import (
    is_disjoint,
    is_empty,
    is_subset,
    live_transitions,
    longest_length,
    shortest,
    shortest_length,
)
from treadle.grammar.expression import (
    ANY_CHAR,
    ANY_TEXT,
    NOTHING,
    Expr,
    alternate,
    chars,
    complement,
    concat,
    intersect,
    leaf,
    repeat,
    text,
    words,
)

DIGIT = chars(CharSet.of([(0x30, 0x39)]))
UPPER = chars(CharSet.of([(0x41, 0x5A)]))


def somewhere(expr: Expr) -> Expr:
    return concat(ANY_TEXT, expr, ANY_TEXT)


PASSWORD = intersect(
    somewhere(DIGIT), somewhere(UPPER), repeat(ANY_CHAR, 8, 20), complement(somewhere(text(" ")))
)


@dataclass(frozen=True, slots=True)
class Multiples:
    """Decimal numerals of the multiples of a number, by remainders: a machine written by hand."""

    divisor: int

    def transitions(self, state: Hashable, /) -> Sequence[tuple[CharSet, Hashable]]:
        assert isinstance(state, int)
        before = max(state, 0)
        return [(CharSet.from_text(str(digit)), (before * 10 + digit) % self.divisor) for digit in range(10)]

    def accepting(self, state: Hashable, /) -> bool:
        return state == 0

    def dead(self, state: Hashable, /) -> bool:
        return False


def test_a_password_rule_has_words() -> None:
    assert not is_empty(PASSWORD)
    found = shortest(PASSWORD)
    assert found is not None
    assert len(found) == 8 == shortest_length(PASSWORD)
    assert matches(PASSWORD, found)
    assert longest_length(PASSWORD) == 20


def test_live_transitions_leave_dead_ends_out() -> None:
    both = intersect(concat(ANY_CHAR, text("x")), alternate(text("ax"), concat(text("b"), DIGIT)))
    assert [charset.example() for charset, _ in live_transitions(both)] == ["a"]


def test_contradictions_are_empty() -> None:
    assert is_empty(intersect(PASSWORD, complement(somewhere(DIGIT))))
    assert is_disjoint(PASSWORD, repeat(UPPER, 0, None))
    assert is_subset(PASSWORD, repeat(ANY_CHAR, 8, None))
    assert not is_subset(repeat(ANY_CHAR, 8, None), PASSWORD)


def test_machines_take_part() -> None:
    sevens, twelves = leaf(Multiples(7), -1), leaf(Multiples(12), -1)
    both = intersect(sevens, twelves, complement(repeat(text("0"), 0, None)))
    assert shortest(both) == "84"
    assert matches(both, "1008")
    assert not matches(both, "1009")
    assert not is_empty(concat(text("a"), both))


class MeasuredMultiples(Multiples):
    """The same, but it says how short its texts get."""

    __slots__ = ()

    def shortest_length(self, state: Hashable, /) -> int:
        return len(self.shortest(state))

    def shortest(self, state: Hashable, /) -> str:
        assert isinstance(state, int)
        if state == 0:
            return ""
        before = max(state, 0)
        return next(str(rest) for rest in range(10**6) if int(f"{before}{rest}") % self.divisor == 0)


def test_machines_that_know_their_shortest_texts_are_asked() -> None:
    # 99,991 remainders would be far more states than the limit.
    far = leaf(MeasuredMultiples(99_991), 1)
    assert shortest_length(far, 10) == 5
    found = shortest(far, 10)
    assert found is not None
    assert matches(far, found)
    either = alternate(far, concat(text("x"), repeat(DIGIT, 9, 9)))
    assert shortest_length(either, 10) == 5


def test_word_sets_are_filtered_by_what_they_meet() -> None:
    names = words(f"name{number}" for number in range(3000))
    odd = intersect(names, concat(ANY_TEXT, text("7")))
    assert not is_empty(odd)
    assert shortest(odd) == "name7"
    assert longest_length(odd) == 8
    assert is_empty(intersect(names, concat(ANY_TEXT, text("x"))))


def test_searches_stop_at_their_limit() -> None:
    far = intersect(leaf(Multiples(99991), -1), repeat(chars(CharSet.from_text("123456789")), 7, None))
    with pytest.raises(LimitExceeded) as caught:
        is_empty(far, 20)
    assert (caught.value.limit, caught.value.value) == ("states", 20)


def test_shortest_of_a_huge_counter_is_refused_not_written() -> None:
    with pytest.raises(LimitExceeded):
        shortest(repeat(text("ab"), 10**9, None))


def test_nothing_has_no_words() -> None:
    assert is_empty(NOTHING)
    assert shortest(NOTHING) is None


def test_a_search_notes_what_is_left_all_along_its_way():
    """Else each state of a long text would be searched to its end anew."""
    pairs = concat(repeat(concat(UPPER, DIGIT), 1, None))
    language = intersect(pairs, repeat(ANY_CHAR, 101, None))
    text_of_it = shortest(language)
    assert text_of_it is not None and len(text_of_it) == 102
    rest = language
    for i, char in enumerate(text_of_it):
        assert rest._least == 102 - i or i == 0
        assert shortest_length(rest) == 102 - i
        rest = step(rest, ord(char))


@pytest.mark.parametrize(
    "language",
    [
        alternate(
            concat(repeat(DIGIT, 3, None), UPPER), intersect(repeat(UPPER, 2, 9), complement(text("AB")))
        ),
        intersect(alternate(text("ABC"), repeat(UPPER, 5, 7)), complement(concat(text("A"), ANY_TEXT))),
        intersect(
            repeat(alternate(text("AB"), text("CDE")), 2, None), complement(repeat(text("AB"), 0, None))
        ),
    ],
)
def test_what_a_search_notes_on_its_way_is_the_least(language):
    """Each length as a search from there alone would find it, breadth first."""
    shortest(language)
    seen, work = {language}, [language]
    while work:
        state = work.pop()
        assert shortest_length(state) == _breadth_first(state)
        behind = {target for _, target in live_transitions(state)} - seen
        seen |= behind
        work += behind


def _breadth_first(language):
    level, length = {language}, 0
    while not any(state.nullable for state in level):
        level, length = {target for state in level for _, target in live_transitions(state)}, length + 1
    return length
