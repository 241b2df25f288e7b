"""SMC: unbiased for every threshold and scheme, closer with more particles, critics, finished and dead particles."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from decoding.chances import chi_square
from decoding.searching import PROMPT, find, language
from decoding.toys import TOYS, Table
from treadle.decoding import resampling
from treadle.decoding.components import Check, Scorer
from treadle.decoding.problem import Problem
from treadle.decoding.proposals import Rejection
from treadle.decoding.resampling import SCHEMES, effective_size, normalised
from treadle.decoding.scores import Temperature
from treadle.decoding.smc import SMC
from treadle.decoding.solving import solve
from treadle.decoding.strategies import named
from treadle.decoding.tables import TableModel
from treadle.decoding.unconstrained import Unconstrained
from treadle.errors import InvalidConstraint

RUNS = 300
#: A mean over so many runs is this many standard errors off once in 50,000 files.
SIGMAS = 4.5


@pytest.fixture(scope="module")
def regular():
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    return toy, table, everything, math.fsum(math.exp(one.raw) for one in everything)


def estimates(toy, table, strategy, runs=RUNS, first=0, **options):
    """exp(log marginal) of so many runs; all searches share one model, so a step of all is one pass."""
    model = TableModel(toy.vocabulary, table.log_probs)
    given = {"max_tokens": 50, "forced_runs": False, **options}
    problems = [
        Problem(PROMPT, toy.automaton, toy.vocabulary, seed=first + k, n=1, **given) for k in range(runs)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = solve(model, problems, _Kept(strategy), rows=4096)
    assert len(found) == runs
    return np.array([math.exp(notes["log_marginal"]) for notes in _Kept.notes])


class _Kept:
    """A strategy whose statistics are kept also where no text is left."""

    notes: list

    def __init__(self, strategy):
        self.strategy = strategy
        _Kept.notes = []

    def search(self, search):
        _Kept.notes.append(search.statistics.notes)
        return (yield from self.strategy.search(search))


def is_unbiased(found, exact):
    error = found.std() / math.sqrt(len(found))
    return abs(found.mean() - exact) <= SIGMAS * error + 1e-12


# -- the normaliser --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("threshold", [0, 0.5, 1.01])
def test_the_marginal_is_unbiased(regular, scheme, threshold):
    toy, table, _, exact = regular
    if threshold == 0 and scheme != "systematic":
        return
    assert is_unbiased(estimates(toy, table, SMC(4, threshold, scheme)), exact)


@pytest.mark.parametrize(("particles", "threshold"), [(1, 0), (1, 1.01), (4, 0.5), (4, 1.01)])
def test_the_marginal_is_unbiased_with_rejection(regular, particles, threshold):
    """The same mass when half of the texts are refused by a check of prefixes."""
    toy, table, everything, _ = regular
    texts = sorted(toy.texts)[::2]
    exact = math.fsum(math.exp(one.raw) for one in everything if one.text in texts)
    check = Check(lambda text: any(t.startswith(text) for t in texts), "partial")
    whole = Check(lambda text: text in texts)
    found = estimates(toy, table, SMC(particles, threshold, proposal="awrs"), checks=(check, whole))
    assert is_unbiased(found, exact)
    # The masked proposal loses a particle where the check refuses what it drew, and stays unbiased.
    found = estimates(toy, table, SMC(particles, threshold, proposal="masked"), checks=(check, whole))
    assert is_unbiased(found, exact)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("particles", "threshold"), [(1, 0), (2, 0.5), (5, 0.9), (5, 1.01)])
def test_the_marginal_is_unbiased_over_many_runs(regular, scheme, particles, threshold):
    toy, table, _, exact = regular
    assert is_unbiased(estimates(toy, table, SMC(particles, threshold, scheme), runs=5000), exact)


@pytest.mark.parametrize("most", [2, 3])
def test_at_the_last_token_the_end_is_forced_and_paid_for(most):
    """No constraint, a budget: the law is the model's own, conditioned on texts within the budget."""
    toy = TOYS["dyck"]()
    table = Table(len(toy.vocabulary), 5)
    automaton = Unconstrained(toy.vocabulary)
    exact = 0.0
    prefixes = [((), 0.0)]
    for length in range(most + 1):
        grown = []
        for prefix, score in prefixes:
            row = table.log_probs((*PROMPT, *prefix))
            exact += math.exp(score + row[toy.end])
            if length < most:
                grown += [((*prefix, v), score + row[v]) for v in range(len(row)) if v != toy.end]
        prefixes = grown
    model = TableModel(toy.vocabulary, table.log_probs)
    problems = [Problem(PROMPT, automaton, toy.vocabulary, most, seed=k) for k in range(RUNS)]
    found = solve(model, problems, _Kept(SMC(4, 0.5)), rows=4096)
    values = np.array([math.exp(notes["log_marginal"]) for notes in _Kept.notes])
    assert is_unbiased(values, exact)
    assert 0.01 < exact < 0.99
    assert all(len(one.tokens) <= most for results in found for one in results)


@pytest.mark.parametrize("name", ["json", "dyck"])
def test_forced_runs_count_with_the_models_probability(name):
    toy = TOYS[name]()
    table, everything = language(toy, 2)
    kept = {one.tokens for one in find(toy, table, named("beam:width=400"), forced_runs=True)}
    exact = math.fsum(math.exp(one.raw) for one in everything if one.tokens in kept)
    assert is_unbiased(estimates(toy, table, SMC(4, 0.5), forced_runs=True), exact)


def test_a_temperature_makes_another_target():
    toy = TOYS["json"]()
    table, everything = language(toy, 2)
    warm = Table(table.size, 2)
    warm.log_probs = lambda prefix: (x := table.log_probs(prefix) / 1.7) - np.logaddexp.reduce(x)
    exact = math.fsum(
        math.exp(
            sum(warm.log_probs((*PROMPT, *one.tokens[:k]))[v] for k, v in enumerate((*one.tokens, toy.end)))
        )
        for one in everything
    )
    assert is_unbiased(estimates(toy, table, SMC(4), reweight=(Temperature(1.7),)), exact)


def test_a_tight_budget_is_part_of_the_law(regular):
    toy, table, everything, whole = regular
    exact = math.fsum(math.exp(one.raw) for one in everything if len(one.tokens) <= 1)
    assert exact < 0.9 * whole
    assert is_unbiased(estimates(toy, table, SMC(4), max_tokens=1), exact)


# -- the texts -------------------------------------------------------------------------------------------------------


def posterior(toy, table, strategy, runs, **options):
    """The mean, over runs, of the normalised weight of each text."""
    mean: Counter[tuple[int, ...]] = Counter()
    model = TableModel(toy.vocabulary, table.log_probs)
    wanted = strategy.particles
    problems = [
        Problem(PROMPT, toy.automaton, toy.vocabulary, 50, n=wanted, seed=k, forced_runs=False, **options)
        for k in range(runs)
    ]
    for results in solve(model, problems, strategy, rows=4096):
        assert math.isclose(sum(one.notes["weight"] for one in results), 1)
        for one in results:
            mean[one.tokens] += one.notes["weight"] / runs
    return mean


def total_variation(found, exact):
    return sum(abs(found.get(key, 0.0) - exact.get(key, 0.0)) for key in {*found, *exact}) / 2


def test_the_distance_to_the_conditional_falls_with_the_number_of_particles(regular):
    toy, table, everything, mass = regular
    exact = {one.tokens: math.exp(one.raw) / mass for one in everything}
    local = {one.tokens: math.exp(one.local) for one in everything}
    far = [
        total_variation(posterior(toy, table, SMC(count), runs), exact)
        for count, runs in ((1, 800), (8, 200), (64, 50))
    ]
    assert total_variation(local, exact) > 0.2, "a toy on which the two laws agree shows nothing"
    assert far[0] > 1.7 * far[1] > 2.5 * far[2]
    assert far[2] < 0.08


def test_one_particle_is_masked_sampling(regular):
    toy, table, everything, _ = regular
    found = posterior(toy, table, SMC(1, 0), 1000)
    counts = Counter({tokens: round(share * 1000) for tokens, share in found.items()})
    assert chi_square(counts, {one.tokens: math.exp(one.local) for one in everything}) > 1e-4


def test_the_first_result_is_drawn_by_weight(regular):
    toy, table, _, _ = regular
    firsts, weights = [], []
    for seed in range(150):
        results = find(toy, table, SMC(4, 0), n=4, seed=seed)
        heavy = max(results, key=lambda one: one.notes["weight"])
        firsts.append(results[0] is heavy)
        weights.append(heavy.notes["weight"])
    assert abs(np.mean(firsts) - np.mean(weights)) < 0.15


def test_weights_are_ratios_of_raw_and_local_scores(regular):
    toy, table, _, _ = regular
    for one in find(toy, table, SMC(6, 0), n=6, seed=1):
        assert math.isclose(one.notes["log_weight"], one.scores.raw - one.scores.local, abs_tol=1e-6)


# -- critics ---------------------------------------------------------------------------------------------------------


def test_a_critic_twists_and_what_it_says_of_texts_stays(regular):
    toy, table, everything, _ = regular

    def bonus(text):
        return -0.7 * text.count("b")

    exact = math.fsum(math.exp(one.raw + bonus(one.text)) for one in everything)
    for threshold in (0, 0.5, 1.01):
        assert is_unbiased(estimates(toy, table, SMC(4, threshold), scorers=(Scorer(bonus),)), exact)


def test_a_critic_of_prefixes_only_leaves_the_target_alone(regular):
    toy, table, _, exact = regular
    critic = Scorer(lambda text: 0.5 * len(text), when="partial")
    assert is_unbiased(estimates(toy, table, SMC(4, 1.01), scorers=(critic,)), exact)


def test_a_critic_that_refuses_kills_and_one_without_a_number_is_refused(regular):
    toy, table, _, _ = regular
    critic = Scorer(lambda text: -math.inf if "cb" in text else 0.0)
    for one in find(toy, table, SMC(30), n=30, seed=0, scorers=(critic,)):
        assert "cb" not in one.text
    with pytest.raises(InvalidConstraint, match="finite"):
        find(toy, table, SMC(3), n=3, scorers=(Scorer(lambda text: math.inf),))


# -- the population --------------------------------------------------------------------------------------------------


def test_a_check_that_is_always_true_changes_nothing(regular):
    toy, table, _, _ = regular
    always = (Check(lambda text: True, "partial"), Check(lambda text: True))
    for strategy in (SMC(), SMC(threshold=1.01, resampling="residual"), SMC(proposal="awrs")):
        plain = find(toy, table, strategy, n=10, seed=4)
        checked = find(toy, table, strategy, n=10, seed=4, checks=always)
        assert [one.tokens for one in plain] == [one.tokens for one in checked]
        assert [one.notes for one in plain] == [one.notes for one in checked]
        assert plain[0].search.notes["log_marginal"] == checked[0].search.notes["log_marginal"]


def test_a_seed_repeats_a_run_whatever_runs_beside_it(regular):
    toy, table, _, _ = regular
    model = TableModel(toy.vocabulary, table.log_probs)
    one = Problem(PROMPT, toy.automaton, toy.vocabulary, 50, n=10, seed=7, forced_runs=False)
    (alone,) = solve(model, [one], SMC())
    beside = solve(model, [replace(one, seed=1), one, replace(one, seed=2)], SMC())
    assert [r.tokens for r in alone] == [r.tokens for r in beside[1]]
    assert [r.notes for r in alone] == [r.notes for r in beside[1]]


def test_equal_prefixes_are_read_once(regular):
    toy, table, _, _ = regular
    done = find(toy, table, SMC(50), n=50, seed=0)[0].search
    assert done.counters.computed <= len(toy.allowed) + 1
    assert done.expansions < 50 * 8


def test_dead_particles_are_counted_and_a_dead_population_is_reported(regular):
    toy, table, _, _ = regular
    with pytest.warns(RuntimeWarning, match="all 10 particles died"):
        assert find(toy, table, _Kept(SMC()), n=10, seed=0, checks=(Check(lambda text: False),)) == []
    (notes,) = _Kept.notes
    assert notes["log_marginal"] == -math.inf
    assert notes["dead"] == notes["particles"] == 10
    assert notes["ess"] == 0
    some = Check(lambda text: "cb" not in text)
    found = find(toy, table, SMC(30, 0), n=30, seed=0, checks=(some,))
    assert found
    assert all("cb" not in one.text for one in found)
    assert found[0].search.notes["dead"] + len(found) == 30


def test_a_search_that_is_stopped_gives_its_finished_texts_and_no_marginal(regular):
    toy, table, _, _ = regular
    found = find(toy, table, SMC(40, 0), n=40, seed=0, expansions=6)
    assert found
    assert found[0].search.ended == "expansions"
    assert found[0].search.notes["log_marginal"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"particles": 0}, "particles"),
        ({"threshold": -1}, "threshold"),
        ({"threshold": math.nan}, "threshold"),
        ({"resampling": "bootstrap"}, "resampling"),
        ({"proposal": "best"}, "proposal"),
    ],
)
def test_options_that_cannot_be_are_refused(options, said):
    with pytest.raises(InvalidConstraint, match=said):
        SMC(**options)


def test_strategies_have_names():
    assert named("smc:particles=5,threshold=0.9,resampling=residual") == SMC(5, 0.9, "residual")
    assert named("awrs:max_accepts=4").max_accepts == 4
    assert named("cars:mask=false").mask is False
    assert named("asap:lanes=2").lanes == 2


# -- resampling ------------------------------------------------------------------------------------------------------


WEIGHTS = np.array([0.05, 0.5, 0.0, 0.2, 0.25])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_mean_counts_are_the_weights(scheme):
    counts = np.zeros(5)
    for seed in range(3000):
        counts += np.bincount(SCHEMES[scheme](WEIGHTS, np.random.default_rng(seed)), minlength=5)
    assert counts[2] == 0
    assert np.abs(counts / 15000 - WEIGHTS).max() < 0.02


@pytest.mark.parametrize(("scheme", "least"), [("systematic", 1.0), ("residual", 1.0), ("stratified", 2.0)])
def test_counts_stray_no_further_than_the_scheme_allows(scheme, least):
    wanted = 5 * WEIGHTS
    for seed in range(300):
        counts = np.bincount(SCHEMES[scheme](WEIGHTS, np.random.default_rng(seed)), minlength=5)
        assert counts.sum() == 5
        below = np.floor(wanted) if scheme != "stratified" else wanted - least
        assert (counts >= below - 1e-9).all()
        if scheme != "residual":
            assert (counts <= wanted + least + 1e-9).all()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_one_particle_with_all_the_weight_is_all_that_is_left(scheme):
    weights = normalised(np.array([-math.inf, 0.0, -math.inf]))
    assert SCHEMES[scheme](weights, np.random.default_rng(0)).tolist() == [1, 1, 1]


def test_the_effective_size_is_between_one_and_all():
    assert effective_size(np.zeros(7)) == pytest.approx(7)
    assert effective_size(np.array([0.0, -1000.0])) == pytest.approx(1)
    assert effective_size(np.full(3, -math.inf)) == 0
    assert effective_size(np.full(4, -5000.0)) == pytest.approx(4)


# -- negative controls -----------------------------------------------------------------------------------------------


def test_weights_that_survive_resampling_are_caught(regular, monkeypatch):
    toy, table, _, exact = regular

    def keeps_weights(self, flock):
        weights = normalised(flock.log_weights)
        if not flock.asked() or not weights.any():
            return False
        places = resampling.multinomial(weights, flock.generator(99))
        flock.particles = [flock.particles[place] for place in places]
        return True

    monkeypatch.setattr(SMC, "_resample", keeps_weights)
    assert not is_unbiased(estimates(toy, table, SMC(4, 1.01)), exact)


def test_a_twist_that_is_not_taken_back_is_caught(regular, monkeypatch):
    toy, table, _, exact = regular
    monkeypatch.setattr("treadle.decoding.particles.Particle.untwisted", lambda self: self)
    critic = Scorer(lambda text: 0.5 * len(text), when="partial")
    assert not is_unbiased(estimates(toy, table, SMC(4, 1.01), scorers=(critic,)), exact)


def test_finished_particles_left_out_of_resampling_are_caught(regular, monkeypatch):
    """Weights are made equal for all, but only those that go on are drawn anew."""
    toy, table, everything, mass = regular

    def only_those_that_go_on(self, flock):
        living = [k for k, one in enumerate(flock.particles) if one.going_on]
        if not living:
            return False
        log_weights = flock.log_weights
        mean = np.logaddexp.reduce(log_weights) - math.log(len(log_weights))
        weights = normalised(log_weights[living])
        drawn = [living[place] for place in resampling.multinomial(weights, flock.generator(99))]
        places = dict(zip(living, drawn, strict=True))
        flock.particles = [
            replace(flock.particles[places.get(k, k)], log_weight=mean) for k in range(len(log_weights))
        ]
        return True

    exact = {one.tokens: math.exp(one.raw) / mass for one in everything}
    right = total_variation(posterior(toy, table, SMC(64, 1.01), 25), exact)
    monkeypatch.setattr(SMC, "_resample", only_those_that_go_on)
    wrong = total_variation(posterior(toy, table, SMC(64, 1.01), 25), exact)
    assert right < 0.1
    assert wrong > 0.2


def test_an_end_that_is_not_paid_for_is_caught(regular, monkeypatch):
    toy, table, everything, _ = regular
    exact = math.fsum(math.exp(one.raw) for one in everything)

    def trusting(self, urn, valid, *_):
        place = urn.draw()
        assert valid(place)
        return type("Drawn", (), {"place": place, "weight": 1.0})

    monkeypatch.setattr("treadle.decoding.proposals.Masked.propose", trusting)
    assert not is_unbiased(estimates(toy, table, SMC(4, 0.5)), exact)


def test_rejection_with_the_paper_estimator_agrees(regular):
    toy, table, _, exact = regular
    assert is_unbiased(estimates(toy, table, SMC(3, proposal=Rejection(estimator="paper"))), exact)
