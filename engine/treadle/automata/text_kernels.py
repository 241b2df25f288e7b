"""The texts that guards ask about, as numbers: that of the text without its last byte, and the byte."""

from __future__ import annotations

import numpy as np

from treadle.automata.parse_cell_kernels import found, put, slot_of
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper, kernel


@helper
def longer(m, text, byte):
    """The number of a text with one more byte."""
    slot = slot_of(m, M_TEXT, text, byte, 0)
    known = found(m, slot)
    if known < 0:
        known = np.int64(m[N_TEXT])
        m[N_TEXT] = known + 1
        row = m[AT_TEXTS] + known * TEXT_WIDTH
        m[row + TXT_BEFORE] = text
        m[row + TXT_BYTE] = byte
        m[row + TXT_KEPT] = 0
        put(m, slot, M_TEXT, text, byte, 0, known)
    return known


@kernel
def spell_back(m, text, stop, out):
    """Into the end of out uint8[n] the last bytes of a text; (where they begin, the text in front of them).

    That one is `stop`, one that is kept, the empty one, or any, once `out` is full.
    """
    first = len(out)
    number = np.int64(text)
    while first > 0 and number != 0 and number != stop:
        row = m[AT_TEXTS] + number * TEXT_WIDTH
        if stop == 0 and m[row + TXT_KEPT] != 0:
            break
        first -= 1
        out[first] = np.uint8(m[row + TXT_BYTE])
        number = np.int64(m[row + TXT_BEFORE])
    return first, number
