"""Listed words: which of a sorted set may still be the string that is being read.

A set of literals is an interval of rows; reading a character narrows it by two binary searches. Helpers of the kernels
that step (kernels.py) and that walk a trie (matching/trie_kernels.py).
"""

from __future__ import annotations

from treadle.automata.cell_kernels import cell, literal_set, position, stack_row
from treadle.automata.layout import *  # noqa: F403  # the names are the point of that file
from treadle.automata.object_kernels import name_allowed
from treadle.compiling import helper


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
