"""Every exact search over the texts that forced runs leave: one spelling of what is forced, all of what is chosen."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import pytest

from decoding.searching import find, language, runs
from decoding.toys import TOYS
from treadle.decoding import search as search_module
from treadle.decoding.allocation import PhraseBeam
from treadle.decoding.astar import AStar
from treadle.decoding.beam import Beam
from treadle.decoding.lattice_decoding import LatticeSearch
from treadle.decoding.stochastic_beam import StochasticBeam

SEEDS = range(12)


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


@cache
def collapsed(name):
    """The spellings in which every forced run is the tokenizer's own."""
    toy = TOYS[name]()

    def follows(tokens):
        at = 0
        while at < len(tokens):
            run = runs(toy, tokens[:at])
            if tokens[at : at + len(run)] != run:
                return False
            at += max(len(run), 1)
        return True

    return frozenset(filter(follows, toy.sequences))


def expected(toy, seed):
    """(the table, what is left of the language, likeliest first)"""
    table, everything = language(toy, seed)
    return table, [one for one in everything if one.tokens in collapsed(toy.name)]


def assert_the_same(found, exact):
    assert [one.tokens for one in found] == [one.tokens for one in exact]
    assert all(math.isclose(a.scores.raw, b.raw, abs_tol=1e-4) for a, b in zip(found, exact, strict=True))


def test_runs_leave_a_spelling_of_each_text(toy):
    assert {toy.text(tokens) for tokens in collapsed(toy.name)} == toy.texts
    assert toy.name == "regular" or len(collapsed(toy.name)) < len(toy.sequences)


def test_a_wide_beam_finds_all_of_them_in_order(toy):
    for seed in SEEDS:
        table, exact = expected(toy, seed)
        wide = Beam(toy.widest, ends="any", distinct="tokens")
        assert_the_same(find(toy, table, wide, forced_runs=True), exact)


def hold_astar(toy, seed):
    table, exact = expected(toy, seed)
    for batch, dive in ((1, False), (5, True)):
        strategy = AStar(batch=batch, dive=dive, distinct="tokens")
        found = find(toy, table, strategy, forced_runs=True, n=3, trace=True)
        assert_the_same(found, exact[:3])
        notes = found[0].search.notes
        assert notes["optimal"]
        steps = notes["trajectory"]
        assert all(before[2] >= after[2] - 1e-9 for before, after in pairwise(steps))
        optimum = exact[min(3, len(exact)) - 1].raw
        assert all(low <= optimum + 1e-4 and high >= optimum - 1e-4 for _, low, high in steps)


def test_astar_proves_the_best_of_them(toy):
    for seed in SEEDS:
        hold_astar(toy, seed)


def test_a_bound_that_counts_a_run_twice_is_caught(monkeypatch):
    """Mutant: reading a run costs it once more, so that what was found looks better than what waits."""
    original = search_module.Search.family

    def twice(self, hypothesis, extension):
        family = original(self, hypothesis, extension)
        object.__setattr__(family.hypothesis, "raw", family.hypothesis.raw + sum(extension.rest))
        return family

    monkeypatch.setattr(search_module.Search, "family", twice)
    with pytest.raises(AssertionError):
        [hold_astar(TOYS["json"](), seed) for seed in SEEDS]


def test_a_lattice_without_merges_enumerates_them(toy):
    for seed in SEEDS:
        table, exact = expected(toy, seed)
        strategy = LatticeSearch(10_000, suffix=None, siblings=None)
        found = find(toy, table, strategy, forced_runs=True, n=5)
        paths = list(found[0].search.notes["lattice"].paths())
        assert [path.tokens for path in paths] == [one.tokens for one in exact]
        assert all(math.isclose(a.raw, b.raw, abs_tol=1e-4) for a, b in zip(paths, exact, strict=True))


@pytest.mark.parametrize("suffix", [0, 1, 4])
def test_every_path_of_a_merged_lattice_is_one_of_them(toy, suffix):
    for seed in SEEDS:
        table, exact = expected(toy, seed)
        own = {one.tokens: one.raw for one in exact}
        found = find(toy, table, LatticeSearch(suffix=suffix), forced_runs=True, n=5)
        for path in found[0].search.notes["lattice"].paths():
            assert path.tokens in own
            assert not path.exact or math.isclose(path.raw, own[path.tokens], abs_tol=1e-4)
        assert all(math.isclose(one.scores.raw, own[one.tokens], abs_tol=1e-4) for one in found)


def test_drawing_more_than_there_are_gives_them_all_with_a_distribution(toy):
    for seed in SEEDS:
        table, exact = expected(toy, seed)
        found = find(toy, table, StochasticBeam(), forced_runs=True, n=len(exact) + 1, seed=seed)
        assert {one.tokens for one in found} == {one.tokens for one in exact}
        assert math.isclose(sum(math.exp(one.scores.local) for one in found), 1, rel_tol=1e-4)
        assert math.isclose(sum(one.notes["weight"] for one in found), 1, rel_tol=1e-4)


PHRASES = {"regular": ("cab", "ba"), "dyck": ("[]", "()"), "json": ("[", "1")}


def test_a_wide_phrase_beam_finds_the_intersection(toy):
    phrases = PHRASES[toy.name]
    for seed in SEEDS:
        table, exact = expected(toy, seed)
        wanted = [one for one in exact if all(phrase in one.text for phrase in phrases)]
        found = find(toy, table, PhraseBeam(phrases, 500, distinct="tokens"), forced_runs=True)
        assert_the_same(found, wanted)
