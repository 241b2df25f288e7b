"""The memory that kernels work in: all tables of one byte automaton in one int32 array, and how it grows.

Pages come from an anonymous mapping, so a table's unused part costs nothing and "zero" means "not there yet".
Huge pages are not asked for on purpose: clearing 2 MB at the first touch of each table cost more than compiling
most schemas. A memory that is let go is cleaned and kept for the next automaton, because fresh pages are the most
expensive part of a small one.

Two things keep an automaton small. Hash tables begin with few of the slots that are laid out for them, because a hash
touches pages at random; they take more in place. And `next`, a kilobyte a state, is a memo: `forget_transitions` gives
its pages back, and whatever is asked for again is found again, with the same numbers.
"""

from __future__ import annotations

import mmap
import struct
import sys
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from treadle.automata import layout as at
from treadle.automata.cell_kernels import hashed, memo_row, mix
from treadle.compiling import kernel
from treadle.errors import LimitExceeded

Int32 = NDArray[np.int32]

#: Most states of one automaton: a gigabyte of transitions. Offsets are int32, so four times that would not fit.
STATE_LIMIT: Final = 1 << 20

#: (offset column, capacity column, width, initial rows) of every table.
TABLES: Final = (
    (at.AT_CONFIGS, at.CAP_CONFIGS, at.CFG_WIDTH, 1 << 18),
    (at.AT_STATES, at.CAP_STATES, at.ST_WIDTH, 1 << 16),
    (at.AT_NEXT, at.CAP_NEXT, 256, 1 << 16),
    (at.AT_STATE_HASH, at.CAP_STATE_HASH, 1, 1 << 17),
    (at.AT_MEMO, at.CAP_MEMO, at.MEMO_WIDTH, 1 << 17),
    (at.AT_MEMO_HASH, at.CAP_MEMO_HASH, 1, 1 << 18),
    (at.AT_STACK, at.CAP_STACK, at.STK_WIDTH, 1 << 16),
    (at.AT_TEXTS, at.CAP_TEXTS, at.TXT_WIDTH, 1 << 16),
    (at.AT_POSITIONS, at.CAP_POSITIONS, at.POS_WIDTH, 1 << 15),
    (at.AT_EDGES, at.CAP_EDGES, at.EDGE_WIDTH, 1 << 16),
    (at.AT_CHARS, at.CAP_CHARS, at.CST_WIDTH, 1 << 13),
    (at.AT_LITERAL_SETS, at.CAP_LITERAL_SETS, at.LITERAL_SET_WIDTH, 1 << 12),
    (at.AT_LITERAL_OFFSETS, at.CAP_LITERAL_OFFSETS, 1, 1 << 16),
    (at.AT_LITERAL_CHARS, at.CAP_LITERAL_CHARS, 1, 1 << 18),
    (at.AT_LITERAL_NEXT, at.CAP_LITERAL_NEXT, 1, 1 << 16),
    (at.AT_OBJECTS, at.CAP_OBJECTS, at.OBJ_WIDTH, 1 << 10),
    (at.AT_INFO, at.CAP_INFO, at.INFO_WIDTH, 1 << 14),
    (at.AT_RANKS, at.CAP_RANKS, at.RNK_WIDTH, 1 << 14),
    (at.AT_PROGRESS, at.CAP_PROGRESS, at.PRG_WIDTH, 1 << 14),
    (at.AT_BITS, at.CAP_BITS, 1, 1 << 16),
    (at.AT_OUT, at.CAP_OUT, at.CFG_WIDTH, at.FORK_LIMIT),
    (at.AT_WORK, at.CAP_WORK, at.WORK_WIDTH, at.FORK_LIMIT),
    (at.AT_LEVELS, at.CAP_LEVELS, 1, at.LEVELS),
)
_EDGE: Final = struct.Struct("3i")
_ROWS: Final = [rows for *_, rows in TABLES]
_CAPACITIES: Final = [cap for _, cap, _, _ in TABLES]
_WIDTHS: Final = {offset: width for offset, _, width, _ in TABLES}
_COUNTERS: Final = {
    at.AT_CONFIGS: at.N_CONFIGS, at.AT_STATES: at.N_STATES, at.AT_NEXT: at.N_STATES,
    at.AT_MEMO: at.N_MEMO, at.AT_STACK: at.N_STACK, at.AT_TEXTS: at.N_TEXT,
    at.AT_PROGRESS: at.N_PROGRESS, at.AT_BITS: at.N_BITS,
}  # fmt: skip
#: Address space is cheap, so tables begin large; nothing is reserved for pages that are never touched.
_PRIVATE: Final = (
    getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0) | getattr(mmap, "MAP_NORESERVE", 0)
)
_SCRATCH: Final = frozenset({at.AT_OUT, at.AT_WORK, at.AT_LEVELS})
#: Slots that the hash tables begin with, by capacity column.
_SLOTS: Final = {at.CAP_STATE_HASH: 1 << 13, at.CAP_MEMO_HASH: 1 << 14}
_PAGE: Final = mmap.PAGESIZE
_DISCARD: Final = getattr(mmap, "MADV_DONTNEED", None) if sys.platform == "linux" else None
#: More transitions than these are not taken along when tables grow: they are found again.
_CARRIED: Final = 1 << 14
_KEPT: Final[list[Int32]] = []
_KEEP_AT_MOST: Final = 4


class Memory:
    """One int32 array with a head and the tables behind it. `words` is what kernels get."""

    __slots__ = ("_capacity", "_laid_out", "_start", "buffer", "forgotten", "used", "words")

    def __init__(self) -> None:
        try:
            # One atomic step: threads may compile side by side.
            self.words: Int32 = _KEPT.pop()
        except IndexError:
            self.words = _lay_out(_ROWS)
            _begin_hashes(self.words)
        #: Rows that there are pages for, by capacity column; of the hash tables some are in use.
        self._laid_out = dict(zip(_CAPACITIES, _ROWS, strict=True))
        #: States whose transitions were forgotten because this memory alone had too many (matching/budget.py).
        self.forgotten = 0
        #: Rows in use of the tables that only Python appends to, by offset column.
        self.used: dict[int, int] = {
            at.AT_POSITIONS: 1, at.AT_EDGES: 1, at.AT_CHARS: 1, at.AT_LITERAL_SETS: 0,
            at.AT_LITERAL_OFFSETS: 0, at.AT_LITERAL_CHARS: 0, at.AT_LITERAL_NEXT: 0, at.AT_OBJECTS: 0,
            at.AT_INFO: 0, at.AT_RANKS: 0,
        }  # fmt: skip
        self._note_places()
        words = self.words
        words[at.N_STATES] = at.FIRST_STATE
        words[at.N_CONFIGS] = 0
        words[at.N_STACK] = 1
        words[at.N_TEXT] = 2
        words[at.N_MEMO] = 1
        words[at.N_PROGRESS] = 1
        words[at.N_BITS] = 0

    def _note_places(self) -> None:
        # Lowering asks for places all the time, and reading a number out of an array costs more than a list lookup.
        #: The same memory for `struct`.
        self.buffer: memoryview = self.words.data
        head = self.words[: at.HEADER].tolist()
        self._start = [0] * at.HEADER
        self._capacity = [0] * at.HEADER
        for offset, cap, _, _ in TABLES:
            self._start[offset] = head[offset]
            self._capacity[offset] = head[cap]

    def begin_with(self, other: Memory) -> None:
        """Have all rows that were lowered into another memory, under the same numbers. Before anything is appended."""
        for table, count in other.used.items():
            self.used[table] = 0
            self._copy(other, table, self.append(table, count), count)
        for table in (at.AT_PROGRESS, at.AT_BITS):
            count = other._rows_in_use(table)
            self.words[_COUNTERS[table]] = 0
            self._copy(other, table, self.take(table, count), count)

    def _copy(self, other: Memory, table: int, first: int, count: int) -> None:
        source, target, size = other.at(table, first), self.at(table, first), count * _WIDTHS[table]
        self.buffer[target : target + size] = other.buffer[source : source + size]

    def append(self, table: int, row_count: int) -> int:
        """Reserve rows at the end of a Python-owned table; returns the first row's number."""
        first = self.used[table]
        while first + row_count > self._capacity[table]:
            self.grow({table})
        self.used[table] = first + row_count
        return first

    def write(self, table: int, words: memoryview) -> int:
        """Write whole rows of int32 at the end of a Python-owned table; returns the first row's number."""
        first = self.append(table, len(words) // _WIDTHS[table])
        start = self.at(table, first)
        self.buffer[start : start + len(words)] = words
        return first

    def take(self, table: int, row_count: int) -> int:
        """Reserve rows at the end of a table that kernels append to as well."""
        counter = _COUNTERS[table]
        first = int(self.words[counter])
        while first + row_count > self._capacity[table]:
            self.grow({table})
        self.words[counter] = first + row_count
        return first

    def add_edges(self, rows: Sequence[tuple[int, int, int]]) -> int:
        """Write edges side by side; returns the first row's number."""
        first = self.append(at.AT_EDGES, len(rows))
        offset = 4 * self.at(at.AT_EDGES, first)
        for row in rows:
            _EDGE.pack_into(self.buffer, offset, *row)
            offset += 12
        return first

    def at(self, table: int, row: int) -> int:
        """Index of a row's first word."""
        return self._start[table] + row * _WIDTHS[table]

    def rows(self, table: int, first: int, count: int) -> Int32:
        """View of `count` rows, int32[count, width]."""
        width = _WIDTHS[table]
        start = self._start[table] + first * width
        return self.words[start : start + count * width].reshape(count, width)

    def grow_nearly_full(self) -> None:
        """Answer ASK_ROOM: quadruple what a step could overflow."""
        words = self.words
        full: set[int] = set()
        if words[at.N_STATES] + 2 >= words[at.CAP_STATES]:
            full |= {at.AT_STATES, at.AT_NEXT, at.AT_STATE_HASH}
        if 2 * words[at.N_STATES] >= words[at.CAP_STATE_HASH]:
            full.add(at.AT_STATE_HASH)
        if words[at.N_CONFIGS] + at.ROOM >= words[at.CAP_CONFIGS]:
            full.add(at.AT_CONFIGS)
        if words[at.N_STACK] + at.ROOM >= words[at.CAP_STACK]:
            full.add(at.AT_STACK)
        if words[at.N_TEXT] + at.ROOM >= words[at.CAP_TEXTS]:
            full.add(at.AT_TEXTS)
        if words[at.N_PROGRESS] + at.ROOM >= words[at.CAP_PROGRESS]:
            full.add(at.AT_PROGRESS)
        if words[at.N_BITS] + at.ROOM >= words[at.CAP_BITS]:
            full.add(at.AT_BITS)
        if words[at.N_MEMO] + 2 * at.ROOM >= words[at.CAP_MEMO]:
            full |= {at.AT_MEMO, at.AT_MEMO_HASH}
        if 2 * (words[at.N_MEMO] + 2 * at.ROOM) >= words[at.CAP_MEMO_HASH]:
            full.add(at.AT_MEMO_HASH)
        # A single step asked for more than the usual room: everything it may have filled grows.
        everything = {
            at.AT_STACK,
            at.AT_TEXTS,
            at.AT_MEMO,
            at.AT_MEMO_HASH,
            at.AT_CONFIGS,
            at.AT_PROGRESS,
            at.AT_BITS,
        }
        self.grow(full or everything)

    def grow(self, tables: set[int]) -> None:
        """Four times the rows of some tables: in place where they are laid out already, else all tables move."""
        old = self.words
        caps = {cap for offset, cap, _, _ in TABLES if offset in tables}
        if any(4 * int(old[cap]) > self._laid_out[cap] for cap in caps):
            self._move(tables)
        for cap in caps & _SLOTS.keys():
            self.words[cap] = 4 * int(old[cap])
        self._note_places()
        if at.AT_STATE_HASH in tables:
            _rehash_states(self.words)
        if at.AT_MEMO_HASH in tables:
            _rehash_memo(self.words)

    def _move(self, tables: set[int]) -> None:
        old = self.words
        if at.AT_STATES in tables and old[at.CAP_STATES] >= STATE_LIMIT:
            raise LimitExceeded("too many states were visited", limit="states", value=STATE_LIMIT)
        for offset, cap, _, _ in TABLES:
            if offset in tables and 4 * int(old[cap]) > self._laid_out[cap]:
                self._laid_out[cap] *= 4
        new = _lay_out(list(self._laid_out.values()))
        new[: at.AT_CONFIGS] = old[: at.AT_CONFIGS]
        for offset, cap, width, _ in TABLES:
            if cap in _SLOTS:
                new[cap] = old[cap]
            rows = min(int(old[cap]), self._rows_in_use(offset))
            if offset != at.AT_NEXT or rows <= _CARRIED:
                new[new[offset] : new[offset] + rows * width] = old[old[offset] : old[offset] + rows * width]
        self.words = new

    def forget_transitions(self) -> None:
        """Every entry of `next` is unknown again, and its pages go back to the system. No kernel may be running."""
        words = self.words
        first = 4 * int(words[at.AT_NEXT])
        last = first + 4 * 256 * int(words[at.N_STATES])
        inner, end = -(-first // _PAGE) * _PAGE, last // _PAGE * _PAGE
        if _DISCARD is None or inner >= end:
            words[first // 4 : last // 4] = 0
            return
        words[first // 4 : inner // 4] = 0
        words[end // 4 : last // 4] = 0
        # Private anonymous pages that are discarded read as zeros, which is what "not computed yet" is.
        pages: Any = words.base
        pages.obj.madvise(_DISCARD, inner, end - inner)

    def _rows_in_use(self, table: int) -> int:
        if table in _COUNTERS:
            return int(self.words[_COUNTERS[table]])
        return self.used.get(table, 1 << 40)

    def release(self) -> None:
        """Clean what was used and keep the pages for the next automaton. The memory must not be used afterwards."""
        words = self.words
        standard = all(self._laid_out[cap] == rows for _, cap, _, rows in TABLES)
        if not standard or len(_KEPT) >= _KEEP_AT_MOST:
            return
        for offset, cap, width, _ in TABLES:
            if offset in _SCRATCH:
                continue
            count = min(int(words[cap]), self._rows_in_use(offset)) * width
            words[words[offset] : words[offset] + count] = 0
        words[: at.COUNTERS] = 0
        _begin_hashes(words)
        _KEPT.append(words)


def _begin_hashes(words: Int32) -> None:
    for cap, slots in _SLOTS.items():
        words[cap] = slots


def _lay_out(rows: list[int]) -> Int32:
    total = at.HEADER + sum(count * width for count, (_, _, width, _) in zip(rows, TABLES, strict=True))
    words = np.frombuffer(mmap.mmap(-1, total * 4, flags=_PRIVATE), dtype=np.int32)
    start = at.HEADER
    for count, (offset, cap, width, _) in zip(rows, TABLES, strict=True):
        words[offset] = start
        words[cap] = count
        start += count * width
    return words


@kernel
def _rehash_states(m):  # type: ignore[no-untyped-def]  # kernels are typed by numba
    """Fill a larger state table: the hash function is the one of kernels.intern_out."""
    mask = np.int64(m[at.CAP_STATE_HASH]) - 1
    for i in range(mask + 1):
        m[m[at.AT_STATE_HASH] + i] = 0
    for s in range(at.FIRST_STATE, m[at.N_STATES]):
        row = m[at.AT_STATES] + s * at.ST_WIDTH
        first = m[row + at.ST_FIRST]
        n = np.int64(m[row + at.ST_COUNT])
        h = mix(0, n)
        for k in range(n * at.CFG_WIDTH):
            h = mix(h, np.int64(m[m[at.AT_CONFIGS] + first * at.CFG_WIDTH + k]))
        slot = h & mask
        while m[m[at.AT_STATE_HASH] + slot] != 0:
            slot = (slot + 1) & mask
        m[m[at.AT_STATE_HASH] + slot] = s


@kernel
def _rehash_memo(m):  # type: ignore[no-untyped-def]  # kernels are typed by numba
    """Fill a larger memo table: the hash function is the one of kernels.memo_slot."""
    mask = np.int64(m[at.CAP_MEMO_HASH]) - 1
    for i in range(mask + 1):
        m[m[at.AT_MEMO_HASH] + i] = 0
    for e in range(1, m[at.N_MEMO]):
        h = hashed(memo_row(m, e, 0), memo_row(m, e, 1), memo_row(m, e, 2), memo_row(m, e, 3))
        slot = h & mask
        while m[m[at.AT_MEMO_HASH] + slot] != 0:
            slot = (slot + 1) & mask
        m[m[at.AT_MEMO_HASH] + slot] = e
