"""Completing a prefix under the constraint, for searches that look ahead: greedy or drawn, always within the budget.

Two caches make greedy completions cheap, and change nothing: a prefix on the way of an earlier completion completes to
the same text (the *sequence cache*), and the best choices behind every prefix that was read are kept (the *top-k
cache*), so going on from there needs no forward pass. Drawn completions use neither: each is another draw.
Source: Zhang et al. 2023 (PG-TD), section 3.3.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from treadle.decoding.hypotheses import NO_END, Children, Hypothesis, largest
from treadle.decoding.sampling import Greedy, Sampler
from treadle.decoding.search import TRIES, Search

#: Choices kept of a prefix: as many as are tried before what is known to fit is followed.
KEPT = TRIES
_NO_LOGITS = np.zeros(0, np.float32)

Reading = Generator[Sequence[Hypothesis], list[Children], Children]
Completing = Generator[Sequence[Hypothesis], list[Children], Hypothesis | None]


@dataclass
class Completions:
    """What a search has read and completed."""

    search: Search
    sampler: Sampler = field(default_factory=Greedy)
    caches: bool = True
    #: How often each cache was of use.
    sequences_reused: int = 0
    choices_reused: int = 0
    _choices: dict[tuple[int, ...], Children] = field(default_factory=dict)
    _completed: dict[tuple[int, ...], Hypothesis | None] = field(default_factory=dict)
    _made: dict[tuple[tuple[int, ...], int], Hypothesis | None] = field(default_factory=dict)

    @property
    def deterministic(self) -> bool:
        """Whether a prefix always completes to the same text."""
        return isinstance(self.sampler, Greedy)

    def choices(self, one: Hypothesis) -> Reading:
        """The best choices behind a prefix, the end of text among them wherever it is allowed."""
        if self.caches and one.tokens in self._choices:
            self.choices_reused += 1
            return self._choices[one.tokens]
        [family] = yield [one]
        return self._best(family)

    def _best(self, family: Children) -> Children:
        """A family cut to what may be needed again; without the logits of the whole vocabulary."""
        places = largest(family.local, KEPT)
        if family.end != NO_END:
            places = np.union1d(places, [family.place(family.end)])
        places = np.sort(places)
        best = replace(
            family, logits=_NO_LOGITS, tokens=family.tokens[places], raw=family.raw[places], local=family.local[places]
        )  # fmt: skip
        if self.caches:
            self._choices[family.hypothesis.tokens] = best
        return best

    def child(self, family: Children, token: int) -> Hypothesis | None:
        """The hypothesis behind a choice, the same one each time; None if it is refused."""
        key = (family.hypothesis.tokens, token)
        if not self.caches:
            return self.search.child(family, token)
        if key not in self._made:
            self._made[key] = self.search.child(family, token)
        return self._made[key]

    def complete(self, one: Hypothesis) -> Completing:
        """A finished text that begins so; None if checks refuse whatever is tried."""
        if self.deterministic:
            return (yield from self._greedy(one))
        return (yield from self._drawn(one))

    def _greedy(self, one: Hypothesis) -> Completing:
        way: list[tuple[int, ...]] = []
        at: Hypothesis | None = one
        while at is not None and not at.finished:
            if self.caches and at.tokens in self._completed:
                self.sequences_reused += 1
                at = self._completed[at.tokens]
                break
            way.append(at.tokens)
            family = yield from self.choices(at)
            at = yield from self._first(at, family)
        for tokens in way:
            self._completed[tokens] = at
        return at

    def _first(self, one: Hypothesis, family: Children) -> Completing:
        """The likeliest child that is not refused."""
        for place in family.ranked("local"):
            child = self.child(family, int(family.tokens[place]))
            if child is not None:
                return child
        return (yield from self.rescue(one, family))

    def rescue(self, one: Hypothesis, family: Children) -> Completing:
        """The child that is known to fit, for a prefix of which the likeliest are refused.

        It need not be among what is kept of the choices; then the prefix is read once more.
        """
        plan = one.plan if one.plan is not None else tuple(self.search.automaton.closing(one.state))
        if plan and plan[0] not in family.tokens:
            [family] = yield [one]
        return self.search.rescue(family) if plan or family.end != NO_END else None

    def _drawn(self, one: Hypothesis) -> Completing:
        at: Hypothesis | None = one
        while at is not None and not at.finished:
            [family] = yield [at]
            self._best(family)
            at = self._draw(family)
        return at

    def _draw(self, family: Children) -> Hypothesis | None:
        masked = np.full(len(family.logits), -np.inf, np.float32)
        masked[family.tokens] = family.local
        for _ in range(min(TRIES, len(family.tokens))):
            token = self.sampler.choose(masked, self.search.rng)
            child = self.child(family, token)
            if child is not None:
                return child
            masked[token] = -np.inf
        return self.search.rescue(family)
