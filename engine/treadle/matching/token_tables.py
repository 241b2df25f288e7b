"""What masks need of a vocabulary, computed once for each: packed tries, token bytes, string classes.

In: a `Vocabulary`. Out: flat arrays for the kernels. The one class of tokens that pays for everything: those that can
stand *inside a JSON string* (96 % of Llama-3's). Inside free text their row is taken whole, and only the rest, a
trie of 4 % of the nodes, is walked; where the length is bounded, the rows are cumulative by length.
"""

from __future__ import annotations

import threading
import weakref

import numpy as np
from numpy.typing import NDArray

from treadle.automata.layout import LEVELS
from treadle.errors import VocabularyMismatch
from treadle.masks import bitset
from treadle.matching import kernels
from treadle.vocabulary import Trie, Vocabulary

Int32 = NDArray[np.int32]
#: Most characters that cumulative rows tell apart; longer tokens are walked.
LONGEST = 128


class TokenTables:
    """Immutable arrays about one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        if vocabulary.max_token_bytes >= LEVELS:
            raise VocabularyMismatch("a token is too long", found=f"{vocabulary.max_token_bytes} bytes", expected=f"< {LEVELS}")
        self.size = len(vocabulary)
        self.words = bitset.words(self.size)
        self.trie, self.trie_tokens, self.trie_cover = pack(vocabulary.trie)
        spelled = [data or b"" for data in vocabulary.tokens]
        #: uint8: all tokens' bytes one after the other; int32[V + 1]: where each starts.
        self.blob: NDArray[np.uint8] = np.frombuffer(b"".join(spelled) or b"\0", np.uint8)
        self.starts: Int32 = np.concatenate([[0], np.cumsum([len(data) for data in spelled])]).astype(np.int32)
        lengths = np.empty(self.size, np.int32)
        kernels.interior_lengths(self.blob, self.starts, lengths)
        lengths[lengths > LONGEST] = -1
        #: interior[k]: the tokens of at most k characters that can stand inside a JSON string.
        self.interior = _cumulative(lengths, self.words)
        rest = np.flatnonzero((lengths < 0) & (np.diff(self.starts) > 0))
        self.rest, self.rest_tokens, self.rest_cover = pack(vocabulary.subtrie(rest.tolist()))
        #: Tokens with three quotes or more: the only ones that can close a member name and repeat it (see masks).
        self.repeating: Int32 = np.flatnonzero([data.count(b'"') >= 3 for data in spelled]).astype(np.int32)
        self.eos = np.array(vocabulary.eos_ids, dtype=np.int64)
        self.eos_row = bitset.from_tokens(vocabulary.eos_ids, self.size)
        self.eos_row.flags.writeable = False
        #: Bytes -> a token with exactly these bytes.
        self.by_bytes: dict[bytes, int] = {data: i for i, data in reversed(list(enumerate(spelled))) if data}
        self.longest = vocabulary.max_token_bytes


def pack(trie: Trie) -> tuple[Int32, Int32, Int32]:
    """(int32[3 * n + 3] nodes, int32[t] tokens, int32[4 * n] bytes below), see kernels.py."""
    n = len(trie)
    packed = np.zeros(3 * n + 3, np.int32)
    packed[0 : 3 * n : 3] = trie.byte.astype(np.int32) | (trie.depth.astype(np.int32) << 8)
    packed[1 : 3 * n : 3] = trie.skip
    packed[2 : 3 * n + 3 : 3] = trie.token_start
    cover = np.zeros(4 * n, np.int32)
    kernels.byte_cover(packed, cover)
    return packed, np.array(trie.tokens), cover


def _cumulative(lengths: Int32, words: int) -> NDArray[np.uint32]:
    rows = np.zeros((LONGEST + 1, words), np.uint32)
    for k in range(1, LONGEST + 1):
        rows[k] = rows[k - 1] | bitset.from_tokens(np.flatnonzero(lengths == k), words * 32).view(np.uint32)
    return rows


_TABLES: weakref.WeakKeyDictionary[Vocabulary, TokenTables] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


def token_tables(vocabulary: Vocabulary) -> TokenTables:
    """The tables of a vocabulary, made at first use and kept as long as it lives."""
    with _LOCK:
        tables = _TABLES.get(vocabulary)
        if tables is None:
            tables = _TABLES[vocabulary] = TokenTables(vocabulary)
        return tables
