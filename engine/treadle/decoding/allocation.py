"""Dynamic beam allocation: a beam whose texts contain given phrases, together with the constraint.

A hypothesis has met so many tokens of the phrases (phrases.py). Hypotheses that have met equally many share a *bank*;
the width is divided among the banks 0..C, so that texts on the way to their phrases do not have to compete with texts
that ignore them. Prefixes of one length compete (levels.py). Choices in a step: the best of all, for
each hypothesis every token that begins or goes on with an unmet phrase, and the best of each hypothesis. A text may
end only when every phrase is in it.

Slots: width // (C + 1) for each bank, what remains to the last; slots that a bank cannot fill go to the bank before it,
round and round. C grows with the phrases, and the width should be at least C + 1: the default takes the larger of 8
and that. With no phrases this is plain beam search. Hypotheses that cannot hold what is missing any more are dropped
as soon as the tokens left are too few; a text whose places for phrases are used up dies when it cannot end.
Source: Post & Vilar 2018 (NAACL), algorithm 1; coverage by Aho-Corasick instead of flags; design card 6.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from treadle.decoding.beam import ON_ITS_WAY, Distinct, Kept, Pool, candidates, check_width
from treadle.decoding.hypotheses import Children, Hypothesis, with_mark
from treadle.decoding.levels import Prefix, read, shortest, whole
from treadle.decoding.phrases import Coverage, Phrases
from treadle.decoding.scores import Normalisation, Objective
from treadle.decoding.search import Asking, Search, SearchEnded

#: The least default width.
WIDTH = 8


@dataclass(frozen=True, slots=True)
class PhraseBeam:
    """Beam search whose texts contain every phrase."""

    phrases: Sequence[str | bytes]
    width: int | None = None
    objective: Objective = "raw"
    normalise: Normalisation = field(default_factory=Normalisation)
    distinct: Distinct = "text"

    def __post_init__(self) -> None:
        if self.width is not None:
            check_width("width", self.width)
        # A lone text is a sequence of letters, and nobody means that.
        if isinstance(self.phrases, (str, bytes)):
            object.__setattr__(self, "phrases", (self.phrases,))

    def search(self, search: Search) -> Asking:
        """Step until nothing alive can be among the best."""
        phrases = Phrases(tuple(self.phrases), search.vocabulary)
        run = _Run(self, search, phrases, self.width or max(WIDTH, phrases.total + 1))
        alive: Sequence[Prefix] = [run.root()]
        try:
            while alive and run.pool.may_improve(alive):
                alive = run.step((yield from read(alive)))
        except SearchEnded:
            pass
        return run.pool.best


def allocate(counts: Sequence[int], width: int) -> list[int]:
    """How many of its candidates each bank may keep: min(width, sum(counts)) in all, never more than it has."""
    share = width // len(counts)
    slots = [share] * len(counts)
    slots[-1] += width - share * len(counts)
    # From the last bank to the first, twice: what the first cannot use goes to the last, and on.
    surplus = 0
    for k in [*reversed(range(len(counts)))] * 2:
        slots[k] += surplus
        surplus = max(0, slots[k] - counts[k])
        slots[k] -= surplus
    return slots


@dataclass
class _Run:
    """One search; the mark of a hypothesis is its coverage."""

    beam: PhraseBeam
    search: Search
    phrases: Phrases
    width: int

    def __post_init__(self) -> None:
        self.pool = Pool(self.search, self.beam)

    def root(self) -> Hypothesis:
        return self._marked(self.search.root, Coverage())

    def _marked(self, one: Hypothesis, before: Coverage) -> Hypothesis:
        begun = max(len(one.parent.data) if one.parent else 0, self.search.problem.skip)
        return with_mark(one, self.phrases.advance(before, one.data[begun:]))

    def step(self, families: Sequence[Children]) -> list[Prefix]:
        """The next prefixes, from all banks."""
        level = shortest(families)
        kept = Kept(self.search, self.width, self.beam, level)
        self._best_of_all(families, kept, level)
        ready = [family for family in families if len(family.hypothesis.tokens) == level]
        for family, place in self._more(ready):
            self._add(kept, family, int(family.tokens[place]))
        for family in families:
            if len(family.hypothesis.tokens) > level:
                kept.pass_on(family)
        if not kept.made and not any(family.hypothesis.number in self.pool.ended for family in ready):
            self._rescue(ready, kept)
        return self._from_banks(kept)

    def _rescue(self, families: Sequence[Children], kept: Kept) -> None:
        """Where the token budget refused everything: what misses no phrase may end as it is known to fit."""
        complete = [family for family in families if self.phrases.complete(family.hypothesis.mark)]
        kept.rescue(complete, self.pool)
        kept.made[:] = [self._marked(one, one.mark) for one in map(whole, kept.made)]

    def _best_of_all(self, families: Sequence[Children], kept: Kept, level: int) -> None:
        for _, family, place in candidates(self.search, families, self.beam.objective, kept.closed, level):
            if len(kept.made) >= self.width:
                break
            if place == ON_ITS_WAY:
                kept.pass_on(family)
            elif (token := int(family.tokens[place])) != family.end:
                self._add(kept, family, token)
            elif self.phrases.complete(family.hypothesis.mark):
                self.pool.add(self.search.child(family, token))

    def _more(self, families: Sequence[Children]) -> Iterator[tuple[Children, int]]:
        """Choices that are wanted whatever their score."""
        for family in families:
            wanted = np.array(sorted(self.phrases.continuing(family.hypothesis.mark)), np.int64)
            places = np.flatnonzero(np.isin(family.tokens, wanted)).tolist()
            best = next((k for k in family.ranked() if family.tokens[k] != family.end), None)
            for place in places if best is None else [best, *places]:
                if family.tokens[place] != family.end:
                    yield family, place

    def _add(self, kept: Kept, family: Children, token: int) -> None:
        child = kept.add(family, token)
        if child is None:
            return
        child = self._marked(child, family.hypothesis.mark)
        kept.made[-1] = child
        longest = max(1, self.search.vocabulary.trie.max_depth)
        if self.phrases.fewest_bytes(child.mark) > child.left * longest:
            kept.made.pop()
            self.search.event("budget", child)

    def _from_banks(self, kept: Kept) -> list[Prefix]:
        banks: list[list[Prefix]] = [[] for _ in range(self.phrases.total + 1)]
        for one in sorted(kept.made, key=lambda one: -kept.score(one)):
            banks[self.phrases.progress(whole(one).mark)].append(one)
        slots = allocate(list(map(len, banks)), self.width)
        for bank, count in zip(banks, slots, strict=True):
            for rank, one in enumerate(bank):
                if isinstance(one, Hypothesis):
                    self.search.event("kept" if rank < count else "pruned", one)
        return [one for bank, count in zip(banks, slots, strict=True) for one in bank[:count]]
