"""Sets of states say what brute force says of every hole, or nothing, and stay right whatever is committed."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from treadle.infilling.cells import HOLE
from treadle.infilling.completability import Canvas
from treadle.infilling.limits import Limits
from treadle.infilling.state_sets import BEYOND, StateSets, explore, universe_of
from treadle.infilling.successors import successors_of
from treadle.masks import bitset

NAMES = [
    "dyck",
    "dyck-long-tokens",
    "two-brackets",
    "regular",
    "counted",
    "utf-8",
    "numbers",
    "nested",
]


@pytest.fixture(scope="module")
def by_name(toys):
    return {toy.name: toy for toy in toys.toys()}


def sets_of(toys, toy, state, tail, universe=512, build=StateSets):
    canvas = Canvas(toy.automaton, toys.cells_of(state), tail=tail, limits=Limits(universe=universe))
    known = StateSets.of(canvas)
    assert known is not None
    return canvas, build(canvas, known.universe)


def answers(toys, toy, tail, universe, step=1, build=StateSets):
    """How often the sets are right, say nothing, and are wrong, over all tokens of all holes."""
    fillings = toy.fillings(toy.cells, tail)
    right = silent = wrong = 0
    for state in list(toy.canvases(toy.cells, tail))[::step]:
        possible = toys.matching(state, fillings)
        canvas, sets = sets_of(toys, toy, state, tail, universe, build)
        for hole in canvas.holes:
            truth = {filling[hole] for filling in possible}
            for token in range(toy.end + 1):
                said = sets.fits(hole, token)
                silent += said is None
                right += said is not None and said == (token in truth)
                wrong += said is not None and said != (token in truth)
                witness = sets.witness(hole, token)
                assert (witness is not None) == (said is True)
                if witness is not None:
                    assert witness.tokens in possible and witness.tokens[hole] == token
                    assert len(witness.states) == toy.cells + 1
                    for i, behind in enumerate(witness.tokens):
                        assert canvas.behind_token(witness.states[i], behind) == (witness.states[i + 1],)
            possible_row, mask = sets.possible(hole), sets.mask(hole)
            if possible_row is not None:
                assert truth <= set(bitset.to_tokens(possible_row).tolist())
            if mask is not None:
                assert bitset.to_tokens(mask).tolist() == sorted(truth)
    return right, silent, wrong


@pytest.mark.parametrize("tail", [False, True], ids=["exact", "tail"])
@pytest.mark.parametrize("name", NAMES)
def test_every_state_of_filling_is_what_brute_force_says(toys, by_name, name, tail):
    right, silent, wrong = answers(
        toys, by_name[name], tail, 512, step=1 if name == "dyck" and not tail else 7
    )
    assert right and (silent, wrong) == (0, 0)


@pytest.mark.parametrize("universe", [1, 4, 9])
@pytest.mark.parametrize("name", NAMES)
def test_a_limit_makes_answers_missing_and_never_wrong(toys, by_name, name, universe):
    right, silent, wrong = answers(toys, by_name[name], True, universe, step=11)
    assert right and not wrong
    assert silent or universe > 1  # some of these languages have fewer states than the others' limits


class _NothingBeyond(StateSets):
    """The mutant: what was not looked behind leads nowhere."""

    def fits(self, cell, token):
        return bool(super().fits(cell, token))


def test_taking_what_is_not_known_for_a_no_is_caught(toys, by_name):
    *_, wrong = answers_of_mutant(toys, by_name["two-brackets"], 4)
    assert wrong


def answers_of_mutant(toys, toy, universe):
    fillings, wrong = toy.fillings(toy.cells, True), 0
    for state in list(toy.canvases(toy.cells, True))[::11]:
        possible = toys.matching(state, fillings)
        canvas, sets = sets_of(toys, toy, state, True, universe, _NothingBeyond)
        for hole in canvas.holes:
            truth = {filling[hole] for filling in possible}
            wrong += any(sets.fits(hole, token) != (token in truth) for token in range(toy.end + 1))
    return 0, 0, wrong


def wrong_answers(toys, toy, universe):
    """Over all canvases, of sets over a universe: answers, and wrong ones."""
    fillings, said, wrong = toy.fillings(toy.cells, True), 0, 0
    for state in list(toy.canvases(toy.cells, True))[::11]:
        possible = toys.matching(state, fillings)
        sets = StateSets(Canvas(toy.automaton, toys.cells_of(state), tail=True), universe)
        for hole, token in product(sets.canvas.holes, range(toy.end + 1)):
            answer, truth = sets.fits(hole, token), any(filling[hole] == token for filling in possible)
            said += answer is not None
            wrong += answer is not None and answer != truth
    return said, wrong


@pytest.mark.parametrize("name", ["dyck", "dyck-long-tokens", "two-brackets", "nested"])
def test_a_universe_as_deep_as_the_canvas_decides_and_a_shallower_one_is_never_wrong(toys, by_name, name):
    toy = by_name[name]
    explored = [
        explore(toy.automaton, successors_of(toy.automaton), 512, int(toy.automaton.start), cells)
        for cells in (2, toy.cells)
    ]
    assert [universe.within for universe in explored] == [2, toy.cells]
    assert not any(universe.closed for universe in explored)
    (few, wrong), (many, wrong_too) = (wrong_answers(toys, toy, universe) for universe in explored)
    assert 0 < few < many and not wrong and not wrong_too


def test_taking_a_shallow_universe_for_deep_enough_is_caught(toys, by_name):
    toy = by_name["dyck"]
    shallow = explore(toy.automaton, successors_of(toy.automaton), 512, int(toy.automaton.start), 2)
    _, wrong = wrong_answers(toys, toy, replace(shallow, within=toy.cells))
    assert wrong


def test_a_longer_canvas_looks_deeper(by_name):
    automaton = by_name["dyck"].automaton
    within = [universe_of(Canvas(automaton, [HOLE] * cells)).within for cells in (3, 9, 4)]
    assert within[0] >= 3 and within[1] >= 9 and within[2] == within[1]


class _OnlyToTheRight(StateSets):
    """The mutant: a commit changes nothing in front of it."""

    def committed(self, cell):
        left = self._maybe[: cell + 1].copy()
        super().committed(cell)
        self._maybe[: cell + 1] = left


def _decode(toys, toy, seed, build=StateSets, universe=512):
    """Differences between sets that follow commits, in a fork half of the time, and sets made anew."""
    rng, cells = random.Random(seed), 6
    canvas, sets = sets_of(toys, toy, (None,) * cells, True, universe, build)
    different = 0
    while canvas.holes:
        if rng.random() < 0.5:
            canvas = canvas.fork()
            twin = sets.fork(canvas)
            sets.__dict__.update(twin.__dict__)
        hole = rng.choice(canvas.holes)
        tokens = bitset.to_tokens(canvas.mask(hole)).tolist()
        canvas.commit(hole, rng.choice(tokens))
        sets.committed(hole)
        anew = StateSets(canvas, sets.universe)
        different += (sets._front != anew._front).any()
        for mine, other in ((sets._maybe, anew._maybe), (sets._sure, anew._sure)):
            different += ((mine & sets._front) != (other & sets._front)).any()
    return different


@pytest.mark.parametrize("universe", [6, 512])
@pytest.mark.parametrize("name", NAMES)
def test_commits_in_any_order_leave_what_would_be_made_anew(toys, by_name, name, universe):
    assert not sum(_decode(toys, by_name[name], seed, universe=universe) for seed in range(8))


def test_a_commit_that_is_not_seen_in_front_of_it_is_caught(toys, by_name):
    assert sum(_decode(toys, by_name["dyck"], seed, _OnlyToTheRight) for seed in range(8))


def test_a_finite_language_has_a_closed_universe_and_a_nesting_one_has_not(toys, by_name):
    for name, closed in [("regular", True), ("counted", True), ("numbers", True), ("dyck", False)]:
        _, sets = sets_of(toys, by_name[name], (None,) * 4, True)
        assert sets.universe.closed == closed
        assert (np.flatnonzero(sets.universe.to == BEYOND) > 0).sum() >= (0 if closed else 1)


def of_names(automaton, cells):
    """The universe of the world in which names may come twice."""
    edges = successors_of(automaton)
    start = edges.anonymous(int(automaton.start))
    return replace(explore(automaton, edges, 512, start, cells), exact=False)


def test_a_language_with_a_state_for_each_set_of_names_has_a_larger_universe(by_name):
    automaton = by_name["names"].automaton
    assert explore(automaton, successors_of(automaton), 512, int(automaton.start), 40) is None
    universe = universe_of(Canvas(automaton, [HOLE] * 40, limits=Limits(universe=512)))
    assert not universe.exact and universe.within >= 40


def test_a_larger_language_refuses_what_is_wrong_and_its_fillings_are_read(toys, by_name):
    toy = by_name["names"]
    universe = of_names(toy.automaton, toy.cells)
    fillings = toy.fillings(toy.cells, True)
    refused = missed = found = 0
    for state in list(toy.canvases(toy.cells, True))[::17]:
        possible = toys.matching(state, fillings)
        sets = StateSets(Canvas(toy.automaton, toys.cells_of(state), tail=True), universe)
        for hole, token in product(sets.canvas.holes, range(toy.end + 1)):
            right = {filling for filling in possible if filling[hole] == token}
            said, witness = sets.fits(hole, token), sets.witness(hole, token)
            assert said is None or (said is False and not right)
            assert witness is None or witness.tokens in right
            refused += said is False
            found += witness is not None
            missed += bool(right) and witness is None
    assert refused > found > 100 * missed


def test_no_sets_are_kept_where_the_limit_says_so(by_name):
    canvas = Canvas(by_name["regular"].automaton, [], limits=Limits(universe=0))
    assert StateSets.of(canvas) is None
