"""The best filling of a block is what brute force finds among all valid ones (card 5.2, DINGO)."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from treadle.errors import UnsatisfiableConstraint, UnsupportedFeature
from treadle.infilling.cells import GAP, HOLE, Fixed
from treadle.infilling.completability import Canvas
from treadle.infilling.viterbi import best_filling

#: Regular languages, and context-free ones, whose states carry stacks.
NAMES = ["regular", "counted", "dyck-long-tokens", "two-brackets", "nested"]


@pytest.fixture(scope="module")
def by_name(toys):
    return {toy.name: toy for toy in toys.toys()}


@pytest.mark.parametrize("tail", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_best_filling_is_brute_forces(toys, by_name, name, tail):
    toy, rng = by_name[name], np.random.default_rng(0)
    fillings = toy.fillings(toy.cells, tail)
    for trial in range(25):
        state = [None] * toy.cells
        if trial % 2:
            state = [
                t if random.Random(trial).random() < 0.4 else None for t in fillings[trial % len(fillings)]
            ]
        scores = {i: rng.normal(0, 2, toy.end + 1) for i, t in enumerate(state) if t is None}
        best = max(sum(scores[i][f[i]] for i in scores) for f in toys.matching(tuple(state), fillings))
        canvas = Canvas(toy.automaton, toys.cells_of(tuple(state)), tail=tail)
        found, total = best_filling(canvas, scores)
        assert total == pytest.approx(best)
        assert sum(scores[i][found[i]] for i in scores) == pytest.approx(total)
        for cell, token in found.items():
            canvas.commit(cell, token)


def test_a_block_in_the_middle_need_only_leave_a_live_rest(toys, by_name):
    toy, rng = by_name["dyck"], np.random.default_rng(1)
    fillings = toy.fillings(6, False)
    for _ in range(20):
        scores = {i: rng.normal(0, 2, 3) for i in (1, 2, 3)}
        best = max(sum(scores[i][f[i]] for i in scores) for f in fillings)
        assert best_filling(Canvas(toy.automaton, [HOLE] * 6, tail=False), scores)[1] == pytest.approx(best)


def test_a_hole_alone_is_the_arg_max_of_its_mask(by_name):
    toy = by_name["regular"]
    scores = np.arange(toy.end + 1, dtype=float)
    canvas = Canvas(toy.automaton, [Fixed(0), HOLE])
    found, total = best_filling(canvas, {1: scores})
    assert (found, total) == ({1: 1}, 1.0)


def test_holes_stay_open_where_that_weighs_more(by_name):
    toy = by_name["dyck"]
    canvas = Canvas(toy.automaton, [HOLE] * 4, tail=False)
    scores = {i: np.full(3, -1.0) for i in range(4)}
    found, total = best_filling(canvas, scores, open_cost=dict.fromkeys(range(4), 0.0))
    assert (found, total) == (dict.fromkeys(range(4)), 0.0)


def test_impossible_blocks_and_gaps_are_refused_with_a_reason(by_name):
    toy = by_name["dyck"]
    nothing = {0: np.array([-math.inf, 0.0, 0.0])}
    with pytest.raises(UnsatisfiableConstraint):
        best_filling(Canvas(toy.automaton, [HOLE] * 2, tail=False), nothing)
    with pytest.raises(UnsupportedFeature):
        best_filling(Canvas(toy.automaton, [GAP]), {})
