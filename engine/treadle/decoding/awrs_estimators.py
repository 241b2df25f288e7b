"""Adaptive weighted rejection sampling: a valid choice by testing one after the other, and an unbiased weight for it.

In: an urn of choices with weights p, a predicate c, both about places. Out: a place x and a weight w that are
*properly weighted*: the mean of w [x = a] is p(a) c(a), for every a; so the mean of w is the valid mass Z. Each
choice is tested until it is refused and then taken out of the urn (adaptive: a refused choice is never tried
again), so the first accepted x is an exact draw from p c / Z, after no more tests than there are invalid choices,
and one.

    paper       (left) / (1 + n): after the first accepted choice go on, it included, to the next one; left is the
    mass
                at the first acceptance, n the refused choices of both rounds. It cannot be cut short.
    geometric   simulates draws *with* replacement up to `max_accepts` accepted ones: before each draw as many repeats
                of refused choices are counted as a geometric variable says. With a accepted and j refused draws
                w = min(max_accepts - 1, a) / (a + j - 1): "was the first draw valid?" averaged over the orders
                of what was seen (Rao-Blackwell, Girshick, Mosteller & Savage 1946).
    recursive   w = left, times the chance q of x among what is left if the next choice is refused. From
                E f = q f(x) + (1 - q) E f(not x): one more test decides the rest.
    first       the first accepted choice, and weight 1: the locally constrained law, without weights.

Cut short (`max_rejects`): when so many choices were refused, the draw gives up, and what it returns is a *refused*
place with weight 0, never an end of text, which might be valid. Unbiased only if the estimator knows about the
limit: geometric counts the last repeats up to it; recursive makes no further test where a refusal would be the last
one (then w = left).

One refusal may settle others (a text refused for its beginning): `Urn.refuse` takes them out as well. That changes no
mean: geometric counts draws with replacement, where what is known to be invalid is refused without a test; the
identity of recursive holds for any urn with all valid choices in it, by induction over what is left; for all three,
and for limits, it is enumerated in tests/decoding/test_awrs.py.

Source: Lipkin et al., COLM 2025 (arXiv 2504.05410) for adaptive rejection and "paper"; "geometric" and "recursive"
are those of genlm-control as design card 4.1 states them. Nothing below uses more than + - * / of the masses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from treadle.decoding.urn import Urn

Valid = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A place and its weight; 0 if and only if the place was refused."""

    place: int
    weight: float


def first(urn: Urn, valid: Valid, max_rejects: int | None = None) -> Drawn:
    """The first accepted choice, weight 1."""
    place, refused = _until_accepted(urn, valid, max_rejects)
    return Drawn(place, 0 if urn.exhausted() or _reached(refused, max_rejects) else 1)


def paper(urn: Urn, valid: Valid) -> Drawn:
    """left / (1 + n)"""
    place, refused = _until_accepted(urn, valid, None)
    if urn.exhausted():
        return Drawn(place, 0)
    left = urn.left
    _, again = _until_accepted(urn, valid, None)
    return Drawn(place, left / (1 + refused + again))


def geometric(urn: Urn, valid: Valid, max_accepts: int = 2, max_rejects: int | None = None) -> Drawn:
    """min(max_accepts - 1, a) / (a + j - 1) of the mass."""
    start, accepts, rejects = urn.left, 0, 0
    accepted = refused = -1
    while accepts < max_accepts:
        rejects += urn.repeats(urn.left / start)
        if _reached(rejects, max_rejects):
            break
        place = urn.draw()
        if valid(place):
            accepts, accepted = accepts + 1, place if accepts == 0 else accepted
            continue
        rejects, refused = rejects + 1, place
        urn.refuse(place)
        if urn.exhausted() or _reached(rejects, max_rejects):
            break
    if not accepts:
        return Drawn(refused, 0)
    rejects = rejects if max_rejects is None else min(rejects, max_rejects)
    return Drawn(accepted, start * min(max_accepts - 1, accepts) / (accepts + rejects - 1))


def recursive(urn: Urn, valid: Valid, max_rejects: int | None = None) -> Drawn:
    """left, or left times the chance of x where the choice behind it is refused."""
    place, refused = _until_accepted(urn, valid, max_rejects)
    if urn.exhausted() or _reached(refused, max_rejects):
        return Drawn(place, 0)
    left = urn.left
    if max_rejects is not None and refused == max_rejects - 1:
        return Drawn(place, left)
    urn.remove(place)
    if urn.exhausted() or valid(urn.draw()):
        return Drawn(place, left)
    return Drawn(place, urn.weight(place))


def _until_accepted(urn: Urn, valid: Valid, max_rejects: int | None) -> tuple[int, int]:
    """(the first accepted place, or the last refused one if all or too many were; how many were refused)"""
    refused = 0
    while True:
        place = urn.draw()
        if valid(place):
            return place, refused
        refused += 1
        urn.refuse(place)
        if urn.exhausted() or _reached(refused, max_rejects):
            return place, refused


def _reached(count: int, limit: int | None) -> bool:
    return limit is not None and count >= limit
