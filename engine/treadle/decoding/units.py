"""Units of a text, counted while it is written: lines, statements, members of objects, elements of arrays.

A search that goes on by steps ends a step when the count rises. Brackets and quotes are what is looked at, so that a
comma in a string or a call ends nothing:

    line       a line end
    statement  a line end or a semicolon outside of brackets and quotes, behind something other than white space
    member     a comma, or a closing brace, of the innermost object
    element    a comma, or a closing bracket, of the innermost array
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from treadle.errors import InvalidConstraint

Unit = Literal["line", "statement", "member", "element"]
Counter = Callable[[bytes], int]
_OPEN, _CLOSE = b"([{", b")]}"
_BACKSLASH = ord("\\")


def counter(unit: str | Counter) -> Counter:
    """How many units a prefix has completed."""
    if callable(unit):
        return unit
    if unit not in _COUNTERS:
        raise InvalidConstraint("no such unit", found=repr(unit), expected=", ".join(_COUNTERS))
    return _COUNTERS[unit]


def _lines(text: bytes) -> int:
    return text.count(b"\n")


def _statements(text: bytes) -> int:
    count, filled = 0, False
    for byte, stack in outside(text, b"\"'"):
        if not stack and byte in b"\n;":
            count, filled = count + filled, False
        elif not bytes((byte,)).isspace():
            filled = True
    return count


def _inside(opening: int, closing: int) -> Counter:
    def count(text: bytes) -> int:
        found, filled = 0, False
        for byte, stack in outside(text, b'"'):
            innermost = stack[-1:] == bytes((opening,))
            if byte == opening:
                filled = False
            elif innermost and byte == ord(","):
                found += 1
            elif byte == closing and innermost:
                found += filled
                filled = True  # of the container around it, which this was a part of
            elif not bytes((byte,)).isspace():
                filled = True
        return found

    return count


def outside(text: bytes, quotes: bytes) -> list[tuple[int, bytes]]:
    """(byte, the brackets that are open before it) of every byte outside of quotes, and of each opening quote."""
    found: list[tuple[int, bytes]] = []
    stack, quote, place = b"", 0, 0
    while place < len(text):
        byte = text[place]
        place += 1
        if quote:
            place += byte == _BACKSLASH
            quote = 0 if byte == quote else quote
            continue
        found.append((byte, stack))
        if byte in quotes:
            quote = byte
        elif byte in _OPEN:
            stack += bytes((byte,))
        elif byte in _CLOSE:
            stack = stack[:-1]
    return found


_COUNTERS: dict[str, Counter] = {
    "line": _lines,
    "statement": _statements,
    "member": _inside(ord("{"), ord("}")),
    "element": _inside(ord("["), ord("]")),
}
