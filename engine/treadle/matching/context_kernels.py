"""Where a grammar's automaton meets tokens: what depends on the context of a parse alone, and what on its stack.

A walk from a *shade* (a bundle of which only the acceptable and shiftable terminals are known, parse_layout.SHADE)
tells for a whole context which tokens stay within the lexeme that is being read, and where the others leave it: at a
node of the trie, with a terminal, a column and duties. Behind that node the stack matters; `walk_behind` goes on from
there with a real one. The memory `m` is that of automata/parse_kernels.py, tries are those of matching/kernels.py.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.parse_kernels import bundle_row, config_row, keep_duties, state_row, step
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper, kernel

NODE = 3
#: Nodes of a subtree from which on it is worth asking whether the state loops on all its bytes.
WORTH_A_LOOK = 24
ASKED_DUTY = -1
VIOLATED_DUTY = -2
FULL = -2


@helper
def set_bits(row, tokens, first, last):
    for k in range(first, last):
        t = np.uint32(tokens[k])
        row[t >> np.uint32(5)] |= np.uint32(1) << (t & np.uint32(31))


@helper
def is_behind(m, cell):
    return bundle_row(m, config_row(m, state_row(m, cell, ST_CONFIG), CFG_BUNDLE), BND_NODE) == BEHIND_SHADE


@helper
def sides(m, state):
    """1 if some configuration of a state is inside the context, plus 2 if one is behind it."""
    known = state_row(m, state, ST_SIDES)
    if known != 0:
        return known
    answer = np.int64(0)
    cell = np.int64(state)
    while cell != 0:
        answer |= 2 if is_behind(m, cell) else 1
        cell = state_row(m, cell, ST_REST)
    m[m[AT_STATES] + state * STATE_WIDTH + ST_SIDES] = answer
    return answer


@helper
def stays(m, state, byte):
    """Is it known that nothing behind the context goes on with a byte?"""
    return (m[m[AT_STATES] + state * STATE_WIDTH + ST_STAYS + (byte >> 5)] >> (byte & 31)) & 1 != 0


@helper
def leaves(m, state, byte):
    """Does anything behind the context go on with a byte? 1 yes, 0 no, -1: something was asked for."""
    if stays(m, state, byte):
        return 0
    cell = np.int64(state)
    while cell != 0:
        if is_behind(m, cell):
            d = config_row(m, state_row(m, cell, ST_CONFIG), CFG_DUTY)
            left = keep_duties(m, d, byte) if d != 0 else np.int64(0)
            if left == ASKED_DUTY:
                return -1
            if left != VIOLATED_DUTY:
                return 1
        cell = state_row(m, cell, ST_REST)
    m[m[AT_STATES] + state * STATE_WIDTH + ST_STAYS + (byte >> 5)] |= np.int32(1) << np.int32(byte & 31)
    return 0


@helper
def loops(m, state, behind, cover, first):
    """Do all bytes of the set cover[first:first + 4] lead from a state to itself, and nowhere else?

    1 yes, 0 no, -1: something was asked for.
    """
    for w in range(4):
        bits = np.int64(cover[first + w]) & 0xFFFFFFFF
        byte = 32 * w
        while bits != 0:
            if bits & 1 != 0:
                target = step(m, state, byte)
                if target == UNKNOWN:
                    return -1
                if target != state:
                    return 0
                if behind:
                    leaving = leaves(m, state, byte)
                    if leaving != 0:
                        return -1 if leaving < 0 else 0
            bits >>= 1
            byte += 1
    return 1


@helper
def note(out, count, config, node):
    out[2 * count] = config
    out[2 * count + 1] = node
    return count + 1


@helper
def note_leaving(m, state, byte, node, out, count):
    """Note the configurations behind the context that may go on with a byte. Returns the new count, or -1: asked."""
    cell = np.int64(state)
    while cell != 0:
        if is_behind(m, cell):
            c = state_row(m, cell, ST_CONFIG)
            d = config_row(m, c, CFG_DUTY)
            left = keep_duties(m, d, byte) if d != 0 else np.int64(0)
            if left == ASKED_DUTY:
                return np.int64(-1)
            if left != VIOLATED_DUTY:
                count = note(out, count, c, node)
        cell = state_row(m, cell, ST_REST)
    return count


@helper
def note_ending(m, state, node, out, count):
    """Note that tokens end at a node where every configuration is behind the context."""
    cell = np.int64(state)
    while cell != 0:
        count = note(out, count, -state_row(m, cell, ST_CONFIG), node)
        cell = state_row(m, cell, ST_REST)
    return count


@kernel
def walk_context(m, trie, tokens, cover, state, row, out, place):
    """Walk from a shade's state; `place` int64[2] is (node, entries of out), to go on from after an answer.

    In `row` uint32[w]: the tokens that stay inside. In `out` int32[2 * k]: (configuration behind the context, node):
    the tokens of the node's subtree leave the context in front of the node's byte; (-configuration, node): the tokens
    of this node end where the context does. Returns 0 at the end, UNKNOWN + 1 if something was asked for, FULL if
    `out` is.
    """
    n = (trie.shape[0] - NODE) // NODE
    levels = np.int64(m[AT_LEVELS])
    room = out.shape[0] // 2 - 64
    m[levels] = state
    i = place[0]
    count = place[1]
    while i < n:
        place[0] = i
        place[1] = count
        if count >= room:
            return FULL
        head = np.int64(trie[NODE * i])
        depth = head >> 8
        byte = head & 255
        end = np.int64(trie[NODE * i + 1])
        here = np.int64(m[levels + depth - 1])
        behind = here < 0
        here = abs(here)
        s = step(m, here, byte)
        if s == UNKNOWN:
            return 1
        if behind and not stays(m, here, byte):
            leaving = leaves(m, here, byte)
            if leaving < 0:
                return 1
            if leaving > 0:
                count = note_leaving(m, here, byte, i, out, count)
                if count < 0:
                    return 1
        if s == DEAD:
            i = end
            continue
        side = sides(m, s)
        first = np.int64(trie[NODE * i + 2])
        if side & 1 == 0:
            if first < trie[NODE * i + NODE + 2]:
                count = note_ending(m, s, i, out, count)
        elif end - i > WORTH_A_LOOK and cover[4 * i] & 1 == 0:
            looping = loops(m, s, side & 2 != 0, cover, 4 * i)
            if looping < 0:
                return 1
            if looping > 0:
                set_bits(row, tokens, first, trie[NODE * end + 2])
                i = end
                continue
        if side & 1 != 0:
            set_bits(row, tokens, first, trie[NODE * i + NODE + 2])
        m[levels + depth] = -s if side & 2 != 0 else s
        i += 1
    place[0] = n
    place[1] = count
    return 0


@kernel
def walk_behind(m, trie, tokens, roots, first, last, state, row):
    """Set in `row` the tokens below the nodes roots[first:last] that lead on from `state`, which is in front of them.

    Returns -1 at the end, or the index of the root where something was asked for.
    """
    levels = np.int64(m[AT_LEVELS])
    for k in range(first, last):
        root = np.int64(roots[k])
        end = np.int64(trie[NODE * root + 1])
        m[levels + (np.int64(trie[NODE * root]) >> 8) - 1] = state
        i = root
        while i < end:
            head = np.int64(trie[NODE * i])
            depth = head >> 8
            s = step(m, np.int64(m[levels + depth - 1]), head & 255)
            if s == UNKNOWN:
                return k
            if s == DEAD:
                i = np.int64(trie[NODE * i + 1])
                continue
            m[levels + depth] = s
            set_bits(row, tokens, trie[NODE * i + 2], trie[NODE * i + NODE + 2])
            i += 1
    return -1


@kernel
def spell(m, blob, starts, state, token):
    """The state behind a token's bytes; DEAD where one is refused; UNKNOWN if something was asked for."""
    for k in range(starts[token], starts[token + 1]):
        state = step(m, state, np.int64(blob[k]))
        if state < FIRST:
            return np.int64(state)
    return np.int64(state)
