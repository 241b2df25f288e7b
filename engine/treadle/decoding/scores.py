"""What a sequence is worth: two objectives, length normalisation, and the rows of numbers that they are added up from.

raw    log p(text) under the model: the sum of log p(token | before), end of text included. Its arg max over the
       language is the arg max of the model's own distribution conditioned on the language.
local  the same with each step renormalised to what the constraint allows there: log p(token | before) - log Z, Z the
       mass of the allowed tokens. This is the distribution that masked sampling draws from.
Law: raw = local + the sum of log Z. Where one token is allowed, local gains 0 and raw does not.

Order of operations in a step: what re-weights the model's logits (`Reweighting`) comes first, the mask last, then the
sum is made 1. Re-weighting changes `local` only: `raw` is always what the model itself says.

Length normalisation divides a score by length ** alpha. The length counts the end of text. Forced tokens cost next to
nothing and still lengthen a text, so with alpha > 0 counting them rewards ornate structure: over="free" counts only
tokens that stood where more than one was allowed. Source: design cards 0.2 and 1.1; Wu et al. 2016, section 7, for
dividing by a power of the length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.protocols import Logits
from treadle.decoding.sampling import log_total
from treadle.errors import InvalidConstraint

Objective = Literal["raw", "local"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Normalisation:
    """score / length ** alpha; alpha = 0 leaves scores as they are."""

    alpha: float = 0.0
    over: Literal["tokens", "free"] = "tokens"

    def __post_init__(self) -> None:
        if self.over not in ("tokens", "free"):
            raise InvalidConstraint("no such length", found=repr(self.over), expected="'tokens' or 'free'")

    @property
    def additive(self) -> bool:
        """Whether a longer text can only score less."""
        return self.alpha == 0

    def final(self, score: float, tokens: int, free: int) -> float:
        """The score of a finished text of so many tokens, end of text included, `free` of them chosen."""
        length = tokens if self.over == "tokens" else free
        return float(score / max(length, 1) ** self.alpha)

    def bound(self, score: float, tokens: int, free: int, left: int) -> float:
        """No text that goes on from here by at most `left` tokens, end of text included, scores higher.

        Scores only fall and are at most 0, so what is divided by the longest (alpha > 0) or the shortest (alpha < 0)
        length is the most that can come out.
        """
        more = left if self.alpha > 0 else min(left, 1)
        if self.over == "free" and self.alpha <= 0:
            more = 0
        return self.final(score, tokens + more, free + more)


class Reweighting(Protocol):
    """Changes the model's logits before the mask is applied: a temperature, a penalty for repetition."""

    def __call__(self, tokens: Sequence[int], logits: Logits) -> Logits:
        """New logits after the generated `tokens`; the ones handed in are not changed."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """Logits divided by a temperature."""

    value: float

    def __post_init__(self) -> None:
        if not self.value > 0:
            raise InvalidConstraint(
                "temperature is out of range", found=str(self.value), expected="a number above 0"
            )

    def __call__(self, tokens: Sequence[int], logits: Logits) -> Logits:
        """logits / value"""
        return (logits / np.float32(self.value)).astype(np.float32, copy=False)


def log_softmax(logits: Logits) -> Logits:
    """log p as float32[V]."""
    return logits - np.float32(log_total(logits))


def log_sum(values: NDArray[np.floating]) -> float:
    """log(sum(exp(values))); -inf for nothing."""
    peak = float(values.max()) if len(values) else -np.inf
    return peak if peak == -np.inf else peak + float(np.log(np.exp(values - peak).sum(dtype=np.float64)))
