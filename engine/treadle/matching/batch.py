"""Masks of many sequences at once, each with a constraint of its own.

In: matchers (or pairs of a token automaton and a state). Out: `fill_bitmasks`, their rows in one matrix, and
`apply_masks`, their rows applied to a matrix of logits. Both say what a loop over the matchers says, row by row.

A row that was computed before is found in a dictionary. What has to be computed is computed in turn: most of that is
the interpreter's, which threads would only take from each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.errors import VocabularyMismatch
from treadle.masks.bitset import apply_rows
from treadle.matching.matcher import Matcher


def fill_bitmasks(matchers: Sequence[Matcher], rows: Any) -> Any:
    """The masks of N sequences into rows int32[N, w], a numpy array or a torch tensor on the CPU; spare words become 0.

    Raises VocabularyMismatch when the rows are too few or too narrow.
    """
    target: NDArray[np.int32] = rows if isinstance(rows, np.ndarray) else rows.numpy()
    if target.ndim != 2 or len(target) != len(matchers):
        shape = f"an array of shape {target.shape}"
        raise VocabularyMismatch(
            "not one row for each sequence", found=shape, expected=f"{len(matchers)} rows"
        )
    width = target.shape[1]
    for matcher, line in zip(matchers, target, strict=True):
        mask = matcher.mask()
        words = len(mask)
        if words == width:
            line[:] = mask
        elif words < width:
            line[:words] = mask
            line[words:] = 0
        else:
            raise VocabularyMismatch(
                "the row is too narrow", found=f"{width} words", expected=f"{words} words"
            )
    return rows


def apply_masks(matchers: Sequence[Matcher], logits: Any) -> Any:
    """Set to minus infinity, in place, what the sequences may not go on with; logits float[N, V], numpy or torch.

    The kept rows are read where they are: on a CPU this is what application alone costs.
    """
    return apply_rows([matcher.mask() for matcher in matchers], logits)
