"""Sets of Unicode characters.

In: code points and inclusive ranges of code points. Out: `CharSet`, an interned immutable set, and `refine`, which
cuts overlapping sets into disjoint classes. A set is the sorted tuple of its disjoint, non-adjacent ranges; equal
sets are the same object, so that sets are cheap keys of caches. Characters are Unicode scalar values: surrogates
are left out of every set, also out of complements. Does not know character names or properties.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from weakref import WeakValueDictionary

MAX_CODEPOINT = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)

Range = tuple[int, int]


class CharSet:
    """An immutable set of Unicode scalar values; `CharSet.of` and the operators make them."""

    __slots__ = ("__weakref__", "_ascii", "ranges")

    #: Sorted, disjoint, inclusive; no two of them touch, none holds a surrogate.
    ranges: tuple[Range, ...]
    #: Cache of `ascii`.
    _ascii: int | None

    @staticmethod
    def of(ranges: Iterable[Range]) -> CharSet:
        """The union of inclusive ranges in any order; surrogates are dropped."""
        return _interned(_normalized(ranges))

    @staticmethod
    def single(codepoint: int) -> CharSet:
        return _single(codepoint)

    @staticmethod
    def from_text(text: str) -> CharSet:
        """The set of the characters of `text`."""
        return CharSet.of((ord(character), ord(character)) for character in text)

    def union(self, other: CharSet) -> CharSet:
        return self if self is other else _union(self, other)

    def intersect(self, other: CharSet) -> CharSet:
        return self if self is other else _intersect(self, other)

    def difference(self, other: CharSet) -> CharSet:
        return _intersect(self, _complement(other))

    def complement(self) -> CharSet:
        return _complement(self)

    __or__ = union
    __and__ = intersect
    __sub__ = difference
    __invert__ = complement

    def contains(self, codepoint: int) -> bool:
        at = bisect_right(self.ranges, (codepoint, MAX_CODEPOINT)) - 1
        return at >= 0 and codepoint <= self.ranges[at][1]

    def includes(self, other: CharSet) -> bool:
        """Whether every character of `other` is here."""
        return self is other or self is ALL or _intersect(self, other) is other

    @property
    def ascii(self) -> int:
        """The ASCII characters of the set as 128 bits."""
        if self._ascii is None:
            bits = 0
            for low, high in self.ranges:
                if low > 127:
                    break
                bits |= (1 << min(high, 127) + 1) - (1 << low)
            self._ascii = bits
        return self._ascii

    def min(self) -> int:
        """The lowest code point; the set must not be empty."""
        return self.ranges[0][0]

    def size(self) -> int:
        return sum(high - low + 1 for low, high in self.ranges)

    def only(self) -> int | None:
        """The one code point of a singleton, otherwise None."""
        if len(self.ranges) == 1 and self.ranges[0][0] == self.ranges[0][1]:
            return self.ranges[0][0]
        return None

    def example(self) -> str:
        """A character for a person to read: a letter or digit where there is one, then printable ASCII."""
        for pleasant in _PLEASANT:
            common = _intersect(self, pleasant)
            if common.ranges:
                return chr(common.min())
        return chr(self.min())

    def codepoints(self) -> Iterator[int]:
        for low, high in self.ranges:
            yield from range(low, high + 1)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __repr__(self) -> str:
        shown = " ".join(f"{low:x}" if low == high else f"{low:x}-{high:x}" for low, high in self.ranges[:8])
        return f"CharSet({shown}{' ...' if len(self.ranges) > 8 else ''})"

    def __reduce__(self) -> tuple[object, tuple[tuple[Range, ...]]]:
        return _interned, (self.ranges,)


_TABLE: WeakValueDictionary[tuple[Range, ...], CharSet] = WeakValueDictionary()
_LOCK = threading.Lock()


def _interned(ranges: tuple[Range, ...]) -> CharSet:
    known = _TABLE.get(ranges)
    if known is not None:
        return known
    with _LOCK:
        known = _TABLE.get(ranges)
        if known is None:
            known = object.__new__(CharSet)
            known.ranges = ranges
            known._ascii = None
            _TABLE[ranges] = known
    return known


def _normalized(ranges: Iterable[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if low > high:
            continue
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(_without_surrogates(merged))


def _without_surrogates(ranges: Iterable[Range]) -> Iterator[Range]:
    first, last = _SURROGATES
    for low, high in ranges:
        if high < first or low > last:
            yield low, high
            continue
        if low < first:
            yield low, first - 1
        if high > last:
            yield last + 1, high


@lru_cache(maxsize=4096)
def _single(codepoint: int) -> CharSet:
    return CharSet.of(((codepoint, codepoint),))


@lru_cache(maxsize=16384)
def _union(left: CharSet, right: CharSet) -> CharSet:
    return CharSet.of(left.ranges + right.ranges)


@lru_cache(maxsize=16384)
def _intersect(left: CharSet, right: CharSet) -> CharSet:
    ours, theirs = left.ranges, right.ranges
    common: list[Range] = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        low = max(ours[i][0], theirs[j][0])
        high = min(ours[i][1], theirs[j][1])
        if low <= high:
            common.append((low, high))
        if ours[i][1] < theirs[j][1]:
            i += 1
        else:
            j += 1
    return _interned(tuple(common))


@lru_cache(maxsize=4096)
def _complement(charset: CharSet) -> CharSet:
    gaps: list[Range] = []
    start = 0
    for low, high in charset.ranges:
        gaps.append((start, low - 1))
        start = high + 1
    gaps.append((start, MAX_CODEPOINT))
    return CharSet.of(gaps)


@lru_cache(maxsize=16384)
def refine(sets: tuple[CharSet, ...]) -> tuple[tuple[CharSet, tuple[int, ...]], ...]:
    """The coarsest disjoint classes that `sets` are unions of, each with the indices of the sets that hold it.

    A sweep over the ends of all ranges; characters in none of the sets are in no class. Classes come in the order
    of their lowest character. PERF: cached, because the states of one pattern meet the same few sets again and
    again (counters change the targets, not the classes).
    """
    ranges_of: dict[tuple[int, ...], list[Range]] = {}
    active: set[int] = set()
    start = 0
    for position, changes in _edges(sets):
        if active and start < position:
            ranges_of.setdefault(tuple(sorted(active)), []).append((start, position - 1))
        active ^= changes
        start = position
    return tuple((CharSet.of(ranges), members) for members, ranges in ranges_of.items())


def _edges(sets: Sequence[CharSet]) -> list[tuple[int, set[int]]]:
    """The positions at which membership changes, ascending, with the indices of the sets that begin or end."""
    changes: dict[int, set[int]] = {}
    for index, charset in enumerate(sets):
        for low, high in charset.ranges:
            changes.setdefault(low, set()).add(index)
            changes.setdefault(high + 1, set()).symmetric_difference_update((index,))
    return sorted(changes.items())


EMPTY_SET = CharSet.of(())
ALL = CharSet.of(((0, MAX_CODEPOINT),))
_PLEASANT = (
    CharSet.of(((ord("a"), ord("z")),)),
    CharSet.of(((ord("0"), ord("9")),)),
    CharSet.of(((ord("A"), ord("Z")),)),
    CharSet.of(((0x21, 0x7E),)),
    CharSet.single(0x20),
)
