"""What a sampler needs of a masked-diffusion model. Nothing here imports torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.vocabulary import Vocabulary

Tokens = Sequence[int]
#: float[n, V]: logits of each position of a row.
Logits = NDArray[np.floating]


class MaskedModel(Protocol):
    """A model that looks at a whole row, masks included, and gives the logits of every position."""

    #: The id that stands for a hole.
    mask_id: int

    @property
    def vocabulary(self) -> Vocabulary:
        """Bytes by token id, as wide as the logits."""

    def logits(self, rows: Sequence[Tokens]) -> NDArray[np.floating]:
        """One forward pass over rows of one length: float[rows, n, V]. Position i is about token i (no shift)."""


@dataclass(frozen=True)
class MaskedTable:
    """A model that is a function of the row: for tests, and to count what a sampler asks."""

    vocabulary: Vocabulary
    mask_id: int
    table: Callable[[tuple[int, ...]], Logits]

    def logits(self, rows: Sequence[Tokens]) -> NDArray[np.floating]:
        made = [self.table(tuple(int(t) for t in row)) for row in rows]
        # One row is not copied: it may be large, and nobody writes to logits.
        return np.asarray(made[0])[None] if len(made) == 1 else np.stack(made)


def random_masked_table(size: int, seed: int = 0, spread: float = 2.0) -> Callable[[tuple[int, ...]], Logits]:
    """Normal logits, drawn once and for all from the seed and the row."""

    def logits(row: tuple[int, ...]) -> Logits:
        digest = hashlib.sha256(repr((seed, row)).encode()).digest()
        return np.random.default_rng(list(digest)).normal(0, spread, (len(row), size))

    return logits


def shifted(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Logits of a model that was adapted from an autoregressive one: what is about token i stands at i - 1 (Dream)."""
    return np.concatenate([logits[..., :1, :], logits[..., :-1, :]], axis=-2)
