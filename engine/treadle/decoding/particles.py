"""Particles: texts in the making with weights, and the step that all of them take.

A particle's weight is a product of estimates, one for each step, of the valid mass there (proposals.py), times the
model's own probability of the runs that the constraint forced. So the mean weight of finished particles is an
unbiased estimate of the probability that the model itself writes a text of the constraint, at most `max_tokens`
long; that a text at its last token may only end, and pays p(end of text) for it, is part of that law.

A particle dies when what it drew was refused: its weight is 0 (log -inf), and it is not gone on with. Behind one
prefix the choices are shared (`Offer`): what one particle saw tested no other one tests again. Where a sound check
of prefixes refused a token, tokens that begin with the same bytes are refused without asking.

Random numbers: each particle has a generator of its own for every step, seeded by the search's seed. How many
numbers a proposal takes makes no difference to any other draw, so a check that is always true changes nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.hypotheses import Children, Hypothesis
from treadle.decoding.proposals import Proposal, Rejection
from treadle.decoding.scores import Floats
from treadle.decoding.search import Search
from treadle.decoding.urn import NONE, WeightedUrn
from treadle.errors import InvalidConstraint

#: Tokens of room beyond the cheap bound from which on the token budget is expected to refuse next to nothing. A
#: proposal that tests nothing would lose a particle to each refusal, so with less room choices are tested.
ROOM = 16


@dataclass(frozen=True, slots=True, eq=False)
class Particle:
    """A text in the making and its weight."""

    hypothesis: Hypothesis
    log_weight: float = 0.0
    #: What a critic has added to `log_weight`, for resampling; it is taken back before the next step.
    twist: float = 0.0

    @property
    def dead(self) -> bool:
        """Whether its weight is 0."""
        return self.log_weight == -math.inf

    @property
    def going_on(self) -> bool:
        """Neither finished nor dead."""
        return not self.hypothesis.finished and not self.dead

    def grown(self, child: Hypothesis, log_factor: float, twist: float) -> Particle:
        """With a token more, the weight times a factor that stays and one that may be taken back."""
        return Particle(child, self.log_weight + log_factor + twist, twist)

    def untwisted(self) -> Particle:
        """Without the critic's part."""
        return replace(self, log_weight=self.log_weight - self.twist, twist=0.0) if self.twist else self


class Offer:
    """The choices behind one prefix, and what is known of them."""

    def __init__(self, search: Search, family: Children, head: int) -> None:
        self.search = search
        self.family = family
        #: The likeliest places that no proposal has asked for yet.
        self.head = itertools.islice(family.ranked("local", head), head) if head else iter(())
        #: Places that were asked about: the hypothesis behind each, or None where it is refused.
        self.tried: dict[int, Hypothesis | None] = {}
        #: How many of them were asked about.
        self.tests = 0
        #: Refused, by an answer or because another answer settled it.
        self._refused = np.zeros(len(family.tokens), np.bool_)
        self._settled: dict[int, NDArray[np.int64]] = {}

    @cached_property
    def weights(self) -> Floats:
        """float64[m]: probabilities under the re-weighted model."""
        weights: Floats = np.exp(self.family.local + self.family.mass)
        return weights

    @cached_property
    def _sums(self) -> Floats:
        sums: Floats = np.cumsum(self.weights)
        return sums

    @property
    def known(self) -> list[int]:
        """Places that are known to be valid."""
        return [place for place, child in self.tried.items() if child is not None]

    @property
    def refused(self) -> NDArray[np.int64]:
        """Places that nobody need try again."""
        return np.flatnonzero(self._refused)

    @property
    def peak(self) -> float:
        """The largest weight that was not refused."""
        place = self.family.best(1, "local")
        if len(place) and not self._refused[place[0]]:
            return float(self.weights[place[0]])
        return float(self.weights[~self._refused].max(initial=0.0))

    def urn(self, rng: np.random.Generator) -> WeightedUrn:
        """The choices that were not refused."""
        urn = WeightedUrn(self.weights, rng, self._sums, self.refused_with)
        if self.tried:
            urn.remove_all(self.refused)
        return urn

    def valid(self, place: int) -> bool:
        """Whether the token budget and the checks admit a choice; asked once for each."""
        if self._refused[place]:
            return False
        if place not in self.tried:
            self.tests += 1
            token = int(self.family.tokens[place])
            self.tried[place] = child = self.search.child(self.family, token)
            self._refused[place] = child is None
            if child is None and token != self.family.end and self.search.refused_for_good:
                self._settle(place, token)
        return self.tried[place] is not None

    def refused_with(self, place: int) -> NDArray[np.int64]:
        """Places that the refusal of this one settled."""
        return self._settled.get(place, NONE)

    def _settle(self, place: int, token: int) -> None:
        """A sound check refused a prefix: so it would every token that begins with the bytes of this one."""
        begins = self.search.vocabulary.trie.beginning(self.search.vocabulary.decode_bytes((token,)))
        tokens = self.family.tokens
        places = np.searchsorted(tokens, begins)
        places = places[tokens[np.minimum(places, len(tokens) - 1)] == begins]
        places = places[~self._refused[places] & (tokens[places] != self.family.end)]
        # A check that contradicts itself keeps what it admitted.
        places = places[[one not in self.tried for one in places.tolist()]] if self.known else places
        self._settled[place] = places
        self._refused[places] = True

    @property
    def tight(self) -> bool:
        """Whether the token budget may have a say here."""
        before = self.family.hypothesis
        return self.search.automaton.closing_bound(before.state) + ROOM > before.left


class Flock:
    """All particles of one search."""

    def __init__(self, search: Search, proposal: Proposal, count: int) -> None:
        self.search = search
        self.proposal = proposal
        self.particles = [Particle(search.root) for _ in range(count)]
        self.steps = 0
        #: Choices that were tested, and tokens that were drawn, by all particles together.
        self.tests = 0
        self.drawn = 0
        self._seed = _words(int(search.rng.integers(2**63)))

    def asked(self) -> list[Hypothesis]:
        """The prefixes to expand, each once."""
        return list(
            {one.hypothesis.tokens: one.hypothesis for one in self.particles if one.going_on}.values()
        )

    def step(self, families: Sequence[Children], twisted: bool) -> None:
        """Every particle that goes on draws a token."""
        offers = {
            family.hypothesis.tokens: Offer(self.search, family, self.proposal.head) for family in families
        }
        self.steps += 1
        self.drawn += sum(one.going_on for one in self.particles)
        self.particles = [
            self._drawn(one.untwisted(), offers[one.hypothesis.tokens], self.generator(slot), twisted)
            if one.going_on
            else one
            for slot, one in enumerate(self.particles)
        ]
        self.tests += sum(offer.tests for offer in offers.values())

    def generator(self, slot: int) -> np.random.Generator:
        """The random numbers of a particle in this step; the slot behind the last is for resampling."""
        return np.random.default_rng(np.array([*self._seed, self.steps, slot], np.uint32))

    def _drawn(self, one: Particle, offer: Offer, rng: np.random.Generator, twisted: bool) -> Particle:
        # What the constraint forced was written without the model; now the model has said how likely it is.
        forced = offer.family.hypothesis.raw - one.hypothesis.raw
        urn = offer.urn(rng)
        if urn.exhausted():
            return replace(one, log_weight=-math.inf)
        proposal = Rejection(head=0) if offer.tight and not self.proposal.tests else self.proposal
        peak = 0.0 if proposal.head else offer.peak
        drawn = proposal.propose(urn, offer.valid, peak, offer.known, offer.head)
        child = offer.tried.get(drawn.place)
        if child is None or not drawn.weight > 0:
            return replace(one, log_weight=-math.inf)
        if child.finished:
            child = self.search.copy(child)
            self.search.finish(child)
        twist = self._bonus(child) if twisted or child.finished else 0.0
        return one.grown(child, forced + math.log(drawn.weight), twist)

    def _bonus(self, child: Hypothesis) -> float:
        bonus = self.search.bonus(child)
        if bonus == math.inf:
            raise InvalidConstraint(
                "a scorer gave no finite number", found="inf", expected="a number, or -inf"
            )
        return bonus

    @property
    def log_weights(self) -> Floats:
        """Of all particles, the finished and the dead ones included."""
        return np.array([one.log_weight for one in self.particles])


def _words(seed: int) -> tuple[int, ...]:
    """A seed as numpy takes it apart: 32 bits at a time, the lowest first. PERF: numpy takes twice as long for it."""
    return (seed & 0xFFFFFFFF, *(_words(seed >> 32) if seed >> 32 else ()))
