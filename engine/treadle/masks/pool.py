"""The rows of one vocabulary: equal ones are one array, and so many are kept whole as a budget says.

In: a row just computed, in a scratch array. Out: what is kept of it, the one array with these words, read-only. The
rows of a thousand JSON schemas are mostly equal: what may follow a colon, stand inside a string or close an object is
seldom news. So a row is looked up by a hash of its words (and compared, should two hashes meet).

    scratch      a row is computed in an array that stays in the caches, and pages are touched by new rows only
    generations  when half the budget is used, what was used since the half before stays, the rest is let go
    short form   most rows differ in few words from one of some bases: no token, every token, and rows that no base was
                 near to when they were noted. Those words are what is left of a row that was let go; rows are noted
                 one at a time while the next half fills

Letting go is forgetting, not taking away: who holds a row keeps it, and whoever asks for it again makes it from its
short form or computes it again. Members are told, so that they drop the rows that they hold (`Member.turn`).
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.masks import kernels
from treadle.masks.bitset import Row

#: Words that a short form has at most, a fiftieth of a row of Llama-3's; and the part of a row that they may be.
SHORT: Final = 80
_PART: Final = 8
#: Rows that others are described by.
_BASES: Final = 12


class Short(NamedTuple):
    """A row by the words in which it differs from another."""

    base: Row
    places: NDArray[np.int32]
    words: Row

    @staticmethod
    def of(row: Row, bases: Sequence[Row]) -> Short | None:
        places = np.empty(min(SHORT, len(row) // _PART), np.int32)
        for base in bases:
            count = int(kernels.unlike(row, base, places))
            if count >= 0:
                used = places[:count].copy()
                return Short(base, used, row[used])
        return None

    def whole(self, out: Row) -> None:
        """The row, into an array of its size."""
        out[:] = self.base
        out[self.places] = self.words


class Kept:
    """What is kept of a row: itself, or None when it was let go, and then its short form if it has one."""

    __slots__ = ("key", "row", "short")

    def __init__(self, key: int, row: Row) -> None:
        self.key = key
        self.row: Row | None = row
        self.short: Short | None = None


class Member(Protocol):
    """Who holds rows of a pool."""

    def turn(self) -> None:
        """Let go of all rows; those that are asked for again are asked from the pool."""


class RowPool:
    """Rows of so many words. May be shared between threads."""

    def __init__(self, words: int, budget: int) -> None:
        #: Rows that are kept whole; half of them before a turn.
        self.budget = budget
        self._words = words
        self._young: dict[int, Kept] = {}
        self._old: dict[int, Kept] = {}
        #: Of the old ones, those without a short form as yet.
        self._unnoted: list[Kept] = []
        self._bases = [_frozen(np.full(words, filling, np.int32)) for filling in (0, -1)]
        self._scratch: list[Row] = []
        self._members: weakref.WeakSet[Member] = weakref.WeakSet()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Rows that are kept whole."""
        return len(self._young) + len(self._old)

    def join(self, member: Member) -> None:
        with self._lock:
            self._members.add(member)

    def scratch(self) -> Row:
        """A row of zeros to compute in, for `keep`."""
        try:
            return self._scratch.pop()
        except IndexError:
            return np.zeros(self._words, np.int32)

    def keep(self, scratch: Row) -> tuple[Row, Kept]:
        """The one row that equals a scratch row, and what is kept of it. The scratch row is taken back."""
        key = int(kernels.digest(scratch))
        known = self._young.get(key)
        row = known.row if known is not None else None
        if known is None or row is None or not kernels.absorbed(row, scratch):
            row, known = self._met(key, scratch)
            scratch.fill(0)
        self._scratch.append(scratch)
        return row, known

    def _met(self, key: int, scratch: Row) -> tuple[Row, Kept]:
        """A row that was not used since the last turn."""
        with self._lock:
            known = self._old.get(key)
            if known is not None and known.row is not None and np.array_equal(known.row, scratch):
                return known.row, self._used(known)
            row = _frozen(scratch.copy())
            known = Kept(key, row)
            # Of two rows with one hash the second is nobody's but its owner's.
            return row, known if key in self._young else self._used(known)

    def again(self, kept: Kept) -> Row | None:
        """A row that may have been let go; None if it was, and has no short form."""
        row = kept.row
        if row is None:
            if kept.short is None:
                return None
            row = self.scratch()
            kept.short.whole(row)
            return self.keep(row)[0]
        if self._old.get(kept.key) is kept:
            with self._lock:
                self._used(kept)
        return row

    def _used(self, kept: Kept) -> Kept:
        """Among the young ones now. The lock is held."""
        # Out of the old ones first: a turn lets these go.
        self._old.pop(kept.key, None)
        if 2 * len(self._young) >= self.budget:
            self._turn()
        self._young[kept.key] = kept
        if self._unnoted:
            self._note(self._unnoted.pop())
        return kept

    def _note(self, kept: Kept) -> None:
        if kept.row is not None and kept.short is None:
            kept.short = Short.of(kept.row, self._bases)
            if kept.short is None and len(self._bases) < _BASES:
                self._bases.append(kept.row)
                kept.short = Short.of(kept.row, self._bases)

    def _turn(self) -> None:
        for kept in self._old.values():
            kept.row = None
        self._old, self._young = self._young, {}
        self._unnoted = list(self._old.values())
        for member in list(self._members):
            member.turn()


def _frozen(row: Row) -> Row:
    row.flags.writeable = False
    return row
