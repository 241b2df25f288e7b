"""What a finished text is worth to a tree search: a judge's number, the scorers' sum, or the model's own likelihood.

A reward is a function of the text (tests passed, an execution, a classifier: treadle.execution has some), best from 0
to 1, which is what the published constants are made for. Without one the scorers of the problem are summed; without
those it is the model's own mean probability of a token, exp(raw / length).
hard=True is Seed-CTS's hard reward: 1 for what is judged 1 or more, else 0. So a text of hard reward 1 has partial
reward 1 as well.
Source: Zhang et al. 2023 (tests); Seed-CTS, arXiv 2412.12544 (hard and partial).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from treadle.decoding.hypotheses import Hypothesis
from treadle.decoding.search import Search
from treadle.errors import InvalidConstraint

Reward = Callable[[str], float]


@dataclass
class Rewards:
    """The rewards of one search, each text judged once if they are kept."""

    search: Search
    reward: Reward | None = None
    hard: bool = False
    keep: bool = True
    #: How often the judge was asked, and how often what it had said was used again.
    asked: int = 0
    reused: int = 0
    known: dict[Hashable, float] = field(default_factory=dict)

    def of(self, one: Hypothesis) -> float:
        """What a finished text is worth."""
        # A judge knows the text only; likelihoods and scorers may tell two spellings of it apart.
        key: Hashable = one.data if self.reward is not None else one.tokens
        if self.keep and key in self.known:
            self.reused += 1
            return self.known[key]
        self.asked += 1
        value = self._judged(one)
        if not math.isfinite(value):
            raise InvalidConstraint("a reward is no number", found=str(value), expected="a finite number")
        value = float(value >= 1) if self.hard else value
        self.known[key] = value
        return value

    def _judged(self, one: Hypothesis) -> float:
        if self.reward is not None:
            return float(self.reward(one.data[self.search.problem.skip :].decode("utf-8", "ignore")))
        if self.search.problem.scorers:
            return self.search.bonus(one)
        return math.exp(one.raw / max(one.length, 1))
