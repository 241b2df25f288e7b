"""The most probable filling of a canvas: what the holes hold together, not one by one.

In: a canvas and, for some of its holes, the logarithms of independent token probabilities. Out: tokens for these holes
so that the canvas stays completable and the product of their probabilities is the greatest there is. Holes without
probabilities may become anything and cost nothing, so a block in the middle need only leave a completable rest
(a *live* state), and one at the end an accepted text.

Construction: DINGO (Suresh et al., NeurIPS 2025, arXiv 2505.23061), dynamic programming over (cell, state) with
V(q, q') = max over tokens that lead from q to q'. Here the states are interned states of any constraint, so the same
lines serve regular languages, JSON and context-free ones, whose states carry their stacks. With `open_cost` a hole may
also stay open for that weight, as the mask symbol does there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from treadle.errors import UnsatisfiableConstraint, UnsupportedFeature
from treadle.infilling.cells import Fixed, Hole
from treadle.infilling.completability import Canvas

Scores = Mapping[int, NDArray[np.floating]]
#: State -> weight of the best way, the state before, the token (None: any).
_Layer = dict[int, tuple[float, int, "int | None"]]


def best_filling(
    canvas: Canvas, scores: Scores, *, open_cost: Mapping[int, float] | None = None
) -> tuple[dict[int, int | None], float]:
    """The tokens of the holes in `scores` (float[V] by cell), and the sum of their scores.

    Of equally good ways the first in order of states and tokens. A hole that stays open is None. Raises
    UnsatisfiableConstraint where nothing of finite score completes the canvas, LimitExceeded as masks do.
    """
    if any(not isinstance(cell, (Fixed, Hole)) for cell in canvas.cells):
        raise UnsupportedFeature("the most probable filling of a canvas with gaps of any length")
    if not canvas.is_completable:
        raise UnsatisfiableConstraint("nothing completes this canvas")
    layers: list[_Layer] = [{int(canvas.automaton.start): (0.0, -1, None)}]
    # Behind the last hole with a score only being alive matters.
    last = max(scores, default=-1)
    for i in range(last + 1):
        layers.append(_extend(canvas, i, layers[i], scores.get(i), (open_cost or {}).get(i)))
    if not layers[-1]:
        raise UnsatisfiableConstraint("every filling of this canvas has a token of probability 0")
    state = max(layers[-1], key=lambda s: layers[-1][s][0])
    total = layers[-1][state][0]
    found: dict[int, int | None] = {}
    for i in range(last, -1, -1):
        _, before, token = layers[i + 1][state]
        if i in scores:
            found[i] = token
        state = before
    return dict(sorted(found.items())), total


def _extend(
    canvas: Canvas, i: int, layer: _Layer, scores: NDArray[np.floating] | None, open_cost: float | None
) -> _Layer:
    """The best ways through one more cell."""
    out: _Layer = {}
    for state, (weight, _, _) in layer.items():
        for reached, tokens in canvas.choices(i, state):
            token: int | None = None
            gain = 0.0
            if scores is not None:
                best = int(tokens[int(np.argmax(scores[tokens]))])
                token, gain = best, float(scores[best])
                if open_cost is not None and open_cost > gain:
                    token, gain = None, open_cost
            if gain == -math.inf or (reached in out and out[reached][0] >= weight + gain):
                continue
            if canvas.is_alive(i + 1, reached):
                out[reached] = weight + gain, state, token
    return out
