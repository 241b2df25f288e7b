"""Exact probabilities of drawing without replacement, and a chi-square test, for samplers on enumerable languages."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def ordered_pairs(chances: Mapping[Key, float]) -> dict[tuple[Key, Key], float]:
    """P(first a, then b) without replacement: p_a p_b / (1 - p_a)."""
    return {
        (a, b): p_a * p_b / (1 - p_a) for a, p_a in chances.items() for b, p_b in chances.items() if a != b
    }


def inclusion(chances: Mapping[Key, float], k: int) -> dict[Key, float]:
    """P(a is among the first k drawn without replacement), by going through every order."""
    found = dict.fromkeys(chances, 0.0)

    def draw(left: dict[Key, float], chance: float, draws: int) -> None:
        if not draws or not left:
            return
        rest = sum(left.values())
        for a, p in left.items():
            found[a] += chance * p / rest
            draw({b: q for b, q in left.items() if b != a}, chance * p / rest, draws - 1)

    draw(dict(chances), 1.0, k)
    return found


def chi_square(counts: Mapping[Key, int], chances: Mapping[Key, float], least: float = 5.0) -> float:
    """The chance of counts at least as far off; rare outcomes are put together. 0 where the impossible was seen."""
    if any(count and chances.get(key, 0.0) <= 0 for key, count in counts.items()):
        return 0.0
    draws = sum(counts.values())
    statistic, cells, rare_expected, rare_seen = 0.0, 0, 0.0, 0
    for key, chance in chances.items():
        expected, seen = draws * chance, counts.get(key, 0)
        if expected < least:
            rare_expected, rare_seen = rare_expected + expected, rare_seen + seen
            continue
        statistic, cells = statistic + (seen - expected) ** 2 / expected, cells + 1
    if rare_expected >= least:
        statistic, cells = statistic + (rare_seen - rare_expected) ** 2 / rare_expected, cells + 1
    assert cells > 1, "too few draws to judge"
    return chi_square_tail(statistic, cells - 1)


def chi_square_tail(statistic: float, degrees: int) -> float:
    """P(chi-square >= statistic): the upper regularised gamma function Q(degrees / 2, statistic / 2).

    Numerical Recipes 6.2: the series of P for small arguments, else the continued fraction of Q (Lentz).
    """
    a, x = degrees / 2, statistic / 2
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while abs(term) > abs(total) * 1e-14:
            n += 1
            term *= x / n
            total += term
        return 1 - total * front
    b, c, d = x + 1 - a, 1e300, 1 / (x + 1 - a)
    fraction = d
    for i in range(1, 10_000):
        step = -i * (i - a)
        b += 2
        d = 1 / (step * d + b)
        c = b + step / c
        fraction *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * fraction
