"""Hypotheses and their children: what a search keeps of a text in the making, and the choices it has there.

A `Hypothesis` is immutable. Its forced tokens (automaton.forced) are part of it from the start, but the model reads
them only when it is expanded: then they go into the same forward pass as the token before them, and then their log p
is known. So `raw` of an unexpanded hypothesis still lacks `unscored` tokens, and may fall when it is expanded; `local`
is complete at once, for forced tokens have 0 there. A finished hypothesis lacks nothing.

`Children` are the choices behind an expanded hypothesis as arrays; a `Hypothesis` is made of the few that are kept
(Search.child). End of text is one choice among them, whatever the number of end tokens: its probability is their sum,
its token the first of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.budget import Plan
from treadle.decoding.prefixes import Extension
from treadle.decoding.protocols import Logits
from treadle.decoding.sampling import log_total
from treadle.decoding.scores import Floats, Objective, Reweighting, log_sum
from treadle.masks.bitset import Row, to_tokens

#: No end of text among the choices.
NO_END = -1


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """A prefix of a text, or a whole one; equal only to itself."""

    #: Number in its search, in order of making; the root is 0.
    number: int
    parent: Hypothesis | None
    #: Tokens of the text, forced ones included, end of text not.
    tokens: tuple[int, ...]
    #: Their bytes.
    data: bytes
    #: State of the automaton behind them.
    state: int
    #: What the model has read (a node of the prefix tree), and what it has to read next.
    node: int
    unread: tuple[int, ...]
    #: How many tokens at the end of `unread` are not in `raw` yet.
    unscored: int
    raw: float
    local: float
    #: Tokens that stood where more than one was allowed, end of text included.
    free: int
    #: Tokens that max_tokens still allows, and a completion that fits, where the cheap bound does not say so.
    left: int
    plan: Plan
    #: Ended with end of text.
    finished: bool = False
    #: Whether max_tokens had a say: a likelier way was refused because it would not have fitted.
    cramped: bool = False
    #: Whatever a strategy needs to remember of it.
    mark: Any = None

    @property
    def length(self) -> int:
        """Tokens, end of text included."""
        return len(self.tokens) + self.finished

    def value(self, objective: Objective) -> float:
        """Raw or local score."""
        return self.raw if objective == "raw" else self.local

    def ancestors(self) -> Iterator[Hypothesis]:
        """Itself, its parent, and so on."""
        at: Hypothesis | None = self
        while at is not None:
            yield at
            at = at.parent

    def read(self, extension: Extension) -> Hypothesis:
        """The same with nothing unread: `raw` is complete."""
        return replace(self, node=extension.node, unread=(), unscored=0, raw=self.raw + sum(extension.rest))


def with_mark(hypothesis: Hypothesis, mark: Any) -> Hypothesis:
    """The same with another mark."""
    return replace(hypothesis, mark=mark)


@dataclass(frozen=True, eq=False)
class Children:
    """The choices behind an expanded hypothesis: arrays of one length, tokens ascending."""

    #: The hypothesis, read.
    hypothesis: Hypothesis
    #: float32[V] of the model, unmasked.
    logits: Logits
    #: int64[m]: allowed tokens; of the end tokens the first stands for all.
    tokens: NDArray[np.int64]
    #: float64[m]: log p under the model.
    raw: Floats
    #: float64[m]: log p re-weighted, masked and made 1. Sums to 1 unless there are no choices at all.
    local: Floats
    #: The end of text among `tokens`, or NO_END.
    end: int
    #: log of the re-weighted model's mass on all choices before anything was made 1: log Z of this step.
    mass: float = 0.0
    #: log p of the forced tokens that the hypothesis ends with, in their order: what `raw` gained when it was read.
    rest: tuple[float, ...] = ()

    @property
    def is_choice(self) -> bool:
        """Whether there is more than one way to go on."""
        return len(self.tokens) > 1

    def standing(self, length: int, objective: Objective) -> float:
        """The score of the first `length` tokens of the hypothesis; all that are left out must be forced."""
        if self.hypothesis.raw == -np.inf:
            return -np.inf
        ahead = len(self.hypothesis.tokens) - length
        assert 0 <= ahead <= len(self.rest), "a place in the forced run"
        # Forced tokens have 0 in the local score.
        unpaid = sum(self.rest[len(self.rest) - ahead :]) if objective == "raw" else 0.0
        return self.hypothesis.value(objective) - unpaid

    def values(self, objective: Objective) -> Floats:
        """float64[m]"""
        return self.raw if objective == "raw" else self.local

    def place(self, token: int) -> int:
        """Where a token stands in the arrays; it has to be one of them."""
        place = int(np.searchsorted(self.tokens, token))
        assert place < len(self.tokens) and self.tokens[place] == token, "not a child"
        return place

    def only_end(self) -> Children:
        """The end of text alone, with the scores it has among the others."""
        place = slice(self.place(self.end), self.place(self.end) + 1)
        return replace(self, tokens=self.tokens[place], raw=self.raw[place], local=self.local[place])

    @cached_property
    def _order(self) -> dict[tuple[str, int], NDArray[np.int64]]:
        return {}

    def best(self, count: int, objective: Objective = "raw") -> NDArray[np.int64]:
        """Places of the `count` likeliest choices, likeliest first, lowest id first among equals."""
        known = self._order.get((objective, count))
        if known is None:
            known = self._order[objective, count] = largest(self.values(objective), count)
        return known

    def ranked(self, objective: Objective = "raw", first: int = 16) -> Iterator[int]:
        """Places of all choices, likeliest first; sorts no more than it is asked for."""
        done = 0
        while done < len(self.tokens):
            yield from self.best(first, objective)[done:].tolist()
            done, first = first, first * 8


#: How far below the largest score the likeliest few are usually found: a chance of 1 in 3,000 of it.
_NEAR = 8.0


def largest(values: Floats, count: int) -> NDArray[np.int64]:
    """Places of the largest values, largest first; the first of equals first, also across the cut."""
    if count >= len(values):
        return np.argsort(-values, kind="stable")
    # Those near the largest are all larger than the others, so where they are enough the others need no look.
    near = np.flatnonzero(values >= values.max() - _NEAR)
    if count < len(near) < len(values) // 2:
        return near[largest(values[near], count)]
    threshold = -np.partition(-values, count - 1)[count - 1]
    some = np.flatnonzero(values >= threshold)
    order: NDArray[np.int64] = some[np.argsort(-values[some], kind="stable")][:count]
    return order


def choices(
    hypothesis: Hypothesis,
    logits: Logits,
    row: Row,
    ends: Sequence[int],
    reweight: Sequence[Reweighting] = (),
    admitted: NDArray[np.bool_] | None = None,
) -> Children:
    """The children of a read hypothesis. `row`: its mask; `admitted`: bool[V], tokens that a stricter budget leaves.

    What the model holds for impossible is no choice: nothing goes on with a score of minus infinity.
    """
    allowed = to_tokens(row) if hypothesis.raw > -np.inf else np.zeros(0, np.int64)
    allowed = allowed[: int(np.searchsorted(allowed, len(logits)))]
    allowed = allowed[logits[allowed] > -np.inf]
    if admitted is not None:
        allowed = allowed[admitted[allowed]]
    tokens, values, end = _one_end(allowed, logits, ends)
    total = log_total(logits)
    raw = values - total
    if reweight:
        changed = logits
        for step in reweight:
            changed = step(hypothesis.tokens, changed)
        values = _one_end(allowed, changed, ends)[1]
        total = log_total(changed)
    mass = log_sum(values)
    return Children(hypothesis, logits, tokens, raw, values - mass, end, mass - total)


def _one_end(
    allowed: NDArray[np.int64], logits: Logits, ends: Sequence[int]
) -> tuple[NDArray[np.int64], Floats, int]:
    """(tokens, their logits, the end of text among them), end tokens put together."""
    values = logits[allowed].astype(np.float64)
    places = [
        int(k)
        for k, end in zip(np.searchsorted(allowed, ends), ends, strict=True)
        if k < len(allowed) and allowed[k] == end
    ]
    if not places:
        return allowed, values, NO_END
    values[places[0]] = log_sum(values[places])
    if len(places) > 1:
        end = int(allowed[places[0]])
        return np.delete(allowed, places[1:]), np.delete(values, places[1:]), end
    return allowed, values, int(allowed[places[0]])
