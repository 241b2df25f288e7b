"""Reading a byte of a JSON escape (RFC 8259, section 7): one letter, \\uXXXX, pairs of surrogates.

What was read of an escape is decoded in the configuration: the mode says how many digits are there, the base what
they come to with zeros behind them. `escape_byte` is what a string calls.
"""

from __future__ import annotations

import numpy as np

from treadle.automata.cell_kernels import ask, char_row, edge, position
from treadle.automata.character_kernels import find_edge, part, range_alive, read_char, records
from treadle.automata.frontier_kernels import emit
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.compiling import helper


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
def hex_value(byte):
    if 48 <= byte <= 57:
        return byte - 48
    if 97 <= byte <= 102:
        return byte - 87
    if 65 <= byte <= 70:
        return byte - 55
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
