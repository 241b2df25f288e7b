"""What stacks, lists of stacks and spans of a parse are made of: interned cells, found by a memo.

`m` is the memory, int32[n] (parse_layout.py). Equal cells are one number, so equal stacks are, and what was found out
about one is remembered by it. A kernel that would need more room than there is, or something that only Python knows,
asks and is called again.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import hashed
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper, kernel

ASKED = -1
VIOLATED = -2
UNDECIDED = -3
#: The scanner between two lexemes (scanner.START).
START_SCAN = 2


@helper
def at(m, table, index):
    return np.int64(m[m[table] + index])


@helper
def ask(m, kind, a, b, c):
    m[NEED] = kind
    m[NEED_A] = a
    m[NEED_B] = b
    m[NEED_C] = c
    return np.int64(ASKED)


@helper
def roomy(m):
    """Is there room for one more step? If not, it is asked for."""
    if (
        m[N_MEMO] + 4 * ROOM < m[CAP_MEMO]
        and 2 * (m[N_MEMO] + 4 * ROOM) < m[CAP_HASH]
        and m[N_NODES] + ROOM < m[CAP_NODES]
        and m[N_BUNDLES] + ROOM < m[CAP_BUNDLES]
        and m[N_CONFIGS] + ROOM < m[CAP_CONFIGS]
        and m[N_STATES] + ROOM < m[CAP_STATES]
        and m[N_DUTIES] + ROOM < m[CAP_DUTIES]
        and m[N_BLOCKS] + ROOM < m[CAP_BLOCKS]
        and m[N_TEXT] + ROOM < m[CAP_TEXTS]
    ):
        return True
    ask(m, ASK_ROOM, 0, 0, 0)
    return False


@helper
def slot_of(m, kind, x, y, z):
    mask = np.int64(m[CAP_HASH]) - 1
    slot = hashed(kind, x, y, z) & mask
    while True:
        e = at(m, AT_HASH, slot)
        if e == 0:
            return slot
        row = m[AT_MEMO] + e * MEMO_WIDTH
        if m[row] == kind and m[row + 1] == x and m[row + 2] == y and m[row + 3] == z:
            return slot
        slot = (slot + 1) & mask


@helper
def hash_of_row(m, e):
    """The hash of the key in row e of the memo."""
    row = m[AT_MEMO] + e * MEMO_WIDTH
    return hashed(np.int64(m[row]), np.int64(m[row + 1]), np.int64(m[row + 2]), np.int64(m[row + 3]))


@helper
def found(m, slot):
    """The value at a slot, ASKED (-1) if there is none."""
    e = at(m, AT_HASH, slot)
    return np.int64(m[m[AT_MEMO] + e * MEMO_WIDTH + 4]) if e != 0 else np.int64(ASKED)


@helper
def put(m, slot, kind, x, y, z, value):
    e = np.int64(m[N_MEMO])
    m[N_MEMO] = e + 1
    row = m[AT_MEMO] + e * MEMO_WIDTH
    m[row] = kind
    m[row + 1] = x
    m[row + 2] = y
    m[row + 3] = z
    m[row + 4] = value
    m[m[AT_HASH] + slot] = e
    return e


@kernel
def remember(m, kind, x, y, z, value):
    """Write an answer into the memo, where kernels look for it."""
    slot = slot_of(m, kind, x, y, z)
    if at(m, AT_HASH, slot) == 0:
        put(m, slot, kind, x, y, z, value)


@kernel
def rehash(m):
    """Fill the hash table, which is empty, with what the memo holds."""
    mask = np.int64(m[CAP_HASH]) - 1
    for e in range(1, m[N_MEMO]):
        slot = hash_of_row(m, e) & mask
        while m[m[AT_HASH] + slot] != 0:
            slot = (slot + 1) & mask
        m[m[AT_HASH] + slot] = e


@helper
def interned(m, kind, x, y, z, table, counter):
    """The number of the row (x, y, z) of a table that is three columns wide; it is made if there is none."""
    slot = slot_of(m, kind, x, y, z)
    known = found(m, slot)
    if known >= 0:
        return known
    n = np.int64(m[counter])
    m[counter] = n + 1
    row = m[table] + n * 3
    m[row] = x
    m[row + 1] = y
    m[row + 2] = z
    put(m, slot, kind, x, y, z, n)
    return n


@helper
def node(m, state, below, span):
    """The stack with `state` on top of `below`."""
    return interned(m, M_NODE, state, below, span, AT_NODES, N_NODES)


@helper
def node_row(m, n, column):
    return at(m, AT_NODES, n * NODE_WIDTH + column)


@helper
def bundle_row(m, b, column):
    return at(m, AT_BUNDLES, b * BUNDLE_WIDTH + column)


@helper
def bundle(m, top, rest, block):
    """The bundle of stack `top` and those of `rest`. ASKED: for the union of what they accept."""
    slot = slot_of(m, M_BUNDLE, top, rest, block)
    known = found(m, slot)
    if known >= 0:
        return known
    accepted = at(m, AT_STATE_SET, node_row(m, top, NODE_STATE))
    if rest != 0:
        accepted = union(m, accepted, bundle_row(m, rest, BND_SET))
        if accepted < 0:
            return accepted
    b = new_bundle(m, top, rest, block, accepted, 0)
    put(m, slot, M_BUNDLE, top, rest, block, b)
    return b


@helper
def new_bundle(m, top, rest, block, accepted, extra):
    b = np.int64(m[N_BUNDLES])
    m[N_BUNDLES] = b + 1
    row = m[AT_BUNDLES] + b * BUNDLE_WIDTH
    m[row + BND_NODE] = top
    m[row + BND_REST] = rest
    m[row + BND_BLOCK] = block
    m[row + BND_SET] = accepted
    m[row + BND_ENDS] = 0
    m[row + BND_B] = extra
    return b


@helper
def union(m, a, b):
    if a == b:
        return a
    known = found(m, slot_of(m, M_UNION, min(a, b), max(a, b), 0))
    return known if known >= 0 else ask(m, ASK_UNION, min(a, b), max(a, b), 0)


@helper
def up_to(m, s, t):
    """The terminals of set s that the scanner prefers to t, and t."""
    known = found(m, slot_of(m, M_UP_TO, s, t, 0))
    return known if known >= 0 else ask(m, ASK_UP_TO, s, t, 0)


@helper
def block(m, width, brackets, outer):
    return interned(m, M_BLOCK, width, brackets, outer, AT_BLOCKS, N_BLOCKS)


@helper
def block_row(m, n, column):
    return at(m, AT_BLOCKS, n * BLOCK_WIDTH + column)


@helper
def rebundled(m, b, inside):
    """The stacks of b in another block."""
    if b < FIRST or bundle_row(m, b, BND_BLOCK) == inside:
        return b
    count = 0
    while b != 0:
        m[m[AT_FOUND] + count] = bundle_row(m, b, BND_NODE)
        b = bundle_row(m, b, BND_REST)
        count += 1
    made = np.int64(0)
    for k in range(count - 1, -1, -1):
        made = bundle(m, at(m, AT_FOUND, k), made, inside)
        if made < 0:
            return made
    return made


@helper
def span(m, start, end):
    """A stretch of text, as the number of a memo entry; 0 where no guard wants to know."""
    if m[GUARDED] == 0:
        return np.int64(0)
    slot = slot_of(m, M_SPAN, start, end, 0)
    e = at(m, AT_HASH, slot)
    return e if e != 0 else put(m, slot, M_SPAN, start, end, 0, 0)


@helper
def span_end(m, e, which):
    return at(m, AT_MEMO, e * MEMO_WIDTH + which)


@helper
def fresh(q):
    """A duty's scanner state at the end of the lexeme itself, where the lexeme's own condition is no violation."""
    return -q - 8
