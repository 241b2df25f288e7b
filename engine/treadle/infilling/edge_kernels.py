"""All transitions of one state by tokens, and of many states by one token, in one call."""

from __future__ import annotations

import numpy as np

from treadle.compiling import kernel
from treadle.matching.context_kernels import spell as spell_parse
from treadle.matching.kernels import spell as spell_bytes


@kernel
def ends_of_bytes(m, blob, starts, state, tokens, first, out):
    """Into out int32[n], from `first` on, the state behind each of tokens int32[n] (a byte automaton's memory).

    Returns the index where the automaton asked for something, or -1 at the end.
    """
    for k in range(first, tokens.shape[0]):
        reached = spell_bytes(m, blob, starts, np.int64(state), np.int64(tokens[k]))
        if reached == 0:
            return np.int64(k)
        out[k] = reached
    return np.int64(-1)


@kernel
def ends_of_parse(m, blob, starts, state, tokens, first, out):
    """The same for the memory of a parse automaton."""
    for k in range(first, tokens.shape[0]):
        reached = spell_parse(m, blob, starts, np.int64(state), np.int64(tokens[k]))
        if reached == 0:
            return np.int64(k)
        out[k] = reached
    return np.int64(-1)


@kernel
def all_behind_bytes(m, blob, starts, token, states, first, out):
    """Into out int32[n], from `first` on, where one token leads from each of states int32[n] (bytes)."""
    for k in range(first, states.shape[0]):
        reached = spell_bytes(m, blob, starts, np.int64(states[k]), np.int64(token))
        if reached == 0:
            return np.int64(k)
        out[k] = reached
    return np.int64(-1)


@kernel
def all_behind_parse(m, blob, starts, token, states, first, out):
    """The same for the memory of a parse automaton."""
    for k in range(first, states.shape[0]):
        reached = spell_parse(m, blob, starts, np.int64(states[k]), np.int64(token))
        if reached == 0:
            return np.int64(k)
        out[k] = reached
    return np.int64(-1)
