"""Taking back what a look ahead made: cells and states of a parse that nothing keeps.

A mask asks what is behind thousands of lexemes, and most of these stacks are never met again. `begin` notes how many
cells of each kind there are, a step notes which older states it gave a transition, and `take_back` forgets what came
since. `m` is the memory, int32[n] (parse_layout.py).
"""

from __future__ import annotations

import numpy as np

from treadle.automata.parse_cell_kernels import at, hash_of_row
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper, kernel


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


@helper
def note_transition(m, state, byte):
    """A state that was there at `begin` got a transition, which `take_back` has to take out."""
    if state < m[SAVED_STATES]:
        if m[N_JOURNAL] < JOURNAL:
            m[m[AT_JOURNAL] + m[N_JOURNAL]] = state * 256 + byte
            m[N_JOURNAL] += 1
        else:
            # Too much to take back: it stays.
            m[SAVED_STATES] = 0


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
        slot = hash_of_row(m, e) & mask
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
