"""Samplers: what they may choose, and how often."""

from __future__ import annotations

import numpy as np
import pytest

from treadle.decoding import Greedy, Sampling
from treadle.decoding.sampling import log_total, unpack
from treadle.errors import InvalidConstraint

INF = np.float32(np.inf)
LOGITS = np.log(np.array([0.4, 0.3, 0.2, 0.06, 0.04], np.float32))


def masked(*forbidden: int) -> np.ndarray:
    logits = LOGITS.copy()
    logits[list(forbidden)] = -INF
    return logits


@pytest.mark.parametrize(
    ("sampler", "forbidden", "kept"),
    [
        (Sampling(), (), [0, 1, 2, 3, 4]),
        (Sampling(), (0, 3), [1, 2, 4]),
        (Sampling(top_k=2), (), [0, 1]),
        (Sampling(top_k=2), (0, 1), [2, 3]),
        (Sampling(top_k=99), (0,), [1, 2, 3, 4]),
        (Sampling(top_p=0.5), (), [0, 1]),
        (Sampling(top_p=0.5), (0, 1), [2]),
        (Sampling(top_p=0.0), (), [0]),
        (Sampling(top_p=1.0), (), [0, 1, 2, 3, 4]),
        (Sampling(min_p=0.4), (), [0, 1, 2]),
        (Sampling(min_p=0.4), (0, 1, 2), [3, 4]),
        (Sampling(top_k=3, top_p=0.7, min_p=0.8), (), [0]),
    ],
    ids=str,
)
def test_the_mask_comes_before_the_tail_is_cut(sampler, forbidden, kept):
    tokens, probabilities = sampler.distribution(masked(*forbidden))
    assert sorted(tokens.tolist()) == kept
    expected = np.exp(LOGITS[tokens].astype(float))
    np.testing.assert_allclose(probabilities, expected / expected.sum(), rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_temperature_divides_the_logits(temperature):
    tokens, probabilities = Sampling(temperature).distribution(LOGITS)
    expected = np.exp(LOGITS.astype(float) / temperature)
    np.testing.assert_allclose(probabilities, (expected / expected.sum())[tokens], rtol=1e-6)


def test_draws_follow_the_distribution():
    rng = np.random.default_rng(0)
    counts = np.bincount([Sampling().choose(masked(1), rng) for _ in range(4000)], minlength=5)
    expected = np.exp(masked(1)) / np.exp(masked(1)).sum() * 4000
    assert counts[1] == 0
    chi2 = sum((counts[k] - expected[k]) ** 2 / expected[k] for k in (0, 2, 3, 4))
    assert chi2 < 16.3  # 3 degrees of freedom, p = 0.001


def test_a_seed_repeats_its_draws():
    draws = [
        [Sampling().choose(LOGITS, rng) for _ in range(20)] for rng in map(np.random.default_rng, (5, 5, 6))
    ]
    assert draws[0] == draws[1] != draws[2]


def test_greedy_takes_the_lowest_of_equals():
    assert Greedy().choose(np.array([-INF, 1, 2, 2], np.float32), np.random.default_rng()) == 2


@pytest.mark.parametrize(
    "arguments",
    [{"temperature": 0}, {"temperature": -1}, {"top_k": 0}, {"top_p": 1.5}, {"min_p": -0.1}],
    ids=str,
)
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(InvalidConstraint) as caught:
        Sampling(**arguments)
    assert next(iter(arguments)) in caught.value.message


def test_log_total_does_not_overflow():
    logits = np.array([1000.0, 1000.0, -INF], np.float32)
    assert log_total(logits) == pytest.approx(1000 + np.log(2), rel=1e-7)


def test_unpack_reads_bit_t_of_word_t():
    row = np.array([0b101, -(2**31)], np.int32)
    assert np.flatnonzero(unpack(row, 64)).tolist() == [0, 2, 63]
    assert len(unpack(row, 40)) == 40
