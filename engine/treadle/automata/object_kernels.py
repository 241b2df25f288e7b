"""Objects in progress: which names may come, and the stack nodes that carry how far an object is.

Nearly all objects ask the same of a member whenever it comes. What such an object still allows is then known by the
number of its members, the set of listed names that are gone (or the place in the declared order), and the unlisted
names written: its *progress*. Progresses are interned, so that equal futures stay equal numbers, and live in the stack
node that an object pushes; its rules are lowered once, whatever members were written. This is what makes the time of a
step independent of the number of properties.

Sets are bits, found by the hash of their contents: {a, b} and {b, a} are one.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import ask, cell, memo_put, memo_row, memo_slot, mix, position, stack_row
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper


@helper
def object_row(m, row, column):
    return np.int64(m[m[AT_OBJECTS] + row * OBJ_WIDTH + column])


@helper
def info(m, o, i, column):
    return np.int64(m[m[AT_INFO] + (object_row(m, o, OBJ_INFO) + i) * INFO_WIDTH + column])


@helper
def rank_row(m, o, rank, column):
    return np.int64(m[m[AT_RANKS] + (object_row(m, o, OBJ_RANKS) + rank) * RNK_WIDTH + column])


@helper
def progress(m, row, column):
    return np.int64(m[m[AT_PROGRESS] + row * PRG_WIDTH + column])


@helper
def is_gone(m, g, i):
    return (cell(m, AT_BITS, progress(m, g, PRG_BITS) + (i >> 5)) >> (i & 31)) & 1


@helper
def room_for_optional(m, g):
    """May a member come that is not required?"""
    high = object_row(m, progress(m, g, PRG_OBJECT), OBJ_HIGH)
    return high < 0 or high - progress(m, g, PRG_COUNT) > progress(m, g, PRG_MISSING)


@helper
def name_allowed(m, g, i):
    """May listed name i come next?"""
    o = progress(m, g, PRG_OBJECT)
    if info(m, o, i, INFO_USABLE) == 0:
        return False
    if info(m, o, i, INFO_REQUIRED) == 0 and not room_for_optional(m, g):
        return False
    if object_row(m, o, OBJ_RANKS) < 0:
        return is_gone(m, g, i) == 0
    # Names behind the next required one would leave it out.
    first = progress(m, g, PRG_RANK)
    return first <= info(m, o, i, INFO_RANK) <= rank_row(m, o, first, RNK_REQUIRED)


@helper
def others_allowed(m, g):
    """May an unlisted name come next? In the declared order they come last."""
    ordered = object_row(m, progress(m, g, PRG_OBJECT), OBJ_RANKS) >= 0
    return room_for_optional(m, g) and not (ordered and progress(m, g, PRG_MISSING) > 0)


@helper
def can_close(m, g):
    return progress(m, g, PRG_MISSING) == 0 and progress(m, g, PRG_COUNT) >= object_row(
        m, progress(m, g, PRG_OBJECT), OBJ_LOW
    )


@helper
def names_of(m, g):
    """The position of the member names of an object."""
    return object_row(m, progress(m, g, PRG_OBJECT), OBJ_POSITION)


@helper
def can_go_on(m, g):
    """May some member come next?"""
    o = progress(m, g, PRG_OBJECT)
    if object_row(m, o, OBJ_OTHERS) != 0 and others_allowed(m, g):
        return True
    optional = room_for_optional(m, g)
    if object_row(m, o, OBJ_RANKS) < 0:
        return progress(m, g, PRG_LEFT) > 0 if optional else progress(m, g, PRG_MISSING) > 0
    first = progress(m, g, PRG_RANK)
    required = rank_row(m, o, first, RNK_REQUIRED)
    if optional:
        return rank_row(m, o, first, RNK_USABLE) <= required and rank_row(
            m, o, first, RNK_USABLE
        ) < object_row(m, o, OBJ_NAMES)
    return required < object_row(m, o, OBJ_NAMES)


@helper
def is_written(m, g, text):
    """Was this unlisted name written before?"""
    e = progress(m, g, PRG_SEEN)
    while e > 0:
        if memo_row(m, e, 2) == text:
            return True
        e = memo_row(m, e, 1)
    return False


@helper
def behind_name(m, g, i):
    """The progress behind listed name i. -1: asked for room."""
    slot = memo_slot(m, M_NAME, g, i, 0)
    e = cell(m, AT_MEMO_HASH, slot)
    if e != 0:
        return memo_row(m, e, 4)
    o = progress(m, g, PRG_OBJECT)
    if not draft(m, g):
        return -1
    new = m[AT_PROGRESS] + m[N_PROGRESS] * PRG_WIDTH
    if object_row(m, o, OBJ_RANKS) < 0:
        m[m[AT_BITS] + m[N_BITS] + (i >> 5)] |= np.int32(1) << np.int32(i & 31)
        m[new + PRG_LEFT] -= 1
        if info(m, o, i, INFO_REQUIRED):
            m[new + PRG_MISSING] -= 1
            m[new + PRG_NEED] -= info(m, o, i, INFO_NEED)
    else:
        move_to_rank(m, o, new, info(m, o, i, INFO_RANK) + 1)
    found = settle(m, o)
    if found >= 0:
        # The room was there a moment ago; `settle` may have used an entry of the memo, which moves nothing.
        memo_put(m, memo_slot(m, M_NAME, g, i, 0), M_NAME, g, i, 0, found)
    return found


@helper
def behind_other(m, g, text):
    """The progress behind an unlisted name; a `text` below 1 is not remembered. -1: asked for room."""
    o = progress(m, g, PRG_OBJECT)
    if not draft(m, g):
        return -1
    new = m[AT_PROGRESS] + m[N_PROGRESS] * PRG_WIDTH
    if text > 0:
        seen = progress(m, g, PRG_SEEN)
        slot = memo_slot(m, M_SEEN, seen, text, 0)
        e = cell(m, AT_MEMO_HASH, slot)
        if e == 0:
            e = np.int64(m[N_MEMO])
            memo_put(m, slot, M_SEEN, seen, text, 0, 0)
        m[new + PRG_SEEN] = e
    if object_row(m, o, OBJ_RANKS) >= 0:
        move_to_rank(m, o, new, object_row(m, o, OBJ_NAMES))
    return settle(m, o)


@helper
def move_to_rank(m, o, new, rank):
    m[new + PRG_RANK] = rank
    m[new + PRG_MISSING] = rank_row(m, o, rank, RNK_MISSING)
    m[new + PRG_NEED] = rank_row(m, o, rank, RNK_NEED)


@helper
def words_of(m, o):
    """How many words a set of names takes."""
    return (object_row(m, o, OBJ_NAMES) + 31) >> 5 if object_row(m, o, OBJ_RANKS) < 0 else np.int64(0)


@helper
def draft(m, g):
    """Copy progress g, one member counted, behind the last one, to be changed and settled. False: asked for room."""
    o = progress(m, g, PRG_OBJECT)
    words = words_of(m, o)
    if (
        m[N_PROGRESS] + 1 >= m[CAP_PROGRESS]
        or m[N_BITS] + words >= m[CAP_BITS]
        or m[N_MEMO] + 4 >= m[CAP_MEMO]
        or 2 * (m[N_MEMO] + 4) >= m[CAP_MEMO_HASH]
    ):
        return ask(m, ASK_ROOM, 0, 0, 0)
    new = m[AT_PROGRESS] + m[N_PROGRESS] * PRG_WIDTH
    for c in range(PRG_WIDTH):
        m[new + c] = progress(m, g, c)
    m[new + PRG_COUNT] = min(progress(m, g, PRG_COUNT) + 1, object_row(m, o, OBJ_CAP))
    m[new + PRG_BITS] = m[N_BITS]
    for w in range(words):
        m[m[AT_BITS] + m[N_BITS] + w] = cell(m, AT_BITS, progress(m, g, PRG_BITS) + w)
    return True


@helper
def settle(m, o):
    """The number of the drafted progress: the equal one that there is, or a new one."""
    words = words_of(m, o)
    new = np.int64(m[N_PROGRESS])
    h = np.int64(0)
    for c in range(PRG_WIDTH):
        if c != PRG_BITS:
            h = mix(h, progress(m, new, c))
    for w in range(words):
        h = mix(h, cell(m, AT_BITS, m[N_BITS] + w))
    attempt = 0
    while True:
        slot = memo_slot(m, M_PROGRESS, h, attempt, 0)
        e = cell(m, AT_MEMO_HASH, slot)
        if e == 0:
            break
        if same_progress(m, memo_row(m, e, 4), new, words):
            # What is not in use stays zero.
            for c in range(PRG_WIDTH):
                m[m[AT_PROGRESS] + new * PRG_WIDTH + c] = 0
            for w in range(words):
                m[m[AT_BITS] + m[N_BITS] + w] = 0
            return memo_row(m, e, 4)
        attempt += 1
    m[N_PROGRESS] = new + 1
    m[N_BITS] += words
    memo_put(m, slot, M_PROGRESS, h, attempt, 0, new)
    return new


@helper
def same_progress(m, a, b, words):
    for c in range(PRG_WIDTH):
        if c != PRG_BITS and progress(m, a, c) != progress(m, b, c):
            return False
    first, second = progress(m, a, PRG_BITS), progress(m, b, PRG_BITS)
    for w in range(words):
        if cell(m, AT_BITS, first + w) != cell(m, AT_BITS, second + w):
            return False
    return True


@helper
def least_left(m, g):
    """Least bytes of the members still to come, with their commas; the closing bracket is not counted."""
    count, missing = progress(m, g, PRG_COUNT), progress(m, g, PRG_MISSING)
    o = progress(m, g, PRG_OBJECT)
    fill = max(object_row(m, o, OBJ_LOW) - count - missing, 0)
    members = missing + fill
    commas = members if count > 0 else max(members - 1, 0)
    return progress(m, g, PRG_NEED) + object_row(m, o, OBJ_FILL) * fill + commas


@helper
def push(m, ret, parent, start):
    """The interned stack node (ret, parent); `start` is STK_START. -1: asked for room."""
    slot = memo_slot(m, M_STACK, ret, parent, start)
    e = cell(m, AT_MEMO_HASH, slot)
    if e != 0:
        return memo_row(m, e, 4)
    node = new_node(m, ret, parent)
    if node < 0:
        return node
    m[m[AT_STACK] + node * STK_WIDTH + STK_DEPTH] += 1
    m[m[AT_STACK] + node * STK_WIDTH + STK_START] = start
    if start > 0:
        m[m[AT_STACK] + node * STK_WIDTH + STK_RECORDED] = 1
    memo_put(m, slot, M_STACK, ret, parent, start, node)
    return node


@helper
def push_object(m, ret, parent, g):
    """The interned stack node of an object whose progress is g and which goes on at `ret`. -1: asked for room."""
    slot = memo_slot(m, M_FRAME, ret, parent, g)
    e = cell(m, AT_MEMO_HASH, slot)
    if e != 0:
        return memo_row(m, e, 4)
    node = new_node(m, ret, parent)
    if node < 0:
        return node
    m[m[AT_STACK] + node * STK_WIDTH + STK_PROGRESS] = g
    if progress(m, g, PRG_SEEN) > 0:
        m[m[AT_STACK] + node * STK_WIDTH + STK_SEEN] = 1
    m[m[AT_STACK] + node * STK_WIDTH + STK_REST] += least_left(m, g)
    memo_put(m, slot, M_FRAME, ret, parent, g, node)
    return node


@helper
def new_node(m, ret, parent):
    node = np.int64(m[N_STACK])
    if node + 1 >= m[CAP_STACK] or m[N_MEMO] + 1 >= m[CAP_MEMO] or 2 * m[N_MEMO] >= m[CAP_MEMO_HASH]:
        ask(m, ASK_ROOM, 0, 0, 0)
        return -1
    m[N_STACK] = node + 1
    row = m[AT_STACK] + node * STK_WIDTH
    m[row + STK_RETURN] = ret
    m[row + STK_PARENT] = parent
    m[row + STK_DEPTH] = stack_row(m, parent, STK_DEPTH)
    m[row + STK_REST] = stack_row(m, parent, STK_REST) + position(m, ret, POS_REST)
    m[row + STK_START] = 0
    m[row + STK_RECORDED] = stack_row(m, parent, STK_RECORDED)
    m[row + STK_PROGRESS] = 0
    m[row + STK_SEEN] = stack_row(m, parent, STK_SEEN)
    return node
