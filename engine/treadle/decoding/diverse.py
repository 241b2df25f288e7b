"""Diverse beam search: groups of beams, each kept from choosing what the groups before it have chosen at the same step.

The beam of `width` is split into `groups`. At every step the groups choose in turn; group g ranks its choices by

    theta = S - strength * (how many hypotheses of groups 1..g-1 chose the same thing at this step)

and S itself is what is carried on: the penalty steers the choice, it never becomes part of a score. "The same thing" is
- diversity="tokens": the same token (Hamming diversity, the paper's best);
- diversity="decisions": the same decision of the grammar, that is the same state reached: two tokens that begin the
  same branch count as one, and inside free text, where tokens leave the state as it is, it is the token.

Only choices count: what the constraint forces is no decision. All groups are at the same length (levels.py).
A group with fewer choices than its share shrinks; it borrows nothing. One group is plain beam search.

Results alternate between the groups: the best of each, then the second best of each; the same text comes once.
Source: Vijayakumar et al. 2016 (AAAI 2018), section 4; their groups are staggered in time so that each sees the same
local step of those before it, which choosing in turn within a step comes down to. Defaults: strength 0.5 as in the
authors' example; design card 1.3.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from treadle.decoding.beam import (
    ON_ITS_WAY,
    Distinct,
    Ends,
    Kept,
    Pool,
    add_ends,
    candidates,
    check_width,
)
from treadle.decoding.hypotheses import Children, Hypothesis
from treadle.decoding.levels import Prefix, read
from treadle.decoding.scores import Normalisation, Objective
from treadle.decoding.search import Asking, Search, SearchEnded
from treadle.errors import InvalidConstraint

Diversity = Literal["tokens", "decisions"]


@dataclass(frozen=True, slots=True)
class DiverseBeam:
    """Diverse beam search."""

    width: int = 8
    groups: int = 4
    strength: float = 0.5
    diversity: Diversity = "tokens"
    objective: Objective = "raw"
    normalise: Normalisation = field(default_factory=Normalisation)
    ends: Ends = "ranked"
    distinct: Distinct = "text"

    def __post_init__(self) -> None:
        check_width("width", self.width)
        check_width("groups", self.groups)
        if self.width % self.groups:
            raise InvalidConstraint(
                "the groups cannot share the width evenly",
                found=f"width={self.width}, groups={self.groups}",
                expected="a width that is a multiple of groups",
            )
        if self.strength < 0 or self.diversity not in ("tokens", "decisions"):
            raise InvalidConstraint(
                "no such diversity",
                found=f"strength={self.strength}, diversity={self.diversity!r}",
                expected="a strength from 0 on, and 'tokens' or 'decisions'",
            )

    def search(self, search: Search) -> Asking:
        """Step until no group can improve."""
        share = self.width // self.groups
        size = max(share, -(-search.problem.n // self.groups))
        groups = [_Group(Pool(search, self, size), [search.root]) for _ in range(self.groups)]
        level = len(search.root.tokens)
        try:
            while running := [group for group in groups if group.runs]:
                families = yield from read([one for group in running for one in group.alive])
                self._step(search, running, families, share, level)
                level += 1
        except SearchEnded:
            pass
        return self._mixed(search, groups)

    def _step(
        self, search: Search, groups: Sequence[_Group], families: Sequence[Children], share: int, level: int
    ) -> None:
        chosen: Counter[object] = Counter()
        for group in groups:
            own, families = families[: len(group.alive)], families[len(group.alive) :]
            group.alive = self._choose(search, own, chosen, group.pool, share, level)

    def _choose(
        self,
        search: Search,
        families: Sequence[Children],
        before: Counter[object],
        pool: Pool,
        share: int,
        level: int,
    ) -> list[Prefix]:
        """One group's step; adds what it chose to `before`."""
        kept = Kept(search, share, self, level)
        chosen: Counter[object] = Counter()
        for count, family, place in self._ranked(search, families, before, kept, level):
            if kept.full:
                break
            if place == ON_ITS_WAY:
                kept.pass_on(family)
                continue
            token = int(family.tokens[place])
            mark = (family.hypothesis.mark or 0.0) + self.strength * count
            if token == family.end:
                child = search.child(family, token, mark)
                pool.add(child)
            else:
                child = kept.add(family, token, mark)
            if child is not None and family.is_choice:
                chosen[self._decision(search, family, token)] += 1
        ready = [family for family in families if len(family.hypothesis.tokens) == level]
        if self.ends == "any":
            add_ends(search, ready, pool)
        before.update(chosen)
        return kept.best(ready, pool)

    def _ranked(
        self, search: Search, families: Sequence[Children], before: Counter[object], kept: Kept, level: int
    ) -> Iterator[tuple[int, Children, int]]:
        """(how often it was chosen before, family, place), best theta first.

        theta is at most S, so a choice comes once the next S is no better than its theta.
        """
        waiting: list[tuple[float, int, int, Children, int]] = []
        for turn, (score, family, place) in enumerate(
            candidates(search, families, self.objective, kept.closed, level)
        ):
            while waiting and -waiting[0][0] >= score:
                yield heapq.heappop(waiting)[2:]
            count = (
                before[self._decision(search, family, int(family.tokens[place]))]
                if before and family.is_choice and place != ON_ITS_WAY
                else 0
            )
            heapq.heappush(waiting, (-(score - self.strength * count), turn, count, family, place))
        while waiting:
            yield heapq.heappop(waiting)[2:]

    def _decision(self, search: Search, family: Children, token: int) -> object:
        """What counts as the same choice."""
        if self.diversity == "tokens" or token == family.end:
            return token
        state = family.hypothesis.state
        after = search.automaton.advance(state, token)
        return ("token", token) if after == state else ("state", after)

    def _mixed(self, search: Search, groups: Sequence[_Group]) -> list[Hypothesis]:
        """The best of each group, then the second best, and so on; nothing twice."""
        found: dict[object, Hypothesis] = {}
        for rank in range(max(len(group.pool.best) for group in groups)):
            for number, group in enumerate(groups):
                if rank < len(group.pool.best):
                    one = group.pool.best[rank]
                    search.notes[one.number] = {"group": number, "penalty": one.mark or 0.0}
                    found.setdefault(one.data if self.distinct == "text" else one.tokens, one)
        return list(found.values())


@dataclass
class _Group:
    """A beam of its own."""

    pool: Pool
    alive: Sequence[Prefix]

    @property
    def runs(self) -> bool:
        return bool(self.alive) and self.pool.may_improve(self.alive)
