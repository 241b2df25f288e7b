"""Reading a byte inside a string: UTF-8, JSON escapes, character automata and listed words.

All of it is decoded in the configuration. The escapes are those of RFC 8259, section 7, the bytes those of RFC 3629.
`string_byte` and `text_byte` are what a step calls (kernels.py).
"""

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
    position,
    spell,
    stack_row,
)
from treadle.automata.frontier_kernels import close, emit, emit_text
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.object_kernels import behind_name, behind_other, is_written, name_allowed, push_object
from treadle.automata.word_kernels import any_literal, first_from, literal_char, narrow
from treadle.compiling import helper


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
