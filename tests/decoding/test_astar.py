"""A*: the answer is the arg max of the language, and the bracket is true at every step."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from decoding.toys import TOYS, Table, enumerate_language
from treadle.decoding import astar as module
from treadle.decoding.astar import AStar
from treadle.decoding.beam import Beam
from treadle.decoding.components import Check
from treadle.decoding.problem import Problem
from treadle.decoding.scores import Normalisation
from treadle.decoding.solving import solve
from treadle.decoding.strategies import named
from treadle.decoding.tables import TableModel
from treadle.errors import InvalidConstraint

PROMPT = (0,)
SOME, ALL = range(8), range(100)


def search(toy, model, strategy, **options):
    problem = Problem(
        PROMPT,
        toy.automaton,
        toy.vocabulary,
        max_tokens=options.pop("max_tokens", 20),
        forced_runs=options.pop("forced_runs", False),
        trace=True,
        **options,
    )
    [found] = solve(TableModel(toy.vocabulary, model.log_probs), [problem], strategy)
    return found


def hold_against_enumeration(toy, seed):
    model = Table(len(toy.vocabulary), seed)
    expected = enumerate_language(toy, model, PROMPT)
    for batch, dive in ((1, False), (1, True), (5, True)):
        found = search(toy, model, AStar(batch=batch, dive=dive, distinct="tokens"), n=3)
        assert [one.tokens for one in found] == [one.tokens for one in expected[:3]]
        assert np.allclose([one.scores.raw for one in found], [one.raw for one in expected[:3]], atol=1e-4)
        assert np.allclose(
            [one.scores.local for one in found], [one.local for one in expected[:3]], atol=1e-4
        )
        hold_bracket(found[0].search, expected[2].raw)
        assert found[0].search.expansions <= len(toy.allowed)


def hold_all(toy, seeds):
    for seed in seeds:
        hold_against_enumeration(toy, seed)


def hold_bracket(statistics, optimum):
    """The bound falls and stays above the optimum, the incumbent rises and stays below; at the end they meet."""
    steps = statistics.notes["trajectory"]
    assert all(before[2] >= after[2] - 1e-9 for before, after in pairwise(steps))
    assert all(before[1] <= after[1] for before, after in pairwise(steps))
    assert all(incumbent <= optimum + 1e-4 and bound >= optimum - 1e-4 for _, incumbent, bound in steps)
    assert statistics.ended == "complete" and statistics.notes["optimal"]


@pytest.mark.parametrize("toy", TOYS)
def test_the_best_texts_are_found_and_the_bracket_is_true(toy):
    hold_all(TOYS[toy](), SOME)


@pytest.mark.slow
@pytest.mark.parametrize("toy", TOYS)
def test_the_best_texts_are_found_and_the_bracket_is_true_for_all_seeds(toy):
    hold_all(TOYS[toy](), ALL)


def perfect_heuristic(toy, model):
    """The true cost to go, by recursion over the language."""

    @cache
    def to_go(tokens):
        row = model.log_probs((*PROMPT, *tokens))
        ways = [
            -row[token] + (0.0 if token == toy.end else to_go((*tokens, token)))
            for token in toy.allowed[tokens]
        ]
        return min(ways)

    # A little less than the truth, because the search adds up rounded numbers.
    return lambda one: max(to_go(one.tokens) - 1e-5, 0.0)


@pytest.mark.parametrize("toy", TOYS)
def test_a_perfect_heuristic_expands_nothing_but_the_answer(toy):
    toy = TOYS[toy]()
    for seed in SOME:
        model = Table(len(toy.vocabulary), seed)
        best = enumerate_language(toy, model, PROMPT)[0]
        blind = search(toy, model, AStar(batch=1, dive=False, distinct="tokens"))[0]
        seeing = AStar(batch=1, dive=False, distinct="tokens", heuristic=perfect_heuristic(toy, model))
        [found] = search(toy, model, seeing)
        assert found.tokens == blind.tokens == best.tokens
        assert found.search.expansions == len(best.tokens) + 1 <= blind.search.expansions


@pytest.mark.parametrize("weight", [1.5, 3.0])
def test_a_weight_costs_at_most_its_factor(weight):
    for toy in (make() for make in TOYS.values()):
        for seed in SOME:
            model = Table(len(toy.vocabulary), seed)
            best = enumerate_language(toy, model, PROMPT)[0]
            strategy = AStar(
                weight=weight,
                batch=1,
                dive=False,
                distinct="tokens",
                heuristic=perfect_heuristic(toy, model),
            )
            [found] = search(toy, model, strategy)
            assert -found.scores.raw <= weight * -best.raw + 1e-4
            assert found.search.notes["bound"] >= best.raw - 1e-4


@pytest.mark.parametrize("alpha", [-0.5, 0.6, 1.0])
def test_scores_divided_by_a_power_of_the_length_are_searched_exactly(alpha):
    for toy in (make() for make in TOYS.values()):
        for seed in SOME:
            model = Table(len(toy.vocabulary), seed)
            expected = max(
                one.raw / (len(one.tokens) + 1) ** alpha for one in enumerate_language(toy, model, PROMPT)
            )
            strategy = AStar(expansions=None, normalise=Normalisation(alpha), distinct="tokens")
            [found] = search(toy, model, strategy, max_tokens=12)
            assert math.isclose(found.scores.raw / (len(found.tokens) + 1) ** alpha, expected, rel_tol=1e-5)
            assert found.search.notes["optimal"]


@pytest.mark.parametrize("expansions", [1, 3, 6])
def test_a_budget_that_runs_out_is_said_and_the_bracket_stays_true(expansions):
    for toy in (make() for make in TOYS.values()):
        for seed in SOME:
            model = Table(len(toy.vocabulary), seed)
            best = enumerate_language(toy, model, PROMPT)[0]
            problem = Problem(PROMPT, toy.automaton, toy.vocabulary, 20, forced_runs=False, trace=True)
            tree = TableModel(toy.vocabulary, model.log_probs)
            [found] = solve(tree, [problem], AStar(expansions=expansions))
            if found and found[0].search.ended == "complete":
                assert found[0].search.notes["optimal"]
            elif found:
                notes = found[0].search.notes
                assert found[0].search.expansions <= expansions
                assert found[0].scores.raw == notes["incumbent"] <= best.raw + 1e-4 <= notes["bound"] + 2e-4


def test_a_tight_token_budget_is_searched_exactly():
    for toy in (make() for make in TOYS.values()):
        shortest = min(map(len, toy.sequences))
        for seed in SOME:
            model = Table(len(toy.vocabulary), seed)
            fitting = [
                one for one in enumerate_language(toy, model, PROMPT) if len(one.tokens) <= shortest + 1
            ]
            [found] = search(toy, model, AStar(distinct="tokens"), max_tokens=shortest + 1)
            assert found.tokens in {one.tokens for one in fitting}
            assert found.scores.raw >= fitting[0].raw - 1e-4


def test_fewer_texts_than_asked_for_are_all_of_the_language():
    for toy in (make() for make in TOYS.values()):
        found = search(toy, Table(len(toy.vocabulary), 0), AStar(expansions=None), n=500)
        assert sorted(one.text for one in found) == sorted(toy.texts)


def test_a_check_leaves_the_best_of_what_it_admits():
    toy = TOYS["regular"]()
    for seed in SOME:
        model = Table(len(toy.vocabulary), seed)
        best = next(one for one in enumerate_language(toy, model, PROMPT) if "ab" not in one.text)
        for when in ("final", "partial"):
            check = Check(lambda text: "ab" not in text, when)
            [found] = search(toy, model, AStar(distinct="tokens"), checks=(check,))
            assert found.tokens == best.tokens and found.search.notes["optimal"]


def test_a_check_that_is_not_sound_leaves_no_bracket():
    toy = TOYS["regular"]()
    check = Check(lambda text: not text.startswith("c"), "partial", sound=False)
    [found] = search(toy, Table(len(toy.vocabulary), 0), AStar(), checks=(check,))
    assert "bound" not in found.search.notes


# -- mutants: each breaks what a test above guards --------------------------------------------------------------------


def test_a_goal_test_on_push_is_caught(monkeypatch):
    def on_push(self):
        return len(self.pool.best) >= self.search.problem.n

    monkeypatch.setattr(module.Frontier, "is_proved", on_push)
    with pytest.raises(AssertionError):
        hold_all(TOYS["regular"](), SOME)


def test_an_end_of_text_that_costs_nothing_is_caught(monkeypatch):
    monkeypatch.setattr(module.Pool, "score", lambda self, one: one.parent.raw if one.finished else one.raw)
    with pytest.raises(AssertionError):
        hold_all(TOYS["regular"](), SOME)


def test_a_heuristic_that_is_too_large_is_caught():
    toy = TOYS["regular"]()
    wild = AStar(batch=1, dive=False, distinct="tokens", heuristic=lambda one: 40.0 / (1 + len(one.tokens)))
    models = [Table(len(toy.vocabulary), seed) for seed in SOME]
    best = [enumerate_language(toy, model, PROMPT)[0].tokens for model in models]
    assert [search(toy, model, wild)[0].tokens for model in models] != best


@pytest.mark.parametrize("toy", TOYS)
def test_first_incumbents_of_a_beam_change_no_answer_and_no_bracket(toy):
    toy = TOYS[toy]()
    for seed in SOME:
        model = Table(len(toy.vocabulary), seed)
        expected = enumerate_language(toy, model, PROMPT)
        for width in (1, 3):
            strategy = AStar(first=Beam(width, distinct="tokens"), distinct="tokens")
            found = search(toy, model, strategy, n=2)
            assert [one.tokens for one in found] == [one.tokens for one in expected[:2]]
            hold_bracket(found[0].search, expected[1].raw)


@pytest.mark.parametrize("expansions", [4, 12, 30])
def test_the_bracket_of_a_first_strategy_is_true_when_the_budget_runs_out(expansions):
    toy = TOYS["json"]()
    for seed in SOME:
        model = Table(len(toy.vocabulary), seed)
        best = enumerate_language(toy, model, PROMPT)[0].raw
        strategy = AStar(expansions=expansions, batch=1, first=Beam(2, distinct="tokens"), distinct="tokens")
        for one in search(toy, model, strategy):
            notes = one.search.notes
            assert notes["incumbent"] <= best + 1e-4 and best <= notes["bound"] + 1e-4
            assert one.search.expansions <= expansions


@pytest.mark.parametrize("limit", range(1, 9))
def test_a_search_that_ends_within_its_first_strategy_keeps_what_that_has(limit):
    toy = TOYS["json"]()
    model = Table(len(toy.vocabulary), 3)
    found = search(toy, model, AStar(first=Beam(2)), expansions=limit)
    for one in found:
        assert one.text in toy.texts and one.search.expansions <= limit


def test_a_first_strategy_has_a_name_and_a_sampler_is_none():
    assert named("astar:expansions=9,first=beam:width=8") == AStar(expansions=9, first=Beam(8))
    with pytest.raises(InvalidConstraint, match="first is no strategy"):
        named("astar:first=greedy")
