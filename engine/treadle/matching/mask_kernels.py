"""The tokens that a parser allows, by profiles of readings: one question for each group of a profile.

A group's tokens are allowed if some lexeme that is being read at their end can come next, or if one that is complete
there can, by the parser's stacks; behind such a lexeme the group's own profile is looked through, with the stacks
behind it. `m` is the memory of parse_kernels.py, `r` that of reading_layout.py.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.parse_kernels import (
    accepted_words,
    bundle_row,
    condition_count,
    conditions_of,
    duty,
    end_lexeme,
    first_of,
    flag_words,
    fresh,
    holds,
    live_words,
    may_begin,
    meet,
    roomy,
    scan_words,
    up_to,
    viable,
)
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper, kernel
from treadle.matching.profile_kernels import profile_behind
from treadle.matching.reading_kernels import flagset, open_row, reading_row
from treadle.matching.reading_layout import *  # noqa: F403


@helper
def lowest_of(m, r, a, b):
    """The first terminal in both sets of words, at a in r and at b in m; -1 if there is none."""
    for k in range(m[WORDS]):
        bits = np.int64(r[a + k] & m[b + k]) & 0xFFFFFFFF
        if bits != 0:
            t = 32 * k
            while bits & 1 == 0:
                bits >>= 1
                t += 1
            return np.int64(t)
    return np.int64(-1)


@helper
def broken(m, r, d):
    """Did a lexeme that ended go on as something that the lexer prefers?"""
    while d != 0:
        level = open_row(r, d, OP_LEVEL)
        preferred = np.int64(r[r[AT_PREFERRED] + level])
        if (
            level >= BROUGHT
            and lowest_of(m, r, flagset(r, open_row(r, d, OP_FLAGGED)), scan_words(m, preferred)) >= 0
        ):
            return True
        d = open_row(r, d, OP_REST)
    return False


@helper
def duties_left(m, r, d):
    """The duties of a reading, as those of a configuration."""
    left = np.int64(0)
    while d != 0:
        q = open_row(r, d, OP_SCAN)
        preferred = np.int64(r[r[AT_PREFERRED] + open_row(r, d, OP_LEVEL)])
        if q != DEAD and meet(m, live_words(m, q), scan_words(m, preferred)):
            left = duty(m, q, preferred, left)
        d = open_row(r, d, OP_REST)
    return left


@helper
def allow(r, group, row):
    """Add a group's tokens to a row."""
    first = np.int64(r[group + GR_TOKENS])
    last = np.int64(r[group + GR_TOKENS_END])
    if first < 0:
        bits = r[AT_ROWS] + last * r[ROW_WORDS]
        for k in range(r[ROW_WORDS]):
            row[k] |= r[bits + k]
        return
    for k in range(r[AT_TOKENS] + first, r[AT_TOKENS] + last):
        t = np.int64(r[k])
        row[t >> 5] |= np.int32(1) << np.int32(t & 31)


@helper
def ending(m, r, w, t, s, b):
    """(bundle behind a lexeme of terminal t that ends at a reading, what the lexer prefers to it); the first is DEAD
    if it does not fit, -1 if something was asked for.
    """
    q = reading_row(r, w, RD_SCAN)
    kept = t
    for k in range(np.int64(m[m[AT_KEYWORD_ROW] + t]), np.int64(m[m[AT_KEYWORD_ROW] + t + 1])):
        keyword = np.int64(m[m[AT_KEYWORDS] + k])
        if holds(m, flag_words(m, q), keyword) and holds(m, accepted_words(m, s), keyword):
            kept = keyword
    preferred = up_to(m, s, t)
    if preferred < 0:
        return np.int64(-1), preferred
    reached = end_lexeme(m, b, kept, reading_row(r, w, RD_COLUMN), 0, 0)
    return reached, preferred


@helper
def may_end(m, r, w, reached, preferred, c):
    """May a text be gone on with behind a lexeme that ends with the token? 1, 0, -1: something was asked for."""
    q = reading_row(r, w, RD_SCAN)
    d = duties_left(m, r, reading_row(r, w, RD_OPEN))
    if meet(m, live_words(m, q), scan_words(m, preferred)) or condition_count(m, q) > 0:
        d = duty(m, fresh(q), preferred, d)
    if c >= 0:
        d = duty(m, DUTY_NEXT, c, d)
    return may_begin(m, reached, d, 0) if d != 0 else np.int64(1)


@helper
def push(r, depth, profile, b, s, won):
    first = np.int64(r[r[AT_PROFILES] + profile * PROFILE_WIDTH + PR_FIRST])
    row = r[AT_FRAMES] + depth * FRAME_WIDTH
    r[row] = first
    r[row + 1] = first + r[r[AT_PROFILES] + profile * PROFILE_WIDTH + PR_COUNT]
    r[row + 2] = b
    r[row + 3] = s
    r[row + 4] = won


@kernel
def allowed(m, r, trie, tokens, cover, profile, bundle, won0, inside, row):
    """Add to `row` int32[words] the tokens of a profile that a bundle allows.

    `won0`: the terminal that the lexeme matched before; `inside`: only those that complete nothing. Returns 0 at the
    end, 1 if something was asked for.
    """
    depth = 0
    push(r, 0, profile, bundle, bundle_row(m, bundle, BND_SET), won0)
    while depth >= 0:
        frame = r[AT_FRAMES] + depth * FRAME_WIDTH
        g = np.int64(r[frame])
        if g >= r[frame + 1]:
            depth -= 1
            continue
        r[frame] = g + 1
        group = r[AT_GROUPS] + g * GROUP_WIDTH
        w = np.int64(r[group + GR_READING])
        q = reading_row(r, w, RD_SCAN)
        if broken(m, r, reading_row(r, w, RD_OPEN)):
            continue
        if not roomy(m):
            return 1
        b = np.int64(r[frame + 2])
        s = np.int64(r[frame + 3])
        won0 = np.int64(r[frame + 4])
        scan = scan_words(m, s)
        won = lowest_of(m, r, flagset(r, reading_row(r, w, RD_FLAGGED)), scan)
        if won0 >= 0 and (won < 0 or won0 < won):
            won = won0
        column = reading_row(r, w, RD_COLUMN)
        pending = r[group + GR_TOKENS] < 0 or r[group + GR_TOKENS] < r[group + GR_TOKENS_END]
        if pending:
            answer = viable(m, b, q, s, won, column, 0)
            if answer < 0:
                return 1
            if answer == 1:
                allow(r, group, row)
                pending = False
        leaving = r[group + GR_ROOTS] < r[group + GR_ROOTS_END]
        if inside or not (pending or leaving):
            continue
        flagged = first_of(m, flag_words(m, q), scan, -1)
        only = np.int64(r[group + GR_TERMINAL])
        if only < 0 and flagged >= 0 and (won < 0 or flagged <= won):
            reached, preferred = ending(m, r, w, flagged, s, b)
            if reached < 0:
                return 1
            if reached != DEAD and pending:
                answer = may_end(m, r, w, reached, preferred, -1)
                if answer < 0:
                    return 1
                if answer == 1:
                    allow(r, group, row)
                    pending = False
            if reached != DEAD and leaving:
                if r[group + GR_BEHIND] == 0 and (
                    profile_behind(m, r, trie, tokens, cover, g, BROUGHT + depth) == UNKNOWN
                ):
                    return 1
                r[r[AT_PREFERRED] + BROUGHT + depth] = preferred
                depth += 1
                push(r, depth, np.int64(r[group + GR_BEHIND]), reached, bundle_row(m, reached, BND_SET), -1)
        if condition_count(m, q) == 0 or not (pending or only >= 0):
            continue
        first = conditions_of(m, q)
        for c in range(first, first + condition_count(m, q)):
            t = np.int64(m[m[AT_CONDITION] + c * CONDITION_WIDTH])
            if (only >= 0 and t != only) or not holds(m, scan, t):
                continue
            if (won >= 0 and t > won) or (flagged >= 0 and t > flagged):
                continue
            reached, preferred = ending(m, r, w, t, s, b)
            if reached < 0:
                return 1
            if reached == DEAD:
                continue
            if only < 0:
                answer = may_end(m, r, w, reached, preferred, c)
                if answer < 0:
                    return 1
                if answer == 1:
                    allow(r, group, row)
                    pending = False
            else:
                if r[group + GR_BEHIND] == 0 and (
                    profile_behind(m, r, trie, tokens, cover, g, BROUGHT + depth) == UNKNOWN
                ):
                    return 1
                r[r[AT_PREFERRED] + BROUGHT + depth] = preferred
                depth += 1
                push(r, depth, np.int64(r[group + GR_BEHIND]), reached, bundle_row(m, reached, BND_SET), -1)
    return 0
