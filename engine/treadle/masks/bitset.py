"""Bitset rows over a vocabulary: bit t % 32 of word t // 32, int32 words, as llguidance and xgrammar have them.

In: token ids or rows. Out: rows int32[ceil(V / 32)], and rows applied to logits. Numpy and torch look alike here:
torch is imported only when a tensor is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Row = NDArray[np.int32]


def words(vocabulary_size: int) -> int:
    """Words of a row for this many tokens."""
    return (vocabulary_size + 31) // 32


def from_tokens(tokens: Iterable[int], vocabulary_size: int) -> Row:
    """The row with exactly these tokens."""
    row = np.zeros(words(vocabulary_size), dtype=np.uint32)
    ids = np.fromiter(tokens, dtype=np.int64)
    np.bitwise_or.at(row, ids >> 5, np.uint32(1) << (ids & 31).astype(np.uint32))
    return row.view(np.int32)


def to_tokens(row: Row) -> NDArray[np.int64]:
    """The ids of a row, ascending."""
    bits = np.unpackbits(np.ascontiguousarray(row).view(np.uint8), bitorder="little")
    return np.flatnonzero(bits)


def contains(row: Row, token: int) -> bool:
    word = token >> 5
    return token >= 0 and word < len(row) and bool((int(row[word]) >> (token & 31)) & 1)


def count(row: Row) -> int:
    """How many tokens a row allows."""
    return (
        int(np.bitwise_count(row.view(np.uint32)).sum())
        if hasattr(np, "bitwise_count")
        else len(to_tokens(row))
    )


def apply_rows(rows: Sequence[Row] | NDArray[np.int32], logits: Any) -> Any:
    """Set the logits that a row forbids to minus infinity, in place; logits float[n, V] of numpy or torch.

    Logits past the row's last word are forbidden as well (models pad their output layer).
    """
    values = logits.detach().numpy() if _is_cpu_tensor(logits) else logits
    if isinstance(values, np.ndarray) and values.dtype in (np.float32, np.float64):
        for row, line in zip(rows, values, strict=True):
            _forbid(np.ascontiguousarray(row), line)
        return logits
    return _apply_torch(rows, logits)


def _is_cpu_tensor(logits: Any) -> bool:
    return (
        hasattr(logits, "detach")
        and logits.device.type == "cpu"
        and str(logits.dtype) in ("torch.float32", "torch.float64")
    )


def _apply_torch(rows: Sequence[Row] | NDArray[np.int32], logits: Any) -> Any:
    """Any device and dtype: only the packed rows travel, the bits are spread out where the logits are."""
    import torch

    packed = torch.from_numpy(np.stack([np.asarray(row) for row in rows])).to(logits.device)
    shifts = torch.arange(32, device=logits.device, dtype=torch.int32)
    bits = ((packed.unsqueeze(-1) >> shifts) & 1).bool().reshape(packed.shape[0], -1)
    width = logits.shape[-1]
    if bits.shape[1] < width:
        bits = torch.nn.functional.pad(bits, (0, width - bits.shape[1]))
    return logits.masked_fill_(~bits[:, :width], float("-inf"))


@njit(cache=True)
def _forbid(row, logits):  # type: ignore[no-untyped-def]  # kernels are typed by numba
    """row int32[w], logits float[V]: minus infinity where the bit is clear or there is no word."""
    size = logits.shape[0]
    covered = min(size, row.shape[0] * 32)
    for t in range(covered):
        if (row[t >> 5] >> (t & 31)) & 1 == 0:
            logits[t] = -np.inf
    for t in range(covered, size):
        logits[t] = -np.inf
