"""Stepping a frontier of configurations by one byte: the inner loop of everything.

A lazy determinisation (as regex-automata's hybrid DFA) lifted to a recursive transition network: a state is an
interned, sorted set of configurations (layout.py), a transition is computed at first use and remembered in the
table `next`. Strings are decoded here as well (UTF-8, JSON escapes), because a decoder kept as part of the
configuration lets character automata and literal sets know nothing of spellings.

`m`, the memory (int32[n], see layout.py and memory.py), holds every table; kernels allocate nothing and change only
what is in it. What they cannot know (a node not lowered yet, a full table) they ask for: they leave a request in
its head, return UNKNOWN, and are called again with the same arguments once Python has answered. A repeated step is
harmless, since it only finds what it interned before.

The slow twin is tests/oracles/byte_automaton.py.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import (
    ask,
    cell,
    char_row,
    config,
    edge,
    mix,
    out_row,
    position,
    spell,
    stack_row,
    state_row,
)
from treadle.automata.frontier_kernels import close, emit
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.string_kernels import string_byte, text_byte
from treadle.automata.word_kernels import literal_char
from treadle.compiling import helper, kernel


@helper
def step_config(m, k, byte):
    """Add the successors of configuration k by `byte` to the frontier being built. False: asked."""
    p = config(m, k, CFG_POS)
    stack = config(m, k, CFG_STACK)
    text = config(m, k, CFG_TEXT)
    kind = position(m, p, POS_KIND)
    if kind == P_BYTES:
        first = position(m, p, POS_A)
        for i in range(first, first + position(m, p, POS_B)):
            if edge(m, i, 0) <= byte <= edge(m, i, 1) and not close(m, edge(m, i, 2), stack, text):
                return False
        return True
    if kind == P_STRING:
        return string_byte(
            m, p, config(m, k, CFG_Q), config(m, k, CFG_LOW), config(m, k, CFG_HIGH), config(m, k, CFG_COUNT),
            config(m, k, CFG_DECODE), text, stack, byte,
        )  # fmt: skip
    if kind == P_TEXT:
        return text_byte(
            m, p, config(m, k, CFG_Q), config(m, k, CFG_LOW), config(m, k, CFG_HIGH), config(m, k, CFG_COUNT),
            config(m, k, CFG_DECODE), text, stack, byte,
        )  # fmt: skip
    if kind == P_SPACE:
        if byte == 0x20:
            return close(m, position(m, p, POS_A), stack, text)
        if byte == 0x0A:
            return close(m, position(m, p, POS_B), stack, text)
        return True
    if kind == P_INDENT and (byte == 0x20 or byte == 0x09):
        # Indentation grows with nesting, as pretty printers write it; eight columns a level bound it.
        columns = config(m, k, CFG_COUNT) + 1
        if columns > max(position(m, p, POS_B), 8 * stack_row(m, stack, STK_DEPTH)):
            return True
        if not emit(m, p, 0, 0, 0, columns, 0, text, stack):
            return False
        return close(m, position(m, p, POS_A), stack, text)
    return True


@helper
def before(m, i, j):
    for c in range(CFG_WIDTH):
        if out_row(m, i, c) != out_row(m, j, c):
            return out_row(m, i, c) < out_row(m, j, c)
    return False


@helper
def sort_out(m):
    """Sort the frontier being built: heap sort in place, since an anyOf of hundreds makes hundreds of rows."""
    n = np.int64(m[N_OUT])
    for start in range(n // 2 - 1, -1, -1):
        sift(m, start, n)
    for end in range(n - 1, 0, -1):
        swap(m, 0, end)
        sift(m, 0, end)


@helper
def swap(m, i, j):
    for c in range(CFG_WIDTH):
        a = m[AT_OUT] + i * CFG_WIDTH + c
        b = m[AT_OUT] + j * CFG_WIDTH + c
        m[a], m[b] = m[b], m[a]


@helper
def sift(m, root, n):
    while True:
        child = 2 * root + 1
        if child >= n:
            return
        if child + 1 < n and before(m, child, child + 1):
            child += 1
        if not before(m, root, child):
            return
        swap(m, root, child)
        root = child


@helper
def keep_history(m, n):
    """Give the history to the whole frontier being built, if a value is being recorded anywhere in it."""
    recorded = 0
    for i in range(n):
        recorded |= stack_row(m, out_row(m, i, CFG_STACK), STK_RECORDED)
    if recorded:
        for i in range(n):
            m[m[AT_OUT] + i * CFG_WIDTH + CFG_HISTORY] = m[HISTORY]


@helper
def intern_out(m):
    """The state of the frontier that was built, new or known. DEAD when it is empty, UNKNOWN: asked for room."""
    n = np.int64(m[N_OUT])
    if n == 0:
        return DEAD
    if m[HISTORY] > 0:
        keep_history(m, n)
    if n > 1:
        sort_out(m)
    h = mix(0, n)
    for i in range(n):
        for c in range(CFG_WIDTH):
            h = mix(h, out_row(m, i, c))
    mask = np.int64(m[CAP_STATE_HASH]) - 1
    slot = h & mask
    while True:
        s = cell(m, AT_STATE_HASH, slot)
        if s == 0:
            break
        if state_row(m, s, ST_COUNT) == n and same_frontier(m, state_row(m, s, ST_FIRST), n):
            return s
        slot = (slot + 1) & mask
    if m[N_CONFIGS] + n >= m[CAP_CONFIGS]:
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    return new_state(m, slot, n)


@helper
def same_frontier(m, first, n):
    for i in range(n):
        for c in range(CFG_WIDTH):
            if config(m, first + i, c) != out_row(m, i, c):
                return False
    return True


@helper
def new_state(m, slot, n):
    s = np.int64(m[N_STATES])
    first = np.int64(m[N_CONFIGS])
    m[N_STATES] = s + 1
    m[N_CONFIGS] = first + n
    accepting = 0
    for i in range(n):
        for c in range(CFG_WIDTH):
            m[m[AT_CONFIGS] + (first + i) * CFG_WIDTH + c] = out_row(m, i, c)
        if position(m, out_row(m, i, CFG_POS), POS_KIND) == P_ACCEPT:
            accepting = 1
    m[m[AT_STATES] + s * ST_WIDTH + ST_FIRST] = first
    m[m[AT_STATES] + s * ST_WIDTH + ST_COUNT] = n
    m[m[AT_STATES] + s * ST_WIDTH + ST_ACCEPTING] = accepting
    m[m[AT_STATE_HASH] + slot] = s
    for i in range(first, first + n):
        note_alive(m, i, m[AT_STATES] + s * ST_WIDTH + ST_ALIVE_WORDS)
    return s


@helper
def lead_of(char):
    """First byte of a character in UTF-8."""
    if char < 0x80:
        return char
    if char < 0x800:
        return 0xC0 | (char >> 6)
    if char < 0x10000:
        return 0xE0 | (char >> 12)
    return 0xF0 | (char >> 18)


@helper
def note_byte(m, at, byte):
    m[at + (byte >> 5)] |= np.int32(1) << np.int32(byte & 31)


@helper
def note_range(m, at, low, high):
    for byte in range(low, high + 1):
        note_byte(m, at, byte)


@helper
def note_alive(m, k, at):
    """Add the bytes that may lead on from configuration k, a superset, to the 256 bits at m[at]."""
    p = config(m, k, CFG_POS)
    kind = position(m, p, POS_KIND)
    if kind == P_BYTES:
        first = position(m, p, POS_A)
        for i in range(first, first + position(m, p, POS_B)):
            note_range(m, at, edge(m, i, 0), edge(m, i, 1))
    elif kind == P_SPACE or kind == P_INDENT:
        note_range(m, at, 0x09, 0x0A)
        note_byte(m, at, 0x20)
    elif kind == P_STRING or kind == P_TEXT:
        mode = config(m, k, CFG_DECODE) >> DECODE_SHIFT
        if mode == D_NONE:
            note_characters(m, k, p, at)
        elif mode <= D_UTF3 or mode == D_UTF2 + 16:
            note_range(m, at, 0x80, 0xBF)
        else:
            for w in range(8):
                m[at + w] = -1


@helper
def note_characters(m, k, p, at):
    """`note_alive` for a string or text between two characters."""
    if position(m, p, POS_KIND) == P_STRING:
        note_byte(m, at, 0x22)
        note_byte(m, at, 0x5C)
    depth = config(m, k, CFG_COUNT)
    for i in range(config(m, k, CFG_LOW), config(m, k, CFG_HIGH)):
        char = literal_char(m, i, depth)
        if char >= 0:
            note_byte(m, at, lead_of(char))
    q = config(m, k, CFG_Q)
    if q == 0:
        return
    if char_row(m, q, CST_LOWERED) == 0:
        for w in range(4):
            m[at + w] |= m[m[AT_CHARS] + q * CST_WIDTH + CST_FIRST_WORDS + w]
            m[at + 4 + w] = -1
        return
    first = char_row(m, q, CST_FIRST)
    for e in range(first, first + char_row(m, q, CST_EDGES)):
        note_range(m, at, lead_of(edge(m, e, 0)), lead_of(edge(m, e, 1)))


@helper
def roomy(m):
    """Is there room for whatever one step can add? Checked once a step, so that nothing below has to."""
    margin = ROOM
    return (
        m[N_STATES] + 2 < m[CAP_STATES]
        and 2 * m[N_STATES] < m[CAP_STATE_HASH]
        and m[N_CONFIGS] + margin < m[CAP_CONFIGS]
        and m[N_STACK] + margin < m[CAP_STACK]
        and m[N_PROGRESS] + margin < m[CAP_PROGRESS]
        and m[N_BITS] + margin < m[CAP_BITS]
        and m[N_TEXT] + margin < m[CAP_TEXTS]
        and m[N_MEMO] + 2 * margin < m[CAP_MEMO]
        and 2 * (m[N_MEMO] + 2 * margin) < m[CAP_MEMO_HASH]
    )


@kernel
def step(m, state, byte):
    """The state behind `state` and `byte`: DEAD if there is none, UNKNOWN if something was asked for."""
    known = cell(m, AT_NEXT, state * 256 + byte)
    if known != UNKNOWN:
        return known
    if (m[m[AT_STATES] + state * ST_WIDTH + ST_ALIVE_WORDS + (byte >> 5)] >> (byte & 31)) & 1 == 0:
        return DEAD
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    m[N_OUT] = 0
    first = state_row(m, state, ST_FIRST)
    history = config(m, first, CFG_HISTORY)
    m[HISTORY] = spell(m, history, byte) if history > 0 else 0
    if m[HISTORY] < 0:
        return UNKNOWN
    for k in range(first, first + state_row(m, state, ST_COUNT)):
        if not step_config(m, k, byte):
            return UNKNOWN
    target = np.int64(intern_out(m))
    if target != UNKNOWN:
        m[m[AT_NEXT] + state * 256 + byte] = target
    return target


@kernel
def enter(m, pos, stack):
    """The state of the closure of (pos, stack); UNKNOWN if something was asked for."""
    m[N_OUT] = 0
    m[HISTORY] = 0
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    if not close(m, pos, stack, 0):
        return UNKNOWN
    return np.int64(intern_out(m))


@kernel
def run(m, state, data, first, last):
    """Step over data[first:last]. Returns (state, index): UNKNOWN or DEAD with the index where that was met."""
    for i in range(first, last):
        state = step(m, state, np.int64(data[i]))
        if state <= DEAD:
            return state, i
    return state, last


@kernel
def anonymous(m, state):
    """`twin_of`, for Python."""
    return np.int64(twin_of(m, state))


@helper
def twin_of(m, state):
    """The twin of a state in a world where spelled names are not recorded.

    Masks are computed there: what a token may do does not depend on how a name was spelled so far once that has left
    all listed names, and a walk over the trie would record every name that it tries.
    """
    first = state_row(m, state, ST_FIRST)
    n = state_row(m, state, ST_COUNT)
    if config(m, first, CFG_TEXT) < 0:
        return state
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    m[N_OUT] = 0
    m[HISTORY] = 0
    for k in range(first, first + n):
        emit(
            m, config(m, k, CFG_POS), config(m, k, CFG_Q), config(m, k, CFG_LOW), config(m, k, CFG_HIGH),
            config(m, k, CFG_COUNT), config(m, k, CFG_DECODE), -1, config(m, k, CFG_STACK),
        )  # fmt: skip
    return np.int64(intern_out(m))
