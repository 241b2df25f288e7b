"""Prefixes of one length compete, although forced runs are read at once: what a step of a beam looks at.

A choice and the tokens that it forces are one row of one forward pass. In a beam that takes tokens one by one such a
prefix would meet its competitors again at every token of the run; were it compared as a whole, what has paid for a long
run would lose against what puts its own off, and were it not compared, it would keep a place that others deserve. So
a prefix that was read is kept as its family (`Children`), which knows what each token of the run has cost: at level t
it competes by the score of its first t tokens, until the level has reached its end and its children compete. No pass
is spent on it meanwhile, and what is found is what a beam without runs would find among the same texts.

In: prefixes as they are kept from step to step, unread or read. Out: families, in the same order.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from treadle.decoding.hypotheses import Children, Hypothesis
from treadle.vocabulary import Vocabulary

#: A prefix that was not read yet, or one that was.
Prefix = Hypothesis | Children


def read(
    prefixes: Sequence[Prefix],
) -> Generator[Sequence[Hypothesis], list[Children], list[Children]]:
    """The families of all, in their order; asks for those that were not read, if there are any."""
    unread = [one for one in prefixes if isinstance(one, Hypothesis)]
    found = iter((yield unread) if unread else [])
    return [next(found) if isinstance(one, Hypothesis) else one for one in prefixes]


def shortest(families: Sequence[Children]) -> int:
    """The level of a step: the least length among them."""
    return min(len(family.hypothesis.tokens) for family in families)


def whole(one: Prefix) -> Hypothesis:
    """The hypothesis, forced run included."""
    return one if isinstance(one, Hypothesis) else one.hypothesis


def cut(one: Hypothesis, level: int | None, vocabulary: Vocabulary) -> tuple[tuple[int, ...], bytes]:
    """(tokens, bytes) of a prefix as far as the children of `level` go; the whole of it without a level."""
    if level is None or len(one.tokens) <= level + 1:
        return one.tokens, one.data
    later = vocabulary.decode_bytes(one.tokens[level + 1 :])
    return one.tokens[: level + 1], one.data[: len(one.data) - len(later)]
