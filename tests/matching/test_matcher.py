"""The matcher and the rows it hands out, on one small constraint."""

from __future__ import annotations

import numpy as np
import pytest

from laws import vocabularies
from laws.walks import automaton
from treadle.errors import TokenRejected, VocabularyMismatch
from treadle.grammar import rules
from treadle.grammar.expression import words
from treadle.masks import bitset
from treadle.matching.matcher import Matcher

TRAPS = vocabularies.traps()
A, B, C, AB = (TRAPS.tokens.index(data) for data in (b"a", b"b", b"c", b"ab"))
END = TRAPS.eos_ids[0]


@pytest.fixture
def matcher() -> Matcher:
    return Matcher(automaton(rules.Text(words(("abc", "ab"))), TRAPS))


def test_tokens_are_taken_until_one_is_refused(matcher):
    assert matcher.accept_tokens([A, B, A, C]) == 2
    assert matcher.is_accepting and not matcher.is_terminated
    assert matcher.accept_token(C) and matcher.accept_token(END) and matcher.is_terminated
    assert not matcher.accept_token(A)


def test_validating_changes_nothing(matcher):
    state = matcher.state
    assert matcher.validate_tokens([AB, C, A]) == 2 and matcher.state == state


def test_consume_takes_all_or_nothing(matcher):
    with pytest.raises(TokenRejected) as caught:
        matcher.consume([A, A])
    assert (caught.value.token, caught.value.position) == (A, 1)
    assert matcher.validate_tokens([A, B]) == 2
    matcher.consume([AB, C])
    assert matcher.is_accepting


@pytest.mark.parametrize("extra", [0, 1, 5])
def test_rows_of_callers_are_filled_and_padded(matcher, extra):
    row = np.full(bitset.words(len(TRAPS)) + extra, -1, np.int32)
    matcher.fill_bitmask(row)
    assert np.array_equal(row[: len(row) - extra], matcher.mask()) and not row[len(row) - extra :].any()


def test_a_row_that_is_too_narrow_is_refused(matcher):
    with pytest.raises(VocabularyMismatch):
        matcher.fill_bitmask(np.zeros(1, np.int32))


def test_what_was_taken_can_be_forgotten(matcher):
    start = matcher.state
    matcher.consume([A, B])
    matcher.rollback(2)
    assert matcher.state == start
    for count in (-1, 1):
        with pytest.raises(ValueError):
            matcher.rollback(count)


def test_an_end_of_text_can_be_taken_back(matcher):
    matcher.consume([AB, END])
    matcher.rollback(1)
    assert matcher.is_accepting and matcher.accept_token(C)


def test_after_the_end_only_ends_are_allowed(matcher):
    matcher.consume([AB, END])
    assert set(bitset.to_tokens(matcher.mask()).tolist()) == set(TRAPS.eos_ids)
    assert matcher.forced_tokens() == []
