"""Proposals: how a particle draws its next token, and the weight that makes up for it.

Both kinds are *properly weighted*: the mean of weight [token = v] is p(v) c(v), p being the (re-weighted) model's
probability and c whether the token is valid. So a text's product of weights is an unbiased estimate of the valid mass
whatever the proposal, and a search may use one kind in one step and another in the next.

    Masked   draws from p under the mask; the weight is the mask's mass, exactly: no test, no variance. For constraints
             whose masks cost microseconds, that is all grammars, schemas and regular expressions.
    AWRS     tests tokens one by one: the likeliest ones first (awrs_head.py), and where none of these is valid, drawn
             ones until one is (adaptive weighted rejection sampling). For conditions that are expensive and have no
             mask: a type checker, a database, a judge. The mask, where there is one, is applied first and only what
             it leaves is tested.

What an urn holds is the mass under the mask that has not been refused yet; what earlier particles saw refused behind
the same prefix is taken out beforehand, which the weights remember (`left` begins lower). A draw given any such
knowledge is properly weighted, so the whole is.
Source: design card 4.1; the rule between the estimators is genlm-control's, the head is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from treadle.decoding import awrs_estimators as estimators
from treadle.decoding.awrs_estimators import Drawn, Valid
from treadle.decoding.awrs_head import HEAD, look, with_known
from treadle.decoding.urn import Urn
from treadle.errors import InvalidConstraint

Estimator = Literal["auto", "paper", "geometric", "recursive"]

#: From this chance of the likeliest token on, two accepted draws with replacement need fewer than two tests, on
#: average: 1 + 2 (1 - p) / p < 2. The recursive estimator always makes two.
PEAKED = 2 / 3
#: No head.
NOTHING: Iterator[int] = iter(())


class Proposal(Protocol):
    """Draws a properly weighted choice."""

    #: Whether it tests several choices; one that does not trusts the mask.
    tests: bool

    @property
    def head(self) -> int:
        """How many of the likeliest choices it wants to see."""

    def propose(
        self, urn: Urn, valid: Valid, peak: float, known: Sequence[int], head: Iterator[int]
    ) -> Drawn:
        """A place of the urn and its weight.

        `peak`: the largest weight in the urn, not told to a proposal that has a head; `known`: places that are known
        to be valid; `head`: the likeliest ones in their order, of which those that are taken from it are not seen
        again by others behind the same prefix.
        """


@dataclass(frozen=True, slots=True)
class Masked:
    """One draw under the mask, weighted with the mass that is left. A refused draw has weight 0."""

    tests = False
    head = 0

    def propose(
        self,
        urn: Urn,
        valid: Valid,
        peak: float = 0.0,
        known: Sequence[int] = (),
        head: Iterator[int] = NOTHING,
    ) -> Drawn:
        """A draw that is not repeated: `valid` has the last word, for what no mask knows."""
        place = urn.draw()
        return Drawn(place, urn.left if valid(place) else 0.0)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Adaptive weighted rejection sampling.

    head          likeliest tokens that are tested before any is drawn, fewer where the rest matters little; 0: none,
                  which is genlm-control's way
    max_accepts   accepted draws of the geometric estimator: more tests, less variance
    max_rejects   refused draws at which a token is given up with weight 0; None: it goes on until none is left
    estimator     "auto": the head if any of it is valid; else geometric if max_accepts > 2 or one token has 2/3 of the
                  mass; else recursive. The others have no head
    weights       False: the first accepted token with weight 1, the locally constrained law
    """

    max_accepts: int = 2
    max_rejects: int | None = None
    estimator: Estimator = "auto"
    weights: bool = True
    head: int = HEAD

    tests = True

    def __post_init__(self) -> None:
        known = ("auto", "paper", "geometric", "recursive")
        _check("estimator", self.estimator, self.estimator in known, " or ".join(map(repr, known)))
        least = 2 if self.weights else 1
        _check("max_accepts", self.max_accepts, self.max_accepts >= 2, "a whole number from 2 on")
        fits = self.max_rejects is None or self.max_rejects >= least
        _check("max_rejects", self.max_rejects, fits, f"None or a whole number from {least} on")
        _check("head", self.head, self.head >= 0, "a whole number from 0 on")
        if self.estimator == "paper" and self.max_rejects is not None:
            raise InvalidConstraint(
                "the paper's estimator cannot be cut short: it would be biased",
                found=f"max_rejects={self.max_rejects}",
                expected="estimator='geometric' or 'recursive'",
            )

    def propose(
        self,
        urn: Urn,
        valid: Valid,
        peak: float = 0.0,
        known: Sequence[int] = (),
        head: Iterator[int] = NOTHING,
    ) -> Drawn:
        """A valid place, with the weight of the estimator that fits the urn."""
        if not self.weights:
            return estimators.first(urn, valid, self.max_rejects)
        if self.head and self.estimator == "auto":
            found, refused = look(urn, valid, known, head)
            if found:
                return with_known(urn, valid, found)
            if urn.exhausted():
                return Drawn(refused, 0.0)
            # The likeliest ones are gone, so no single one is a good part of the rest.
            peak = 0.0
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
