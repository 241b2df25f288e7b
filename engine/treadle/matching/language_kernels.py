"""Rows of string languages: walking the token trie inside a string that is alone in its automaton.

`walk_string` looks at every token. A language that was met before is mostly of some use to the next one: what is left
of a pattern behind one more character, or with one repetition less. `walk_beside` walks the trie with both, leaves a
subtree where they come together, or where the two cannot be told apart by texts as short as what is below (`alike`, a
bounded bisimulation of their character states), and corrects the row of the other where they do not.

Arrays as in trie_kernels.py. The slow twin is `walk_string` itself (tests/matching/test_languages.py).
"""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import ask, char_row, config, edge, mix, position, state_row
from treadle.automata.kernels import step
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper, kernel
from treadle.matching.trie_kernels import (
    NODE,
    WORTH_A_LOOK,
    alive_words,
    clear_bits,
    inside_loop,
    may_read,
    set_bits,
    sibling,
)

#: Of a token that leads where it led in the other language.
AS_BEFORE = -1
#: Texts up to this many characters tell two languages apart, or they count as alike no further.
AHEAD = 40
#: Pairs of character states that one comparison looks at.
PAIRS = 128
#: Any text, however long.
ALWAYS = 1 << 20
#: Places of the memo that a pair may have.
PROBES = 16
ALIKE_WIDTH = 3  # the two states, how long a text cannot tell them apart (0 in a free row: stored plus 2)


@kernel
def walk_string(m, trie, tokens, cover, kin, state, node, row, closers, after):
    """`walk` for a state inside a string that is alone in its automaton, from `node` on.

    Sets in `row` uint32[w] the tokens that stay inside, in `closers` uint32[w] those that come to the closing quote,
    whatever they go on with; in `after` int32[V] (or of no length) the state that each of the first kind leads to.
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
        end = np.int64(trie[NODE * i + 1])
        if s == DEAD:
            i = end
            continue
        if head & 255 == 0x22 and config(m, state_row(m, here, ST_FIRST), CFG_DECODE) == 0:
            set_bits(closers, tokens, trie[NODE * i + 2], trie[NODE * end + 2])
            i = end
            continue
        m[levels + depth] = s
        last = i + 1
        if end - i > WORTH_A_LOOK and cover[4 * i] & 1 == 0:
            loops = inside_loop(m, s, cover, 4 * i, end - i)
            if loops < 0:
                return i
            if loops > 0:
                last = end
        set_bits(row, tokens, trie[NODE * i + 2], trie[NODE * last + 2])
        if after.shape[0] > 0:
            for k in range(trie[NODE * i + 2], trie[NODE * last + 2]):
                after[tokens[k]] = s
        i = last
    return np.int64(-1)


@kernel
def walk_cutting(m, trie, tokens, cover, kin, height, state, node, sure, row):
    """Clears in `row` uint32[w], which has the tokens that stay inside any text, those that `state` cannot go on with.

    Tokens of fewer than `sure` bytes are known to stay inside. Like `walk_string` otherwise.
    """
    n = (trie.shape[0] - NODE) // NODE
    table = np.int64(m[AT_NEXT])
    levels = np.int64(m[AT_LEVELS])
    m[levels] = state
    i = node
    while i < n:
        head = np.int64(trie[NODE * i])
        depth = head >> 8
        end = np.int64(trie[NODE * i + 1])
        if depth + height[i] < sure:
            i = end
            continue
        here = np.int64(m[levels + depth - 1])
        s = np.int64(m[table + here * 256 + (head & 255)])
        if s == UNKNOWN:
            if not may_read(m, here, head & 255):
                after = np.int64(sibling(m, alive_words(m, here), trie, kin, i))
                clear_bits(row, tokens, trie[NODE * i + 2], trie[NODE * after + 2])
                i = after
                continue
            s = step(m, here, head & 255)
            if s == UNKNOWN:
                return i
        if s == DEAD:
            clear_bits(row, tokens, trie[NODE * i + 2], trie[NODE * end + 2])
            i = end
            continue
        if head & 255 == 0x22 and decoded(m, here) == 0:
            i = end
            continue
        m[levels + depth] = s
        i += 1
        if end - i >= WORTH_A_LOOK and cover[4 * (i - 1)] & 1 == 0:
            loops = inside_loop(m, s, cover, 4 * (i - 1), end - i + 1)
            if loops < 0:
                return i - 1
            if loops > 0:
                i = end
    return np.int64(-1)


@kernel
def heights(trie, out):
    """For every node the number of levels below it, int32[n]."""
    n = (trie.shape[0] - NODE) // NODE
    for i in range(n - 1, -1, -1):
        out[i] = 0
        j = i + 1
        end = trie[NODE * i + 1]
        while j < end:
            out[i] = max(out[i], out[j] + 1)
            j = trie[NODE * j + 1]


@kernel
def walk_beside(
    m,
    trie,
    tokens,
    cover,
    kin,
    height,
    state,
    other,
    node,
    levels,
    known,
    queue,
    measured,
    row,
    closers,
    after,
    moved,
):
    """`walk_string` for `state`, where `row` and `closers` begin as those of `other`, and `after` as AS_BEFORE.

    `levels` int32[2 * LEVELS] keeps both states of each depth while Python answers; `known` int32[2**k * 3] what
    `alike` found out so far; `queue` int32[PAIRS * 3 + 1] is its scratch, and in the end how many states it may ask
    for. `measured`: are tokens told apart by the characters that must follow them, too? Then `moved` int32[V + 1]
    lists the tokens whose `after` is known, behind their number; else `closers` is left alone.
    """
    n = (trie.shape[0] - NODE) // NODE
    levels[0] = state
    levels[LEVELS] = other
    i = node
    while i < n:
        head = np.int64(trie[NODE * i])
        depth = head >> 8
        byte = head & 255
        here = np.int64(levels[depth - 1])
        there = np.int64(levels[LEVELS + depth - 1])
        if not may_read(m, here, byte):
            if there == DEAD:
                i = sibling(m, alive_words(m, here), trie, kin, i)
                continue
            if not may_read(m, there, byte):
                i = either_sibling(m, alive_words(m, here), alive_words(m, there), trie, kin, i)
                continue
        end = np.int64(trie[NODE * i + 1])
        s = step(m, here, byte)
        r = step(m, there, byte) if there != DEAD else np.int64(DEAD)
        if s == UNKNOWN or r == UNKNOWN:
            return i
        if s == r and r != DEAD:
            i = end
            continue
        first, last = trie[NODE * i + 2], trie[NODE * end + 2]
        if byte == 0x22 and decoded(m, here) == 0:
            if not measured:
                pass
            elif s == DEAD:
                clear_bits(closers, tokens, first, last)
            else:
                set_bits(closers, tokens, first, last)
            i = end
            continue
        if s == DEAD:
            if r != DEAD:
                clear_bits(row, tokens, first, last)
                clear_bits(closers, tokens, first, last)
                lead_to(after, moved, tokens, first, last, 0)
            i = end
            continue
        if r != DEAD and not measured:
            # Nothing below is read by either: the node's own tokens are all that there is.
            if (
                i + 1 == end
                or either_sibling(m, alive_words(m, s), alive_words(m, r), trie, kin, i + 1) >= end
            ):
                i = end
                continue
        if r != DEAD and decoded(m, s) == decoded(m, r):
            far = alike(m, known, queue, char_of(m, s), char_of(m, r), measured)
            if far == -2:
                return i
            # A character that is cut off here is one that may still come.
            if far >= height[i] + (decoded(m, s) != 0):
                i = end
                continue
        levels[depth] = s
        levels[LEVELS + depth] = r
        following = i + 1
        if end - i > WORTH_A_LOOK and cover[4 * i] & 1 == 0:
            loops = inside_loop(m, s, cover, 4 * i, end - i)
            if loops < 0:
                return i
            if loops > 0:
                following = end
        last = trie[NODE * following + 2]
        set_bits(row, tokens, first, last)
        lead_to(after, moved, tokens, first, last, s)
        i = following
    return np.int64(-1)


@helper
def either_sibling(m, one, other, trie, kin, i):
    """`sibling` for the bytes of either of two sets."""
    k = (kin.shape[0] >> 1) + np.int64(kin[i])
    while True:
        kid = np.int64(kin[k])
        word = kid >> 6 & 7
        if (m[one + word] | m[other + word]) >> (kid >> 1 & 31) & 1:
            return kid >> 9
        if kid & 1:
            return np.int64(trie[NODE * (kid >> 9) + 1])
        k += 1


@helper
def decoded(m, state):
    """What was read of a character that is not complete; 0 between two characters."""
    return config(m, state_row(m, state, ST_FIRST), CFG_DECODE)


@helper
def char_of(m, state):
    return config(m, state_row(m, state, ST_FIRST), CFG_Q)


@helper
def lead_to(after, moved, tokens, first, last, state):
    if after.shape[0] > 0:
        for k in range(first, last):
            t = tokens[k]
            # A walk that stopped comes to its last node once more.
            if after[t] == AS_BEFORE:
                moved[0] += 1
                moved[moved[0]] = t
            after[t] = state


@helper
def alike(m, known, queue, a, b, measured):
    """How many characters of a text both character states read, or neither; -2: something was asked for.

    Where the text may end makes no difference. `measured`: it does, and so does the least number of characters that
    must follow such a text; -1 if the states differ at once.
    """
    if a == b:
        return np.int64(ALWAYS)
    mask = known.shape[0] // ALIKE_WIDTH - 1
    home = mix(mix(0, a), b) & mask
    place = home
    for probe in range(PROBES):
        slot = (home + probe) & mask
        if known[slot * ALIKE_WIDTH + 2] == 0:
            place = slot
            break
        if known[slot * ALIKE_WIDTH] == a and known[slot * ALIKE_WIDTH + 1] == b:
            return np.int64(known[slot * ALIKE_WIDTH + 2] - 2)
    found = compare(m, queue, a, b, measured)
    if found > -2:
        # Where all places are taken, one of them is given up.
        known[place * ALIKE_WIDTH] = a
        known[place * ALIKE_WIDTH + 1] = b
        known[place * ALIKE_WIDTH + 2] = found + 2
    return found


@helper
def compare(m, queue, a, b, measured):
    """`alike` without a memory: breadth first over the pairs that equal texts lead to."""
    queue[0], queue[1], queue[2] = a, b, 0
    n = np.int64(1)
    i = np.int64(0)
    far = np.int64(ALWAYS)
    while i < n:
        a, b, t = np.int64(queue[3 * i]), np.int64(queue[3 * i + 1]), np.int64(queue[3 * i + 2])
        if t > far:
            break
        if a == 0 or b == 0:
            return t - 1
        shortest = char_row(m, a, CST_SHORTEST) == char_row(m, b, CST_SHORTEST)
        if measured and not shortest:
            return t - 1
        unknown = a if char_row(m, a, CST_LOWERED) == 0 else b
        if char_row(m, unknown, CST_LOWERED) == 0:
            if queue[3 * PAIRS] > 0:
                queue[3 * PAIRS] -= 1
                ask(m, ASK_CHAR, unknown, 0, 0)
                return np.int64(-2)
            # What is not known counts as different.
            far = min(far, t - measured)
            i += 1
            continue
        if measured and (char_row(m, a, CST_LABEL) < 0) != (char_row(m, b, CST_LABEL) < 0):
            return t - measured
        e, f = char_row(m, a, CST_FIRST), char_row(m, b, CST_FIRST)
        e_end, f_end = e + char_row(m, a, CST_EDGES), f + char_row(m, b, CST_EDGES)
        char = np.int64(0)
        while e < e_end and f < f_end:
            low = max(edge(m, e, 0), char)
            if low != max(edge(m, f, 0), char):
                return t - measured
            high = min(edge(m, e, 1), edge(m, f, 1))
            x, y = edge(m, e, 2), edge(m, f, 2)
            if x != y and not queued(queue, n, x, y):
                if t + 1 >= AHEAD or n >= PAIRS:
                    far = min(far, t + 1 - measured)
                else:
                    queue[3 * n], queue[3 * n + 1], queue[3 * n + 2] = x, y, t + 1
                    n += 1
            # Surrogates are no characters: an edge over them says nothing else than two that leave them out.
            char = 0xE000 if 0xD7FF <= high < 0xE000 else high + 1
            if edge(m, e, 1) == high:
                e += 1
            if edge(m, f, 1) == high:
                f += 1
        if e < e_end or f < f_end:
            return t - measured
        i += 1
    return far


@helper
def queued(queue, n, x, y):
    for i in range(n):
        if queue[3 * i] == x and queue[3 * i + 1] == y:
            return True
    return False


@kernel
def nearest(m, state, others, weights):
    """Which of the states others int32[n] leads where `state` does behind most bytes, by weights int32[256].

    Returns its index and the sum of the weights where it differs. Only steps that were taken are looked at.
    """
    table = np.int64(m[AT_NEXT])
    best, least = np.int64(-1), np.int64(1) << 60
    for k in range(others.shape[0]):
        total = np.int64(0)
        for byte in range(256):
            if m[table + state * 256 + byte] != m[table + others[k] * 256 + byte]:
                total += weights[byte]
        if total < least:
            best, least = np.int64(k), total
    return best, least


@kernel
def likeness(m, known, queue, state, other, measured):
    """`alike` of the character states of two states inside strings, both between two characters."""
    return alike(m, known, queue, char_of(m, state), char_of(m, other), measured)


@kernel
def landings(after, moved, marks, out):
    """The distinct states in `after` int32[V] of the tokens moved[1:] (of all, where that is empty) into `out`.

    `marks` uint8[largest state + 1] is zero. Returns how many states.
    """
    n = np.int64(0)
    for k in range(moved.shape[0] - 1 if moved.shape[0] > 1 else after.shape[0]):
        s = after[moved[k + 1] if moved.shape[0] > 1 else k]
        if s > 0 and marks[s] == 0:
            marks[s] = 1
            out[n] = s
            n += 1
    return n


@kernel
def to_come(m, landed, fewest, most):
    """Fewest characters that must follow each of the states landed int32[n], one half read counted, into `fewest`
    int32[largest state + 1]; a bound of that into `most`.

    Plain states only: one configuration, without bounds, whose character state tells all. Others get -1: Python asks.
    """
    for k in range(landed.shape[0]):
        s = landed[k]
        c = state_row(m, s, ST_FIRST)
        q = config(m, c, CFG_Q)
        p = config(m, c, CFG_POS)
        bounded = position(m, p, POS_B) > 0 or position(m, p, POS_C) >= 0
        alone = state_row(m, s, ST_COUNT) == 1 and config(m, c, CFG_LOW) >= config(m, c, CFG_HIGH)
        if bounded or not alone or q == 0 or char_row(m, q, CST_LOWERED) == 0:
            fewest[s] = -1
            continue
        low, high = read_range(config(m, c, CFG_DECODE))
        least, greatest = np.int64(1) << 30, np.int64(0)
        for e in range(char_row(m, q, CST_FIRST), char_row(m, q, CST_FIRST) + char_row(m, q, CST_EDGES)):
            behind = np.int64(char_row(m, edge(m, e, 2), CST_SHORTEST))
            greatest = max(greatest, behind)
            if edge(m, e, 0) <= high and edge(m, e, 1) >= low:
                least = min(least, behind)
        if least == np.int64(1) << 30:
            # An escape: its digits are told otherwise, and such tokens are odd.
            least = np.int64(0)
        fewest[s] = char_row(m, q, CST_SHORTEST) if config(m, c, CFG_DECODE) == 0 else 1 + least
        most[s] = max(np.int64(fewest[s]), 1 + greatest)


@helper
def read_range(decode):
    """The characters that a decoder inside of UTF-8 may still come to (RFC 3629)."""
    mode, base = decode >> DECODE_SHIFT, decode & DECODE_MASK
    if mode == D_UTF1:
        return base, base + 0x3F
    if mode == D_UTF3:
        return max(base, 0x10000), min(base + 0x3FFFF, 0x10FFFF)
    if mode == D_UTF2 and base == 0xD000:
        return base, 0xD7FF
    return max(base, 0x800), base + 0xFFF


@kernel
def measure(after, moved, fewest, most, chars, half, odd, starts, never, needs):
    """Into needs int16[V]: characters that the string must still be allowed to have for each token.

    `after` says where each token leads (0: not inside), `fewest` and `most` how many characters each of these states
    has to come; of the tokens moved[1:], or of all where that is empty. Returns their greatest need, for odd tokens a
    bound of it.
    """
    longest = np.int64(0)
    for k in range(moved.shape[0] - 1 if moved.shape[0] > 1 else after.shape[0]):
        t = moved[k + 1] if moved.shape[0] > 1 else np.int32(k)
        s = after[t]
        needs[t] = never
        if s > 0 and odd[t]:
            longest = max(longest, np.int64(starts[t + 1] - starts[t] + most[s]))
        elif s > 0:
            needs[t] = min(np.int64(never), np.int64(chars[t]) - half[t] + fewest[s])
            if needs[t] < never:
                longest = max(longest, np.int64(needs[t]))
    return longest
