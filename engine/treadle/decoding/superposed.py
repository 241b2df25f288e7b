"""Superposed decoding: several drafts for the forward passes of one, and their true scores by one pass more.

In: a search problem, and a model that can read weighted tokens (its store has a method `superposition`). Out: up to
`n` of the `drafts` texts, best first by their exact raw score.

A step reads one position for all drafts together: the sum of their next tokens' embeddings, weighted by how likely the
drafts are. What comes out is one distribution for all of them. Each draft takes its own mask of it, the best children
of all drafts are kept, as in a beam. Drafts that are ahead by a forced run wait, and a run that all of them are in is
read in one pass.

What is approximate: with more than one draft, the model sees a blend of their pasts, so that the distribution is none
that it would give behind any one of them. The search is steered by it and may miss what a beam finds; validity is not
touched, for the masks are exact. The scores that are returned are exact too: when the drafts are finished, one
ordinary pass over the tree of their prefixes reads them all (a pass for every 64 prefixes), and they are ranked anew.
What the drafting thought of a text is in `Result.notes["draft"]`. With one draft everything is exact, and this is
greedy.

`second` brings in another distribution, which tells drafts apart (the paper takes n-grams of a large corpus, of which
we have none): scores are then (1 - alpha) log p of the model + alpha log p of the second one.
Source: Shen et al. 2024 (NeurIPS), section 3; design card 6.3. Defaults: k = 3 drafts and alpha = 0.54 are the paper's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from treadle.decoding.beam import Distinct, Kept, Pool, candidates, check_width
from treadle.decoding.hypotheses import Children, Hypothesis
from treadle.decoding.levels import whole
from treadle.decoding.prefixes import EMPTY, Extension
from treadle.decoding.protocols import Logits, Mixture
from treadle.decoding.sampling import log_total
from treadle.decoding.scores import Floats, Normalisation, Objective
from treadle.decoding.search import Asking, Search, SearchEnded
from treadle.errors import InvalidConstraint, UnsupportedFeature

#: The tokens of a draft -> log p of the next token, float64[V].
Second = Callable[[Sequence[int]], Floats]


class Mixtures(Protocol):
    """A sequence of weighted tokens (integrations/superposition.py)."""

    def append(self, mixtures: Sequence[Mixture], keep: int) -> Logits:
        """Read some positions in one pass: the logits behind the last `keep` of them."""


@dataclass(frozen=True, slots=True)
class Superposed:
    """A beam whose drafts share every forward pass."""

    drafts: int = 3
    second: Second | None = None
    alpha: float = 0.54
    objective: Objective = "raw"
    normalise: Normalisation = field(default_factory=Normalisation)
    distinct: Distinct = "text"

    def __post_init__(self) -> None:
        check_width("drafts", self.drafts)
        if not 0 <= self.alpha <= 1:
            raise InvalidConstraint(
                "alpha is out of range", found=str(self.alpha), expected="a number from 0 to 1"
            )

    def search(self, search: Search) -> Asking:
        """Draft, then score."""
        superposition = getattr(search.tree.store, "superposition", None)
        if superposition is None:
            raise UnsupportedFeature(
                "this model cannot read weighted tokens, which superposed decoding needs",
                found=type(search.tree.store).__name__,
                expected="a causal model of transformers, or a store with a method `superposition`",
            )
        drafting = Drafting(search, self, superposition())
        try:
            drafts = yield from drafting.run()
            return (yield from scored(search, self, drafts))
        except SearchEnded:
            return sorted(search.finished, key=lambda one: -one.raw)


class Drafts(Pool):
    """Finished drafts. Their scores are approximate, so the search does not count them as finished."""

    def add(self, one: Hypothesis | None) -> None:
        """A finished draft."""
        if one is not None:
            assert one.parent is not None
            self.ended.add(one.parent.number)
            self.rank(one)


class Drafting:
    """All drafts in one sequence of mixtures."""

    def __init__(self, search: Search, strategy: Superposed, mixtures: Mixtures) -> None:
        self.search = search
        self.strategy = strategy
        self.mixtures = mixtures
        self.pool = Drafts(search, strategy, max(strategy.drafts, search.problem.n))
        #: Positions read, the prompt's among them.
        self.read = 0
        #: Number of a draft -> log p of its forced tokens, as far as they were seen.
        self.seen: dict[int, list[float]] = {}

    def run(self) -> Generator[Sequence[Hypothesis], list[Children], list[Hypothesis]]:
        """The finished drafts."""
        alive: list[Hypothesis] = [self.search.root]
        while alive and self.pool.may_improve(alive):
            # Nothing is asked of the tree of prefixes, but a search can be stopped here.
            yield ()
            alive = self._step(alive)
        return self.pool.best

    def _step(self, alive: Sequence[Hypothesis]) -> list[Hypothesis]:
        """Read as far as the shortest draft goes, and let those choose that have come to their end."""
        logits = self._advance(alive)
        ready = [one for one in alive if self._size(one) == self.read]
        waiting = [one for one in alive if self._size(one) > self.read]
        families = [self._family(one, logits) for one in ready]
        kept = Kept(self.search, self.strategy.drafts - len(waiting), self.strategy)
        for _, family, place in candidates(self.search, families, "raw", kept.closed):
            if kept.full:
                break
            token = int(family.tokens[place])
            if token == family.end:
                self.pool.add(self.search.child(family, token))
            else:
                kept.add(family, token)
        return waiting + list(map(whole, kept.best(families, self.pool)))

    def _size(self, one: Hypothesis) -> int:
        return len(self.search.problem.prompt) + len(one.tokens)

    def _advance(self, alive: Sequence[Hypothesis]) -> Logits:
        """Read what all drafts have; the logits behind it. Notes log p of the forced tokens that come after it."""
        sequences = [(*self.search.problem.prompt, *one.tokens) for one in alive]
        weights = _weights([one.raw for one in alive])
        until = min(map(len, sequences))
        mixtures = [_mixture([line[k] for line in sequences], weights) for k in range(self.read, until)]
        # In front of the prompt's end nothing is asked for.
        keep = until - max(self.read, len(self.search.problem.prompt) - 1)
        rows = self.mixtures.append(mixtures, keep)
        first = until - keep
        for one, line in zip(alive, sequences, strict=True):
            forced = range(max(len(line) - one.unscored, first + 1), min(until + 1, len(line)))
            self.seen.setdefault(one.number, []).extend(
                float(rows[k - 1 - first, line[k]]) - log_total(rows[k - 1 - first]) for k in forced
            )
        self._count(until - self.read)
        self.read = until
        last: Logits = rows[-1]
        return last

    def _count(self, positions: int) -> None:
        self.search.statistics.forwards += 1
        self.search.tree.counters.forwards += 1
        self.search.tree.counters.computed += positions

    def _family(self, one: Hypothesis, logits: Logits) -> Children:
        family = self.search.family(one, Extension(EMPTY, logits, tuple(self.seen.pop(one.number))))
        if self.strategy.second is None:
            return family
        alpha, other = self.strategy.alpha, self.strategy.second(one.tokens)
        return replace(family, raw=(1 - alpha) * family.raw + alpha * other[family.tokens])


def _weights(scores: Sequence[float]) -> list[float]:
    """How likely each draft is among them."""
    likely = np.exp(np.array(scores) - max(scores))
    return [float(one) for one in likely / likely.sum()]


def _mixture(tokens: Sequence[int], weights: Sequence[float]) -> dict[int, float]:
    mixture: dict[int, float] = {}
    for token, weight in zip(tokens, weights, strict=True):
        mixture[token] = mixture.get(token, 0.0) + weight
    return mixture


# -- exact scores ----------------------------------------------------------------------------------


def scored(search: Search, strategy: Superposed, drafts: Sequence[Hypothesis]) -> Asking:
    """The drafts with the scores that the model itself gives them: all their prefixes in one pass."""
    prefixes = _affordable(search, drafts)
    if not prefixes:
        return []
    # Parents were made before their children.
    ordered = [prefixes[number] for number in sorted(prefixes)]
    found = yield [_unread(search, one) for one in ordered]
    exact: dict[int, Children] = {}
    for one, family in zip(ordered, found, strict=True):
        grown = _grown(search, one, family, exact)
        if grown is not None:
            exact[one.number] = grown
    pool = Pool(search, strategy)
    for draft in drafts:
        assert draft.parent is not None
        if (last := exact.get(draft.parent.number)) is None or last.end < 0:
            continue
        if (ended := search.child(last, last.end)) is not None:
            ended = replace(ended, cramped=draft.cramped)
            search.notes[ended.number] = {"draft": draft.raw}
            pool.add(ended)
    return pool.best


def _affordable(search: Search, drafts: Sequence[Hypothesis]) -> dict[int, Hypothesis]:
    """The prefixes of the best drafts, as many as may be expanded; drafting itself expands none."""
    prefixes: dict[int, Hypothesis] = {}
    for draft in drafts:
        more = prefixes | {one.number: one for one in draft.ancestors() if one is not draft}
        if search.expansions_left is not None and len(more) > search.expansions_left:
            search.statistics.ended = "expansions"
            break
        prefixes = more
    return prefixes


def _unread(search: Search, one: Hypothesis) -> Hypothesis:
    """A prefix as something that the model has read nothing of; its score will be that of its forced run."""
    before = one.parent.tokens if one.parent else ()
    run = len(one.tokens) - len(before) - (one.parent is not None)
    return replace(
        one, node=EMPTY, unread=(*search.problem.prompt, *one.tokens), unscored=run, raw=0.0, local=0.0
    )


def _grown(search: Search, one: Hypothesis, family: Children, exact: dict[int, Children]) -> Children | None:
    """The choices behind a prefix, scored from the root on; None if there is no way to it."""
    if one.parent is None:
        return family
    before = exact.get(one.parent.number)
    if before is None:
        return None
    child = search.child(before, one.tokens[len(one.parent.tokens)])
    if child is None:
        return None
    raw = child.raw + family.hypothesis.raw
    if not math.isfinite(raw):
        return None
    read = replace(child, node=family.hypothesis.node, unread=(), unscored=0, raw=raw)
    return replace(family, hypothesis=read)
