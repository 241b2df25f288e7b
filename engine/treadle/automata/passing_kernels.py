"""Cells and states that are made while thousands of futures are looked at, and taken back: none of them stays.

Everything is appended, so what is new is what lies behind the counts of before; what older rows say of it (the
transitions of a state) is noted in a journal.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import mix
from treadle.automata.parse_cell_kernels import at
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import kernel


@kernel
def begin(m):
    """From here on, what is made may be taken back."""
    m[SAVED_MEMO] = m[N_MEMO]
    m[SAVED_NODES] = m[N_NODES]
    m[SAVED_BUNDLES] = m[N_BUNDLES]
    m[SAVED_CONFIGS] = m[N_CONFIGS]
    m[SAVED_STATES] = m[N_STATES]
    m[SAVED_DUTIES] = m[N_DUTIES]
    m[SAVED_BLOCKS] = m[N_BLOCKS]
    m[SAVED_TEXT] = m[N_TEXT]
    m[N_JOURNAL] = 0


@kernel
def take_back(m):
    """Forget every cell and state that was made since `begin`; nothing that is kept refers to them.

    The memo's entries leave its hash table in the reverse order of their coming, so no other entry is cut off from its
    place.
    """
    if m[SAVED_STATES] == 0:
        return
    for k in range(m[N_JOURNAL]):
        m[m[AT_NEXT] + m[m[AT_JOURNAL] + k]] = UNKNOWN
    for s in range(m[SAVED_STATES], m[N_STATES]):
        for k in range(STATE_WIDTH):
            m[m[AT_STATES] + s * STATE_WIDTH + k] = 0
        for k in range(256):
            m[m[AT_NEXT] + s * 256 + k] = UNKNOWN
    mask = np.int64(m[CAP_HASH]) - 1
    for e in range(m[N_MEMO] - 1, m[SAVED_MEMO] - 1, -1):
        row = m[AT_MEMO] + e * MEMO_WIDTH
        h = mix(0, np.int64(m[row]))
        h = mix(mix(mix(h, np.int64(m[row + 1])), np.int64(m[row + 2])), np.int64(m[row + 3]))
        slot = h & mask
        while at(m, AT_HASH, slot) != e:
            slot = (slot + 1) & mask
        m[m[AT_HASH] + slot] = 0
    m[N_MEMO] = m[SAVED_MEMO]
    m[N_NODES] = m[SAVED_NODES]
    m[N_BUNDLES] = m[SAVED_BUNDLES]
    m[N_CONFIGS] = m[SAVED_CONFIGS]
    m[N_STATES] = m[SAVED_STATES]
    m[N_DUTIES] = m[SAVED_DUTIES]
    m[N_BLOCKS] = m[SAVED_BLOCKS]
    m[N_TEXT] = m[SAVED_TEXT]
    m[SAVED_STATES] = 0
