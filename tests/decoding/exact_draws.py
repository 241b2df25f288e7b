"""Every run of an estimator with its exact probability: an urn of fractions whose draws are branches.

`runs(estimate)` calls `estimate(urn)` once for each way its draws can come out. A run is scripted by the branches taken
so far; where the script ends, the first branch is taken and the others are noted. All numbers are fractions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

from treadle.decoding.awrs_estimators import Drawn


class Script:
    """Branches to take, and what stood beside them."""

    def __init__(self, taken: list[int]) -> None:
        self.taken, self.at, self.chance = taken, 0, Fraction(1)
        self.open: list[list[int]] = []

    def choose(self, chances: Sequence[Fraction]) -> int:
        if self.at == len(self.taken):
            self.open += [[*self.taken[: self.at], k] for k in range(1, len(chances)) if chances[k]]
            self.taken = [*self.taken, 0]
        branch = self.taken[self.at]
        self.at += 1
        self.chance *= chances[branch]
        return branch


class ExactUrn:
    """An urn of fractions. `most`: repeats are counted no further (an estimator with a limit counts no further).
    `refused_with`: place -> places that its refusal settles.
    """

    def __init__(
        self,
        weights: Sequence[Fraction],
        script: Script,
        most: int = 0,
        refused_with: Mapping[int, Sequence[int]] = MappingProxyType({}),
    ) -> None:
        self.refused_with = refused_with
        self.weights = dict(enumerate(weights))
        self.script, self.most = script, most
        self.all = dict(self.weights)

    @property
    def left(self) -> Fraction:
        return sum(self.weights.values(), Fraction(0))

    @property
    def taken(self) -> Fraction:
        return sum(self.all.values()) - self.left

    def exhausted(self) -> bool:
        return not self.left

    def holds(self, place: int) -> bool:
        return place in self.weights

    def choose(self, masses: Sequence[Fraction]) -> int:
        return self.script.choose([mass / sum(masses) for mass in masses])

    def draw(self) -> int:
        places = list(self.weights)
        return places[self.script.choose([self.weights[place] / self.left for place in places])]

    def weight(self, place: int) -> Fraction:
        return self.all[place]

    def remove(self, place: int) -> None:
        del self.weights[place]

    def refuse(self, place: int) -> None:
        for one in (place, *self.refused_with.get(place, ())):
            self.weights.pop(one, None)

    def repeats(self, chance: Fraction) -> int:
        if chance == 1:
            return 0
        fail = 1 - chance
        return self.script.choose([chance * fail**k for k in range(self.most)] + [fail**self.most])


def runs(
    weights: Sequence[Fraction],
    estimate: Callable[[ExactUrn], Drawn],
    most: int = 0,
    refused_with: Mapping[int, Sequence[int]] = MappingProxyType({}),
) -> Iterator[tuple[Fraction, Drawn]]:
    """(chance, what came out) for every run."""
    waiting: list[list[int]] = [[]]
    while waiting:
        script = Script(waiting.pop())
        drawn = estimate(ExactUrn(weights, script, most, refused_with))
        yield script.chance, drawn
        waiting += script.open


def masses(
    weights: Sequence[Fraction],
    estimate: Callable[[ExactUrn], Drawn],
    most: int = 0,
    refused_with: Mapping[int, Sequence[int]] = MappingProxyType({}),
) -> tuple[Fraction, list[Fraction], Fraction]:
    """(chance of all runs, mean of w [x = a] for every a, mean of w squared)"""
    total, square = Fraction(0), Fraction(0)
    found = [Fraction(0)] * len(weights)
    for chance, drawn in runs(weights, estimate, most, refused_with):
        total += chance
        found[drawn.place] += chance * drawn.weight
        square += chance * drawn.weight**2
    return total, found, square
