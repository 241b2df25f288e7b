"""The tokens that a parser allows, by profiles of readings: one question for each group of a profile.

A group's tokens are allowed if some lexeme that is being read at their end can come next, or if one that is complete
there can, by the parser's stacks; behind such a lexeme the group's own profile is looked through, with the stacks
behind it. What the lexer prefers to a lexeme that ended is (the set that it looked for, the lexeme's terminal): no set
of its own is made for it. `m` is the memory of parse_layout.py, `r` that of reading_layout.py.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.lexeme_kernels import (
    accepted_words,
    condition_count,
    condition_holds,
    conditions_of,
    duty_row,
    end_lexeme,
    ends,
    first_of,
    flag_words,
    holds,
    live_words,
    meet,
    scan_words,
    scanned,
    viable,
)
from treadle.automata.parse_cell_kernels import bundle_row, found, put, roomy, slot_of
from treadle.automata.parse_kernels import accepting, config_row, state_row
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.passing_kernels import begin, take_back
from treadle.compiling import helper, kernel
from treadle.matching.profile_kernels import profile_behind
from treadle.matching.reading_kernels import START_SCAN, flagset, group_row, open_row, reading_row
from treadle.matching.reading_layout import *  # noqa: F403

#: Answers.
DONE = 0
STOPPED = 1
NO_START = 2


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
def preferred_set(m, r, level):
    """The terminals that the lexer looked for where a lexeme of a level began."""
    return scan_words(m, np.int64(r[r[AT_PREFERRED] + 2 * level]))


@helper
def preferred_last(r, level):
    """The last of them that the lexer prefers to that lexeme, or the lexeme's own."""
    return np.int64(r[r[AT_PREFERRED] + 2 * level + 1])


@helper
def prefer(r, level, s, t):
    r[r[AT_PREFERRED] + 2 * level] = s
    r[r[AT_PREFERRED] + 2 * level + 1] = t


@helper
def broken(m, r, d):
    """Did a lexeme that ended go on as something that the lexer prefers?"""
    while d != 0:
        level = open_row(r, d, OP_LEVEL)
        if level >= BROUGHT:
            t = lowest_of(m, r, flagset(r, open_row(r, d, OP_FLAGGED)), preferred_set(m, r, level))
            if 0 <= t <= preferred_last(r, level):
                return True
        d = open_row(r, d, OP_REST)
    return False


@helper
def meets_up_to(m, a, b, last):
    """Is a terminal up to `last` in both sets of words?"""
    return 0 <= first_of(m, a, b, -1) <= last


@helper
def watches(m, q, words, last):
    """May the scanner still flag, from state q on, a terminal of a set up to `last`?"""
    return q != DEAD and meets_up_to(m, live_words(m, q), words, last)


@helper
def kept_by(m, q, words, last, own, byte):
    """Does a byte leave a duty unbroken: no terminal of a set up to `last` but `own` is flagged? 1, 0, -1: asked."""
    first = conditions_of(m, q)
    for c in range(first, first + condition_count(m, q)):
        t = np.int64(m[m[AT_CONDITION] + c * CONDITION_WIDTH])
        if t != own and t <= last and holds(m, words, t) and condition_holds(m, c, byte):
            return np.int64(0)
    after = scanned(m, q, byte)
    if after < 0:
        return np.int64(-1)
    if after != DEAD and meets_up_to(m, flag_words(m, after), words, last):
        return np.int64(0)
    return np.int64(1)


@helper
def kept_at_end(m, q, words, last, own):
    """`kept_by` where the text ends."""
    first = conditions_of(m, q)
    for c in range(first, first + condition_count(m, q)):
        t = np.int64(m[m[AT_CONDITION] + c * CONDITION_WIDTH])
        if (
            t != own
            and t <= last
            and holds(m, words, t)
            and m[m[AT_CONDITION] + c * CONDITION_WIDTH + 1] != 0
        ):
            return False
    return True


@helper
def let_text_end(m, r, w, words, t, c):
    """Do the duties of a lexeme of terminal t, and those that are open at its reading, let the text end?"""
    if c >= 0 and m[m[AT_CONDITION] + c * CONDITION_WIDTH + 1] == 0:
        return False
    if not kept_at_end(m, reading_row(r, w, RD_SCAN), words, t, t):
        return False
    d = reading_row(r, w, RD_OPEN)
    while d != 0:
        level = open_row(r, d, OP_LEVEL)
        q = open_row(r, d, OP_SCAN)
        if q != DEAD and not kept_at_end(m, q, preferred_set(m, r, level), preferred_last(r, level), -1):
            return False
        d = open_row(r, d, OP_REST)
    return True


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
    """The bundle behind a lexeme of terminal t that ends at a reading. DEAD if it does not fit, -1: asked.

    Behind a shade nothing is known, so its tokens are those that end no lexeme but ignored ones.
    """
    q = reading_row(r, w, RD_SCAN)
    kept = t
    for k in range(np.int64(m[m[AT_KEYWORD_ROW] + t]), np.int64(m[m[AT_KEYWORD_ROW] + t + 1])):
        keyword = np.int64(m[m[AT_KEYWORDS] + k])
        if holds(m, flag_words(m, q), keyword) and holds(m, accepted_words(m, s), keyword):
            kept = keyword
    reached = end_lexeme(m, b, kept, reading_row(r, w, RD_COLUMN), 0, 0)
    if reached >= FIRST and bundle_row(m, reached, BND_NODE) == BEHIND_SHADE:
        return np.int64(DEAD)
    return reached


@helper
def may_end(m, r, w, reached, s, t, c):
    """May a text be gone on with behind a lexeme of terminal t of set s that ends with the token? 1, 0, -1: asked.

    As lexeme_kernels.may_begin, one byte is looked at; here no duties are made for it.
    """
    q = reading_row(r, w, RD_SCAN)
    words = scan_words(m, s)
    watched = watches(m, q, words, t) or condition_count(m, q) > 0
    open_duties = False
    d = reading_row(r, w, RD_OPEN)
    while d != 0:
        level = open_row(r, d, OP_LEVEL)
        if watches(m, open_row(r, d, OP_SCAN), preferred_set(m, r, level), preferred_last(r, level)):
            open_duties = True
        d = open_row(r, d, OP_REST)
    if not (watched or open_duties or c >= 0):
        return np.int64(1)
    answer = ends(m, reached, 0)
    if answer < 0 or (answer == 1 and let_text_end(m, r, w, words, t, c)):
        return answer
    next_words = scan_words(m, bundle_row(m, reached, BND_SET))
    for byte in range(256):
        begun = scanned(m, START_SCAN, byte)
        if begun < 0:
            return np.int64(-1)
        if begun == DEAD or (c >= 0 and not condition_holds(m, c, byte)):
            continue
        if not (
            meet(m, live_words(m, begun), next_words)
            or meet(m, flag_words(m, begun), next_words)
            or condition_count(m, begun) > 0
        ):
            continue
        answer = kept_by(m, q, words, t, t, byte) if watched else np.int64(1)
        d = reading_row(r, w, RD_OPEN) if open_duties else np.int64(0)
        while answer == 1 and d != 0:
            level = open_row(r, d, OP_LEVEL)
            before = open_row(r, d, OP_SCAN)
            set_before, last = preferred_set(m, r, level), preferred_last(r, level)
            if watches(m, before, set_before, last):
                answer = kept_by(m, before, set_before, last, -1, byte)
            d = open_row(r, d, OP_REST)
        if answer != 0:
            return answer
    return np.int64(0)


@helper
def push(r, depth, profile, b, s, won):
    first = np.int64(r[r[AT_PROFILES] + profile * PROFILE_WIDTH + PR_FIRST])
    row = r[AT_FRAMES] + depth * FRAME_WIDTH
    r[row] = first
    r[row + 1] = first + r[r[AT_PROFILES] + profile * PROFILE_WIDTH + PR_COUNT]
    r[row + 2] = b
    r[row + 3] = s
    r[row + 4] = won


@helper
def stopped(r, depth, g):
    """Something was asked for at group g: a mask goes on there."""
    r[r[AT_FRAMES] + depth * FRAME_WIDTH] = g
    r[RESUMED] = depth + 1
    return STOPPED


@helper
def go_behind(m, r, trie, tokens, cover, g, depth, reached, s, t):
    """Look through the profile behind a lexeme of terminal t of set s, which ends at group g. False: asked."""
    behind = group_row(r, g, GR_BEHIND)
    if behind == 0:
        behind = profile_behind(m, r, trie, tokens, cover, g, BROUGHT + depth)
        if behind == UNKNOWN:
            return False
    prefer(r, BROUGHT + depth, s, t)
    push(r, depth + 1, behind, reached, bundle_row(m, reached, BND_SET), -1)
    return True


@helper
def allowed(m, r, trie, tokens, cover, profile, bundle, won0, row):
    """Add to `row` int32[words] the tokens of a profile that a bundle allows. DONE, or STOPPED: call again.

    `won0`: the terminal that the lexeme matched before.
    """
    depth = 0
    if r[RESUMED] > 0:
        depth = r[RESUMED] - 1
        r[RESUMED] = 0
    else:
        push(r, 0, profile, bundle, bundle_row(m, bundle, BND_SET), won0)
    while depth >= 0:
        here = depth
        frame = r[AT_FRAMES] + here * FRAME_WIDTH
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
            return stopped(r, here, g)
        b = np.int64(r[frame + 2])
        s = np.int64(r[frame + 3])
        won0 = np.int64(r[frame + 4])
        scan = scan_words(m, s)
        won = lowest_of(m, r, flagset(r, reading_row(r, w, RD_FLAGGED)), scan)
        if won0 >= 0 and (won < 0 or won0 < won):
            won = won0
        pending = r[group + GR_TOKENS] < 0 or r[group + GR_TOKENS] < r[group + GR_TOKENS_END]
        if pending:
            answer = viable(m, b, q, s, won, reading_row(r, w, RD_COLUMN), 0)
            if answer < 0:
                return stopped(r, here, g)
            if answer == 1:
                allow(r, group, row)
                pending = False
        leaving = r[group + GR_ROOTS] < r[group + GR_ROOTS_END]
        if not (pending or leaving):
            continue
        flagged = first_of(m, flag_words(m, q), scan, -1)
        only = np.int64(r[group + GR_TERMINAL])
        if only < 0 and flagged >= 0 and (won < 0 or flagged <= won):
            reached = ending(m, r, w, flagged, s, b)
            if reached < 0:
                return stopped(r, here, g)
            if reached != DEAD and pending:
                answer = may_end(m, r, w, reached, s, flagged, -1)
                if answer < 0:
                    return stopped(r, here, g)
                if answer == 1:
                    allow(r, group, row)
                    pending = False
            if reached != DEAD and leaving:
                if not go_behind(m, r, trie, tokens, cover, g, here, reached, s, flagged):
                    return stopped(r, here, g)
                depth = here + 1
        if condition_count(m, q) == 0 or not (pending or only >= 0):
            continue
        first = conditions_of(m, q)
        for c in range(first, first + condition_count(m, q)):
            t = np.int64(m[m[AT_CONDITION] + c * CONDITION_WIDTH])
            if (only >= 0 and t != only) or not holds(m, scan, t):
                continue
            if (won >= 0 and t > won) or (flagged >= 0 and t > flagged):
                continue
            reached = ending(m, r, w, t, s, b)
            if reached < 0:
                return stopped(r, here, g)
            if reached == DEAD:
                continue
            if only < 0:
                answer = may_end(m, r, w, reached, s, t, c)
                if answer < 0:
                    return stopped(r, here, g)
                if answer == 1:
                    allow(r, group, row)
                    break
            else:
                if not go_behind(m, r, trie, tokens, cover, g, here, reached, s, t):
                    return stopped(r, here, g)
                depth = here + 1
                break
    return DONE


@helper
def may_match(m, q, words):
    """May the scanner of a duty still flag a terminal of a set?"""
    before = -q - 8 if q < 0 else q
    if meet(m, live_words(m, before), words):
        return True
    first = conditions_of(m, before)
    for c in range(first, first + condition_count(m, before)):
        if holds(m, words, np.int64(m[m[AT_CONDITION] + c * CONDITION_WIDTH])):
            return True
    return False


@helper
def prefer_brought(m, r, c):
    """Note what the duties of a configuration watch for, at the levels that its profile gives them."""
    level = 0
    d = config_row(m, c, CFG_DUTY)
    while d != 0:
        q = duty_row(m, d, DUTY_SCAN)
        s = duty_row(m, d, DUTY_SET)
        if q == DUTY_NEXT or may_match(m, q, scan_words(m, s)):
            prefer(r, level, np.int64(0) if q == DUTY_NEXT else s, np.int64(m[TERMINALS]))
            level += 1
        d = duty_row(m, d, DUTY_REST)


@helper
def slot_of_start(m, r, c):
    return slot_of(
        m, M_START, config_row(m, c, CFG_SCAN), config_row(m, c, CFG_DUTY),
        (config_row(m, c, CFG_COLUMN) << 16) | np.int64(r[GENERATION]),
    )  # fmt: skip


@kernel
def note_start(m, r, c, start):
    """Remember where the masks of configurations like c start. False: room was asked for, call again."""
    if not roomy(m):
        return False
    slot = slot_of_start(m, r, c)
    if found(m, slot) < 0:
        put(
            m, slot, M_START, config_row(m, c, CFG_SCAN), config_row(m, c, CFG_DUTY),
            (config_row(m, c, CFG_COLUMN) << 16) | np.int64(r[GENERATION]), start,
        )  # fmt: skip
    return True


@helper
def forget_place(r):
    r[RESUMED] = 0
    r[RESUMED_PART] = 0


@kernel
def mask_on(m, r, trie, tokens, cover, state, shared, row):
    """Add to `row` int32[words] the tokens that a state allows, of which all starts are known. DONE, or STOPPED:
    something was asked for, call again. `shared`: scratch as long as a row.
    """
    cell = np.int64(r[RESUMED_CELL]) if r[RESUMED] > 0 else np.int64(state)
    while cell != 0:
        r[RESUMED_CELL] = cell
        c = state_row(m, cell, ST_CONFIG)
        b = config_row(m, c, CFG_BUNDLE)
        won = config_row(m, c, CFG_WON)
        start = r[AT_STARTS] + found(m, slot_of_start(m, r, c)) * START_WIDTH
        base = np.int64(r[start + STA_BASE])
        if base != 0 and r[RESUMED_PART] == 0:
            if r[RESUMED] == 0:
                for k in range(len(shared)):
                    shared[k] = 0
            if allowed(m, r, trie, tokens, cover, base, b, won, shared) != DONE:
                return STOPPED
            apart = r[AT_ROWS] + np.int64(r[start + STA_APART]) * r[ROW_WORDS]
            for k in range(len(shared)):
                row[k] |= shared[k] & ~r[apart + k]
        r[RESUMED_PART] = 1
        own = np.int64(r[start + STA_PROFILE])
        if own != 0:
            prefer_brought(m, r, c)
            if allowed(m, r, trie, tokens, cover, own, b, won, row) != DONE:
                return STOPPED
        r[RESUMED_PART] = 0
        cell = state_row(m, cell, ST_REST)
    return DONE


@kernel
def mask_at_once(m, r, trie, tokens, cover, state, ends_row, shared, row):
    """The same where nothing has to be asked for, with the ends of the text and everything taken back.

    DONE; STOPPED: something was asked for, mask_on goes the long way; NO_START: at a configuration, r[WANTED].
    """
    cell = np.int64(state)
    while cell != 0:
        c = state_row(m, cell, ST_CONFIG)
        if found(m, slot_of_start(m, r, c)) < 0:
            r[WANTED] = c
            return NO_START
        cell = state_row(m, cell, ST_REST)
    may_stop = accepting(m, state)
    if may_stop < 0 or not roomy(m):
        return STOPPED
    begin(m)
    answer = mask_on(m, r, trie, tokens, cover, state, shared, row)
    take_back(m)
    if answer != DONE:
        forget_place(r)
    elif may_stop == 1:
        for k in range(len(ends_row)):
            row[k] |= ends_row[k]
    return answer
