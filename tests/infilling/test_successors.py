"""Samples of edges: part of the edges, the same tokens whatever was asked before."""

from __future__ import annotations

import pytest

from treadle.infilling import successors
from treadle.infilling.successors import Successors


@pytest.fixture(scope="module")
def by_name(toys):
    return {toy.name: toy for toy in toys.toys()}


@pytest.fixture
def small(monkeypatch):
    """Every vocabulary is too large to be looked at whole."""
    monkeypatch.setattr(successors, "CHUNK", 3)


def reached(edges, start, depth):
    """States within some tokens of the start."""
    states = [start]
    for _ in range(depth):
        states = list(dict.fromkeys([*states, *(t for s in states for t in edges(s).targets)]))
    return states


@pytest.mark.parametrize(
    "name", ["dyck-long-tokens", "two-brackets", "regular", "numbers", "nested", "names"]
)
def test_samples_are_edges(small, by_name, name):
    automaton = by_name[name].automaton
    edges = Successors(automaton)
    found = 0
    for state in reached(edges, int(automaton.start), 3):
        whole, some = edges(state), edges.samples(state)
        for k, target in enumerate(some.targets):
            assert target in whole.targets
            assert set(some.group(k)) <= set(whole.group(whole.targets.index(target)))
            found += 1
    assert found


def test_the_sampled_tokens_do_not_hang_on_what_was_asked_before(small, by_name):
    automaton = by_name["nested"].automaton
    first, second = Successors(automaton), Successors(automaton)
    for state in reversed(reached(second, int(automaton.start), 3)):
        second(state)
    state = reached(first, int(automaton.start), 2)[-1]
    assert first.samples(state).tokens.tolist() == second.samples(state).tokens.tolist()


def test_tokens_of_one_byte_and_one_of_each_group_are_sampled(small, by_name):
    toy = by_name["nested"]
    edges = Successors(toy.automaton)
    tokens = set(edges._sampled.tolist())
    assert tokens >= {k for k, token in enumerate(toy.tokens) if len(token) == 1}
    start = edges(int(toy.automaton.start))
    assert all(tokens & set(start.group(k).tolist()) for k in range(len(start.targets)))


def test_a_small_vocabulary_is_looked_at_whole(by_name):
    automaton = by_name["nested"].automaton
    edges = Successors(automaton)
    assert edges.samples(int(automaton.start)) is edges(int(automaton.start))
