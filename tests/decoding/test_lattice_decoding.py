"""Lattice decoding: every path is in the language, nothing is lost without merges, scores are the model's."""

from __future__ import annotations

import numpy as np
import pytest

from decoding.toys import TOYS, Bigram, Table, enumerate_language
from treadle.decoding import lattice_decoding as module
from treadle.decoding.lattice_decoding import LatticeSearch
from treadle.decoding.problem import Problem
from treadle.decoding.solving import solve
from treadle.decoding.tables import TableModel

PROMPT = (0,)


def search(toy, model, strategy, n=5, max_tokens=20, forced_runs=False):
    problem = Problem(PROMPT, toy.automaton, toy.vocabulary, max_tokens, n=n, forced_runs=forced_runs)
    [found] = solve(TableModel(toy.vocabulary, model.log_probs), [problem], strategy)
    return found, found[0].search.notes["lattice"]


def hold_paths(toy, seed, suffix, max_tokens=20):
    model = Table(len(toy.vocabulary), seed)
    own = {one.tokens: one for one in enumerate_language(toy, model, PROMPT)}
    found, lattice = search(toy, model, LatticeSearch(suffix=suffix), max_tokens=max_tokens)
    paths = list(lattice.paths())
    assert {path.tokens for path in paths} <= set(own)
    assert lattice.count() == len({path.tokens for path in paths})
    assert all(len(path.tokens) <= max_tokens for path in paths)
    assert all(abs(path.raw - own[path.tokens].raw) < 1e-4 for path in paths if path.exact)
    assert all(abs(one.scores.raw - own[one.tokens].raw) < 1e-4 for one in found)
    assert [one.scores.raw for one in found] == sorted((one.scores.raw for one in found), reverse=True)
    return lattice


@pytest.mark.parametrize("suffix", [0, 1, 4])
@pytest.mark.parametrize("toy", TOYS)
def test_every_path_is_a_text_of_the_language(toy, suffix):
    for seed in range(6):
        hold_paths(TOYS[toy](), seed, suffix)


@pytest.mark.slow
@pytest.mark.parametrize("toy", TOYS)
def test_every_path_is_a_text_of_the_language_for_all_seeds(toy):
    for seed in range(100):
        hold_paths(TOYS[toy](), seed, seed % 3)


@pytest.mark.parametrize("toy", TOYS)
def test_no_path_is_longer_than_the_budget(toy):
    toy = TOYS[toy]()
    for seed in range(6):
        hold_paths(toy, seed, 0, max_tokens=min(map(len, toy.sequences)) + 2)


@pytest.mark.parametrize("toy", TOYS)
def test_without_merges_the_language_is_enumerated_by_score(toy):
    toy = TOYS[toy]()
    for seed in range(6):
        model = Table(len(toy.vocabulary), seed)
        expected = enumerate_language(toy, model, PROMPT)
        _, lattice = search(toy, model, LatticeSearch(10_000, suffix=None, siblings=None))
        paths = list(lattice.paths())
        assert [path.tokens for path in paths] == [one.tokens for one in expected]
        assert np.allclose([path.raw for path in paths], [one.raw for one in expected], atol=1e-4)


@pytest.mark.parametrize("toy", TOYS)
def test_merging_loses_nothing_where_the_model_looks_back_no_further(toy):
    toy = TOYS[toy]()
    model = Bigram(len(toy.vocabulary), 0)
    expected = {one.tokens: one.raw for one in enumerate_language(toy, model, PROMPT)}
    _, lattice = search(toy, model, LatticeSearch(10_000, suffix=1, siblings=None))
    assert all(abs(path.raw - expected[path.tokens]) < 1e-4 for path in lattice.paths())


def test_merging_expands_less_for_as_many_texts():
    toy = TOYS["regular"]()
    model = Table(len(toy.vocabulary), 0)
    merged, lattice = search(toy, model, LatticeSearch(10_000, suffix=0, siblings=None))
    alone, tree = search(toy, model, LatticeSearch(10_000, suffix=None, siblings=None))
    assert lattice.count() == tree.count() and merged[0].search.notes["merges"] > 0
    assert merged[0].search.expansions < alone[0].search.expansions


def test_merging_by_the_suffix_alone_is_caught(monkeypatch):
    monkeypatch.setattr(
        module.Growth, "_key", lambda self, one: (0, one.tokens[len(one.tokens) - self.strategy.suffix :])
    )
    # A path that leaves the language fails where it is scored anew, before it can be compared.
    with pytest.raises((AssertionError, ValueError)):
        hold_paths(TOYS["dyck"](), 0, 1)
