"""Searches on toys, for the tests of strategies."""

from __future__ import annotations

import math

import numpy as np

from decoding.toys import Table, Toy, enumerate_language
from treadle.decoding.problem import Problem
from treadle.decoding.solving import solve
from treadle.decoding.tables import TableModel

PROMPT = (0,)


def problem(toy: Toy, **options) -> Problem:
    """All spellings, all of the language, unless options say otherwise."""
    given = {"max_tokens": 50, "n": 1000, "forced_runs": False, **options}
    return Problem(PROMPT, toy.automaton, toy.vocabulary, **given)


def find(toy: Toy, table: Table, strategy, **options):
    """The results of one search."""
    return solve(TableModel(toy.vocabulary, table.log_probs), [problem(toy, **options)], strategy)[0]


def language(toy: Toy, seed: int):
    """(the table, all of the language with exact scores, best first)"""
    table = Table(len(toy.vocabulary), seed)
    return table, enumerate_language(toy, table, PROMPT)


def runs(toy, tokens):
    """The run that the automaton forces behind some tokens, end of text left out."""
    state = toy.automaton.start
    for token in tokens:
        state = toy.automaton.advance(state, token)
    return tuple(token for token in toy.automaton.forced(state) if token != toy.end)


def assert_same(found, expected) -> None:
    """The same sequences in the same order, with the same scores."""
    assert [one.tokens for one in found] == [one.tokens for one in expected]
    for one, exact in zip(found, expected, strict=True):
        # Logits are float32.
        assert math.isclose(one.scores.raw, exact.raw, abs_tol=1e-4)
        assert math.isclose(one.scores.local, exact.local, abs_tol=1e-4)


class Permuted:
    """A vocabulary's ids in another order; the table is asked about the old ones."""

    def __init__(self, table: Table, order: np.ndarray) -> None:
        self.table, self.order = table, order

    def log_probs(self, prefix):
        return self.table.log_probs(tuple(int(self.order[token]) for token in prefix))[self.order]
