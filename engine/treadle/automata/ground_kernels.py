"""What a parser state stands on: one stack, or several that the parse does not tell apart (a graph of stacks).

A state that is reached in several ways stands on all of them at once, so a text with exponentially many derivations
has polynomially many cells (Tomita 1985, "An efficient context-free parsing algorithm"; Scott and Johnstone 2006,
"Right nulled GLR parsers", section 2). A *ground* is a row of the nodes, of one of three kinds, told apart by
NODE_STATE:

    state >= 0            a stack: the state, the ground below it
    ALIKE - state         several stacks with that state on top: the newest of them, the others
    MIXED                 several states on top: the stacks of the least one, the others

All are interned. Lists are sorted, newest first, and share their tails, so what was found out about a list (what
is below it, its union with another, what it reduces to) is one step away once a stack is added to it. That keeps the
time for a token flat where a parse only adds to what it knows; in the worst case a list is as long as the text.

`m` is the memory, int32[n] (parse_layout.py). Loops keep their places on the waiting stack (AT_WAIT, N_WAIT).
"""

from __future__ import annotations

import numpy as np

from treadle.automata.parse_cell_kernels import ASKED, ask, at, found, node, node_row, put, roomy, slot_of
from treadle.automata.parse_layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper


@helper
def wait(m, x):
    """Put a number on the waiting stack. False: there is no room, and some was asked for."""
    if m[N_WAIT] + 1 >= WAITING * np.int64(m[CAP_NODES]):
        ask(m, ASK_ROOM, CAP_NODES, 0, 0)
        return False
    m[m[AT_WAIT] + m[N_WAIT]] = x
    m[N_WAIT] += 1
    return True


@helper
def waiting(m, index):
    return at(m, AT_WAIT, index)


@helper
def top_of(m, g):
    """The state on top of a ground of one state."""
    state = node_row(m, g, NODE_STATE)
    return state if state >= 0 else ALIKE - state


@helper
def first_part(m, g):
    """The stacks of the least state of a ground."""
    return node_row(m, g, NODE_BELOW) if node_row(m, g, NODE_STATE) == MIXED else np.int64(g)


@helper
def other_parts(m, g):
    """The stacks of all other states; 0 for none."""
    return node_row(m, g, NODE_TEXT) if node_row(m, g, NODE_STATE) == MIXED else np.int64(0)


@helper
def newest(m, g):
    return np.int64(g) if node_row(m, g, NODE_STATE) >= 0 else node_row(m, g, NODE_BELOW)


@helper
def older(m, g):
    return np.int64(0) if node_row(m, g, NODE_STATE) >= 0 else node_row(m, g, NODE_TEXT)


@helper
def alike(m, a, b):
    """The union of two grounds with the same state on top. ASKED: for room."""
    base = np.int64(m[N_WAIT])
    made = np.int64(0)
    while True:
        if a == b or b == 0:
            made = np.int64(a)
            break
        if a == 0:
            made = np.int64(b)
            break
        made = found(m, slot_of(m, M_BOTH, min(a, b), max(a, b), 0))
        if made >= 0:
            break
        if not (wait(m, a) and wait(m, b)):
            return np.int64(ASKED)
        x = newest(m, a)
        y = newest(m, b)
        if x >= y:
            a = older(m, a)
        if y >= x:
            b = older(m, b)
    while m[N_WAIT] > base:
        if not roomy(m):
            return np.int64(ASKED)
        m[N_WAIT] -= 2
        a = waiting(m, m[N_WAIT])
        b = waiting(m, m[N_WAIT] + 1)
        x = max(newest(m, a), newest(m, b))
        made = node(m, ALIKE - node_row(m, x, NODE_STATE), x, made) if made != 0 else x
        put(m, slot_of(m, M_BOTH, min(a, b), max(a, b), 0), M_BOTH, min(a, b), max(a, b), 0, made)
    return made


@helper
def both(m, a, b):
    """The union of two grounds, 0 standing for none. ASKED: for room."""
    if a == b or b == 0:
        return np.int64(a)
    if a == 0:
        return np.int64(b)
    if node_row(m, a, NODE_STATE) != MIXED and node_row(m, b, NODE_STATE) != MIXED:
        if top_of(m, a) == top_of(m, b):
            return alike(m, a, b)
    known = found(m, slot_of(m, M_BOTH, min(a, b), max(a, b), 0))
    if known >= 0:
        return known
    base = np.int64(m[N_WAIT])
    x = np.int64(a)
    y = np.int64(b)
    while x != 0 or y != 0:
        part = np.int64(0)
        if y == 0 or (x != 0 and top_of(m, first_part(m, x)) < top_of(m, first_part(m, y))):
            part = first_part(m, x)
            x = other_parts(m, x)
        elif x == 0 or top_of(m, first_part(m, y)) < top_of(m, first_part(m, x)):
            part = first_part(m, y)
            y = other_parts(m, y)
        else:
            part = alike(m, first_part(m, x), first_part(m, y))
            x = other_parts(m, x)
            y = other_parts(m, y)
        if part < 0 or not wait(m, part):
            return np.int64(ASKED)
    if not roomy(m):
        return np.int64(ASKED)
    made = np.int64(0)
    while m[N_WAIT] > base:
        m[N_WAIT] -= 1
        part = waiting(m, m[N_WAIT])
        made = node(m, MIXED, part, made) if made != 0 else part
    put(m, slot_of(m, M_BOTH, min(a, b), max(a, b), 0), M_BOTH, min(a, b), max(a, b), 0, made)
    return made


@helper
def below_alike(m, g):
    """What is below the stacks of a ground of one state. ASKED: for room."""
    base = np.int64(m[N_WAIT])
    made = np.int64(ASKED)
    while True:
        if node_row(m, g, NODE_STATE) >= 0:
            made = node_row(m, g, NODE_BELOW)
            break
        made = found(m, slot_of(m, M_BELOW, g, 0, 0))
        if made >= 0:
            break
        if not wait(m, g):
            return np.int64(ASKED)
        g = older(m, g)
    while m[N_WAIT] > base:
        g = waiting(m, m[N_WAIT] - 1)
        made = both(m, node_row(m, newest(m, g), NODE_BELOW), made)
        if made < 0 or not roomy(m):
            return np.int64(ASKED)
        m[N_WAIT] -= 1
        put(m, slot_of(m, M_BELOW, g, 0, 0), M_BELOW, g, 0, 0, made)
    return made


@helper
def below(m, g):
    """The ground below the states on top of a ground. ASKED: for room."""
    made = np.int64(0)
    while g != 0:
        part = below_alike(m, first_part(m, g))
        made = both(m, made, part) if part >= 0 else part
        if made < 0:
            return made
        g = other_parts(m, g)
    return made


@helper
def as_one(m, g):
    """The stack that says the same as a ground of one state: the state on all that is below. ASKED: for room."""
    if node_row(m, g, NODE_STATE) >= 0:
        return np.int64(g)
    state = top_of(m, g)
    ground = below_alike(m, g)
    return node(m, state, ground, 0) if ground >= 0 else ground
