"""Reading a byte in the middle of a parse: a scanner, LR stacks in interned cells, and the duties of a lexeme that
ended.

`m` is the memory, int32[n] (parse_layout.py). A configuration is a bundle of LR stacks that read the same lexemes
(lr_kernels.py), how far the scanner is in the next one, and the duties of those that ended (lexeme_kernels.py); a state
is a set of these, interned (parse_cell_kernels.py).
"""

from __future__ import annotations

import numpy as np

from treadle.automata.journal_kernels import note_transition
from treadle.automata.lexeme_kernels import (
    accepted_words,
    condition_count,
    condition_holds,
    conditions_of,
    duty,
    end_lexeme,
    ends,
    first_of,
    flag_words,
    holds,
    keep_duties,
    let_end,
    live_words,
    may_begin,
    may_go_on,
    meet,
    scan_words,
    scanned,
    shade,
    viable,
    viable_one,
)
from treadle.automata.lr_kernels import sort, united
from treadle.automata.parse_cell_kernels import (
    ASKED,
    START_SCAN,
    VIOLATED,
    ask,
    at,
    block_row,
    bundle,
    bundle_row,
    found,
    fresh,
    node,
    put,
    roomy,
    slot_of,
    span,
    up_to,
)
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.text_kernels import longer
from treadle.compiling import helper, kernel


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
def differs_by_stacks(m, c, b, q, won, d, column):
    """Do configuration c and one of bundle b differ by nothing but their stacks?"""
    other = config_row(m, c, CFG_BUNDLE)
    return (
        config_row(m, c, CFG_SCAN) == q
        and config_row(m, c, CFG_WON) == won
        and config_row(m, c, CFG_DUTY) == d
        and config_row(m, c, CFG_COLUMN) == column
        and bundle_row(m, other, BND_NODE) >= 0
        and bundle_row(m, other, BND_BLOCK) == bundle_row(m, b, BND_BLOCK)
    )


@helper
def emit_config(m, b, q, won, d, column, text, began):
    """Note a configuration. In a scannerless grammar those that differ by their stacks alone are one.

    There the scanner is in one state for all terminals, whoever looks for them, so stacks that wait for the same
    lexeme are followed together, whenever their lexemes began. False: something was asked for.
    """
    if m[LEXICAL] == 0 and m[APART] == 0 and bundle_row(m, b, BND_NODE) >= 0:
        for k in range(np.int64(m[N_OUT])):
            c = at(m, AT_OUT, k)
            if differs_by_stacks(m, c, b, q, won, d, column):
                together = united(m, config_row(m, c, CFG_BUNDLE), b)
                if together < 0:
                    return False
                m[m[AT_OUT] + k] = config(m, together, q, won, d, column, text, began)
                return True
    return emit(m, config(m, b, q, won, d, column, text, began))


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
    return emit_config(m, reached, START_SCAN, -1, d, 0, text, text)


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
        text = longer(m, text, byte)
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
    return answer == 0 or emit_config(m, b, q, won, d, column, text, began)


@helper
def has_a_way(m):
    """Do the guards let one of the noted configurations go on, or end the text? 1, 0, ASKED.

    One in the middle of a lexeme was asked about when it was noted.
    """
    count = np.int64(m[N_OUT])
    for k in range(count):
        if config_row(m, at(m, AT_OUT, k), CFG_SCAN) != START_SCAN:
            return np.int64(1)
    for k in range(count):
        c = at(m, AT_OUT, k)
        answer = may_go_on(m, config_row(m, c, CFG_BUNDLE), config_row(m, c, CFG_TEXT))
        if answer != 0:
            return answer
    return np.int64(0)


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
    if m[GUARDED] != 0:
        answer = has_a_way(m)
        if answer < 0:
            return np.int64(UNKNOWN)
        if answer == 0:
            m[N_OUT] = 0
    target = intern_out(m)
    m[m[AT_NEXT] + state * 256 + byte] = target
    note_transition(m, state, byte)
    return target


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
        if not let_end(m, config_row(m, c, CFG_DUTY)):
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


@kernel
def goes_on(m, b, here):
    """Do the guards let something follow bundle b? 1, 0, ASKED. `here`: the text so far."""
    return may_go_on(m, b, here) if roomy(m) else np.int64(ASKED)


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
        reached = step(m, state, np.int64(data[i]))
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
