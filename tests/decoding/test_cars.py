"""CARS: every text an exact draw from p(text | language), with and without masks, alone and side by side."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from decoding.chances import chi_square
from decoding.searching import PROMPT, find, language
from decoding.toys import TOYS
from treadle.decoding import mass_trie
from treadle.decoding.cars import CARS
from treadle.decoding.components import Check
from treadle.decoding.mass_trie import Found
from treadle.decoding.problem import Problem
from treadle.decoding.scores import Temperature
from treadle.decoding.solving import solve
from treadle.decoding.tables import TableModel
from treadle.errors import InvalidConstraint


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


def conditional(everything):
    mass = math.fsum(math.exp(one.raw) for one in everything)
    return {one.tokens: math.exp(one.raw) / mass for one in everything}, mass


def fits(found, exact):
    return chi_square(Counter(one.tokens for one in found), exact) > 1e-4


def firsts(toy, table, strategy, runs, **options):
    """The first texts of so many searches, each with a trie of its own."""
    model = TableModel(toy.vocabulary, table.log_probs)
    given = {"max_tokens": 50, "forced_runs": False, **options}
    problems = [Problem(PROMPT, toy.automaton, toy.vocabulary, seed=k, n=1, **given) for k in range(runs)]
    return [results[0] for results in solve(model, problems, strategy, rows=4096)]


@pytest.mark.parametrize("mask", [True, False])
def test_the_first_text_is_exact(mask):
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    exact, mass = conditional(everything)
    found = firsts(toy, table, CARS(mask), 500)
    assert fits(found, exact)
    # And that is not masked sampling, from which it would be told.
    assert not fits(found, {one.tokens: math.exp(one.local) for one in everything})
    if not mask:
        tries = np.mean([one.notes["tries"] for one in found])
        assert 1 < tries < 1 / mass


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("lanes", [1, 8])
def test_every_text_is_exact_and_tries_become_fewer(toy, mask, lanes):
    table, everything = language(toy, 3)
    exact, mass = conditional(everything)
    found = find(toy, table, CARS(mask, lanes=lanes), n=1000, seed=lanes)
    assert len(found) == 1000
    assert fits(found, exact)
    tries = [one.notes["tries"] for one in found]
    assert np.mean(tries[-300:]) <= np.mean(tries[:300])
    assert np.mean(tries[-300:]) < 1.1 or np.mean(tries[-300:]) < np.mean(tries[:50]) / 2
    bound = found[0].search.notes["log_bound"]
    assert math.log(mass) - 1e-9 <= bound <= 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("mask", [True, False])
def test_three_thousand_texts_take_hardly_more_tries(mask):
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    found = find(toy, table, CARS(mask), n=6000, seed=0)
    assert fits(found, conditional(everything)[0])
    assert np.mean([one.notes["tries"] for one in found[3000:]]) < 1.05


def test_what_is_not_refuted_only_falls(monkeypatch):
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    _, mass = conditional(everything)
    seen = []
    read = mass_trie.MassTrie.read

    def watched(self, node, family):
        read(self, node, family)
        seen.append(self.root.success)

    monkeypatch.setattr(mass_trie.MassTrie, "read", watched)
    find(toy, table, CARS(), n=300, seed=0)
    assert seen == sorted(seen, reverse=True)
    assert mass - 1e-9 <= seen[-1] < seen[0]


def test_a_trie_that_forgets_draws_the_same_law():
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    found = find(toy, table, CARS(lanes=3, nodes=4), n=1500, seed=2)
    assert fits(found, conditional(everything)[0])


def test_checks_and_budgets_are_part_of_the_language():
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    left = [one for one in everything if len(one.tokens) <= 4 and one.text.count("b") == 1]
    check = Check(lambda text: text.count("b") == 1)
    found = find(toy, table, CARS(), n=800, seed=1, checks=(check,), max_tokens=4)
    assert fits(found, conditional(left)[0])


def test_a_temperature_makes_another_target():
    toy = TOYS["json"]()
    table, everything = language(toy, 2)
    warm = {}
    for one in everything:
        whole, total = (*one.tokens, toy.end), 0.0
        for k, token in enumerate(whole):
            row = table.log_probs((*PROMPT, *whole[:k])) / 1.5
            total += row[token] - np.logaddexp.reduce(row)
        warm[one.tokens] = math.exp(total)
    mass = sum(warm.values())
    for mask in (True, False):
        found = find(toy, table, CARS(mask), n=600, seed=1, reweight=(Temperature(1.5),))
        assert fits(found, {tokens: chance / mass for tokens, chance in warm.items()})


def test_forced_runs_are_drawn_with_the_models_probability():
    toy = TOYS["json"]()
    table, everything = language(toy, 2)
    found = find(toy, table, CARS(), n=1000, seed=3, forced_runs=True)
    kept = {one.tokens for one in found}
    assert fits(found, conditional([one for one in everything if one.tokens in kept])[0])


def test_a_check_that_is_always_true_changes_nothing(toy):
    table, _ = language(toy, 1)
    always = (Check(lambda text: True, "partial"),)
    plain, checked = (find(toy, table, CARS(), n=60, seed=5, checks=c) for c in ((), always))
    assert [one.tokens for one in plain] == [one.tokens for one in checked]
    assert [one.notes for one in plain] == [one.notes for one in checked]


def test_an_empty_language_is_reported(toy):
    table, _ = language(toy, 1)
    with pytest.warns(RuntimeWarning, match="no text was accepted"):
        assert find(toy, table, CARS(), n=3, seed=5, checks=(Check(lambda text: False),)) == []


def test_options_that_cannot_be_are_refused():
    for options, said in (
        ({"tries": 0}, "tries"),
        ({"lanes": 0}, "lanes"),
        ({"nodes": 4, "lanes": 4}, "nodes"),
    ):
        with pytest.raises(InvalidConstraint, match=said):
            CARS(**options)


# -- negative controls -----------------------------------------------------------------------------------------------


def walks(mutant):
    """CARS with another way of trying."""
    return type("Mutant", (CARS,), {"_try": mutant, "__slots__": ()})


def goes_on_without_the_chance(self, trie, rng):
    """Does not begin again where a node holds less than was assumed: this is ASAp, not exact."""
    node = trie.root
    while True:
        while node.offer is None:
            yield node
        if not node.success > 0:
            return None
        child = trie.child(node, node.offer.draw(rng))
        if child is None or child.hypothesis.finished:
            return child
        node = child


def draws_anew_where_it_is(self, trie, rng):
    """A refused token is replaced on the spot."""
    node = trie.root
    while True:
        while node.offer is None:
            yield node
        child = trie.child(node, node.offer.draw(rng))
        if child is None:
            if not node.success > 0:
                return None
            continue
        if child.hypothesis.finished:
            return child
        node = child


@pytest.mark.parametrize(
    ("mutant", "mask"), [(goes_on_without_the_chance, True), (draws_anew_where_it_is, False)]
)
def test_mutants_are_caught(mutant, mask):
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    assert not fits(firsts(toy, table, walks(mutant)(mask), 500), conditional(everything)[0])


def test_a_lane_that_hands_in_whatever_is_done_first_is_caught():
    """Taking the first n that are finished prefers short texts; each draw has to keep its number."""
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)

    def first_of_eight(seed):
        found = find(toy, table, CARS(lanes=8), n=8, seed=seed, trace=True)
        order = [e.number for e in found[0].search.events if e.kind == "finished"]
        assert sorted(order) == order
        return min(found, key=lambda one: (len(one.tokens), one.notes["tries"]))

    assert not fits([first_of_eight(seed) for seed in range(150)], conditional(everything)[0])
    assert Found is mass_trie.Found
