"""Lines of the design cards that no other file holds, and mutants they must catch (docs/search-cards.md lists all)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from decoding.searching import PROMPT, assert_same, find, language, problem
from decoding.toys import TOYS, Flat, Table, enumerate_language
from treadle.decoding import allocation as allocation_module
from treadle.decoding import beam as beam_module
from treadle.decoding import mbr as mbr_module
from treadle.decoding.allocation import PhraseBeam
from treadle.decoding.astar import AStar, Frontier
from treadle.decoding.beam import Beam
from treadle.decoding.diverse import DiverseBeam
from treadle.decoding.draws import BestOf, Draws
from treadle.decoding.lattice_decoding import LatticeSearch
from treadle.decoding.lookahead import Lookahead, Wishes
from treadle.decoding.mbr import MBR
from treadle.decoding.phrases import Phrases
from treadle.decoding.problem import Problem
from treadle.decoding.sampling import Sampling
from treadle.decoding.scores import Normalisation
from treadle.decoding.search import Search
from treadle.decoding.solving import solve
from treadle.decoding.stochastic_beam import StochasticBeam
from treadle.decoding.tables import TableModel
from treadle.errors import UnsatisfiableConstraint


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


# -- 0.2 forced tokens are part of raw; 0.3.1 nothing goes on at minus infinity ---------------------------------------


def forced_runs_are_paid(name="json"):
    toy = TOYS[name]()
    table, everything = language(toy, 3)
    exact = {one.tokens: one.raw for one in everything}
    for one in find(toy, table, Beam(4), n=4, forced_runs=True):
        assert math.isclose(one.scores.raw, exact[one.tokens], abs_tol=1e-4)


def test_a_search_that_skips_the_model_on_forced_runs_is_caught(monkeypatch):
    forced_runs_are_paid()
    monkeypatch.setattr("treadle.decoding.hypotheses.sum", lambda rest: 0.0, raising=False)
    with pytest.raises(AssertionError):
        forced_runs_are_paid()


class Impossible(Table):
    """Holds some tokens for impossible behind some prefixes."""

    def log_probs(self, prefix):
        row = super().log_probs(prefix).copy()
        row[np.random.default_rng([self.seed, *prefix]).random(self.size) < 0.25] = -np.inf
        return row

    def is_possible(self, tokens):
        return all(self.log_probs((*PROMPT, *tokens[:k]))[token] > -np.inf for k, token in enumerate(tokens))


EVERYTHING = {
    "beam": lambda toy: Beam(toy.widest, ends="any", distinct="tokens"),
    "diverse beam": lambda toy: DiverseBeam(2 * toy.widest, 2, 0.0, ends="any", distinct="tokens"),
    "A*": lambda toy: AStar(expansions=None, distinct="tokens"),
    "stochastic beam": lambda toy: StochasticBeam(),
    "phrase beam": lambda toy: PhraseBeam((), 500, distinct="tokens"),
}


@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.parametrize("forced", [True, False])
def test_what_the_model_excludes_is_never_gone_on_with(toy, name, forced):
    for seed in range(4):
        table = Impossible(len(toy.vocabulary), seed)
        possible = {tokens for tokens in toy.sequences if table.is_possible((*tokens, toy.end))}
        found = find(toy, table, EVERYTHING[name](toy), forced_runs=forced, seed=1)
        assert all(math.isfinite(one.scores.raw) and math.isfinite(one.scores.local) for one in found)
        texts = {one.tokens for one in found}
        assert len(texts) == len(found)
        assert texts <= possible if forced else texts == possible


@pytest.mark.parametrize("strategy", [Beam(2), Draws(Sampling()), BestOf(), LatticeSearch(), MBR(4)], ids=str)
def test_other_searches_give_possible_texts_or_none(toy, strategy):
    for seed in range(4):
        table = Impossible(len(toy.vocabulary), seed)
        for one in find(toy, table, strategy, n=3, seed=seed):
            assert math.isfinite(one.scores.raw) and one.tokens in toy.sequences


# -- 0.3.4 dead ends are found, dropped and counted -------------------------------------------------------------------


def test_dead_ends_are_dropped_and_counted(doubles):
    vocabulary = doubles.toy_vocabulary()

    class Untrimmed(doubles.FiniteAutomaton):
        """Allows "z" anywhere, and nothing behind it."""

        def _compare(self, state):
            dead = b"z" in self.prefixes[state]
            return (
                []
                if dead
                else sorted([*super()._compare(state), *([ord("z")] if state != self.DONE else [])])
            )

        def forced(self, state):
            return []

        def closing(self, state):
            if b"z" in self.prefixes[state]:
                raise UnsatisfiableConstraint("a dead end")
            return super().closing(state)

        def closing_bound(self, state):
            # As if an end were near: the dead end is noticed only when it is expanded.
            return 0 if b"z" in self.prefixes[state] else super().closing_bound(state)

    texts, counted = ("abc", "abd", "yes"), 0
    for seed in range(10):
        table = doubles.TableModel(vocabulary, seed)
        model = TableModel(vocabulary, lambda prefix, table=table: table.logits(list(prefix)))
        asked = Problem((65,), Untrimmed(texts, vocabulary), vocabulary, max_tokens=9, n=3)
        for strategy in (Beam(8), AStar(), StochasticBeam(), DiverseBeam(8, 2)):
            found = solve(model, [asked], strategy)[0]
            assert {one.text for one in found} <= set(texts)
            counted += found[0].search.dead_ends if found else 0
    assert counted


# -- 0.3.6 one generator per request ----------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", [StochasticBeam(), MBR(6), BestOf(), Draws(Sampling())], ids=str)
def test_the_same_seed_gives_the_same_texts_and_another_one_others(toy, strategy):
    table, _ = language(toy, 0)
    told = [
        [one.tokens for one in find(toy, table, strategy, n=3, seed=seed)] for seed in (*range(9), *range(9))
    ]
    assert told[:9] == told[9:]
    assert len(set(map(tuple, told))) > 1


# -- 1.1 normalised scores are numbers; 1.3 the penalty is no part of a score -----------------------------------------


@pytest.mark.parametrize("alpha", [-1.0, 0.7, 2.0])
def test_normalised_scores_of_what_is_excluded_are_no_numbers_to_rank(toy, alpha):
    table = Impossible(len(toy.vocabulary), 4)
    for one in find(toy, table, Beam(4, normalise=Normalisation(alpha)), n=4):
        assert math.isfinite(one.scores.raw)


def penalties_stay_out(seeds):
    toy = TOYS["regular"]()
    for seed in seeds:
        table, everything = language(toy, seed)
        exact = {one.tokens: one.raw for one in everything}
        for one in find(toy, table, DiverseBeam(4, 4, 2.0), n=4):
            assert math.isclose(one.scores.raw, exact[one.tokens], abs_tol=1e-4)


def test_a_penalty_that_is_carried_on_is_caught(monkeypatch):
    penalties_stay_out(range(5))
    original = beam_module.Kept.add

    def carried(self, family, token, mark=None):
        child = original(self, family, token, mark)
        if child is not None:
            object.__setattr__(child, "raw", child.raw - (mark or 0.0) + (family.hypothesis.mark or 0.0))
        return child

    monkeypatch.setattr(beam_module.Kept, "add", carried)
    with pytest.raises(AssertionError):
        penalties_stay_out(range(5))


# -- 2.2 any admissible heuristic; ties; a frontier as large as what was expanded --------------------------------------


def cheapest_to_go(toy, table):
    """-log p of the cheapest way to finish, by prefix."""
    best: dict[tuple[int, ...], float] = {}
    for tokens in toy.sequences:
        row = table.log_probs((*PROMPT, *tokens))
        cost = -float(row[toy.end])
        best[tokens] = min(best.get(tokens, math.inf), cost)
        for k in range(len(tokens) - 1, -1, -1):
            cost -= float(table.log_probs((*PROMPT, *tokens[:k]))[tokens[k]])
            best[tokens[:k]] = min(best.get(tokens[:k], math.inf), cost)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_any_admissible_heuristic_gives_the_arg_max(toy, seed):
    table, everything = language(toy, seed)
    truth, rng = cheapest_to_go(toy, table), np.random.default_rng(seed)
    share = {tokens: rng.random() for tokens in truth}
    blind = find(toy, table, AStar(batch=1, dive=False, distinct="tokens"), n=2)
    some = AStar(
        batch=1, distinct="tokens", heuristic=lambda one: max(share[one.tokens] * truth[one.tokens] - 1e-5, 0)
    )
    found = find(toy, table, some, n=2)
    assert_same(found, everything[:2])
    assert_same(blind, everything[:2])


def test_ties_are_no_obstacle_to_a_proof(toy):
    table = Flat(len(toy.vocabulary), 0)
    [found] = find(toy, table, AStar(expansions=None, distinct="tokens"), n=1)
    assert math.isclose(found.scores.raw, enumerate_language(toy, table, PROMPT)[0].raw, abs_tol=1e-4)
    assert found.search.notes["optimal"]


def test_the_frontier_grows_with_the_expansions_and_not_with_the_vocabulary(toy, monkeypatch):
    sizes = []
    original = Frontier.note

    def note(self):
        original(self)
        sizes.append((len(self._heap), self.search.statistics.expansions))

    monkeypatch.setattr(Frontier, "note", note)
    find(toy, language(toy, 0)[0], AStar(expansions=None, batch=1), n=3)
    # A family waits under one choice, beside the child that was made of it.
    assert all(entries <= 2 * expanded + 1 for entries, expanded in sizes)


# -- 2.3, 6.1, 6.8: mutants --------------------------------------------------------------------------------------------


def wishes_come_first(seeds=range(10)):
    toy, clauses = TOYS["regular"](), ["cab", "ba"]
    for seed in seeds:
        table, everything = language(toy, seed)
        best = max(everything, key=lambda one: (sum(clause in one.text for clause in clauses), one.raw))
        assert find(toy, table, Lookahead(clauses, 200, tolerance=5), n=1)[0].text == best.text


def test_a_lookahead_that_forgets_its_wishes_is_caught(monkeypatch):
    wishes_come_first()
    monkeypatch.setattr(Wishes, "best", lambda self: sorted(self.finished.values(), key=lambda one: -one.raw))
    with pytest.raises(AssertionError):
        wishes_come_first()


def intersections(width=500):
    toy, phrases = TOYS["regular"](), ("cab", "ba")
    for seed in range(6):
        table, everything = language(toy, seed)
        expected = [one for one in everything if all(phrase in one.text for phrase in phrases)]
        assert_same(find(toy, table, PhraseBeam(phrases, width, distinct="tokens")), expected)


def test_a_list_of_flags_in_place_of_the_automaton_is_caught(monkeypatch):
    """Mutant: a byte that does not fit starts a phrase anew, as the flags of the first implementation did."""
    intersections()
    monkeypatch.setattr(Phrases, "_step", lambda self, node, byte: self._next[node].get(byte, 0))
    with pytest.raises(AssertionError):
        intersections()


def test_banks_that_borrow_what_they_do_not_have_are_caught(monkeypatch):
    def borrowed(counts, width):
        return [width] * len(counts)

    monkeypatch.setattr(allocation_module, "allocate", borrowed)
    toy = TOYS["regular"]()
    table, _ = language(toy, 0)
    search = Search(problem(toy), TableModel(toy.vocabulary, table.log_probs).tree())
    asking = PhraseBeam(("cab", "ba"), 2).search(search)
    asked = next(asking)
    sizes = []
    for _ in range(3):
        read = search.tree.extend(
            [o.node for o in asked], [o.unread for o in asked], [o.unscored for o in asked]
        )
        asked = asking.send(search.families(asked, read))
        sizes.append(len(asked))
    # The law: a step keeps no more than the width.
    assert max(sizes) > 2


def votes_are_weighed():
    toy = TOYS["json"]()
    for seed in range(10):
        table, everything = language(toy, seed)
        mass: dict[str, float] = {}
        for one in everything:
            mass[one.text] = mass.get(one.text, 0.0) + math.exp(one.local)
        [found] = find(toy, table, MBR(500, utility="equality"), n=1, is_json=True, seed=seed)
        assert found.text == max(mass, key=mass.__getitem__)


def test_votes_that_all_count_the_same_are_caught(monkeypatch):
    votes_are_weighed()
    original = mbr_module.expected_utilities
    monkeypatch.setattr(
        mbr_module,
        "expected_utilities",
        lambda values, weights, utility: original(values, np.full(len(values), 1 / len(values)), utility),
    )
    with pytest.raises(AssertionError):
        votes_are_weighed()
