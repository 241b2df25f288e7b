"""Greedy choice and sampling as searches: several texts drawn side by side, in one forward pass a step; best of n.

`Draws` writes `n` texts with a sampler (sampling.py), each with a random generator of its own, so that the k-th text is
the same however many are drawn beside it. `BestOf` draws more and keeps the best by a score: with the raw score it is
the usual best-of-n; with a scorer in the problem (a reward model, tests passed) its value is added.
Source: design cards 0.2 (masked sampling draws from the local distribution) and 6.8; best-of-n: Stiennon et al. 2020.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import numpy as np

from treadle.decoding.beam import Distinct, Pool, check_width
from treadle.decoding.hypotheses import Children, Hypothesis
from treadle.decoding.sampling import Greedy, Sampler, Sampling
from treadle.decoding.scores import Normalisation, Objective
from treadle.decoding.search import TRIES, Asking, Search, SearchEnded


@dataclass(frozen=True, slots=True)
class Draws:
    """Independent texts, in order of drawing."""

    sampler: Sampler = field(default_factory=Sampling)

    def search(self, search: Search) -> Asking:
        """Draw as many as the problem asks for; a greedy choice comes out the same every time."""
        count = 1 if isinstance(self.sampler, Greedy) else search.problem.n
        drawn: list[Hypothesis | None] = [None] * count
        with contextlib.suppress(SearchEnded):
            yield from draw(search, self.sampler, drawn)
        return [one for one in drawn if one is not None]


@dataclass(frozen=True, slots=True)
class BestOf:
    """The best of several draws."""

    samples: int = 8
    sampler: Sampler = field(default_factory=Sampling)
    objective: Objective = "raw"
    normalise: Normalisation = field(default_factory=Normalisation)
    distinct: Distinct = "text"

    def __post_init__(self) -> None:
        check_width("samples", self.samples)

    def search(self, search: Search) -> Asking:
        """Draw them all, keep the best `n`."""
        drawn: list[Hypothesis | None] = [None] * self.samples
        with contextlib.suppress(SearchEnded):
            yield from draw(search, self.sampler, drawn)
        pool = Pool(search, self)
        for one in drawn:
            pool.rank(one)
        return pool.best


def draw(
    search: Search, sampler: Sampler, drawn: list[Hypothesis | None]
) -> Generator[Sequence[Hypothesis], list[Children], None]:
    """Fill `drawn` with finished texts; None stays where a check refused all that was tried."""
    seed = search.rng.integers(2**63)
    rngs = [np.random.default_rng([int(seed), k]) for k in range(len(drawn))]
    alive = dict.fromkeys(range(len(drawn)), search.root)
    while alive:
        families = yield list(alive.values())
        for (k, _), family in zip(list(alive.items()), families, strict=True):
            child = choose(search, family, sampler, rngs[k])
            if child is not None and not child.finished:
                alive[k] = child
                continue
            del alive[k]
            if child is not None:
                search.finish(child)
                drawn[k] = child


def choose(search: Search, family: Children, sampler: Sampler, rng: np.random.Generator) -> Hypothesis | None:
    """The child that the sampler chooses among those that fit; None if checks refuse whatever is tried."""
    masked = np.full(len(family.logits), -np.inf, np.float32)
    # What re-weights the logits shows in `local` only.
    masked[family.tokens] = family.local if search.problem.reweight else family.raw
    for _ in range(min(TRIES, len(family.tokens))):
        token = sampler.choose(masked, rng)
        child = search.child(family, token)
        if child is not None:
            return child
        masked[token] = -np.inf
    return search.rescue(family)
