"""Bytes by id, packed: all tokens' bytes one after the other and how long each is.

In: tokens (bytes, or None where an id has no text), or the two arrays as they come from the cache. Out: a sequence of
the same. 128,000 Python objects take 40 ms to make, the arrays none; a mask needs the arrays only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


class PackedTokens(Sequence["bytes | None"]):
    """An immutable sequence of `bytes | None`."""

    def __init__(self, blob: NDArray[np.uint8], length: NDArray[np.int32]) -> None:
        #: uint8: the bytes of all tokens.
        self.blob = blob
        #: int32[V]: bytes of each token, -1 for None.
        self.length = length

    @staticmethod
    def of(tokens: Sequence[bytes | None]) -> PackedTokens:
        if isinstance(tokens, PackedTokens):
            return tokens
        length = np.fromiter((-1 if data is None else len(data) for data in tokens), np.int32, len(tokens))
        return PackedTokens(np.frombuffer(b"".join(data for data in tokens if data), np.uint8), length)

    @cached_property
    def width(self) -> NDArray[np.int64]:
        """int64[V]: bytes of each token, 0 for None."""
        return np.maximum(self.length, 0).astype(np.int64)

    @cached_property
    def start(self) -> NDArray[np.int64]:
        """int64[V]: where each token's bytes begin."""
        return np.cumsum(self.width) - self.width

    def __len__(self) -> int:
        return len(self.length)

    @overload
    def __getitem__(self, index: int) -> bytes | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes | None]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.unpacked()[index]
        if self.length[index] < 0:
            return None
        begin = self.start[index]
        return self.blob[begin : begin + self.width[index]].tobytes()

    def __iter__(self) -> Iterator[bytes | None]:
        return iter(self.unpacked())

    def unpacked(self) -> list[bytes | None]:
        """All tokens as objects."""
        tokens: list[bytes | None] = []
        data, begin = self.blob.tobytes(), 0
        for length in self.length.tolist():
            if length < 0:
                tokens.append(None)
            else:
                tokens.append(data[begin : begin + length])
                begin += length
        return tokens

    def without(self, ids: Iterable[int]) -> PackedTokens:
        """The same, but these ids have no text."""
        if all(self.length[i] < 0 for i in ids):
            return self
        gone = frozenset(ids)
        return PackedTokens.of([None if i in gone else data for i, data in enumerate(self.unpacked())])

    def resized(self, size: int) -> PackedTokens:
        """Cut to `size` ids, or filled up with ids without text."""
        kept = self.length[:size]
        more = np.full(size - len(kept), -1, np.int32)
        return PackedTokens(self.blob[: int(np.maximum(kept, 0).sum())], np.concatenate([kept, more]))
