"""Proposals: how a particle draws its next token, and the weight that makes up for it.

Both kinds are *properly weighted*: the mean of weight [token = v] is p(v) c(v), p being the (re-weighted) model's
probability and c whether the token is valid. So a text's product of weights is an unbiased estimate of the valid mass
whatever the proposal, and a search may use one kind in one step and another in the next.

    Masked   draws from p under the mask; the weight is the mask's mass, exactly: no test, no variance. For
    constraints
             whose masks cost microseconds, that is all grammars, schemas and regular expressions.
    AWRS     tests tokens one by one until one is valid (adaptive weighted rejection sampling). For conditions that
    are
             expensive and have no mask: a type checker, a database, a judge. The mask, where there is one, is
             applied first and only what it leaves is tested.

What an urn holds is the mass under the mask that has not been refused yet; what earlier particles saw refused behind
the same prefix is taken out beforehand, which the weights remember (`left` begins lower). A draw given any such
knowledge is properly weighted, so the whole is.
Source: design card 4.1; defaults and the rule between the estimators are genlm-control's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from treadle.decoding import awrs_estimators as estimators
from treadle.decoding.awrs_estimators import Drawn, Valid
from treadle.decoding.urn import Urn
from treadle.errors import InvalidConstraint

Estimator = Literal["auto", "paper", "geometric", "recursive"]

#: From this chance of the likeliest token on, two accepted draws with replacement need fewer than two tests, on
#: average: 1 + 2 (1 - p) / p < 2. The recursive estimator always makes two.
PEAKED = 2 / 3


class Proposal(Protocol):
    """Draws a properly weighted choice."""

    #: Whether it tests several choices; one that does not trusts the mask.
    tests: bool

    def propose(self, urn: Urn, valid: Valid, peak: float) -> Drawn:
        """A place of the urn and its weight. `peak`: the largest weight in the urn."""


@dataclass(frozen=True, slots=True)
class Masked:
    """One draw under the mask, weighted with the mass that is left. A refused draw has weight 0."""

    tests = False

    def propose(self, urn: Urn, valid: Valid, peak: float = 0.0) -> Drawn:
        """A draw that is not repeated: `valid` has the last word, for what no mask knows."""
        place = urn.draw()
        return Drawn(place, urn.left if valid(place) else 0.0)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Adaptive weighted rejection sampling.

    max_accepts   accepted draws of the geometric estimator: more tests, less variance
    max_rejects   refused tokens at which a draw gives up with weight 0; None: it goes on until none is left
    estimator     "auto": geometric if max_accepts > 2 or one token has 2/3 of the mass, else recursive
    weights       False: the first accepted token with weight 1, the locally constrained law
    """

    max_accepts: int = 2
    max_rejects: int | None = None
    estimator: Estimator = "auto"
    weights: bool = True

    tests = True

    def __post_init__(self) -> None:
        known = ("auto", "paper", "geometric", "recursive")
        _check("estimator", self.estimator, self.estimator in known, " or ".join(map(repr, known)))
        least = 2 if self.weights else 1
        _check("max_accepts", self.max_accepts, self.max_accepts >= 2, "a whole number from 2 on")
        fits = self.max_rejects is None or self.max_rejects >= least
        _check("max_rejects", self.max_rejects, fits, f"None or a whole number from {least} on")
        if self.estimator == "paper" and self.max_rejects is not None:
            raise InvalidConstraint(
                "the paper's estimator cannot be cut short: it would be biased",
                found=f"max_rejects={self.max_rejects}",
                expected="estimator='geometric' or 'recursive'",
            )

    def propose(self, urn: Urn, valid: Valid, peak: float = 0.0) -> Drawn:
        """The first accepted place, with the weight of the estimator that fits the urn."""
        if not self.weights:
            return estimators.first(urn, valid, self.max_rejects)
        if self.estimator == "paper":
            return estimators.paper(urn, valid)
        if self.uses_geometric(peak / urn.left):
            return estimators.geometric(urn, valid, self.max_accepts, self.max_rejects)
        return estimators.recursive(urn, valid, self.max_rejects)

    def uses_geometric(self, peak: float) -> bool:
        """The selection rule; `peak` is the largest chance."""
        if self.estimator != "auto":
            return self.estimator == "geometric"
        return self.max_accepts > 2 or peak >= PEAKED


def _check(name: str, value: object, right: bool, expected: str) -> None:
    if not right:
        raise InvalidConstraint(f"{name} is out of range", found=repr(value), expected=expected)
