"""Sequential Monte Carlo: many particles, and more of those that do well. And the same without resampling, `AWRS`.

In: a search problem. Out: texts with weights, whose weighted mean of any function is that of the model conditioned on
the constraint, the better the more particles; and an unbiased estimate of the probability of the constraint.

A step: each particle draws a token (proposals.py) and multiplies its weight; a critic (the problem's scorers) twists
the weight: exp(bonus) of the prefix counts for resampling and is taken back before the next step, exp(bonus) of the
finished text stays. When the effective sample size 1 / sum W^2 falls below `threshold` * particles, all particles are
drawn anew by weight, finished ones included, and every weight becomes the mean weight: sums of weights keep their
mean, so the estimate stays unbiased for every threshold (0: never; above 1: at every step).

Statistics.notes: "log_marginal" (log of the mean weight; None where the search was stopped), "ess", "resamplings",
"dead", "tests" and "drawn" (tokens), "particles". Result.notes: "log_weight", "weight" (of all particles, summing
to 1). SMC orders its results as draws by weight without replacement: the first is a sample, all of them the
weighted population. If every particle dies there is no text: a warning says so, and log_marginal is -inf.

Targets: p(text) exp(bonus) over the texts within `max_tokens`; a temperature or other re-weighting is part of p.
Forced runs are written in one spelling (Problem.forced_runs), with the model's own probability. Source: Lew et al.
2023 (arXiv 2306.03081), Loula et al. 2025 (2504.13139); design card 4.1. Defaults: 10 particles, or as many as
texts are asked for if that is more; threshold 0.5; systematic resampling.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from treadle.decoding.awrs_estimators import Drawn, Valid
from treadle.decoding.awrs_head import HEAD
from treadle.decoding.hypotheses import Hypothesis
from treadle.decoding.particles import Flock
from treadle.decoding.proposals import NOTHING, Masked, Proposal, Rejection
from treadle.decoding.resampling import SCHEMES, Scheme, effective_size, normalised
from treadle.decoding.scores import log_sum
from treadle.decoding.search import Asking, Search, SearchEnded
from treadle.decoding.urn import Urn
from treadle.errors import InvalidConstraint

ProposalName = Literal["auto", "masked", "awrs"]


@dataclass(frozen=True, slots=True)
class SMC:
    """Weighted particles with resampling.

    proposal     an object of proposals.py, or a name; "auto": masked, unless there are checks, which masks do not know
    threshold    of the effective sample size, as a share of the particles
    """

    particles: int | None = None
    threshold: float = 0.5
    resampling: Scheme = "systematic"
    proposal: Proposal | ProposalName = "auto"

    def __post_init__(self) -> None:
        if self.particles is not None and self.particles < 1:
            raise _out_of_range("particles", self.particles, "a whole number from 1 on")
        if not self.threshold >= 0:
            raise _out_of_range("threshold", self.threshold, "a number from 0 on")
        if self.resampling not in SCHEMES:
            raise _out_of_range("resampling", self.resampling, " or ".join(map(repr, SCHEMES)))
        if isinstance(self.proposal, str) and self.proposal not in ("auto", "masked", "awrs"):
            raise _out_of_range("proposal", self.proposal, "'auto', 'masked', 'awrs' or a proposal")

    def search(self, search: Search) -> Asking:
        """Step and resample until all are finished or dead."""
        flock = Flock(search, self._proposal(search), max(self.particles or 10, search.problem.n))
        twisted = bool(search.problem.scorers) and self.threshold > 0
        notes = search.statistics.notes
        notes["resamplings"] = 0
        try:
            while asked := flock.asked():
                flock.step((yield asked), twisted)
                notes["resamplings"] += self._resample(flock)
        except SearchEnded:
            return _answer(flock, stopped=True)
        return _answer(flock)

    def _proposal(self, search: Search) -> Proposal:
        if isinstance(self.proposal, AWRS):
            return self.proposal._rejection()
        if not isinstance(self.proposal, str):
            return self.proposal
        by_name: dict[str, Proposal] = {"masked": Masked(), "awrs": Rejection()}
        return by_name.get(self.proposal, Rejection() if search.problem.checks else Masked())

    def _resample(self, flock: Flock) -> bool:
        """Whether the particles were drawn anew."""
        log_weights = flock.log_weights
        ess, count = effective_size(log_weights), len(log_weights)
        # Behind the last step nothing would be gained but copies.
        if not 0 < ess < self.threshold * count or not flock.asked():
            return False
        places = SCHEMES[self.resampling](normalised(log_weights), flock.generator(count))
        mean = log_sum(log_weights) - math.log(count)
        flock.particles = [replace(flock.particles[place], log_weight=mean) for place in places]
        return True


@dataclass(frozen=True, slots=True)
class AWRS:
    """Independent texts, each token by adaptive weighted rejection sampling; in order of drawing, with weights.

    Its options are those of proposals.Rejection; it is one, so that SMC(proposal=AWRS(...)) reads as in the paper.
    """

    max_accepts: int = 2
    max_rejects: int | None = None
    estimator: Literal["auto", "paper", "geometric", "recursive"] = "auto"
    weights: bool = True
    head: int = HEAD

    tests = True

    def __post_init__(self) -> None:
        self._rejection()

    def _rejection(self) -> Rejection:
        return Rejection(self.max_accepts, self.max_rejects, self.estimator, self.weights, self.head)

    def propose(
        self,
        urn: Urn,
        valid: Valid,
        peak: float = 0.0,
        known: Sequence[int] = (),
        head: Iterator[int] = NOTHING,
    ) -> Drawn:
        """As a proposal."""
        return self._rejection().propose(urn, valid, peak, known, head)

    def search(self, search: Search) -> Asking:
        """As many texts as are asked for; a text that dies is missing."""
        flock = Flock(search, self._rejection(), search.problem.n)
        try:
            while asked := flock.asked():
                flock.step((yield asked), False)
        except SearchEnded:
            return _answer(flock, stopped=True, drawn=False)
        return _answer(flock, drawn=False)


def _answer(flock: Flock, stopped: bool = False, drawn: bool = True) -> Sequence[Hypothesis]:
    """The finished particles; `drawn`: in the order of a draw by weight without replacement."""
    search, log_weights = flock.search, flock.log_weights
    weights = normalised(log_weights)
    _report(flock, stopped)
    finished = [k for k, one in enumerate(flock.particles) if one.hypothesis.finished and not one.dead]
    if drawn:
        keys = log_weights + flock.generator(len(log_weights) + 1).gumbel(size=len(log_weights))
        finished.sort(key=lambda k: -keys[k])
    texts = []
    for k in finished:
        text = search.copy(flock.particles[k].hypothesis)
        search.notes[text.number] = {"log_weight": float(log_weights[k]), "weight": float(weights[k])}
        texts.append(text)
    return texts


def _report(flock: Flock, stopped: bool) -> None:
    log_weights = flock.log_weights
    dead = sum(one.dead for one in flock.particles)
    flock.search.statistics.notes |= {
        "log_marginal": None if stopped else float(log_sum(log_weights)) - math.log(len(log_weights)),
        "ess": effective_size(log_weights),
        "dead": dead,
        "tests": flock.tests,
        "drawn": flock.drawn,
        "particles": len(log_weights),
    }
    if dead == len(flock.particles):
        warnings.warn(
            f"all {dead} particles died within {flock.steps} steps: what they drew was refused by the checks or did "
            "not fit into max_tokens; more particles, weaker checks or checks that can be asked of prefixes may help",
            RuntimeWarning,
            stacklevel=2,
        )


def _out_of_range(name: str, value: object, expected: str) -> InvalidConstraint:
    return InvalidConstraint(f"{name} is out of range", found=repr(value), expected=expected)
