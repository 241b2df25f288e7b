"""Beam search: keep the `width` best prefixes, extend each by every allowed token, keep the best again.

In: a search problem. Out: up to `n` finished texts, best first; fewer where the language, or what the beam met of it,
has fewer: nothing is repeated and nothing has a score of minus infinity.

A step takes choices from the best down until `width` unfinished ones are kept; an end of text met on the way finishes
its hypothesis (ends="ranked", so that width 1 is the greedy choice); with ends="any" every end of text does, however
far down. Prefixes of one length compete, although the tokens that a choice forces are read together with it, in one
forward pass (levels.py): what is found is what a beam finds that takes forced tokens one by one.

Stopping is exact: the search ends when no alive prefix could still beat the worst of the `n` best finished texts. The
most that a prefix can reach follows from its score and the length that it may still grow to (scores.py). With scorers
nothing is known of what is to come, and the search ends when nothing is alive.

distinct="text" keeps one of several spellings of the same bytes, the best; "tokens" keeps them all.
Source: Lowerre 1976 (HARPY); stopping: Huang et al. 2017; design card 1.1. Default width: transformers' common 4.
"""

from __future__ import annotations

import bisect
import heapq
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from treadle.decoding.hypotheses import NO_END, Children, Hypothesis
from treadle.decoding.levels import Prefix, cut, read, shortest, whole
from treadle.decoding.scores import Normalisation, Objective
from treadle.decoding.search import TRIES, Asking, Search, SearchEnded
from treadle.errors import InvalidConstraint

Distinct = Literal["text", "tokens"]
Ends = Literal["ranked", "any"]
#: In a choice's place: the family is on its way through a forced run, and chooses nothing at this level.
ON_ITS_WAY = -1


class Ranking(Protocol):
    """What the parts of this file need to know of a strategy: beams of other files have it too."""

    @property
    def objective(self) -> Objective:
        """Which score."""

    @property
    def normalise(self) -> Normalisation:
        """How finished texts of different lengths are compared."""

    @property
    def distinct(self) -> Distinct:
        """What must not be repeated."""


@dataclass(frozen=True, slots=True)
class Beam:
    """Beam search."""

    width: int = 4
    objective: Objective = "raw"
    normalise: Normalisation = field(default_factory=Normalisation)
    ends: Ends = "ranked"
    distinct: Distinct = "text"

    def __post_init__(self) -> None:
        check_width("width", self.width)

    def search(self, search: Search) -> Asking:
        """Step until nothing alive can be among the best."""
        pool = Pool(search, self)
        alive: Sequence[Prefix] = [search.root]
        try:
            while alive and pool.may_improve(alive):
                alive = step(search, (yield from read(alive)), self, pool)
        except SearchEnded:
            pass
        return pool.best


def check_width(name: str, width: int) -> None:
    """A width is a whole number from 1 on."""
    if width < 1:
        raise InvalidConstraint(
            f"{name} is out of range", found=str(width), expected="a whole number from 1 on"
        )


def step(search: Search, families: Sequence[Children], beam: Beam, pool: Pool) -> list[Prefix]:
    """The best of all that is a token longer than the shortest prefix; what ends goes into the pool."""
    level = shortest(families)
    kept = Kept(search, beam.width, beam, level)
    for _, family, place in candidates(search, families, beam.objective, kept.closed, level):
        if kept.full:
            break
        if place == ON_ITS_WAY:
            kept.pass_on(family)
        elif (token := int(family.tokens[place])) == family.end:
            pool.add(search.child(family, token))
        else:
            kept.add(family, token)
    ready = [family for family in families if len(family.hypothesis.tokens) == level]
    if beam.ends == "any":
        add_ends(search, ready, pool)
    return kept.best(ready, pool)


def candidates(
    search: Search,
    families: Sequence[Children],
    objective: Objective,
    closed: Container[int] = (),
    level: int | None = None,
) -> Iterator[tuple[float, Children, int]]:
    """(score, family, place) of all choices, best first; the earlier family and the lower id first among equals.

    `closed`: numbers of hypotheses whose other children are not wanted; it may grow. `level`: of a family that is
    longer, its own first tokens compete, one more than `level`, in the place ON_ITS_WAY.
    """

    def line(k: int, family: Children) -> Iterator[tuple[float, int, int]]:
        if level is not None and len(family.hypothesis.tokens) > level:
            yield -standing(search, family, level + 1, objective), k, ON_ITS_WAY
            return
        base = value(search, family.hypothesis, objective)
        values = family.values(objective)
        for place in family.ranked(objective):
            if family.hypothesis.number in closed:
                return
            yield -(base + float(values[place])), k, place

    for negative, k, place in heapq.merge(*(line(k, family) for k, family in enumerate(families))):
        yield -negative, families[k], place


def add_ends(search: Search, families: Sequence[Children], pool: Pool) -> None:
    """Every end of text that was not met yet."""
    for family in families:
        if family.end != NO_END and family.hypothesis.number not in pool.ended:
            pool.add(search.child(family, family.end))


class Kept:
    """The unfinished prefixes of a step, best first."""

    def __init__(self, search: Search, width: int, beam: Ranking, level: int | None = None) -> None:
        self.search = search
        self.width = width
        self.beam = beam
        #: Length of the prefixes that made them; None: they are whole, whatever their lengths.
        self.level = level
        #: With scorers twice as many are made, since what they say of a child is known only then.
        self.room = 2 * width if search.problem.scorers else width
        self.made: list[Prefix] = []
        #: Numbers of hypotheses of which too many children were refused.
        self.closed: set[int] = set()
        self._seen: set[bytes | tuple[int, ...]] = set()
        self._refusals: Counter[int] = Counter()

    @property
    def full(self) -> bool:
        """Whether no more are made."""
        return len(self.made) >= self.room

    def add(self, family: Children, token: int, mark: Any = None) -> Hypothesis | None:
        """Make a child; None if it is refused, or a twin of one that is kept."""
        child = self.search.child(family, token, mark)
        if child is None:
            self._refuse(family.hypothesis.number)
            return None
        if not self._is_new(child):
            self.search.event("merged", child)
            return None
        self.made.append(child)
        return child

    def pass_on(self, family: Children) -> None:
        """Keep a prefix that is on its way through a forced run."""
        if self._is_new(family.hypothesis):
            self.made.append(family)

    def _refuse(self, number: int) -> None:
        self._refusals[number] += 1
        if self._refusals[number] >= TRIES:
            self.closed.add(number)

    def best(self, families: Sequence[Children], pool: Pool) -> list[Prefix]:
        """The best `width`, with what is known to fit in the place of a family whose choices were all refused."""
        if refused := self._refused(families, pool):
            self.rescue(refused, pool)
        if self.search.problem.scorers:
            self._sort()
        for place, one in enumerate(self.made):
            if isinstance(one, Hypothesis):
                self.search.event("kept" if place < self.width else "pruned", one)
        return self.made[: self.width]

    def _refused(self, families: Sequence[Children], pool: Pool) -> list[Children]:
        """Families without a child, where the token budget refused every choice that was looked at."""
        parents = (one.parent for one in self.made if isinstance(one, Hypothesis))
        alive = {parent.number for parent in parents if parent} | pool.ended
        return [
            family
            for family in families
            if family.hypothesis.number not in alive
            and self._refusals[family.hypothesis.number]
            >= min(TRIES, len(family.tokens) - (family.end != NO_END))
        ]

    def rescue(self, families: Sequence[Children], pool: Pool) -> None:
        """Go on as it is known to fit, where the token budget refused a child.

        It competes like any other choice: others may be likelier, and so may it be.
        """
        for family in families:
            if self._refusals[family.hypothesis.number] and (child := self.search.rescue(family)):
                if child.finished:
                    pool.add(child)
                elif self._is_new(child):
                    self.made.append(child)
        self._sort()

    def _is_new(self, child: Hypothesis) -> bool:
        tokens, data = cut(child, self.level, self.search.vocabulary)
        key = data if self.beam.distinct == "text" else tokens
        known = key in self._seen
        self._seen.add(key)
        return not known

    def _sort(self) -> None:
        self.made.sort(key=lambda one: -self.score(one))

    def score(self, one: Prefix) -> float:
        """What those of a step are ranked by."""
        if isinstance(one, Hypothesis):
            return value(self.search, one, self.beam.objective)
        length = len(one.hypothesis.tokens) if self.level is None else self.level + 1
        return standing(self.search, one, length, self.beam.objective)


class Pool:
    """The best finished texts: `size` of them, or as many as the problem asks for."""

    def __init__(self, search: Search, beam: Ranking, size: int | None = None) -> None:
        self.search = search
        self.beam = beam
        self.size = search.problem.n if size is None else size
        self.best: list[Hypothesis] = []
        #: Numbers of hypotheses that have ended.
        self.ended: set[int] = set()

    def add(self, one: Hypothesis | None) -> None:
        """A finished hypothesis; None is what a check refused."""
        if one is None:
            return
        assert one.parent is not None
        self.ended.add(one.parent.number)
        self.search.finish(one)
        self.rank(one)

    def rank(self, one: Hypothesis | None) -> None:
        """Take a finished hypothesis in, if it is good enough."""
        if one is None:
            return
        key = self._key(one)
        twin = next((k for k, other in enumerate(self.best) if self._key(other) == key), None)
        if twin is not None:
            one = max(self.best.pop(twin), one, key=self.score)
        bisect.insort(self.best, one, key=lambda other: -self.score(other))
        del self.best[self.size :]

    def _key(self, one: Hypothesis) -> object:
        return one.data if self.beam.distinct == "text" else one.tokens

    def score(self, one: Hypothesis) -> float:
        """What finished texts are ranked by."""
        normalised = self.beam.normalise.final(one.value(self.beam.objective), one.length, one.free)
        return normalised + self.search.bonus(one)

    def may_improve(self, alive: Sequence[Prefix]) -> bool:
        """Whether an alive prefix could still get into the pool."""
        if len(self.best) < self.size or self.search.problem.scorers:
            return True
        worst = self.score(self.best[-1])
        return any(self._bound(whole(one)) > worst for one in alive)

    def _bound(self, one: Hypothesis) -> float:
        score = one.value(self.beam.objective)
        return self.beam.normalise.bound(score, one.length, one.free, one.left + 1)


def value(search: Search, one: Hypothesis, objective: Objective) -> float:
    """What unfinished hypotheses are ranked by."""
    return one.value(objective) + search.bonus(one)


def standing(search: Search, family: Children, length: int, objective: Objective) -> float:
    """The same of the first `length` tokens of a prefix that was read."""
    return family.standing(length, objective) + search.bonus(family.hypothesis)
