"""Adaptive parallel decoding (APD): a masked-diffusion model drafts from left to right, a small causal model verifies.

In a pass the diffusion model gives the marginals of the next cells. With one draw of Gumbel noise for each cell, the
draft is the arg max of its logits and noise, the *target* the arg max of ratio x diffusion + (1 - ratio) x causal
log-probabilities and the same noise. The longest prefix on which both agree is taken, and the target at its end; so at
least one token stands after each pass. Lossy by design: the target is the mixture, not either model.

Source: APD's published code, except that the target is drawn with the temperature of the draft: with the default of
that function, which is 0, noise and target are no longer coupled. Under a constraint both are the arg max over the mask
that is exact for what is left of the canvas, so every prefix stays completable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.diffusion.decoding import Decoded, text_of
from treadle.diffusion.protocols import MaskedModel
from treadle.diffusion.samplers import log_softmax
from treadle.diffusion.steps import Commit
from treadle.errors import UnsatisfiableConstraint
from treadle.infilling.cells import HOLE
from treadle.infilling.completability import Canvas
from treadle.infilling.limits import Limits
from treadle.masks import bitset


class CausalScorer(Protocol):
    """A causal model that scores all positions of a row in one pass."""

    def __call__(self, row: Sequence[int]) -> NDArray[np.floating]:
        """float[n, V]: logits of the token behind each position."""


@dataclass(frozen=True)
class Apd:
    """`ratio`: the diffusion model's share in the target; `lookahead`: most cells drafted in a pass."""

    ratio: float = 0.5
    lookahead: int = 16
    temperature: float = 0.0


def decode_verified(
    model: MaskedModel,
    causal: CausalScorer,
    prompt: Sequence[int],
    cells: int,
    options: Apd | None = None,
    automaton: Any = None,
    *,
    seed: int = 0,
    limits: Limits | None = None,
) -> Decoded:
    """Fill `cells` cells behind a prompt, which must not be empty. `forwards` counts the diffusion model's passes."""
    chosen = options or Apd()
    canvas = Canvas(automaton, [HOLE] * cells, limits=limits) if automaton is not None else None
    if canvas is not None and not canvas.is_completable:
        raise UnsatisfiableConstraint("no text of this constraint fits the canvas", found=f"{cells} cells")
    ends = frozenset(model.vocabulary.eos_ids)
    tokens: list[int] = []
    commits: list[Commit] = []
    passes = 0
    while len(tokens) < cells and not (tokens and tokens[-1] in ends):
        row = [*prompt, *tokens, *[model.mask_id] * (cells - len(tokens))]
        start, count = len(prompt) + len(tokens), min(chosen.lookahead, cells - len(tokens))
        wide = log_softmax(_without(model.logits([row])[0][start : start + count], model.mask_id))
        noise = _noise(chosen.temperature, wide.shape, seed, len(tokens))
        drafted = _greatest(canvas, len(tokens), wide + noise)
        narrow = log_softmax(
            _without(causal([*row[:start], *drafted])[start - 1 : start - 1 + count], model.mask_id)
        )
        mixed = _mix(chosen.ratio, wide, narrow) + noise
        target = _greatest(canvas, len(tokens), mixed, drafted)
        for token in target:
            if canvas is not None:
                canvas.commit(len(tokens), token)
            commits.append(Commit(passes, len(tokens), token))
            tokens.append(token)
            if token in ends:
                break
        passes += 1
    tokens += [min(ends)] * (cells - len(tokens)) if ends else []
    return Decoded(tuple(tokens), text_of(model, tokens), passes, passes, tuple(commits), 0, 0)


def _noise(temperature: float, shape: tuple[int, ...], seed: int, cell: int) -> NDArray[np.float64]:
    if temperature <= 0:
        return np.zeros(shape)
    # By cell, so that a cell that is drafted again meets the noise that it met before.
    rows = [
        -np.log(-np.log(np.random.default_rng([seed, cell + k]).random(shape[1]))) for k in range(shape[0])
    ]
    return temperature * np.array(rows)


def _mix(ratio: float, wide: NDArray[np.float64], narrow: NDArray[np.float64]) -> NDArray[np.float64]:
    # 0 times the -inf of a forbidden token would be no number.
    if ratio in {0.0, 1.0}:
        return wide if ratio else narrow
    return ratio * wide + (1 - ratio) * narrow


def _without(logits: NDArray[np.floating], token: int) -> NDArray[np.float64]:
    out = np.array(logits, np.float64)
    out[:, token] = -np.inf
    return out


def _greatest(
    canvas: Canvas | None, first: int, scores: NDArray[np.float64], drafted: Sequence[int] | None = None
) -> list[int]:
    """The best tokens from a cell on, each allowed behind those before; up to where they leave `drafted`, inclusive."""
    here = canvas.fork() if canvas is not None else None
    out: list[int] = []
    for k, row in enumerate(scores):
        best = row
        if here is not None:
            allowed = np.zeros(len(row), bool)
            allowed[bitset.to_tokens(here.mask(first + k))] = True
            best = np.where(allowed, row, -np.inf)
        token = int(np.argmax(best))
        out.append(token)
        if drafted is not None and token != drafted[k]:
            break
        if here is not None:
            here.commit(first + k, token)
    return out
