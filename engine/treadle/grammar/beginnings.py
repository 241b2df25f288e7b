"""Beginnings: languages of which every text is the beginning of some text, told from their shape.

In: an expression. Out: True only where it holds, by a look at the nodes and without a single derivative. Patterns that
are not anchored (`cat` is `.*cat.*`), their alternations, and everything but a few words are such languages: whatever
was written, they can still be met. So the tokens that stay inside one of them are those that stay inside any text,
and infinitely many texts lie behind each.
"""

from __future__ import annotations

from treadle.grammar.emptiness import is_empty
from treadle.grammar.expression import ANY_TEXT, Alternate, Complement, Concat, Expr


def admits_every_beginning(expr: Expr) -> bool:
    """Whether every text can go on to one of the language. False may mean that its shape does not tell.

    Raises LimitExceeded as `is_empty` does.
    """
    if isinstance(expr, Concat):
        return expr.head is ANY_TEXT and not is_empty(expr.tail)
    if isinstance(expr, Complement):
        # Only so many characters are ruled out; any text of more is one of the language.
        return expr.body.max_length is not None
    if isinstance(expr, Alternate):
        return any(admits_every_beginning(member) for member in expr.members)
    return expr is ANY_TEXT
