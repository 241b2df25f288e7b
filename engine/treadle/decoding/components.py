"""Components that go with any strategy: `Scorer`, a soft preference, and `Check`, a hard condition.

Both are called where a choice becomes a hypothesis, in the expansion that all strategies share. So whatever a strategy
keeps has passed the checks, and whatever ranks prefixes (beams, A*, lookahead) ranks them with the scorers' bonus.

A scorer maps a text to a number, which is added to the score times `weight`; of a prefix ("partial"), of complete
texts only ("final"), or of both ("always"). The helpers below make scorers of a classifier, of tests, and of the score
under the mask. Scorers change what is best and not what is drawn: a strategy that samples ignores them.

A check says whether a text may stand. when="final": asked at the end of the text. when="partial": asked of every
prefix too, and a refused prefix is not gone on with. That loses nothing only if a refused prefix has no admissible
continuation: `sound=True` states this, and nobody can verify it. With `sound=False` a valid text may be missed, and A*
claims no bracket. A prefix may end inside of a character; that character is left out of what a function sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from treadle.decoding.hypotheses import Hypothesis
from treadle.errors import InvalidConstraint


@dataclass(frozen=True, slots=True)
class Check:
    """A hard condition on the text, besides the constraint."""

    function: Callable[[str], bool]
    when: Literal["final", "partial"] = "final"
    #: Whether a refused prefix has no admissible continuation.
    sound: bool = True

    def __post_init__(self) -> None:
        _one_of("when", self.when, ("final", "partial"))

    def admits(self, text: bytes, finished: bool) -> bool:
        """Whether a prefix may go on, or a finished text may stand."""
        if not finished and self.when == "final":
            return True
        return bool(self.function(text.decode("utf-8", "ignore")))


@dataclass(frozen=True, slots=True)
class Scorer:
    """A soft preference: weight * function(text) on top of the score."""

    function: Callable[[str], float]
    weight: float = 1.0
    when: Literal["final", "partial", "always"] = "always"

    def __post_init__(self) -> None:
        _one_of("when", self.when, ("final", "partial", "always"))

    def score(self, hypothesis: Hypothesis) -> float:
        """What a prefix or a finished text gets on top."""
        if self.when != "always" and hypothesis.finished != (self.when == "final"):
            return 0.0
        value = float(self.function(hypothesis.data.decode("utf-8", "ignore")))
        if math.isnan(value):
            raise InvalidConstraint("a scorer gave no number", found=repr(value), expected="a number")
        return self.weight * value


@dataclass(frozen=True, slots=True)
class LogProb:
    """The score under the mask, `local`, beside the model's own: weight * local."""

    weight: float = 1.0

    def score(self, hypothesis: Hypothesis) -> float:
        """weight * local"""
        return self.weight * hypothesis.local


def classifier(
    probability: Callable[[str], float],
    weight: float = 1.0,
    when: Literal["final", "partial", "always"] = "always",
    least: float = 1e-6,
) -> Scorer:
    """weight * log of the probability that a classifier gives to the wanted class; `least` keeps it finite."""
    return Scorer(lambda text: math.log(max(probability(text), least)), weight, when)


def passing(tests: Sequence[Callable[[str], bool]], weight: float = 1.0) -> Scorer:
    """weight * how many tests a finished text passes; a test that raises is not passed."""
    return Scorer(lambda text: sum(_passes(test, text) for test in tests), weight, "final")


def _passes(test: Callable[[str], bool], text: str) -> bool:
    try:
        return bool(test(text))
    except Exception:  # noqa: BLE001 - whatever a test of somebody else's text raises, the text has failed it
        return False


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidConstraint(
            f"unknown {name}", found=repr(value), expected=" or ".join(map(repr, allowed))
        )
