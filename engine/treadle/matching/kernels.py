"""Where grammars meet tokens: walking a token trie through the byte automaton.

Kernels over three flat arrays: `m`, the automaton's memory (automata/layout.py); `trie` int32[3 * n + 3], for each node
in depth-first order (byte | depth << 8, first node behind the subtree, first token); and `tokens` int32[t]. A stopped
walk remembers where it was, so that Python can answer and let it go on. The slow twin is tests/oracles/masks.py.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import ask, char_row, config, edge, position, stack_row, state_row
from treadle.automata.kernels import (
    any_literal,
    close,
    emit,
    end_unlisted,
    intern_out,
    lead_of,
    literal_char,
    narrow,
    note_byte,
    records,
    roomy,
    step,
    twin_of,
)
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.object_kernels import progress
from treadle.compiling import helper, kernel

OTHERWISE = 0
FREE_NAME = 2
STRINGS = 3
GAPS = 4
SEVERAL = 5
WORDS = 6
#: Ways that are looked at one by one.
A_FEW = 16
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


@helper
def situation(m, state):
    """How a state's mask can be computed.

    FREE_NAME   inside a member name that may still become a listed one, and may be another
    STRINGS     inside JSON strings with a language of their own, between two characters; a member name among them
                has left the listed ones
    GAPS        in front of white space
    WORDS       inside a string that is one of listed words, and nothing else
    SEVERAL     a few ways, of which some are such strings or names: better one by one
    OTHERWISE   anything else
    """
    first = state_row(m, state, ST_FIRST)
    n = state_row(m, state, ST_COUNT)
    strings = names = 0
    for k in range(first, first + n):
        p = config(m, k, CFG_POS)
        kind = position(m, p, POS_KIND)
        if kind == P_SPACE:
            return GAPS
        if kind != P_STRING or config(m, k, CFG_DECODE) != 0:
            continue
        if config(m, k, CFG_Q) == 0:
            if n == 1 and config(m, k, CFG_LOW) < config(m, k, CFG_HIGH):
                return WORDS
            continue
        if config(m, k, CFG_LOW) >= config(m, k, CFG_HIGH):
            strings += 1
        elif position(m, p, POS_FLAGS) & F_KEYS != 0:
            names += 1
    if strings == n:
        return STRINGS
    if names == n == 1:
        return FREE_NAME
    return SEVERAL if strings + names > 0 and 1 < n <= A_FEW else OTHERWISE


@kernel
def visit(m, state):
    """What a first visit wants to know: the twin (`anonymous`), its `situation`, what is `recorded`, may the text end,
    how many ways are there?

    The twin is UNKNOWN where something was asked for.
    """
    twin = twin_of(m, state)
    if twin == UNKNOWN:
        return UNKNOWN, 0, 0, 0, 0
    found = recorded(m, state) if twin != state else 0
    return twin, situation(m, twin), found, state_row(m, twin, ST_ACCEPTING), state_row(m, twin, ST_COUNT)


@kernel
def string_at(m, state, k):
    """Of a state's configuration number k, a string: position, character state, characters read, stack; and of its
    position: least and most characters, where it goes on, flags.
    """
    c = state_row(m, state, ST_FIRST) + k
    p = config(m, c, CFG_POS)
    return (
        p, config(m, c, CFG_Q), config(m, c, CFG_COUNT), config(m, c, CFG_STACK),
        position(m, p, POS_B), position(m, p, POS_C), position(m, p, POS_THEN), position(m, p, POS_FLAGS),
    )  # fmt: skip


@kernel
def add_string(bits, row, closers, closing):
    """bits |= row | (closers & closing), all uint32[w]."""
    for w in range(bits.shape[0]):
        bits[w] |= row[w] | (closers[w] & closing[w])


@kernel
def alone(m, state, k):
    """The state of configuration number k of a state alone. UNKNOWN: something was asked for."""
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    m[N_OUT] = 0
    m[HISTORY] = 0
    c = state_row(m, state, ST_FIRST) + k
    emit(
        m, config(m, c, CFG_POS), config(m, c, CFG_Q), config(m, c, CFG_LOW), config(m, c, CFG_HIGH),
        config(m, c, CFG_COUNT), config(m, c, CFG_DECODE), config(m, c, CFG_TEXT), config(m, c, CFG_STACK),
    )  # fmt: skip
    return np.int64(intern_out(m))


@helper
def recorded(m, state):
    """What may come again: 1 an unlisted name was written, 2 a name is being written in an object with such names,
    4 an item that must be unique is being written.
    """
    found = 0
    first = state_row(m, state, ST_FIRST)
    for k in range(first, first + state_row(m, state, ST_COUNT)):
        if stack_row(m, config(m, k, CFG_STACK), STK_RECORDED) != 0:
            found |= 4
        if stack_row(m, config(m, k, CFG_STACK), STK_SEEN) == 0:
            continue
        found |= 1
        p = config(m, k, CFG_POS)
        if position(m, p, POS_KIND) == P_STRING and position(m, p, POS_FLAGS) & F_OBJECT != 0:
            found |= 2
    return found


@kernel
def seen_entries(m, state, out):
    """The lists of unlisted names (memo entries) of all objects around a state into `out` int64[n], each once.

    Returns how many there are, at most n: a number of n means that there may be more.
    """
    n = np.int64(0)
    first = state_row(m, state, ST_FIRST)
    for k in range(first, first + state_row(m, state, ST_COUNT)):
        node = config(m, k, CFG_STACK)
        while node > 0 and stack_row(m, node, STK_SEEN) != 0 and n < out.shape[0]:
            g = stack_row(m, node, STK_PROGRESS)
            e = progress(m, g, PRG_SEEN) if g > 0 else np.int64(0)
            if e > 0:
                known = False
                for i in range(n):
                    known = known or out[i] == e
                if not known:
                    out[n] = e
                    n += 1
            node = stack_row(m, node, STK_PARENT)
    return n


@kernel
def behind(m, then, stack):
    """The state of position `then` on a stack, in the world of masks. UNKNOWN: something was asked for."""
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    m[N_OUT] = 0
    m[HISTORY] = 0
    if not close(m, then, stack, -1):
        return UNKNOWN
    return np.int64(intern_out(m))


@kernel
def behind_name(m, p, label, stack):
    """The state behind an unlisted name of position p and class `label`, in the world of masks."""
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    m[N_OUT] = 0
    m[HISTORY] = 0
    if not end_unlisted(m, p, label, -1, stack, -1):
        return UNKNOWN
    return np.int64(intern_out(m))


@helper
def columns(m, state):
    """Columns of indentation that every gap of a state allows."""
    least = np.int64(1 << 30)
    first = state_row(m, state, ST_FIRST)
    for k in range(first, first + state_row(m, state, ST_COUNT)):
        p = config(m, k, CFG_POS)
        if position(m, p, POS_KIND) == P_SPACE:
            bound = position(m, position(m, p, POS_B), POS_B)
            least = min(least, max(bound, 8 * stack_row(m, config(m, k, CFG_STACK), STK_DEPTH)))
    return least


@helper
def behind_gaps(m, state):
    """The state behind the gaps of a state, none of them written; UNKNOWN: something was asked for."""
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    m[N_OUT] = 0
    m[HISTORY] = 0
    first = state_row(m, state, ST_FIRST)
    for k in range(first, first + state_row(m, state, ST_COUNT)):
        p = config(m, k, CFG_POS)
        if position(m, p, POS_KIND) == P_SPACE:
            if not close(m, position(m, p, POS_A), config(m, k, CFG_STACK), config(m, k, CFG_TEXT)):
                return UNKNOWN
    return np.int64(intern_out(m))


@helper
def beside_gaps(m, state):
    """A state without its gaps; UNKNOWN: something was asked for."""
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    m[N_OUT] = 0
    m[HISTORY] = 0
    first = state_row(m, state, ST_FIRST)
    for k in range(first, first + state_row(m, state, ST_COUNT)):
        if position(m, config(m, k, CFG_POS), POS_KIND) != P_SPACE:
            emit(
                m, config(m, k, CFG_POS), config(m, k, CFG_Q), config(m, k, CFG_LOW), config(m, k, CFG_HIGH),
                config(m, k, CFG_COUNT), config(m, k, CFG_DECODE), config(m, k, CFG_TEXT), config(m, k, CFG_STACK),
            )  # fmt: skip
    return np.int64(intern_out(m))


@helper
def may_begin_with_space(m, state):
    """Can the next byte be white space?"""
    row = m[AT_STATES] + state * ST_WIDTH + ST_ALIVE_WORDS
    # Space, and tab, newline, carriage return.
    return m[row + 1] & 1 != 0 or m[row] & 0x2600 != 0


@kernel
def gaps(m, state):
    """For a GAPS state: the state behind its gaps, the one beside them, and the columns of indentation that they allow.

    No columns: white space may come behind a gap, too. UNKNOWN states: something was asked for.
    """
    behind_them = behind_gaps(m, state)
    if behind_them == UNKNOWN:
        return UNKNOWN, UNKNOWN, 0
    if may_begin_with_space(m, behind_them):
        return behind_them, behind_them, 0
    beside_them = beside_gaps(m, state)
    return (behind_them if beside_them != UNKNOWN else UNKNOWN), beside_them, columns(m, state)


@kernel
def unlisted(m, state):
    """For a FREE_NAME state: the state in which its name has left the listed ones (in the world of masks)."""
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    k = state_row(m, state, ST_FIRST)
    m[N_OUT] = 0
    m[HISTORY] = 0
    emit(m, config(m, k, CFG_POS), config(m, k, CFG_Q), 0, 0, 0, 0, -1, config(m, k, CFG_STACK))
    return np.int64(intern_out(m))


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


@kernel
def spell(m, blob, starts, state, token):
    """The state behind `state` and one token, whose bytes are blob[starts[token]:starts[token + 1]]."""
    for i in range(starts[token], starts[token + 1]):
        state = step(m, state, np.int64(blob[i]))
        if state <= DEAD:
            return state
    return state


@kernel
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


@kernel
def ending_item(m, blob, starts, state, twin, chosen, row, out):
    """Those of the tokens `chosen` that `row` allows and that end the innermost recorded item of `state`, into `out`.

    The twin of the state, where nothing is recorded, tells: its stacks are as deep, and its steps are known from the
    walk. Returns how many there are, or -1 if something was asked for.
    """
    depth = np.int64(0)
    first = state_row(m, state, ST_FIRST)
    for k in range(first, first + state_row(m, state, ST_COUNT)):
        node = config(m, k, CFG_STACK)
        while node > 0 and stack_row(m, node, STK_START) == 0:
            node = stack_row(m, node, STK_PARENT)
        depth = max(depth, stack_row(m, node, STK_DEPTH))
    n = 0
    for i in range(chosen.shape[0]):
        t = np.int64(chosen[i])
        if not row[t >> 5] & (np.uint32(1) << np.uint32(t & 31)):
            continue
        s = np.int64(twin)
        # An item that ends with the token's last byte cannot be repeated by it.
        for b in range(starts[t], starts[t + 1] - 1):
            s = step(m, s, np.int64(blob[b]))
            if s <= DEAD:
                break
            if shallowest(m, s) < depth:
                out[n] = t
                n += 1
                break
        if s == UNKNOWN:
            return np.int64(-1)
    return np.int64(n)


@helper
def shallowest(m, state):
    """The least depth of the stacks of a state."""
    least = np.int64(1 << 30)
    first = state_row(m, state, ST_FIRST)
    for k in range(first, first + state_row(m, state, ST_COUNT)):
        least = min(least, stack_row(m, config(m, k, CFG_STACK), STK_DEPTH))
    return least


@kernel
def successors(m, state, out):
    """All 256 successors of a state into `out` int64[256]; returns UNKNOWN if something was asked for, else 1."""
    for byte in range(256):
        s = step(m, state, byte)
        if s == UNKNOWN:
            return UNKNOWN
        out[byte] = s
    return 1


@kernel
def interior_lengths(blob, starts, chars, breaks):
    """Where every token leaves a JSON string: into chars int32[V] the characters before that, into breaks int32[V] the
    byte, which is the token's length where it stays inside.

    Staying inside means: UTF-8 from a character boundary on, without quote, backslash and control characters; a
    character cut off at the token's end counts. A broken character leaves at its first byte.
    """
    for t in range(chars.shape[0]):
        chars[t], breaks[t] = _interior(blob, starts[t], starts[t + 1])


@helper
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
