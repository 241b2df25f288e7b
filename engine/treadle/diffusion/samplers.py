"""Which holes are filled in a step, and with what: the samplers of LLaDA and Dream, and parallel commits.

A sampler is asked three things in a step and keeps no state, so that a step is a function (drafts need that):
`window` says which holes it looks at, `draft` turns their logits into scores of tokens (the choice is the greatest
score) and a priority for each hole and token, `quota` says how many holes are filled.

Randomness is in the scores: what a temperature draws is the arg max of logits with noise (Gumbel-max). So when the
constraint refuses the arg max, the next greatest score is a draw from the distribution without what was refused,
which is exactly the model's distribution under the mask; and where nothing is refused, nothing is different.

Sources: LLaDA, generate.py; Dream, generation_utils.py; Fast-dLLM (threshold); EB-sampler (arXiv 2505.24857), with the
maximum over positions; DINGO (arXiv 2505.23061).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.errors import InvalidConstraint

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Draft:
    """What a sampler makes of the logits of some holes."""

    #: float64[holes, V]: the token with the greatest is chosen.
    scores: Floats
    #: float64[holes, V]: log-probabilities, for joint choices.
    log_probabilities: Floats
    #: How eager hole k is to be filled with a token; greater goes first, ties to the left.
    priority: Callable[[int, int], float]


@dataclass(frozen=True)
class Quota:
    """How many holes: at least `least` and, above that, those of a priority greater than `above`."""

    least: int
    above: float = math.inf


class Sampler(Protocol):
    """A way to fill a canvas in steps."""

    @property
    def joint(self) -> bool:
        """Are the tokens of a step chosen together, as the best valid filling of the window (DINGO)?"""

    def window(self, step: int, open_cells: list[int], length: int) -> list[int] | None:
        """The holes of a step; empty: none in this step; None: there is no such step any more."""

    def draft(self, logits: NDArray[np.floating], rng: np.random.Generator) -> Draft:
        """Scores from float[holes, V]."""

    def quota(self, step: int, draft: Draft, open_cells: list[int], length: int) -> Quota:
        """How many of the window's holes are filled."""


def log_softmax(logits: NDArray[np.floating]) -> Floats:
    """float64, along the last axis."""
    x = np.asarray(logits, np.float64)
    x = x - x.max(axis=-1, keepdims=True)
    return np.asarray(x - np.log(np.exp(x).sum(axis=-1, keepdims=True)), np.float64)


@dataclass(frozen=True)
class Llada:
    """LLaDA: `steps` over blocks of `block_length` from left to right; in a block the surest holes, or random ones.

    One block is pure diffusion, shorter ones are semi-autoregressive. The holes of a block are shared out evenly over
    its steps, the remainder first. Confidence is the probability of the token chosen, without the noise.
    """

    steps: int = 128
    block_length: int | None = None
    temperature: float = 0.0
    remasking: Literal["low_confidence", "random"] = "low_confidence"
    joint: bool = False

    def __post_init__(self) -> None:
        _positive("steps", self.steps)
        _not_negative("temperature", self.temperature)

    def _blocks(self, length: int) -> tuple[int, int]:
        """Cells of a block, steps of a block."""
        size = min(self.block_length or length, length) or 1
        blocks = -(-length // size)
        return size, max(1, self.steps // blocks)

    def window(self, step: int, open_cells: list[int], length: int) -> list[int] | None:
        size, steps = self._blocks(length)
        start = step // steps * size
        if start >= length:
            return None
        return [cell for cell in open_cells if start <= cell < start + size]

    def draft(self, logits: NDArray[np.floating], rng: np.random.Generator) -> Draft:
        scores = np.asarray(logits, np.float64)
        if self.temperature > 0:
            noise = (-np.log(rng.random(scores.shape))) ** self.temperature
            # LLaDA's exp(logits) / noise, as its logarithm, which does not overflow.
            scores = scores - np.log(noise)
        sure = log_softmax(logits)
        if self.remasking == "random":
            order = rng.random(len(scores))
            return Draft(scores, sure, lambda k, token: float(order[k]))
        return Draft(scores, sure, lambda k, token: float(np.exp(sure[k, token])))

    def quota(self, step: int, draft: Draft, open_cells: list[int], length: int) -> Quota:
        _, steps = self._blocks(length)
        # Even shares with the remainder first are what rounding up what is left gives in every step.
        return Quota(-(-len(draft.scores) // (steps - step % steps)))


@dataclass(frozen=True)
class Dream:
    """Dream: time runs from 1 to `eps`; in a step from t to s a share 1 - s / t of the holes is filled.

    `algorithm`: "entropy" and "topk_margin" prefer holes whose distribution is sharp, "maskgit_plus" those whose token
    is likely, "origin" takes holes at random, each with that share as its chance. With `order_temperature` the holes
    are drawn by priority instead of taken from the top. The model must have shifted its logits already
    (diffusion.protocols.shifted).
    """

    steps: int = 512
    algorithm: Literal["origin", "maskgit_plus", "topk_margin", "entropy"] = "entropy"
    temperature: float = 0.0
    top_p: float | None = None
    top_k: int | None = None
    order_temperature: float | None = None
    eps: float = 1e-3
    joint: bool = False

    def __post_init__(self) -> None:
        _positive("steps", self.steps)
        _not_negative("temperature", self.temperature)

    def window(self, step: int, open_cells: list[int], length: int) -> list[int] | None:
        return open_cells if step < self.steps else None

    def draft(self, logits: NDArray[np.floating], rng: np.random.Generator) -> Draft:
        x = np.asarray(logits, np.float64)
        if self.temperature > 0:
            x = x / self.temperature
        x = _cut(x, self.top_p, self.top_k)
        sure = log_softmax(x)
        scores = sure
        if self.temperature > 0:
            scores = sure - np.log(-np.log(rng.random(x.shape)))
        positions = self._sharpness(sure)
        order = rng.random(len(x))
        if self.algorithm == "origin":
            return Draft(scores, sure, lambda k, token: -float(order[k]))
        if self.order_temperature:
            noise = -np.log(-np.log(order))
            heat = self.order_temperature
            if positions is not None:
                return Draft(scores, sure, lambda k, token: float(positions[k]) / heat + float(noise[k]))
            return Draft(
                scores, sure, lambda k, token: float(np.exp(sure[k, token])) / heat + float(noise[k])
            )
        if positions is not None:
            return Draft(scores, sure, lambda k, token: float(positions[k]))
        return Draft(scores, sure, lambda k, token: float(np.exp(sure[k, token])))

    def _sharpness(self, sure: Floats) -> Floats | None:
        if self.algorithm == "entropy":
            p = np.exp(sure)
            return np.asarray((p * np.log(p + 1e-10)).sum(axis=-1), np.float64)
        if self.algorithm == "topk_margin":
            top = np.sort(np.exp(sure), axis=-1)[:, -2:]
            return np.asarray(top[:, -1] - top[:, 0], np.float64)
        return None

    def quota(self, step: int, draft: Draft, open_cells: list[int], length: int) -> Quota:
        times = np.linspace(1, self.eps, self.steps + 1)
        share = 1 - times[step + 1] / times[step] if step < self.steps - 1 else 1.0
        if self.algorithm == "origin":
            return Quota(0, -share) if share < 1 else Quota(len(open_cells))
        return Quota(int(len(open_cells) * share) if share < 1 else len(open_cells))


@dataclass(frozen=True)
class Threshold:
    """Every hole whose token is likelier than `threshold`, at least one (Fast-dLLM); blocks as LLaDA's."""

    threshold: float = 0.9
    block_length: int | None = None
    temperature: float = 0.0
    joint: bool = False

    def window(self, step: int, open_cells: list[int], length: int) -> list[int] | None:
        return _first_block(open_cells, self.block_length or length)

    def draft(self, logits: NDArray[np.floating], rng: np.random.Generator) -> Draft:
        return Llada(temperature=self.temperature).draft(logits, rng)

    def quota(self, step: int, draft: Draft, open_cells: list[int], length: int) -> Quota:
        return Quota(1, self.threshold)


@dataclass(frozen=True)
class EntropyBounded:
    """The EB-sampler: sharpest holes first, as long as the sum of their entropies less the greatest is at most `gamma`.

    That difference bounds what the tokens of a step tell about one another.
    """

    gamma: float = 0.001
    block_length: int | None = None
    temperature: float = 0.0
    joint: bool = False

    def window(self, step: int, open_cells: list[int], length: int) -> list[int] | None:
        return _first_block(open_cells, self.block_length or length)

    def draft(self, logits: NDArray[np.floating], rng: np.random.Generator) -> Draft:
        drawn = Llada(temperature=self.temperature).draft(logits, rng)
        entropy = entropies(drawn.log_probabilities)
        return Draft(drawn.scores, drawn.log_probabilities, lambda k, token: -float(entropy[k]))

    def quota(self, step: int, draft: Draft, open_cells: list[int], length: int) -> Quota:
        sharp = np.sort(entropies(draft.log_probabilities))
        return Quota(max(1, int((np.cumsum(sharp) - sharp <= self.gamma).sum())))


def entropies(log_probabilities: Floats) -> Floats:
    """In nats, along the last axis."""
    finite = np.where(np.isfinite(log_probabilities), log_probabilities, 0.0)
    return np.asarray(-(np.exp(log_probabilities) * finite).sum(axis=-1), np.float64)


def _first_block(open_cells: list[int], size: int) -> list[int] | None:
    if not open_cells:
        return None
    start = open_cells[0] // size * size
    return [cell for cell in open_cells if cell < start + size]


def _cut(x: Floats, top_p: float | None, top_k: int | None) -> Floats:
    """Logits without the tail, as Dream cuts it: top-p first, the likeliest always stays."""
    if top_p is not None and top_p < 1:
        order = np.argsort(-x, axis=-1, kind="stable")
        p = np.exp(log_softmax(np.take_along_axis(x, order, axis=-1)))
        out = np.cumsum(p, axis=-1) > top_p
        out[:, 1:] = out[:, :-1].copy()
        out[:, 0] = False
        gone = np.zeros_like(out)
        np.put_along_axis(gone, order, out, axis=-1)
        x = np.where(gone, -np.inf, x)
    if top_k is not None and top_k < x.shape[-1]:
        least = np.sort(x, axis=-1)[:, -top_k][:, None]
        x = np.where(x < least, -np.inf, x)
    return x


def _positive(name: str, value: int) -> None:
    if value < 1:
        raise InvalidConstraint(f"{name} out of range", found=str(value), expected="1 or more")


def _not_negative(name: str, value: float) -> None:
    if value < 0:
        raise InvalidConstraint(f"{name} out of range", found=str(value), expected="0 or more")
