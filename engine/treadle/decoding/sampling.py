"""Logits and a mask -> one token: greedy choice, or sampling with temperature, top-k, top-p and min-p.

Order of operations: whatever re-weights the model's logits comes first (temperature), then the mask, then what cuts
the tail (top-k, top-p, min-p in this order), then the sum is made 1. Cutting before masking would leave nothing to
choose from whenever the model's favourites are forbidden; `model.generate` of transformers keeps the same order.

Ties in a greedy choice go to the lowest id. One random generator per request, handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.protocols import Logits
from treadle.errors import InvalidConstraint


class Sampler(Protocol):
    """Chooses one token."""

    def choose(self, logits: Logits, rng: np.random.Generator) -> int:
        """A token from masked logits: -inf is forbidden, and something is not."""


@dataclass(frozen=True, slots=True)
class Greedy:
    """The likeliest allowed token."""

    def choose(self, logits: Logits, rng: np.random.Generator) -> int:
        """The arg max; the lowest id among equals."""
        return int(np.argmax(logits))


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling from the model's distribution under the mask."""

    temperature: float = 1.0
    #: Keep the k likeliest.
    top_k: int | None = None
    #: Keep the likeliest tokens that together reach this probability.
    top_p: float | None = None
    #: Keep tokens at least this likely, relative to the likeliest.
    min_p: float | None = None

    def __post_init__(self) -> None:
        _check("temperature", self.temperature, self.temperature > 0, "a number above 0")
        _check("top_k", self.top_k, self.top_k is None or self.top_k >= 1, "a whole number from 1 on")
        for name, value in (("top_p", self.top_p), ("min_p", self.min_p)):
            _check(name, value, value is None or 0 <= value <= 1, "a number from 0 to 1")

    def choose(self, logits: Logits, rng: np.random.Generator) -> int:
        """One draw."""
        tokens, probabilities = self.distribution(logits)
        # Inverse transform on one uniform number: choices do not depend on how numpy implements `choice`.
        index = int(
            np.searchsorted(np.cumsum(probabilities), rng.random() * probabilities.sum(), side="right")
        )
        return int(tokens[min(index, len(tokens) - 1)])

    def distribution(self, logits: Logits) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(tokens, their probabilities), likeliest first where a tail is cut; forbidden tokens are left out."""
        tokens = np.flatnonzero(logits > -np.inf)
        scaled = logits[tokens].astype(np.float64) / self.temperature
        probabilities = np.exp(scaled - scaled.max())
        if (self.top_k, self.top_p, self.min_p) != (None, None, None):
            # Stable, so that equals stay in order of id.
            order = np.argsort(-probabilities, kind="stable")
            order = order[: self._kept(probabilities[order])]
            tokens, probabilities = tokens[order], probabilities[order]
        return tokens, probabilities / probabilities.sum()

    def _kept(self, weights: NDArray[np.float64]) -> int:
        """How many of the weights, sorted downwards, survive every cut; at least one."""
        count = len(weights) if self.top_k is None else min(self.top_k, len(weights))
        if self.top_p is not None:
            share = np.cumsum(weights[:count]) / weights[:count].sum()
            count = min(count, 1 + int(np.count_nonzero(share < self.top_p)))
        if self.min_p is not None:
            count = min(count, int(np.count_nonzero(weights >= self.min_p * weights[0])))
        return max(count, 1)


def _check(name: str, value: object, right: bool, expected: str) -> None:
    if not right:
        raise InvalidConstraint(f"{name} is out of range", found=str(value), expected=expected)


def log_total(logits: Logits) -> float:
    """log(sum(exp(logits))), exact enough to add up over a text."""
    peak = float(logits.max())
    return peak + float(np.log(np.exp(logits - np.float32(peak), dtype=np.float32).sum(dtype=np.float64)))


def unpack(row: NDArray[np.int32], size: int) -> NDArray[np.bool_]:
    """A packed mask as bool[size]."""
    bits = np.unpackbits(np.ascontiguousarray(row).view(np.uint8), bitorder="little", count=None)
    return bits[:size].view(np.bool_)
