"""Which characters can be spelled when some bytes have no token of their own.

In: the bytes that a vocabulary can write one at a time. Out: the characters whose UTF-8 needs no other byte, and
whether JSON strings are affected. A vocabulary of 49,152 tokens may lack 21 bytes; a mask that does not know it leads a
model to the place where only a missing byte could follow. Bytes that occur inside longer tokens only count as
missing: a text that needs one of them is left out, on such vocabularies, even where a long token could write it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from treadle.grammar.charset import ALL, CharSet
from treadle.grammar.expression import ANY_TEXT, Expr, chars, intersect, repeat

_ALWAYS_ESCAPED = CharSet.of(((0, 0x1F), (0x22, 0x22), (0x5C, 0x5C)))
_CONTINUATION = frozenset(range(0x80, 0xC0))


@dataclass(frozen=True)
class Spelling:
    """What can be written with some bytes."""

    usable: frozenset[int]

    @property
    def complete(self) -> bool:
        """Can all of UTF-8 be written?"""
        return spellable(self.usable) is ALL

    def literal(self, data: bytes) -> bool:
        return self.complete or self.usable.issuperset(data)

    def text(self, language: Expr) -> Expr:
        """The texts of a language that can be written as they are."""
        return language if self.complete else intersect(language, _all_of(spellable(self.usable)))

    def quoted(self, language: Expr, canonical: bool) -> Expr:
        """The strings of a language that can be written in JSON, however they are begun."""
        if self.complete or language is ANY_TEXT:
            return language
        if not canonical and self.usable >= _CONTINUATION:
            # A character that was begun can be ended, and one that cannot be begun can be escaped.
            return language
        return intersect(language, _all_of(spellable(self.usable).union(_ALWAYS_ESCAPED)))


def _all_of(characters: CharSet) -> Expr:
    return repeat(chars(characters), 0, None)


@lru_cache(maxsize=32)
def spellable(usable: frozenset[int]) -> CharSet:
    """The characters whose UTF-8 has usable bytes only; ALL where nothing is missing."""
    if len(usable) == 256:
        return ALL
    ok = np.zeros(256, bool)
    ok[list(usable)] = True
    points = np.arange(0x110000)
    last = ok[0x80 | (points & 63)]
    third = ok[0x80 | (points >> 6 & 63)]
    second = ok[0x80 | (points >> 12 & 63)]
    writable = np.where(points < 0x80, ok[points & 0x7F], last)
    writable &= np.where(points < 0x80, True, np.where(points < 0x800, ok[0xC0 | (points >> 6 & 31)], third))
    writable &= np.where(
        points < 0x800, True, np.where(points < 0x10000, ok[0xE0 | (points >> 12 & 15)], second)
    )
    writable &= np.where(points < 0x10000, True, ok[0xF0 | (points >> 18 & 7)])
    writable[0xD800:0xE000] = True
    if writable.all():
        return ALL
    writable[0xD800:0xE000] = False
    borders = np.flatnonzero(np.diff(np.concatenate([[False], writable, [False]]).astype(np.int8)))
    return CharSet.of((int(low), int(high) - 1) for low, high in borders.reshape(-1, 2))
