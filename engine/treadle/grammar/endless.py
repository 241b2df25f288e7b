"""Languages that go on for ever, told from their shape: behind any beginning of a text there are infinitely many.

In: an expression. Out: True only where it holds, without a derivative. What member names fall into is mostly of this
kind, classes of patterns that are not anchored: `contains A, and contains no B`. Texts with A keep it whatever is
added (a right ideal, P.* for some P), and a text without B stays so while a character is added that no B ends with. So
one such character, added again and again, leads to infinitely many texts. A few words taken out change nothing.
"""

from __future__ import annotations

from typing import Final

from treadle.grammar.charset import EMPTY_SET, CharSet
from treadle.grammar.expression import (
    ANY_TEXT,
    Alternate,
    Chars,
    Complement,
    Concat,
    Epsilon,
    Expr,
    Intersect,
    Repeat,
    Text,
)

#: Characters that are tried: any one will do, and these can always be written.
_TRIED: Final = tuple(map(ord, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def goes_on_for_ever(expr: Expr) -> bool:
    """Whether infinitely many texts begin with any beginning of a text. False may mean that its shape does not tell."""
    if isinstance(expr, Alternate):
        return all(map(goes_on_for_ever, expr.members))
    ends = EMPTY_SET
    for member in expr.members if isinstance(expr, Intersect) else (expr,):
        if isinstance(member, Complement):
            if member.body.max_length is not None:
                continue
            last = _ends_of_ideal(member.body)
            if last is None:
                return False
            ends = ends.union(last)
        elif not _is_ideal(member):
            return False
    return not all(map(ends.contains, _TRIED))


def _is_ideal(expr: Expr) -> bool:
    """Does a text of the language stay one, whatever is added? False may mean that its shape does not tell."""
    while isinstance(expr, Concat):
        expr = expr.tail
    if isinstance(expr, Alternate):
        return all(map(_is_ideal, expr.members))
    return expr is ANY_TEXT


def _ends_of_ideal(expr: Expr) -> CharSet | None:
    """Characters with which a text may come to be in a right ideal, if it was not before; None for anything else."""
    if isinstance(expr, Alternate):
        ends = EMPTY_SET
        for member in expr.members:
            last = _ends_of_ideal(member)
            if last is None:
                return None
            ends = ends.union(last)
        return ends
    parts = []
    while isinstance(expr, Concat):
        parts.append(expr.head)
        expr = expr.tail
    if expr is not ANY_TEXT or all(part.nullable for part in parts):
        return None
    return _ends_of_row(parts)


def _ends_of_row(parts: list[Expr]) -> CharSet | None:
    ends = EMPTY_SET
    for part in reversed(parts):
        last = _ends(part)
        if last is None:
            return None
        ends = ends.union(last)
        if not part.nullable:
            break
    return ends


def _ends(expr: Expr) -> CharSet | None:
    """Characters with which texts of the language may end, or more; None where the shape does not tell."""
    if isinstance(expr, Chars):
        return expr.set
    if isinstance(expr, Text):
        return CharSet.of(((ord(expr.text[-1]), ord(expr.text[-1])),))
    if isinstance(expr, Epsilon):
        return EMPTY_SET
    if isinstance(expr, Repeat):
        return _ends(expr.body)
    if isinstance(expr, Concat):
        return _ends_of_row([expr.head, expr.tail])
    if isinstance(expr, Alternate):
        ends = EMPTY_SET
        for member in expr.members:
            last = _ends(member)
            if last is None:
                return None
            ends = ends.union(last)
        return ends
    return None
