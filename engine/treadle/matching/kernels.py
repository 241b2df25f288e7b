"""Where grammars meet tokens: walking a token trie through the byte automaton.

Kernels over three flat arrays: `m`, the automaton's memory (automata/layout.py); `trie` int32[3 * n + 3], for each node
in depth-first order (byte | depth << 8, first node behind the subtree, first token); and `tokens` int32[t]. A stopped
walk remembers where it was, so that Python can answer and let it go on. The slow twin is tests/oracles/masks.py.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from treadle.automata.kernels import step
from treadle.automata.layout import AT_LEVELS, AT_NEXT, AT_STATES, DEAD, ST_LOOP_WORDS, ST_LOOPS, ST_WIDTH, UNKNOWN

NODE = 3
#: Nodes below which a subtree is walked without asking whether the state loops on all its bytes.
WORTH_A_LOOK = 1


@njit(cache=True)
def inside_loop(m, state, cover, at):
    """Do all bytes of the set cover[at:at + 4] lead from a state to itself? 1 yes, 0 no, -1 something was asked for."""
    row = m[AT_STATES] + state * ST_WIDTH
    if m[row + ST_LOOPS] == 0:
        for byte in range(1, 128):
            target = step(m, state, byte)
            if target == UNKNOWN:
                return -1
            if target == state:
                m[row + ST_LOOP_WORDS + (byte >> 5)] |= np.int32(1) << np.int32(byte & 31)
        m[row + ST_LOOPS] = 1
    for w in range(4):
        if cover[at + w] & ~m[row + ST_LOOP_WORDS + w]:
            return 0
    return 1


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
def walk(m, trie, tokens, cover, state, node, row):
    """Set in `row` uint32[w] the bits of all tokens of the trie that lead on from `state`, from `node` on.

    `cover` int32[4 * n] holds the bytes below each node (byte_cover).

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
            loops = inside_loop(m, s, cover, 4 * i)
            if loops < 0:
                return i
            if loops > 0:
                # Every byte below keeps the state: all tokens of the subtree are allowed, unread.
                for k in range(trie[NODE * i + 2], trie[NODE * end + 2]):
                    t = tokens[k]
                    row[t >> 5] |= np.uint32(1) << np.uint32(t & 31)
                i = end
                continue
        for k in range(trie[NODE * i + 2], trie[NODE * i + NODE + 2]):
            t = tokens[k]
            row[t >> 5] |= np.uint32(1) << np.uint32(t & 31)
        i += 1
    return np.int64(-1)


@njit(cache=True)
def spell(m, blob, starts, state, token):
    """The state behind `state` and one token, whose bytes are blob[starts[token]:starts[token + 1]]."""
    for i in range(starts[token], starts[token + 1]):
        state = step(m, state, np.int64(blob[i]))
        if state <= DEAD:
            return state
    return state


@njit(cache=True)
def recheck(m, blob, starts, state, chosen, first, row):
    """Clear in `row` uint32[w] those of the tokens chosen[first:] that do not lead on from `state`.

    Returns the index where the automaton asked for something, or -1 at the end.
    """
    for k in range(first, chosen.shape[0]):
        t = np.int64(chosen[k])
        bit = np.uint32(1) << np.uint32(t & 31)
        if row[t >> 5] & bit:
            s = spell(m, blob, starts, state, t)
            if s == UNKNOWN:
                return np.int64(k)
            if s == DEAD:
                row[t >> 5] &= ~bit
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
def interior_lengths(blob, starts, out):
    """Characters of every token that can stand inside a JSON string, -1 for the others; out int32[V].

    Such a token is UTF-8 from a character boundary on, without quote, backslash and control characters; it may end
    inside a character, which counts.
    """
    for t in range(out.shape[0]):
        out[t] = _interior_length(blob, starts[t], starts[t + 1])


@njit(cache=True)
def _interior_length(blob, first, last):
    if first == last:
        return -1
    chars = 0
    left = 0
    # Bounds of the next continuation byte: E0, ED, F0 and F4 restrict the one behind them (RFC 3629).
    low, high = 0x80, 0xBF
    for i in range(first, last):
        byte = blob[i]
        if left > 0:
            if byte < low or byte > high:
                return -1
            low, high = 0x80, 0xBF
            left -= 1
            continue
        if byte < 0x20 or byte == 0x22 or byte == 0x5C:
            return -1
        chars += 1
        if byte >= 0x80:
            if byte < 0xC2 or byte > 0xF4:
                return -1
            left = 1 if byte < 0xE0 else (2 if byte < 0xF0 else 3)
            if byte == 0xE0:
                low = 0xA0
            elif byte == 0xED:
                high = 0x9F
            elif byte == 0xF0:
                low = 0x90
            elif byte == 0xF4:
                high = 0x8F
    return chars
