"""Stepping a frontier of configurations by one byte: the inner loop of everything.

A lazy determinisation (as regex-automata's hybrid DFA) lifted to a recursive transition network: a state is an
interned, sorted set of configurations (layout.py), a transition is computed at first use and remembered in the
table `next`. Strings are decoded here as well (UTF-8, JSON escapes), because a decoder kept as part of the
configuration lets character automata and literal sets know nothing of spellings.

`m`, the memory (int32[n], see layout.py and memory.py), holds every table; kernels allocate nothing and change only
what is in it. What they cannot know (a node not lowered yet, a full table) they ask for: they leave a request in
its head, return UNKNOWN, and are called again with the same arguments once Python has answered. A repeated step is
harmless, since it only finds what it interned before.

The slow twin is tests/oracles/byte_automaton.py.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import (
    ask,
    cell,
    char_row,
    config,
    edge,
    literal_set,
    memo_row,
    memo_slot,
    mix,
    out_row,
    position,
    spell,
    stack_row,
    state_row,
    work_row,
)
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.object_kernels import (
    behind_name,
    behind_other,
    can_close,
    can_go_on,
    is_written,
    name_allowed,
    others_allowed,
    push,
    push_object,
)
from treadle.compiling import helper, kernel


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
    m[m[AT_WORK] + 0 * WORK_WIDTH + 0] = pos
    m[m[AT_WORK] + 0 * WORK_WIDTH + 1] = stack
    n = 1
    while n > 0:
        n -= 1
        p = work_row(m, n, 0)
        s = work_row(m, n, 1)
        kind = position(m, p, POS_KIND)
        while kind == P_CALL or kind == P_RETURN or kind == P_ITEM or kind == P_OBJECT or kind == P_IF:
            if kind == P_IF:
                p = position(m, p, POS_A) if holds(m, p, s) else 0
            elif kind == P_OBJECT:
                s = push_object(m, position(m, p, POS_THEN), s, position(m, p, POS_B))
                if s < 0:
                    return False
                p = position(m, p, POS_A)
            elif kind == P_RETURN:
                p = stack_row(m, s, STK_RETURN)
                start = stack_row(m, s, STK_START)
                s = stack_row(m, s, STK_PARENT)
                if position(m, p, POS_KIND) == P_ITEM_END:
                    p = item_end(m, p, start, world)
                    if p < 0:
                        return False
            else:
                start = begin_recording(m) if kind == P_ITEM and world >= 0 else 0
                s = push(m, position(m, p, POS_B), s, start)
                if s < 0:
                    return False
                p = position(m, p, POS_A)
            kind = position(m, p, POS_KIND)
        if kind == P_BYTES or kind == P_ACCEPT:
            if not emit(m, p, 0, 0, 0, 0, 0, world, s):
                return False
        elif kind == P_SPACE or kind == P_INDENT:
            if not emit(m, p, 0, 0, 0, 0, 0, world, s):
                return False
            m[m[AT_WORK] + n * WORK_WIDTH + 0] = position(m, p, POS_A)
            m[m[AT_WORK] + n * WORK_WIDTH + 1] = s
            n += 1
        elif kind == P_FORK:
            first = position(m, p, POS_A)
            count = position(m, p, POS_B)
            if n + count > m[CAP_WORK]:
                return ask(m, ASK_LIMIT, n + count, 0, 0)
            for i in range(count):
                m[m[AT_WORK] + n * WORK_WIDTH + 0] = edge(m, first + i, 2)
                m[m[AT_WORK] + n * WORK_WIDTH + 1] = s
                n += 1
        elif kind == P_STRING:
            low, high = literal_interval(m, p)
            q = position(m, p, POS_A)
            if (position(m, p, POS_FLAGS) & F_OBJECT) != 0 and not others_allowed(
                m, stack_row(m, s, STK_PROGRESS)
            ):
                q = 0
            if not emit(m, p, q, low, high, 0, 0, world, s):
                return False
        elif kind == P_TEXT:
            low, high = literal_interval(m, p)
            ends = emit_text(m, p, position(m, p, POS_A), low, high, 0, world, s)
            if ends < 0:
                return False
            if ends:
                m[m[AT_WORK] + n * WORK_WIDTH + 0] = position(m, p, POS_THEN)
                m[m[AT_WORK] + n * WORK_WIDTH + 1] = s
                n += 1
        elif kind == P_LAZY:
            return ask(m, ASK_NODE, p, 0, 0)
    return True


@helper
def holds(m, p, s):
    """The condition of position p, on the object on top of stack s."""
    g = stack_row(m, s, STK_PROGRESS)
    if position(m, p, POS_B) == IF_CAN_CLOSE:
        return can_close(m, g)
    return can_go_on(m, g, position(m, p, POS_C) > 0)


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


@helper
def literal_allowed(m, p, stack, i):
    nexts = position(m, p, POS_NEXTS)
    if nexts < 0:
        return True
    first = literal_set(m, position(m, p, POS_LITERALS), 0)
    if (position(m, p, POS_FLAGS) & F_OBJECT) != 0:
        return name_allowed(m, stack_row(m, stack, STK_PROGRESS), i - first)
    return cell(m, AT_LITERAL_NEXT, nexts + i - first) != NEXT_FORBIDDEN


@helper
def any_literal(m, p, stack, low, high):
    """Is one of these literals still allowed?"""
    # From both ends: names that are gone stand together where the declared order is that of the alphabet.
    while low < high:
        high -= 1
        if literal_allowed(m, p, stack, low) or literal_allowed(m, p, stack, high):
            return True
        low += 1
    return False


@helper
def literal_char(m, i, depth):
    """Code point number `depth` of literal i, -1 behind its end (which therefore sorts first)."""
    at = cell(m, AT_LITERAL_OFFSETS, i) + depth
    if at >= cell(m, AT_LITERAL_OFFSETS, i + 1):
        return -1
    return cell(m, AT_LITERAL_CHARS, at)


@helper
def narrow(m, low, high, depth, char):
    """The sub-interval of sorted literals whose character at `depth` is `char`: two binary searches."""
    first = first_from(m, low, high, depth, char)
    return first, first_from(m, first, high, depth, char + 1)


@helper
def first_from(m, low, high, depth, char):
    """The first of sorted literals whose character at `depth` is no less than `char`; `high` if there is none."""
    while low < high:
        middle = (low + high) >> 1
        if literal_char(m, middle, depth) < char:
            low = middle + 1
        else:
            high = middle
    return low


@helper
def find_edge(m, q, char):
    """Index of the edge of character state q (lowered) that holds `char`, or -1."""
    a = char_row(m, q, CST_FIRST)
    b = a + char_row(m, q, CST_EDGES)
    while a < b:
        middle = (a + b) >> 1
        if edge(m, middle, 1) < char:
            a = middle + 1
        else:
            b = middle
    if a < char_row(m, q, CST_FIRST) + char_row(m, q, CST_EDGES) and edge(m, a, 0) <= char:
        return a
    return -1


@helper
def fits(m, p, q, count):
    """Can character state q still end within the length bound, with `count` characters read?"""
    most = position(m, p, POS_C)
    return most < 0 or count + char_row(m, q, CST_SHORTEST) <= most


@helper
def range_alive(m, p, q, low, high, count, stack, first, last):
    """Does some character in [first, last] lead on? q must be lowered."""
    if q > 0:
        a = char_row(m, q, CST_FIRST)
        b = a + char_row(m, q, CST_EDGES)
        while a < b:
            middle = (a + b) >> 1
            if edge(m, middle, 1) < first:
                a = middle + 1
            else:
                b = middle
        end = char_row(m, q, CST_FIRST) + char_row(m, q, CST_EDGES)
        while a < end and edge(m, a, 0) <= last:
            if fits(m, p, edge(m, a, 2), count + 1):
                return True
            a += 1
    low = first_from(m, low, high, count, first)
    return any_literal(m, p, stack, low, first_from(m, low, high, count, last + 1))


@helper
def records(m, p, text):
    """Is the spelling of this string recorded?"""
    return text >= 0 and (position(m, p, POS_FLAGS) & F_KEYS) != 0


@helper
def representative(m, p, q, low, high, text, decode_mode, first, last):
    """The base to keep for a partly read character in [first, last].

    All characters of one edge lead to the same place, so where the range lies inside an edge, the lowest
    aligned range of the same size inside that edge stands for it. Without this, free text would have a state
    for each of the 64 * 16 beginnings of a three-byte character. Texts that are recorded keep the real value.
    """
    if low < high or q == 0 or records(m, p, text):
        return first
    e = find_edge(m, q, first)
    if e < 0 or edge(m, e, 1) < last:
        return first
    size = last - first + 1
    least = np.int64(edge(m, e, 0))
    # Ranges with their own continuation rules (overlong forms, surrogates) must not stand for ordinary ones.
    if decode_mode == D_UTF2 or decode_mode == D_HEX3 or decode_mode == D_HEX2 or decode_mode == D_HEX1:
        least = max(least, 0x1000)
    elif decode_mode == D_UTF3:
        least = max(least, 0x40000)
    elif decode_mode == D_UTF1:
        least = max(least, 0x80)
    aligned = (least + size - 1) // size * size
    if aligned > first or 0xD000 <= aligned <= 0xDFFF:
        return first
    return np.int64(aligned)


@helper
def read_char(m, p, q, low, high, count, text, stack, char):
    """Read one whole character inside P_STRING or P_TEXT and add the configuration behind it. False: asked."""
    least = position(m, p, POS_B)
    most = position(m, p, POS_C)
    was_literal = low < high
    if q > 0 and char_row(m, q, CST_LOWERED) == 0:
        return ask(m, ASK_CHAR, q, 0, 0)
    if was_literal:
        a, b = narrow(m, low, high, count, char)
    else:
        a, b = low, high
    q2 = 0
    if q > 0:
        e = find_edge(m, q, char)
        if e >= 0 and fits(m, p, edge(m, e, 2), count + 1):
            q2 = edge(m, e, 2)
    if a >= b:
        a, b = 0, 0
    if q2 == 0 and not any_literal(m, p, stack, a, b):
        return True
    counted = a < b or most >= 0 or count < least
    n = count + 1 if counted else 0
    if not counted and least > 0:
        n = least
    if q2 > 0 and a >= b and (position(m, p, POS_FLAGS) & F_KEYS) != 0:
        if text == 0:
            # 1 is the empty text.
            text = literal_prefix(m, low, count) if was_literal else 1
        text = spell(m, text, char)
        if text == NO_ROOM:
            return False
    if position(m, p, POS_KIND) == P_TEXT:
        ends = emit_text(m, p, q2, a, b, n, text, stack)
        if ends < 0:
            return False
        if ends:
            return close(m, position(m, p, POS_THEN), stack, text)
        return True
    return emit(m, p, q2, a, b, n, 0, text, stack)


@helper
def literal_prefix(m, i, length):
    """The interned text of the first `length` characters of literal i."""
    text = 1
    at = cell(m, AT_LITERAL_OFFSETS, i)
    for k in range(length):
        text = spell(m, text, cell(m, AT_LITERAL_CHARS, at + k))
    return text


@helper
def end_string(m, p, q, low, high, count, text, stack):
    """Read the closing quote of a JSON string. False: asked."""
    world = min(text, 0)
    if low < high and cell(m, AT_LITERAL_OFFSETS, low + 1) - cell(m, AT_LITERAL_OFFSETS, low) == count:
        nexts = position(m, p, POS_NEXTS)
        if nexts < 0:
            return close(m, position(m, p, POS_THEN), stack, world)
        at = low - literal_set(m, position(m, p, POS_LITERALS), 0)
        in_object = (position(m, p, POS_FLAGS) & F_OBJECT) != 0
        if in_object and not name_allowed(m, stack_row(m, stack, STK_PROGRESS), at):
            return True
        target = cell(m, AT_LITERAL_NEXT, nexts + at)
        if target == NEXT_NOT_LOWERED:
            return ask(m, ASK_NAME, p, at, 0)
        if in_object:
            return end_name(m, target, stack, behind_name(m, stack_row(m, stack, STK_PROGRESS), at), world)
        return close(m, target, stack, world)
    if q == 0:
        return True
    if char_row(m, q, CST_LOWERED) == 0:
        return ask(m, ASK_CHAR, q, 0, 0)
    label = char_row(m, q, CST_LABEL)
    if label < 0 or count < position(m, p, POS_B):
        return True
    if (position(m, p, POS_FLAGS) & F_KEYS) == 0:
        return close(m, position(m, p, POS_THEN), stack, world)
    if text == 0:
        # Still inside the literals (a strict prefix of one), or nothing was read.
        text = literal_prefix(m, low, count) if low < high else 1
        if text == NO_ROOM:
            return False
    return end_unlisted(m, p, label, text, stack, world)


@helper
def end_unlisted(m, p, label, text, stack, world):
    """The end of a name that is not listed, of the class `label`. False: asked."""
    if (position(m, p, POS_FLAGS) & F_OBJECT) != 0:
        return end_other(m, p, label, text, stack, world)
    slot = memo_slot(m, M_OTHER, p, label, text)
    e = cell(m, AT_MEMO_HASH, slot)
    if e == 0:
        return ask(m, ASK_OTHER, p, label, text)
    return close(m, memo_row(m, e, 4), stack, world)


@helper
def end_other(m, p, label, text, stack, world):
    """The end of an unlisted name of an object, which must not have come before. False: asked."""
    g = stack_row(m, stack, STK_PROGRESS)
    if text > 0 and is_written(m, g, text):
        return True
    e = cell(m, AT_MEMO_HASH, memo_slot(m, M_OTHER, p, label, -1))
    if e == 0:
        return ask(m, ASK_OTHER, p, label, -1)
    return end_name(m, memo_row(m, e, 4), stack, behind_other(m, g, text), world)


@helper
def end_name(m, target, stack, g, world):
    """Go on behind a name: the object's node makes place for one with the new progress. False: asked."""
    if g < 0:
        return False
    s = push_object(m, stack_row(m, stack, STK_RETURN), stack_row(m, stack, STK_PARENT), g)
    return s >= 0 and close(m, target, s, world)


@helper
def leaves_literals(m, p, q, low, high, count, text, first, last):
    """Does any character in [first, last] leave the literals, with nothing to remember of them?

    Then the partly read character need not be told apart by the literals it is leaving: with hundreds of member
    names there would be a state for each of their prefixes and each beginning of a character.
    """
    if (
        low >= high
        or q == 0
        or position(m, p, POS_C) >= 0
        or position(m, p, POS_B) > 0
        or records(m, p, text)
    ):
        return False
    for i in range(low, high):
        if first <= literal_char(m, i, count) <= last:
            return False
    return True


@helper
def part(m, p, q, low, high, count, text, stack, mode, first, last):
    """Go on inside a character known to lie in [first, last], if any such character leads on. False: asked."""
    if q > 0 and char_row(m, q, CST_LOWERED) == 0:
        return ask(m, ASK_CHAR, q, 0, 0)
    if not range_alive(m, p, q, low, high, count, stack, first, last):
        return True
    if leaves_literals(m, p, q, low, high, count, text, first, last):
        low, high, count = 0, 0, 0
    base = representative(m, p, q, low, high, text, mode, first, last)
    return emit(m, p, q, low, high, count, (mode << DECODE_SHIFT) | base, text, stack)


@helper
def hex_value(byte):
    if 48 <= byte <= 57:
        return byte - 48
    if 97 <= byte <= 102:
        return byte - 87
    if 65 <= byte <= 70:
        return byte - 55
    return -1


@helper
def hex_part(m, p, q, low, high, count, text, stack, left, base):
    """Behind some digits of \\uXXXX: `left` digits to come, `base` the value with zeros there. False: asked."""
    last = base + (1 << (4 * left)) - 1
    mode = D_HEX4 + (4 - left)
    if left == 0:
        if base < 0xD800 or base > 0xDFFF:
            return read_char(m, p, q, low, high, count, text, stack, base)
        if base >= 0xDC00:
            return True  # a low surrogate alone is no character
        first = 0x10000 + ((base - 0xD800) << 10)
        return surrogate_part(m, p, q, low, high, count, text, stack, D_LOW_SLASH, first, first + 1023)
    if base > 0xDBFF or last < 0xD800:
        if base >= 0xDC00 and last <= 0xDFFF:
            return True
        return part(m, p, q, low, high, count, text, stack, mode, base, last)
    # The range reaches into the surrogates: alive through a plain character or through a pair.
    if q > 0 and char_row(m, q, CST_LOWERED) == 0:
        return ask(m, ASK_CHAR, q, 0, 0)
    alive = base < 0xD800 and range_alive(m, p, q, low, high, count, stack, base, 0xD7FF)
    if not alive:
        high_first = max(base, 0xD800)
        high_last = min(last, 0xDBFF)
        first = 0x10000 + ((high_first - 0xD800) << 10)
        alive = range_alive(
            m, p, q, low, high, count, stack, first, 0x10000 + ((high_last - 0xD800) << 10) + 1023
        )
    if not alive:
        return True
    return emit(m, p, q, low, high, count, (mode << DECODE_SHIFT) | base, text, stack)


@helper
def surrogate_part(m, p, q, low, high, count, text, stack, mode, first, last):
    """Inside the second half of a surrogate pair, the character known to lie in [first, last]. False: asked."""
    if q > 0 and char_row(m, q, CST_LOWERED) == 0:
        return ask(m, ASK_CHAR, q, 0, 0)
    if not range_alive(m, p, q, low, high, count, stack, first, last):
        return True
    base = first
    if low >= high and q > 0 and not records(m, p, text):
        e = find_edge(m, q, first)
        if e >= 0 and edge(m, e, 1) >= last:
            size = last - first + 1
            base = np.int64(max((max(np.int64(edge(m, e, 0)), 0x10000) + size - 1) // size * size, 0x10000))
            if base > first:
                base = first
    return emit(m, p, q, low, high, count, (mode << DECODE_SHIFT) | base, text, stack)


@helper
def lead_byte(m, p, q, low, high, count, text, stack, byte):
    """Read the first byte of a multi-byte UTF-8 character (RFC 3629). False: asked."""
    if 0xC2 <= byte <= 0xDF:
        first = (byte & 0x1F) << 6
        return part(m, p, q, low, high, count, text, stack, D_UTF1, first, first + 63)
    if 0xE0 <= byte <= 0xEF:
        first = (byte & 0x0F) << 12
        last = first + 4095
        if byte == 0xE0:
            return special_part(m, p, q, low, high, count, text, stack, D_UTF2, first, 0x800, last)
        if byte == 0xED:
            return special_part(m, p, q, low, high, count, text, stack, D_UTF2, first, first, 0xD7FF)
        return part(m, p, q, low, high, count, text, stack, D_UTF2, first, last)
    if 0xF0 <= byte <= 0xF4:
        first = (byte & 0x07) << 18
        last = first + 0x3FFFF
        if byte == 0xF0:
            return special_part(m, p, q, low, high, count, text, stack, D_UTF3, first, 0x10000, last)
        if byte == 0xF4:
            return special_part(m, p, q, low, high, count, text, stack, D_UTF3, first, first, 0x10FFFF)
        return part(m, p, q, low, high, count, text, stack, D_UTF3, first, last)
    return True


@helper
def special_part(m, p, q, low, high, count, text, stack, mode, base, first, last):
    """`part` for the four lead bytes whose second byte is restricted: never represented by another range."""
    if q > 0 and char_row(m, q, CST_LOWERED) == 0:
        return ask(m, ASK_CHAR, q, 0, 0)
    if not range_alive(m, p, q, low, high, count, stack, first, last):
        return True
    if leaves_literals(m, p, q, low, high, count, text, first, last):
        low, high, count = 0, 0, 0
    return emit(m, p, q, low, high, count, (mode << DECODE_SHIFT) | base, text, stack)


@helper
def continuation_byte(m, p, q, low, high, count, text, stack, mode, base, byte):
    """Read a UTF-8 continuation byte. False: asked."""
    if byte < 0x80 or byte > 0xBF:
        return True
    if mode == D_UTF1:
        return read_char(m, p, q, low, high, count, text, stack, base | (byte & 63))
    if mode == D_UTF2:
        first = base | ((byte & 63) << 6)
        if first < 0x800 or 0xD800 <= first <= 0xDFFF:
            return True
        return part(m, p, q, low, high, count, text, stack, D_UTF1, first, first + 63)
    first = base | ((byte & 63) << 12)
    if first < 0x10000 or first > 0x10FFFF:
        return True
    return part(m, p, q, low, high, count, text, stack, D_UTF2 + 16, first, first + 4095)


@helper
def escaped_char(byte):
    """The character that a one-letter escape stands for, -1 if none (RFC 8259, section 7)."""
    if byte == 0x22 or byte == 0x5C or byte == 0x2F:
        return byte
    if byte == 0x62:
        return 8
    if byte == 0x66:
        return 12
    if byte == 0x6E:
        return 10
    if byte == 0x72:
        return 13
    if byte == 0x74:
        return 9
    return -1


@helper
def canonical_hex(mode, base, byte):
    """May this digit stand in the \\u00xx of a control character without a short escape, as json.dumps writes it?"""
    if byte >= 65 and byte <= 70:
        return False
    value = hex_value(byte)
    if mode == D_HEX4 or mode == D_HEX3:
        return value == 0
    if mode == D_HEX2:
        return value <= 1
    full = base | value
    return full < 0x20 and full != 8 and full != 9 and full != 10 and full != 12 and full != 13


@helper
def escape_byte(m, p, q, low, high, count, text, stack, mode, base, byte):
    """Read a byte of a JSON escape behind its backslash. False: asked."""
    canonical = (position(m, p, POS_FLAGS) & F_CANONICAL) != 0
    if mode == D_ESCAPE:
        if byte == 0x75:
            last = 0x1F if canonical else 0x10FFFF
            if q > 0 and char_row(m, q, CST_LOWERED) == 0:
                return ask(m, ASK_CHAR, q, 0, 0)
            if not range_alive(m, p, q, low, high, count, stack, 0, last):
                return True
            if canonical and not control_alive(m, p, q, low, high, count, stack):
                return True
            return emit(m, p, q, low, high, count, D_HEX4 << DECODE_SHIFT, text, stack)
        char = escaped_char(byte)
        if char < 0 or (canonical and byte == 0x2F):
            return True
        return read_char(m, p, q, low, high, count, text, stack, char)
    value = hex_value(byte)
    if D_HEX4 <= mode <= D_HEX1:
        if value < 0 or (canonical and not canonical_hex(mode, base, byte)):
            return True
        left = D_HEX1 - mode
        value = base | (value << (4 * left))
        if canonical and left == 1 and not low_control_alive(m, p, q, low, high, count, stack, value):
            return True
        return hex_part(m, p, q, low, high, count, text, stack, left, value)
    return low_surrogate_byte(m, p, q, low, high, count, text, stack, mode, base, byte, value)


@helper
def control_alive(m, p, q, low, high, count, stack):
    """Is there a control character that json.dumps writes as \\u00xx and that leads on?"""
    return low_control_alive(m, p, q, low, high, count, stack, 0) or low_control_alive(
        m, p, q, low, high, count, stack, 16
    )


@helper
def low_control_alive(m, p, q, low, high, count, stack, base):
    """`control_alive` for the sixteen characters from `base` on. q must be lowered."""
    if base == 0:
        return (
            range_alive(m, p, q, low, high, count, stack, 0, 7)
            or range_alive(m, p, q, low, high, count, stack, 11, 11)
            or range_alive(m, p, q, low, high, count, stack, 14, 15)
        )
    return range_alive(m, p, q, low, high, count, stack, 16, 31)


@helper
def low_surrogate_byte(m, p, q, low, high, count, text, stack, mode, base, byte, value):
    """Read a byte of the `\\udc00`..`\\udfff` that completes a pair. False: asked."""
    if mode == D_LOW_SLASH or mode == D_LOW_U or mode == D_LOW_D:
        wanted = 0x5C if mode == D_LOW_SLASH else (0x75 if mode == D_LOW_U else 0x64)
        if byte != wanted and not (mode == D_LOW_D and byte == 0x44):
            return True
        return emit(m, p, q, low, high, count, ((mode + 1) << DECODE_SHIFT) | base, text, stack)
    if value < 0:
        return True
    if mode == D_LOW_3:
        if value < 0xC:
            return True
        first = base + ((value - 0xC) << 8)
        return surrogate_part(m, p, q, low, high, count, text, stack, D_LOW_2, first, first + 255)
    if mode == D_LOW_2:
        first = base + (value << 4)
        return surrogate_part(m, p, q, low, high, count, text, stack, D_LOW_1, first, first + 15)
    return read_char(m, p, q, low, high, count, text, stack, base + value)


@helper
def canonical_escape_alive(m, p, q, low, high, count, stack):
    """Is there a character that must be escaped and leads on? q must be lowered."""
    return (
        range_alive(m, p, q, low, high, count, stack, 0, 31)
        or range_alive(m, p, q, low, high, count, stack, 0x22, 0x22)
        or range_alive(m, p, q, low, high, count, stack, 0x5C, 0x5C)
    )


@helper
def string_byte(m, p, q, low, high, count, decode, text, stack, byte):
    """Read a byte inside a JSON string. False: asked."""
    mode = decode >> DECODE_SHIFT
    if mode == D_NONE:
        if byte == 0x22:
            return end_string(m, p, q, low, high, count, text, stack)
        if byte == 0x5C:
            if q > 0 and char_row(m, q, CST_LOWERED) == 0:
                return ask(m, ASK_CHAR, q, 0, 0)
            if (position(m, p, POS_FLAGS) & F_CANONICAL) != 0:
                alive = canonical_escape_alive(m, p, q, low, high, count, stack)
            else:
                alive = range_alive(m, p, q, low, high, count, stack, 0, 0x10FFFF)
            if not alive:
                return True
            return emit(m, p, q, low, high, count, D_ESCAPE << DECODE_SHIFT, text, stack)
        if byte < 0x20:
            return True
        if byte < 0x80:
            return read_char(m, p, q, low, high, count, text, stack, byte)
        return lead_byte(m, p, q, low, high, count, text, stack, byte)
    base = decode & DECODE_MASK
    if mode <= D_UTF3 or mode == D_UTF2 + 16:
        return utf8_byte(m, p, q, low, high, count, text, stack, mode, base, byte)
    return escape_byte(m, p, q, low, high, count, text, stack, mode, base, byte)


@helper
def utf8_byte(m, p, q, low, high, count, text, stack, mode, base, byte):
    """A continuation byte; mode D_UTF2 + 16 is "two left of four", where no three-byte rule applies. False: asked."""
    if mode == D_UTF2 + 16:
        if byte < 0x80 or byte > 0xBF:
            return True
        first = base | ((byte & 63) << 6)
        return part(m, p, q, low, high, count, text, stack, D_UTF1, first, first + 63)
    return continuation_byte(m, p, q, low, high, count, text, stack, mode, base, byte)


@helper
def text_byte(m, p, q, low, high, count, decode, world, stack, byte):
    """Read a byte of plain UTF-8 text. False: asked."""
    mode = decode >> DECODE_SHIFT
    if mode == D_NONE:
        if byte < 0x80:
            return read_char(m, p, q, low, high, count, world, stack, byte)
        return lead_byte(m, p, q, low, high, count, world, stack, byte)
    return utf8_byte(m, p, q, low, high, count, world, stack, mode, decode & DECODE_MASK, byte)


@helper
def step_config(m, k, byte):
    """Add the successors of configuration k by `byte` to the frontier being built. False: asked."""
    p = config(m, k, CFG_POS)
    stack = config(m, k, CFG_STACK)
    text = config(m, k, CFG_TEXT)
    kind = position(m, p, POS_KIND)
    if kind == P_BYTES:
        first = position(m, p, POS_A)
        for i in range(first, first + position(m, p, POS_B)):
            if edge(m, i, 0) <= byte <= edge(m, i, 1) and not close(m, edge(m, i, 2), stack, text):
                return False
        return True
    if kind == P_STRING:
        return string_byte(
            m, p, config(m, k, CFG_Q), config(m, k, CFG_LOW), config(m, k, CFG_HIGH), config(m, k, CFG_COUNT),
            config(m, k, CFG_DECODE), text, stack, byte,
        )  # fmt: skip
    if kind == P_TEXT:
        return text_byte(
            m, p, config(m, k, CFG_Q), config(m, k, CFG_LOW), config(m, k, CFG_HIGH), config(m, k, CFG_COUNT),
            config(m, k, CFG_DECODE), text, stack, byte,
        )  # fmt: skip
    if kind == P_SPACE:
        if byte == 0x20:
            return close(m, position(m, p, POS_A), stack, text)
        if byte == 0x0A:
            return close(m, position(m, p, POS_B), stack, text)
        return True
    if kind == P_INDENT and (byte == 0x20 or byte == 0x09):
        # Indentation grows with nesting, as pretty printers write it; eight columns a level bound it.
        columns = config(m, k, CFG_COUNT) + 1
        if columns > max(position(m, p, POS_B), 8 * stack_row(m, stack, STK_DEPTH)):
            return True
        if not emit(m, p, 0, 0, 0, columns, 0, text, stack):
            return False
        return close(m, position(m, p, POS_A), stack, text)
    return True


@helper
def before(m, i, j):
    for c in range(CFG_WIDTH):
        if out_row(m, i, c) != out_row(m, j, c):
            return out_row(m, i, c) < out_row(m, j, c)
    return False


@helper
def sort_out(m):
    """Sort the frontier being built: heap sort in place, since an anyOf of hundreds makes hundreds of rows."""
    n = np.int64(m[N_OUT])
    for start in range(n // 2 - 1, -1, -1):
        sift(m, start, n)
    for end in range(n - 1, 0, -1):
        swap(m, 0, end)
        sift(m, 0, end)


@helper
def swap(m, i, j):
    for c in range(CFG_WIDTH):
        a = m[AT_OUT] + i * CFG_WIDTH + c
        b = m[AT_OUT] + j * CFG_WIDTH + c
        m[a], m[b] = m[b], m[a]


@helper
def sift(m, root, n):
    while True:
        child = 2 * root + 1
        if child >= n:
            return
        if child + 1 < n and before(m, child, child + 1):
            child += 1
        if not before(m, root, child):
            return
        swap(m, root, child)
        root = child


@helper
def keep_history(m, n):
    """Give the history to the whole frontier being built, if a value is being recorded anywhere in it."""
    recorded = 0
    for i in range(n):
        recorded |= stack_row(m, out_row(m, i, CFG_STACK), STK_RECORDED)
    if recorded:
        for i in range(n):
            m[m[AT_OUT] + i * CFG_WIDTH + CFG_HISTORY] = m[HISTORY]


@helper
def intern_out(m):
    """The state of the frontier that was built, new or known. DEAD when it is empty, UNKNOWN: asked for room."""
    n = np.int64(m[N_OUT])
    if n == 0:
        return DEAD
    if m[HISTORY] > 0:
        keep_history(m, n)
    if n > 1:
        sort_out(m)
    h = mix(0, n)
    for i in range(n):
        for c in range(CFG_WIDTH):
            h = mix(h, out_row(m, i, c))
    mask = np.int64(m[CAP_STATE_HASH]) - 1
    slot = h & mask
    while True:
        s = cell(m, AT_STATE_HASH, slot)
        if s == 0:
            break
        if state_row(m, s, ST_COUNT) == n and same_frontier(m, state_row(m, s, ST_FIRST), n):
            return s
        slot = (slot + 1) & mask
    if m[N_CONFIGS] + n >= m[CAP_CONFIGS]:
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    return new_state(m, slot, n)


@helper
def same_frontier(m, first, n):
    for i in range(n):
        for c in range(CFG_WIDTH):
            if config(m, first + i, c) != out_row(m, i, c):
                return False
    return True


@helper
def new_state(m, slot, n):
    s = np.int64(m[N_STATES])
    first = np.int64(m[N_CONFIGS])
    m[N_STATES] = s + 1
    m[N_CONFIGS] = first + n
    accepting = 0
    for i in range(n):
        for c in range(CFG_WIDTH):
            m[m[AT_CONFIGS] + (first + i) * CFG_WIDTH + c] = out_row(m, i, c)
        if position(m, out_row(m, i, CFG_POS), POS_KIND) == P_ACCEPT:
            accepting = 1
    m[m[AT_STATES] + s * ST_WIDTH + ST_FIRST] = first
    m[m[AT_STATES] + s * ST_WIDTH + ST_COUNT] = n
    m[m[AT_STATES] + s * ST_WIDTH + ST_ACCEPTING] = accepting
    m[m[AT_STATE_HASH] + slot] = s
    for i in range(first, first + n):
        note_alive(m, i, m[AT_STATES] + s * ST_WIDTH + ST_ALIVE_WORDS)
    return s


@helper
def lead_of(char):
    """First byte of a character in UTF-8."""
    if char < 0x80:
        return char
    if char < 0x800:
        return 0xC0 | (char >> 6)
    if char < 0x10000:
        return 0xE0 | (char >> 12)
    return 0xF0 | (char >> 18)


@helper
def note_byte(m, at, byte):
    m[at + (byte >> 5)] |= np.int32(1) << np.int32(byte & 31)


@helper
def note_range(m, at, low, high):
    for byte in range(low, high + 1):
        note_byte(m, at, byte)


@helper
def note_alive(m, k, at):
    """Add the bytes that may lead on from configuration k, a superset, to the 256 bits at m[at]."""
    p = config(m, k, CFG_POS)
    kind = position(m, p, POS_KIND)
    if kind == P_BYTES:
        first = position(m, p, POS_A)
        for i in range(first, first + position(m, p, POS_B)):
            note_range(m, at, edge(m, i, 0), edge(m, i, 1))
    elif kind == P_SPACE or kind == P_INDENT:
        note_range(m, at, 0x09, 0x0A)
        note_byte(m, at, 0x20)
    elif kind == P_STRING or kind == P_TEXT:
        mode = config(m, k, CFG_DECODE) >> DECODE_SHIFT
        if mode == D_NONE:
            note_characters(m, k, p, at)
        elif mode <= D_UTF3 or mode == D_UTF2 + 16:
            note_range(m, at, 0x80, 0xBF)
        else:
            for w in range(8):
                m[at + w] = -1


@helper
def note_characters(m, k, p, at):
    """`note_alive` for a string or text between two characters."""
    if position(m, p, POS_KIND) == P_STRING:
        note_byte(m, at, 0x22)
        note_byte(m, at, 0x5C)
    depth = config(m, k, CFG_COUNT)
    for i in range(config(m, k, CFG_LOW), config(m, k, CFG_HIGH)):
        char = literal_char(m, i, depth)
        if char >= 0:
            note_byte(m, at, lead_of(char))
    q = config(m, k, CFG_Q)
    if q == 0:
        return
    if char_row(m, q, CST_LOWERED) == 0:
        for w in range(8):
            m[at + w] = -1
        return
    first = char_row(m, q, CST_FIRST)
    for e in range(first, first + char_row(m, q, CST_EDGES)):
        note_range(m, at, lead_of(edge(m, e, 0)), lead_of(edge(m, e, 1)))


@helper
def roomy(m):
    """Is there room for whatever one step can add? Checked once a step, so that nothing below has to."""
    margin = ROOM
    return (
        m[N_STATES] + 2 < m[CAP_STATES]
        and 2 * m[N_STATES] < m[CAP_STATE_HASH]
        and m[N_CONFIGS] + margin < m[CAP_CONFIGS]
        and m[N_STACK] + margin < m[CAP_STACK]
        and m[N_PROGRESS] + margin < m[CAP_PROGRESS]
        and m[N_BITS] + margin < m[CAP_BITS]
        and m[N_TEXT] + margin < m[CAP_TEXTS]
        and m[N_MEMO] + 2 * margin < m[CAP_MEMO]
        and 2 * (m[N_MEMO] + 2 * margin) < m[CAP_MEMO_HASH]
    )


@kernel
def step(m, state, byte):
    """The state behind `state` and `byte`: DEAD if there is none, UNKNOWN if something was asked for."""
    known = cell(m, AT_NEXT, state * 256 + byte)
    if known != UNKNOWN:
        return known
    if (m[m[AT_STATES] + state * ST_WIDTH + ST_ALIVE_WORDS + (byte >> 5)] >> (byte & 31)) & 1 == 0:
        return DEAD
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    m[N_OUT] = 0
    first = state_row(m, state, ST_FIRST)
    history = config(m, first, CFG_HISTORY)
    m[HISTORY] = spell(m, history, byte) if history > 0 else 0
    if m[HISTORY] < 0:
        return UNKNOWN
    for k in range(first, first + state_row(m, state, ST_COUNT)):
        if not step_config(m, k, byte):
            return UNKNOWN
    target = np.int64(intern_out(m))
    if target != UNKNOWN:
        m[m[AT_NEXT] + state * 256 + byte] = target
    return target


@kernel
def enter(m, pos, stack):
    """The state of the closure of (pos, stack); UNKNOWN if something was asked for."""
    m[N_OUT] = 0
    m[HISTORY] = 0
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    if not close(m, pos, stack, 0):
        return UNKNOWN
    return np.int64(intern_out(m))


@kernel
def run(m, state, data, first, last):
    """Step over data[first:last]. Returns (state, index): UNKNOWN or DEAD with the index where that was met."""
    for i in range(first, last):
        state = step(m, state, np.int64(data[i]))
        if state <= DEAD:
            return state, i
    return state, last


@kernel
def anonymous(m, state):
    """`twin_of`, for Python."""
    return np.int64(twin_of(m, state))


@helper
def twin_of(m, state):
    """The twin of a state in a world where spelled names are not recorded.

    Masks are computed there: what a token may do does not depend on how a name was spelled so far once that has left
    all listed names, and a walk over the trie would record every name that it tries.
    """
    first = state_row(m, state, ST_FIRST)
    n = state_row(m, state, ST_COUNT)
    if config(m, first, CFG_TEXT) < 0:
        return state
    if not roomy(m):
        ask(m, ASK_ROOM, 0, 0, 0)
        return UNKNOWN
    m[N_OUT] = 0
    m[HISTORY] = 0
    for k in range(first, first + n):
        emit(
            m, config(m, k, CFG_POS), config(m, k, CFG_Q), config(m, k, CFG_LOW), config(m, k, CFG_HIGH),
            config(m, k, CFG_COUNT), config(m, k, CFG_DECODE), -1, config(m, k, CFG_STACK),
        )  # fmt: skip
    return np.int64(intern_out(m))
