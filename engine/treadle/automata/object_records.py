"""The records of objects: what is asked of their members, and how far an object is when it begins.

In: object rules. Out: rows of the memory (`AT_OBJECTS`, `AT_INFO`, `AT_RANKS`, `AT_BITS`, `AT_PROGRESS`), which the
kernels of objects read and go on from (object_kernels.py).
"""

from __future__ import annotations

import struct
from array import array
from itertools import chain

import numpy as np

from treadle.automata import layout as at
from treadle.automata.memory import Memory
from treadle.grammar import rules

_OBJECT = struct.Struct("9i")
_PROGRESS = struct.Struct("8i")


class ObjectRecords:
    """Writes the records of one memory's objects."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def begin(self, node: rules.Object, names: int) -> int:
        """Write down an object and how far it is when it begins; the number of that progress."""
        memory, members = self.memory, node.members
        rows = [(member.rank, member.required, member.usable, member.need) for member in members]
        info = memory.write(at.AT_INFO, memoryview(array("i", chain.from_iterable(rows))))
        ranks = self._ranks(members) if node.ordered else -1
        # Where members were written already, one of them is counted, so that a comma is.
        low = node.low + node.begun
        high = -1 if node.high is None else node.high + node.begun
        number = memory.append(at.AT_OBJECTS, 1)
        _OBJECT.pack_into(
            memory.buffer, 4 * memory.at(at.AT_OBJECTS, number),
            len(members), info, ranks, low, high, max(low, high, 1), node.fill, names, bool(node.others),
        )  # fmt: skip
        left = [member for member in members if member.usable and member.name not in node.gone]
        missing = [member for member in left if member.required]
        bits = self._bits(node) if not node.ordered else 0
        g = memory.take(at.AT_PROGRESS, 1)
        _PROGRESS.pack_into(
            memory.buffer, 4 * memory.at(at.AT_PROGRESS, g),
            number, node.begun, len(missing), node.first_rank, len(left), bits, 0, sum(m.need for m in missing),
        )  # fmt: skip
        return g

    def _ranks(self, members: tuple[rules.Member, ...]) -> int:
        """What is ahead at each place of the declared order, from its end."""
        required = usable = len(members)
        missing = need = 0
        rows = [(required, usable, missing, need)]
        for member in sorted(members, key=lambda member: member.rank, reverse=True):
            if member.required:
                required, missing, need = member.rank, missing + 1, need + member.need
            if member.usable:
                usable = member.rank
            rows.append((required, usable, missing, need))
        rows.reverse()
        return self.memory.write(at.AT_RANKS, memoryview(array("i", chain.from_iterable(rows))))

    def _bits(self, node: rules.Object) -> int:
        """The set of names that are gone, as the kernels keep it."""
        words = (len(node.members) + 31) >> 5
        gone = np.zeros(words * 32, bool)
        gone[: len(node.members)] = [member.name in node.gone for member in node.members]
        first = self.memory.take(at.AT_BITS, words)
        packed = np.packbits(gone, bitorder="little").view(np.int32)
        self.memory.rows(at.AT_BITS, first, words)[:, 0] = packed
        return first
