"""Reading a byte in the middle of a parse: a scanner, LR stacks in interned cells, and the duties of a lexeme that
ended.

`m` is the memory, int32[n] (parse_layout.py). A configuration is a bundle of LR stacks that read the same lexemes,
and how far the scanner is in the next one. When a terminal matches, the text may go on in two ways, which are
followed side by side: the lexeme ends here, or a longer one is being read. In the first case the *duty* goes along
that the scanner, gone on from here, must not match again what it would have preferred (longest match, priorities); it
ends when the scanner dies. So the state is exact to a lexer that looks ahead as far as it likes, and never looks
ahead itself.

Stacks are followed side by side where the grammar is not LALR(1) (Tomita 1985, with linked stacks); where it is, one
stack is all there is. Chains of reductions are remembered per (stack, terminal), which keeps deep right recursion flat.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper, kernel

ASKED = -1
VIOLATED = -2
UNDECIDED = -3
#: The scanner between two lexemes (scanner.START).
START_SCAN = 2


@helper
def at(m, table, index):
    return np.int64(m[m[table] + index])


@helper
def ask(m, kind, a, b, c):
    m[NEED] = kind
    m[NEED_A] = a
    m[NEED_B] = b
    m[NEED_C] = c
    return np.int64(ASKED)


@helper
def roomy(m):
    """Is there room for one more step? If not, it is asked for."""
    if (
        m[N_MEMO] + 4 * ROOM < m[CAP_MEMO]
        and 2 * (m[N_MEMO] + 4 * ROOM) < m[CAP_HASH]
        and m[N_NODES] + ROOM < m[CAP_NODES]
        and m[N_BUNDLES] + ROOM < m[CAP_BUNDLES]
        and m[N_CONFIGS] + ROOM < m[CAP_CONFIGS]
        and m[N_STATES] + ROOM < m[CAP_STATES]
        and m[N_DUTIES] + ROOM < m[CAP_DUTIES]
        and m[N_BLOCKS] + ROOM < m[CAP_BLOCKS]
    ):
        return True
    ask(m, ASK_ROOM, 0, 0, 0)
    return False


# -- the memo ---------------------------------------------------------------------------------------


@helper
def mix(h, x):
    """One round of a multiplicative hash in 31 bits, so that the product fits int64 with and without numba."""
    h = ((h ^ x) & 0x7FFFFFFF) * 0x2C1B3C6D
    return (h ^ (h >> 15)) & 0x7FFFFFFF


@helper
def slot_of(m, kind, x, y, z):
    h = mix(mix(mix(mix(0, kind), x), y), z)
    mask = np.int64(m[CAP_HASH]) - 1
    slot = h & mask
    while True:
        e = at(m, AT_HASH, slot)
        if e == 0:
            return slot
        row = m[AT_MEMO] + e * MEMO_WIDTH
        if m[row] == kind and m[row + 1] == x and m[row + 2] == y and m[row + 3] == z:
            return slot
        slot = (slot + 1) & mask


@helper
def found(m, slot):
    """The value at a slot, ASKED (-1) if there is none."""
    e = at(m, AT_HASH, slot)
    return np.int64(m[m[AT_MEMO] + e * MEMO_WIDTH + 4]) if e != 0 else np.int64(ASKED)


@helper
def put(m, slot, kind, x, y, z, value):
    e = np.int64(m[N_MEMO])
    m[N_MEMO] = e + 1
    row = m[AT_MEMO] + e * MEMO_WIDTH
    m[row] = kind
    m[row + 1] = x
    m[row + 2] = y
    m[row + 3] = z
    m[row + 4] = value
    m[m[AT_HASH] + slot] = e
    return e


@kernel
def remember(m, kind, x, y, z, value):
    """Write an answer into the memo, where kernels look for it."""
    slot = slot_of(m, kind, x, y, z)
    if at(m, AT_HASH, slot) == 0:
        put(m, slot, kind, x, y, z, value)


@kernel
def rehash(m):
    """Fill the hash table, which is empty, with what the memo holds."""
    mask = np.int64(m[CAP_HASH]) - 1
    for e in range(1, m[N_MEMO]):
        row = m[AT_MEMO] + e * MEMO_WIDTH
        h = mix(
            mix(mix(mix(0, np.int64(m[row])), np.int64(m[row + 1])), np.int64(m[row + 2])),
            np.int64(m[row + 3]),
        )
        slot = h & mask
        while m[m[AT_HASH] + slot] != 0:
            slot = (slot + 1) & mask
        m[m[AT_HASH] + slot] = e


# -- cells ------------------------------------------------------------------------------------------


@helper
def node(m, state, below, span):
    """The stack with `state` on top of `below`."""
    slot = slot_of(m, M_NODE, state, below, span)
    known = found(m, slot)
    if known >= 0:
        return known
    n = np.int64(m[N_NODES])
    m[N_NODES] = n + 1
    row = m[AT_NODES] + n * NODE_WIDTH
    m[row + NODE_STATE] = state
    m[row + NODE_BELOW] = below
    m[row + NODE_TEXT] = span
    put(m, slot, M_NODE, state, below, span, n)
    return n


@helper
def node_row(m, n, column):
    return at(m, AT_NODES, n * NODE_WIDTH + column)


@helper
def bundle_row(m, b, column):
    return at(m, AT_BUNDLES, b * BUNDLE_WIDTH + column)


@helper
def bundle(m, top, rest, block):
    """The bundle of stack `top` and those of `rest`. ASKED: for the union of what they accept."""
    slot = slot_of(m, M_BUNDLE, top, rest, block)
    known = found(m, slot)
    if known >= 0:
        return known
    accepted = at(m, AT_STATE_SET, node_row(m, top, NODE_STATE))
    if rest != 0:
        accepted = union(m, accepted, bundle_row(m, rest, BND_SET))
        if accepted < 0:
            return accepted
    b = new_bundle(m, top, rest, block, accepted, 0)
    put(m, slot, M_BUNDLE, top, rest, block, b)
    return b


@helper
def new_bundle(m, top, rest, block, accepted, extra):
    b = np.int64(m[N_BUNDLES])
    m[N_BUNDLES] = b + 1
    row = m[AT_BUNDLES] + b * BUNDLE_WIDTH
    m[row + BND_NODE] = top
    m[row + BND_REST] = rest
    m[row + BND_BLOCK] = block
    m[row + BND_SET] = accepted
    m[row + BND_ENDS] = 0
    m[row + BND_B] = extra
    return b


@helper
def union(m, a, b):
    if a == b:
        return a
    known = found(m, slot_of(m, M_UNION, min(a, b), max(a, b), 0))
    return known if known >= 0 else ask(m, ASK_UNION, min(a, b), max(a, b), 0)


@helper
def up_to(m, s, t):
    """The terminals of set s that the scanner prefers to t, and t."""
    known = found(m, slot_of(m, M_UP_TO, s, t, 0))
    return known if known >= 0 else ask(m, ASK_UP_TO, s, t, 0)


@helper
def block(m, width, brackets, outer):
    slot = slot_of(m, M_BLOCK, width, brackets, outer)
    known = found(m, slot)
    if known >= 0:
        return known
    n = np.int64(m[N_BLOCKS])
    m[N_BLOCKS] = n + 1
    row = m[AT_BLOCKS] + n * BLOCK_WIDTH
    m[row + BLK_WIDTH] = width
    m[row + BLK_BRACKETS] = brackets
    m[row + BLK_OUTER] = outer
    put(m, slot, M_BLOCK, width, brackets, outer, n)
    return n


@helper
def block_row(m, n, column):
    return at(m, AT_BLOCKS, n * BLOCK_WIDTH + column)


@helper
def rebundled(m, b, inside):
    """The stacks of b in another block."""
    if b < FIRST or bundle_row(m, b, BND_BLOCK) == inside:
        return b
    count = 0
    while b != 0:
        m[m[AT_FOUND] + count] = bundle_row(m, b, BND_NODE)
        b = bundle_row(m, b, BND_REST)
        count += 1
    made = np.int64(0)
    for k in range(count - 1, -1, -1):
        made = bundle(m, at(m, AT_FOUND, k), made, inside)
        if made < 0:
            return made
    return made


@helper
def span(m, start, end):
    """A stretch of text, as the number of a memo entry; 0 where no guard wants to know."""
    if m[GUARDED] == 0:
        return np.int64(0)
    slot = slot_of(m, M_SPAN, start, end, 0)
    e = at(m, AT_HASH, slot)
    return e if e != 0 else put(m, slot, M_SPAN, start, end, 0, 0)


@helper
def span_end(m, e, which):
    return at(m, AT_MEMO, e * MEMO_WIDTH + which)


# -- LR ---------------------------------------------------------------------------------------------


@helper
def entry(m, state, t):
    """The cell of the action table for terminal t, -1 if it is empty."""
    low = at(m, AT_ROW, state)
    high = at(m, AT_ROW, state + 1)
    while low < high:
        middle = (low + high) >> 1
        if at(m, AT_TERMINAL, middle) < t:
            low = middle + 1
        else:
            high = middle
    if low < at(m, AT_ROW, state + 1) and at(m, AT_TERMINAL, low) == t:
        return low
    return np.int64(-1)


@helper
def goto(m, state, rule):
    low = at(m, AT_GOTO_ROW, state)
    high = at(m, AT_GOTO_ROW, state + 1)
    while low < high:
        middle = (low + high) >> 1
        if at(m, AT_GOTO_RULE, middle) < rule:
            low = middle + 1
        else:
            high = middle
    return at(m, AT_GOTO_STATE, low)


@helper
def reduced(m, n, production, here):
    """The stack behind a reduction. DEAD: a guard said no. ASKED: a guard, or room. `here`: the text so far."""
    length = at(m, AT_LENGTH, production)
    base = first = n
    for _ in range(length):
        first = base
        base = node_row(m, base, NODE_BELOW)
    covered = np.int64(0)
    if m[GUARDED] != 0:
        start = here
        end = here
        if length > 0:
            start = span_end(m, node_row(m, first, NODE_TEXT), 1)
            end = span_end(m, node_row(m, n, NODE_TEXT), 2)
        covered = span(m, start, end)
        if at(m, AT_GUARD, production) != 0:
            verdict = found(m, slot_of(m, M_GUARD, production, covered, 0))
            if verdict < 0:
                return ask(m, ASK_GUARD, production, covered, 0)
            if verdict == 0:
                return np.int64(DEAD)
    state = goto(m, node_row(m, base, NODE_STATE), at(m, AT_HEAD, production))
    return node(m, state, base, covered)


@helper
def jump(m, n, t, here):
    """All reductions of stack n in front of terminal t, as long as there is one action only.

    Returns the stack that t can be shifted on (or the text may end on), DEAD, ASKED, or UNDECIDED.
    """
    count = 0
    while True:
        known = found(m, slot_of(m, M_JUMP, n, t, 0)) if m[GUARDED] == 0 else np.int64(ASKED)
        if known >= 0:
            n = known
            break
        e = entry(m, node_row(m, n, NODE_STATE), t)
        if e < 0:
            n = np.int64(DEAD)
            break
        first = at(m, AT_FIRST_ACTION, e)
        if at(m, AT_FIRST_ACTION, e + 1) - first != 1:
            return np.int64(UNDECIDED)
        action = at(m, AT_ACTION, first)
        if action >= 0:
            break
        if count >= ROOM // 2:
            # A long way: what is known so far is worth keeping, and the rest starts from there.
            count = 0
            if not roomy(m):
                return np.int64(ASKED)
        m[m[AT_WORK] + count] = n
        count += 1
        n = reduced(m, n, ~action, here)
        if n < FIRST:
            break
    if n >= DEAD and m[GUARDED] == 0:
        for k in range(count):
            start = at(m, AT_WORK, k)
            slot = slot_of(m, M_JUMP, start, t, 0)
            if at(m, AT_HASH, slot) == 0:
                put(m, slot, M_JUMP, start, t, 0, n)
    return n


@helper
def shift(m, b, t, covered, here):
    """The bundle behind terminal t, DEAD if it does not fit, ASKED. For the end of the text: FIRST if it fits."""
    slot = slot_of(m, M_SHIFT, b, t, covered)
    known = found(m, slot)
    if known >= 0:
        return known
    result = np.int64(UNDECIDED)
    if bundle_row(m, b, BND_REST) == 0:
        n = jump(m, bundle_row(m, b, BND_NODE), t, here)
        if n >= FIRST:
            action = at(m, AT_ACTION, at(m, AT_FIRST_ACTION, entry(m, node_row(m, n, NODE_STATE), t)))
            if t == m[TERMINALS]:
                result = np.int64(FIRST)
            else:
                result = bundle(m, node(m, action, n, covered), 0, bundle_row(m, b, BND_BLOCK))
        else:
            result = n
    if result == UNDECIDED:
        result = shift_all(m, b, t, covered, here)
    if result >= DEAD:
        # The table may have been written to.
        slot = slot_of(m, M_SHIFT, b, t, covered)
        put(m, slot, M_SHIFT, b, t, covered, result)
    return result


@helper
def shift_all(m, b, t, covered, here):
    """`shift` where several stacks or several actions are alive."""
    count = 0
    cell = b
    while cell != 0:
        m[m[AT_WORK] + count] = bundle_row(m, cell, BND_NODE)
        count += 1
        cell = bundle_row(m, cell, BND_REST)
    ahead = 0
    k = 0
    while k < count:
        n = at(m, AT_WORK, k)
        k += 1
        e = entry(m, node_row(m, n, NODE_STATE), t)
        if e < 0:
            continue
        for i in range(at(m, AT_FIRST_ACTION, e), at(m, AT_FIRST_ACTION, e + 1)):
            action = at(m, AT_ACTION, i)
            if action >= 0 and t == m[TERMINALS]:
                return np.int64(FIRST)
            if action >= 0:
                made = node(m, action, n, covered)
                table = AT_FOUND
                size = ahead
            else:
                made = reduced(m, n, ~action, here)
                if made < 0:
                    return made
                if made == DEAD:
                    continue
                table = AT_WORK
                size = count
            fresh = True
            for j in range(size):
                if at(m, table, j) == made:
                    fresh = False
                    break
            if not fresh:
                continue
            if size >= 2 * ALIVE_LIMIT - 2 or ahead >= ALIVE_LIMIT - 2:
                return ask(m, ASK_LIMIT, size, 0, 0)
            m[m[table] + size] = made
            if action >= 0:
                ahead += 1
            else:
                count += 1
    return gathered(m, ahead, bundle_row(m, b, BND_BLOCK))


@helper
def gathered(m, count, inside):
    """The bundle of the stacks at AT_FOUND."""
    sort(m, m[AT_FOUND], count)
    made = np.int64(0)
    for k in range(count - 1, -1, -1):
        made = bundle(m, at(m, AT_FOUND, k), made, inside)
        if made < 0:
            return made
    return made if made != 0 else np.int64(DEAD)


@helper
def sort(m, first, count):
    """Insertion sort: few are alive at once."""
    for i in range(1, count):
        x = m[first + i]
        j = i
        while j > 0 and m[first + j - 1] > x:
            m[first + j] = m[first + j - 1]
            j -= 1
        m[first + j] = x


# -- lexemes ----------------------------------------------------------------------------------------


@helper
def scanned(m, q, byte):
    """The scanner state behind a byte; ASKED."""
    target = at(m, AT_SCAN_NEXT, q * 256 + byte)
    return target if target != UNKNOWN else ask(m, ASK_SCAN, q, byte, 0)


@helper
def flag_words(m, q):
    return m[AT_SCAN] + q * (SCAN_HEAD + 2 * m[WORDS]) + SCAN_HEAD


@helper
def live_words(m, q):
    return m[AT_SCAN] + q * (SCAN_HEAD + 2 * m[WORDS]) + SCAN_HEAD + m[WORDS]


@helper
def accepted_words(m, s):
    return m[AT_SETS] + s * 2 * m[WORDS]


@helper
def scan_words(m, s):
    """The terminals of a set that are looked for by themselves: without keywords that another pattern covers."""
    return m[AT_SETS] + s * 2 * m[WORDS] + m[WORDS]


@helper
def holds(m, words, t):
    return (m[words + (t >> 5)] >> (t & 31)) & 1 != 0


@helper
def meet(m, a, b):
    for w in range(m[WORDS]):
        if m[a + w] & m[b + w] != 0:
            return True
    return False


@helper
def first_of(m, a, b, after):
    """The first terminal behind number `after` in both sets of words, -1 if there is none."""
    t = after + 1
    while t < m[TERMINALS]:
        bits = np.int64(m[a + (t >> 5)] & m[b + (t >> 5)]) & 0xFFFFFFFF
        bits >>= t & 31
        if bits == 0:
            t = ((t >> 5) + 1) << 5
            continue
        while bits & 1 == 0:
            bits >>= 1
            t += 1
        return np.int64(t)
    return np.int64(-1)


@helper
def condition_holds(m, c, byte):
    return (m[m[AT_CONDITION] + c * CONDITION_WIDTH + 2 + (byte >> 5)] >> (byte & 31)) & 1 != 0


@helper
def conditions_of(m, q):
    return at(m, AT_SCAN, q * (SCAN_HEAD + 2 * m[WORDS]) + SCAN_CONDITIONS)


@helper
def condition_count(m, q):
    return at(m, AT_SCAN, q * (SCAN_HEAD + 2 * m[WORDS]) + SCAN_COUNT)


@helper
def duty(m, q, s, rest):
    slot = slot_of(m, M_DUTY, q, s, rest)
    known = found(m, slot)
    if known >= 0:
        return known
    d = np.int64(m[N_DUTIES])
    m[N_DUTIES] = d + 1
    row = m[AT_DUTIES] + d * DUTY_WIDTH
    m[row + DUTY_SCAN] = q
    m[row + DUTY_SET] = s
    m[row + DUTY_REST] = rest
    put(m, slot, M_DUTY, q, s, rest, d)
    return d


@helper
def duty_row(m, d, column):
    return at(m, AT_DUTIES, d * DUTY_WIDTH + column)


@helper
def fresh(q):
    """A duty's scanner state at the end of the lexeme itself, where the lexeme's own condition is no violation."""
    return -q - 8


@helper
def last_of(m, words):
    """The last terminal of a set."""
    for t in range(m[TERMINALS] - 1, -1, -1):
        if holds(m, words, t):
            return np.int64(t)
    return np.int64(-1)


@helper
def conditional(m, q, words, byte):
    """Is a terminal of a set flagged in a duty's state, given the byte behind it (-1: the end of the text)?"""
    own = np.int64(-1)
    if q < 0:
        q = -q - 8
        own = last_of(m, words) if condition_count(m, q) > 0 else own
    first = conditions_of(m, q)
    for c in range(first, first + condition_count(m, q)):
        t = at(m, AT_CONDITION, c * CONDITION_WIDTH)
        if t == own or not holds(m, words, t):
            continue
        if byte < 0 and at(m, AT_CONDITION, c * CONDITION_WIDTH + 1) != 0:
            return True
        if byte >= 0 and condition_holds(m, c, byte):
            return True
    return False


@helper
def keep_duties(m, d, byte):
    """What is left of duties behind a byte: a list, 0 for none, VIOLATED, or ASKED."""
    left = np.int64(0)
    while d != 0:
        q = duty_row(m, d, DUTY_SCAN)
        s = duty_row(m, d, DUTY_SET)
        d = duty_row(m, d, DUTY_REST)
        if q == DUTY_NEXT:
            if not condition_holds(m, s, byte):
                return np.int64(VIOLATED)
            continue
        words = scan_words(m, s)
        if conditional(m, q, words, byte):
            return np.int64(VIOLATED)
        q = scanned(m, -q - 8 if q < 0 else q, byte)
        if q < 0:
            return q
        if q == DEAD:
            continue
        if meet(m, flag_words(m, q), words):
            return np.int64(VIOLATED)
        if meet(m, live_words(m, q), words):
            left = duty(m, q, s, left)
    return left


@helper
def end_lexeme(m, b, t, column, covered, here):
    """The bundle behind a lexeme of terminal t, DEAD if it does not fit here, or ASKED."""
    role = at(m, AT_ROLE, t)
    if role == ROLE_IGNORED:
        return b
    top = bundle_row(m, b, BND_NODE)
    if top == BEHIND_SHADE:
        return np.int64(DEAD)
    if top == SHADE:
        if role == ROLE_NEWLINE and bundle_row(m, b, BND_BLOCK) != 0:
            return b
        if not holds(m, accepted_words(m, bundle_row(m, b, BND_B)), t):
            return np.int64(DEAD)
        return shade(m, BEHIND_SHADE, 0, t, column if role == ROLE_NEWLINE else 0)
    if role == ROLE_NEWLINE:
        return end_line(m, b, t, column, covered, here)
    reached = shift(m, b, t, covered, here)
    if reached < FIRST or role == ROLE_PLAIN:
        return reached
    inside = bundle_row(m, b, BND_BLOCK)
    brackets = block_row(m, inside, BLK_BRACKETS) + (1 if role == ROLE_OPENING else -1)
    if brackets < 0:
        return np.int64(DEAD)
    return rebundled(
        m, reached, block(m, block_row(m, inside, BLK_WIDTH), brackets, block_row(m, inside, BLK_OUTER))
    )


@helper
def shade(m, kind, accepted, x, y):
    """A bundle that stands for all bundles of one context (SHADE), or for what is behind one (BEHIND_SHADE)."""
    slot = slot_of(m, M_SHADE, accepted if kind == SHADE else -1, x, y)
    known = found(m, slot)
    if known >= 0:
        return known
    b = new_bundle(m, kind, 0, y, accepted, x)
    put(m, slot, M_SHADE, accepted if kind == SHADE else -1, x, y, b)
    return b


@helper
def end_line(m, b, t, column, covered, here):
    """A line ended, and the next one is indented by `column`: blocks begin and end (lark's Indenter)."""
    inside = bundle_row(m, b, BND_BLOCK)
    if block_row(m, inside, BLK_BRACKETS) > 0:
        return b
    slot = slot_of(m, M_LINE, b, column, covered)
    known = found(m, slot)
    if known >= 0:
        return known
    reached = shift(m, b, t, covered, here)
    if reached >= FIRST:
        width = block_row(m, inside, BLK_WIDTH)
        if column > width:
            reached = shift(m, reached, m[INDENT], span(m, here, here), here)
            inside = block(m, column, 0, inside)
        while column < width and reached >= FIRST:
            reached = shift(m, reached, m[DEDENT], span(m, here, here), here)
            inside = block_row(m, inside, BLK_OUTER)
            width = block_row(m, inside, BLK_WIDTH)
            if column > width:
                reached = np.int64(DEAD)
        if reached >= FIRST:
            reached = rebundled(m, reached, inside)
    if reached >= DEAD:
        slot = slot_of(m, M_LINE, b, column, covered)
        put(m, slot, M_LINE, b, column, covered, reached)
    return reached


@helper
def ends(m, b, here):
    """May the text end behind bundle b? 1 yes, 0 no, ASKED."""
    known = bundle_row(m, b, BND_ENDS)
    if known != 0:
        return known - 1
    if bundle_row(m, b, BND_NODE) < 0:
        return np.int64(0)
    reached = b
    if m[INDENTED] != 0:
        inside = bundle_row(m, b, BND_BLOCK)
        while block_row(m, inside, BLK_OUTER) != 0 and reached >= FIRST:
            reached = shift(m, reached, m[DEDENT], span(m, here, here), here)
            inside = block_row(m, inside, BLK_OUTER)
    if reached >= FIRST:
        reached = shift(m, reached, m[TERMINALS], 0, here)
    if reached < 0:
        return reached
    answer = 1 if reached >= FIRST else 0
    m[m[AT_BUNDLES] + b * BUNDLE_WIDTH + BND_ENDS] = answer + 1
    return np.int64(answer)


@helper
def viable_one(m, b, t, column, covered, here):
    """Could a lexeme of terminal t be the next one? 1, 0, ASKED. The width of the next line is left open."""
    role = at(m, AT_ROLE, t)
    if role == ROLE_IGNORED:
        return np.int64(1)
    if bundle_row(m, b, BND_NODE) < 0:
        reached = end_lexeme(m, b, t, column, covered, here)
    elif role == ROLE_NEWLINE and block_row(m, bundle_row(m, b, BND_BLOCK), BLK_BRACKETS) > 0:
        return np.int64(1)
    else:
        if m[GUARDED] != 0:
            # A guard judges what was read, and the lookahead makes no difference to it.
            covered = span(m, here, here)
        reached = shift(m, b, t, covered, here)
    if reached < 0:
        return reached
    return np.int64(1 if reached >= FIRST else 0)


@helper
def viable(m, b, q, s, won, column, here):
    """Can some lexeme that is being read fit behind bundle b? 1, 0, ASKED."""
    live = live_words(m, q)
    t = first_of(m, live, scan_words(m, s), -1)
    while t >= 0 and (won < 0 or t <= won):
        answer = viable_one(m, b, t, column, 0, here)
        if answer != 0:
            return answer
        for k in range(at(m, AT_KEYWORD_ROW, t), at(m, AT_KEYWORD_ROW, t + 1)):
            keyword = at(m, AT_KEYWORDS, k)
            if holds(m, live, keyword) and holds(m, accepted_words(m, s), keyword):
                answer = viable_one(m, b, keyword, column, 0, here)
                if answer != 0:
                    return answer
        t = first_of(m, live, scan_words(m, s), t)
    return np.int64(0)


@helper
def may_begin(m, b, d, here):
    """Can anything follow bundle b that keeps the duties? 1, 0, ASKED. One byte is looked at."""
    answer = ends(m, b, here)
    if answer != 0:
        return answer
    s = bundle_row(m, b, BND_SET)
    slot = slot_of(m, M_MAY_BEGIN, s, d, 0)
    known = found(m, slot)
    if known >= 0:
        return known
    answer = np.int64(0)
    for byte in range(256):
        q = scanned(m, START_SCAN, byte)
        if q < 0:
            return q
        if q == DEAD:
            continue
        words = scan_words(m, s)
        if meet(m, live_words(m, q), words) or meet(m, flag_words(m, q), words) or condition_count(m, q) > 0:
            left = keep_duties(m, d, byte)
            if left == ASKED:
                return np.int64(ASKED)
            if left >= 0:
                answer = np.int64(1)
                break
    slot = slot_of(m, M_MAY_BEGIN, s, d, 0)
    put(m, slot, M_MAY_BEGIN, s, d, 0, answer)
    return answer


# -- steps ------------------------------------------------------------------------------------------


@helper
def config_row(m, c, column):
    return at(m, AT_CONFIGS, c * CONFIG_WIDTH + column)


@helper
def config(m, b, q, won, d, column, text, began):
    slot = slot_of(m, M_CONFIG, b, q, won)
    first = found(m, slot)
    if first < 0:
        first = np.int64(m[N_MEMO])
        put(m, slot, M_CONFIG, b, q, won, first)
    if m[GUARDED] != 0:
        slot = slot_of(m, M_CONFIG_2, first, text, began)
        second = found(m, slot)
        if second < 0:
            second = np.int64(m[N_MEMO])
            put(m, slot, M_CONFIG_2, first, text, began, second)
        first = second
    slot = slot_of(m, M_CONFIG_3, first, d, column)
    known = found(m, slot)
    if known >= 0:
        return known
    c = np.int64(m[N_CONFIGS])
    m[N_CONFIGS] = c + 1
    row = m[AT_CONFIGS] + c * CONFIG_WIDTH
    m[row + CFG_BUNDLE] = b
    m[row + CFG_SCAN] = q
    m[row + CFG_WON] = won
    m[row + CFG_DUTY] = d
    m[row + CFG_COLUMN] = column
    m[row + CFG_TEXT] = text
    m[row + CFG_BEGAN] = began
    put(m, slot, M_CONFIG_3, first, d, column, c)
    return c


@helper
def emit(m, c):
    """Note a configuration of the next frontier. False: too many, and that was asked about."""
    count = np.int64(m[N_OUT])
    for k in range(count):
        if at(m, AT_OUT, k) == c:
            return True
    if count >= ALIVE_LIMIT - 1:
        ask(m, ASK_LIMIT, count, 0, 0)
        return False
    m[m[AT_OUT] + count] = c
    m[N_OUT] = count + 1
    return True


@helper
def emit_end(m, b, t, q, s, d, column, text, began, condition):
    """A lexeme of terminal t may end here: note what comes behind it. False: something was asked for."""
    kept = t
    for k in range(at(m, AT_KEYWORD_ROW, t), at(m, AT_KEYWORD_ROW, t + 1)):
        keyword = at(m, AT_KEYWORDS, k)
        if holds(m, flag_words(m, q), keyword) and holds(m, accepted_words(m, s), keyword):
            kept = keyword
    reached = end_lexeme(m, b, kept, column, span(m, began, text), began)
    if reached < 0:
        return False
    if reached == DEAD:
        return True
    if m[LEXICAL] != 0:
        preferred = up_to(m, s, t)
        if preferred < 0:
            return False
        if meet(m, live_words(m, q), scan_words(m, preferred)) or condition_count(m, q) > 0:
            d = duty(m, fresh(q), preferred, d)
    if condition >= 0:
        d = duty(m, DUTY_NEXT, condition, d)
    # Behind a shade nothing is known of what may begin.
    if d != 0 and bundle_row(m, reached, BND_NODE) != BEHIND_SHADE:
        answer = may_begin(m, reached, d, text)
        if answer < 0:
            return False
        if answer == 0:
            return True
    return emit(m, config(m, reached, START_SCAN, -1, d, 0, text, text))


@helper
def column_behind(m, q, s, byte, column):
    """Column of the next line, as far as it is written; 0 outside of ends of lines."""
    t = m[NEWLINE]
    if m[INDENTED] == 0 or not holds(m, scan_words(m, s), t):
        return np.int64(0)
    if not holds(m, live_words(m, q), t) and not holds(m, flag_words(m, q), t):
        return np.int64(0)
    if byte == 0x0A:
        return np.int64(0)
    if byte == 0x20:
        return np.int64(column + 1)
    if byte == 0x09:
        return np.int64(column + m[TAB])
    return np.int64(column)


@helper
def step_config(m, c, byte):
    """Note the configurations behind a byte. False: something was asked for."""
    b = config_row(m, c, CFG_BUNDLE)
    old = config_row(m, c, CFG_SCAN)
    won = config_row(m, c, CFG_WON)
    d = config_row(m, c, CFG_DUTY)
    text = config_row(m, c, CFG_TEXT)
    began = config_row(m, c, CFG_BEGAN)
    if d != 0:
        d = keep_duties(m, d, byte)
        if d == VIOLATED:
            return True
        if d < 0:
            return False
    s = bundle_row(m, b, BND_SET)
    words = scan_words(m, s)
    first = conditions_of(m, old)
    for k in range(first, first + condition_count(m, old)):
        # What may have matched did match, now that the byte behind it is known.
        t = at(m, AT_CONDITION, k * CONDITION_WIDTH)
        if old != START_SCAN and holds(m, words, t) and (won < 0 or t < won) and condition_holds(m, k, byte):
            won = t
    q = scanned(m, old, byte)
    if q < 0:
        return False
    if q == DEAD:
        return True
    if m[GUARDED] != 0:
        slot = slot_of(m, M_TEXT, text, byte, 0)
        known = found(m, slot)
        if known < 0:
            known = np.int64(m[N_TEXT])
            m[N_TEXT] = known + 1
            put(m, slot, M_TEXT, text, byte, 0, known)
        text = known
    column = column_behind(m, q, s, byte, config_row(m, c, CFG_COLUMN))
    flags = flag_words(m, q)
    t = first_of(m, flags, words, -1)
    if m[LEXICAL] != 0:
        first = conditions_of(m, q)
        for k in range(first, first + condition_count(m, q)):
            other = at(m, AT_CONDITION, k * CONDITION_WIDTH)
            if holds(m, words, other) and (won < 0 or other <= won) and (t < 0 or other < t):
                if not emit_end(m, b, other, q, s, d, column, text, began, k):
                    return False
        if t >= 0 and (won < 0 or t <= won):
            if not emit_end(m, b, t, q, s, d, column, text, began, -1):
                return False
            won = t
    else:
        while t >= 0:
            if not emit_end(m, b, t, q, s, d, column, text, began, -1):
                return False
            t = first_of(m, flags, words, t)
    answer = viable(m, b, q, s, won, column, began)
    if answer < 0:
        return False
    return answer == 0 or emit(m, config(m, b, q, won, d, column, text, began))


@helper
def intern_out(m):
    """The state of the noted configurations."""
    count = np.int64(m[N_OUT])
    sort(m, m[AT_OUT], count)
    state = np.int64(0)
    for k in range(count - 1, -1, -1):
        c = at(m, AT_OUT, k)
        slot = slot_of(m, M_STATE, c, state, 0)
        known = found(m, slot)
        if known < 0:
            known = np.int64(m[N_STATES])
            m[N_STATES] = known + 1
            row = m[AT_STATES] + known * STATE_WIDTH
            m[row + ST_CONFIG] = c
            m[row + ST_REST] = state
            m[row + ST_ENDS] = 0
            put(m, slot, M_STATE, c, state, 0, known)
        state = known
    return state if state != 0 else np.int64(DEAD)


@helper
def state_row(m, s, column):
    return at(m, AT_STATES, s * STATE_WIDTH + column)


@kernel
def step(m, state, byte):
    """The state behind a byte, DEAD if it is refused, UNKNOWN if something was asked for."""
    target = at(m, AT_NEXT, state * 256 + byte)
    if target != UNKNOWN:
        return target
    if not roomy(m):
        return np.int64(UNKNOWN)
    m[N_OUT] = 0
    cell = np.int64(state)
    while cell != 0:
        if not step_config(m, state_row(m, cell, ST_CONFIG), byte):
            return np.int64(UNKNOWN)
        cell = state_row(m, cell, ST_REST)
    target = intern_out(m)
    m[m[AT_NEXT] + state * 256 + byte] = target
    if state < m[SAVED_STATES]:
        if m[N_JOURNAL] < JOURNAL:
            m[m[AT_JOURNAL] + m[N_JOURNAL]] = state * 256 + byte
            m[N_JOURNAL] += 1
        else:
            # Too much to take back: it stays.
            m[SAVED_STATES] = 0
    return target


@kernel
def begin(m):
    """From here on, what is made may be taken back."""
    m[SAVED_MEMO] = m[N_MEMO]
    m[SAVED_NODES] = m[N_NODES]
    m[SAVED_BUNDLES] = m[N_BUNDLES]
    m[SAVED_CONFIGS] = m[N_CONFIGS]
    m[SAVED_STATES] = m[N_STATES]
    m[SAVED_DUTIES] = m[N_DUTIES]
    m[SAVED_BLOCKS] = m[N_BLOCKS]
    m[SAVED_TEXT] = m[N_TEXT]
    m[N_JOURNAL] = 0


@kernel
def take_back(m):
    """Forget every cell and state that was made since `begin`; nothing that is kept refers to them.

    The memo's entries leave its hash table in the reverse order of their coming, so no other entry is cut off from its
    place.
    """
    if m[SAVED_STATES] == 0:
        return
    for k in range(m[N_JOURNAL]):
        m[m[AT_NEXT] + m[m[AT_JOURNAL] + k]] = UNKNOWN
    for s in range(m[SAVED_STATES], m[N_STATES]):
        for k in range(STATE_WIDTH):
            m[m[AT_STATES] + s * STATE_WIDTH + k] = 0
        for k in range(256):
            m[m[AT_NEXT] + s * 256 + k] = UNKNOWN
    mask = np.int64(m[CAP_HASH]) - 1
    for e in range(m[N_MEMO] - 1, m[SAVED_MEMO] - 1, -1):
        row = m[AT_MEMO] + e * MEMO_WIDTH
        h = mix(0, np.int64(m[row]))
        h = mix(mix(mix(h, np.int64(m[row + 1])), np.int64(m[row + 2])), np.int64(m[row + 3]))
        slot = h & mask
        while at(m, AT_HASH, slot) != e:
            slot = (slot + 1) & mask
        m[m[AT_HASH] + slot] = 0
    m[N_MEMO] = m[SAVED_MEMO]
    m[N_NODES] = m[SAVED_NODES]
    m[N_BUNDLES] = m[SAVED_BUNDLES]
    m[N_CONFIGS] = m[SAVED_CONFIGS]
    m[N_STATES] = m[SAVED_STATES]
    m[N_DUTIES] = m[SAVED_DUTIES]
    m[N_BLOCKS] = m[SAVED_BLOCKS]
    m[N_TEXT] = m[SAVED_TEXT]
    m[SAVED_STATES] = 0


@kernel
def enter(m, lr_state, inside, text):
    """The state at the beginning of a text."""
    if not roomy(m):
        return np.int64(UNKNOWN)
    b = bundle(m, node(m, lr_state, 0, 0), 0, inside)
    if b < 0:
        return np.int64(UNKNOWN)
    m[START_BUNDLE] = b
    return enter_bundle(m, b, START_SCAN, -1, 0, 0, text)


@kernel
def enter_bundle(m, b, q, won, d, column, text):
    """The state of one configuration."""
    if not roomy(m):
        return np.int64(UNKNOWN)
    m[N_OUT] = 0
    emit(m, config(m, b, q, won, d, column, text, text))
    return intern_out(m)


@kernel
def accepting(m, state):
    """May the text end in a state? 1 yes, 0 no, -1: something was asked for."""
    known = state_row(m, state, ST_ENDS)
    if known != 0:
        return known - 1
    if not roomy(m):
        return np.int64(ASKED)
    answer = np.int64(0)
    cell = np.int64(state)
    while cell != 0 and answer == 0:
        c = state_row(m, cell, ST_CONFIG)
        cell = state_row(m, cell, ST_REST)
        if config_row(m, c, CFG_SCAN) != START_SCAN:
            continue
        fits = True
        d = config_row(m, c, CFG_DUTY)
        while d != 0:
            if duty_row(m, d, DUTY_SCAN) == DUTY_NEXT:
                row = m[AT_CONDITION] + duty_row(m, d, DUTY_SET) * CONDITION_WIDTH
                if m[row + 1] == 0:
                    fits = False
            # What would match again at the end of the text, has a condition that holds there.
            elif conditional(m, duty_row(m, d, DUTY_SCAN), scan_words(m, duty_row(m, d, DUTY_SET)), -1):
                fits = False
            d = duty_row(m, d, DUTY_REST)
        if not fits:
            continue
        b = config_row(m, c, CFG_BUNDLE)
        answer = (
            np.int64(1)
            if b == m[START_BUNDLE] and m[NULLABLE] != 0
            else ends(m, b, config_row(m, c, CFG_TEXT))
        )
        if answer < 0:
            return answer
    m[m[AT_STATES] + state * STATE_WIDTH + ST_ENDS] = answer + 1
    return answer


@kernel
def shade_of(m, b, accepted, shiftable):
    """The shade of bundle b: the context in which the terminals of two sets are accepted and can be shifted."""
    if not roomy(m):
        return np.int64(UNKNOWN)
    inside = 0
    if m[INDENTED] != 0 and block_row(m, bundle_row(m, b, BND_BLOCK), BLK_BRACKETS) > 0:
        inside = 1
    return shade(m, SHADE, accepted, shiftable, inside)


@kernel
def shiftable(m, b, here, out):
    """Into out int32[words]: the terminals that can come next. False: something was asked for."""
    words = accepted_words(m, bundle_row(m, b, BND_SET))
    t = first_of(m, words, words, -1)
    while t >= 0:
        if not roomy(m):
            return False
        answer = viable_one(m, b, t, 0, 0, here)
        if answer < 0:
            return False
        if answer == 1:
            out[t >> 5] |= np.int32(1) << np.int32(t & 31)
        words = accepted_words(m, bundle_row(m, b, BND_SET))
        t = first_of(m, words, words, t)
    return True


@helper
def behind(m, b, t, d, column):
    """The state behind a lexeme of terminal t with duties d: what a shade left open. DEAD, or UNKNOWN."""
    reached = end_lexeme(m, b, t, column, 0, 0)
    if reached < FIRST:
        return np.int64(DEAD if reached == DEAD else UNKNOWN)
    if d != 0:
        answer = may_begin(m, reached, d, 0)
        if answer <= 0:
            return np.int64(UNKNOWN if answer < 0 else DEAD)
    m[N_OUT] = 0
    emit(m, config(m, reached, START_SCAN, -1, d, 0, 0, 0))
    return intern_out(m)


@kernel
def run(m, state, data, first, last):
    """(state behind data[first:last], last), or (DEAD or UNKNOWN, the index that it came to)."""
    for i in range(first, last):
        reached = step(m, state, data[i])
        if reached < FIRST:
            return reached, i
        state = reached
    return np.int64(state), last


@kernel
def successors(m, state, out):
    """The state behind each byte, into out int64[256]; UNKNOWN if something was asked for."""
    for byte in range(256):
        target = step(m, state, byte)
        if target == UNKNOWN:
            return np.int64(UNKNOWN)
        out[byte] = target
    return np.int64(DEAD)


@kernel
def behind_bundle(m, b, t, column):
    """The bundle behind a lexeme of terminal t, DEAD if it does not fit, UNKNOWN if something was asked for."""
    if not roomy(m):
        return np.int64(UNKNOWN)
    reached = end_lexeme(m, b, t, column, 0, 0)
    return reached if reached > 0 else np.int64(UNKNOWN)
