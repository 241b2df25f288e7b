"""Law: what a batch says is what its sequences say one by one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from laws import vocabularies
from laws.walks import automaton
from treadle.errors import VocabularyMismatch
from treadle.grammar import rules
from treadle.grammar.expression import words
from treadle.masks import bitset
from treadle.matching.batch import apply_masks, fill_bitmasks
from treadle.matching.matcher import Matcher

TRAPS = vocabularies.traps()
LANGUAGES = [("abc", "ab"), ("a",), ("b", "cab", "é"), ("abcabc",)]


def matchers(seed: int, count: int) -> list[Matcher]:
    """Sequences of some languages, each some tokens on its way; several may share an automaton and a state."""
    rng = random.Random(seed)
    automata = [automaton(rules.Text(words(options)), TRAPS) for options in LANGUAGES]
    found = []
    for _ in range(count):
        matcher = Matcher(rng.choice(automata))
        for _ in range(rng.randrange(4)):
            allowed = bitset.to_tokens(matcher.mask()).tolist()
            if allowed:
                matcher.accept_token(rng.choice(allowed))
        found.append(matcher)
    return found


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("spare", [0, 3])
def test_rows_of_a_batch_are_the_sequences_own(seed, spare):
    batch = matchers(seed, 7)
    expected = np.full((7, bitset.words(len(TRAPS)) + spare), -1, np.int32)
    for matcher, row in zip(batch, expected, strict=True):
        matcher.fill_bitmask(row)
    rows = np.full_like(expected, -1)
    assert fill_bitmasks(matchers(seed, 7), rows) is rows
    np.testing.assert_array_equal(rows, expected)
    torch = pytest.importorskip("torch")
    tensor = torch.full(rows.shape, -1, dtype=torch.int32)
    np.testing.assert_array_equal(fill_bitmasks(batch, tensor).numpy(), expected)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("width", [len(TRAPS), len(TRAPS) + 40])
def test_masks_applied_at_once_are_masks_applied_one_by_one(seed, width):
    batch = matchers(seed, 6)
    logits = np.random.default_rng(seed).standard_normal((6, width)).astype(np.float32)
    expected = logits.copy()
    for matcher, line in zip(batch, expected, strict=True):
        bitset.apply_rows([matcher.mask()], line[None])
    assert apply_masks(matchers(seed, 6), logits) is logits
    np.testing.assert_array_equal(logits, expected)


def test_cores_share_the_lines(monkeypatch):
    monkeypatch.setattr(bitset, "CORES", 3)
    monkeypatch.setattr(bitset, "_WORTH_SHARING", 0)
    test_masks_applied_at_once_are_masks_applied_one_by_one(1, len(TRAPS) + 40)


def test_rows_that_do_not_fit_are_refused():
    batch = matchers(0, 2)
    needed = bitset.words(len(TRAPS))
    for shape in ((3, needed), (1, needed), (2, needed - 1), (2 * needed,)):
        with pytest.raises(VocabularyMismatch):
            fill_bitmasks(batch, np.zeros(shape, np.int32))
    assert fill_bitmasks([], np.zeros((0, needed), np.int32)).shape == (0, needed)
