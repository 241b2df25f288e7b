"""The pool of rows: equal rows are one row, different ones stay different."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

from treadle.masks import pool
from treadle.masks.pool import RowPool


def rows(count: int, words: int, seed: int = 0):
    return list(np.random.default_rng(seed).integers(-(2**31), 2**31, (count, words)).astype(np.int32))


@pytest.mark.parametrize("words", [1, 7, 300])
def test_equal_rows_are_one_row_that_cannot_be_written(words):
    shared = RowPool(words)
    different = [*rows(50, words), np.zeros(words, np.int32), np.full(words, -1, np.int32)]
    kept = [shared.share(row.copy()) for row in different]
    assert len(shared) == len(different)
    for row, first in zip(different, kept, strict=True):
        scratch = row.copy()
        assert shared.share(scratch) is first
        scratch[:] = 5
        np.testing.assert_array_equal(first, row)
        assert not first.flags.writeable


def test_rows_of_one_hash_are_told_apart(monkeypatch):
    monkeypatch.setattr(pool, "row_hash", lambda row, keys: 1)
    shared = RowPool(3)
    different = rows(10, 3)
    kept = [shared.share(row) for row in different]
    assert [shared.share(row) is first for row, first in zip(different, kept, strict=True)] == [True] * 10


def test_a_full_pool_forgets_and_its_rows_live_on():
    shared = RowPool(5, limit=20)
    different = rows(100, 5)
    kept = [shared.share(row) for row in different]
    assert len(shared) <= 20
    for row, first in zip(different, kept, strict=True):
        np.testing.assert_array_equal(first, row)
        np.testing.assert_array_equal(shared.share(row), row)


def test_threads_share_a_pool():
    shared = RowPool(40)
    different = rows(200, 40)
    wrong = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(2000):
            row = rng.choice(different)
            if not np.array_equal(shared.share(row), row):
                wrong.append(row)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
