"""The frontier being built: adding a configuration, and all that is reached from a position without reading."""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import (
    ask,
    cell,
    char_row,
    edge,
    literal_set,
    memo_row,
    memo_slot,
    out_row,
    position,
    stack_row,
    work_row,
)
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.object_kernels import can_close, can_go_on, names_of, others_allowed, push, push_object
from treadle.compiling import helper


@helper
def emit(m, pos, q, low, high, count, decode, text, stack):
    """Add a configuration to the frontier being built, once."""
    n = np.int64(m[N_OUT])
    for i in range(n - 1, -1, -1):
        if (
            out_row(m, i, 0) == pos
            and out_row(m, i, 7) == stack
            and out_row(m, i, 1) == q
            and out_row(m, i, 2) == low
            and out_row(m, i, 3) == high
            and out_row(m, i, 4) == count
            and out_row(m, i, 5) == decode
            and out_row(m, i, 6) == text
        ):
            return True
    if n >= m[CAP_OUT]:
        return ask(m, ASK_LIMIT, n, 0, 0)
    m[m[AT_OUT] + n * CFG_WIDTH + 0] = pos
    m[m[AT_OUT] + n * CFG_WIDTH + 1] = q
    m[m[AT_OUT] + n * CFG_WIDTH + 2] = low
    m[m[AT_OUT] + n * CFG_WIDTH + 3] = high
    m[m[AT_OUT] + n * CFG_WIDTH + 4] = count
    m[m[AT_OUT] + n * CFG_WIDTH + 5] = decode
    m[m[AT_OUT] + n * CFG_WIDTH + 6] = text
    m[m[AT_OUT] + n * CFG_WIDTH + 7] = stack
    m[m[AT_OUT] + n * CFG_WIDTH + 8] = 0
    m[N_OUT] = n + 1
    return True


@helper
def close(m, pos, stack, world):
    """Add what is reached from (pos, stack) without reading: the epsilon closure. False: something was asked for.

    `world` is 0, or -1 where no names are recorded (see `anonymous`); every configuration carries it as its text.
    """
    n = later(m, 0, pos, stack)
    while n > 0:
        n -= 1
        p, s = go_through(m, work_row(m, n, 0), work_row(m, n, 1), world)
        if p < 0:
            return False
        kind = position(m, p, POS_KIND)
        if kind == P_BYTES or kind == P_ACCEPT:
            if not emit(m, p, 0, 0, 0, 0, 0, world, s):
                return False
        elif kind == P_SPACE or kind == P_INDENT:
            if not emit(m, p, 0, 0, 0, 0, 0, world, s):
                return False
            n = later(m, n, position(m, p, POS_A), s)
        elif kind == P_FORK:
            first = position(m, p, POS_A)
            count = position(m, p, POS_B)
            if n + count > m[CAP_WORK]:
                return ask(m, ASK_LIMIT, n + count, 0, 0)
            for i in range(count):
                n = later(m, n, edge(m, first + i, 2), s)
        elif kind == P_STRING:
            if not emit_string(m, p, s, world):
                return False
        elif kind == P_TEXT:
            low, high = literal_interval(m, p)
            ends = emit_text(m, p, position(m, p, POS_A), low, high, 0, world, s)
            if ends < 0:
                return False
            if ends:
                n = later(m, n, position(m, p, POS_THEN), s)
        elif kind == P_LAZY:
            return ask(m, ASK_NODE, p, 0, 0)
    return True


@helper
def later(m, n, p, s):
    """Put (p, s) on the list of what is still to be looked at, which holds n; how many it holds then."""
    m[m[AT_WORK] + n * WORK_WIDTH + 0] = p
    m[m[AT_WORK] + n * WORK_WIDTH + 1] = s
    return n + 1


@helper
def go_through(m, p, s, world):
    """Through calls, returns and conditions, each of which leads to one place: (position, stack); -1: asked."""
    kind = position(m, p, POS_KIND)
    while P_CALL <= kind <= P_ITEM:
        if kind == P_IF:
            p = position(m, p, POS_A) if holds(m, p, s) else 0
        elif kind == P_MEMBER:
            p = names_of(m, stack_row(m, s, STK_PROGRESS))
        elif kind == P_OBJECT:
            s = push_object(m, position(m, p, POS_THEN), s, position(m, p, POS_B))
            if s < 0:
                return -1, s
            p = position(m, p, POS_A)
        elif kind == P_RETURN:
            p = stack_row(m, s, STK_RETURN)
            start = stack_row(m, s, STK_START)
            s = stack_row(m, s, STK_PARENT)
            if position(m, p, POS_KIND) == P_ITEM_END:
                p = item_end(m, p, start, world)
                if p < 0:
                    return p, s
        else:
            start = begin_recording(m) if kind == P_ITEM and world >= 0 else 0
            s = push(m, position(m, p, POS_B), s, start)
            if s < 0:
                return -1, s
            p = position(m, p, POS_A)
        kind = position(m, p, POS_KIND)
    return p, s


@helper
def emit_string(m, p, s, world):
    """Add the beginning of a JSON string, behind its opening quote. False: asked."""
    low, high = literal_interval(m, p)
    q = position(m, p, POS_A)
    if (position(m, p, POS_FLAGS) & F_OBJECT) != 0 and not others_allowed(m, stack_row(m, s, STK_PROGRESS)):
        q = 0
    return emit(m, p, q, low, high, 0, 0, world, s)


@helper
def holds(m, p, s):
    """The condition of position p, on the object on top of stack s."""
    g = stack_row(m, s, STK_PROGRESS)
    if position(m, p, POS_B) == IF_CAN_CLOSE:
        return can_close(m, g)
    return can_go_on(m, g)


@helper
def begin_recording(m):
    """STK_START of a value that is recorded from here on."""
    if m[HISTORY] == 0:
        m[HISTORY] = 1
    return cell(m, AT_TEXTS, m[HISTORY] * TXT_WIDTH + 2) + 1


@helper
def item_end(m, p, start, world):
    """The position behind a recorded value; -1: asked."""
    history = np.int64(m[HISTORY]) if world >= 0 else -1
    start = start if world >= 0 else 0
    slot = memo_slot(m, M_ITEM, p, history, start)
    e = cell(m, AT_MEMO_HASH, slot)
    if e == 0:
        ask(m, ASK_ITEM, p, history, start)
        return -1
    return memo_row(m, e, 4)


@helper
def literal_interval(m, p):
    """The whole literal set of a position as an interval of rows of literal_offsets."""
    k = position(m, p, POS_LITERALS)
    if k < 0:
        return 0, 0
    first = literal_set(m, k, 0)
    return first, first + literal_set(m, k, 1)


@helper
def emit_text(m, p, q, low, high, count, world, stack):
    """Add a plain-text configuration at a character boundary. 1: the text may end here, 0: not, -1: asked."""
    ends = 0
    if low < high and cell(m, AT_LITERAL_OFFSETS, low + 1) - cell(m, AT_LITERAL_OFFSETS, low) == count:
        ends = 1
    goes_on = low < high
    if q > 0:
        if char_row(m, q, CST_LOWERED) == 0:
            ask(m, ASK_CHAR, q, 0, 0)
            return -1
        if char_row(m, q, CST_LABEL) >= 0 and count >= position(m, p, POS_B):
            ends = 1
        most = position(m, p, POS_C)
        goes_on = goes_on or (char_row(m, q, CST_EDGES) > 0 and (most < 0 or count < most))
    if goes_on and not emit(m, p, q, low, high, count, 0, world, stack):
        return -1
    return ends
