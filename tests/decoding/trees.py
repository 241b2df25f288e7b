"""Trees of `MCTS` as values: a search of a toy and the tree it left, `shape`, and a reward unlike likelihood."""

from __future__ import annotations

from decoding.searching import find
from treadle.decoding.puct import Edge, Node

SEEDS = range(6)
#: As wide as any toy's vocabulary: nothing is cut off.
WHOLE = 30
ALL = 3000


def letters(text: str) -> float:
    """A reward that has little to do with likelihood, from 0 to 1, different for nearly all texts."""
    return (sum(ord(letter) * (k + 3) * 7919 for k, letter in enumerate(text)) % 1009) / 1009


def tree(toy, table, strategy, **options):
    """(results, the tree, the notes)"""
    found = find(toy, table, strategy, **options)
    notes = found[0].search.notes
    return found, notes["tree"], notes


def shape(root: Node, backup="max"):
    return [
        (
            node.hypothesis.tokens,
            node.visits,
            node.value,
            tuple((e.child.tokens, e.child.finished, e.prior, e.visits, e.value(backup)) for e in node.edges or ()),
        )
        for node in root.walk()
    ]  # fmt: skip


def edges(root: Node) -> list[Edge]:
    return [edge for node in root.walk() for edge in node.edges or ()]
