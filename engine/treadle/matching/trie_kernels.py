"""Walking a token trie through the byte automaton: which tokens lead on from a state.

Kernels over flat arrays: `m`, the automaton's memory (automata/layout.py); `trie` int32[3 * n + 3], for each node
in depth-first order (byte | depth << 8, first node behind the subtree, first token); `tokens` int32[t]; and what is
known of the nodes below (byte_cover) and beside (kinship). A stopped walk remembers where it was, so that Python can
answer and let it go on. The slow twin is tests/oracles/masks.py.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import ask, char_row, config, edge, position, state_row
from treadle.automata.character_kernels import records
from treadle.automata.frontier_kernels import emit
from treadle.automata.kernels import intern_out, lead_of, note_byte, roomy, step
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.word_kernels import any_literal, literal_char, narrow
from treadle.compiling import helper, kernel

NODE = 3
#: Of a level of `walk_listed`: eight words of bytes, an interval of words, the characters read of them, the byte.
PATH = 12
PATH_LOW, PATH_HIGH, PATH_COUNT, PATH_BYTE = 8, 9, 10, 11
#: Stands for a state inside listed words, which `paths` tells.
AMONG_WORDS = 0
#: Nodes of a trie whose number, with a byte and a flag, is an int32 (kinship).
MOST_NODES = 1 << 22
#: Nodes of a subtree from which on it is worth asking whether the state loops on all its bytes; and from which on
#: it is worth finding that out the long way.
WORTH_A_LOOK = 1
ODD_STATE = 64


@helper
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


@helper
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


@kernel
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


@kernel
def kinship(trie, out):
    """Lists of siblings, int32[2 * n]: first the place of every node among the entries of the second half, then the
    entries, (node << 9 | byte << 1 | last of its siblings), siblings side by side.

    Siblings stand far apart in the trie; side by side, those that a state refuses are passed by in one look each.
    """
    n = np.int64(out.shape[0] // 2)
    heads = np.empty(n + 1, np.int64)
    heads[0] = 0
    todo, k = np.int64(1), np.int64(0)
    while todo > 0:
        todo -= 1
        i = heads[todo]
        end = n if i == 0 else np.int64(trie[NODE * (i - 1) + 1])
        j = i
        while j < end:
            out[j] = k
            following = np.int64(trie[NODE * j + 1])
            out[n + k] = j << 9 | np.int64(trie[NODE * j] & 255) << 1 | (following >= end)
            k += 1
            if following > j + 1:
                heads[todo] = j + 1
                todo += 1
            j = following


@helper
def sibling(m, alive, trie, kin, i):
    """The first node from `i` on, among its siblings, whose byte is in the set m[alive:alive + 8]; the end of the
    parent's subtree if there is none.
    """
    k = (kin.shape[0] >> 1) + np.int64(kin[i])
    while True:
        kid = np.int64(kin[k])
        if m[alive + (kid >> 6 & 7)] >> (kid >> 1 & 31) & 1:
            return kid >> 9
        if kid & 1:
            return np.int64(trie[NODE * (kid >> 9) + 1])
        k += 1


@kernel
def walk(m, trie, tokens, cover, kin, state, node, row):
    """Set in `row` uint32[w] the bits of all tokens of the trie that lead on from `state`, from `node` on.

    `cover` int32[4 * n] holds the bytes below each node (byte_cover), `kin` int32[2 * n] its siblings (kinship).
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
            if not may_read(m, here, head & 255):
                i = sibling(m, alive_words(m, here), trie, kin, i)
                continue
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


@helper
def alive_words(m, state):
    """Where the set of the bytes lies that may lead on from a state."""
    return m[AT_STATES] + state * ST_WIDTH + ST_ALIVE_WORDS


@helper
def may_read(m, state, byte):
    return m[alive_words(m, state) + (byte >> 5)] >> (byte & 31) & 1 != 0


@helper
def set_bits(row, tokens, first, last):
    for k in range(first, last):
        t = np.uint32(tokens[k])
        row[t >> np.uint32(5)] |= np.uint32(1) << (t & np.uint32(31))


@kernel
def walk_listed(m, trie, tokens, kin, paths, state, node, row):
    """Correct `row` uint32[w], which is that of the state that has left the listed words, for a state inside one.

    Only tokens that follow a listed word can differ. Inside the words no state is needed: the words that are left are
    an interval of sorted ones, and which of them may come is known of each. Only a closing quote, an escape and a
    character of several bytes are read by the automaton. A subtree is left alone where its text leaves the words,
    cleared behind the quote of a listed word, and walked there. `paths` int32[PATH * (longest token + 1)] is scratch,
    which has to be kept until the end: for each level the bytes to try, the interval, the characters read, the byte.
    Returns the node where the automaton asked for something, or -1 at the end.
    """
    n = (trie.shape[0] - NODE) // NODE
    levels = np.int64(m[AT_LEVELS])
    c = state_row(m, state, ST_FIRST)
    p, stack, text = config(m, c, CFG_POS), config(m, c, CFG_STACK), config(m, c, CFG_TEXT)
    if node == 0:
        m[levels] = among_words(m, state, paths, 0)
    i = np.int64(node)
    while i < n:
        head = np.int64(trie[NODE * i])
        depth = head >> 8
        byte = head & 255
        here = np.int64(m[levels + depth - 1])
        up = PATH * (depth - 1)
        if here <= 0:
            if paths[up + (byte >> 5)] >> (byte & 31) & 1 == 0:
                i = sibling(paths, up, trie, kin, i)
                continue
        elif not may_read(m, here, byte):
            i = sibling(m, alive_words(m, here), trie, kin, i)
            continue
        end = np.int64(trie[NODE * i + 1])
        down = PATH * depth
        paths[down + PATH_BYTE] = byte
        low, high, count = paths[up + PATH_LOW], paths[up + PATH_HIGH], paths[up + PATH_COUNT]
        if here == AMONG_WORDS and byte != 0x22 and byte != 0x5C and byte < 0x80:
            first, last = narrow(m, low, high, count, byte)
            if any_literal(m, p, stack, first, last):
                set_bits(row, tokens, trie[NODE * i + 2], trie[NODE * i + NODE + 2])
            if end > i + 1:
                note_words(m, paths, down, first, last, count + 1)
                m[levels + depth] = AMONG_WORDS
            i += 1
            continue
        if here == AMONG_WORDS and byte == 0x22:
            if literal_char(m, low, count) >= 0:
                # No word ends here: a name that is not listed.
                i = end
                continue
            here = word_state(m, p, low, high, count, text, stack)
        elif here == AMONG_WORDS:
            here = np.int64(state)
            for d in range(1, depth):
                here = step(m, here, np.int64(paths[PATH * d + PATH_BYTE])) if here > DEAD else here
        elif here < 0:
            here = -here
        s = step(m, here, byte) if here > DEAD else here
        if s == UNKNOWN:
            return i
        inside = m[levels + depth - 1] <= 0
        if inside:
            # Only an unescaped quote ends the word.
            closed = byte == 0x22 and config(m, state_row(m, here, ST_FIRST), CFG_DECODE) == 0
            if not closed and s != DEAD and not is_listed(m, s):
                i = end
                continue
            if closed or s == DEAD:
                clear_bits(row, tokens, trie[NODE * i + 2], trie[NODE * end + 2])
            inside = not closed
        if s == DEAD:
            i = end
            continue
        set_bits(row, tokens, trie[NODE * i + 2], trie[NODE * i + NODE + 2])
        m[levels + depth] = among_words(m, s, paths, down) if inside else s
        i += 1
    return np.int64(-1)


@helper
def among_words(m, state, paths, at):
    """Note a state inside a listed word; what stands for it: a negative number inside a character."""
    k = state_row(m, state, ST_FIRST)
    note_words(m, paths, at, config(m, k, CFG_LOW), config(m, k, CFG_HIGH), config(m, k, CFG_COUNT))
    if config(m, k, CFG_DECODE) == 0:
        return np.int64(AMONG_WORDS)
    for w in range(8):
        paths[at + w] = -1
    return -np.int64(state)


@helper
def note_words(m, paths, at, low, high, count):
    """Into paths[at:]: words low to high - 1, `count` characters of which were read; the bytes that they go on with."""
    paths[at + PATH_LOW], paths[at + PATH_HIGH], paths[at + PATH_COUNT] = low, high, count
    for w in range(8):
        paths[at + w] = 0
    note_byte(paths, at, 0x22)
    note_byte(paths, at, 0x5C)
    for i in range(low, high):
        char = literal_char(m, i, count)
        # Control characters are written as escapes only.
        if char >= 0x20:
            note_byte(paths, at, lead_of(char))


@helper
def word_state(m, p, low, high, count, text, stack):
    """The state inside listed words and nothing else; UNKNOWN: something was asked for."""
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return np.int64(UNKNOWN)
    m[N_OUT] = 0
    m[HISTORY] = 0
    emit(m, p, 0, low, high, count, 0, text, stack)
    return np.int64(intern_out(m))


@helper
def is_listed(m, state):
    """May the string that a state is in still become a listed one?"""
    k = state_row(m, state, ST_FIRST)
    return config(m, k, CFG_LOW) < config(m, k, CFG_HIGH)


@helper
def clear_bits(row, tokens, first, last):
    for k in range(first, last):
        t = np.uint32(tokens[k])
        row[t >> np.uint32(5)] &= ~(np.uint32(1) << (t & np.uint32(31)))
