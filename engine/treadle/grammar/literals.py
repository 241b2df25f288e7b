"""Literals: single characters, texts and word sets.

In: character sets, texts, any number of words. Out: nodes. A text is one node however long it is, and a word set one
node however many words it has: its residuals are intervals of the sorted words, so that 50,000 words cost a sort.
"""

from __future__ import annotations

from collections.abc import Iterable

from treadle.grammar.charset import CharSet
from treadle.grammar.nodes import (
    Alternate,
    Chars,
    Epsilon,
    Expr,
    Nothing,
    Repeat,
    Text,
    Words,
    WordTable,
    intern_node,
    intern_table,
    known_node,
)

NOTHING: Expr = intern_node(Nothing, (), (), nullable=False, plain=True, exact=True, lengths=(0, 0))
NOTHING._empty = True
EPSILON: Expr = intern_node(Epsilon, (), (), nullable=True, plain=True, exact=True, lengths=(0, 0))


def chars(charset: CharSet) -> Expr:
    """One character of the set."""
    if not charset.ranges:
        return NOTHING
    known = known_node(Chars, charset)
    if known is not None:
        return known
    return intern_node(Chars, (charset,), (charset,), nullable=False, plain=True, exact=True, lengths=(1, 1))


def text(literal: str) -> Expr:
    """The language of this one text."""
    if not literal:
        return EPSILON
    if len(literal) == 1:
        return chars(CharSet.single(ord(literal)))
    known = known_node(Text, literal)
    if known is not None:
        return known
    length = len(literal)
    return intern_node(
        Text, (literal,), (literal,), nullable=False, plain=True, exact=True, lengths=(length, length)
    )


def words(literals: Iterable[str]) -> Expr:
    """A finite set of texts. Costs a sort; never expanded to a tree, so that 50,000 words are fine."""
    ordered = tuple(sorted(set(literals)))
    return word_range(intern_table(ordered), 0, len(ordered), 0)


def word_range(table: WordTable, low: int, high: int, depth: int) -> Expr:
    """The words low..high-1 of the table without their first `depth` characters, which they share."""
    if high - low <= 1:
        return text(table.words[low][depth:]) if high > low else NOTHING
    fields = (table, low, high, depth)
    known = known_node(Words, *fields)
    if known is not None:
        return known
    # Sorted: a word that ends here is the first. N.B. all share the first `depth` characters.
    nullable = len(table.words[low]) == depth
    sizes = [len(word) for word in table.words[low:high]]
    lengths = (min(sizes) - depth, max(sizes) - depth)
    return intern_node(Words, fields, fields, nullable=nullable, plain=True, exact=True, lengths=lengths)


def as_words(expr: Expr, limit: int = 100_000) -> tuple[str, ...] | None:
    """The sorted texts of an expression that is plainly a finite set of them; None when it is not, or has more."""
    if type(expr) is Words and not expr.depth and expr.high - expr.low == len(expr.table.words) <= limit:
        return expr.table.words
    members = expr.members if type(expr) is Alternate else (expr,)
    found: set[str] = set()
    for member in members:
        own = _words_of(member, limit - len(found))
        if own is None:
            return None
        found.update(own)
    return tuple(sorted(found))


def _words_of(expr: Expr, limit: int) -> Iterable[str] | None:
    if type(expr) is Words and expr.high - expr.low <= limit:
        return own_words(expr)
    if limit < 1:
        return None
    if type(expr) is Text:
        return (expr.text,)
    if type(expr) is Chars and expr.set.size() <= limit:
        return map(chr, expr.set.codepoints())
    if expr is EPSILON:
        return ("",)
    if expr is NOTHING:
        return ()
    if type(expr) is Repeat and (expr.low, expr.high) == (0, 1):
        inner = as_words(expr.body, limit - 1)
        return None if inner is None else ("", *inner)
    return None


def own_words(member: Expr) -> tuple[str, ...]:
    """The texts of a Text or Words node."""
    if type(member) is Words:
        return tuple(word[member.depth :] for word in member.table.words[member.low : member.high])
    assert type(member) is Text
    return (member.text,)
