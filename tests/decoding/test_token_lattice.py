"""Counting, ranking and drawing the paths of a lattice, against writing all of them out."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from decoding.chances import chi_square
from treadle.decoding.token_lattice import Lattice


def random_lattice(seed, nodes=12):
    """A lattice grown and merged at random; some nodes lead nowhere."""
    rng = np.random.default_rng(seed)
    lattice = Lattice()
    for _ in range(nodes):
        source = int(rng.integers(len(lattice.edges)))
        used = {edge.tokens[0] for edge in lattice.edges[source]}
        tokens = tuple(rng.integers(0, 6, size=rng.integers(1, 3)).tolist())
        if tokens[0] in used:
            continue
        target = int(rng.integers(len(lattice.edges)))
        raw = -float(rng.random()) * 3
        if target and rng.random() < 0.4 and not lattice.leads_to(target, source):
            lattice.join(source, target, tokens, raw)
        else:
            lattice.grow(source, tokens, raw)
    for node in range(len(lattice.edges)):
        if rng.random() < 0.4:
            lattice.ends[node] = -float(rng.random())
    return lattice


def written_out(lattice, node=0):
    """Every path by recursion: (tokens, score)."""
    found = [((), lattice.ends[node])] if node in lattice.ends else []
    for edge in lattice.edges[node]:
        found += [((*edge.tokens, *rest), edge.raw + raw) for rest, raw in written_out(lattice, edge.target)]
    return found


@pytest.mark.parametrize("seed", range(60))
def test_paths_are_counted_and_ranked_as_if_written_out(seed):
    lattice = random_lattice(seed)
    expected = sorted(written_out(lattice), key=lambda path: -path[1])
    found = list(lattice.paths())
    assert lattice.count() == len(expected) == len(found)
    assert np.allclose([path.raw for path in found], [raw for _, raw in expected])
    assert Counter(path.tokens for path in found) == Counter(tokens for tokens, _ in expected)
    assert [path.tokens for path in lattice.best(3)] == [path.tokens for path in found[:3]]


@pytest.mark.parametrize("seed", range(60))
def test_depth_and_height_are_the_longest_paths(seed):
    lattice = random_lattice(seed)

    def longest(node):
        return max((len(edge.tokens) + longest(edge.target) for edge in lattice.edges[node]), default=0)

    depths = {0: 0}
    waiting = [0]
    while waiting:
        node = waiting.pop()
        for edge in lattice.edges[node]:
            depths[edge.target] = max(depths.get(edge.target, 0), depths[node] + len(edge.tokens))
            waiting.append(edge.target)
    assert [lattice.depth[node] for node in depths] == list(depths.values())
    assert all(lattice.height(node) == longest(node) for node in depths)


def test_every_text_is_drawn_equally_often():
    lattice = next(found for seed in range(99) if 6 < (found := random_lattice(seed)).count() < 40)
    rng = np.random.default_rng(0)
    texts = [tokens for tokens, _ in written_out(lattice)]
    counts = Counter(lattice.sample(rng) for _ in range(200 * len(texts)))
    shares = {text: count / len(texts) for text, count in Counter(texts).items()}
    assert chi_square(counts, shares) > 1e-4


def test_a_path_through_a_merge_is_not_exact():
    lattice = Lattice()
    left, right = lattice.grow(0, (1,), -1.0), lattice.grow(0, (2,), -2.0)
    end = lattice.grow(left, (3,), -0.5)
    lattice.join(right, end, (4,), -0.25)
    lattice.ends[end] = 0.0
    assert [(path.tokens, path.raw, path.exact) for path in lattice.paths()] == [
        ((1, 3), -1.5, True),
        ((2, 4), -2.25, False),
    ]


def test_a_cycle_is_seen_before_it_is_closed():
    lattice = Lattice()
    one = lattice.grow(0, (1,), 0.0)
    two = lattice.grow(one, (2,), 0.0)
    side = lattice.grow(0, (3,), 0.0)
    assert lattice.leads_to(one, two) and lattice.leads_to(0, two) and lattice.leads_to(two, two)
    assert not lattice.leads_to(two, one) and not lattice.leads_to(side, two)


def test_more_texts_than_can_be_written_out_are_counted():
    lattice = Lattice()
    node = 0
    for _ in range(500):
        behind = lattice.grow(node, (0,), math.log(0.5))
        lattice.join(node, behind, (1,), math.log(0.5))
        node = behind
    lattice.ends[node] = 0.0
    assert lattice.count() == 2**500
    assert len(lattice.sample(np.random.default_rng(0))) == 500
    assert len(list(lattice.best(5))) == 5
