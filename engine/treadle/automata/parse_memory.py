"""The memory that parsing kernels work in: one int32 array, and how it grows.

As in memory.py, pages come from an anonymous mapping, so room that is never used costs nothing, and zero means "not
there yet". Everything moves when a table grows, which quadruples it; rows never change their numbers. A memory that
has grown is one of a long text or a big grammar: it gets huge pages where the system has them and a hash table that is
at most a quarter full, since what a step costs there is looking things up all over it.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from treadle.automata import parse_layout as at
from treadle.automata.parse_cell_kernels import rehash
from treadle.errors import LimitExceeded

Int32 = NDArray[np.int32]

#: Most states of one automaton.
STATE_LIMIT: Final = 1 << 20
_FLAGS: Final = (
    getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0) | getattr(mmap, "MAP_NORESERVE", 0)
)
#: Advice to use huge pages; None where there is no such thing.
_HUGE: Final = getattr(mmap, "MADV_HUGEPAGE", None)
#: (offset column, capacity column, counter column, width, rows at first); a width of 0 depends on the grammar.
_GROWING: Final = (
    (at.AT_MEMO, at.CAP_MEMO, at.N_MEMO, at.MEMO_WIDTH, 1 << 15),
    (at.AT_NODES, at.CAP_NODES, at.N_NODES, at.NODE_WIDTH, 1 << 15),
    (at.AT_BUNDLES, at.CAP_BUNDLES, at.N_BUNDLES, at.BUNDLE_WIDTH, 1 << 15),
    (at.AT_CONFIGS, at.CAP_CONFIGS, at.N_CONFIGS, at.CONFIG_WIDTH, 1 << 15),
    (at.AT_STATES, at.CAP_STATES, at.N_STATES, at.STATE_WIDTH, 1 << 15),
    (at.AT_NEXT, at.CAP_STATES, at.N_STATES, 256, 1 << 15),
    (at.AT_DUTIES, at.CAP_DUTIES, at.N_DUTIES, at.DUTY_WIDTH, 1 << 14),
    (at.AT_BLOCKS, at.CAP_BLOCKS, at.N_BLOCKS, at.BLOCK_WIDTH, 1 << 14),
    (at.AT_TEXTS, at.CAP_TEXTS, at.N_TEXT, at.TEXT_WIDTH, 1 << 14),
    (at.AT_SETS, at.CAP_SETS, at.N_SETS, 0, 1 << 10),
    (at.AT_SCAN_NEXT, at.CAP_SCANNER, at.N_SCANNER, 256, 1 << 11),
    (at.AT_SCAN, at.CAP_SCANNER, at.N_SCANNER, 0, 1 << 11),
    (at.AT_CONDITION, at.CAP_CONDITIONS, at.N_CONDITIONS, at.CONDITION_WIDTH, 1 << 8),
)
_SCRATCH: Final = (
    (at.AT_JOURNAL, at.JOURNAL),
    (at.AT_OUT, at.ALIVE_LIMIT),
    (at.AT_WORK, 2 * at.ALIVE_LIMIT),
    (at.AT_FOUND, 2 * at.ALIVE_LIMIT),
)


class ParseMemory:
    """`words` is what kernels get."""

    def __init__(self, terminals: int, levels: int, tables: Mapping[int, Int32]) -> None:
        self._tables = dict(tables)
        self._levels = levels
        self._words_of_set = max(1, -(-terminals // 32))
        self._capacity = {cap: rows for _, cap, _, _, rows in _GROWING}
        self.words = self._laid_out()
        head = self.words
        head[at.WORDS] = self._words_of_set
        head[at.TERMINALS] = terminals
        for counter, first in (
            (at.N_MEMO, 1), (at.N_NODES, at.FIRST), (at.N_BUNDLES, at.FIRST), (at.N_CONFIGS, 1),
            (at.N_STATES, at.FIRST), (at.N_DUTIES, 1), (at.N_BLOCKS, 1), (at.N_TEXT, 1),
        ):  # fmt: skip
            head[counter] = first

    def _width(self, offset: int, width: int) -> int:
        if offset == at.AT_SETS:
            return 2 * self._words_of_set
        return at.SCAN_HEAD + 2 * self._words_of_set if offset == at.AT_SCAN else width

    def _laid_out(self) -> Int32:
        sizes = {
            offset: self._capacity[cap] * self._width(offset, width) for offset, cap, _, width, _ in _GROWING
        }
        # Entries are spread over all of its pages, and the first touch of each is what a first mask costs most.
        grown = any(self._capacity[cap] > rows for _, cap, _, _, rows in _GROWING)
        hashes = 1 << ((4 if grown else 2) * self._capacity[at.CAP_MEMO] - 1).bit_length()
        sizes[at.AT_HASH] = hashes
        sizes[at.AT_LEVELS] = self._levels
        sizes[at.AT_WAIT] = at.WAITING * self._capacity[at.CAP_NODES]
        sizes.update(_SCRATCH)
        sizes.update({offset: len(table) for offset, table in self._tables.items()})
        total = at.HEADER + sum(sizes.values())
        if total >= 1 << 31:
            raise LimitExceeded(
                "the automaton of a grammar needs too much memory", limit="words", value=1 << 31
            )
        pages = mmap.mmap(-1, total * 4, flags=_FLAGS)
        if grown and _HUGE is not None:
            with suppress(OSError):  # a system without them
                pages.madvise(_HUGE)
        words = np.frombuffer(pages, dtype=np.int32)
        start = at.HEADER
        for offset, size in sizes.items():
            words[offset] = start
            start += size
        for cap, rows in self._capacity.items():
            words[cap] = rows
        words[at.CAP_HASH] = hashes
        for offset, table in self._tables.items():
            words[words[offset] : words[offset] + len(table)] = table
        return words

    def grow(self, *capacities: int) -> None:
        """Quadruple the tables of these capacity columns; without any, those that a step could fill."""
        old = self.words
        if not capacities:
            counters = {cap: counter for _, cap, counter, _, _ in _GROWING}
            capacities = tuple(
                cap
                for cap, counter in counters.items()
                if cap not in {at.CAP_SETS, at.CAP_SCANNER, at.CAP_CONDITIONS}
                and old[counter] + (4 if cap == at.CAP_MEMO else 1) * at.ROOM >= old[cap]
            )
        for cap in capacities:
            self._capacity[cap] *= 4
        if self._capacity[at.CAP_STATES] > 4 * STATE_LIMIT:
            raise LimitExceeded("too many states were visited", limit="states", value=STATE_LIMIT)
        new = self._laid_out()
        kept = {at.CAP_HASH, *self._capacity}
        for column in range(at.HEADER):
            if not (at.AT_MEMO <= column <= at.AT_TEXTS) and column not in kept:
                new[column] = old[column]
        for offset, table in self._tables.items():
            new[new[offset] : new[offset] + len(table)] = old[old[offset] : old[offset] + len(table)]
        new[new[at.AT_JOURNAL] : new[at.AT_JOURNAL] + at.JOURNAL] = old[
            old[at.AT_JOURNAL] : old[at.AT_JOURNAL] + at.JOURNAL
        ]
        for offset, _, counter, width, _ in _GROWING:
            size = int(old[counter]) * self._width(offset, width)
            new[new[offset] : new[offset] + size] = old[old[offset] : old[offset] + size]
        self.words = new
        rehash(new)

    def rows(self, offset: int, first: int, count: int) -> Int32:
        """View of `count` rows of a growing table, int32[count, width]."""
        width = next(self._width(offset, width) for table, _, _, width, _ in _GROWING if table == offset)
        start = int(self.words[offset]) + first * width
        return self.words[start : start + count * width].reshape(count, width)

    def append(self, cap: int) -> int:
        """The number of a new row in the tables of a capacity column that only Python appends to."""
        counter = next(counter for _, column, counter, _, _ in _GROWING if column == cap)
        row = int(self.words[counter])
        if row >= self.words[cap]:
            self.grow(cap)
        self.words[counter] = row + 1
        return row
