"""Kept answers of a model (bench/remembered.py): those of the tree behind, asked once, also from the file."""

from __future__ import annotations

import numpy as np
import pytest

from decoding.toys import TOYS, Table
from treadle.decoding.prefixes import EMPTY
from treadle.decoding.tables import TableModel

remembered = pytest.importorskip("bench.remembered")


def test_answers_are_those_of_the_tree_and_are_asked_once(tmp_path):
    toy = TOYS["regular"]()
    model = TableModel(toy.vocabulary, Table(len(toy.vocabulary), 1).log_probs)
    plain, path = model.tree(), tmp_path / "answers.f32"
    kept = remembered.RememberedTree(model.tree(), path)
    runs = [[0], [0, 1], [0, 1, 2]]
    for _ in range(2):
        ours, theirs = (tree.extend([EMPTY] * 3, runs, [0, 1, 2]) for tree in (kept, plain))
        for one, other in zip(ours, theirs, strict=True):
            assert (one.logits == np.float32(other.logits)).all()
            assert one.rest == pytest.approx(other.rest)
    assert kept.counters.forwards == 1
    # A row that was cut short is written anew.
    with path.open("ab") as file:
        file.write(b"abc")
    again = remembered.RememberedTree(model.tree(), path)
    (one,) = again.extend([EMPTY], [[0, 1]], [1])
    assert (one.logits == ours[1].logits).all() and again.counters.forwards == 0
    (behind,) = again.extend([one.node], [[2, 2]], [1])
    assert (behind.logits == plain.extend([EMPTY], [[0, 1, 2, 2]], [0])[0].logits).all()
    third = remembered.RememberedTree(model.tree(), path)
    assert (third.extend([EMPTY], [[0, 1, 2, 2]], [1])[0].logits == behind.logits).all()
    assert third.counters.forwards == 0
