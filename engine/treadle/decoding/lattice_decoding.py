"""Lattice decoding: one best-first search that encodes very many texts, by merging prefixes that go on alike.

In: a search problem. Out: the `n` best texts of the lattice, scored by the model; `statistics.notes["lattice"]` is the
lattice itself (token_lattice.py) with all of its texts, `["paths"]` their number.

The prefix with the best score per length ** `alpha` leaves the frontier and is completed greedily to its end; the
siblings that are passed by wait in the frontier. Before a prefix is expanded it is compared with those that were: with
the same state of the constraint, the same last `suffix` tokens, and nearly the same length it is merged into the one
that was expanded first, whose continuations it shares. Equal states make this safe: every path is a text of the
constraint, which equal suffixes alone would not. A prefix longer than the other is not merged, so that no path exceeds
max_tokens; nor is one that the other leads to, so that there is no cycle.

A score along a merged path is an estimate: its tail was scored behind another prefix. What is returned is scored anew.
Source: Xu, Fabbri, Durrett et al., NAACL 2022 (recombination "RCB"; the backward merges of "ZIP" are left out).
Defaults from there: alpha 0.75, suffix 4, budget 16 * 35 expansions; length difference below 5.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from treadle.decoding.hypotheses import Children, Hypothesis
from treadle.decoding.search import TRIES, Asking, Search, SearchEnded
from treadle.decoding.token_lattice import Lattice
from treadle.errors import InvalidConstraint


@dataclass(frozen=True, slots=True)
class LatticeSearch:
    """Best-first search with recombination."""

    expansions: int = 560
    alpha: float = 0.75
    #: How many last tokens have to agree; None: nothing is merged.
    suffix: int | None = 4
    #: By how much shorter a prefix may be than the one that it is merged into, plus one.
    difference: int = 5
    #: How many siblings of a choice wait; None: all.
    siblings: int | None = 16

    def __post_init__(self) -> None:
        for name, least in (("expansions", 1), ("suffix", 0), ("difference", 1), ("siblings", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InvalidConstraint(
                    f"{name} is out of range", found=str(value), expected=f"{least} or more"
                )

    def search(self, search: Search) -> Asking:
        """Complete the best prefix of the frontier, again and again; then score what is returned."""
        growth = Growth(search, self)
        try:
            at: Hypothesis | None = search.root
            while at is not None:
                while at is not None and not growth.merged(at):
                    if growth.spent:
                        search.statistics.ended = "expansions"
                        break
                    (family,) = yield [at]
                    at = growth.grown(family)
                at = None if growth.spent else growth.next()
            growth.note()
            return (yield from growth.scored())
        except SearchEnded:
            growth.note()
            return sorted(search.finished, key=lambda one: -one.raw)


Asked = Generator[Sequence[Hypothesis], list[Children], list[Hypothesis]]


@dataclass
class Growth:
    """A lattice in the making, with the frontier."""

    search: Search
    strategy: LatticeSearch
    lattice: Lattice = field(default_factory=Lattice)
    #: (-score per length, order of entry, family, token)
    frontier: list[tuple[float, int, Children, int]] = field(default_factory=list)
    #: Number of an expanded hypothesis -> its node.
    nodes: dict[int, int] = field(default_factory=dict)
    #: (state, last tokens) -> what was expanded there, first one first.
    known: dict[tuple[int, tuple[int, ...]], list[Hypothesis]] = field(default_factory=dict)
    #: Log p of the forced run at the end of an expanded hypothesis.
    run_raw: dict[int, float] = field(default_factory=dict)
    #: Raw scores of prefixes before they were expanded.
    raw_before: dict[int, float] = field(default_factory=dict)
    entered: int = 0
    merges: int = 0

    @property
    def spent(self) -> bool:
        """Whether the budget is used up."""
        return self.search.statistics.expansions >= self.strategy.expansions

    def merged(self, one: Hypothesis) -> bool:
        """Whether a prefix goes on as another one that was expanded."""
        if self.strategy.suffix is None or one.parent is None or one.finished:
            return False
        for other in self.known.get(self._key(one), ()):
            parent = self.nodes[one.parent.number]
            node = self.nodes[other.number]
            if 0 <= other.length - one.length < self.strategy.difference and not self.lattice.leads_to(
                node, parent
            ):
                # The forced run was not read behind this prefix; behind the other it cost that much.
                raw = one.raw - one.parent.raw + self.run_raw[other.number]
                self.lattice.join(parent, node, self._edge(one), raw)
                self.search.event("merged", one)
                self.merges += 1
                return True
        return False

    def _key(self, one: Hypothesis) -> tuple[int, tuple[int, ...]]:
        suffix = self.strategy.suffix or 0
        return one.state, one.tokens[len(one.tokens) - suffix :] if suffix else ()

    @staticmethod
    def _edge(one: Hypothesis) -> tuple[int, ...]:
        return one.tokens[len(one.parent.tokens) if one.parent else 0 :]

    def grown(self, family: Children) -> Hypothesis | None:
        """The node of an expanded prefix; its greedy child, if it has one that is no end."""
        one = family.hypothesis
        if one.parent is None:
            # The run that the constraint begins with belongs to every text: it is the first edge.
            self.nodes[one.number] = self.lattice.grow(0, one.tokens, one.raw) if one.tokens else 0
        else:
            parent = one.parent
            self.nodes[one.number] = self.lattice.grow(
                self.nodes[parent.number], self._edge(one), one.raw - parent.raw
            )
        self.known.setdefault(self._key(one), []).append(one)
        self.run_raw[one.number] = one.raw - self.raw_before.pop(one.number, one.raw)
        return self._children(family)

    def _children(self, family: Children) -> Hypothesis | None:
        best: Hypothesis | None = None
        tried = waiting = 0
        for place in family.ranked("raw"):
            token = int(family.tokens[place])
            if token == family.end:
                self._end(family)
            elif best is None and tried < TRIES and not waiting:
                tried += 1
                best = self._child(family, token)
            elif self.strategy.siblings is None or waiting < self.strategy.siblings:
                waiting += 1
                score = family.hypothesis.raw + float(family.raw[place])
                length = family.hypothesis.length + 1
                entry = (-score / length**self.strategy.alpha, self.entered, family, token)
                heapq.heappush(self.frontier, entry)
                self.entered += 1
            elif family.end < 0 or self.nodes[family.hypothesis.number] in self.lattice.ends:
                break
        if best is None and tried:
            best = self.search.rescue(family)
            if best is not None and best.finished:
                best = None
        return best

    def _child(self, family: Children, token: int) -> Hypothesis | None:
        child = self.search.child(family, token)
        if child is not None:
            self.raw_before[child.number] = child.raw
        return child

    def _end(self, family: Children) -> None:
        child = self.search.child(family, family.end)
        if child is not None:
            self.search.finish(child)
            self.lattice.ends[self.nodes[family.hypothesis.number]] = child.raw - family.hypothesis.raw

    def next(self) -> Hypothesis | None:
        """The best prefix that waits and is not refused."""
        while self.frontier:
            _, _, family, token = heapq.heappop(self.frontier)
            if (child := self._child(family, token)) is not None:
                return child
        return None

    def note(self) -> None:
        """Say what the lattice holds."""
        notes = self.search.statistics.notes
        notes["lattice"], notes["paths"], notes["merges"] = self.lattice, self.lattice.count(), self.merges

    def scored(self) -> Asked:
        """The best texts of the lattice, with the model's own scores."""
        own = {one.tokens: one for one in self.search.finished}
        found: dict[bytes, Hypothesis] = {}
        for path in self.lattice.best(4 * self.search.problem.n):
            one = own.get(path.tokens) or (yield from self._walk(path.tokens))
            if one is not None:
                found.setdefault(one.data, one)
            if len(found) == self.search.problem.n:
                break
        return sorted(found.values(), key=lambda one: -one.raw)

    def _walk(
        self, tokens: tuple[int, ...]
    ) -> Generator[Sequence[Hypothesis], list[Children], Hypothesis | None]:
        """The hypothesis of a path; None where a check, the budget or the model refuses it."""
        at: Hypothesis | None = self.search.root
        while at is not None and not at.finished:
            (family,) = yield [at]
            done = len(family.hypothesis.tokens)
            token = tokens[done] if done < len(tokens) else family.end
            # Behind this prefix the model may exclude what it allowed behind the one that it was merged into.
            at = self.search.child(family, token) if token in family.tokens else None
        if at is not None:
            self.search.finish(at)
        return at
