"""Every strategy on the bundled model: texts of the constraint, distinct, with the scores of an independent forward."""

from __future__ import annotations

import re

import pytest

import treadle
from treadle.integrations.models import load

pytestmark = pytest.mark.model

PATTERN = r"(red|green|dark blue) (cat|dog|elephant)s?"
PROMPT = "Name a colour and an animal:"
STRATEGIES = (
    treadle.Beam(width=4),
    treadle.AStar(),
    treadle.StochasticBeam(),
    treadle.LatticeSearch(expansions=60),
    treadle.Lookahead(["dog"], 3),
    treadle.MBR(6),
    treadle.ChunkedAStar(lambda text: min(len(text) / 20, 1.0), chunk=4, states=6),
)


def raw_score(tokens):
    """Log p of a text and its end by one plain forward pass of transformers."""
    import torch

    model = load(None)
    prompt = model.encode(PROMPT)
    ids = torch.tensor([[*prompt, *tokens, model.vocabulary.eos_ids[0]]])
    with torch.inference_mode():
        log_probs = torch.log_softmax(model.model(ids).logits[0].double(), -1)
    places = range(len(prompt), ids.shape[1])
    return float(sum(log_probs[place - 1, ids[0, place]] for place in places))


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda one: type(one).__name__)
def test_a_strategy_gives_distinct_texts_with_true_scores(strategy):
    found = treadle.generate(
        PROMPT, regex=PATTERN, strategy=strategy, n=3, max_tokens=12, seed=1, return_results=True
    )
    assert found and all(re.fullmatch(PATTERN, one.text) for one in found)
    assert len({one.tokens for one in found}) == len(found)
    for one in found:
        assert one.scores.raw == pytest.approx(raw_score(one.tokens), abs=1e-4)


def test_what_astar_proves_no_other_strategy_beats():
    options = {"regex": "(red|blue) (cat|dog)", "max_tokens": 8, "return_results": True, "seed": 2}
    [best] = treadle.generate(PROMPT, strategy=treadle.AStar(), **options)
    assert best.search.notes["optimal"], best.search.notes
    for strategy in (treadle.Beam(width=4), treadle.StochasticBeam(), treadle.LatticeSearch(expansions=40)):
        for one in treadle.generate(PROMPT, strategy=strategy, n=3, **options):
            assert one.scores.raw <= best.scores.raw + 1e-3
