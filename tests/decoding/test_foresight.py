"""Foresight sampling (phi-decoding) on toys: its limits are plain sampling and a beam by steps."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest

from decoding.chances import chi_square
from decoding.searching import PROMPT, find
from decoding.toys import TOYS, Table, enumerate_language, score
from treadle.decoding import foresight
from treadle.decoding.clusters import clusters, weighted
from treadle.decoding.components import Check
from treadle.decoding.foresight import PhiDecoding, Step, pruned, softmax, weights
from treadle.decoding.strategies import named
from treadle.decoding.units import counter
from treadle.errors import InvalidConstraint

#: Every byte is a step.
EVERY = len


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


def test_one_beam_and_one_candidate_is_plain_sampling(toy):
    table = Table(len(toy.vocabulary), 1)
    exact: Counter[str] = Counter()
    for one in enumerate_language(toy, table, PROMPT):
        exact[one.text] += math.exp(one.local)
    strategy = PhiDecoding(1, 1, most=3, temperature=1.0, unit=EVERY)
    seen = Counter(find(toy, table, strategy, n=1, seed=seed)[0].text for seed in range(250))
    assert chi_square(seen, exact) > 1e-4
    # The control: at another temperature the draws are others.
    cold = PhiDecoding(1, 1, most=3, temperature=0.4, unit=EVERY)
    seen = Counter(find(toy, table, cold, n=1, seed=seed)[0].text for seed in range(250))
    assert chi_square(seen, exact) < 1e-4


def test_without_foresight_the_likeliest_steps_are_kept(toy, monkeypatch):
    kept = []
    real = foresight.pruned

    def watch(steps, *rest):
        kept.append(steps)
        return real(steps, *rest)

    monkeypatch.setattr(foresight, "pruned", watch)
    for seed in range(5):
        kept.clear()
        table = Table(len(toy.vocabulary), seed)
        strategy = PhiDecoding(2, 6, most=1, unit=EVERY, foresight=0, sigmas=100.0)
        found = find(toy, table, strategy, seed=seed)
        best = sorted(kept[0], key=lambda one: -one.step)[:2]
        begun = [one.hypothesis.data.decode() for one in best]
        assert all(any(one.text.startswith(text) for text in begun) for one in found)
        for one in kept[0]:
            tokens = one.hypothesis.tokens
            local = (
                score_prefix(toy, table, tokens)
                if not one.hypothesis.finished
                else score(toy, table, tokens, PROMPT).local
            )
            assert math.isclose(one.step, local / max(one.hypothesis.free, 1), abs_tol=1e-4)


def score_prefix(toy, table, tokens) -> float:
    """Local score of a prefix."""
    total = 0.0
    for k, token in enumerate(tokens):
        row = table.log_probs((*PROMPT, *tokens[:k]))
        total += row[token] - np.logaddexp.reduce(row[sorted(toy.allowed[tokens[:k]])])
    return total


@pytest.mark.parametrize(
    "options", [{}, {"foresight": 2}, {"foresight": 0}, {"most": 2}, {"share": 1.0, "least": 1}]
)
def test_texts_are_valid_different_and_repeatable(toy, options):
    strategy = PhiDecoding(3, 3, unit=EVERY, **options)
    for seed in range(4):
        table = Table(len(toy.vocabulary), seed)
        for room in (50, 8):
            found = find(toy, table, strategy, seed=seed, max_tokens=room)
            assert found and len({one.text for one in found}) == len(found) <= 3
            for one in found:
                assert one.text in toy.texts and len(one.tokens) <= room
                exact = score(toy, table, one.tokens, PROMPT)
                assert math.isclose(one.scores.local, exact.local, abs_tol=1e-4)
                assert math.isclose(one.scores.raw, exact.raw, abs_tol=1e-4)
            again = find(toy, table, strategy, seed=seed, max_tokens=room)
            assert [one.tokens for one in again] == [one.tokens for one in found]


def test_beams_of_a_step_are_different(toy, monkeypatch):
    chosen = []
    real = foresight.Stepping._chosen
    monkeypatch.setattr(
        foresight.Stepping,
        "_chosen",
        lambda self, steps, shares: chosen.append(real(self, steps, shares)) or chosen[-1],
    )
    for seed in range(5):
        find(toy, Table(len(toy.vocabulary), seed), PhiDecoding(3, 4, unit=EVERY), seed=seed)
    assert chosen and all(len(set(places)) == len(places) <= 3 for places in chosen)


def test_a_limit_and_checks_are_kept_to(toy):
    table = Table(len(toy.vocabulary), 0)
    cut = find(toy, table, PhiDecoding(unit=EVERY), expansions=9, seed=0)
    assert all(one.text in toy.texts and one.search.ended == "expansions" for one in cut)
    assert find(toy, table, PhiDecoding(unit=EVERY), checks=(Check(lambda text: False),)) == []
    short = Check(lambda text: len(text) < 6, "partial")
    assert all(
        len(one.text) < 6 for one in find(toy, table, PhiDecoding(unit=EVERY), checks=(short,), seed=1)
    )


def test_chances_sum_to_one_and_rise_with_advantage_and_agreement():
    rng = np.random.default_rng(0)
    for _ in range(100):
        advantages, shares = rng.normal(size=5), rng.random(5)
        found = weights(advantages, shares, 0.6, 0.6)
        assert math.isclose(found.sum(), 1.0) and (found > 0).all()
        assert weights(advantages, np.ones(5), 0.6, 0.6).argmax() == advantages.argmax()
        assert weights(np.ones(5), shares, 0.6, 0.6).argmax() == shares.argmax()
    assert np.allclose(softmax(np.array([0.0, math.log(3)])), [0.25, 0.75])


def test_width_pruning_leaves_enough():
    rng = np.random.default_rng(0)
    steps = [Step(None, value) for value in (-1.0, -1.1, -0.9, -5.0)]
    assert [one.step for one in pruned(steps, 2, 1.0, rng)] == [-1.0, -1.1, -0.9]
    assert len(pruned(steps, 4, 1.0, rng)) == 4
    assert len(pruned([Step(None, -1.0)] * 3, 1, 1.0, rng)) == 3
    assert len(pruned(steps, 9, 0.0, rng)) == 4


def test_texts_that_are_alike_are_together():
    texts = ["a cat sat", "a cat sat", "the cat sat", "return x + 1", "return x + 2", "[1, 2]"]
    for seed in range(10):
        found = clusters(texts, 3, np.random.default_rng(seed))
        assert found[0] == found[1] and len(set(found)) <= 3
    assert clusters(["x"] * 4, 3, np.random.default_rng(0)) == [0] * 4
    assert clusters(["x", "y"], 3, np.random.default_rng(0)) == [0, 1]
    points = weighted(texts)
    assert np.allclose(np.linalg.norm(points, axis=1), 1) and np.allclose(points[0], points[1])
    assert weighted(["", ""]).shape == (2, 1)


@pytest.mark.parametrize(
    ("unit", "text", "count"),
    [
        ("line", "a\nb\n\n", 3),
        ("statement", "x = f(1,\n  2)\n\ny = 'a;b'; z", 2),
        ("statement", "s = 'it\\'s\n'\n", 1),
        ("member", '{"a": [1, 2], "b": "x,y", "c": {}}', 3),
        ("member", '{"a": {"b": 1}}', 2),
        ("member", "{}", 0),
        ("element", '[1, [2, 3], "a,]", {"a": 1, "b": 2}]', 6),
        ("element", "[]", 0),
    ],
)
def test_units_are_counted(unit, text, count):
    assert counter(unit)(text.encode()) == count
    counts = [counter(unit)(text.encode()[:k]) for k in range(len(text) + 1)]
    assert counts == sorted(counts)


def test_units_of_json_are_its_values():
    rng = np.random.default_rng(0)

    def value(depth):
        kind = int(rng.integers(4 if depth else 2))
        if kind == 2:
            return [value(depth - 1) for _ in range(rng.integers(4))]
        if kind == 3:
            return {str(k): value(depth - 1) for k in range(rng.integers(4))}
        return ["a,b]}", 1][kind]

    def inside(found, kind):
        parts = list(found.values()) if isinstance(found, dict) else found if isinstance(found, list) else []
        return (len(parts) if isinstance(found, kind) else 0) + sum(inside(part, kind) for part in parts)

    for _ in range(200):
        found = value(3)
        text = json.dumps(found).encode()
        assert (counter("member")(text), counter("element")(text)) == (
            inside(found, dict),
            inside(found, list),
        )


def test_options_are_checked_and_named():
    assert named("phi:beams=2,unit=member") == PhiDecoding(beams=2, unit="member")
    for options in ({"beams": 0}, {"temperature": 0.0}, {"share": 0.0}, {"unit": "word"}, {"foresight": -1}):
        with pytest.raises(InvalidConstraint):
            PhiDecoding(**options)
