"""Where grammars meet tokens: walking a token trie through the byte automaton.

Kernels over three flat arrays: `m`, the automaton's memory (automata/layout.py); `trie` int32[3 * n + 3], for each node
in depth-first order (byte | depth << 8, first node behind the subtree, first token); and `tokens` int32[t]. A stopped
walk remembers where it was, so that Python can answer and let it go on. The slow twin is tests/oracles/masks.py.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from treadle.automata.kernels import (
    ask,
    char_row,
    config,
    edge,
    emit,
    intern_out,
    lead_of,
    literal_char,
    note_byte,
    position,
    records,
    roomy,
    state_row,
    step,
)
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file

OTHERWISE = 0
FREE_TEXT = 1
FREE_NAME = 2
BOUNDED = 3
NODE = 3
#: Nodes of a subtree from which on it is worth asking whether the state loops on all its bytes; and from which on
#: it is worth finding that out the long way.
WORTH_A_LOOK = 1
ODD_STATE = 64


@njit(cache=True)
def inside_loop(m, state, cover, at, size):
    """Do all bytes of the set cover[at:at + 4] lead from a state to itself? 1 yes, 0 no, -1 something was asked for.

    `size` is how many nodes the answer would save: finding the loops of an odd state costs 127 steps.
    """
    row = m[AT_STATES] + state * ST_WIDTH
    for w in range(4):
        if cover[at + w] & ~m[row + ST_ALIVE_WORDS + w]:
            return 0
    if m[row + ST_LOOPS] == 0:
        known = plain_loops(m, state, row + ST_LOOP_WORDS)
        if not known:
            if size < ODD_STATE:
                return 0
            for byte in range(1, 128):
                target = step(m, state, byte)
                if target == UNKNOWN:
                    return -1
                if target == state:
                    note_byte(m, row + ST_LOOP_WORDS, byte)
        m[row + ST_LOOPS] = 1
    for w in range(4):
        if cover[at + w] & ~m[row + ST_LOOP_WORDS + w]:
            return 0
    return 1


@njit(cache=True)
def plain_loops(m, state, at):
    """The loops of a state that is one unbounded string, read off its character state. False: not such a state."""
    k = state_row(m, state, ST_FIRST)
    p = config(m, k, CFG_POS)
    q = config(m, k, CFG_Q)
    if state_row(m, state, ST_COUNT) != 1 or position(m, p, POS_KIND) != P_STRING:
        return False
    if config(m, k, CFG_DECODE) != 0:
        return True
    bounded = position(m, p, POS_C) >= 0 or config(m, k, CFG_COUNT) < position(m, p, POS_B)
    if bounded or config(m, k, CFG_LOW) < config(m, k, CFG_HIGH) or records(m, p, config(m, k, CFG_TEXT)):
        return True
    if q == 0 or char_row(m, q, CST_LOWERED) == 0:
        return q == 0
    first = char_row(m, q, CST_FIRST)
    for e in range(first, first + char_row(m, q, CST_EDGES)):
        if edge(m, e, 2) == q:
            for byte in range(max(edge(m, e, 0), 0x20), min(edge(m, e, 1), 0x7F) + 1):
                if byte != 0x22 and byte != 0x5C:
                    note_byte(m, at, byte)
    return True


@njit(cache=True)
def byte_cover(trie, out):
    """For every node the set of ASCII bytes below it, int32[4 * n]; bit 0 stands for NUL and everything else."""
    n = (trie.shape[0] - NODE) // NODE
    for i in range(n - 1, -1, -1):
        j = i + 1
        end = trie[NODE * i + 1]
        while j < end:
            byte = trie[NODE * j] & 255
            if byte >= 128:
                byte = 0
            out[4 * i + (byte >> 5)] |= np.int32(1) << np.int32(byte & 31)
            for w in range(4):
                out[4 * i + w] |= out[4 * j + w]
            j = trie[NODE * j + 1]


@njit(cache=True)
def situation(m, state):
    """How a state's mask can be computed: (kind, characters).

    FREE_TEXT   inside a JSON string where every character leads back to this state
    FREE_NAME   inside a member name that may still become a listed one, and may be any other
    BOUNDED     inside JSON strings of any characters, at most so many of them
    OTHERWISE   anything else
    """
    first = state_row(m, state, ST_FIRST)
    n = state_row(m, state, ST_COUNT)
    longest = np.int64(0)
    for k in range(first, first + n):
        p = config(m, k, CFG_POS)
        if (
            position(m, p, POS_KIND) != P_STRING
            or config(m, k, CFG_Q) != CHAR_ANY
            or config(m, k, CFG_DECODE) != 0
        ):
            return OTHERWISE, np.int64(0)
        most = position(m, p, POS_C)
        listed = config(m, k, CFG_LOW) < config(m, k, CFG_HIGH)
        if most >= 0:
            longest = max(longest, most - config(m, k, CFG_COUNT))
        elif n > 1 or config(m, k, CFG_COUNT) < position(m, p, POS_B):
            longest = np.int64(1 << 30)
        else:
            return (FREE_NAME if listed else FREE_TEXT), np.int64(0)
    return BOUNDED, longest


@njit(cache=True)
def unlisted(m, state):
    """For a FREE_NAME state: the state in which its name has left the listed ones (in the world of masks)."""
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    k = state_row(m, state, ST_FIRST)
    m[N_OUT] = 0
    m[HISTORY] = 0
    emit(m, config(m, k, CFG_POS), CHAR_ANY, 0, 0, 0, 0, -1, config(m, k, CFG_STACK))
    return np.int64(intern_out(m))


@njit(cache=True)
def listed_bytes(m, state, out):
    """Into out uint8[256], for a FREE_NAME state: the bytes that a listed name may go on with, quote and backslash."""
    k = state_row(m, state, ST_FIRST)
    out[0x22] = 1
    out[0x5C] = 1
    depth = config(m, k, CFG_COUNT)
    for i in range(config(m, k, CFG_LOW), config(m, k, CFG_HIGH)):
        char = literal_char(m, i, depth)
        if char >= 0:
            out[lead_of(char)] = 1


@njit(cache=True)
def walk(m, trie, tokens, cover, start, state, node, row):
    """Set in `row` uint32[w] the bits of all tokens of the trie that lead on from `state`, from `node` on.

    `cover` int32[4 * n] holds the bytes below each node (byte_cover); `start` uint8[256] the first bytes to try.
    Returns the node where the automaton asked for something, or -1 at the end.
    """
    n = (trie.shape[0] - NODE) // NODE
    # Tables do not move while a kernel runs.
    table = np.int64(m[AT_NEXT])
    levels = np.int64(m[AT_LEVELS])
    m[levels] = state
    i = node
    while i < n:
        head = np.int64(trie[NODE * i])
        depth = head >> 8
        if depth == 1 and start[head & 255] == 0:
            i = np.int64(trie[NODE * i + 1])
            continue
        here = np.int64(m[levels + depth - 1])
        s = np.int64(m[table + here * 256 + (head & 255)])
        if s == UNKNOWN:
            s = step(m, here, head & 255)
            if s == UNKNOWN:
                return i
        if s == DEAD:
            i = np.int64(trie[NODE * i + 1])
            continue
        m[levels + depth] = s
        end = np.int64(trie[NODE * i + 1])
        if end - i > WORTH_A_LOOK and cover[4 * i] & 1 == 0:
            loops = inside_loop(m, s, cover, 4 * i, end - i)
            if loops < 0:
                return i
            if loops > 0:
                # Every byte below keeps the state: all tokens of the subtree are allowed, unread.
                set_bits(row, tokens, trie[NODE * i + 2], trie[NODE * end + 2])
                i = end
                continue
        set_bits(row, tokens, trie[NODE * i + 2], trie[NODE * i + NODE + 2])
        i += 1
    return np.int64(-1)


@njit(cache=True)
def set_bits(row, tokens, first, last):
    for k in range(first, last):
        t = np.uint32(tokens[k])
        row[t >> np.uint32(5)] |= np.uint32(1) << (t & np.uint32(31))


@njit(cache=True)
def clear_below(trie, tokens, start, row):
    """Clear in `row` uint32[w] all tokens whose first byte is in start uint8[256]."""
    n = (trie.shape[0] - NODE) // NODE
    i = 0
    while i < n:
        end = trie[NODE * i + 1]
        if start[trie[NODE * i] & 255]:
            for k in range(trie[NODE * i + 2], trie[NODE * end + 2]):
                t = np.uint32(tokens[k])
                row[t >> np.uint32(5)] &= ~(np.uint32(1) << (t & np.uint32(31)))
        i = end


@njit(cache=True)
def spell(m, blob, starts, state, token):
    """The state behind `state` and one token, whose bytes are blob[starts[token]:starts[token + 1]]."""
    for i in range(starts[token], starts[token + 1]):
        state = step(m, state, np.int64(blob[i]))
        if state <= DEAD:
            return state
    return state


@njit(cache=True)
def refused(m, blob, starts, state, chosen, first, row):
    """The first index k >= first so that `row` uint32[w] allows token chosen[k] but `state` does not; -1 if none.

    Also the index where something was asked for: the request is in the memory then.
    """
    m[NEED] = ASK_NOTHING
    for k in range(first, chosen.shape[0]):
        t = np.int64(chosen[k])
        if row[t >> 5] & (np.uint32(1) << np.uint32(t & 31)) and spell(m, blob, starts, state, t) <= DEAD:
            return np.int64(k)
    return np.int64(-1)


@njit(cache=True)
def successors(m, state, out):
    """All 256 successors of a state into `out` int64[256]; returns UNKNOWN if something was asked for, else 1."""
    for byte in range(256):
        s = step(m, state, byte)
        if s == UNKNOWN:
            return UNKNOWN
        out[byte] = s
    return 1


@njit(cache=True)
def interior_lengths(blob, starts, chars, breaks):
    """Where every token leaves a JSON string: into chars int32[V] the characters before that, into breaks int32[V] the
    byte, which is the token's length where it stays inside.

    Staying inside means: UTF-8 from a character boundary on, without quote, backslash and control characters; a
    character cut off at the token's end counts. A broken character leaves at its first byte.
    """
    for t in range(chars.shape[0]):
        chars[t], breaks[t] = _interior(blob, starts[t], starts[t + 1])


@njit(cache=True)
def _interior(blob, first, last):
    chars = 0
    left = 0
    begun = first
    # Bounds of the next continuation byte: E0, ED, F0 and F4 restrict the one behind them (RFC 3629).
    low, high = 0x80, 0xBF
    for i in range(first, last):
        byte = blob[i]
        if left > 0:
            if byte < low or byte > high:
                return chars - 1, begun - first
            low, high = 0x80, 0xBF
            left -= 1
            continue
        if byte < 0x20 or byte == 0x22 or byte == 0x5C or 0x80 <= byte < 0xC2 or byte > 0xF4:
            return chars, i - first
        chars += 1
        begun = i
        if byte >= 0x80:
            left = 1 if byte < 0xE0 else (2 if byte < 0xF0 else 3)
            if byte == 0xE0:
                low = 0xA0
            elif byte == 0xED:
                high = 0x9F
            elif byte == 0xF0:
                low = 0x90
            elif byte == 0xF4:
                high = 0x8F
    return chars, last - first
