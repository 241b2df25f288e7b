"""What guards are asked about: the texts of a parse, put together once, and verdicts that are kept.

With guards every text has a number, that of the text without its last byte and the byte (kernels make them while they
step). Guards get the text of a rule and all that stands in front of it. Most are asked many times
with the same front, and the next front is a few bytes longer, so a text is put together from the nearest one that is
kept: what a guard is asked costs what is new, and one copy. Verdicts are kept by the number of the front, since masks
look at thousands of futures that are taken back, and the token that is taken asks about one of them again.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from treadle.automata import parse_layout as at
from treadle.automata import text_kernels as kernels
from treadle.automata.parse_memory import ParseMemory
from treadle.grammar.guards import Judge

#: Texts that are kept whole, bytes between two of them, fronts kept as strings, verdicts.
KEPT: Final = 64
APART: Final = 256
FRONTS: Final = 16
VERDICTS: Final = 1 << 16


class GuardTexts:
    """Texts by number, and what guards said. The caller holds the automaton's lock."""

    def __init__(self, memory: ParseMemory) -> None:
        self._memory = memory
        self._kept: dict[int, bytes] = {}
        self._fronts: dict[int, str] = {}
        self._verdicts: dict[tuple[Judge, int, str], bool] = {}
        #: About fronts that will be taken back.
        self._passing: dict[tuple[Judge, int, str], bool] = {}
        self._buffer = np.empty(APART, np.uint8)

    def verdict(self, guard: Judge, start: int, end: int) -> bool:
        """What a guard says about the text between two texts, of which the first is the beginning of the second."""
        text = self.between(start, end).decode("utf-8", "replace")
        words = self._memory.words
        passing = words[at.SAVED_STATES] != 0 and start >= words[at.SAVED_TEXT]
        verdicts = self._passing if passing else self._verdicts
        known = verdicts.get((guard, start, text))
        if known is None:
            known = bool(guard(text, self._front(start)))
            if len(verdicts) >= VERDICTS:
                verdicts.clear()
            verdicts[guard, start, text] = known
        return known

    def whole(self, number: int) -> bytes:
        """The bytes of a text."""
        pieces: list[bytes] = []
        here = number
        while here not in self._kept and here != 0:
            here, piece = self._back(here, 0)
            pieces.append(piece)
        whole = self._kept.get(here, b"") + b"".join(reversed(pieces))
        if sum(map(len, pieces)) >= APART:
            self._keep(number, whole)
        return whole

    def between(self, start: int, end: int) -> bytes:
        """The bytes by which a text is longer than one that it begins with."""
        if start == 0:
            return self.whole(end)
        pieces: list[bytes] = []
        while end != start:
            end, piece = self._back(end, start)
            pieces.append(piece)
        return b"".join(reversed(pieces))

    def forget(self) -> None:
        """The texts with the greatest numbers were taken back."""
        limit = int(self._memory.words[at.N_TEXT])
        self._kept = {number: text for number, text in self._kept.items() if number < limit}
        self._fronts = {number: text for number, text in self._fronts.items() if number < limit}
        self._passing.clear()

    def _front(self, number: int) -> str:
        known = self._fronts.get(number)
        if known is None:
            if len(self._fronts) >= FRONTS:
                del self._fronts[next(iter(self._fronts))]
            known = self._fronts[number] = self.whole(number).decode("utf-8", "replace")
        return known

    def _keep(self, number: int, whole: bytes) -> None:
        if len(self._kept) >= KEPT:
            lost = next(iter(self._kept))
            del self._kept[lost]
            self._mark(lost, 0)
        self._kept[number] = whole
        self._mark(number, 1)

    def _mark(self, number: int, kept: int) -> None:
        self._memory.rows(at.AT_TEXTS, number, 1)[0, at.TXT_KEPT] = kept

    def _back(self, number: int, stop: int) -> tuple[int, bytes]:
        """The last bytes of a text, and the text in front of them: `stop`, a kept one, or any."""
        first, reached = kernels.spell_back(self._memory.words, number, stop, self._buffer)
        return int(reached), self._buffer[first:].tobytes()
