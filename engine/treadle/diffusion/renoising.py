"""Denoising a canvas of noise, as DiffusionGemma does: no mask symbol, cells are drawn anew until they are accepted.

Every cell of the canvas always holds a token. In a step the model looks at all of them and at its own last logits,
tokens are drawn, those of the least entropy are accepted (EB-sampler's bound) and all others become random tokens
again; what was accepted in a step may be lost in the next. At the end the arg max of the last logits is the text.

Under a constraint the accepted cells of a step are fixed and the others are holes: a token is accepted only if the
canvas stays completable, the next greatest otherwise (as in steps.py). The text is the most probable filling under the
last logits (infilling/viterbi.py), which is the arg max wherever that is in the language.

Source: transformers, models/diffusion_gemma/generation_diffusion_gemma.py (EntropyBoundSampler, _denoising_step,
StableAndConfidentStoppingCriteria). The caller brings one canvas; caches and several canvases are the model's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.diffusion.samplers import entropies, log_softmax
from treadle.infilling.cells import HOLE
from treadle.infilling.completability import Canvas
from treadle.infilling.limits import Limits
from treadle.infilling.viterbi import best_filling

#: A canvas int64[n] and the processed logits of the step before, None at first -> float[n, V].
Denoiser = Callable[[NDArray[np.int64], "NDArray[np.floating] | None"], NDArray[np.floating]]


@dataclass(frozen=True)
class Renoising:
    """The settings of DiffusionGemma's generation config."""

    steps: int = 48
    entropy_bound: float = 0.1
    #: Temperature of the last and of the first step.
    t_min: float = 0.4
    t_max: float = 0.8
    #: Stop where the arg max did not change for so many steps and the mean entropy is below the threshold.
    stability_threshold: int = 1
    confidence_threshold: float = 0.005


@dataclass(frozen=True)
class Denoised:
    """The text of a canvas, and what led to it."""

    tokens: tuple[int, ...]
    forwards: int
    #: Cells accepted in each step.
    accepted: tuple[int, ...]
    #: Tokens that the constraint refused.
    refused: int


def denoise(
    model: Denoiser,
    cells: int,
    size: int,
    options: Renoising | None = None,
    automaton: Any = None,
    *,
    seed: int = 0,
    tail: bool = True,
    pads: Iterable[int] = (),
    limits: Limits | None = None,
) -> Denoised:
    """Denoise one canvas of `cells` cells over `size` tokens."""
    settings = options or Renoising()
    rng = np.random.default_rng(seed)
    empty = (
        Canvas(automaton, [HOLE] * cells, tail=tail, pads=pads, limits=limits)
        if automaton is not None
        else None
    )
    canvas = rng.integers(0, size, cells)
    last: NDArray[np.float64] | None = None
    history: list[NDArray[np.int64]] = []
    accepted: list[int] = []
    refused = 0
    for left in range(settings.steps, 0, -1):
        logits = np.asarray(model(canvas, last), np.float64)
        last = logits / (settings.t_min + (settings.t_max - settings.t_min) * left / settings.steps)
        sure = log_softmax(last)
        scores = sure - np.log(-np.log(rng.random(sure.shape)))
        chosen, missed = _accept(empty, scores, entropies(sure), settings.entropy_bound)
        refused += missed
        accepted.append(len(chosen))
        canvas = rng.integers(0, size, cells)
        for cell, token in chosen.items():
            canvas[cell] = token
        best = last.argmax(axis=-1)
        recent = history[-settings.stability_threshold :] if settings.stability_threshold else []
        stable = len(recent) == settings.stability_threshold and all((best == old).all() for old in recent)
        history.append(best)
        if stable and entropies(sure).mean() < settings.confidence_threshold:
            break
    assert last is not None
    return Denoised(_final(empty, last), len(accepted), tuple(accepted), refused)


def _accept(
    empty: Canvas | None, scores: NDArray[np.float64], entropy: NDArray[np.float64], bound: float
) -> tuple[dict[int, int], int]:
    """The cells of the least entropy within the bound, each with a token; and how many tokens were refused."""
    order = np.argsort(entropy, kind="stable")
    sharp = entropy[order]
    within = order[np.cumsum(sharp) - sharp <= bound]
    if empty is None:
        return {int(cell): int(scores[cell].argmax()) for cell in within}, 0
    canvas, chosen, refused = empty.fork(), {}, 0
    for cell in map(int, within):
        row = scores[cell].copy()
        token = int(row.argmax())
        while not canvas.allows(cell, token):
            refused += 1
            row[token] = -np.inf
            token = int(row.argmax())
        canvas.commit(cell, token)
        chosen[cell] = token
    return chosen, refused


def _final(empty: Canvas | None, logits: NDArray[np.float64]) -> tuple[int, ...]:
    if empty is None:
        return tuple(logits.argmax(axis=-1).tolist())
    sure = log_softmax(logits)
    found, _ = best_filling(empty, dict(enumerate(sure)))
    return tuple(token for token in found.values() if token is not None)
