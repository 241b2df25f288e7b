"""Masks of many sequences at once, each with a constraint of its own.

In: sequences, which are matchers or pairs of a token automaton and a state. Out: `fill_bitmasks`, their rows in one
matrix, and `apply_masks`, their rows applied to a matrix of logits. Both say what a loop over the sequences says.

A row that was computed before is found in a dictionary, and so is the place where it lies; one kernel call then reads
all rows where they are. What has to be computed is computed in turn: most of that is the interpreter's, which threads
would only take from each other. Application runs on so many cores as TREADLE_CORES says (masks/bitset.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.errors import VocabularyMismatch
from treadle.masks import bitset, kernels
from treadle.masks.bitset import Placed, Row
from treadle.matching.grammar_tokens import GrammarTokenAutomaton
from treadle.matching.matcher import Matcher
from treadle.matching.token_automaton import TokenAutomaton

Sequences = Sequence[Matcher | tuple[TokenAutomaton | GrammarTokenAutomaton, int]]


def fill_bitmasks(sequences: Sequences, rows: Any) -> Any:
    """The masks of N sequences into rows int32[N, w], a numpy array or a torch tensor on the CPU; spare words become 0.

    Raises VocabularyMismatch when the rows are too few or too narrow; then nothing is written.
    """
    target: NDArray[np.int32] = rows if isinstance(rows, np.ndarray) else rows.numpy()
    if target.ndim != 2 or len(target) != len(sequences):
        shape = f"an array of shape {target.shape}"
        raise VocabularyMismatch(
            "not one row for each sequence", found=shape, expected=f"{len(sequences)} rows"
        )
    placed = masks_of(sequences)
    longest = int(placed.sizes.max(initial=0))
    if longest > target.shape[1]:
        raise VocabularyMismatch(
            "the row is too narrow", found=f"{target.shape[1]} words", expected=f"{longest} words"
        )
    if target.flags.c_contiguous:
        kernels.gather(placed.addresses, placed.sizes, target)
    else:
        for row, line in zip(placed.rows, target, strict=True):
            line[: len(row)] = row
            line[len(row) :] = 0
    return rows


def apply_masks(sequences: Sequences, logits: Any) -> Any:
    """Set to minus infinity, in place, what the sequences may not go on with; logits float[N, V], numpy or torch.

    The kept rows are read where they are: on a CPU this is what application alone costs.
    """
    return bitset.apply_rows(masks_of(sequences), logits)


def masks_of(sequences: Sequences) -> Placed:
    """The rows of some sequences and where they lie."""
    rows: list[Row] = []
    addresses: list[int] = []
    sizes: list[int] = []
    for sequence in sequences:
        if isinstance(sequence, Matcher):
            automaton, state = sequence.automaton, sequence.state
        else:
            automaton, state = sequence
        row, address = automaton.placed(state)
        rows.append(row)
        addresses.append(address)
        sizes.append(automaton.tables.words)
    return Placed(rows, np.array(addresses, np.int64), np.array(sizes, np.int64))
