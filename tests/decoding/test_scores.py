"""Raw and local scores, length normalisation, and the order of operations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from decoding.searching import find, language
from decoding.toys import TOYS
from treadle.decoding.beam import Beam
from treadle.decoding.hypotheses import Hypothesis, choices, largest
from treadle.decoding.scores import Normalisation, Temperature, log_softmax, log_sum
from treadle.errors import InvalidConstraint
from treadle.masks.bitset import from_tokens


def hypothesis(**changes) -> Hypothesis:
    given = {
        "number": 0, "parent": None, "tokens": (), "data": b"", "state": 0, "node": 0, "unread": (), "unscored": 0,
        "raw": 0.0, "local": 0.0, "free": 0, "left": 9, "plan": None,
    }  # fmt: skip
    return Hypothesis(**{**given, **changes})


def test_a_mask_comes_after_re_weighting_and_before_the_sum_is_made_one():
    logits = np.array([3.0, 1.0, 2.0, 0.0], np.float32)
    family = choices(hypothesis(), logits, from_tokens([0, 1, 3], 4), [3], (Temperature(0.5),))
    assert family.tokens.tolist() == [0, 1, 3] and family.end == 3
    expected = np.exp(np.array([3.0, 1.0, 0.0]) / 0.5)
    assert np.allclose(np.exp(family.local), expected / expected.sum())
    # Raw is what the model itself says.
    assert np.allclose(np.exp(family.raw), np.exp([3, 1, 0]) / np.exp([3, 1, 2, 0]).sum())


def test_several_ends_of_text_are_one_choice_with_their_sum():
    logits = np.array([1.0, 0.5, 0.25, 2.0], np.float32)
    family = choices(hypothesis(), logits, from_tokens([0, 1, 3], 4), [3, 1])
    assert family.tokens.tolist() == [0, 3] and family.end == 3
    total = np.exp(logits).sum()
    assert np.allclose(np.exp(family.raw), [math.e / total, (np.exp(0.5) + np.exp(2)) / total])
    assert math.isclose(np.exp(family.local).sum(), 1)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", TOYS)
def test_raw_is_local_plus_the_mass_of_every_mask(name, seed):
    toy = TOYS[name]()
    table, _ = language(toy, seed)
    for one in find(toy, table, Beam(3), n=3):
        mass = 0.0
        for k in range(len(one.tokens) + 1):
            row = table.log_probs((0, *one.tokens[:k]))
            mass += np.logaddexp.reduce(row[sorted(toy.allowed[one.tokens[:k]])])
        assert math.isclose(one.scores.raw, one.scores.local + mass, abs_tol=1e-4)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", TOYS)
def test_forced_runs_cost_raw_what_the_model_says_and_local_nothing(name, seed):
    toy = TOYS[name]()
    table, everything = language(toy, seed)
    exact = {one.tokens: one for one in everything}
    for one in find(toy, table, Beam(3), n=3, forced_runs=True):
        assert math.isclose(one.scores.raw, exact[one.tokens].raw, abs_tol=1e-4)
        # Other spellings of what is forced are not counted against it.
        assert one.scores.local >= exact[one.tokens].local - 1e-4


@pytest.mark.parametrize("alpha", [-1.0, -0.3, 0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("over", ["tokens", "free"])
def test_no_continuation_beats_its_bound(alpha, over):
    normalise, rng = Normalisation(alpha, over), np.random.default_rng(0)
    for _ in range(200):
        score, tokens, left = -10 * rng.random(), int(rng.integers(0, 9)), int(rng.integers(1, 9))
        free = int(rng.integers(0, tokens + 1))
        bound = normalise.bound(score, tokens, free, left)
        for more in range(1, left + 1):
            chosen = int(rng.integers(0, more + 1))
            final = normalise.final(score - rng.random(), tokens + more, free + chosen)
            assert final <= bound + 1e-12


def test_free_tokens_are_those_with_an_alternative():
    toy = TOYS["json"]()
    table, _ = language(toy, 3)
    ours = Normalisation(1.0, "free")
    for one in find(toy, table, Beam(50, normalise=ours, distinct="tokens")):
        free = sum(len(toy.allowed[one.tokens[:k]]) > 1 for k in range(len(one.tokens) + 1))
        assert free < len(one.tokens)
    best = max(
        language(toy, 3)[1],
        key=lambda one: (
            one.raw / max(1, sum(len(toy.allowed[one.tokens[:k]]) > 1 for k in range(len(one.tokens) + 1)))
        ),
    )
    assert find(toy, table, Beam(60, normalise=ours, distinct="tokens"), n=1)[0].tokens == best.tokens


@pytest.mark.parametrize("count", [1, 2, 5, 100])
def test_the_largest_are_those_of_a_stable_sort(count):
    rng = np.random.default_rng(1)
    for _ in range(50):
        values = rng.integers(0, 6, rng.integers(1, 40)).astype(float)
        assert largest(values, count).tolist() == np.argsort(-values, kind="stable")[:count].tolist()


def test_logs_of_sums():
    assert log_sum(np.zeros(0)) == -np.inf == log_sum(np.full(3, -np.inf))
    assert math.isclose(log_sum(np.log([0.25, 0.5])), math.log(0.75))
    assert math.isclose(np.exp(log_softmax(np.array([1, 2, 3], np.float32))).sum(), 1, rel_tol=1e-6)


@pytest.mark.parametrize("make", [lambda: Temperature(0), lambda: Normalisation(1.0, "words")])
def test_wrong_options_are_refused(make):
    with pytest.raises(InvalidConstraint):
        make()
