"""The toys themselves: treadle's masks against brute force, and the identities of raw and local scores."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from decoding.chances import chi_square, chi_square_tail, inclusion, ordered_pairs
from decoding.toys import TOYS, Table, enumerate_language
from treadle.masks.bitset import to_tokens


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


def state_behind(toy, tokens):
    state = toy.automaton.start
    for token in tokens:
        state = toy.automaton.advance(state, token)
    return state


def test_masks_are_what_brute_force_allows(toy):
    for prefix, allowed in toy.allowed.items():
        assert set(map(int, to_tokens(toy.automaton.mask(state_behind(toy, prefix))))) == allowed


def test_local_scores_are_a_distribution_and_raw_scores_are_not(toy):
    for seed in range(5):
        found = enumerate_language(toy, Table(len(toy.vocabulary), seed))
        assert math.isclose(sum(math.exp(one.local) for one in found), 1, rel_tol=1e-9)
        assert sum(math.exp(one.raw) for one in found) < 0.9


def test_local_and_conditional_distributions_lie_far_apart():
    toy = TOYS["regular"]()
    found = enumerate_language(toy, Table(len(toy.vocabulary), 0))
    mass = sum(math.exp(one.raw) for one in found)
    assert sum(abs(math.exp(one.raw) / mass - math.exp(one.local)) for one in found) / 2 > 0.5


def test_the_chi_square_tail_is_that_of_the_tables():
    for statistic, degrees, tail in ((3.841459, 1, 0.05), (18.307038, 10, 0.05), (29.588298, 10, 0.001)):
        assert math.isclose(chi_square_tail(statistic, degrees), tail, rel_tol=1e-5)


def test_the_judge_of_samplers_refuses_a_wrong_distribution():
    chances = {"a": 0.5, "b": 0.3, "c": 0.2}
    rng = np.random.default_rng(0)
    fair = dict(zip("abc", rng.multinomial(5000, list(chances.values())).tolist(), strict=True))
    unfair = dict(zip("abc", rng.multinomial(5000, [0.45, 0.33, 0.22]).tolist(), strict=True))
    assert chi_square(fair, chances) > 1e-3 > chi_square(unfair, chances)
    assert chi_square({"a": 10, "d": 1}, chances) == 0


def test_inclusion_adds_up_and_agrees_with_pairs():
    chances = {"a": 0.5, "b": 0.3, "c": 0.15, "d": 0.05}
    pairs = ordered_pairs(chances)
    assert math.isclose(sum(pairs.values()), 1)
    for key, chance in inclusion(chances, 2).items():
        assert math.isclose(chance, sum(p for pair, p in pairs.items() if key in pair))
    for k in range(1, 5):
        assert math.isclose(sum(inclusion(chances, k).values()), k)
    assert all(a != b for a, b in itertools.chain(pairs))
