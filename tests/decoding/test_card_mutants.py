"""Mutants for lines of the cards whose own test files have none: what is changed, and the test that must fail.

Lines in CARDS.md name them as `test_card_mutants`.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from decoding import (
    test_awrs,
    test_foresight,
    test_mcts,
    test_mcts_children,
    test_reweighting,
    test_smc,
    test_steering,
    test_treecoder,
)
from decoding.searching import language
from decoding.toys import TOYS
from treadle.decoding import foresight, mbr, particles
from treadle.decoding.awrs_estimators import Drawn
from treadle.decoding.hypotheses import Hypothesis
from treadle.decoding.mbr import MBR
from treadle.decoding.mcts import Growing
from treadle.decoding.puct import Choice
from treadle.decoding.search import Search
from treadle.decoding.urn import WeightedUrn

pytest.importorskip("optuna")


# -- 3.1 -------------------------------------------------------------------------------------------------------------


def second_best(self, logits, rng):
    """Not the likeliest token."""
    return int(np.argsort(-logits, kind="stable")[min(1, np.isfinite(logits).sum() - 1)])


def refuses_once(self, data, finished, _real=Search._checked):
    """The first thing that a constraint is asked is refused."""
    known, self.was_asked = getattr(self, "was_asked", False), bool(self.problem.checks)
    return _real(self, data, finished) and known == self.was_asked


def check_not_asked(self, data, finished):
    return True


# -- 3.2 to 3.5 ------------------------------------------------------------------------------------------------------


def one_child(self, family, budget, _real=Growing._children):
    return _real(self, family, budget)[:1]


def prior_forgotten(self, node, edge, _real=Choice.score):
    beta = math.log1p((node.visits + 1) / self.base) + self.constant
    return edge.value(self.backup) + beta * math.sqrt(math.log(node.visits)) / (1 + edge.visits)


def unlikely_first(self, node, edge, _real=Choice.score):
    return _real(self, node, edge) + 40 * (1 - edge.prior) / (1 + edge.visits)


def visits_decide(self, node, edge):
    return edge.visits


def runs_are_free(self, extension, _real=Hypothesis.read):
    """What is forced is not paid for."""
    return _real(self, replace(extension, rest=()))


def all_fits(automaton, state, left, before=None, run=()):
    return None


def never_far_enough(self):
    return False


def expansions_without_a_limit(self):
    return None


def judged_by_its_end(self, one):
    """The cache of rewards by the last letter."""
    return self.known.setdefault(one.data[-1:], self._judged(one))


def half_is_enough(self, one):
    """A hard reward that takes what is half right."""
    value = self._judged(one)
    return float(value >= 0.5) if self.hard else value


def white_space_in_strings(data, lines=False):
    return b"".join(data.split())


def one_child_less(value, confidence, most):
    return max(1, most - 1)


# -- 3.7 -------------------------------------------------------------------------------------------------------------


def not_made_one(advantages, shares, tau_advantage, tau_alignment):
    return foresight.softmax(advantages / tau_advantage) + foresight.softmax(shares / tau_alignment)


def with_replacement(self, steps, shares):
    return [0] * min(self.phi.beams, len(steps))


def likeliest_step(self, family, made, rng, _real=foresight.Stepping._next):
    """Steps are not drawn."""
    return _real(self, family, made, type("Quiet", (), {"gumbel": lambda self, size: np.zeros(size)})())


def unlikely_first_steps(before, after, _real=foresight.mean):
    """The least likely steps are worth the most."""
    return -_real(before, after)


def likely_steps_pruned(steps, least, sigmas, rng, _real=foresight.pruned):
    """What is far above the mean goes."""
    turned = _real([foresight.Step(one.hypothesis, -one.step) for one in steps], least, sigmas, rng)
    return [foresight.Step(one.hypothesis, -one.step) for one in turned]


# -- 4.1 and 6.8 -----------------------------------------------------------------------------------------------------


def what_is_left_by_difference(self, _real=WeightedUrn._sum_anew):
    """What is left stays a difference of nearly equal sums."""
    left = self._left
    _real(self)
    self._left = left


def likeliest_first(self):
    return int(np.argmax(np.where(self._gone, 0.0, self._weights)))


def refused_again(self, place):
    """A refused choice stays in the urn for one more round in two."""
    self._again = getattr(self, "_again", 0) + 1
    if self._again % 2 == 0:
        self.remove(place)


def masked_uniform(self, urn, valid, *_):
    places = [place for place in range(len(urn._weights)) if urn._weights[place] > 0]
    place = places[int(urn._rng.integers(len(places)))]
    return Drawn(place, urn.left if valid(place) else 0.0)


def weights_forgotten(self, child, log_factor, twist, _real=particles.Particle.grown):
    return _real(self, child, 0.0 if math.isfinite(log_factor) else log_factor, twist)


def one_test(urn, valid, max_rejects=None):
    """One draw, all of the mass or nothing: properly weighted, and it varies the most."""
    place = urn.draw()
    return Drawn(place, urn.left if valid(place) else 0)


def temperature_forgotten(self, tokens, logits):
    return logits


def not_symmetric(one, other):
    return float(str(one) <= str(other))


def contrast_that_forbids(self, tokens, logits):
    """What the other prompt likes best cannot be written."""
    return np.where(np.arange(len(logits)) == 0, -np.inf, logits)


def two_candidates(self):
    object.__setattr__(self, "candidates", max(2, self.candidates))


def last_candidate(self, search, found, _real=MBR._selected):
    """The least likely of the candidates is all that is looked at."""
    return _real(self, search, found[-1:])


def first_places_count_more(values, weights, utility, _real=mbr.expected_utilities):
    return _real(values, weights / np.arange(1, len(weights) + 1), utility)


@cache
def regular():
    toy = TOYS["regular"]()
    table, everything = language(toy, 3)
    return toy, table, everything, math.fsum(math.exp(one.raw) for one in everything)


def on_some_toy(test, *more):
    """Fails if it does on one of the toys."""

    def run():
        for make in TOYS.values():
            test(make(), *more)

    return run


CORE = "treadle.decoding"
MUTANTS = {
    "3.1 greedy takes the second": (
        f"{CORE}.sampling.Greedy.choose", second_best, test_treecoder.test_greedy_without_constraints_is_plain_greedy,
    ),
    "3.1 the first question refused": (
        f"{CORE}.search.Search._checked", refuses_once,
        lambda: test_treecoder.test_a_constraint_that_is_always_true_changes_nothing("greedy"),
    ),
    "3.1 false is not asked": (
        f"{CORE}.search.Search._checked", check_not_asked,
        lambda: test_treecoder.test_a_constraint_that_is_never_true_leaves_nothing_and_says_so("beam", "false"),
    ),
    "3.1 hard constraints are not asked": (
        f"{CORE}.search.Search._checked", check_not_asked,
        lambda: test_treecoder.test_every_text_satisfies_every_hard_constraint("mcts"),
    ),
    "3.2 one child only": (
        f"{CORE}.mcts.Growing._children", one_child,
        on_some_toy(test_mcts.test_enough_rollouts_find_the_best_text, "max", "none"),
    ),
    "3.2 forced runs are not paid for": (
        f"{CORE}.hypotheses.Hypothesis.read", runs_are_free,
        on_some_toy(test_mcts.test_every_text_is_in_the_language_and_every_score_exact),
    ),
    "3.2 rollouts beyond the budget": (
        f"{CORE}.search.fitting", all_fits, on_some_toy(test_mcts.test_a_tight_budget_still_closes_every_rollout),
    ),
    "3.2 the target does not matter": (
        f"{CORE}.mcts.Growing._satisfied", never_far_enough,
        on_some_toy(test_mcts.test_a_target_and_a_limit_of_expansions_end_the_search),
    ),
    "3.2 the other limit does not matter": (
        f"{CORE}.search.Search.expansions_left", property(expansions_without_a_limit),
        on_some_toy(test_mcts.test_a_target_and_a_limit_of_expansions_end_the_search),
    ),
    "3.2 rewards cached by the last letter": (
        f"{CORE}.rewards.Rewards.of", judged_by_its_end,
        on_some_toy(test_mcts.test_the_reward_that_is_returned_is_the_largest_of_all),
    ),
    "3.2 the prior forgotten, formula": (
        f"{CORE}.puct.Choice.score", prior_forgotten, test_mcts.test_the_choice_is_the_published_formula,
    ),
    "3.2 the unlikely first": (
        f"{CORE}.puct.Choice.score", unlikely_first,
        on_some_toy(test_mcts.test_equal_rewards_are_visited_by_their_priors),
    ),
    "3.2 visits decide": (
        f"{CORE}.puct.Choice.score", visits_decide, test_mcts.test_without_exploration_the_best_edge_is_taken,
    ),
    "3.3 white space in strings is trivia": (
        "decoding.test_mcts_children.tight", white_space_in_strings,
        lambda: test_mcts_children.test_white_space_that_means_nothing_is_taken_out("['a  b']", "['a  b']", "['a  b']"),
    ),
    "3.4 half is hard": (
        f"{CORE}.rewards.Rewards.of", half_is_enough,
        on_some_toy(test_mcts.test_hard_rewards_are_among_the_partial_ones),
    ),
    "3.5 children by no value": (
        f"{CORE}.mcts.child_budget", one_child_less,
        on_some_toy(test_mcts_children.test_children_follow_the_value_and_stay_within_their_budget),
    ),
    "3.5 one child less than published": (
        "decoding.test_mcts_children.child_budget", one_child_less,
        test_mcts_children.test_the_budget_of_children_is_the_published_one,
    ),
    "3.7 chances not made one": (
        "decoding.test_foresight.weights", not_made_one,
        test_foresight.test_chances_sum_to_one_and_rise_with_advantage_and_agreement,
    ),
    "3.7 beams with replacement": (
        f"{CORE}.foresight.Stepping._chosen", with_replacement,
        lambda: with_patch(lambda patch: on_some_toy(test_foresight.test_beams_of_a_step_are_different, patch)()),
    ),
    "3.7 steps are not drawn": (
        f"{CORE}.foresight.Stepping._next", likeliest_step,
        on_some_toy(test_foresight.test_one_beam_and_one_candidate_is_plain_sampling),
    ),
    "3.7 unlikely steps kept": (
        f"{CORE}.foresight.mean", unlikely_first_steps,
        lambda: with_patch(
            lambda patch: on_some_toy(test_foresight.test_without_foresight_the_likeliest_steps_are_kept, patch)()
        ),
    ),
    "3.7 likely steps pruned": (
        "decoding.test_foresight.pruned", likely_steps_pruned, test_foresight.test_width_pruning_leaves_enough,
    ),
    "4.1 what is left by difference": (
        f"{CORE}.urn.WeightedUrn._sum_anew", what_is_left_by_difference,
        test_awrs.test_the_urn_knows_what_is_left_to_the_last_bit,
    ),
    "4.1 the likeliest is always first": (
        f"{CORE}.urn.WeightedUrn.draw", likeliest_first, test_awrs.test_the_urn_draws_in_the_order_of_gumbel_keys,
    ),
    "4.1 refused tokens are tried again": (
        f"{CORE}.urn.WeightedUrn.refuse", refused_again,
        test_awrs.test_the_mean_number_of_tests_of_the_first_round_is_at_most_one_over_the_mass,
    ),
    "4.1 a mask without the model": (
        f"{CORE}.proposals.Masked.propose", masked_uniform,
        lambda: test_smc.test_one_particle_is_masked_sampling(regular()),
    ),
    "4.1 weights forgotten": (
        f"{CORE}.particles.Particle.grown", weights_forgotten,
        lambda: test_smc.test_the_distance_to_the_conditional_falls_with_the_number_of_particles(regular()),
    ),
    "4.1 dead particles live": (
        f"{CORE}.search.Search._checked", check_not_asked,
        lambda: test_smc.test_dead_particles_are_counted_and_a_dead_population_is_reported(regular()),
    ),
    "4.1 the temperature is no part of the target": (
        f"{CORE}.scores.Temperature.__call__", temperature_forgotten, test_smc.test_a_temperature_makes_another_target,
    ),
    "4.1 one test only": (
        f"{CORE}.awrs_estimators.recursive", one_test,
        lambda: test_awrs.test_weights_vary_less_than_a_single_test_would("recursive", (1, 0, 1, 0, 1)),
    ),
    "6.8 two candidates for one": (
        f"{CORE}.mbr.MBR.__post_init__", two_candidates,
        test_steering.test_one_candidate_is_the_answer_and_values_vote_not_texts,
    ),
    "6.8 the last candidate without a vote": (
        f"{CORE}.mbr.MBR._selected", last_candidate,
        test_steering.test_one_candidate_is_the_answer_and_values_vote_not_texts,
    ),
    "6.8 places vote": (
        "decoding.test_steering.expected_utilities", first_places_count_more,
        test_steering.test_equality_is_a_majority_vote,
    ),
    "6.8 a utility that is not symmetric": (
        "decoding.test_steering.equality", not_symmetric, test_steering.test_utilities_are_symmetric_and_one_for_equals,
    ),
    "6.8 a vote that is none": (
        "decoding.test_steering.equality", not_symmetric, test_steering.test_equality_is_a_majority_vote,
    ),
    "6.8 a contrast that forbids": (
        f"{CORE}.contrast.Contrastive.__call__", contrast_that_forbids,
        test_reweighting.test_contrasts_are_their_formulas,
    ),
}  # fmt: skip


def with_patch(run):
    with pytest.MonkeyPatch.context() as patch:
        run(patch)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name, monkeypatch):
    place, mutant, test = MUTANTS[name]
    with contextlib.suppress(AssertionError, pytest.fail.Exception):
        monkeypatch.setattr(place, mutant)
        test()
        raise Survived(name)


class Survived(Exception):
    """A mutant that passed its test."""
