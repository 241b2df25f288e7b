"""Readings: what a contextual lexer makes of bytes, whatever the parser thinks of it.

A lexer's part in a token is a matter of its own state alone: which terminals are flagged where, which lexemes could
end in front of which byte. A *reading* is that state: scanner state, terminals flagged on the way, duties of lexemes
that ended within the token. What it must not flag again is known of lexemes that ended before the token; of those
within it the flags are kept, for what the lexer prefers is the parser's context (mask_kernels.py).

`m` is the memory of parse_layout.py, of which the scanner is read; `r` is that of reading_layout.py.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.lexeme_kernels import (
    condition_count,
    condition_holds,
    conditions_of,
    flag_words,
    holds,
    live_words,
    scanned,
)
from treadle.automata.parse_cell_kernels import found, put, slot_of
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper, kernel
from treadle.matching.reading_layout import *  # noqa: F403

NOT_KNOWN = -1
BROKEN = -2
START_SCAN = 2


@helper
def reading_row(r, w, column):
    return np.int64(r[r[AT_READINGS] + w * READING_WIDTH + column])


@helper
def open_row(r, d, column):
    return np.int64(r[r[AT_OPEN] + d * OPEN_WIDTH + column])


@helper
def group_row(r, g, column):
    return np.int64(r[r[AT_GROUPS] + g * GROUP_WIDTH + column])


@helper
def flagset(r, f):
    return r[AT_FLAGSETS] + f * r[FLAG_WORDS]


# -- sets of terminals ------------------------------------------------------------------------------


@helper
def interned_set(r):
    """The number of the set that was written behind the last one."""
    count = np.int64(r[N_FLAGSETS])
    new = flagset(r, count)
    for f in range(count):
        old = flagset(r, f)
        same = True
        for k in range(r[FLAG_WORDS]):
            if r[old + k] != r[new + k]:
                same = False
                break
        if same:
            return np.int64(f)
    r[N_FLAGSETS] = count + 1
    return count


@helper
def with_flags(m, r, f, q):
    """Set f and the terminals that scanner state q flags."""
    slot = slot_of(r, K_FLAGS, f, q, 0)
    known = found(r, slot)
    if known >= 0:
        return known
    new = flagset(r, r[N_FLAGSETS])
    for k in range(r[FLAG_WORDS]):
        r[new + k] = r[flagset(r, f) + k] | m[flag_words(m, q) + k]
    made = interned_set(r)
    put(r, slot, K_FLAGS, f, q, 0, made)
    return made


@helper
def with_terminal(r, f, t):
    slot = slot_of(r, K_BIT, f, t, 0)
    known = found(r, slot)
    if known >= 0:
        return known
    new = flagset(r, r[N_FLAGSETS])
    for k in range(r[FLAG_WORDS]):
        r[new + k] = r[flagset(r, f) + k]
    r[new + (t >> 5)] |= np.int32(1) << np.int32(t & 31)
    made = interned_set(r)
    put(r, slot, K_BIT, f, t, 0, made)
    return made


@helper
def with_conditions(m, r, f, q, byte, without):
    """Set f and the terminals, but for those of set `without`, whose condition in scanner state q a byte meets."""
    first = conditions_of(m, q)
    for c in range(first, first + condition_count(m, q)):
        t = np.int64(m[m[AT_CONDITION] + c * CONDITION_WIDTH])
        if condition_holds(m, c, byte) and not holds(r, flagset(r, without), t):
            f = with_terminal(r, f, t)
    return f


@helper
def within(r, a, b):
    """Is the set of words at a part of that at b?"""
    for k in range(r[FLAG_WORDS]):
        if r[a + k] & ~r[b + k] != 0:
            return False
    return True


# -- readings ---------------------------------------------------------------------------------------


@helper
def open_duty(r, q, f, lexeme, level, rest):
    slot = slot_of(r, K_OPEN, q, f, lexeme)
    first = found(r, slot)
    if first < 0:
        first = np.int64(r[N_MEMO])
        put(r, slot, K_OPEN, q, f, lexeme, first)
    slot = slot_of(r, K_OPEN_2, first, level, rest)
    known = found(r, slot)
    if known >= 0:
        return known
    d = np.int64(r[N_OPEN])
    r[N_OPEN] = d + 1
    row = r[AT_OPEN] + d * OPEN_WIDTH
    r[row + OP_SCAN] = q
    r[row + OP_FLAGGED] = f
    r[row + OP_LEXEME] = lexeme
    r[row + OP_LEVEL] = level
    r[row + OP_REST] = rest
    put(r, slot, K_OPEN_2, first, level, rest, d)
    return d


@helper
def reading(r, q, f, d, column):
    slot = slot_of(r, K_PLACE, d, column, 0)
    place = found(r, slot)
    if place < 0:
        place = np.int64(r[N_MEMO])
        put(r, slot, K_PLACE, d, column, 0, place)
    slot = slot_of(r, K_READING, q, f, place)
    known = found(r, slot)
    if known >= 0:
        return known
    w = np.int64(r[N_READINGS])
    r[N_READINGS] = w + 1
    row = r[AT_READINGS] + w * READING_WIDTH
    r[row + RD_SCAN] = q
    r[row + RD_FLAGGED] = f
    r[row + RD_OPEN] = d
    r[row + RD_COLUMN] = column
    put(r, slot, K_READING, q, f, place, w)
    return w


@helper
def brought_behind(m, r, q, own, watched, byte):
    """The scanner state behind a byte of a duty that a configuration brought: here the terminals that must not match
    are known, the set at `watched`. `own`: the terminal of the lexeme, as long as q is where it ended.
    """
    before = -q - 8 if q < 0 else q
    first = conditions_of(m, before)
    for c in range(first, first + condition_count(m, before)):
        t = np.int64(m[m[AT_CONDITION] + c * CONDITION_WIDTH])
        if holds(r, watched, t) and not (q < 0 and t == own) and condition_holds(m, c, byte):
            return np.int64(BROKEN)
    q = scanned(m, before, byte)
    if q < 0:
        return np.int64(NOT_KNOWN)
    lasts = condition_count(m, q) > 0
    for k in range(r[FLAG_WORDS]):
        if m[flag_words(m, q) + k] & r[watched + k] != 0:
            return np.int64(BROKEN)
        lasts = lasts or m[live_words(m, q) + k] & r[watched + k] != 0
    return q if lasts else np.int64(DEAD)


@helper
def duty_behind(m, r, d, byte):
    """Scanner state and flags of one duty behind a byte. BROKEN, NOT_KNOWN: in place of the scanner state."""
    q = open_row(r, d, OP_SCAN)
    f = open_row(r, d, OP_FLAGGED)
    lexeme = open_row(r, d, OP_LEXEME)
    if q == DUTY_NEXT:
        return np.int64(DEAD if condition_holds(m, f, byte) else BROKEN), np.int64(0)
    if open_row(r, d, OP_LEVEL) < BROUGHT:
        return brought_behind(m, r, q, f, flagset(r, lexeme), byte), np.int64(0)
    if q < 0:
        q = -q - 8
        f = with_conditions(m, r, f, q, byte, lexeme)
    elif q != DEAD:
        f = with_conditions(m, r, f, q, byte, 0)
    if q != DEAD:
        q = scanned(m, q, byte)
        if q < 0:
            return np.int64(NOT_KNOWN), f
        if q != DEAD:
            f = with_flags(m, r, f, q)
    if within(r, flagset(r, lexeme), flagset(r, f)):
        return np.int64(BROKEN), f
    return q, f


@helper
def duties_behind(m, r, d, byte):
    """What is left of duties behind a byte, BROKEN if one certainly is, NOT_KNOWN if something was asked for."""
    scratch = r[AT_SCRATCH]
    count = 0
    while d != 0:
        q, f = duty_behind(m, r, d, byte)
        if q < 0:
            return q
        if q != DEAD or f != 0:
            # Behind the first byte it no longer matters which terminal a lexeme was of.
            r[scratch + 3 * count] = q
            r[scratch + 3 * count + 1] = f
            r[scratch + 3 * count + 2] = d
            count += 1
        d = open_row(r, d, OP_REST)
    left = np.int64(0)
    for k in range(count - 1, -1, -1):
        d = np.int64(r[scratch + 3 * k + 2])
        left = open_duty(
            r, np.int64(r[scratch + 3 * k]), np.int64(r[scratch + 3 * k + 1]),
            open_row(r, d, OP_LEXEME), open_row(r, d, OP_LEVEL), left,
        )  # fmt: skip
    return left


@helper
def column_of(m, q, byte, column):
    """Column of the next line, as far as it is written; 0 outside of ends of lines."""
    t = m[NEWLINE]
    if (
        m[INDENTED] == 0
        or not (holds(m, live_words(m, q), t) or holds(m, flag_words(m, q), t))
        or byte == 0x0A
    ):
        return np.int64(0)
    return (
        np.int64(column + 1)
        if byte == 0x20
        else np.int64(column + m[TAB])
        if byte == 0x09
        else np.int64(column)
    )


@helper
def read(m, r, w, byte):
    """The reading behind a byte, DEAD, or UNKNOWN if something was asked for."""
    known = r[r[AT_READ] + w * 256 + byte]
    if known != UNKNOWN:
        return np.int64(known)
    before = reading_row(r, w, RD_SCAN)
    q = scanned(m, before, byte)
    if q < 0:
        return np.int64(UNKNOWN)
    made = np.int64(DEAD)
    if q != DEAD:
        d = duties_behind(m, r, reading_row(r, w, RD_OPEN), byte)
        if d == NOT_KNOWN:
            return np.int64(UNKNOWN)
        if d != BROKEN:
            f = reading_row(r, w, RD_FLAGGED)
            if before != START_SCAN:
                f = with_conditions(m, r, f, before, byte, 0)
            f = with_flags(m, r, f, q)
            made = reading(r, q, f, d, column_of(m, q, byte, reading_row(r, w, RD_COLUMN)))
    r[r[AT_READ] + w * 256 + byte] = made
    return made


@kernel
def first_reading(m, r, q, duties, watched, column):
    """The reading of a configuration. `duties` int32[n, 2]: scanner state (or DUTY_NEXT) and terminal (condition) of
    each; `watched` int32[n, words]: the terminals that must not match.
    """
    d = np.int64(0)
    for k in range(duties.shape[0] - 1, -1, -1):
        if duties[k, 0] == DUTY_NEXT:
            d = open_duty(r, DUTY_NEXT, np.int64(duties[k, 1]), 0, k, d)
            continue
        new = flagset(r, r[N_FLAGSETS])
        for w in range(r[FLAG_WORDS]):
            r[new + w] = watched[k, w]
        d = open_duty(r, np.int64(duties[k, 0]), np.int64(duties[k, 1]), interned_set(r), k, d)
    return reading(r, q, 0, d, column)


@kernel
def readings_behind(m, r, w, out):
    """The readings behind each byte, into out int32[256]; False: something was asked for."""
    for byte in range(256):
        out[byte] = read(m, r, w, byte)
        if out[byte] == UNKNOWN:
            return False
    return True
