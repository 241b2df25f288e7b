"""LR steps over interned stacks: reductions by a table, and a terminal shifted by all stacks of a bundle.

Where the grammar is LALR(1), one stack is all there is, and chains of reductions are remembered per (stack, terminal),
which keeps deep right recursion flat (`jump`). Where it is not, all stacks are followed in one graph (Tomita 1985):
`reach` says what a terminal can be shifted on behind all reductions of a state on a ground (ground_kernels.py), and
is a sum over the stacks of that ground, because nothing is empty and no rule derives just itself: a reduction takes off
what was shifted before, and what it uncovers is older. So each (state, ground, terminal) is looked at once, a
ground that grew by a stack asks for that stack alone, and what reductions come to with one state on top is
one stack again when the terminal is shifted. That is Earley's bound, and a flat cost where grounds only grow.

With guards stacks are followed one by one (`shift_all`): a guard judges one derivation.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.ground_kernels import (
    as_one,
    below,
    both,
    first_part,
    newest,
    older,
    other_parts,
    top_of,
    wait,
    waiting,
)
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
def first_from(m, table, low, high, number):
    """The first place in low..high of an ascending table that does not hold less than `number`; high if none."""
    while low < high:
        middle = (low + high) >> 1
        if at(m, table, middle) < number:
            low = middle + 1
        else:
            high = middle
    return low


@helper
def entry(m, state, t):
    """The cell of the action table for terminal t, -1 if it is empty."""
    last = at(m, AT_ROW, state + 1)
    place = first_from(m, AT_TERMINAL, at(m, AT_ROW, state), last, t)
    if place < last and at(m, AT_TERMINAL, place) == t:
        return place
    return np.int64(-1)


@helper
def goto(m, state, rule):
    first, last = at(m, AT_GOTO_ROW, state), at(m, AT_GOTO_ROW, state + 1)
    return at(m, AT_GOTO_STATE, first_from(m, AT_GOTO_RULE, first, last, rule))


@helper
def reduced(m, n, production, here):
    """The stack behind a reduction. DEAD: a guard said no. ASKED: a guard, or room. UNDECIDED: there are several.

    `here`: the text so far.
    """
    length = at(m, AT_LENGTH, production)
    base = first = n
    for _ in range(length):
        first = base
        base = node_row(m, base, NODE_BELOW)
        if node_row(m, base, NODE_STATE) < 0:
            return np.int64(UNDECIDED)
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
    """All reductions of stack n in front of terminal t, as long as there is one action only, and one stack.

    Returns the stack that they come to, DEAD, or ASKED.
    """
    count = 0
    while n >= FIRST:
        known = found(m, slot_of(m, M_JUMP, n, t, 0)) if m[GUARDED] == 0 else np.int64(ASKED)
        if known >= 0:
            n = known
            continue
        e = entry(m, node_row(m, n, NODE_STATE), t)
        if e < 0:
            n = np.int64(DEAD)
            break
        first = at(m, AT_FIRST_ACTION, e)
        action = at(m, AT_ACTION, first)
        if at(m, AT_FIRST_ACTION, e + 1) - first != 1 or action >= 0:
            break
        if count >= ROOM // 2:
            # A long way: what is known so far is worth keeping, and the rest starts from there.
            note_jumps(m, count, t, n)
            count = 0
            if not roomy(m):
                return np.int64(ASKED)
        behind = reduced(m, n, ~action, here)
        if behind == UNDECIDED:
            break
        m[m[AT_WORK] + count] = n
        count += 1
        n = behind
    if n >= DEAD:
        note_jumps(m, count, t, n)
    return n


@helper
def note_jumps(m, count, t, n):
    """The stacks at AT_WORK come to stack n in front of terminal t."""
    if m[GUARDED] != 0:
        return
    for k in range(count):
        start = at(m, AT_WORK, k)
        slot = slot_of(m, M_JUMP, start, t, 0)
        if at(m, AT_HASH, slot) == 0:
            put(m, slot, M_JUMP, start, t, 0, n)


@helper
def shift(m, b, t, covered, here):
    """The bundle behind terminal t, DEAD if it does not fit, ASKED. For the end of the text: FIRST if it fits."""
    slot = slot_of(m, M_SHIFT, b, t, covered)
    known = found(m, slot)
    if known >= 0:
        return known
    result = np.int64(UNDECIDED)
    n = np.int64(0)
    if bundle_row(m, b, BND_REST) == 0:
        n = jump(m, bundle_row(m, b, BND_NODE), t, here)
        if n < FIRST:
            result = n
        else:
            result = shift_one(m, n, t, covered, bundle_row(m, b, BND_BLOCK))
    if result == UNDECIDED:
        if m[APART] != 0:
            result = shift_all(m, b, t, covered, here)
        else:
            result = shift_graph(m, b, n, t)
    if result >= DEAD:
        # The table may have been written to.
        slot = slot_of(m, M_SHIFT, b, t, covered)
        put(m, slot, M_SHIFT, b, t, covered, result)
    return result


@helper
def shift_one(m, n, t, covered, inside):
    """The bundle behind t if shifting it is all that stack n can do, UNDECIDED if not."""
    first = at(m, AT_FIRST_ACTION, entry(m, node_row(m, n, NODE_STATE), t))
    last = at(m, AT_FIRST_ACTION, entry(m, node_row(m, n, NODE_STATE), t) + 1)
    action = at(m, AT_ACTION, first)
    if last - first != 1 or action < 0:
        return np.int64(UNDECIDED)
    if t == m[TERMINALS]:
        return np.int64(FIRST)
    return bundle(m, node(m, action, n, covered), 0, inside)


@helper
def look_for(m, state, ground, t):
    """What t can be shifted on with `state` on the stacks of `ground` (of one state): a ground, 0 for nothing.

    ASKED where it is not known yet; then it waits.
    """
    known = found(m, slot_of(m, M_REACH, state, ground, t))
    if known < 0 and wait(m, state):
        wait(m, ground)
    return known


@helper
def reach_alike(m, state, ground, t):
    """`reach` over the stacks of a list: that of the newest, and that of the others."""
    one = look_for(m, state, newest(m, ground), t)
    if one < 0:
        return np.int64(ASKED)
    others = look_for(m, state, older(m, ground), t)
    return both(m, one, others) if others >= 0 else np.int64(ASKED)


@helper
def reach_one(m, state, ground, t):
    """`reach` with `state` on one stack (0: on the bottom)."""
    made = np.int64(0)
    e = entry(m, state, t)
    if e < 0:
        return made
    for i in range(at(m, AT_FIRST_ACTION, e), at(m, AT_FIRST_ACTION, e + 1)):
        action = at(m, AT_ACTION, i)
        if action >= 0:
            made = both(m, made, node(m, state, ground, 0))
        else:
            bases = np.int64(ground)
            for _ in range(1, at(m, AT_LENGTH, ~action)):
                bases = below(m, bases)
                if bases < 0:
                    return bases
            while bases != 0:
                part = first_part(m, bases)
                bases = other_parts(m, bases)
                target = goto(m, top_of(m, part), at(m, AT_HEAD, ~action))
                reached = look_for(m, target, part, t)
                made = both(m, made, reached) if reached >= 0 else reached
                if made < 0:
                    return made
        if made < 0:
            return made
    return made


@helper
def reach(m, state, ground, t):
    """What t can be shifted on behind all reductions of `state` on a ground of one state: a ground, 0, or ASKED."""
    base = np.int64(m[N_WAIT])
    m[NEED] = ASK_NOTHING
    known = look_for(m, state, ground, t)
    while known < 0 and m[NEED] == ASK_NOTHING and roomy(m):
        size = np.int64(m[N_WAIT])
        state = waiting(m, size - 2)
        ground = waiting(m, size - 1)
        # What waits may have been found out on behalf of another one.
        known = found(m, slot_of(m, M_REACH, state, ground, t))
        if known < 0:
            if ground == 0 or node_row(m, ground, NODE_STATE) >= 0:
                known = reach_one(m, state, ground, t)
            else:
                known = reach_alike(m, state, ground, t)
            if known >= 0:
                put(m, slot_of(m, M_REACH, state, ground, t), M_REACH, state, ground, t, known)
        if known >= 0:
            m[N_WAIT] = size - 2
            if size - 2 > base:
                known = np.int64(ASKED)
    return known


@helper
def reach_stack(m, n, t):
    """`reach` of a stack, whatever is below it."""
    state = node_row(m, n, NODE_STATE)
    ground = node_row(m, n, NODE_BELOW)
    if ground == 0:
        return reach(m, state, np.int64(0), t)
    made = np.int64(0)
    while ground != 0:
        part = reach(m, state, first_part(m, ground), t)
        made = both(m, made, part) if part >= 0 else part
        if made < 0:
            return made
        ground = other_parts(m, ground)
    return made


@helper
def shift_graph(m, b, n, t):
    """`shift` of all stacks of bundle b, of which nothing is known but that they come to stack n, unless that is 0."""
    m[N_WAIT] = 0
    reached = reach_stack(m, n, t) if n != 0 else np.int64(0)
    cell = np.int64(0) if n != 0 else np.int64(b)
    while cell != 0 and reached >= 0:
        part = reach_stack(m, bundle_row(m, cell, BND_NODE), t)
        reached = both(m, reached, part) if part >= 0 else part
        cell = bundle_row(m, cell, BND_REST)
    if reached < 0:
        return reached
    if t == m[TERMINALS]:
        return np.int64(FIRST if reached != 0 else DEAD)
    return shifted(m, reached, t, bundle_row(m, b, BND_BLOCK))


@helper
def shifted(m, reached, t, inside):
    """The bundle behind t, which each stack of a ground can be followed by."""
    count = 0
    while reached != 0:
        one = as_one(m, first_part(m, reached))
        reached = other_parts(m, reached)
        if one < 0:
            return one
        e = entry(m, node_row(m, one, NODE_STATE), t)
        target = np.int64(0)
        for i in range(at(m, AT_FIRST_ACTION, e), at(m, AT_FIRST_ACTION, e + 1)):
            target = max(target, at(m, AT_ACTION, i))
        k = 0
        while k < count and at(m, AT_WORK, k) != target:
            k += 1
        if k == count:
            if count >= ALIVE_LIMIT:
                return ask(m, ASK_LIMIT, count, 0, 0)
            m[m[AT_WORK] + k] = target
            m[m[AT_FOUND] + k] = 0
            count += 1
        ground = both(m, at(m, AT_FOUND, k), one)
        if ground < 0:
            return ground
        m[m[AT_FOUND] + k] = ground
    for k in range(count):
        m[m[AT_FOUND] + k] = node(m, at(m, AT_WORK, k), at(m, AT_FOUND, k), 0)
    return gathered(m, count, inside)


@helper
def united(m, a, b):
    """The bundle of the stacks of two bundles in the same block: one for each state. ASKED: for room, or a union."""
    if a == b:
        return np.int64(a)
    known = found(m, slot_of(m, M_UNITED, min(a, b), max(a, b), 0))
    if known >= 0:
        return known
    m[N_WAIT] = 0
    count = 0
    for turn in range(2):
        cell = np.int64(a if turn == 0 else b)
        while cell != 0:
            n = bundle_row(m, cell, BND_NODE)
            cell = bundle_row(m, cell, BND_REST)
            k = 0
            while k < count and node_row(m, at(m, AT_FOUND, k), NODE_STATE) != node_row(m, n, NODE_STATE):
                k += 1
            if k == count:
                if count >= ALIVE_LIMIT:
                    return ask(m, ASK_LIMIT, count, 0, 0)
                count += 1
            else:
                ground = both(m, node_row(m, at(m, AT_FOUND, k), NODE_BELOW), node_row(m, n, NODE_BELOW))
                if ground < 0:
                    return ground
                n = node(m, node_row(m, n, NODE_STATE), ground, 0)
            m[m[AT_FOUND] + k] = n
    made = gathered(m, count, bundle_row(m, a, BND_BLOCK))
    if made >= 0:
        put(m, slot_of(m, M_UNITED, min(a, b), max(a, b), 0), M_UNITED, min(a, b), max(a, b), 0, made)
    return made


@helper
def shift_all(m, b, t, covered, here):
    """`shift` where several stacks or several actions are alive and guards judge each."""
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
