"""Lexemes in the middle of a parse: what the scanner holds, what ends one, and the duties that go along.

When a terminal matches, the text may go on in two ways, which are followed side by side: the lexeme ends here, or a
longer one is being read. In the first case the *duty* goes along that the scanner, gone on from here, must not match
again what it would have preferred (longest match, priorities); it ends when the scanner dies. So the state is exact to
a lexer that looks ahead as far as it likes, and never looks ahead itself.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.lr_kernels import shift
from treadle.automata.parse_cell_kernels import (
    ASKED,
    START_SCAN,
    VIOLATED,
    ask,
    at,
    block,
    block_row,
    bundle_row,
    found,
    interned,
    new_bundle,
    put,
    rebundled,
    slot_of,
    span,
)
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper


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
    return interned(m, M_DUTY, q, s, rest, AT_DUTIES, N_DUTIES)


@helper
def duty_row(m, d, column):
    return at(m, AT_DUTIES, d * DUTY_WIDTH + column)


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
def let_end(m, d):
    """Do duties let the text end here?"""
    while d != 0:
        q = duty_row(m, d, DUTY_SCAN)
        s = duty_row(m, d, DUTY_SET)
        if q == DUTY_NEXT:
            if at(m, AT_CONDITION, s * CONDITION_WIDTH + 1) == 0:
                return False
        # What would match again at the end of the text, has a condition that holds there.
        elif conditional(m, q, scan_words(m, s), -1):
            return False
        d = duty_row(m, d, DUTY_REST)
    return True


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
def may_go_on(m, b, here):
    """Do the guards let the text end behind bundle b, or some lexeme come that is not ignored? 1, 0, ASKED.

    Without guards there is always a way: tables have no rules and states without one.
    """
    if bundle_row(m, b, BND_NODE) < 0:
        return np.int64(1)
    words = accepted_words(m, bundle_row(m, b, BND_SET))
    t = first_of(m, words, words, -1)
    while t >= 0:
        if at(m, AT_ROLE, t) != ROLE_IGNORED:
            answer = viable_one(m, b, t, 0, 0, here)
            if answer != 0:
                return answer
        t = first_of(m, words, words, t)
    return ends(m, b, here)


@helper
def viable(m, b, q, s, won, column, here):
    """Can some lexeme that is being read fit behind bundle b? 1, 0, ASKED."""
    live = live_words(m, q)
    t = first_of(m, live, scan_words(m, s), -1)
    while t >= 0 and (won < 0 or t <= won):
        if m[GUARDED] != 0 and at(m, AT_ROLE, t) == ROLE_IGNORED:
            answer = may_go_on(m, b, here)
        else:
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
    if answer < 0 or (answer == 1 and let_end(m, d)):
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
