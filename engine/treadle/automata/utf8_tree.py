"""Characters beyond ASCII as bytes: where a lead byte leads, given where each character leads.

What is left of a character behind some of its bytes is a row: the places behind the 64 bytes that may come next. Rows
are made from the last byte to the first and equal ones are one place, so that the blocks of 64 characters that lead
alike, which most of them do, are one state of the scanner whatever their number (as in Daciuk et al. 2000, minimal
automata by merging equal suffixes). The caller numbers rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from treadle.grammar.charset import MAX_CODEPOINT

CHARACTERS: Final = MAX_CODEPOINT + 1
Int32 = NDArray[np.int32]
#: The place of a row int32[64] with so many bytes to come.
Number = Callable[[int, Int32], int]
_BLOCKS: Final = np.arange(0, CHARACTERS, 64)


def lead_bytes(first: NDArray[np.int64], places: Int32, nowhere: int, number: Number) -> dict[int, int]:
    """Where the bytes from 0xC2 to 0xF4 lead. The characters from `first[i]` to the next one's lead to `places[i]`;
    surrogates are a run of their own, and the first run begins at 0.
    """
    two = _last_bytes(first, places, number)
    found = {0xC0 | k: int(two[k]) for k in range(2, 32)}
    two[:32] = nowhere  # what two bytes can say is not said with three
    three = _level(two.reshape(-1, 64), 2, number)
    found |= {0xE0 | k: int(three[k]) for k in range(16)}
    four = np.full(5 * 64, nowhere, np.int32)
    four[16 : len(three)] = three[16:]
    return found | {0xF0 | k: int(place) for k, place in enumerate(_level(four.reshape(-1, 64), 3, number))}


def _last_bytes(first: NDArray[np.int64], places: Int32, number: Number) -> Int32:
    """The places of the blocks of 64 characters."""
    run = np.searchsorted(first, _BLOCKS, side="right") - 1
    mixed = run != np.searchsorted(first, _BLOCKS + 63, side="right") - 1
    found = places[run]
    # Blocks within a run are few kinds of rows, however many they are.
    for place in np.unique(found[~mixed]).tolist():
        found[~mixed & (places[run] == place)] = number(1, np.full(64, place, np.int32))
    characters = _BLOCKS[mixed, None] + np.arange(64)
    found[mixed] = _level(places[np.searchsorted(first, characters, side="right") - 1], 1, number)
    return found


def _level(rows: Int32, left: int, number: Number) -> Int32:
    """The places of rows int32[n, 64]."""
    known: dict[bytes, int] = {}
    found = np.empty(len(rows), np.int32)
    for index, row in enumerate(rows):
        key = row.tobytes()
        place = known.get(key)
        if place is None:
            place = known[key] = number(left, row)
        found[index] = place
    return found
