"""Reading a byte inside a string or a text: UTF-8 (RFC 3629), escapes (escape_kernels.py), the closing quote.

All of it is decoded in the configuration. `string_byte` and `text_byte` are what a step calls (kernels.py); what a
character leads to is in character_kernels.py.
"""

from __future__ import annotations

from treadle.automata.cell_kernels import (
    ask,
    cell,
    char_row,
    literal_set,
    memo_row,
    memo_slot,
    position,
    stack_row,
)
from treadle.automata.character_kernels import literal_prefix, part, range_alive, read_char, special_part
from treadle.automata.escape_kernels import canonical_escape_alive, escape_byte
from treadle.automata.frontier_kernels import close, emit
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.object_kernels import behind_name, behind_other, is_written, name_allowed, push_object
from treadle.compiling import helper


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
def text_byte(m, p, q, low, high, count, decode, world, stack, byte):
    """Read a byte of plain UTF-8 text. False: asked."""
    mode = decode >> DECODE_SHIFT
    if mode == D_NONE:
        if byte < 0x80:
            return read_char(m, p, q, low, high, count, world, stack, byte)
        return lead_byte(m, p, q, low, high, count, world, stack, byte)
    return utf8_byte(m, p, q, low, high, count, world, stack, mode, decode & DECODE_MASK, byte)


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
def utf8_byte(m, p, q, low, high, count, text, stack, mode, base, byte):
    """A continuation byte; mode D_UTF2 + 16 is "two left of four", where no three-byte rule applies. False: asked."""
    if mode == D_UTF2 + 16:
        if byte < 0x80 or byte > 0xBF:
            return True
        first = base | ((byte & 63) << 6)
        return part(m, p, q, low, high, count, text, stack, D_UTF1, first, first + 63)
    return continuation_byte(m, p, q, low, high, count, text, stack, mode, base, byte)


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
