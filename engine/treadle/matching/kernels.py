"""What a state is, as its mask is concerned: how it can be computed, and the states behind and beside it.

Kernels over `m`, the automaton's memory (automata/layout.py). The walks are in trie_kernels.py.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import ask, config, position, stack_row, state_row
from treadle.automata.frontier_kernels import close, emit
from treadle.automata.kernels import intern_out, roomy, step, twin_of
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.object_kernels import progress
from treadle.automata.string_kernels import end_unlisted
from treadle.compiling import helper, kernel

OTHERWISE = 0
FREE_NAME = 2
STRINGS = 3
GAPS = 4
SEVERAL = 5
WORDS = 6
#: Ways that are looked at one by one.
A_FEW = 16


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
