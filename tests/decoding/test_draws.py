"""Texts drawn side by side: the masked sampling distribution, one generator for each, the best of several."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from decoding.chances import chi_square
from decoding.searching import find, language
from decoding.toys import TOYS
from treadle.decoding.components import Check, Scorer
from treadle.decoding.draws import BestOf, Draws
from treadle.decoding.sampling import Greedy, Sampling
from treadle.decoding.strategies import NAMES, named
from treadle.errors import InvalidConstraint


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


def frequencies_fit(toy, found, exact):
    chances = {one.tokens: math.exp(one.local) for one in exact}
    assert chi_square(Counter(one.tokens for one in found), chances) > 1e-4


def test_frequencies_are_those_of_the_local_distribution(toy):
    table, everything = language(toy, 1)
    found = find(toy, table, Draws(), n=1200, seed=0)
    frequencies_fit(toy, found, everything)
    for one in found[:50]:
        (exact,) = (other for other in everything if other.tokens == one.tokens)
        assert math.isclose(one.scores.raw, exact.raw, abs_tol=1e-4)
        assert math.isclose(one.scores.local, exact.local, abs_tol=1e-4)


def test_a_wrong_temperature_is_caught(toy):
    table, everything = language(toy, 1)
    with pytest.raises(AssertionError):
        frequencies_fit(toy, find(toy, table, Draws(Sampling(0.7)), n=1200, seed=0), everything)


def test_a_text_does_not_depend_on_how_many_are_drawn_beside_it(toy):
    table, _ = language(toy, 2)
    few, many = (find(toy, table, Draws(), n=n, seed=5) for n in (3, 20))
    assert [one.tokens for one in few] == [one.tokens for one in many[:3]]


def test_draws_share_their_prefixes(toy):
    table, _ = language(toy, 2)
    done = find(toy, table, Draws(), n=200, seed=5)[0].search
    # The prompt, and prefixes of texts, once each at the most; one row and one pass a step for equal ones.
    assert done.counters.computed <= len(toy.allowed) + 1
    assert done.counters.forwards <= max(map(len, toy.sequences)) + 2


def test_greedy_is_drawn_once(toy):
    table, _ = language(toy, 0)
    assert len(find(toy, table, Draws(Greedy()), n=5)) == 1


@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_several_draws(toy, seed):
    table, _ = language(toy, seed)
    drawn = find(toy, table, Draws(), n=16, seed=seed)
    (best,) = find(toy, table, BestOf(16), n=1, seed=seed)
    assert best.scores.raw == max(one.scores.raw for one in drawn)
    prefers_long = Scorer(lambda text: 100.0 * len(text), when="final")
    (longest,) = find(toy, table, BestOf(16), n=1, seed=seed, scorers=(prefers_long,))
    assert len(longest.text) == max(len(one.text) for one in drawn)


def test_checks_hold(toy):
    table, _ = language(toy, 3)
    text = min(toy.texts)
    found = find(toy, table, Draws(), n=30, seed=1, checks=(Check(lambda one: one != text),))
    assert found and all(one.text != text for one in found)


#: One needs phrases, the other a model that reads embeddings (integrations/test_superposed.py).
@pytest.mark.parametrize("name", sorted({*NAMES} - {"phrase_beam", "superposed"}))
def test_every_named_strategy_writes_texts_of_the_language(toy, name):
    table, _ = language(toy, 0)
    strategy = named(name)
    if not hasattr(strategy, "search"):
        strategy = Draws(strategy)
    found = find(toy, table, strategy, n=2, seed=1, forced_runs=True, max_tokens=20)
    assert found and all(one.text in toy.texts for one in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [("magic", "magic"), ("beam:witdh=3", "witdh"), ("beam:width", "width"), ("beam:width=0", "width")],
)
def test_wrong_names_and_options_are_refused_in_one_line(text, said):
    with pytest.raises(InvalidConstraint, match=said) as caught:
        named(text)
    assert "\n" not in str(caught.value)


def test_options_are_json_where_they_can_be():
    assert named("diverse_beam:width=6,groups=3,diversity=decisions").groups == 3
    assert named("sampling:temperature=0.5").temperature == 0.5
    assert np.isclose(named("astar:weight=1.5").weight, 1.5)
