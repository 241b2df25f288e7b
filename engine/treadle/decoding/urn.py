"""An urn of weighted choices: draws that never give again what was taken out.

In: the weights (numbers from 0 on; their sum is a mass, at most 1 where they are probabilities). A draw takes a place
with chance weight / `left`; `remove` takes a place out for good. Drawing and removing until the urn is empty gives
the order of the Gumbel keys log w - log(-log u) sorted downwards (Yellott 1977), one place at a time: sorting 50,000
keys would be for nothing where the first or the second place is taken.

Estimators (awrs_estimators.py) know nothing else of the random numbers, so that tests can put an urn of fractions in
this one's place and go through every draw there is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.scores import Floats

NONE: NDArray[np.int64] = np.zeros(0, np.int64)
#: Sums are made anew when less than one part in so many is left. More: more draws of what is gone, fewer sums.
_KEPT = 8


class Urn(Protocol):
    """What an estimator draws from."""

    @property
    def left(self) -> float:
        """The mass that was not taken out."""

    @property
    def taken(self) -> float:
        """The mass that was taken out."""

    def exhausted(self) -> bool:
        """Whether nothing is left."""

    def holds(self, place: int) -> bool:
        """Whether a place was not taken out."""

    def draw(self) -> int:
        """A place that is left, with chance weight / left."""

    def weight(self, place: int) -> float:
        """The weight of a place."""

    def remove(self, place: int) -> None:
        """Take a place out."""

    def refuse(self, place: int) -> None:
        """Take a place out that a test refused, and with it what is known to be refused for that reason."""

    def repeats(self, chance: float) -> int:
        """Failures before the first success of trials that succeed with `chance`."""

    def choose(self, masses: Sequence[float]) -> int:
        """One of some masses, with chance mass / sum."""


class WeightedUrn:
    """An urn over an array. Draws are inverse transforms of one uniform number each; a place that was taken out is
    drawn past, and the sums are made anew once most of the mass is gone.
    """

    def __init__(
        self,
        weights: Floats,
        rng: np.random.Generator,
        sums: Floats | None = None,
        refused_with: Callable[[int], NDArray[np.int64]] = lambda place: NONE,
    ) -> None:
        """`sums`: the weights added up, where the caller has them from another urn of the same weights.
        `refused_with`: of a refused place, the places that are refused with it.
        """
        self._weights = weights
        self._refused_with = refused_with
        self._rng = rng
        self._sums: Floats = np.cumsum(weights) if sums is None else sums
        self._gone = np.zeros(len(weights), np.bool_)
        self._left = self._all = float(self._sums[-1]) if len(weights) else 0.0

    @property
    def left(self) -> float:
        """The mass that was not taken out."""
        return self._left

    @property
    def taken(self) -> float:
        """The mass that was taken out."""
        return self._all - self._left

    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self._left <= 0.0

    def holds(self, place: int) -> bool:
        """Whether a place was not taken out."""
        return not self._gone[place]

    def weight(self, place: int) -> float:
        """The weight of a place."""
        return float(self._weights[place])

    def draw(self) -> int:
        """A place that is left, with chance weight / left."""
        assert not self.exhausted()
        while True:
            place = _inverse(self._sums, self._rng.random())
            if not self._gone[place]:
                return place

    def remove(self, place: int) -> None:
        """Take a place out."""
        if not self._gone[place]:
            self._gone[place] = True
            self._lighter(float(self._weights[place]))

    def refuse(self, place: int) -> None:
        """Take a refused place out, and what is refused with it."""
        self.remove(place)
        self.remove_all(self._refused_with(place))

    def remove_all(self, places: Sequence[int] | NDArray[np.int64]) -> None:
        """Take different places out."""
        if len(places):
            new = np.asarray(places, np.int64)
            new = new[~self._gone[new]]
            self._gone[new] = True
            self._lighter(float(self._weights[new].sum()))

    def _lighter(self, mass: float) -> None:
        self._left -= mass
        if self._left < self._sums[-1] / _KEPT:
            self._sum_anew()

    def _sum_anew(self) -> None:
        """Differences of nearly equal sums are no longer taken: what is left is added up."""
        self._sums = np.cumsum(np.where(self._gone, 0.0, self._weights))
        self._left = float(self._sums[-1])

    def repeats(self, chance: float) -> int:
        """Failures before the first success of trials that succeed with `chance`."""
        return 0 if chance >= 1.0 else int(self._rng.geometric(chance)) - 1

    def choose(self, masses: Sequence[float]) -> int:
        """One of some masses, with chance mass / sum."""
        return _inverse(np.cumsum(masses), self._rng.random())


def _inverse(sums: Floats, uniform: float) -> int:
    """The place whose part of the summed weights holds a point of [0, 1)."""
    total = float(sums[-1])
    # The product may round up to the total itself; the last place with any weight is meant.
    value = min(uniform * total, math.nextafter(total, 0.0))
    return int(sums.searchsorted(value, side="right"))
