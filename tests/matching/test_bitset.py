"""Rows of bits against sets of ints."""

from __future__ import annotations

import random

import numpy as np
import pytest

from treadle.masks import bitset


@pytest.mark.parametrize("size", [1, 31, 32, 33, 1000])
def test_rows_are_sets(size):
    rng = random.Random(size)
    chosen = {token for token in range(size) if rng.random() < 0.3} | {size - 1}
    row = bitset.from_tokens(chosen, size)
    assert row.dtype == np.int32 and len(row) == bitset.words(size)
    assert set(bitset.to_tokens(row).tolist()) == chosen and bitset.count(row) == len(chosen)
    assert {token for token in range(-3, size + 40) if bitset.contains(row, token)} == chosen


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [64, 70, 100])
def test_forbidden_logits_are_minus_infinity(dtype, width):
    rows = [bitset.from_tokens([0, 31, 63], 64), bitset.from_tokens([5], 64)]
    logits = np.ones((2, width), dtype)
    bitset.apply_rows(rows, logits)
    assert [np.flatnonzero(line > -np.inf).tolist() for line in logits] == [[0, 31, 63], [5]]
    assert np.all(logits[np.isfinite(logits)] == 1)
