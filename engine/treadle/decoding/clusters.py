"""Which of a few texts are alike: words weighted by rarity (TF-IDF), grouped by k-means.

As phi-decoding uses it: a handful of short texts, so nothing here is fast. Equal texts are always in one cluster, and
there are never more clusters than different texts. Starting points are spread as k-means++ does, by the caller's
generator. Source: Xu et al. 2025 (phi-decoding); Arthur and Vassilvitskii 2007 (k-means++).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+|[^\w\s]")
_ROUNDS = 50


def clusters(texts: Sequence[str], count: int, rng: np.random.Generator) -> list[int]:
    """The number of each text's cluster."""
    different = list(dict.fromkeys(texts))
    if len(different) <= count:
        return [different.index(text) for text in texts]
    points = weighted(different)
    labels = _grouped(points, count, rng)
    return [int(labels[different.index(text)]) for text in texts]


def weighted(texts: Sequence[str]) -> NDArray[np.float64]:
    """float64[texts, words]: how often a word is in a text, times how rare it is, length 1."""
    words = [_WORD.findall(text.lower()) for text in texts]
    known = {word: k for k, word in enumerate(sorted({word for line in words for word in line}))}
    found = np.zeros((len(texts), max(len(known), 1)))
    for row, line in enumerate(words):
        for word in line:
            found[row, known[word]] += 1
    rarity = np.log((1 + len(texts)) / (1 + np.count_nonzero(found, axis=0))) + 1
    found *= rarity
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(lengths == 0, 1, lengths))


def _grouped(points: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    centres = _spread(points, count, rng)
    labels = np.full(len(points), -1)
    for _ in range(_ROUNDS):
        nearest = _distances(points, centres).argmin(axis=1)
        if np.array_equal(nearest, labels):
            break
        labels = nearest
        for k in range(len(centres)):
            if np.any(labels == k):
                centres[k] = points[labels == k].mean(axis=0)
    return labels


def _spread(points: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Starting points, each the likelier the farther it is from those before."""
    chosen = [int(rng.integers(len(points)))]
    while len(chosen) < count:
        far = _distances(points, points[chosen]).min(axis=1)
        total = far.sum()
        chosen.append(
            int(rng.choice(len(points), p=far / total)) if total > 0 else int(rng.integers(len(points)))
        )
    return points[chosen].copy()


def _distances(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2))
