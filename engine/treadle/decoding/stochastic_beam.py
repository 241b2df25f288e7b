"""Stochastic beam search: k different texts drawn without replacement from the local distribution, with weights.

In: a search problem. Out: `n` texts (k = n) in the order of the draw; all of the language where it has no more. The
distribution is that of masked sampling, re-weighting (a temperature) included: each text's `local` score is its log p.

Gumbel-top-k: give every text the number log p + Gumbel noise and take the k largest. Done from the top of the tree: the
largest number behind a prefix is its own log p + Gumbel, so a prefix hands its number down to its children, which are
drawn given that their maximum is it (`conditional_gumbels`). A prefix is expanded while it is among the k + 1 largest;
all that are so are expanded in one pass. What is not expanded is kept, so a choice that the token budget or a check
refuses is replaced by the next, and the draw is exact for the texts that are left.

Weights. kappa is the (k+1)-th largest number. A text of log p phi is among the k with probability
q = 1 - exp(-exp(phi - kappa)) given kappa, and the sum of p / q f over the texts drawn has the mean sum of p f over the
language (Horvitz & Thompson 1952). Result.notes: "log_p", "gumbel", "inclusion" (q), "weight" (p / q); for the model's
own conditional distribution multiply by exp(raw - local) and normalise. No length normalisation: it would break both.
Source: Kool, van Hoof & Welling 2019; design card 1.4. Default k: as many as texts are asked for.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from treadle.decoding.hypotheses import Children, Hypothesis, largest
from treadle.decoding.scores import Floats
from treadle.decoding.search import Asking, Search, SearchEnded

#: Choices of a prefix that are kept beyond the k + 1 largest, for those that will be refused.
SPARE = 64


def conditional_gumbels(log_probs: Floats, parent: float, rng: np.random.Generator) -> Floats:
    """Gumbel variables at `log_probs`, given that the largest of them is `parent`."""
    gumbels = log_probs + rng.gumbel(size=len(log_probs))
    with np.errstate(divide="ignore"):
        # At the arg max this is log 0, and the formula below gives `parent` exactly.
        v = parent - gumbels + np.log1p(-np.exp(gumbels - gumbels.max()))
    conditional: Floats = parent - np.maximum(0, v) - np.log1p(np.exp(-np.abs(v)))
    return conditional


@dataclass(frozen=True, slots=True)
class StochasticBeam:
    """Stochastic beam search; draws as many texts as are asked for."""

    def search(self, search: Search) -> Asking:
        """Expand what is among the k + 1 largest until all of them are texts."""
        draw = Draw(search)
        # The largest of all numbers. Any constant would give the right draw, and the wrong weights.
        draw.put(float(search.rng.gumbel()), search.root)
        try:
            while asked := draw.unfinished():
                for family in (yield asked):
                    draw.expand(family)
        except SearchEnded:
            draw.settle()
        return draw.texts()


class Draw:
    """The prefixes and texts with the largest numbers."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self.k = search.problem.n
        #: (-number, order of entry, hypothesis or the choice that it would be)
        self._heap: list[tuple[float, int, Hypothesis | tuple[Children, int]]] = []
        self._entered = 0
        #: The top: (number, hypothesis), k + 1 of them unless there are no more.
        self.top: list[tuple[float, Hypothesis]] = []
        self._numbers: dict[int, float] = {}

    def put(self, gumbel: float, what: Hypothesis | tuple[Children, int]) -> None:
        """Something with its number."""
        heapq.heappush(self._heap, (-gumbel, self._entered, what))
        self._entered += 1

    def unfinished(self) -> list[Hypothesis]:
        """The prefixes among the k + 1 largest."""
        for gumbel, one in self.top:
            self.put(gumbel, one)
        self.top = []
        while self._heap and len(self.top) <= self.k:
            negative, _, what = heapq.heappop(self._heap)
            made = what if isinstance(what, Hypothesis) else self._made(*what)
            if made is not None:
                self.top.append((-negative, made))
        waiting = [(gumbel, one) for gumbel, one in self.top if not one.finished]
        self.top = [(gumbel, one) for gumbel, one in self.top if one.finished]
        self._numbers = {one.number: gumbel for gumbel, one in waiting}
        return [one for _, one in waiting]

    def _made(self, family: Children, token: int) -> Hypothesis | None:
        one = self.search.child(family, token)
        if one is not None and one.finished:
            self.search.finish(one)
        return one

    def expand(self, family: Children) -> None:
        """Hand a prefix's number down."""
        gumbel = self._numbers.pop(family.hypothesis.number)
        if not len(family.tokens):
            return
        log_probs = family.hypothesis.local + family.local
        gumbels = conditional_gumbels(log_probs, gumbel, self.search.rng)
        for place in largest(gumbels, self.k + 1 + SPARE).tolist():
            self.put(float(gumbels[place]), (family, int(family.tokens[place])))

    def settle(self) -> None:
        """No more expansions: what is finished is the answer."""
        self.top += [(-g, w) for g, _, w in self._heap if isinstance(w, Hypothesis) and w.finished]

    def texts(self) -> Sequence[Hypothesis]:
        """The draw in its order, with notes."""
        self.top.sort(key=lambda entry: -entry[0])
        kappa = self.top[self.k][0] if len(self.top) > self.k else -math.inf
        self.search.statistics.notes["kappa"] = kappa
        for gumbel, one in self.top[: self.k]:
            # log q, exact also where exp(phi - kappa) is tiny; kappa = -inf: everything was drawn.
            rate = math.exp(min(one.local - kappa, 50.0))
            inclusion = -math.expm1(-rate)
            weight = math.exp(one.local) / inclusion
            self.search.notes[one.number] = {
                "log_p": one.local, "gumbel": gumbel, "inclusion": inclusion, "weight": weight,
            }  # fmt: skip
        return [one for _, one in self.top[: self.k]]
