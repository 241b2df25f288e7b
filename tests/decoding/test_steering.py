"""Scorers, checks, minimum Bayes risk, lookahead towards phrases, chunked A*-decoding: what steers a search."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter

import numpy as np
import pytest

from decoding.toys import TOYS, Table, enumerate_language
from treadle.decoding.beam import Beam
from treadle.decoding.chunked_astar import ChunkedAStar
from treadle.decoding.components import Check, LogProb, Scorer, classifier, passing
from treadle.decoding.lookahead import Lookahead
from treadle.decoding.mbr import MBR, expected_utilities
from treadle.decoding.problem import Problem
from treadle.decoding.smc import SMC
from treadle.decoding.solving import solve
from treadle.decoding.stochastic_beam import StochasticBeam
from treadle.decoding.tables import TableModel
from treadle.decoding.utilities import equality, field_f1
from treadle.errors import InvalidConstraint

PROMPT = (0,)
SEEDS = range(10)
PHRASES = {"regular": ["cab", "ba"], "dyck": ["[]", ("()(", "][")], "json": ["12", "[1"]}


def search(toy, model, strategy, **options):
    options = {"max_tokens": 20, "forced_runs": False, **options}
    problem = Problem(PROMPT, toy.automaton, toy.vocabulary, **options)
    return solve(TableModel(toy.vocabulary, model.log_probs), [problem], strategy)[0]


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


# -- scorers and checks -----------------------------------------------------------------------------------------------


def best_by(toy, model, score):
    return max(enumerate_language(toy, model, PROMPT), key=lambda one: one.raw + score(one))


def test_a_wide_beam_with_a_scorer_finds_the_best_sum(toy):
    for seed in SEEDS:
        model = Table(len(toy.vocabulary), seed)
        for when in ("final", "always"):
            scorer = Scorer(lambda text: -3.0 * len(text), 2.0, when)
            [found] = search(toy, model, Beam(200, ends="any"), scorers=(scorer,))
            assert found.text == best_by(toy, model, lambda one: -6.0 * len(one.text)).text


def test_the_score_under_the_mask_may_be_added(toy):
    for seed in SEEDS:
        model = Table(len(toy.vocabulary), seed)
        [found] = search(toy, model, Beam(200, ends="any"), scorers=(LogProb(5.0),))
        assert found.text == best_by(toy, model, lambda one: 5 * one.local).text


def test_tests_and_classifiers_are_scorers(toy):
    model = Table(len(toy.vocabulary), 0)
    tests = (lambda text: len(text) > 5, lambda text: 1 / 0, lambda text: text.count(text[0]) > 1)
    [found] = search(toy, model, Beam(200, ends="any"), scorers=(passing(tests, 100.0),))
    most = max(sum(t(x) for t in (tests[0], tests[2])) for x in toy.texts)
    assert sum(t(found.text) for t in (tests[0], tests[2])) == most
    sure = classifier(lambda text: float(text == max(toy.texts)), 100.0, "final")
    assert search(toy, model, Beam(200, ends="any"), scorers=(sure,))[0].text == max(toy.texts)


def test_checks_leave_only_what_they_admit_with_any_strategy(toy):
    wanted = max(toy.texts, key=len)
    check = Check(lambda text: wanted.startswith(text), "partial")
    for strategy in (
        Beam(4),
        StochasticBeam(),
        MBR(4),
        ChunkedAStar(lambda text: 0.5),
        Lookahead([wanted[:2]], 4),
    ):
        found = search(toy, Table(len(toy.vocabulary), 1), strategy, checks=(check,), seed=3)
        assert found and {one.text for one in found} <= {x for x in toy.texts if wanted.startswith(x)}


def test_a_partial_check_sees_whole_characters_only():
    seen = []
    check = Check(lambda text: not seen.append(text), "partial")
    assert check.admits("é".encode()[:1], False) and seen == [""]
    assert Check(lambda text: False).admits(b"x", False)
    with pytest.raises(InvalidConstraint):
        Check(lambda text: True, "sometimes")
    with pytest.raises(InvalidConstraint):
        Scorer(lambda text: 0.0, when="never")


# -- minimum Bayes risk -----------------------------------------------------------------------------------------------


def test_equality_is_a_majority_vote():
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.integers(0, 4, size=9).tolist()
        expected = expected_utilities(values, np.full(9, 1 / 9), equality)
        assert values[int(np.argmax(expected))] in {
            v for v, c in Counter(values).items() if c == max(Counter(values).values())
        }
        order = rng.permutation(9)
        again = expected_utilities([values[k] for k in order], np.full(9, 1 / 9), equality)
        assert np.allclose(again, expected[order])


def test_utilities_are_symmetric_and_one_for_equals():
    values = [
        {"a": 1, "b": [1, 2]},
        {"a": 1.0, "b": [1, 3]},
        {"a": True},
        {},
        [],
        "x",
        1,
        1.0,
        True,
        None,
        {"a": {}},
    ]
    for one, other in itertools.product(values, repeat=2):
        for utility in (equality, field_f1):
            assert utility(one, other) == utility(other, one)
            assert 0 <= utility(one, other) <= 1 == utility(one, one)
    assert field_f1({"a": 1, "b": 2}, {"a": 1, "b": 3}) == 0.5
    assert equality(1, 1.0) == 1 and equality(1, True) == 0


def test_one_candidate_is_the_answer_and_values_vote_not_texts():
    toy = TOYS["json"]()
    for seed in SEEDS:
        model = Table(len(toy.vocabulary), seed)
        [one] = search(toy, model, MBR(1), is_json=True, seed=seed)
        assert one.tokens == search(toy, model, StochasticBeam(), seed=seed)[0].tokens
        # With all of L drawn, the weights are its probabilities: the value with most of the mass wins.
        [found] = search(toy, model, MBR(500, utility="equality"), is_json=True, seed=seed)
        mass = Counter()
        for entry in enumerate_language(toy, model, PROMPT):
            mass[entry.text] += np.exp(entry.local)
        assert found.text == mass.most_common(1)[0][0]
        assert abs(found.notes["share"] - mass[found.text]) < 1e-3


def weighted(toy, model, count, seed):
    """SMC's particles: (value of each, weights that sum to 1)."""
    strategy = SMC(count, threshold=0)
    found = search(toy, model, strategy, n=count, is_json=True, seed=seed)
    weights = np.array([one.notes["weight"] for one in found])
    return [json.dumps(one.value) for one in found], weights / weights.sum()


def test_particles_vote_by_their_weights():
    """Exactly: the same particles, counted by hand. An unweighted vote is another one."""
    toy, unweighted = TOYS["json"](), []
    for seed in SEEDS:
        model = Table(len(toy.vocabulary), seed)
        values, weights = weighted(toy, model, 100, seed)
        votes = Counter()
        for value, weight in zip(values, weights, strict=True):
            votes[value] += weight
        strategy = MBR(100, SMC(threshold=0), "equality")
        [found] = search(toy, model, strategy, is_json=True, seed=seed)
        assert math.isclose(found.notes["share"], max(votes.values()), rel_tol=1e-12)
        assert math.isclose(votes[json.dumps(found.value)], max(votes.values()), rel_tol=1e-12)
        unweighted.append(Counter(values).most_common(1)[0][1] / 100 - found.notes["share"])
    assert max(map(abs, unweighted)) > 0.05


def test_votes_of_many_particles_are_the_conditional_chances():
    """Within 4.5 errors of a weighted mean, for every value; the masked law, which weights correct, is further off."""
    toy, off = TOYS["json"](), []
    for seed in range(3):
        model = Table(len(toy.vocabulary), seed)
        values, weights = weighted(toy, model, 3000, seed)
        mass, local = Counter(), Counter()
        for entry in enumerate_language(toy, model, PROMPT):
            mass[json.dumps(json.loads(entry.text))] += np.exp(entry.raw)
            local[json.dumps(json.loads(entry.text))] += np.exp(entry.local)
        for value, chance in mass.most_common(5):
            share = chance / mass.total()
            voted = np.array([one == value for one in values])
            error = math.sqrt(float(np.square(weights * (voted - share)).sum()))
            assert error < 0.03
            assert abs(float(weights[voted].sum()) - share) < 4.5 * error
            off.append(abs(local[value] - share) / error)
    assert max(off) > 4.5


# -- lookahead --------------------------------------------------------------------------------------------------------


def met(text, clauses):
    return sum(any(p in text for p in ([one] if isinstance(one, str) else one)) for one in clauses)


def test_without_clauses_lookahead_is_beam_search(toy):
    for seed in SEEDS:
        model = Table(len(toy.vocabulary), seed)
        expected = [one.tokens for one in search(toy, model, Beam(4), n=3)]
        assert [one.tokens for one in search(toy, model, Lookahead((), 4), n=3)] == expected


def test_without_alpha_lookahead_changes_nothing(toy):
    for seed in SEEDS:
        model = Table(len(toy.vocabulary), seed)
        clauses = PHRASES[toy.name]
        blind = [one.tokens for one in search(toy, model, Lookahead(clauses, 3, lookahead=0), n=3)]
        assert [one.tokens for one in search(toy, model, Lookahead(clauses, 3, alpha=0.0), n=3)] == blind


def test_a_wide_lookahead_meets_what_can_be_met_at_the_best_score(toy):
    clauses = PHRASES[toy.name]
    for seed in SEEDS:
        model = Table(len(toy.vocabulary), seed)
        best = max(enumerate_language(toy, model, PROMPT), key=lambda one: (met(one.text, clauses), one.raw))
        [found] = search(toy, model, Lookahead(clauses, 200, tolerance=5))
        assert found.text == best.text and found.notes["met"] == met(best.text, clauses)


def test_a_narrow_lookahead_meets_more_than_beam_search(toy):
    clauses = PHRASES[toy.name]
    models = [Table(len(toy.vocabulary), seed) for seed in range(20)]
    ours = sum(met(search(toy, model, Lookahead(clauses, 2))[0].text, clauses) for model in models)
    beams = sum(met(search(toy, model, Beam(2))[0].text, clauses) for model in models)
    assert ours > beams


# -- chunked A*-decoding ----------------------------------------------------------------------------------------------


def test_every_text_of_chunked_astar_is_in_the_language_and_rewards_steer(toy):
    lengths = {True: [], False: []}
    for seed in SEEDS:
        model = Table(len(toy.vocabulary), seed)
        for long in (True, False):
            reward = (
                (lambda text: min(len(text) / 12, 1.0))
                if long
                else (lambda text: 1 - min(len(text) / 12, 1.0))
            )
            found = search(toy, model, ChunkedAStar(reward, chunk=2, states=60), seed=seed, n=2)
            assert found and all(one.tokens in toy.sequences for one in found)
            assert len({one.text for one in found}) == len(found)
            lengths[long].append(len(found[0].text))
    assert np.mean(lengths[True]) >= np.mean(lengths[False])


def test_a_reward_out_of_range_and_a_spent_budget_are_said():
    toy = TOYS["regular"]()
    model = Table(len(toy.vocabulary), 0)
    with pytest.raises(InvalidConstraint):
        search(toy, model, ChunkedAStar(lambda text: 2.0))
    found = search(toy, model, ChunkedAStar(lambda text: 0.1, chunk=1, states=1), n=9, seed=0)
    assert not found or found[0].search.ended == "expansions"
    found = search(toy, model, ChunkedAStar(lambda text: 0.1, chunk=1, states=12), n=40, seed=0)
    assert found[0].search.ended == "expansions" and found[0].search.notes["states"] == 12
