"""Reading and writing the cells of the memory: rows of tables, requests, the memo, interned texts.

`m` is the memory, int32[n] (layout.py). Nothing here knows what an automaton is.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper


@helper
def config(m, row, column):
    return np.int64(m[m[AT_CONFIGS] + row * CFG_WIDTH + column])


@helper
def state_row(m, row, column):
    return np.int64(m[m[AT_STATES] + row * ST_WIDTH + column])


@helper
def memo_row(m, row, column):
    return np.int64(m[m[AT_MEMO] + row * MEMO_WIDTH + column])


@helper
def stack_row(m, row, column):
    return np.int64(m[m[AT_STACK] + row * STK_WIDTH + column])


@helper
def position(m, row, column):
    return np.int64(m[m[AT_POSITIONS] + row * POS_WIDTH + column])


@helper
def edge(m, row, column):
    return np.int64(m[m[AT_EDGES] + row * EDGE_WIDTH + column])


@helper
def char_row(m, row, column):
    return np.int64(m[m[AT_CHARS] + row * CST_WIDTH + column])


@helper
def literal_set(m, row, column):
    return np.int64(m[m[AT_LITERAL_SETS] + row * LITERAL_SET_WIDTH + column])


@helper
def out_row(m, row, column):
    return np.int64(m[m[AT_OUT] + row * CFG_WIDTH + column])


@helper
def work_row(m, row, column):
    return np.int64(m[m[AT_WORK] + row * WORK_WIDTH + column])


@helper
def cell(m, table, row):
    return np.int64(m[m[table] + row])


@helper
def ask(m, kind, a, b, c):
    """Leave a request; always False, so that callers can return it."""
    m[NEED] = kind
    m[NEED_A] = a
    m[NEED_B] = b
    m[NEED_C] = c
    return False


@helper
def mix(h, x):
    """One round of a multiplicative hash in 31 bits, so that the product fits int64 with and without numba."""
    h = ((np.int64(h) ^ np.int64(x)) & 0x7FFFFFFF) * 0x2C1B3C6D
    return (h ^ (h >> 15)) & 0x7FFFFFFF


@helper
def hashed(kind, x, y, z):
    """The hash of a memo's key."""
    return mix(mix(mix(mix(0, kind), x), y), z)


@helper
def memo_slot(m, kind, x, y, z):
    """Slot of (kind, x, y, z) in the memo's hash table: where it is, or the free one where it belongs."""
    mask = np.int64(m[CAP_MEMO_HASH]) - 1
    slot = hashed(kind, x, y, z) & mask
    while True:
        e = cell(m, AT_MEMO_HASH, slot)
        if e == 0:
            return slot
        if (
            memo_row(m, e, 0) == kind
            and memo_row(m, e, 1) == x
            and memo_row(m, e, 2) == y
            and memo_row(m, e, 3) == z
        ):
            return slot
        slot = (slot + 1) & mask


@helper
def memo_put(m, slot, kind, x, y, z, value):
    e = np.int64(m[N_MEMO])
    m[N_MEMO] = e + 1
    m[m[AT_MEMO] + e * MEMO_WIDTH + 0] = kind
    m[m[AT_MEMO] + e * MEMO_WIDTH + 1] = x
    m[m[AT_MEMO] + e * MEMO_WIDTH + 2] = y
    m[m[AT_MEMO] + e * MEMO_WIDTH + 3] = z
    m[m[AT_MEMO] + e * MEMO_WIDTH + 4] = value
    m[m[AT_MEMO_HASH] + slot] = e


@helper
def spell(m, text, char):
    """The interned text `text` + `char`; an anonymous text stays anonymous. NO_ROOM: asked for room."""
    if text < 0:
        return text
    slot = memo_slot(m, M_TEXT, text, char, 0)
    e = cell(m, AT_MEMO_HASH, slot)
    if e != 0:
        return memo_row(m, e, 4)
    node = np.int64(m[N_TEXT])
    if node + 1 >= m[CAP_TEXTS] or m[N_MEMO] + 1 >= m[CAP_MEMO] or 2 * m[N_MEMO] >= m[CAP_MEMO_HASH]:
        ask(m, ASK_ROOM, 0, 0, 0)
        return NO_ROOM
    m[N_TEXT] = node + 1
    m[m[AT_TEXTS] + node * TXT_WIDTH + 0] = text
    m[m[AT_TEXTS] + node * TXT_WIDTH + 1] = char
    m[m[AT_TEXTS] + node * TXT_WIDTH + 2] = cell(m, AT_TEXTS, text * TXT_WIDTH + 2) + 1
    memo_put(m, slot, M_TEXT, text, char, 0, node)
    return node
