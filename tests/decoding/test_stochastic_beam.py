"""Stochastic beam search draws without replacement from the local distribution; its weights are unbiased."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from decoding.chances import chi_square, inclusion, ordered_pairs
from decoding.toys import TOYS, Table, enumerate_language
from treadle.decoding import stochastic_beam as module
from treadle.decoding.components import Check
from treadle.decoding.problem import Problem
from treadle.decoding.scores import Temperature
from treadle.decoding.solving import solve
from treadle.decoding.stochastic_beam import StochasticBeam, conditional_gumbels
from treadle.decoding.tables import TableModel

PROMPT = (0,)
#: A fair draw is refused once in ten thousand times; seeds are fixed.
LEVEL = 1e-4


def draws(toy, model, k, count, first_seed=0, **options):
    """`count` independent draws of k texts, side by side."""
    problems = [
        Problem(
            PROMPT,
            toy.automaton,
            toy.vocabulary,
            20,
            n=k,
            seed=first_seed + seed,
            forced_runs=False,
            **options,
        )
        for seed in range(count)
    ]
    return solve(TableModel(toy.vocabulary, model.log_probs), problems, StochasticBeam(), rows=4096)


def local_chances(toy, model):
    return {one.tokens: math.exp(one.local) for one in enumerate_language(toy, model, PROMPT)}


def hold_pairs(count=1500):
    toy = TOYS["regular"]()
    model = Table(len(toy.vocabulary), 1)
    found = draws(toy, model, 2, count)
    pairs = Counter((one.tokens, other.tokens) for one, other in found)
    assert chi_square(pairs, ordered_pairs(local_chances(toy, model))) > LEVEL


def hold_weights(count=1200):
    """Horvitz-Thompson estimates of three means over the language, within five standard errors."""
    toy = TOYS["regular"]()
    model = Table(len(toy.vocabulary), 2)
    chances = local_chances(toy, model)
    found = draws(toy, model, 4, count)
    for value in (lambda tokens: 1.0, len, lambda tokens: float(tokens[0] == 0)):
        truth = sum(chance * value(tokens) for tokens, chance in chances.items())
        sums = [sum(one.notes["weight"] * value(one.tokens) for one in texts) for texts in found]
        assert abs(np.mean(sums) - truth) < 5 * np.std(sums) / math.sqrt(count)


@pytest.mark.parametrize("toy", TOYS)
def test_one_draw_is_a_sample_of_the_local_distribution(toy):
    toy = TOYS[toy]()
    model = Table(len(toy.vocabulary), 0)
    counts = Counter(one.tokens for [one] in draws(toy, model, 1, 1000))
    assert chi_square(counts, local_chances(toy, model)) > LEVEL


def test_ordered_pairs_are_those_of_drawing_without_replacement():
    hold_pairs()


def test_inclusion_probabilities_are_those_of_drawing_without_replacement():
    toy = TOYS["dyck"]()
    model = Table(len(toy.vocabulary), 3)
    found = draws(toy, model, 3, 700)
    counts = Counter(one.tokens for texts in found for one in texts)
    for tokens, chance in inclusion(local_chances(toy, model), 3).items():
        error = math.sqrt(max(chance * (1 - chance), 1e-6) / len(found))
        assert abs(counts[tokens] / len(found) - chance) < 5 * error + 1e-3


def test_weights_are_unbiased():
    hold_weights()


@pytest.mark.slow
@pytest.mark.parametrize("toy", TOYS)
def test_pairs_of_all_languages_with_many_draws(toy):
    toy = TOYS[toy]()
    model = Table(len(toy.vocabulary), 5)
    found = draws(toy, model, 2, 20_000)
    pairs = Counter((one.tokens, other.tokens) for one, other in found)
    assert chi_square(pairs, ordered_pairs(local_chances(toy, model))) > LEVEL


@pytest.mark.parametrize("toy", TOYS)
def test_more_than_the_language_has_is_the_language(toy):
    toy = TOYS[toy]()
    for seed in range(10):
        [found] = draws(toy, Table(len(toy.vocabulary), seed), len(toy.sequences) + 3, 1, seed)
        assert sorted(one.tokens for one in found) == sorted(toy.sequences)
        assert math.isclose(sum(one.notes["weight"] for one in found), 1, rel_tol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("toy", TOYS)
def test_nothing_is_drawn_twice_for_all_seeds(toy):
    toy = TOYS[toy]()
    for seed in range(100):
        model = Table(len(toy.vocabulary), seed)
        for k in (2, 7, len(toy.sequences)):
            [found] = draws(toy, model, k, 1, seed)
            assert len({one.tokens for one in found}) == len(found) == k


@pytest.mark.parametrize("size", [1, 2, 7, 500])
def test_the_largest_child_has_its_parents_number(size):
    rng = np.random.default_rng(size)
    for _ in range(50):
        log_probs = np.log(rng.dirichlet(np.full(size, 0.3)) + 1e-300) - 5
        parent = -5 + float(rng.gumbel())
        assert abs(conditional_gumbels(log_probs, parent, rng).max() - parent) < 1e-6


def test_a_temperature_is_part_of_the_distribution():
    toy = TOYS["dyck"]()
    model = Table(len(toy.vocabulary), 4)
    cold = Table(len(toy.vocabulary), 4)
    cold.log_probs = lambda prefix: 2 * model.log_probs(prefix)
    counts = Counter(one.tokens for [one] in draws(toy, model, 1, 1000, reweight=(Temperature(0.5),)))
    assert chi_square(counts, local_chances(toy, cold)) > LEVEL


def test_what_a_check_refuses_is_replaced():
    toy = TOYS["regular"]()
    model = Table(len(toy.vocabulary), 6)
    check = Check(lambda text: not text.startswith("c"), "partial")
    chances = {key: p for key, p in local_chances(toy, model).items() if not toy.text(key).startswith("c")}
    found = draws(toy, model, 1, 1000, checks=(check,))
    whole = sum(chances.values())
    assert (
        chi_square(Counter(one.tokens for [one] in found), {k: p / whole for k, p in chances.items()}) > LEVEL
    )


@pytest.mark.slow
def test_weights_are_unbiased_with_many_draws():
    hold_weights(10_000)


# -- mutants ----------------------------------------------------------------------------------------------------------


def test_length_normalisation_is_caught(monkeypatch):
    def normalised(self, family):
        one = family.hypothesis
        log_probs = (one.local + family.local) / (one.length + 1)
        gumbels = conditional_gumbels(log_probs, self._numbers.pop(one.number), self.search.rng)
        for place, token in enumerate(family.tokens.tolist()):
            self.put(float(gumbels[place]), (family, token))

    monkeypatch.setattr(module.Draw, "expand", normalised)
    with pytest.raises(AssertionError):
        hold_pairs(1000)


def test_gumbels_that_forget_their_parent_are_caught(monkeypatch):
    monkeypatch.setattr(
        module,
        "conditional_gumbels",
        lambda log_probs, parent, rng: log_probs + rng.gumbel(size=len(log_probs)),
    )
    with pytest.raises(AssertionError):
        hold_pairs(1000)


def test_weights_without_the_inclusion_probability_are_caught(monkeypatch):
    original = module.Draw.texts

    def unweighted(self):
        found = original(self)
        for one in found:
            self.search.notes[one.number]["weight"] = math.exp(one.local)
        return found

    monkeypatch.setattr(module.Draw, "texts", unweighted)
    with pytest.raises(AssertionError):
        hold_weights(500)


@pytest.mark.slow
def test_a_constant_in_place_of_the_first_gumbel_is_caught(monkeypatch):
    original = module.Draw.put
    monkeypatch.setattr(
        module.Draw, "put", lambda self, gumbel, what: original(self, gumbel if self._entered else 0.0, what)
    )
    with pytest.raises(AssertionError):
        hold_weights(3000)
