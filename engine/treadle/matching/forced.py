"""Forced runs: tokens that need no model call, because the text leaves no choice.

From a state, follow the bytes that have no alternative (one successor, and the text may not end); spell them as the
tokenizer would; drop tokens from the end while some longer token could start where they start and go on past the
forced bytes, since then the tokenizer's own spelling depends on what follows. A mask is not limited to forced tokens:
other spellings of the same bytes stay allowed there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from treadle.automata import layout as at
from treadle.matching import kernels

if TYPE_CHECKING:
    from treadle.matching.token_automaton import TokenAutomaton
    from treadle.vocabulary import Vocabulary

#: Longest run followed at once, in bytes.
LONGEST_RUN = 4096


def forced_bytes(automaton: TokenAutomaton, state: int) -> bytes:
    """The bytes that must follow `state`."""
    out = bytearray()
    successors = np.empty(256, np.int64)
    while len(out) < LONGEST_RUN and not automaton.is_accepting(state):
        here = state
        automaton.bytes.complete(lambda words, here=here: int(kernels.successors(words, here, successors)))  # type: ignore[misc]
        alive = np.flatnonzero(successors != at.DEAD)
        if len(alive) != 1:
            break
        out.append(int(alive[0]))
        state = int(successors[alive[0]])
    return bytes(out)


def forced_tokens(automaton: TokenAutomaton, state: int) -> list[int]:
    """The forced bytes behind `state` as tokens, as far as their spelling is certain."""
    data = forced_bytes(automaton, state)
    if not data:
        return []
    tokens = automaton.vocabulary.encode_bytes(data)
    if automaton.vocabulary.decode_bytes(tokens) != data:
        return []
    start = len(data)
    while tokens:
        start -= len(automaton.vocabulary.token_bytes(tokens[-1]) or b"")
        if not may_go_on(automaton.vocabulary, data[start:]):
            break
        tokens.pop()
    return tokens


def may_go_on(vocabulary: Vocabulary, tail: bytes) -> bool:
    """Is `tail` a strict prefix of some token?"""
    trie = vocabulary.trie
    node = trie.find(tail)
    return node >= 0 and int(trie.skip[node]) > node + 1
