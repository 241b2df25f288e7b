"""The automaton of no constraint at all: every token is allowed, a text may end anywhere, nothing is forced.

For comparing searches with and without a constraint. Special tokens are allowed too, as they are for a free model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from treadle.masks.bitset import from_tokens
from treadle.vocabulary import Vocabulary


class Unconstrained:
    """Any tokens, then an end of text."""

    DONE = 1
    start = 0

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._rows = tuple(
            from_tokens(tokens, len(vocabulary)) for tokens in (range(len(vocabulary)), vocabulary.eos_ids)
        )
        self._ends = frozenset(vocabulary.eos_ids)
        self._size = len(vocabulary)

    def mask(self, state: int) -> NDArray[np.int32]:
        """All tokens; after the end only its own."""
        return self._rows[state]

    def advance(self, state: int, token: int) -> int:
        """The same state, unless the text ends."""
        if token in self._ends:
            return self.DONE
        return state if state == self.start and 0 <= token < self._size else -1

    def is_accepting(self, state: int) -> bool:
        """Always."""
        return True

    def forced(self, state: int) -> Sequence[int]:
        """Nothing."""
        return ()

    def closing(self, state: int) -> Sequence[int]:
        """The text may end at once."""
        return ()

    def closing_bound(self, state: int) -> int:
        """Nothing is needed."""
        return 0
