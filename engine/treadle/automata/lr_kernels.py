"""LR steps over interned stacks: reductions by a table, and a terminal shifted by all stacks of a bundle.

Stacks are followed side by side where the grammar is not LALR(1) (Tomita 1985, with linked stacks); where it is, one
stack is all there is. Chains of reductions are remembered per (stack, terminal), which keeps deep right recursion flat.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.parse_cell_kernels import (
    ASKED,
    UNDECIDED,
    ask,
    at,
    bundle,
    bundle_row,
    found,
    node,
    node_row,
    put,
    roomy,
    slot_of,
    span,
    span_end,
)
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper


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
