"""Prompt-boundary healing: take the prompt's last token back and let the model split the boundary anew.

A prompt that ends with "http:" was cut where the tokenizer would not have cut: the model has hardly ever seen "http:"
followed by "//", since "://" is one token. `heal` drops the last token; its bytes become a prefix that the generated
tokens have to cover first. `HealedAutomaton` is the automaton of prefix + language, on top of the language's own:
states 0..n-1 are "so many bytes of the prefix are written", state n + s is state s below.

A token that covers the end of the prefix and goes on is checked by walking any spelling of what goes past the
prefix: all spellings of the same bytes lead to the same state. Leaves out: taking back more than one token.
Source: "token healing" of guidance (Lundberg 2023).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.protocols import Automaton
from treadle.errors import VocabularyMismatch
from treadle.vocabulary import Vocabulary
from treadle.vocabulary.encoding import spell


def heal(prompt: Sequence[int], vocabulary: Vocabulary) -> tuple[list[int], bytes]:
    """(prompt without its last token, that token's bytes); unchanged where that token is no text, or the only one."""
    prompt = list(prompt)
    data = vocabulary.token_bytes(prompt[-1]) if len(prompt) > 1 else None
    return (prompt[:-1], data) if data else (prompt, b"")


class HealedAutomaton:
    """The automaton of `prefix` followed by the language of `inner`."""

    start = 0

    def __init__(self, inner: Automaton, vocabulary: Vocabulary, prefix: bytes) -> None:
        assert prefix, "nothing to heal"
        self.inner = inner
        self.vocabulary = vocabulary
        self.prefix = prefix
        self.DONE = self._outer(inner.DONE)
        self._rows: dict[int, NDArray[np.int32]] = {}

    def _outer(self, state: int) -> int:
        # DONE and the dead state may be negative below; they keep their value.
        return state + len(self.prefix) if state >= 0 else state

    def _inner(self, state: int) -> int:
        return state - len(self.prefix) if state >= 0 else state

    def _in_prefix(self, state: int) -> bool:
        return 0 <= state < len(self.prefix)

    def mask(self, state: int) -> NDArray[np.int32]:
        """Tokens that the rest of the prefix starts with, and tokens that start with it and go on in the language."""
        if not self._in_prefix(state):
            return self.inner.mask(self._inner(state))
        if state not in self._rows:
            self._rows[state] = self._prefix_row(self.prefix[state:])
        return self._rows[state]

    def _prefix_row(self, rest: bytes) -> NDArray[np.int32]:
        trie = self.vocabulary.trie
        bits = np.zeros(-(-len(self.vocabulary) // 32) * 32, np.bool_)
        for length in range(1, len(rest)):
            if (node := trie.find(rest[:length])) >= 0:
                bits[trie.node_tokens(node)] = True
        if (node := trie.find(rest)) >= 0:
            candidates = trie.tokens[trie.token_start[node] : trie.token_start[trie.skip[node]]]
            for token in candidates.tolist():
                bits[token] = self._past(rest, token) is not None
        row = np.packbits(bits, bitorder="little").view(np.int32)
        row.flags.writeable = False
        return row

    def _past(self, rest: bytes, token: int) -> int | None:
        """The state below after a token that starts with `rest`."""
        data = self.vocabulary.token_bytes(token)
        assert data is not None and data.startswith(rest)
        try:
            spelling = spell(self.vocabulary.trie, data[len(rest) :]) if len(data) > len(rest) else []
        except VocabularyMismatch:
            return None
        state = self.inner.start
        for part in spelling:
            state = self.inner.advance(state, part)
            if state < 0:
                return None
        return state

    def advance(self, state: int, token: int) -> int:
        """The state after `token`; -1 when it is not allowed."""
        if not self._in_prefix(state):
            return self._outer(self.inner.advance(self._inner(state), token))
        data, rest = self.vocabulary.token_bytes(token), self.prefix[state:]
        if not data:
            return -1
        if len(data) < len(rest):
            return state + len(data) if rest.startswith(data) else -1
        past = self._past(rest, token) if data.startswith(rest) else None
        return -1 if past is None else self._outer(past)

    def is_accepting(self, state: int) -> bool:
        """Never inside of the prefix."""
        return not self._in_prefix(state) and self.inner.is_accepting(self._inner(state))

    def forced(self, state: int) -> Sequence[int]:
        """Nothing is forced inside of the prefix: how to split it is the question."""
        return () if self._in_prefix(state) else self.inner.forced(self._inner(state))

    def closing(self, state: int) -> Sequence[int]:
        """A short completion."""
        if not self._in_prefix(state):
            return self.inner.closing(self._inner(state))
        return (*spell(self.vocabulary.trie, self.prefix[state:]), *self.inner.closing(self.inner.start))

    def closing_bound(self, state: int) -> int:
        """At least the length of `closing`."""
        if not self._in_prefix(state):
            return self.inner.closing_bound(self._inner(state))
        return len(self.closing(state))
