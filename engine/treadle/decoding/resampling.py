"""Resampling: which particles go on, how often, given their weights.

In: weights that sum to 1, a generator. Out: as many places, each with the mean count N w (that is what keeps estimates
unbiased). The schemes differ in how far counts stray from it:

    multinomial   N independent draws
    residual      floor(N w) copies for sure, the rest by independent draws
    stratified    one draw in each of N equal intervals of the summed weights
    systematic    the same with one uniform number for all intervals: counts are floor(N w) or one more

Source: Douc, Cappé & Moulines 2005 compare them; Kitagawa 1996 (stratified), Carpenter et al. 1999 (systematic).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.scores import Floats, log_sum

Scheme = Literal["systematic", "stratified", "residual", "multinomial"]
Places = NDArray[np.int64]


def multinomial(weights: Floats, rng: np.random.Generator) -> Places:
    """Independent draws."""
    return _inverse(weights, np.sort(rng.random(len(weights))))


def residual(weights: Floats, rng: np.random.Generator) -> Places:
    """The whole parts for sure, the rest by independent draws."""
    wanted = len(weights) * weights
    sure = np.floor(wanted).astype(np.int64)
    kept = np.repeat(np.arange(len(weights)), sure)
    missing = len(weights) - len(kept)
    if missing <= 0:
        return kept[: len(weights)]
    rest = wanted - sure
    drawn = _inverse(rest / rest.sum(), np.sort(rng.random(missing)))
    return np.concatenate([kept, drawn])


def stratified(weights: Floats, rng: np.random.Generator) -> Places:
    """A uniform number in each of N equal intervals."""
    count = len(weights)
    return _inverse(weights, (np.arange(count) + rng.random(count)) / count)


def systematic(weights: Floats, rng: np.random.Generator) -> Places:
    """One uniform number, the same in each of N equal intervals."""
    count = len(weights)
    return _inverse(weights, (np.arange(count) + rng.random()) / count)


SCHEMES: dict[str, Callable[[Floats, np.random.Generator], Places]] = {
    "systematic": systematic,
    "stratified": stratified,
    "residual": residual,
    "multinomial": multinomial,
}


def effective_size(log_weights: Floats) -> float:
    """ESS: 1 / sum of the squared normalised weights; 0 where all weights are."""
    weights = normalised(log_weights)
    return float(1 / np.square(weights).sum()) if weights.any() else 0.0


def normalised(log_weights: Floats) -> Floats:
    """Weights that sum to 1; all 0 where all particles are dead."""
    total = log_sum(log_weights)
    weights: Floats = np.exp(log_weights - total) if total > -np.inf else np.zeros(len(log_weights))
    return weights


def _inverse(weights: Floats, points: Floats) -> Places:
    sums = np.cumsum(weights)
    sums /= sums[-1]
    places: Places = np.searchsorted(sums, points, side="right")
    # A point may round up to 1; the last place with any weight is meant.
    return np.minimum(places, int(np.flatnonzero(weights)[-1]))
