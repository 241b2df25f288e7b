"""Beginnings: languages of which every text is the beginning of some text, told from their shape.

In: an expression. Out: True only where it holds, by a look at the nodes and without a single derivative. Patterns that
are not anchored (`cat` is `.*cat.*`), their alternations, and everything but a few words are such languages: whatever
was written, they can still be met. So the tokens that stay inside one of them are those that stay inside any text,
and infinitely many texts lie behind each. Of other languages, the same holds for short tokens: `least_outside`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

from treadle.grammar.emptiness import is_empty
from treadle.grammar.expression import (
    ANY_CHAR,
    ANY_TEXT,
    Alternate,
    Complement,
    Concat,
    Expr,
    Intersect,
    Repeat,
)

#: Patterns whose combinations are looked at one by one, and a length that no token has.
_FEW: Final = 6
_NEVER: Final = 1 << 20


def admits_every_beginning(expr: Expr) -> bool:
    """Whether every text can go on to one of the language. False may mean that its shape does not tell.

    Raises LimitExceeded as `is_empty` does.
    """
    if isinstance(expr, Concat):
        return expr.head is ANY_TEXT and not is_empty(expr.tail)
    if isinstance(expr, Alternate):
        return any(admits_every_beginning(member) for member in expr.members)
    return has_all_long_texts(expr)


def has_all_long_texts(expr: Expr) -> bool:
    """Whether every text is in the language that has more than so many characters. False may mean the same."""
    if isinstance(expr, Complement):
        return expr.body.max_length is not None
    if isinstance(expr, Repeat):
        return expr.body is ANY_CHAR and expr.high is None
    if isinstance(expr, Intersect):
        return all(has_all_long_texts(member) for member in expr.members)
    return expr is ANY_TEXT


def least_outside(languages: Sequence[Expr]) -> int:
    """A lower bound of the characters of a text that is in none of the languages, so of one that cannot go on to any.

    Names of members are in classes, by the patterns that they match: intersections of patterns and complements. A text
    outside matches a combination of them that no class has, so it is as long as these need.
    """
    classes = [_literals(language) for language in languages]
    patterns = list(dict.fromkeys(pattern for literals in classes for pattern in literals))
    if len(patterns) > _FEW:
        return 0
    least = _NEVER
    for chosen in product((False, True), repeat=len(patterns)):
        matched = dict(zip(patterns, chosen, strict=True))
        if not any(literals.items() <= matched.items() for literals in classes):
            least = min(least, max((p.min_length for p in patterns if matched[p]), default=0))
    return least


def _literals(expr: Expr) -> dict[Expr, bool]:
    """The patterns that a member of a class matches (True), and those that it does not match."""
    members = expr.members if isinstance(expr, Intersect) else (expr,)
    return {m.body if isinstance(m, Complement) else m: not isinstance(m, Complement) for m in members}
