"""What an engine must offer to be measured, and what adapters share.

Timed are `compile`, `start` and the first `mask` (time to the first mask), every later `mask`, and `accept`. Loading
the tokenizer is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Engine(Protocol):
    def compile(self, schema: Any) -> Any:
        """The constraint of a schema; raises where the engine does not take it."""

    def start(self, compiled: Any) -> Any:
        """A matcher at the beginning of an instance."""

    def mask(self, matcher: Any) -> Sequence[int]:
        """Packed row, 32 tokens a word; may be a view of a buffer that the next call fills again."""

    def accept(self, matcher: Any, token: int) -> bool:
        """Take a token that the mask allows."""

    def may_end(self, matcher: Any) -> bool:
        """Whether the text may end here."""


def allows(row: Sequence[int], token: int) -> bool:
    word = token >> 5
    return word < len(row) and bool((int(row[word]) >> (token & 31)) & 1)


def words_for(tokens: int) -> int:
    return (tokens + 31) // 32
