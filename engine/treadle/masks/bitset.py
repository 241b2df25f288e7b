"""Bitset rows over a vocabulary: bit t % 32 of word t // 32, int32 words, as llguidance and xgrammar have them.

In: token ids or rows. Out: rows int32[ceil(V / 32)], and rows applied to logits. Numpy and torch look alike here:
torch is imported only when a tensor is handed in, and a tensor on the CPU is written in place through numpy.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from treadle.masks import kernels

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

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
    # PERF: of booleans numpy finds the true ones in a tenth of the time that it takes for numbers.
    return np.flatnonzero(bits.view(np.bool_))


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


@dataclass(frozen=True)
class Placed:
    """Rows that lie anywhere: rows[i] is int32[sizes[i]] at addresses[i]."""

    rows: Sequence[Row]
    addresses: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @staticmethod
    def of(rows: Sequence[Row] | NDArray[np.int32] | Placed) -> Placed:
        """Rows of a matrix or a list."""
        if isinstance(rows, Placed):
            return rows
        if isinstance(rows, np.ndarray):
            matrix = np.ascontiguousarray(rows)
            addresses = address_of(matrix) + matrix.strides[0] * np.arange(len(matrix), dtype=np.int64)
            return Placed(list(matrix), addresses, np.full(len(matrix), matrix.shape[-1], np.int64))
        whole = [np.ascontiguousarray(row) for row in rows]
        addresses = np.array([address_of(row) for row in whole], np.int64)
        return Placed(whole, addresses, np.array([len(row) for row in whole], np.int64))

    def __len__(self) -> int:
        return len(self.rows)


def apply_rows(rows: Sequence[Row] | NDArray[np.int32] | Placed, logits: Any) -> Any:
    """Set the logits that a row forbids to minus infinity, in place; logits float[n, V] of numpy or torch, any format.

    Logits past a row's last word are forbidden as well (models pad their output layer). Rows are read where they lie.
    Many lines are shared among `CORES`. On a GPU only the packed rows travel.
    """
    if len(rows) != len(logits):
        raise ValueError(f"{len(rows)} rows for {len(logits)} lines of logits")
    if not isinstance(logits, np.ndarray) and logits.device.type != "cpu":
        return apply_on_device(_matrix(rows.rows if isinstance(rows, Placed) else rows), logits)
    lines, infinity = _unsigned(logits)
    if lines.flags.c_contiguous:
        _forbid(rows, lines, infinity)
    elif lines.strides[-1] == lines.itemsize:
        # Lines of a wider matrix, such as the last position of each sequence.
        placed = Placed.of(rows)
        for i in range(len(lines)):
            kernels.forbid(placed.addresses[i:], placed.sizes[i:], lines[i : i + 1], infinity, 0, 1)
    else:
        whole = np.ascontiguousarray(lines)
        _forbid(rows, whole, infinity)
        lines[:] = whole
    return logits


def apply_on_device(rows: NDArray[np.int32], logits: Any) -> Any:
    """`apply_rows` in torch's own operations, on whatever device the logits are: V / 8 bytes a row travel there.

    Every byte of a row is tested against the eight bits; what is made on the way takes a byte for each logit.
    """
    import torch

    packed = torch.from_numpy(np.ascontiguousarray(rows).view(np.uint8)).to(logits.device, non_blocking=True)
    bit = torch.tensor([1 << k for k in range(8)], dtype=torch.uint8, device=logits.device)
    forbidden = (packed.unsqueeze(-1) & bit).eq(0).flatten(1)
    covered = min(logits.shape[-1], forbidden.shape[-1])
    logits[:, :covered].masked_fill_(forbidden[:, :covered], float("-inf"))
    logits[:, covered:] = float("-inf")
    return logits


#: Bytes of a float -> the unsigned type of its width, and minus infinity written in that.
_UNSIGNED: dict[int, Any] = {2: np.uint16, 4: np.uint32, 8: np.uint64}
_INFINITY: dict[int, Any] = {2: np.uint16(0xFC00), 4: np.uint32(0xFF800000), 8: np.uint64(0xFFF0000000000000)}
#: bfloat16 is the upper half of float32.
_BFLOAT16_INFINITY = np.uint16(0xFF80)


def _matrix(rows: Sequence[Row] | NDArray[np.int32]) -> NDArray[np.int32]:
    """Rows one below the other, the shorter ones filled up with zeros."""
    if isinstance(rows, np.ndarray):
        return rows
    matrix = np.zeros((len(rows), max(map(len, rows), default=0)), np.int32)
    for row, line in zip(rows, matrix, strict=True):
        line[: len(row)] = row
    return matrix


def _unsigned(logits: Any) -> tuple[NDArray[Any], Any]:
    """Logits of numpy, or of torch on the CPU, as unsigned words (not copied), and their minus infinity."""
    if not isinstance(logits, np.ndarray):
        import torch

        if logits.dtype == torch.bfloat16:  # numpy knows no such format
            return logits.detach().view(torch.int16).numpy().view(np.uint16), _BFLOAT16_INFINITY
        logits = logits.detach().numpy()
    if logits.dtype.kind != "f" or logits.itemsize not in _UNSIGNED:
        raise TypeError(f"logits are floats of 16, 32 or 64 bits, not {logits.dtype}")
    words = _UNSIGNED[logits.itemsize]
    return logits.view(words), _INFINITY[logits.itemsize]


#: Bytes of logits from which on another core is worth waking: some 50 us.
_WORTH_SHARING = 1 << 22
#: Cores that share the lines of a batch. One unless told otherwise: a core that is busy elsewhere keeps the others
#: waiting for several milliseconds.
CORES = int(os.environ.get("TREADLE_CORES", "1"))


def _forbid(rows: Sequence[Row] | NDArray[np.int32] | Placed, lines: NDArray[Any], infinity: Any) -> None:
    shares = min(CORES, len(lines)) if lines.nbytes >= _WORTH_SHARING else 1
    if shares == 1 and isinstance(rows, np.ndarray):
        if len(rows):
            kernels.forbid_in_matrix(np.ascontiguousarray(rows), lines, infinity)
        return
    placed = Placed.of(rows)
    bounds = [len(lines) * k // shares for k in range(shares + 1)]

    def share(k: int) -> None:
        kernels.forbid(placed.addresses, placed.sizes, lines, infinity, bounds[k], bounds[k + 1])

    waiting = [_workers().submit(share, k) for k in range(1, shares)]
    share(0)
    for other in waiting:
        other.result()


@cache
def _workers() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(CORES, thread_name_prefix="treadle")


if hasattr(os, "register_at_fork"):
    # A child has no threads of its parent's.
    os.register_at_fork(after_in_child=_workers.cache_clear)


def address_of(row: NDArray[Any]) -> int:
    """Where an array lies in memory. Who uses the number holds the array."""
    return int(row.__array_interface__["data"][0])
