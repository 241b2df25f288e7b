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


SIZES = [(64, 64), (70, 64), (100, 64), (33, 64), (31, 33), (1000, 1000), (640, 650), (300, 128)]


def rows_and_logits(width: int, size: int, seed: int):
    """Rows that are empty, full, sparse, dense and mixed, for a vocabulary of `size`; logits of `width`."""
    rng = np.random.default_rng(seed)
    sets = [
        [],
        range(size),
        [size - 1],
        [t for t in range(size) if t % 37],
        rng.choice(size, size // 2, replace=False),
    ]
    rows = np.stack([bitset.from_tokens(chosen, size) for chosen in sets])
    return rows, rng.standard_normal((len(rows), width))


def by_hand(rows, logits):
    """The same, a token at a time."""
    expected = logits.copy()
    for row, line in zip(rows, expected, strict=True):
        for token in range(len(line)):
            if not bitset.contains(row, token):
                line[token] = -np.inf
    return expected


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("width", "size"), SIZES)
def test_forbidden_logits_are_minus_infinity(dtype, width, size):
    rows, logits = rows_and_logits(width, size, width)
    logits = logits.astype(dtype)
    expected = by_hand(rows, logits)
    for given in (rows, list(rows), np.asfortranarray(rows), np.repeat(rows, 2, axis=1)[:, ::2]):
        found = logits.copy()
        assert bitset.apply_rows(given, found) is found
        np.testing.assert_array_equal(found, expected)


def test_slices_of_logits_are_written_in_place():
    rows, logits = rows_and_logits(100, 64, 1)
    expected = by_hand(rows, logits)
    wide = np.full((len(rows), 250), 7.0)
    for part in (wide[:, 20:120], wide[:, 20:220:2], wide[:, 119:19:-1]):
        wide[:] = 7.0
        part[:] = logits
        bitset.apply_rows(rows, part)
        np.testing.assert_array_equal(part, expected)
        part[:] = 7.0
        assert np.all(wide == 7.0)


@pytest.mark.parametrize(("width", "size"), SIZES)
@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_tensors_are_written_in_place_and_alike_on_a_device(name, width, size):
    torch = pytest.importorskip("torch")
    rows, logits = rows_and_logits(width, size, size)
    given = torch.from_numpy(logits).to(getattr(torch, name))
    expected = torch.from_numpy(by_hand(rows, given.double().numpy()))
    for way in (bitset.apply_rows, lambda rows, tensor: bitset.apply_on_device(np.stack(list(rows)), tensor)):
        for packed in (rows, list(rows)):
            found = given.clone()
            assert way(packed, found) is found
            assert torch.equal(found.double(), expected)


def test_rows_and_logits_that_do_not_fit_are_refused():
    rows = np.zeros((2, 2), np.int32)
    with pytest.raises(ValueError, match="2 rows"):
        bitset.apply_rows(rows, np.zeros((3, 64), np.float32))
    with pytest.raises(TypeError, match="int64"):
        bitset.apply_rows(rows, np.zeros((2, 64), np.int64))
    assert bitset.apply_rows(rows[:0], np.zeros((0, 64), np.float32)).shape == (0, 64)
