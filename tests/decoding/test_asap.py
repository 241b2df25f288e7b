"""ASAp: begins as masked sampling and becomes the model conditioned on the language."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from decoding.chances import chi_square
from decoding.searching import PROMPT, find, language
from decoding.toys import TOYS
from treadle.decoding import mass_trie
from treadle.decoding.asap import ASAp
from treadle.decoding.components import Check
from treadle.decoding.problem import Problem
from treadle.decoding.solving import solve
from treadle.decoding.tables import TableModel
from treadle.errors import InvalidConstraint


def laws(toy, table, everything):
    mass = math.fsum(math.exp(one.raw) for one in everything)
    exact = {one.tokens: math.exp(one.raw) / mass for one in everything}
    return exact, {one.tokens: math.exp(one.local) for one in everything}, mass


def total_variation(found, exact):
    return sum(abs(found.get(key, 0.0) - exact.get(key, 0.0)) for key in {*found, *exact}) / 2


def next_law(trie):
    """The exact law of the next draw, read off the trie: behind prefixes it has not seen, masked sampling's."""
    found = {}

    def go(node, chance):
        if node.hypothesis.finished:
            found[node.hypothesis.tokens] = found.get(node.hypothesis.tokens, 0.0) + chance
            return
        if node.offer is None:
            unseen.append((node.hypothesis.tokens, chance))
            return
        weights = node.offer.weights / node.offer.weights.sum()
        for token, weight in zip(node.offer.family.tokens.tolist(), weights.tolist(), strict=True):
            if weight > 0:
                child = trie.child(node, token)
                if child is not None:
                    go(child, chance * weight)

    unseen = []
    go(trie.root, 1.0)
    return found, unseen


@pytest.fixture
def tries(monkeypatch):
    """The tries of searches that were run."""
    made = []
    begin = mass_trie.MassTrie.__init__
    monkeypatch.setattr(
        mass_trie.MassTrie, "__init__", lambda self, *a: (begin(self, *a), made.append(self))[0]
    )
    return made


def law_after(draws, toy, table, everything, tries, seed=1):
    """The law of the draw behind so many."""
    find(toy, table, ASAp(nodes=10_000), n=draws, seed=seed)
    found, unseen = next_law(tries[-1])
    local = {one.tokens: math.exp(one.local) for one in everything}
    for prefix, chance in unseen:
        behind = {t: c for t, c in local.items() if t[: len(prefix)] == prefix}
        for tokens, share in behind.items():
            found[tokens] = found.get(tokens, 0.0) + chance * share / sum(behind.values())
    return found


def mean_law(draws, toy, table, everything, tries):
    """Over several searches: what ten draws happen to have seen differs much."""
    runs = max(1, 200 // draws)
    mean = {}
    for seed in range(runs):
        for tokens, chance in law_after(draws, toy, table, everything, tries, seed).items():
            mean[tokens] = mean.get(tokens, 0.0) + chance / runs
    return mean


def test_the_law_of_the_next_draw_goes_from_masked_sampling_to_the_conditional(tries):
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    exact, local, _ = laws(toy, table, everything)
    begun = total_variation(local, exact)
    after = {n: total_variation(mean_law(n, toy, table, everything, tries), exact) for n in (10, 200, 1500)}
    assert begun > 0.2
    assert begun > after[10] > after[200] > after[1500]
    assert after[200] < begun / 8
    assert after[1500] < 0.01


def test_the_first_draw_is_masked_sampling():
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    exact, local, _ = laws(toy, table, everything)
    model = TableModel(toy.vocabulary, table.log_probs)
    problems = [
        Problem(PROMPT, toy.automaton, toy.vocabulary, 50, seed=k, forced_runs=False) for k in range(600)
    ]
    found = Counter(results[0].tokens for results in solve(model, problems, ASAp(), rows=4096))
    assert chi_square(found, local) > 1e-4
    assert chi_square(found, exact) < 1e-4


@pytest.mark.parametrize("name", TOYS)
def test_late_draws_are_exact_for_all_that_can_be_told(name):
    toy = TOYS[name]()
    table, everything = language(toy, 3)
    exact, _, mass = laws(toy, table, everything)
    found = find(toy, table, ASAp(), n=2500, seed=1)
    assert chi_square(Counter(one.tokens for one in found[1000:]), exact) > 1e-4
    assert math.exp(found[0].search.notes["log_bound"]) == pytest.approx(mass, rel=0.05)
    assert math.exp(found[0].search.notes["log_bound"]) >= mass - 1e-9


def test_what_a_check_refuses_is_learned():
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    left = [one for one in everything if one.text.count("b") == 1]
    exact, _, _ = laws(toy, table, left)
    check = Check(lambda text: text.count("b") == 1)
    found = find(toy, table, ASAp(), n=2000, seed=1, checks=(check,))
    assert chi_square(Counter(one.tokens for one in found[800:]), exact) > 1e-4


def test_lanes_draw_side_by_side_and_forgetting_costs_no_text():
    toy = TOYS["regular"]()
    table, _ = language(toy, 3)
    many = find(toy, table, ASAp(lanes=16, nodes=20), n=64, seed=1)
    assert len(many) == 64
    alone = find(toy, table, ASAp(), n=64, seed=1)
    assert many[0].search.forwards < alone[0].search.forwards


def test_a_check_that_is_always_true_changes_nothing():
    toy = TOYS["dyck"]()
    table, _ = language(toy, 1)
    always = (Check(lambda text: True, "partial"),)
    plain, checked = (find(toy, table, ASAp(), n=60, seed=5, checks=c) for c in ((), always))
    assert [one.tokens for one in plain] == [one.tokens for one in checked]


def test_an_empty_language_gives_nothing():
    toy = TOYS["json"]()
    table, _ = language(toy, 1)
    assert find(toy, table, ASAp(), n=3, seed=5, checks=(Check(lambda text: False),)) == []
    with pytest.raises(InvalidConstraint, match="lanes"):
        ASAp(lanes=0)


def test_a_trie_that_learns_nothing_is_caught(monkeypatch, tries):
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    exact, _, _ = laws(toy, table, everything)
    monkeypatch.setattr(mass_trie.MassTrie, "_set", lambda self, node, token, success: None)
    assert total_variation(law_after(200, toy, table, everything, tries), exact) > 0.2
