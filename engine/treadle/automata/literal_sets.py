"""Sets of listed words: member names, and the strings of an enumeration, their characters one after the other.

In: sorted words. Out: rows of the memory (`AT_LITERAL_SETS`, `AT_LITERAL_OFFSETS`, `AT_LITERAL_CHARS`); equal sets are
one.
"""

from __future__ import annotations

from array import array
from itertools import accumulate

from treadle.automata import layout as at
from treadle.automata.memory import Memory


class LiteralSets:
    """The sets of listed words of one memory."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._numbers: dict[tuple[str, ...], int] = {}

    def begin_with(self, sets: LiteralSets) -> None:
        """Know the sets of another memory, which this one begins with."""
        self._numbers = sets._numbers.copy()

    def number(self, names: tuple[str, ...]) -> int:
        """The number of a set."""
        known = self._numbers.get(names)
        if known is not None:
            return known
        memory = self.memory
        text = "".join(names)
        chars = memory.write(at.AT_LITERAL_CHARS, memoryview(text.encode("utf-32-le")).cast("i"))
        ends = array("i", accumulate(map(len, names), initial=chars))
        rows = memory.write(at.AT_LITERAL_OFFSETS, memoryview(ends))
        number = memory.write(at.AT_LITERAL_SETS, memoryview(array("i", (rows, len(names)))))
        self._numbers[names] = number
        return number

    def word(self, row: int) -> str:
        """Listed word number `row`."""
        first, last = self.memory.rows(at.AT_LITERAL_OFFSETS, row, 2)[:, 0].tolist()
        return "".join(map(chr, self.memory.rows(at.AT_LITERAL_CHARS, first, last - first)[:, 0].tolist()))
