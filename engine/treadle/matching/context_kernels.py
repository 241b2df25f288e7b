"""Where a grammar's automaton meets tokens: what depends on the context of a parse alone, and what on its stack.

A walk from a *shade* (a bundle of which only the acceptable and shiftable terminals are known, parse_layout.SHADE)
tells for a whole context which tokens stay within the lexeme that is being read, and where the others leave it: at a
node of the trie, with a terminal, a column and duties. Behind that node the stack matters; `walk_behind` goes on from
there with a real one. The memory `m` is that of automata/parse_layout.py, tries are those of trie_kernels.py.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.lexeme_kernels import keep_duties
from treadle.automata.parse_cell_kernels import bundle_row, roomy
from treadle.automata.parse_kernels import behind, config_row, state_row, step
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
def wide_loops(m, state):
    """Does every character beyond ASCII lead back to a state? 1 yes, 0 no, -1: something was asked for."""
    known = state_row(m, state, ST_WIDE)
    if known != 0:
        return 1 if known == 1 else 0
    answer = 1
    for lead in range(0xC2, 0xF5):
        # Two, three, four bytes; the second one is limited behind some of the lead bytes.
        low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
        high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
        here = step(m, state, lead)
        if here == UNKNOWN:
            return -1
        length = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        for _ in range(length):
            if here == DEAD:
                break
            target = step(m, here, low)
            if target == UNKNOWN:
                return -1
            for byte in range(low, high + 1):
                other = step(m, here, byte)
                if other == UNKNOWN:
                    return -1
                if other != target:
                    target = np.int64(DEAD)
                    break
            here = target
            low = 0x80
            high = 0xBF
        if here != state:
            answer = 0
            break
    m[m[AT_STATES] + state * STATE_WIDTH + ST_WIDE] = 1 if answer == 1 else 2
    return answer


@helper
def loops(m, state, behind, cover, first):
    """Do all bytes of the set cover[first:first + 4] lead from a state to itself, and nowhere else?

    1 yes, 0 no, -1: something was asked for.
    """
    if cover[first] & 1 != 0:
        # What is no ASCII is not told apart here, and UTF-8 that is cut or wrong is walked.
        if behind or cover[first] & 2 == 0:
            return 0
        looping = wide_loops(m, state)
        if looping != 1:
            return looping
    for w in range(4):
        bits = np.int64(cover[first + w]) & (0xFFFFFFFF if w > 0 else 0xFFFFFFFC)
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
        elif end - i > WORTH_A_LOOK and cover[4 * i] & 3 != 1:
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
def add_behind(m, bundle, trie, tokens, groups, roots, ends, row, place):
    """Add to `row` the tokens that leave a context and go on behind it, with the stacks of `bundle`.

    `groups` int32[g, 7]: terminal, duties, column, first and last of `roots` (nodes in front of which the context is
    left), first and last of `ends` (tokens that end where it does). Returns 0 at the end, 1 if something was asked for;
    `place` int64[2] is (group, root) then, to go on from.
    """
    levels = np.int64(m[AT_LEVELS])
    while place[0] < groups.shape[0]:
        g = place[0]
        if not roomy(m):
            return 1
        state = behind(m, bundle, np.int64(groups[g, 0]), np.int64(groups[g, 1]), np.int64(groups[g, 2]))
        if state == UNKNOWN:
            return 1
        if state == DEAD:
            place[0] = g + 1
            place[1] = 0
            continue
        for k in range(groups[g, 5], groups[g, 6]):
            t = np.uint32(ends[k])
            row[t >> np.uint32(5)] |= np.uint32(1) << (t & np.uint32(31))
        for k in range(groups[g, 3] + place[1], groups[g, 4]):
            place[1] = k - groups[g, 3]
            root = np.int64(roots[k])
            end = np.int64(trie[NODE * root + 1])
            m[levels + (np.int64(trie[NODE * root]) >> 8) - 1] = state
            i = root
            while i < end:
                head = np.int64(trie[NODE * i])
                depth = head >> 8
                s = step(m, np.int64(m[levels + depth - 1]), head & 255)
                if s == UNKNOWN:
                    return 1
                if s == DEAD:
                    i = np.int64(trie[NODE * i + 1])
                    continue
                m[levels + depth] = s
                set_bits(row, tokens, trie[NODE * i + 2], trie[NODE * i + NODE + 2])
                i += 1
        place[0] = g + 1
        place[1] = 0
    return 0


@kernel
def wide_cover(trie, out):
    """For every node the set of ASCII bytes below it, int32[4 * n]; bit 0 stands for NUL and all that is no ASCII.

    Bit 1 is set as well where these are only characters in UTF-8, of which the last may be cut, and the node is
    between two characters (the byte 0x01 is counted as NUL).
    """
    n = (trie.shape[0] - NODE) // NODE
    for i in range(n - 1, -1, -1):
        j = i + 1
        end = trie[NODE * i + 1]
        right = True
        while j < end:
            byte = trie[NODE * j] & 255
            if byte == 0 or byte == 1:
                right = False
            if byte >= 128 or byte <= 1:
                out[4 * i] |= 1
            else:
                out[4 * i + (byte >> 5)] |= np.int32(1) << np.int32(byte & 31)
            if 0x80 <= byte < 0xC2 or byte > 0xF4:
                right = False
            elif byte >= 0xC2:
                # A character begins here: what is below its last byte was judged there.
                if not wide_subtree(trie, out, j):
                    right = False
                out[4 * i] |= out[4 * j] & ~np.int32(3)
            elif out[4 * j] & 3 == 1:
                right = False
            out[4 * i] |= out[4 * j] & ~np.int32(2)
            for w in range(1, 4):
                out[4 * i + w] |= out[4 * j + w]
            j = trie[NODE * j + 1]
        if out[4 * i] & 1 != 0 and right:
            out[4 * i] |= 2


@helper
def wide_subtree(trie, out, lead):
    """Is everything below a lead byte the rest of its character, and right behind that?"""
    first = trie[NODE * lead] & 255
    length = 1 if first < 0xE0 else 2 if first < 0xF0 else 3
    depth = (trie[NODE * lead] >> 8) + length
    end = trie[NODE * lead + 1]
    k = lead + 1
    while k < end:
        byte = trie[NODE * k] & 255
        here = trie[NODE * k] >> 8
        if byte < 0x80 or byte > 0xBF:
            return False
        if here == (trie[NODE * lead] >> 8) + 1:
            if (first == 0xE0 and byte < 0xA0) or (first == 0xED and byte > 0x9F):
                return False
            if (first == 0xF0 and byte < 0x90) or (first == 0xF4 and byte > 0x8F):
                return False
        if here == depth:
            if out[4 * k] & 3 == 1:
                return False
            k = trie[NODE * k + 1]
        else:
            k += 1
    return True


@kernel
def spell(m, blob, starts, state, token):
    """The state behind a token's bytes; DEAD where one is refused; UNKNOWN if something was asked for."""
    for k in range(starts[token], starts[token + 1]):
        state = step(m, state, np.int64(blob[k]))
        if state < FIRST:
            return np.int64(state)
    return np.int64(state)


@kernel
def spell_each(m, blob, starts, state, tokens, first, row):
    """Add to `row` uint32[words] those of tokens[first:] that a state allows; len(tokens), or where something was
    asked for.
    """
    for k in range(first, len(tokens)):
        t = np.int64(tokens[k])
        reached = spell(m, blob, starts, state, t)
        if reached == UNKNOWN:
            return k
        if reached != DEAD:
            row[t >> 5] |= np.uint32(1) << np.uint32(t & 31)
    return len(tokens)
