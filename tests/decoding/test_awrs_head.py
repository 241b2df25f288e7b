"""AWRS with a head: over every run there is, in fractions; when looking stops; what it saves in variance and tests."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

import treadle
from decoding.exact_draws import masses
from decoding.searching import find
from decoding.toys import Table
from treadle.decoding import awrs_estimators as estimators
from treadle.decoding import awrs_head
from treadle.decoding.awrs_estimators import Drawn
from treadle.decoding.awrs_head import look, with_known
from treadle.decoding.components import Check
from treadle.decoding.proposals import Rejection
from treadle.decoding.smc import AWRS, SMC
from treadle.decoding.urn import WeightedUrn
from treadle.errors import InvalidConstraint

#: Five tokens, likeliest first; a sixth of the mass was taken by a mask before.
P = [Fraction(k, 24) for k in (8, 5, 4, 2, 1)]
CONSTRAINTS = list(itertools.product([False, True], repeat=5))
#: Token -> tokens that begin with it; where the first is refused they are.
BEGINS = {0: (1, 4), 2: (3,)}
CONSISTENT = [one for one in CONSTRAINTS if (one[0] or not (one[1] or one[4])) and (one[2] or not one[3])]


def wanted(allowed):
    return [p if ok else Fraction(0) for p, ok in zip(P, allowed, strict=True)]


def proposing(allowed, size, known=(), **options):
    """A draw of the default proposal with a head of some size."""
    proposal = Rejection(head=size, **options)
    return lambda urn: proposal.propose(urn, allowed.__getitem__, max(P), known, iter(range(size)))


def found(estimate, refused_with=None, most=3):
    total, means, square = masses(P, estimate, most, refused_with or {})
    assert total == 1
    return means, square - sum(means) ** 2


@pytest.fixture(params=[0.0, 0.25, 1.0], ids="precision {}".format)
def precision(request, monkeypatch):
    """However much is known when looking stops."""
    monkeypatch.setattr(awrs_head, "PRECISION", request.param)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("allowed", CONSTRAINTS)
def test_a_head_is_properly_weighted(allowed, size, precision):
    assert found(proposing(allowed, size))[0] == wanted(allowed)


@pytest.mark.parametrize("max_rejects", [2, 3])
@pytest.mark.parametrize("allowed", CONSTRAINTS)
def test_a_head_is_properly_weighted_where_the_rest_is_cut_short(allowed, max_rejects):
    assert found(proposing(allowed, 2, max_rejects=max_rejects))[0] == wanted(allowed)


@pytest.mark.parametrize("allowed", CONSTRAINTS)
def test_what_others_found_valid_changes_no_mean(allowed):
    valid = [place for place in range(5) if allowed[place]]
    for size in range(len(valid) + 1):
        for known in itertools.combinations(valid, size):
            assert found(proposing(allowed, 2, known))[0] == wanted(allowed)


@pytest.mark.parametrize("allowed", CONSISTENT)
def test_a_refusal_in_the_head_that_settles_others_changes_no_mean(allowed):
    for size in (1, 3, 5):
        assert found(proposing(allowed, size), BEGINS)[0] == wanted(allowed)


def test_the_weight_is_zero_exactly_where_the_token_is_invalid():
    for allowed in CONSTRAINTS:
        drawn = []
        draw = proposing(allowed, 2)
        masses(P, lambda urn: drawn.append(draw(urn)) or drawn[-1], 2)  # noqa: B023
        assert all((one.weight > 0) == allowed[one.place] for one in drawn)


def variance(size, **options):
    """Summed over all constraints, as single ones may be lucky."""
    return sum(found(proposing(allowed, size, **options))[1] for allowed in CONSTRAINTS)


def test_a_head_takes_variance_away_the_more_the_longer_it_is(monkeypatch):
    without = variance(0, estimator="recursive")
    assert variance(3) < without
    monkeypatch.setattr(awrs_head, "PRECISION", 0.0)
    assert variance(5) == variance(4) == 0, "of one token that is left, a test says all"
    assert 0 < variance(3) < variance(2) < without
    assert variance(3) < without / 2


# -- when looking stops ----------------------------------------------------------------------------------------------


def count_of(weights, allowed, size=32):
    """How many tests a head makes of an urn."""
    tested = []
    urn = WeightedUrn(np.array(weights), np.random.default_rng(0))
    order = iter(np.argsort(-np.array(weights)).tolist()[:size])
    look(urn, lambda place: tested.append(place) or allowed(place), (), order)
    return len(tested)


def test_where_one_valid_token_has_nearly_all_mass_it_is_the_only_one_tested():
    assert count_of([0.95, *[0.001] * 50], lambda place: place == 0) == 1


def test_where_all_is_valid_a_few_tests_are_enough():
    assert count_of([0.02] * 50, lambda place: True) <= 20
    assert count_of([0.3, *[0.014] * 50], lambda place: True) <= 6


def test_where_nothing_is_valid_the_whole_head_is_tested():
    assert count_of([0.02] * 50, lambda place: False) == 32


def test_the_scale_of_the_mass_makes_no_difference():
    weights = np.random.default_rng(3).dirichlet(np.full(60, 0.2))
    counts = {count_of(weights * scale, lambda place: place % 3 == 0) for scale in (1.0, 1e-3, 1e-6)}
    assert len(counts) == 1


# -- negative controls -----------------------------------------------------------------------------------------------


def known_left_in_the_urn(urn, valid, known):
    """What is known may be drawn again for the rest."""
    whole, weights, place = urn.left, [urn.weight(one) for one in known], urn.draw()
    if valid(urn.draw() if place in known else place):
        return Drawn(place, whole)
    return Drawn(place if place in known else known[urn.choose(weights)], sum(weights))


def rest_left_out(urn, valid, known):
    weights = [urn.weight(place) for place in known]
    return Drawn(known[urn.choose(weights)], sum(weights))


def rest_tested_where_it_is_drawn(urn, valid, known):
    """A known place always has the weight of everything."""
    whole, weights, place = urn.left, [urn.weight(one) for one in known], urn.draw()
    if place in known or valid(place):
        return Drawn(place, whole)
    return Drawn(known[urn.choose(weights)], sum(weights))


def rest_weighs_one_token(urn, valid, known):
    """The drawn token's own weight in place of the mass that it stands for."""
    for place in known:
        urn.remove(place)
    places, weights = list(known), [urn.weight(place) for place in known]
    if not urn.exhausted():
        places.append(urn.draw())
        weights.append(urn.weight(places[-1]) if valid(places[-1]) else 0)
    return Drawn(places[urn.choose(weights)], sum(weights))


def likeliest_known(urn, valid, known):
    """The heaviest in place of a draw."""
    drawn = with_known(urn, valid, known)
    return Drawn(max(known, key=urn.weight), drawn.weight)


def dies_with_the_rest(urn, valid, known):
    """No mutant but the way not taken: a particle dies where the rest is drawn and refused."""
    whole, place = urn.left, urn.draw()
    return Drawn(place, whole if valid(place) else 0)


@pytest.mark.parametrize(
    "mutant",
    [
        known_left_in_the_urn,
        rest_left_out,
        rest_tested_where_it_is_drawn,
        rest_weighs_one_token,
        likeliest_known,
    ],
)
def test_mutants_are_caught(mutant, monkeypatch):
    monkeypatch.setattr("treadle.decoding.proposals.with_known", mutant)
    assert not all(found(proposing(allowed, 2))[0] == wanted(allowed) for allowed in CONSTRAINTS)


def test_a_particle_that_dies_with_the_rest_is_unbiased_and_varies_more(monkeypatch):
    ours = variance(2)
    monkeypatch.setattr("treadle.decoding.proposals.with_known", dies_with_the_rest)
    assert all(found(proposing(allowed, 2))[0] == wanted(allowed) for allowed in CONSTRAINTS)
    assert variance(2) > 1.2 * ours


# -- texts -----------------------------------------------------------------------------------------------------------


def words():
    """Texts of x, y and z over all tokens of up to three letters: 39 choices, more than a head."""
    tokens = ["".join(one) for length in (1, 2, 3) for one in itertools.product("xyz", repeat=length)]
    vocabulary = treadle.Vocabulary([*map(str.encode, tokens), None], eos_ids=len(tokens))
    automaton = treadle.compile(treadle.Regex("[xyz]{1,4}"), vocabulary).automaton
    return SimpleNamespace(automaton=automaton, vocabulary=vocabulary, end=len(tokens))


#: Refuses about half of the prefixes; not by their beginnings, so nothing is settled.
EVEN = Check(lambda text: text.count("x") % 2 == 0, "partial", sound=False)


def estimates(strategy, runs):
    toy = words()
    table = Table(len(toy.vocabulary), 5)
    options = {"checks": (EVEN,), "max_tokens": 3, "forced_runs": False}
    return [
        math.exp(find(toy, table, strategy, n=4, seed=seed, **options)[0].search.notes["log_marginal"])
        for seed in range(runs)
    ]


def test_smc_with_a_head_estimates_the_same_and_varies_less():
    headed = np.array(estimates(SMC(4, proposal=AWRS(head=6)), 150))
    plain = np.array(estimates(SMC(4, proposal=AWRS(head=0)), 150))
    error = math.sqrt((headed.var() + plain.var()) / 150)
    assert abs(headed.mean() - plain.mean()) < 4.5 * error
    assert headed.var() < plain.var()


def test_particles_behind_one_prefix_test_its_head_once():
    toy = words()
    table = Table(len(toy.vocabulary), 5)
    asked = []
    check = Check(lambda text: asked.append(text) or True, "partial", sound=False)
    options = {"checks": (check,), "max_tokens": 3, "forced_runs": False}
    for seed in range(40):
        find(toy, table, AWRS(), n=1, seed=seed, **options)
    alone = len(asked)
    asked.clear()
    find(toy, table, AWRS(), n=40, seed=0, **options)
    assert len(asked) < alone / 1.5


@pytest.mark.parametrize("kind", [Rejection, AWRS])
def test_a_head_below_zero_is_refused(kind):
    with pytest.raises(InvalidConstraint, match="head"):
        kind(head=-1)


@pytest.mark.parametrize("estimator", ["paper", "geometric", "recursive"])
def test_the_other_estimators_have_no_head(estimator):
    allowed = (False, True, False, True, True)
    plain = lambda urn: getattr(estimators, estimator)(
        urn, allowed.__getitem__, **({"max_rejects": 3} if estimator == "geometric" else {})
    )
    options = {"estimator": estimator, **({"max_rejects": 3} if estimator == "geometric" else {})}
    assert found(proposing(allowed, 3, **options)) == found(plain)


def test_looking_at_all_there_is_gives_the_weights_of_a_mask(monkeypatch):
    """What a mask of the check would give: the product of the valid masses along the text."""
    monkeypatch.setattr(awrs_head, "PRECISION", 0.0)
    toy = words()
    table = Table(len(toy.vocabulary), 5)
    options = {"checks": (EVEN,), "max_tokens": 9, "forced_runs": False}
    for one in find(toy, table, AWRS(head=100), n=20, seed=5, **options):
        exact = 0.0
        for k in range(len(one.tokens) + 1):
            row = table.log_probs((0, *one.tokens[:k]))
            before = toy.vocabulary.decode_bytes(one.tokens[:k]).decode()
            whole = [before + toy.vocabulary.decode_bytes((t,)).decode() for t in range(toy.end)]
            valid = [
                t for t in range(toy.end) if len(whole[t]) <= 4 and EVEN.admits(whole[t].encode(), False)
            ]
            valid += [toy.end] if before and EVEN.admits(before.encode(), True) else []
            exact += np.logaddexp.reduce(row[valid])
        assert math.isclose(one.notes["log_weight"], exact, abs_tol=1e-5)
