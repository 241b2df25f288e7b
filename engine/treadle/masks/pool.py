"""Rows kept once: equal masks of different states and different constraints share one row.

In: a row that was computed in a scratch place. Out: the kept row that equals it, read-only; a copy is made only for one
that was not seen yet. Of 89,590 masks on walks through 1,000 schemas of MaskBench 8,543 are different (16 KB each).

Construction: a dictionary from a multilinear hash (64 bits, sum of word times random key; Carter and Wegman 1979) to
the rows with this hash, which are compared: 2 us where the row is known. A fresh row would cost its page faults,
5 to 20 us. Beyond `limit` rows the pool forgets all of them and begins anew: whoever holds a row keeps it.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.compiling import kernel
from treadle.masks.bitset import Row

#: Rows of a page: one of them that is still in use keeps the page.
PAGE = 16
#: 128 MB of rows for a vocabulary of 128,000 tokens.
LIMIT = 8192


class RowPool:
    """The rows of one vocabulary. Safe to share between threads."""

    def __init__(self, words: int, limit: int = LIMIT) -> None:
        self._keys: NDArray[np.uint64] = np.random.default_rng(words).integers(
            0, 1 << 64, words, np.uint64, endpoint=False
        )
        self._limit = limit
        self._rows: dict[int, list[Row]] = {}
        self._count = 0
        self._page = np.zeros((0, words), np.int32)
        self._used = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def share(self, row: Row) -> Row:
        """The kept row that equals this one. The caller may overwrite `row` afterwards."""
        key = int(row_hash(row, self._keys))
        for known in self._rows.get(key, ()):
            if same_row(known, row):
                return known
        with self._lock:
            return self._keep(key, row)

    def _keep(self, key: int, row: Row) -> Row:
        if self._count >= self._limit:
            self._rows, self._count = {}, 0
        if self._used == len(self._page):
            self._page, self._used = np.zeros((PAGE, len(self._keys)), np.int32), 0
        kept: Row = self._page[self._used]
        self._used += 1
        self._count += 1
        kept[:] = row
        kept.flags.writeable = False
        # A new list: another thread may be looking through the old one.
        self._rows[key] = [*self._rows.get(key, ()), kept]
        return kept


@kernel
def row_hash(row: Any, keys: Any) -> Any:
    """The sum of row int32[w] times keys uint64[w], modulo 2 ** 64."""
    total = np.uint64(0)
    for i in range(row.shape[0]):
        total += np.uint64(np.uint32(row[i])) * keys[i]
    return total


@kernel
def same_row(one: Any, other: Any) -> Any:
    """Are two rows int32[w] equal?"""
    different = np.int32(0)
    for i in range(one.shape[0]):
        different |= one[i] ^ other[i]
    return different == 0
