"""The tree of prefixes: what it says is what the table says, each token is read once, and memory holds its limit."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from treadle.decoding.prefixes import EMPTY, PrefixTree
from treadle.decoding.tables import TokenStore, random_table
from treadle.errors import LimitExceeded

SIZE = 4
TABLE = random_table(SIZE, 5)


def log_p(prefix, token):
    row = TABLE(tuple(prefix)).astype(float)
    return row[token] - np.logaddexp.reduce(row)


class Watched(TokenStore):
    """Counts how often each prefix is read."""

    def __init__(self, table):
        super().__init__(table)
        self.read = []

    def forward(self, batch, rows, scored):
        answer = super().forward(batch, rows, scored)
        for path, new in zip(batch.paths, batch.tokens, strict=True):
            tokens = [self.tokens[slot] for slot in path]
            self.read += [tuple(tokens[: k + 1]) for k in range(len(path) - len(new), len(path))]
        return answer


def tree(memory=None):
    return PrefixTree(Watched(TABLE), memory)


def check(extension, before, run, scored):
    assert np.array_equal(extension.logits, TABLE((*before, *run)))
    assert len(extension.rest) == scored
    for k, found in enumerate(extension.rest):
        at = len(run) - scored + k
        assert math.isclose(found, log_p((*before, *run[:at]), run[at]), abs_tol=1e-5)


@pytest.mark.parametrize("memory", [None, 40, 22, 16])
@pytest.mark.parametrize("seed", range(25))
def test_any_prefixes_and_runs_give_what_the_table_says(seed, memory):
    ours, rng = tree(memory), np.random.default_rng(seed)
    known = [(EMPTY, ())]
    for _ in range(15):
        picked = [known[k] for k in rng.integers(0, len(known), rng.integers(1, 5))]
        picked = [one for one in picked if len(one[1]) < 9] or [(EMPTY, ())]
        if memory is not None:  # what one pass needs has to fit
            picked = picked[: memory // 14 or 1]
        runs = [tuple(rng.integers(0, SIZE, rng.integers(1, 5)).tolist()) for _ in picked]
        scored = [int(rng.integers(0, len(run))) for run in runs]
        found = ours.extend([node for node, _ in picked], runs, scored)
        for (_, before), run, count, extension in zip(picked, runs, scored, found, strict=True):
            check(extension, before, run, count)
            assert ours.tokens(extension.node) == before + run
            known.append((extension.node, before + run))
        assert memory is None or ours.resident <= memory


def test_each_token_is_read_once():
    ours = tree()
    (root,) = ours.extend([EMPTY], [(0, 1, 2)])
    first = ours.extend([root.node] * 3, [(1,), (2,), (1, 3)])
    ours.extend([one.node for one in first], [(0,), (0,), (0,)])
    assert len(ours.store.read) == len(set(ours.store.read)) == ours.counters.computed
    assert (ours.counters.forwards, ours.counters.again) == (3, 0)


def test_a_prefix_in_common_is_read_once_within_one_pass():
    ours = tree()
    found = ours.extend([EMPTY] * 3, [(1, 2, 3, 0), (1, 2, 3, 1), (1, 2)])
    assert ours.counters.computed == 5 and ours.counters.forwards == 1
    for extension, run in zip(found, [(1, 2, 3, 0), (1, 2, 3, 1), (1, 2)], strict=True):
        check(extension, (), run, len(run) - 1)


def test_the_same_hypothesis_twice_costs_nothing():
    ours = tree()
    one, other = ours.extend([EMPTY, EMPTY], [(1, 2), (1, 2)])
    assert one.node == other.node and ours.counters.computed == 2


def test_logits_that_were_seen_cost_one_token_to_see_again():
    ours = tree()
    (one,) = ours.extend([EMPTY], [(1, 2, 3)])
    (again,) = ours.extend([EMPTY], [(1, 2, 3)])
    assert again.node == one.node and again.rest == one.rest
    assert (ours.counters.computed, ours.counters.again) == (4, 1)


def test_what_has_given_way_is_read_again_by_the_pass_that_needs_it():
    ours = tree(8)
    (left,) = ours.extend([EMPTY], [(1, 2, 3, 0, 1)])
    ours.extend([EMPTY], [(2, 2, 3, 0, 1, 3)])
    assert ours.counters.evicted == 3 and ours.resident == 8
    (found,) = ours.extend([left.node], [(2,)])
    check(found, (1, 2, 3, 0, 1), (2,), 0)
    assert ours.counters.again == 3 and ours.resident == 8


def test_a_pass_that_does_not_fit_says_what_would():
    with pytest.raises(LimitExceeded, match="memory=6"):
        tree(5).extend([EMPTY], [(1, 2, 3, 0, 1, 2)])


def test_all_words_of_a_tree_at_once():
    ours = tree()
    words = list(itertools.product(range(SIZE), repeat=3))
    for word, extension in zip(words, ours.extend([EMPTY] * len(words), words), strict=True):
        check(extension, (), word, 2)
    assert ours.counters.computed == SIZE + SIZE**2 + SIZE**3


def test_a_wrong_slot_would_be_noticed():
    class Swapped(PrefixTree):
        def _path(self, node):
            return super()._path(node)[::-1]

    with pytest.raises(AssertionError, match="another prefix"):
        Swapped(TokenStore(TABLE)).extend([EMPTY], [(1, 2, 3)])
