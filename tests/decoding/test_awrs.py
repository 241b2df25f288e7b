"""AWRS: its estimators over every run there is, in fractions; its urn; texts; what it tests and how often."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

import treadle
from decoding.chances import chi_square, chi_square_tail
from decoding.exact_draws import masses, runs
from decoding.searching import find, language
from decoding.toys import TOYS, Table
from treadle.decoding import awrs_estimators as estimators
from treadle.decoding.awrs_estimators import Drawn
from treadle.decoding.components import Check
from treadle.decoding.proposals import Masked, Rejection
from treadle.decoding.smc import AWRS
from treadle.decoding.urn import WeightedUrn
from treadle.errors import InvalidConstraint

#: Five tokens; a sixth of the mass was taken by a mask before.
P = [Fraction(k, 24) for k in (8, 5, 4, 2, 1)]
#: For the geometric estimator, whose repeats make many branches.
SHORT = [Fraction(k, 8) for k in (4, 2, 1)]
CONSTRAINTS = list(itertools.product([False, True], repeat=5))


def wanted(weights, allowed):
    return [p if ok else Fraction(0) for p, ok in zip(weights, allowed, strict=True)]


def is_properly_weighted(weights, allowed, estimate, most=0):
    total, found, _ = masses(weights, lambda urn: estimate(urn, allowed.__getitem__), most)
    assert total == 1
    return found == wanted(weights, allowed)


@pytest.mark.parametrize("allowed", CONSTRAINTS)
def test_paper_is_properly_weighted(allowed):
    assert is_properly_weighted(P, allowed, estimators.paper)


@pytest.mark.parametrize("max_rejects", [None, 2, 3, 5])
@pytest.mark.parametrize("allowed", CONSTRAINTS)
def test_recursive_is_properly_weighted_also_cut_short(allowed, max_rejects):
    assert is_properly_weighted(P, allowed, lambda urn, valid: estimators.recursive(urn, valid, max_rejects))


@pytest.mark.parametrize(
    ("max_accepts", "max_rejects"), [(2, 2), (2, 3), (3, 2), pytest.param(3, 3, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("allowed", CONSTRAINTS)
def test_geometric_cut_short_is_properly_weighted(allowed, max_accepts, max_rejects):
    assert is_properly_weighted(
        P, allowed, lambda urn, valid: estimators.geometric(urn, valid, max_accepts, max_rejects), max_rejects
    )


@pytest.mark.parametrize(("max_accepts", "max_rejects"), [(2, 4), (4, 2), (2, 6), (3, 6), (4, 3)])
@pytest.mark.parametrize("allowed", list(itertools.product([False, True], repeat=3)))
def test_geometric_is_properly_weighted_with_other_limits(allowed, max_accepts, max_rejects):
    assert is_properly_weighted(
        SHORT,
        allowed,
        lambda urn, valid: estimators.geometric(urn, valid, max_accepts, max_rejects),
        max_rejects,
    )


@pytest.mark.parametrize("allowed", list(itertools.product([False, True], repeat=3)))
def test_geometric_without_a_limit_approaches_its_target(allowed):
    # Repeats are counted up to a bound, more are put together: what that changes is at most the chance of it.
    most = 6
    _, found, _ = masses(SHORT, lambda urn: estimators.geometric(urn, allowed.__getitem__), most)
    for mean, exact in zip(found, wanted(SHORT, allowed), strict=True):
        assert abs(mean - exact) <= 2 * Fraction(6, 7) ** most / (most + 1)


@pytest.mark.parametrize("estimator", ["paper", "recursive"])
@pytest.mark.parametrize("allowed", [(0, 0, 1, 0, 0), (1, 0, 1, 0, 1), (1, 1, 0, 1, 0)])
def test_weights_vary_less_than_a_single_test_would(estimator, allowed):
    p = [Fraction(k, 20) for k in (8, 5, 4, 2, 1)]
    _, found, square = masses(p, lambda urn: call(estimator, urn, allowed))
    mass = sum(found)
    assert square - mass**2 < mass * (1 - mass) / 2
    if estimator == "recursive" and sum(allowed) == 1:
        assert square == mass**2


def call(name, urn, allowed):
    return getattr(estimators, name)(urn, allowed.__getitem__)


@pytest.mark.parametrize("max_rejects", [None, 2, 3])
@pytest.mark.parametrize("name", ["recursive", "geometric", "paper", "first"])
def test_the_weight_is_zero_exactly_where_the_token_is_invalid(name, max_rejects):
    if name == "paper" and max_rejects is not None:
        return
    for allowed in itertools.product([False, True], repeat=3):
        limits = {} if name == "paper" else {"max_rejects": max_rejects}
        estimate = getattr(estimators, name)
        for _, drawn in runs(SHORT, lambda urn: estimate(urn, allowed.__getitem__, **limits), 4):  # noqa: B023
            assert (drawn.weight > 0) == allowed[drawn.place]


@pytest.mark.parametrize("name", ["recursive", "geometric", "paper", "first"])
def test_the_first_accepted_token_is_an_exact_draw_under_the_mask(name):
    allowed = (True, False, True)
    chances = [Fraction(0)] * 3
    for chance, drawn in runs(SHORT, lambda urn: call(name, urn, allowed), 3):
        chances[drawn.place] += chance
    assert chances == [Fraction(4, 5), 0, Fraction(1, 5)]


#: Token -> tokens that begin with it; where the first is refused they are.
BEGINS = {0: (1, 4), 2: (3,)}
CONSISTENT = [one for one in CONSTRAINTS if (one[0] or not (one[1] or one[4])) and (one[2] or not one[3])]
SETTLING = {
    "recursive": lambda urn, valid: estimators.recursive(urn, valid),
    "recursive, cut short": lambda urn, valid: estimators.recursive(urn, valid, 2),
    "geometric, cut short": lambda urn, valid: estimators.geometric(urn, valid, 2, 3),
    "paper": estimators.paper,
}


def settles_rightly(estimate, allowed):
    return masses(P, lambda urn: estimate(urn, allowed.__getitem__), 3, BEGINS)[1] == wanted(P, allowed)


@pytest.mark.parametrize("name", SETTLING)
def test_a_refusal_that_settles_others_leaves_every_mean_as_it_is(name):
    assert all(settles_rightly(SETTLING[name], allowed) for allowed in CONSISTENT)


def test_settling_a_choice_that_is_valid_is_caught():
    allowed = (False, True, True, False, False)
    assert not any(settles_rightly(estimate, allowed) for estimate in SETTLING.values())


# -- negative controls: what must not pass ---------------------------------------------------------------------------


def without_rejected_mass(urn, valid):
    """The recursive weight without its factor."""
    start = urn.left
    drawn = estimators.recursive(urn, valid)
    return Drawn(drawn.place, start if drawn.weight else 0)


def without_second_test(urn, valid):
    place, _ = estimators._until_accepted(urn, valid, None)
    return Drawn(place, 0 if urn.exhausted() else urn.left)


def cut_but_not_matched(urn, valid):
    """Gives up after two refusals, and goes on testing where the second would be the last."""
    place, refused = estimators._until_accepted(urn, valid, 2)
    if urn.exhausted() or refused == 2:
        return Drawn(place, 0)
    left = urn.left
    urn.remove(place)
    return Drawn(place, left if urn.exhausted() or valid(urn.draw()) else urn.weight(place))


def paper_with_clipped_mass(urn, valid):
    """The withdrawn patch: cut short, and the mass that was not looked at counted as refused."""
    place, refused = estimators._until_accepted(urn, valid, 2)
    return Drawn(place, 0 if urn.exhausted() or refused == 2 else urn.left / (1 + refused))


def geometric_without_repeats(urn, valid):
    urn.repeats = lambda chance: 0
    return estimators.geometric(urn, valid, 2, 3)


def gives_up_with_the_end(urn, valid):
    """Gives up with token 0 and the weight of what was seen, as if the end of text were always a way out."""
    drawn = estimators.recursive(urn, valid, 2)
    return drawn if drawn.weight else Drawn(0, urn.left)


@pytest.mark.parametrize(
    "mutant",
    [
        without_rejected_mass,
        without_second_test,
        cut_but_not_matched,
        paper_with_clipped_mass,
        geometric_without_repeats,
        gives_up_with_the_end,
    ],
)
def test_mutants_are_caught(mutant):
    assert not all(is_properly_weighted(P, allowed, mutant, 3) for allowed in CONSTRAINTS)


def test_a_limit_of_the_number_of_tokens_is_not_no_limit():
    """Refused draws count with their repeats: three may be reached before the third token of three is tested."""
    allowed = (False, False, True)
    limited = list(runs(SHORT, lambda urn: estimators.geometric(urn, allowed.__getitem__, 2, 3), 3))
    assert any(not drawn.weight for _, drawn in limited)
    without = runs(SHORT, lambda urn: estimators.geometric(urn, allowed.__getitem__, 2), 3)
    assert all(drawn.weight for _, drawn in without)


# -- the urn of floats -----------------------------------------------------------------------------------------------


def test_the_urn_draws_in_the_order_of_gumbel_keys():
    weights = np.array([0.4, 0.3, 0.2, 0.1, 0.0])
    seen = Counter()
    for seed in range(4000):
        urn = WeightedUrn(weights, np.random.default_rng(seed))
        order = []
        while not urn.exhausted():
            order.append(urn.draw())
            urn.remove(order[-1])
        assert sorted(order) == [0, 1, 2, 3]
        seen[tuple(order)] += 1
    exact = {}
    for order in itertools.permutations(range(4)):
        chance, left = 1.0, 1.0
        for place in order:
            chance, left = chance * weights[place] / left, left - weights[place]
        exact[order] = chance
    assert chi_square(seen, exact) > 1e-4


def test_the_urn_knows_what_is_left_to_the_last_bit():
    weights = np.array([1.0 - 1e-13, 5e-14, 5e-14])
    urn = WeightedUrn(weights, np.random.default_rng(0))
    urn.remove(0)
    assert urn.left == pytest.approx(1e-13, rel=1e-12, abs=0)
    assert urn.draw() in (1, 2)
    urn.remove_all([1, 2])
    assert urn.exhausted()
    assert weights[0] > 0, "the weights belong to others"
    assert urn.weight(0) == weights[0], "what was taken out keeps its weight"


def test_repeats_are_geometric():
    urn = WeightedUrn(np.ones(1), np.random.default_rng(1))
    counts = Counter(min(urn.repeats(0.3), 8) for _ in range(5000))
    chances = {k: 0.3 * 0.7**k for k in range(8)} | {8: 0.7**8}
    assert chi_square(counts, chances) > 1e-4
    assert urn.repeats(1.0) == 0


# -- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"estimator": "best"}, "estimator"),
        ({"max_accepts": 1}, "max_accepts"),
        ({"max_rejects": 1}, "max_rejects"),
        ({"estimator": "paper", "max_rejects": 5}, "cut short"),
    ],
)
def test_options_that_cannot_be_are_refused(options, said):
    for kind in (Rejection, AWRS):
        with pytest.raises(InvalidConstraint, match=said):
            kind(**options)


def test_the_rule_between_the_estimators():
    assert Rejection().uses_geometric(0.67)
    assert not Rejection().uses_geometric(0.66)
    assert Rejection(max_accepts=3).uses_geometric(0.1)
    assert not Rejection(3, estimator="recursive").uses_geometric(0.9)


# -- texts -----------------------------------------------------------------------------------------------------------


class Prefixes:
    """A check that is asked of prefixes and counts how often: whether a text of some set begins so."""

    def __init__(self, texts):
        self.texts, self.asked = set(texts), []

    def admits(self, text, finished):
        self.asked.append((text, finished))
        return (
            text.decode() in self.texts if finished else any(t.startswith(text.decode()) for t in self.texts)
        )


@pytest.fixture
def half():
    """A toy, a table, every sequence of it with exact scores, and a check that admits about half of the texts."""
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    texts = sorted(toy.texts)[::2]
    return toy, table, [one for one in everything if one.text in texts], Prefixes(texts)


def local_law(toy, table, sequences):
    """log p of drawing each under the mask and the check together."""
    follow = {}
    for one in sequences:
        whole = (*one.tokens, toy.end)
        for k in range(len(whole)):
            follow.setdefault(whole[:k], set()).add(whole[k])
    law = {}
    for one in sequences:
        whole, total = (*one.tokens, toy.end), 0.0
        for k in range(len(whole)):
            row = table.log_probs((0, *whole[:k]))
            total += row[whole[k]] - np.logaddexp.reduce(row[sorted(follow[whole[:k]])])
        law[one.tokens] = math.exp(total)
    return law


@pytest.mark.parametrize(
    "proposal", [AWRS(), AWRS(weights=False), AWRS(estimator="paper"), AWRS(max_accepts=4)], ids=repr
)
def test_texts_are_drawn_from_the_law_under_mask_and_check(half, proposal):
    toy, table, sequences, check = half
    found = find(toy, table, proposal, n=1500, seed=1, checks=(check,))
    assert len(found) == 1500
    law = local_law(toy, table, sequences)
    assert math.isclose(sum(law.values()), 1)
    assert chi_square(Counter(one.tokens for one in found), law) > 1e-4


def test_weights_estimate_the_mass_of_the_language(half):
    toy, table, sequences, check = half
    exact = math.fsum(math.exp(one.raw) for one in sequences)
    means = [
        math.exp(find(toy, table, AWRS(), n=20, seed=seed, checks=(check,))[0].search.notes["log_marginal"])
        for seed in range(100)
    ]
    assert abs(np.mean(means) - exact) < 4.5 * np.std(means) / 10


def test_a_prefix_is_tested_no_more_than_once_with_a_token(half):
    toy, table, _, check = half
    notes = find(toy, table, AWRS(), n=300, seed=2, checks=(check,))[0].search.notes
    edges = sum(len(toy.allowed[one]) for one in toy.allowed)
    assert notes["tests"] <= edges


def test_a_single_text_tests_at_most_the_invalid_tokens_and_one(half):
    toy, table, _, check = half
    for seed in range(30):
        (one,) = find(toy, table, AWRS(weights=False), n=1, seed=seed, checks=(check,))
        whole = (*one.tokens, toy.end)
        most = sum(1 + len(toy.allowed[whole[:k]]) for k in range(len(whole)))
        assert one.search.notes["tests"] <= most


def spelled(sound):
    """Texts of x and y over all tokens of up to three letters; a check that wants y, then nothing but x."""
    words = ["".join(one) for length in (1, 2, 3) for one in itertools.product("xy", repeat=length)]
    vocabulary = treadle.Vocabulary([*map(str.encode, words), None], eos_ids=len(words))
    automaton = treadle.compile(treadle.Regex("[xy]{1,6}"), vocabulary).automaton
    asked = []
    check = Check(lambda text: asked.append(text) or re.fullmatch("(yx*)?", text), "partial", sound)
    return SimpleNamespace(automaton=automaton, vocabulary=vocabulary), check, asked


@pytest.mark.parametrize("strategy", [AWRS(), AWRS(weights=False), AWRS(max_accepts=4)], ids=repr)
def test_what_a_sound_check_refuses_settles_every_token_that_begins_so(strategy):
    drawn, tests = {}, {}
    for sound in (True, False):
        toy, check, asked = spelled(sound)
        table = Table(len(toy.vocabulary), 5)
        found = find(toy, table, strategy, n=1500, seed=4, checks=(check,), forced_runs=False, max_tokens=6)
        drawn[sound], tests[sound] = Counter(one.text for one in found), len(asked)
        assert set(drawn[sound]) <= {"y" + "x" * k for k in range(6)}
        assert found[0].search.notes["tests"] == len(asked)
    assert tests[True] < tests[False]
    law = {text: count / 1500 for text, count in drawn[False].items()}
    # Both are samples, so twice the statistic's variance.
    statistic = sum((drawn[True][text] - 1500 * p) ** 2 / (3000 * p) for text, p in law.items())
    assert chi_square_tail(statistic, len(law) - 1) > 1e-4


def test_the_mean_number_of_tests_of_the_first_round_is_at_most_one_over_the_mass():
    weights = np.array([0.5, 0.2, 0.15, 0.1, 0.05])
    allowed = [False, True, False, True, False]
    counts = []
    for seed in range(2000):
        tested = []
        urn = WeightedUrn(weights, np.random.default_rng(seed))
        estimators.first(urn, lambda place: tested.append(place) or allowed[place])  # noqa: B023
        counts.append(len(tested))
    assert np.mean(counts) <= 1 / 0.3
    assert max(counts) <= 4


@pytest.mark.parametrize("strategy", [AWRS(), AWRS(max_accepts=5), AWRS(weights=False)], ids=repr)
def test_a_check_that_is_always_true_changes_nothing(strategy):
    toy = TOYS["json"]()
    table, _ = language(toy, 4)
    plain = find(toy, table, strategy, n=40, seed=3)
    checked = find(toy, table, strategy, n=40, seed=3, checks=(Check(lambda text: True, "partial"),))
    assert [one.tokens for one in plain] == [one.tokens for one in checked]
    assert [one.notes for one in plain] == [one.notes for one in checked]


def test_where_nothing_is_refused_the_weights_are_those_of_the_mask():
    urns = [WeightedUrn(np.array([0.5, 0.2, 0.1]), np.random.default_rng(7)) for _ in range(3)]
    drawn = [
        proposal.propose(urn, lambda place: True, 0.5)
        for proposal, urn in zip((Masked(), Rejection(), Rejection(3)), urns, strict=True)
    ]
    assert drawn[0] == drawn[1] == drawn[2]


def test_all_that_is_drawn_and_refused_is_dead_and_said_so():
    toy = TOYS["dyck"]()
    table, _ = language(toy, 1)
    with pytest.warns(RuntimeWarning, match="all 5 particles died"):
        found = find(toy, table, AWRS(), n=5, seed=0, checks=(Check(lambda text: False, "partial"),))
    assert found == []


def test_chi_square_tail_is_what_the_tests_above_stand_on():
    assert math.isclose(chi_square_tail(3.841, 1), 0.05, abs_tol=1e-4)
