"""Beam search against everything there is: exhaustive beams, exact stopping, budgets; mutants must be caught."""

from __future__ import annotations

import math

import numpy as np
import pytest

import treadle
from decoding.searching import Permuted, assert_same, find, language, problem
from decoding.toys import TOYS, Flat, Table
from treadle.decoding import beam as beam_module
from treadle.decoding.beam import Beam, Pool, step
from treadle.decoding.draws import Draws
from treadle.decoding.problem import Problem
from treadle.decoding.sampling import Greedy
from treadle.decoding.scores import Normalisation
from treadle.decoding.search import SearchEnded
from treadle.decoding.solving import solve
from treadle.decoding.tables import TableModel
from treadle.errors import InvalidConstraint, UnsatisfiableConstraint
from treadle.vocabulary import Vocabulary


def exhaustive(toy, **options):
    return Beam(toy.widest, ends="any", distinct="tokens", **options)


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


def is_all_of_the_language(toy, strategy, seed):
    table, everything = language(toy, seed)
    assert_same(find(toy, table, strategy), everything)


@pytest.mark.parametrize("seed", range(100))
def test_an_exhaustive_beam_gives_the_whole_language_in_order(toy, seed):
    is_all_of_the_language(toy, exhaustive(toy), seed)


@pytest.mark.parametrize("seed", range(10))
def test_one_more_than_the_widest_level_needs_no_help_with_ends(toy, seed):
    is_all_of_the_language(toy, Beam(toy.widest + 1, distinct="tokens"), seed)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("alpha", [-0.5, 0.7, 1.5])
def test_stopping_is_exact_under_length_normalisation(toy, seed, alpha):
    table, everything = language(toy, seed)
    normalise = Normalisation(alpha)
    best = sorted(everything, key=lambda one: -normalise.final(one.raw, len(one.tokens) + 1, 0))
    found = find(toy, table, exhaustive(toy, normalise=normalise), n=3, max_tokens=12)
    assert [one.tokens for one in found] == [one.tokens for one in best[:3]]


@pytest.mark.parametrize("seed", range(20))
def test_the_best_few_come_with_fewer_passes(toy, seed):
    table, everything = language(toy, seed)
    few, all_of_it = find(toy, table, exhaustive(toy), n=2), find(toy, table, exhaustive(toy))
    assert_same(few, everything[:2])
    assert few[0].search.forwards <= all_of_it[0].search.forwards


@pytest.mark.parametrize("seed", range(20))
def test_the_local_objective_ranks_by_local_scores(toy, seed):
    table, everything = language(toy, seed)
    expected = sorted(everything, key=lambda one: -one.local)
    assert_same(find(toy, table, exhaustive(toy, objective="local")), expected)


def test_a_language_smaller_than_the_beam_is_returned_whole_and_once(toy):
    table, everything = language(toy, 1)
    found = find(toy, table, Beam(500, distinct="tokens"))
    assert len(found) == len({one.tokens for one in found}) == len(everything)
    assert all(math.isfinite(one.scores.raw) for one in found)
    texts = [one.text for one in find(toy, table, Beam(500))]
    assert len(texts) == len(set(texts)) and set(texts) == toy.texts


@pytest.mark.parametrize("seed", range(10))
def test_of_several_spellings_the_best_stays(toy, seed):
    table, everything = language(toy, seed)
    best = {}
    for one in everything:
        best.setdefault(one.text, one)
    # Kept apart while they are written, put together when they are finished.
    found = find(toy, table, exhaustive(toy))
    seen = {}
    for one in found:
        seen.setdefault(one.text, one)
    assert {text: one.tokens for text, one in seen.items()} == {
        text: one.tokens for text, one in best.items()
    }


@pytest.mark.parametrize("seed", range(30))
def test_width_one_is_the_greedy_choice(toy, seed):
    table, _ = language(toy, seed)
    greedy = find(toy, table, Draws(Greedy()), n=1)
    assert_same(find(toy, table, Beam(1), n=1), list(map(as_exact, greedy)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("width", [1, 2, 4])
def test_results_do_not_depend_on_who_runs_beside(toy, seed, width):
    table, _ = language(toy, seed)
    model = TableModel(toy.vocabulary, table.log_probs)
    problems = [
        Problem((k,), toy.automaton, toy.vocabulary, max_tokens=30, n=3, forced_runs=k % 2 == 0)
        for k in range(4)
    ]
    together = solve(model, problems, Beam(width))
    alone = [solve(model, [one], Beam(width))[0] for one in problems]
    in_pieces = solve(model, problems, Beam(width), rows=3, memory=60)
    for one, other, third in zip(together, alone, in_pieces, strict=True):
        assert_same(one, list(map(as_exact, other)))
        assert_same(one, list(map(as_exact, third)))


def as_exact(result):
    class Exact:
        tokens, raw, local = result.tokens, result.scores.raw, result.scores.local

    return Exact


@pytest.mark.parametrize("seed", range(5))
def test_other_ids_for_the_same_tokens_change_nothing(seed):
    toy = TOYS["regular"]()
    table, _ = language(toy, seed)
    size = len(toy.vocabulary)
    order = np.concatenate([[0], 1 + np.random.default_rng(seed).permutation(size - 1)])
    tokens = [toy.vocabulary.tokens[k] for k in order]
    ends = [k for k in range(size) if int(order[k]) == toy.end]
    ours = Vocabulary([b"</s>" if k in ends else token for k, token in enumerate(tokens)], eos_ids=ends)
    compiled = treadle.compile(toy.compiled.constraint, ours)
    other = Problem((0,), compiled.automaton, ours, max_tokens=50, n=5, forced_runs=False)
    found = solve(TableModel(ours, Permuted(table, order).log_probs), [other], Beam(3))[0]
    expected = find(toy, table, Beam(3), n=5)
    assert [tuple(int(order[t]) for t in one.tokens) for one in found] == [one.tokens for one in expected]


def test_ties_go_to_the_earlier_hypothesis_and_the_lower_id(toy):
    table = Flat(len(toy.vocabulary), 0)
    first, second = (find(toy, table, Beam(4), n=4) for _ in range(2))
    assert [one.tokens for one in first] == [one.tokens for one in second]
    greedy = find(toy, table, Beam(1), n=1)[0].tokens
    for k, token in enumerate(greedy):
        assert token == min(toy.allowed[greedy[:k]])


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("max_tokens", range(1, 12))
def test_a_text_is_complete_within_any_budget(toy, width, max_tokens):
    shortest = min(map(len, toy.sequences))
    for seed in range(3):
        table = Table(len(toy.vocabulary), seed)
        for forced in (True, False):
            options = {"max_tokens": max_tokens, "n": width, "forced_runs": forced}
            if max_tokens < shortest:
                with pytest.raises(UnsatisfiableConstraint):
                    find(toy, table, Beam(width), **options)
                continue
            found = find(toy, table, Beam(width), **options)
            assert found
            for one in found:
                assert one.text in toy.texts and len(one.tokens) <= max_tokens


@pytest.mark.parametrize("seed", range(10))
def test_an_exhaustive_beam_finds_whatever_fits_the_budget(toy, seed):
    table, everything = language(toy, seed)
    shortest = min(map(len, toy.sequences))
    for max_tokens in (shortest, shortest + 1, shortest + 2):
        fits = [one for one in everything if len(one.tokens) <= max_tokens]
        found = find(toy, table, exhaustive(toy), max_tokens=max_tokens)
        assert [one.tokens for one in found] == [one.tokens for one in fits]


@pytest.mark.parametrize("seed", range(10))
def test_a_strict_budget_leaves_a_distribution_of_what_fits(toy, seed):
    table, _ = language(toy, seed)
    shortest = min(map(len, toy.sequences))
    options = {"max_tokens": shortest + 1, "exact_budget": True}
    found = find(toy, table, exhaustive(toy), **options)
    assert math.isclose(sum(math.exp(one.scores.local) for one in found), 1, rel_tol=1e-4)


def test_forced_runs_are_read_in_the_pass_of_the_choice_before_them():
    toy = TOYS["json"]()
    table, _ = language(toy, 0)
    apart, together = (
        find(toy, table, Beam(4), n=1, forced_runs=forced)[0].search for forced in (False, True)
    )
    assert together.forwards < apart.forwards


@pytest.mark.parametrize("after", range(6))
def test_an_interrupt_gives_what_is_finished(toy, after):
    table, everything = language(toy, 4)
    model = TableModel(toy.vocabulary, table.log_probs)
    turns = 0

    def interrupt(progress):
        nonlocal turns
        turns += 1
        if turns > after:
            raise KeyboardInterrupt

    def run():
        return solve(model, [problem(toy, forced_runs=True)], exhaustive(toy), progress=interrupt)[0]

    try:
        found = run()
    except KeyboardInterrupt:  # nothing was finished
        assert after < 4
        return
    exact = {one.tokens: one.raw for one in everything}
    assert all(math.isclose(one.scores.raw, exact[one.tokens], abs_tol=1e-4) for one in found)
    assert found[0].search.ended in ("interrupted", "complete")


def test_a_stop_and_a_number_of_expansions_say_so(toy):
    table, _ = language(toy, 4)
    few = find(toy, table, Beam(3), expansions=10)
    assert {one.search.ended for one in few} <= {"expansions"}
    model, calls = TableModel(toy.vocabulary, table.log_probs), []
    stopped = solve(model, [problem(toy)], Beam(9), stop=lambda: len(calls) > 4 or calls.append(1))[0]
    assert {one.search.ended for one in stopped} <= {"stopped"}


class StopsAtTheFirstEnd(Pool):
    """Mutant."""

    def may_improve(self, alive):
        return not self.best


class ForgetsTheEnd(Pool):
    """Mutant: the end of text is no part of the score."""

    def rank(self, one):
        from dataclasses import replace

        super().rank(replace(one, raw=one.parent.raw))


class BoundsByTheCurrentLength(Pool):
    """Mutant: as if an alive text could not grow."""

    def _bound(self, one):
        return self.beam.normalise.final(one.raw, one.length, one.free)


class Mutated(Beam):
    """A beam with another pool."""

    __slots__ = ()

    def search(self, search):
        pool = MUTANTS[0](search, self)
        alive = [search.root]
        try:
            while alive and pool.may_improve(alive):
                alive = step(search, (yield alive), self, pool)
        except SearchEnded:
            pass
        return pool.best


MUTANTS: list[type[Pool]] = []


@pytest.mark.parametrize("mutant", [StopsAtTheFirstEnd, ForgetsTheEnd])
def test_mutants_are_caught(toy, mutant):
    MUTANTS[:] = [mutant]
    with pytest.raises(AssertionError):
        is_all_of_the_language(toy, Mutated(toy.widest, ends="any", distinct="tokens"), 0)


def test_a_wrong_bound_is_caught():
    MUTANTS[:] = [BoundsByTheCurrentLength]
    toy, normalise, wrong = TOYS["regular"](), Normalisation(1.0), 0
    for seed in range(60):
        table, everything = language(toy, seed)
        best = max(everything, key=lambda one: normalise.final(one.raw, len(one.tokens) + 1, 0))
        beam = Mutated(toy.widest, normalise=normalise, ends="any", distinct="tokens")
        wrong += find(toy, table, beam, n=1, max_tokens=12)[0].tokens != best.tokens
    assert wrong


@pytest.mark.parametrize("width", [0, -1])
def test_no_width_is_refused(width):
    with pytest.raises(InvalidConstraint, match="width"):
        Beam(width)


def test_a_search_needs_an_end_of_text(toy):
    ours = Vocabulary(list(toy.vocabulary.tokens))
    asked = Problem((0,), toy.automaton, ours)
    with pytest.raises(InvalidConstraint, match="end of text"):
        solve(TableModel(ours, Table(len(ours), 0).log_probs), [asked], Beam(2))


def test_the_events_tell_the_whole_story(toy):
    table, _ = language(toy, 2)
    found = find(toy, table, Beam(3), n=3, trace=True, forced_runs=True)
    events = found[0].search.events
    born = {event.number for event in events if event.kind == "born"}
    assert all(event.parent in born or event.parent == -1 for event in events)
    assert sum(event.kind == "finished" for event in events) >= len(found)
    assert not find(toy, table, Beam(3), n=3)[0].search.events


# -- what the token budget refuses -----------------------------------------------------------------------------


def likeliest(toy, seeds, width=3):
    """The best raw score under a tight budget for each seed, where a family is given up at its first refusal."""
    shortest = min(map(len, toy.sequences))
    found = [find(toy, language(toy, seed)[0], Beam(width), n=1, max_tokens=shortest + 1) for seed in seeds]
    assert all(one.text in toy.texts for [one] in found)
    return [one.scores.raw for [one] in found]


def test_what_is_known_to_fit_competes_where_the_budget_refused_a_family(monkeypatch):
    """Mutant: it is followed only where nothing else is alive."""
    toy = TOYS["json"]()
    monkeypatch.setattr(beam_module, "TRIES", 1)
    mended = likeliest(toy, range(40))

    original = beam_module.Kept._refused
    monkeypatch.setattr(
        beam_module.Kept,
        "_refused",
        lambda self, families, pool: [] if self.made else original(self, families, pool),
    )
    mutant = likeliest(toy, range(40))
    assert mended != mutant
    assert sum(mended) > sum(mutant)
