"""All transitions of one state by tokens, in one call."""

from __future__ import annotations

import numpy as np

from treadle.compiling import kernel
from treadle.matching.context_kernels import spell as spell_parse
from treadle.matching.kernels import spell as spell_bytes


@kernel
def ends_of_bytes(m, blob, starts, tokens, first, state, out):
    """Into out int32[n], from `first` on, the state behind each of tokens int32[n] (a byte automaton's memory).

    Returns the index where the automaton asked for something, or -1 at the end.
    """
    for k in range(first, tokens.shape[0]):
        reached = spell_bytes(m, blob, starts, state, np.int64(tokens[k]))
        if reached == 0:
            return np.int64(k)
        out[k] = reached
    return np.int64(-1)


@kernel
def ends_of_parse(m, blob, starts, tokens, first, state, out):
    """The same for the memory of a parse automaton."""
    for k in range(first, tokens.shape[0]):
        reached = spell_parse(m, blob, starts, state, np.int64(tokens[k]))
        if reached == 0:
            return np.int64(k)
        out[k] = reached
    return np.int64(-1)
