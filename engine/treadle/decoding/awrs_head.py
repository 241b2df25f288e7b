"""The head of an urn, tested before anything is drawn: its valid mass is known exactly, only the rest is estimated.

In: an urn of choices, a predicate on places, the likeliest places in their order, places known to be valid. Out: a
place and a weight that are properly weighted (awrs_estimators.py), with far less variance than rejection alone.

`look` tests the head, and stops where the rest can no longer matter much, so a step in which one token has nearly all
of the mass costs one test. What it learns depends on the predicate alone, not on any draw: a draw given that knowledge
is properly weighted for whatever rule stops it. Particles behind one prefix share what was learnt.

`with_known` draws once from what is left beside the known places: let their mass be K and that of the rest L. w = K + L
if that draw is valid, else K; the choice is one of the known places or the drawn one, by their shares of w. For a known
place a the mean of w [x = a] is p(a), as w cancels; for another it is L p(a) / L where a is valid. So w strays from the
valid mass only by what is valid in L, where rejection with two accepted draws strays by a good part of all of it.
Where nothing is refused the choice is the one that a draw under the mask makes of the same random numbers.

The choice alone, without its weight, is only nearly a draw of p c / Z; AWRS(weights=False) is exactly one.

Why not take the head under the mask and leave the rest out: that is biased, and a rest that is never drawn loses texts.
The construction is Rao-Blackwell's with stratification (Owen, Monte Carlo theory, 8.4), the strata being the
head, token by token, and the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from treadle.decoding.awrs_estimators import Drawn, Valid
from treadle.decoding.urn import Urn

#: Likeliest choices that are tested at most.
HEAD = 32
#: The head is enough where the standard deviation of the weight is expected to be at most this share of it.
PRECISION = 1 / 4
#: As a share of all mass: valid and invalid mass that is taken for seen beforehand, when the rest is judged by the
#: head. So a first test that is passed does not make all else valid.
PRIOR = 1 / 20


def look(urn: Urn, valid: Valid, known: Sequence[int], head: Iterator[int]) -> tuple[list[int], int]:
    """(known places and those of the head that were found valid, the last refused one or -1); refused ones leave."""
    found, refused = list(known), -1
    while not _enough(urn, found):
        place = next((one for one in head if urn.holds(one) and one not in found), None)
        if place is None:
            break
        if valid(place):
            found.append(place)
        else:
            refused = place
            urn.refuse(place)
    return found, refused


def _enough(urn: Urn, found: Sequence[int]) -> bool:
    """Whether the rest, if it is valid in the same share as what was seen, adds little to the deviation."""
    valid = sum(urn.weight(place) for place in found)
    rest, prior = urn.left - valid, (urn.left + urn.taken) * PRIOR
    share = (valid + prior) / (valid + urn.taken + 2 * prior)
    return valid > 0 and rest**2 * share * (1 - share) <= (PRECISION * (valid + rest * share)) ** 2


def with_known(urn: Urn, valid: Valid, known: Sequence[int]) -> Drawn:
    """One of the known places or one draw of the rest; the weight is the mass of all of these that are valid.

    The first draw is of everything, and settles which of both it would be if the rest is valid.
    """
    whole, masses, place = urn.left, [urn.weight(one) for one in known], urn.draw()
    for one in known:
        urn.remove(one)
    if urn.exhausted() or valid(urn.draw() if place in known else place):
        return Drawn(place, whole)
    return Drawn(place if place in known else known[urn.choose(masses)], sum(masses))
