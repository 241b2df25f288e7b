"""What masks need of a vocabulary, computed once for each: packed tries, token bytes, string classes.

In: a `Vocabulary`. Out: flat arrays for the kernels. The one class of tokens that pays for everything: those that can
stand *inside a JSON string* (96 % of Llama-3's). Inside free text their row is taken whole, and only the rest, a
trie of 4 % of the nodes, is walked; where the length is bounded, the rows are cumulative by length.
"""

from __future__ import annotations

import re
import threading
import weakref

import numpy as np
from numpy.typing import NDArray

from treadle.automata.layout import LEVELS
from treadle.errors import VocabularyMismatch
from treadle.masks import bitset
from treadle.matching import kernels
from treadle.matching.warmup import load_kernels
from treadle.vocabulary import Trie, Vocabulary

Int32 = NDArray[np.int32]
#: Characters that cumulative rows tell apart; longer tokens, a handful, are in the last row.
LONGEST = 128
_NEXT_NAME = re.compile(rb'"[ \t\r\n]*:.*,', re.DOTALL)
_NEXT_ITEM = re.compile(rb",[ \t\r\n]*[^ \t\r\n,]")
_REPEATING = re.compile(rb'"[ \t\r\n]*:.*,[ \t\r\n]*"[^"]*"', re.DOTALL)


class TokenTables:
    """Immutable arrays about one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        if vocabulary.max_token_bytes >= LEVELS:
            raise VocabularyMismatch(
                "a token is too long", found=f"{vocabulary.max_token_bytes} bytes", expected=f"< {LEVELS}"
            )
        self.size = len(vocabulary)
        self.words = bitset.words(self.size)
        self.trie = WalkTrie(vocabulary.trie)
        spelled = [data or b"" for data in vocabulary.tokens]
        #: uint8: all tokens' bytes one after the other; int32[V + 1]: where each starts.
        self.blob: NDArray[np.uint8] = np.frombuffer(b"".join(spelled) or b"\0", np.uint8)
        self.starts: Int32 = np.concatenate([[0], np.cumsum([len(data) for data in spelled])]).astype(
            np.int32
        )
        chars, breaks = np.empty(self.size, np.int32), np.empty(self.size, np.int32)
        kernels.interior_lengths(self.blob, self.starts, chars, breaks)
        lengths = np.diff(self.starts)
        inside = (breaks == lengths) & (lengths > 0)
        #: interior[k]: the tokens of at most k characters that can stand inside a JSON string; last row: any length.
        self.interior = _cumulative(np.where(inside, chars, -1), self.words)
        leaving = np.flatnonzero((breaks < lengths) & (lengths > 0))
        #: The tokens that do not stay inside a string; and the same tokens by what they go on with where they leave it.
        self.rest = WalkTrie(vocabulary.subtrie(leaving.tolist()))
        self.tails = WalkTrie(_tails(spelled, leaving, breaks))
        long_ones = np.flatnonzero(inside & (chars >= LONGEST))
        self.rest_or_long = WalkTrie(vocabulary.subtrie(np.union1d(leaving, long_ones).tolist()))
        #: Tokens that could close a member name, write its value, and close the same name again (see TokenAutomaton).
        self.repeating: Int32 = _matching(_REPEATING, spelled)
        #: Tokens that could close a member name and go on behind its value.
        self.using_up: Int32 = _matching(_NEXT_NAME, spelled)
        #: Tokens that could end an item, and write another one behind it.
        self.repeating_items: Int32 = _matching(_NEXT_ITEM, spelled)
        self.eos = np.array(vocabulary.eos_ids, dtype=np.int64)
        self.eos_row = bitset.from_tokens(vocabulary.eos_ids, self.size)
        self.eos_row.flags.writeable = False
        #: Bytes -> a token with exactly these bytes.
        self.by_bytes: dict[bytes, int] = {data: i for i, data in reversed(list(enumerate(spelled))) if data}
        self.longest = vocabulary.max_token_bytes
        #: The bytes that are tokens of their own.
        self.single_bytes = frozenset(data[0] for data in self.by_bytes if len(data) == 1)


def _matching(pattern: re.Pattern[bytes], spelled: list[bytes]) -> Int32:
    return np.flatnonzero([pattern.search(data) is not None for data in spelled]).astype(np.int32)


class WalkTrie:
    """A trie as kernels walk it: nodes int32[3 * n + 3], tokens int32[t], bytes below each node int32[4 * n]."""

    __slots__ = ("cover", "nodes", "tokens")

    def __init__(self, trie: Trie) -> None:
        n = len(trie)
        nodes = np.zeros(3 * n + 3, np.int32)
        nodes[0 : 3 * n : 3] = trie.byte.astype(np.int32) | (trie.depth.astype(np.int32) << 8)
        nodes[1 : 3 * n : 3] = trie.skip
        nodes[2 : 3 * n + 3 : 3] = trie.token_start
        self.nodes: Int32 = nodes
        self.tokens: Int32 = np.array(trie.tokens)
        self.cover: Int32 = np.zeros(4 * n, np.int32)
        kernels.byte_cover(nodes, self.cover)


def _tails(spelled: list[bytes], leaving: NDArray[np.int64], breaks: Int32) -> Trie:
    """The trie of what tokens go on with where they leave a string: many tokens share a tail such as `",`."""
    tails = sorted((spelled[t][breaks[t] :], t) for t in leaving.tolist())
    lengths = np.array([len(data) for data, _ in tails], np.int64)
    blob = np.frombuffer(b"".join(data for data, _ in tails) or b"\0", np.uint8)
    tokens = np.array([t for _, t in tails], np.int32)
    return Trie.from_sorted(blob, np.cumsum(lengths) - lengths, lengths, tokens)


def _cumulative(lengths: Int32, words: int) -> NDArray[np.uint32]:
    rows = np.zeros((LONGEST + 1, words), np.uint32)
    for k in range(1, LONGEST):
        rows[k] = rows[k - 1] | bitset.from_tokens(np.flatnonzero(lengths == k), words * 32).view(np.uint32)
    rows[LONGEST] = rows[LONGEST - 1] | bitset.from_tokens(
        np.flatnonzero(lengths >= LONGEST), words * 32
    ).view(np.uint32)
    return rows


_TABLES: weakref.WeakKeyDictionary[Vocabulary, TokenTables] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


def token_tables(vocabulary: Vocabulary) -> TokenTables:
    """The tables of a vocabulary, made at first use and kept as long as it lives."""
    with _LOCK:
        tables = _TABLES.get(vocabulary)
        if tables is None:
            load_kernels()
            tables = _TABLES[vocabulary] = TokenTables(vocabulary)
        return tables
