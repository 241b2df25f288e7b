"""Sets of listed words: member names, and the strings of an enumeration, their characters one after the other.

In: sorted words. Out: rows of the memory (`AT_LITERAL_SETS`, `AT_LITERAL_OFFSETS`, `AT_LITERAL_CHARS`); equal sets are
one.
"""

from __future__ import annotations

import numpy as np

from treadle.automata import layout as at
from treadle.automata.memory import Memory


class LiteralSets:
    """The sets of listed words of one memory."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._numbers: dict[tuple[str, ...], int] = {}

    def number(self, names: tuple[str, ...]) -> int:
        """The number of a set."""
        known = self._numbers.get(names)
        if known is not None:
            return known
        memory = self.memory
        text = np.frombuffer("".join(names).encode("utf-32-le"), dtype=np.int32)
        chars = memory.append(at.AT_LITERAL_CHARS, len(text))
        memory.rows(at.AT_LITERAL_CHARS, chars, len(text))[:, 0] = text
        rows = memory.append(at.AT_LITERAL_OFFSETS, len(names) + 1)
        lengths = np.fromiter(map(len, names), dtype=np.int32, count=len(names))
        offsets = memory.rows(at.AT_LITERAL_OFFSETS, rows, len(names) + 1)[:, 0]
        offsets[0] = chars
        np.cumsum(lengths, out=offsets[1:])
        offsets[1:] += chars
        number = memory.append(at.AT_LITERAL_SETS, 1)
        memory.rows(at.AT_LITERAL_SETS, number, 1)[0] = (rows, len(names))
        self._numbers[names] = number
        return number

    def word(self, row: int) -> str:
        """Listed word number `row`."""
        first, last = self.memory.rows(at.AT_LITERAL_OFFSETS, row, 2)[:, 0].tolist()
        return "".join(map(chr, self.memory.rows(at.AT_LITERAL_CHARS, first, last - first)[:, 0].tolist()))
