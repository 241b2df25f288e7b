"""Profiles: the tokens of a trie by the reading at their end, and the places where a lexeme may end within them.

A profile is made by one walk over (a part of) the trie with readings alone (reading_kernels.py). The tokens that go on
behind a lexeme have a profile of their own, made where a parser goes there. `m` is the memory of parse_layout.py, of
which the scanner is read; `r` is that of reading_layout.py.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.lexeme_kernels import (
    condition_count,
    condition_holds,
    conditions_of,
    flag_words,
    holds,
    scanned,
)
from treadle.automata.parse_cell_kernels import ask
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper, kernel
from treadle.matching.reading_kernels import (
    START_SCAN,
    group_row,
    open_duty,
    read,
    reading,
    reading_row,
    with_flags,
    with_terminal,
)
from treadle.matching.reading_layout import *  # noqa: F403

NODE = 3
#: Nodes of a subtree from which on it is worth asking whether the reading loops on all its bytes.
WORTH_A_LOOK = 24


@helper
def may_match(m, q, byte):
    """Is there a terminal of scanner state q whose condition a byte meets?"""
    first = conditions_of(m, q)
    for c in range(first, first + condition_count(m, q)):
        if condition_holds(m, c, byte):
            return True
    return False


@helper
def wide_reading(m, r, w):
    """Does every character beyond ASCII lead back to a reading? 1 yes, 0 no, -1: something was asked for."""
    known = reading_row(r, w, RD_WIDE)
    if known != 0:
        return 1 if known == 1 else 0
    answer = 1
    for lead in range(0xC2, 0xF5):
        # Two, three, four bytes; the second one is limited behind some of the lead bytes.
        low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
        high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
        here = read(m, r, w, lead)
        if here == UNKNOWN:
            return -1
        if may_match(m, reading_row(r, w, RD_SCAN), lead):
            answer = 0
            break
        length = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        for _ in range(length):
            if here == DEAD:
                break
            target = read(m, r, here, low)
            for byte in range(low, high + 1):
                other = read(m, r, here, byte)
                if other == UNKNOWN:
                    return -1
                if other != target:
                    target = np.int64(DEAD)
                    break
            here = target
            low = 0x80
            high = 0xBF
        if here != w:
            answer = 0
            break
    r[r[AT_READINGS] + w * READING_WIDTH + RD_WIDE] = 1 if answer == 1 else 2
    return answer


@helper
def read_loops(m, r, w, cover, first):
    """Do all bytes of the set cover[first:first + 4] lead from a reading to itself? 1 yes, 0 no, -1: asked."""
    for k in range(4):
        bits = np.int64(cover[first + k]) & (0xFFFFFFFF if k > 0 else 0xFFFFFFFC)
        byte = 32 * k
        while bits != 0:
            if bits & 1 != 0:
                target = read(m, r, w, byte)
                if target == UNKNOWN:
                    return -1
                if target != w or may_match(m, reading_row(r, w, RD_SCAN), byte):
                    return 0
            bits >>= 1
            byte += 1
    if cover[first] & 1 != 0:
        return wide_reading(m, r, w) if cover[first] & 2 != 0 else 0
    return 1


@helper
def group_of(r, w, t):
    """The group of a reading in the profile in the making, and of a terminal whose condition held."""
    if t < 0:
        g = np.int64(r[r[AT_SEEN] + w])
        if g != 0:
            return g
    else:
        for g in range(r[BEGUN], r[N_GROUPS]):
            if group_row(r, g, GR_READING) == w and group_row(r, g, GR_TERMINAL) == t:
                return np.int64(g)
    g = np.int64(r[N_GROUPS])
    r[N_GROUPS] = g + 1
    row = r[AT_GROUPS] + g * GROUP_WIDTH
    for k in range(GROUP_WIDTH):
        r[row + k] = 0
    r[row + GR_READING] = w
    r[row + GR_TERMINAL] = t
    if t < 0:
        r[r[AT_SEEN] + w] = g
    return g


@helper
def note_event(r, g, node, kind):
    e = np.int64(r[N_EVENTS])
    r[N_EVENTS] = e + 1
    row = r[AT_EVENTS] + e * EVENT_WIDTH
    r[row] = g
    r[row + 1] = node
    r[row + 2] = kind


@helper
def note_ends(m, r, w, byte, node):
    """Note the lexemes that may end in front of a byte, at a node of the trie."""
    if m[m[AT_SCAN_NEXT] + START_SCAN * 256 + byte] == DEAD:
        return
    before = reading_row(r, w, RD_SCAN)
    after = scanned(m, before, byte)
    first = flag_words(m, before)
    ends = False
    for k in range(r[FLAG_WORDS]):
        # A lexeme goes on where it is flagged again.
        if m[first + k] != 0 and (after == DEAD or m[first + k] & ~m[flag_words(m, after) + k] != 0):
            ends = True
    if ends:
        note_event(r, group_of(r, w, -1), node, LEAVING)
    first = conditions_of(m, before)
    for c in range(first, first + condition_count(m, before)):
        t = np.int64(m[m[AT_CONDITION] + c * CONDITION_WIDTH])
        if condition_holds(m, c, byte) and (after == DEAD or not holds(m, flag_words(m, after), t)):
            note_event(r, group_of(r, w, t), node, LEAVING)


@helper
def spacious(m, r):
    """Is there room for what one node may need? If not, the limit is reported."""
    if (
        r[N_READINGS] + 1024 < r[CAP_READINGS]
        and r[N_MEMO] + 8192 < r[CAP_MEMOS]
        and r[N_OPEN] + 4096 < r[CAP_OPEN]
        and r[N_FLAGSETS] + 64 < r[CAP_FLAGSETS]
        and r[N_GROUPS] + 64 < r[CAP_GROUPS]
        and r[N_EVENTS] + 64 < r[CAP_EVENTS]
        and r[N_TOKENS] < r[CAP_TOKENS] // 2
        and r[N_ROOTS] < r[CAP_ROOTS] // 2
        and r[N_PROFILES] + 1 < PROFILES
    ):
        return True
    ask(m, ASK_FULL, 0, 0, 0)
    return False


@helper
def begin_profile(r):
    r[BEGUN] = r[N_GROUPS]
    r[N_EVENTS] = 0
    r[NEXT_ROOT] = 0
    r[NEXT_NODE] = -1


@helper
def walk_roots(m, r, trie, cover, w, roots, first, last):
    """Note what reading w makes of the subtrees at roots[first:last]. False: something was asked for; call again."""
    levels = np.int64(r[AT_WALK])
    while first + r[NEXT_ROOT] < last:
        root = np.int64(roots[first + r[NEXT_ROOT]])
        end = np.int64(trie[NODE * root + 1])
        i = np.int64(r[NEXT_NODE]) if r[NEXT_NODE] >= 0 else root
        r[levels + (np.int64(trie[NODE * root]) >> 8) - 1] = w
        while i < end:
            r[NEXT_NODE] = i
            head = np.int64(trie[NODE * i])
            depth = head >> 8
            byte = head & 255
            here = np.int64(r[levels + depth - 1])
            s = read(m, r, here, byte)
            if (
                s == UNKNOWN
                or scanned(m, START_SCAN, byte) < 0
                or scanned(m, reading_row(r, here, RD_SCAN), byte) < 0
            ):
                return False
            if not spacious(m, r):
                return False
            below = np.int64(trie[NODE * i + 1])
            looping = 0
            if s != DEAD and below - i > WORTH_A_LOOK and cover[4 * i] & 3 != 1:
                looping = read_loops(m, r, s, cover, 4 * i)
                if looping < 0:
                    return False
            if i != root:
                note_ends(m, r, here, byte, i)
            if s == DEAD:
                i = below
            elif looping == 1:
                note_event(r, group_of(r, s, -1), i, BELOW)
                i = below
            else:
                if trie[NODE * i + 2] < trie[NODE * i + NODE + 2]:
                    note_event(r, group_of(r, s, -1), i, HERE)
                r[levels + depth] = s
                i += 1
        r[NEXT_ROOT] += 1
        r[NEXT_NODE] = -1
    return True


@helper
def end_profile(r, trie, tokens, level):
    """Write the groups of the events down; the number of the profile."""
    first = np.int64(r[BEGUN])
    last = np.int64(r[N_GROUPS])
    for e in range(r[N_EVENTS]):
        row = r[AT_EVENTS] + e * EVENT_WIDTH
        group = r[AT_GROUPS] + r[row] * GROUP_WIDTH
        if r[row + 2] == LEAVING:
            r[group + GR_ROOTS_END] += 1
        else:
            r[group + GR_TOKENS_END] += tokens_end(r, trie, row) - trie[NODE * r[row + 1] + 2]
    for g in range(first, last):
        group = r[AT_GROUPS] + g * GROUP_WIDTH
        r[r[AT_SEEN] + r[group + GR_READING]] = 0
        size = np.int64(r[group + GR_TOKENS_END])
        if size >= DENSE and r[N_ROWS] < r[CAP_ROWS]:
            r[group + GR_TOKENS] = -1
            r[group + GR_TOKENS_END] = r[N_ROWS]
            r[N_ROWS] += 1
        else:
            r[group + GR_TOKENS] = r[N_TOKENS]
            r[group + GR_TOKENS_END] = r[N_TOKENS]
            r[N_TOKENS] += size
        size = np.int64(r[group + GR_ROOTS_END])
        r[group + GR_ROOTS] = r[N_ROOTS]
        r[group + GR_ROOTS_END] = r[N_ROOTS]
        r[N_ROOTS] += size
    for e in range(r[N_EVENTS]):
        row = r[AT_EVENTS] + e * EVENT_WIDTH
        group = r[AT_GROUPS] + r[row] * GROUP_WIDTH
        node = np.int64(r[row + 1])
        if r[row + 2] == LEAVING:
            r[r[AT_ROOTS] + r[group + GR_ROOTS_END]] = node
            r[group + GR_ROOTS_END] += 1
        elif r[group + GR_TOKENS] < 0:
            bits = r[AT_ROWS] + np.int64(r[group + GR_TOKENS_END]) * r[ROW_WORDS]
            for k in range(trie[NODE * node + 2], tokens_end(r, trie, row)):
                t = np.int64(tokens[k])
                r[bits + (t >> 5)] |= np.int32(1) << np.int32(t & 31)
        else:
            for k in range(trie[NODE * node + 2], tokens_end(r, trie, row)):
                r[r[AT_TOKENS] + r[group + GR_TOKENS_END]] = tokens[k]
                r[group + GR_TOKENS_END] += 1
    p = np.int64(r[N_PROFILES])
    r[N_PROFILES] = p + 1
    row = r[AT_PROFILES] + p * PROFILE_WIDTH
    r[row + PR_FIRST] = first
    r[row + PR_COUNT] = last - first
    r[row + PR_LEVEL] = level
    return p


@helper
def tokens_end(r, trie, event):
    """Where the tokens of an event end."""
    node = np.int64(r[event + 1])
    last = np.int64(trie[NODE * node + 1]) if r[event + 2] == BELOW else node + 1
    return np.int64(trie[NODE * last + 2])


@kernel
def profile_of(m, r, trie, tokens, cover, w, roots):
    """The profile of reading w over the subtrees at `roots` int32[n]; 0: something was asked for, call again."""
    if r[MAKING] != -w:
        begin_profile(r)
        r[MAKING] = -w
    if not walk_roots(m, r, trie, cover, w, roots, 0, len(roots)):
        return np.int64(0)
    made = end_profile(r, trie, tokens, BROUGHT)
    r[MAKING] = 0
    return made


@helper
def profile_behind(m, r, trie, tokens, cover, g, level):
    """Make the profile behind group g of a profile of `level`. UNKNOWN if something was asked for: call again."""
    if r[MAKING] != g:
        begin_profile(r)
        r[MAKING] = g
    w = group_row(r, g, GR_READING)
    q = reading_row(r, w, RD_SCAN)
    t = group_row(r, g, GR_TERMINAL)
    lexeme = with_flags(m, r, 0, q) if t < 0 else with_terminal(r, 0, t)
    d = open_duty(r, -q - 8, 0, lexeme, level, reading_row(r, w, RD_OPEN))
    first = r[AT_ROOTS] + group_row(r, g, GR_ROOTS)
    last = r[AT_ROOTS] + group_row(r, g, GR_ROOTS_END)
    if not walk_roots(m, r, trie, cover, reading(r, START_SCAN, 0, d, 0), r, first, last):
        return np.int64(UNKNOWN)
    made = end_profile(r, trie, tokens, level + 1)
    r[r[AT_GROUPS] + g * GROUP_WIDTH + GR_BEHIND] = made
    r[MAKING] = 0
    return made


@kernel
def profiles_below(m, r, trie, tokens, cover, place, most):
    """Make the profiles behind all groups from profile place[0] on, as long as there are fewer than `most` nodes in
    all of them. Returns False if something was asked for; call again.
    """
    while place[0] < r[N_PROFILES] and r[N_ROOTS] + r[N_GROUPS] < most:
        row = r[AT_PROFILES] + place[0] * PROFILE_WIDTH
        first = np.int64(r[row + PR_FIRST])
        for g in range(first, first + r[row + PR_COUNT]):
            if group_row(r, g, GR_BEHIND) == 0 and group_row(r, g, GR_ROOTS) < group_row(r, g, GR_ROOTS_END):
                if (
                    profile_behind(m, r, trie, tokens, cover, np.int64(g), np.int64(r[row + PR_LEVEL]))
                    == UNKNOWN
                ):
                    return False
        place[0] += 1
    return True


@kernel
def add_below(trie, tokens, nodes, out):
    """Add the tokens below some nodes int32[n] to the row `out` int32[words]."""
    for k in range(len(nodes)):
        node = np.int64(nodes[k])
        for i in range(trie[NODE * node + 2], trie[NODE * trie[NODE * node + 1] + 2]):
            t = np.int64(tokens[i])
            out[t >> 5] |= np.int32(1) << np.int32(t & 31)
