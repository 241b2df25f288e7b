"""A model that is a table: logits by prefix, nothing to load. For tests, and to count what a search asks of a model.

`TableModel` offers what a transformers model offers, with exact numbers. Its store holds tokens in place of keys and
values, and rebuilds every prefix from the slots that a batch names: a wrong slot gives wrong logits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.prefixes import Batch, Place, PrefixTree
from treadle.decoding.protocols import Logits
from treadle.decoding.sampling import log_total
from treadle.vocabulary import Vocabulary

Table = Callable[[tuple[int, ...]], NDArray[np.floating]]


def random_table(size: int, seed: int = 0, spread: float = 1.5) -> Table:
    """Normal logits, drawn once and for all from the seed and the prefix."""

    def logits(prefix: tuple[int, ...]) -> NDArray[np.floating]:
        digest = hashlib.sha256(repr((seed, prefix)).encode()).digest()
        return np.random.default_rng(list(digest)).normal(0, spread, size).astype(np.float32)

    return logits


@dataclass(frozen=True)
class TableModel:
    """Logits (or log-probabilities) of the next token by the whole prefix, the prompt included."""

    vocabulary: Vocabulary
    table: Table

    def tree(self, memory: int | None = None) -> PrefixTree:
        """A tree of prefixes that holds at most `memory` tokens."""
        return PrefixTree(TokenStore(self.table), memory)


@dataclass
class TokenStore:
    """Tokens and their positions by slot."""

    table: Table
    tokens: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    def reserve(self, slots: int) -> None:
        """Room for so many."""
        self.tokens += [-1] * (slots - len(self.tokens))
        self.positions += [-1] * (slots - len(self.positions))

    def forward(
        self, batch: Batch, rows: Sequence[Place], scored: Sequence[tuple[Place, int]]
    ) -> tuple[Logits, NDArray[np.float64]]:
        """Look the prefixes up."""
        for row, write, positions in zip(batch.tokens, batch.write, batch.positions, strict=True):
            for token, slot, position in zip(row.tolist(), write.tolist(), positions.tolist(), strict=True):
                self.tokens[slot], self.positions[slot] = token, position
        logits = [self._logits(batch, place) for place in rows]
        scores = []
        for place, token in scored:
            after = self._logits(batch, place)
            scores.append(float(after[token]) - log_total(after))
        return np.stack(logits), np.array(scores, np.float64)

    def _logits(self, batch: Batch, place: Place) -> Logits:
        row, offset = place
        path = batch.paths[row].tolist()
        path = path[: len(path) - len(batch.tokens[row]) + offset + 1]
        assert [self.positions[slot] for slot in path] == list(range(len(path))), "a slot of another prefix"
        return np.asarray(self.table(tuple(self.tokens[slot] for slot in path)), np.float32)
