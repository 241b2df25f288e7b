"""Reading one character of a string, whole or in part: which characters lead on, and what is kept of a part.

A string's place is (q, low..high, count): a state of a character automaton, the listed words that begin with what was
read, and how many characters that was. Bytes are put together to characters in string_kernels.py and
escape_kernels.py; a character that is known only to lie in a range is kept as that range's base, if one of it leads on.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import ask, cell, char_row, edge, position, spell
from treadle.automata.frontier_kernels import close, emit, emit_text
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.word_kernels import any_literal, first_from, literal_char, narrow
from treadle.compiling import helper


@helper
def first_edge(m, q, char):
    """The first edge of character state q (lowered) that does not end before `char`; behind its last one if none."""
    low = char_row(m, q, CST_FIRST)
    high = low + char_row(m, q, CST_EDGES)
    while low < high:
        middle = (low + high) >> 1
        if edge(m, middle, 1) < char:
            low = middle + 1
        else:
            high = middle
    return low


@helper
def find_edge(m, q, char):
    """Index of the edge of character state q (lowered) that holds `char`, or -1."""
    a = first_edge(m, q, char)
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
        a = first_edge(m, q, first)
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
def special_part(m, p, q, low, high, count, text, stack, mode, base, first, last):
    """`part` for the four lead bytes whose second byte is restricted: never represented by another range."""
    if q > 0 and char_row(m, q, CST_LOWERED) == 0:
        return ask(m, ASK_CHAR, q, 0, 0)
    if not range_alive(m, p, q, low, high, count, stack, first, last):
        return True
    if leaves_literals(m, p, q, low, high, count, text, first, last):
        low, high, count = 0, 0, 0
    return emit(m, p, q, low, high, count, (mode << DECODE_SHIFT) | base, text, stack)
