"""What a decoding strategy needs of a model and of a compiled constraint. Nothing here imports torch.

A *session* is a prefix with its key-value cache. It is asked for logits in the shape that constrained decoding wants:
a run of tokens goes in with one forward pass, and the logits after each of them come back, because a run that the
constraint forces still has to be scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.vocabulary import Vocabulary

#: float32[V] or float32[n, V]
Logits = NDArray[np.float32]

#: A position that several texts share: tokens with their weights, which sum to 1.
Mixture = Mapping[int, float]


class Automaton(Protocol):
    """The token automaton of a compiled constraint: states are ints, so copying one forks a sequence."""

    #: The state after an end-of-text token.
    DONE: int

    @property
    def start(self) -> int:
        """State of the empty text."""

    def mask(self, state: int) -> NDArray[np.int32]:
        """Allowed tokens, bit t % 32 of word t // 32; the end-of-text bits are set iff the state accepts."""

    def advance(self, state: int, token: int) -> int:
        """The state after `token`; negative when it is not allowed."""

    def is_accepting(self, state: int) -> bool:
        """May the text end here?"""

    def forced(self, state: int) -> Sequence[int]:
        """The tokens that spell what has no alternative here; empty where there is a choice."""

    def closing(self, state: int) -> Sequence[int]:
        """Tokens of a shortest known completion, without end of text."""

    def closing_bound(self, state: int) -> int:
        """At least len(closing(state)), at little cost."""


class Session(Protocol):
    """A prefix and the model's logits after it."""

    #: Forward passes so far, the prompt's included.
    calls: int

    @property
    def logits(self) -> Logits:
        """float32[V] after the whole prefix."""

    def append(self, tokens: Sequence[int]) -> Logits:
        """Extend the prefix by one or more tokens in one forward pass: float32[n, V], row k after tokens[:k + 1]."""

    def fork(self) -> Session:
        """An independent copy."""


class Model(Protocol):
    """A language model with its vocabulary, which is as wide as its logits."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Bytes by token id."""

    def start(self, prompt: Sequence[int]) -> Session:
        """Read a prompt."""
