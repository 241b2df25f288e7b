"""A*: the likeliest texts of the language, with a proof; or, when the budget runs out, how far off it may be.

In: a search problem. Out: the `n` best texts by raw score (divided by a power of the length, if asked for), and in
`statistics.notes` the bracket: `incumbent`, the score of the n-th best text found, and `bound`, which no text that was
not found exceeds. `optimal` says whether they have met; `ended` is "expansions" when the budget ran out first.

Cost of a prefix: g = -log p under the model, plus `heuristic`, a lower bound of the cost of what is to come (0 if there
is none: then this is uniform-cost search). Costs only grow along a text, so the least estimate in the frontier bounds
everything that is not found yet, and the search is over when the incumbent is no worse than that: the test is made on
popping, where it is a proof, and not on pushing. An end of text is an edge with a cost like any other.

Successors are made lazily: a family of children waits in the frontier under its best choice that was not made yet, so
memory goes with the expansions and not with the vocabulary. `batch` prefixes are expanded in one forward pass; this
may expand a few too many and changes no answer. `dive` expands the greedy way first: there is an incumbent from then
on. `first`, a strategy such as Beam(4), is run instead of the dive, and its texts are the first incumbents: the better
they are, the sooner the bracket closes. weight w > 1 inflates the heuristic: the cost of the answer is at most w times
the least (Pohl 1970). Prefixes of different lengths compete here by design: a forced run that was not read yet only
makes an estimate lower than it need be, which stays a bound.

With scorers nothing bounds what is to come, and with a check that is not sound nothing proves what was cut off: the
order is by score plus bonus, and no bracket is claimed.
Source: Hart, Nilsson & Raphael 1968; design card 2.2. Defaults: h = 0, w = 1; 500 expansions, 8 in a pass, are ours.
"""

from __future__ import annotations

import heapq
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from treadle.decoding.beam import Distinct, Pool
from treadle.decoding.hypotheses import Children, Hypothesis
from treadle.decoding.scores import Normalisation, Objective
from treadle.decoding.search import TRIES, Asking, Search, SearchEnded, Strategy
from treadle.errors import InvalidConstraint

#: A prefix -> a lower bound of -log p of every way to finish it, at least 0.
Heuristic = Callable[[Hypothesis], float]


@dataclass(frozen=True, slots=True)
class AStar:
    """Best-first search for the likeliest texts, with a bracket."""

    weight: float = 1.0
    heuristic: Heuristic | None = None
    #: Most hypotheses expanded; None: until it is proved.
    expansions: int | None = 500
    batch: int = 8
    dive: bool = True
    #: Finds the first incumbents, in the dive's place; its expansions count.
    first: Strategy | None = None
    normalise: Normalisation = field(default_factory=Normalisation)
    objective: Objective = "raw"
    distinct: Distinct = "text"

    def __post_init__(self) -> None:
        if not self.weight >= 1:
            raise InvalidConstraint("weight is out of range", found=str(self.weight), expected="1 or more")
        if self.batch < 1:
            raise InvalidConstraint("batch is out of range", found=str(self.batch), expected="1 or more")
        if self.first is not None and not hasattr(self.first, "search"):
            raise InvalidConstraint(
                "first is no strategy", found=type(self.first).__name__, expected="a strategy such as Beam(4)"
            )

    def search(self, search: Search) -> Asking:
        """Dive once, then always expand what looks best, until nothing left can be better."""
        frontier = Frontier(search, self)
        frontier.offer(search.root)
        try:
            if self.first is not None:
                yield from seed(frontier, self.first)
            elif self.dive:
                yield from dive(frontier)
            while not frontier.is_proved() and (asked := frontier.take(self.room(search))):
                for family in (yield asked):
                    frontier.expand(family)
                frontier.note()
        except SearchEnded:
            pass
        frontier.note()
        frontier.conclude()
        return frontier.pool.best

    def room(self, search: Search) -> int:
        """How many prefixes the next pass may expand."""
        return min(self.batch, self.left(search))

    def left(self, search: Search) -> int:
        """How many prefixes may be expanded at all."""
        limits = [sys.maxsize]
        if self.expansions is not None:
            limits.append(self.expansions - search.statistics.expansions)
        if search.expansions_left is not None:
            limits.append(search.expansions_left)
        return max(min(limits), 0)


def seed(frontier: Frontier, first: Strategy) -> Asking:
    """Let another strategy search, as long as the budget lasts; what it finishes is known from then on."""
    search = frontier.search
    texts = first.search(search)
    try:
        asked = next(texts)
        while len(asked) <= frontier.strategy.left(search):
            asked = texts.send((yield asked))
        texts.close()
    except StopIteration:
        pass
    finally:
        for one in search.finished:
            frontier.pool.rank(one)
        frontier.note()
    return ()


def dive(frontier: Frontier) -> Asking:
    """Expand the greedy way to a first text; what lies beside it waits in the frontier."""
    at: Sequence[Hypothesis] = frontier.take(1)
    while at and frontier.strategy.room(frontier.search) > 0:
        (family,) = yield at
        at = frontier.expand_greedily(family)
        frontier.note()
    # What the budget did not let in waits like all the rest.
    for one in at:
        frontier.put_back(one)
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """The children of a family that were not made yet, and the next of them."""

    family: Children
    place: int
    rest: Iterator[int]
    #: The estimate of the parent without weight: no child is better.
    floor: float


class Frontier:
    """What waits to be expanded, the least estimate first."""

    def __init__(self, search: Search, strategy: AStar) -> None:
        self.search = search
        self.strategy = strategy
        self.pool = Pool(search, strategy)
        #: (weighted estimate, -length, order of entry, what waits)
        self._heap: list[tuple[float, int, int, Hypothesis | Waiting]] = []
        #: (estimate, order of entry) of the same, for the bound; entries that have left are skipped.
        self._floors: list[tuple[float, int]] = []
        self._here: set[int] = set()
        self._entered = 0
        #: Estimates of what was taken and has not come back.
        self._taken: dict[int, float] = {}
        self._floor_of: dict[int, float] = {}
        self.trajectory: list[tuple[int, float, float]] = []

    # -- in and out --------------------------------------------------------------------------------

    def offer(self, one: Hypothesis, floor: float = -math.inf) -> None:
        """A prefix to be expanded some time."""
        ahead = self.strategy.heuristic(one) if self.strategy.heuristic else 0.0
        plain = max(self._cost(one, one.raw, ahead), floor)
        weighted = max(self._cost(one, one.raw, ahead * self.strategy.weight), floor)
        self._floor_of[one.number] = plain
        self._push(weighted, plain, one.length, one)

    def expand(self, family: Children) -> None:
        """The children of a prefix that was taken: ends are texts, the others wait."""
        floor = self._returned(family)
        self._wait(family, family.ranked("raw"), floor)

    def _returned(self, family: Children) -> float:
        """Note the end of text; the floor of the others."""
        one = family.hypothesis
        if family.end >= 0:
            self.pool.add(self.search.child(family, family.end))
        return max(self._taken.pop(one.number), self._cost(one, one.raw, 0.0))

    def _wait(self, family: Children, rest: Iterator[int], floor: float) -> None:
        one = family.hypothesis
        for place in rest:
            if family.tokens[place] != family.end:
                cost = max(self._cost(one, one.raw + float(family.raw[place]), 0.0), floor)
                self._push(cost, cost, one.length + 1, Waiting(family, place, rest, floor))
                return

    def take(self, count: int) -> list[Hypothesis]:
        """The best prefixes, at most so many; none that cannot be better than what is found."""
        taken: list[Hypothesis] = []
        while self._heap and len(taken) < count and not self.is_proved():
            _, _, entered, what = heapq.heappop(self._heap)
            self._here.discard(entered)
            if isinstance(what, Waiting):
                self._make(what)
            else:
                self._taken[what.number] = self._floor_of.pop(what.number)
                taken.append(what)
        return taken

    def expand_greedily(self, family: Children) -> list[Hypothesis]:
        """The same, and the likeliest child is taken at once; none where the likeliest is the end of text."""
        rest = family.ranked("raw")
        floor = self._returned(family)
        for _, place in zip(range(TRIES), rest, strict=False):
            token = int(family.tokens[place])
            child = None if token == family.end else self.search.child(family, token)
            if child is not None or token == family.end:
                self._wait(family, rest, floor)
                return self._take(child, floor)
        self._wait(family, rest, floor)
        rescued = self.search.rescue(family) if len(family.tokens) > (family.end >= 0) else None
        if rescued is not None and rescued.finished:
            self.pool.add(rescued)
            return []
        return self._take(rescued, floor)

    def _take(self, one: Hypothesis | None, floor: float) -> list[Hypothesis]:
        if one is None:
            return []
        self._taken[one.number] = max(self._cost(one, one.raw, 0.0), floor)
        return [one]

    def put_back(self, one: Hypothesis) -> None:
        """What was taken and is not expanded after all."""
        self.offer(one, self._taken.pop(one.number))

    def _make(self, waiting: Waiting) -> None:
        """The next child of a family; the one behind it waits in its place."""
        family = waiting.family
        child = self.search.child(family, int(family.tokens[waiting.place]))
        self._wait(family, waiting.rest, waiting.floor)
        if child is not None:
            self.offer(child, waiting.floor)

    def _push(self, weighted: float, plain: float, length: int, what: Hypothesis | Waiting) -> None:
        heapq.heappush(self._heap, (weighted, -length, self._entered, what))
        heapq.heappush(self._floors, (plain, self._entered))
        self._here.add(self._entered)
        self._entered += 1

    def _cost(self, one: Hypothesis, raw: float, ahead: float) -> float:
        """A lower bound of the cost of all texts behind a prefix (or, with the raw score of a child, behind that)."""
        bonus = self.search.bonus(one) if self.search.problem.scorers else 0.0
        return -self.strategy.normalise.bound(raw - ahead, one.length, one.free, one.left + 1) - bonus

    # -- what is known -----------------------------------------------------------------------------

    def is_proved(self) -> bool:
        """Whether nothing that waits can be better than the n-th best text."""
        if len(self.pool.best) < self.search.problem.n:
            return not self._heap and not self._taken
        least = min((self._heap[0][0] if self._heap else math.inf, *self._taken.values()))
        return least >= -self.pool.score(self.pool.best[-1])

    def bound(self) -> float:
        """No text that was not found scores more."""
        while self._floors and self._floors[0][1] not in self._here:
            heapq.heappop(self._floors)
        least = min((self._floors[0][0] if self._floors else math.inf, *self._taken.values()))
        return -least

    def note(self) -> None:
        """Write the bracket down."""
        if not self._is_bounded():
            return
        best = self.pool.best
        full = len(best) >= self.search.problem.n
        incumbent = self.pool.score(best[-1]) if full else -math.inf
        bound = self.bound()
        # What is found is known, so with fewer texts than asked for the bound is that of the others alone.
        reach = max(bound, incumbent) if full else bound
        notes = self.search.statistics.notes
        notes["incumbent"], notes["bound"] = incumbent, reach
        notes["optimal"] = incumbent >= bound if full else bound == -math.inf
        if self.search.problem.trace:
            self.trajectory.append((self.search.statistics.expansions, incumbent, reach))
            notes["trajectory"] = self.trajectory

    def _is_bounded(self) -> bool:
        """Scorers may raise what is to come; an unsound check may have cut off a better text."""
        problem = self.search.problem
        return not problem.scorers and all(getattr(check, "sound", True) for check in problem.checks)

    def conclude(self) -> None:
        """Say how it ended, and what still waits."""
        if not self.is_proved():
            self.search.statistics.ended = "expansions"
        if self.search.problem.trace:
            for _, _, _, what in self._heap:
                if isinstance(what, Hypothesis):
                    self.search.event("pruned", what)
