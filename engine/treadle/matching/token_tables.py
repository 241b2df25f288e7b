"""What masks need of a vocabulary, computed once for each: packed tries, token bytes, string classes.

In: a `Vocabulary`. Out: flat arrays for the kernels. The one class of tokens that pays for everything: those that can
stand *inside a JSON string* (96 % of Llama-3's). Inside free text their row is taken whole, and only the rest, a
trie of 4 % of the nodes, is walked; where the length is bounded, the rows are cumulative by length.
"""

from __future__ import annotations

import json
import re
import threading
import weakref
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.automata.byte_automaton import ByteAutomaton
from treadle.automata.layout import LEVELS
from treadle.errors import VocabularyMismatch
from treadle.masks import bitset
from treadle.matching import kernels, language_kernels, table_store, trie_kernels
from treadle.matching.warmup import load_kernels
from treadle.vocabulary import Trie, Vocabulary
from treadle.vocabulary.vocabulary import WORTH_STORING

Int32 = NDArray[np.int32]
UInt32 = NDArray[np.uint32]
_NEXT_NAME = re.compile(rb'"[ \t\r\n]*:.*,', re.DOTALL)
_NEXT_ITEM = re.compile(rb",[ \t\r\n]*[^ \t\r\n,]")
_LISTING = re.compile(rb"\[.*,[ \t\r\n]*[^ \t\r\n,]", re.DOTALL)
#: Columns of indentation that the tables of gaps know of.
COLUMNS = 64
_GAP = re.compile(rb"(?: |\n[ \t]{0,%d})(?![ \t\r\n])" % COLUMNS)
_DEEP = re.compile(rb"\A\n[ \t]{%d}" % (COLUMNS + 1))
_TO_QUOTE = re.compile(rb'(?:[^"\\\x00-\x1f]|\\.)*"', re.DOTALL)
_NAME = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\.)*"', re.DOTALL)
_QUOTE = re.compile(rb'"')
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
        self._inside_strings(vocabulary, spelled)
        self._behind_gaps(spelled)
        #: Tokens that could close a member name, write its value, and close the same name again (see TokenAutomaton).
        self.repeating: Int32 = _matching(_REPEATING, spelled)
        #: Tokens that could close a member name and go on behind its value.
        self.using_up: Int32 = _matching(_NEXT_NAME, spelled)
        #: Tokens that could begin a member name and end it.
        self.naming: Int32 = _matching(_NAME, spelled)
        self.with_quote: Int32 = _matching(_QUOTE, spelled)
        #: Tokens that could end an item, and write another one behind it.
        self.repeating_items: Int32 = _matching(_NEXT_ITEM, spelled)
        #: Tokens that could begin an array, write an item, and begin another one.
        self.listing: Int32 = _matching(_LISTING, spelled)
        self.eos = np.array(vocabulary.eos_ids, dtype=np.int64)
        self.eos_row = bitset.from_tokens(vocabulary.eos_ids, self.size)
        self.eos_row.flags.writeable = False
        self.longest = vocabulary.max_token_bytes
        #: The bytes that are tokens of their own.
        self.single_bytes = frozenset(data[0] for data in spelled if len(data) == 1)

    @staticmethod
    def of(vocabulary: Vocabulary) -> TokenTables:
        """The tables of a vocabulary, from the cache on disk where it has them; table_store.py says what is kept."""
        if len(vocabulary) < WORTH_STORING:
            return TokenTables(vocabulary)
        stored = table_store.recall(vocabulary.fingerprint, WalkTrie)
        if stored is not None:
            tables = object.__new__(TokenTables)
            vars(tables).update(stored)
        else:
            tables = TokenTables(vocabulary)
            table_store.remember(vocabulary.fingerprint, vars(tables), WalkTrie)
        return tables

    @cached_property
    def by_bytes(self) -> dict[bytes, int]:
        """Bytes -> the first token with exactly these bytes."""
        data, starts = self.blob.tobytes(), self.starts.tolist()
        spelled = [(data[starts[i] : starts[i + 1]], i) for i in range(self.size - 1, -1, -1)]
        return {data: i for data, i in spelled if data}

    @cached_property
    def without_bytes(self) -> frozenset[int]:
        """Tokens that spell nothing."""
        return frozenset(np.flatnonzero(np.diff(self.starts) == 0).tolist())

    @cached_property
    def heights(self) -> Int32:
        """int32: levels below each node of the trie."""
        out = np.empty(len(self.trie.cover) // 4, np.int32)
        language_kernels.heights(self.trie.nodes, out)
        return out

    def cut(self, automaton: ByteAutomaton, state: int, row: UInt32, sure: int) -> UInt32:
        """`row`, the tokens that stay inside any string, without those that a state inside a string cannot go on with.

        Tokens of fewer than `sure` bytes are known to stay inside.
        """
        if sure > self.longest:
            return row
        left, trie, node = row.copy(), self.trie, 0
        while node >= 0:
            words = automaton.memory.words
            node = language_kernels.walk_cutting(
                words, trie.nodes, trie.tokens, trie.cover, trie.kin, self.heights, state, node, sure, left
            )
            if node >= 0:
                automaton.answer()
        return left

    @cached_property
    def weights(self) -> Int32:
        """int32[256]: how many nodes of the trie begin with each byte."""
        counts = np.zeros(256, np.int32)
        nodes, i = self.trie.nodes, 0
        while i < len(self.trie.cover) // 4:
            end = int(nodes[3 * i + 1])
            counts[nodes[3 * i] & 255] += end - i
            i = end
        return counts

    @cached_property
    def by_quote(self) -> dict[bytes, Int32]:
        """The tokens that come to a closing quote, by their bytes up to it."""
        found: dict[bytes, list[int]] = {}
        for token in self.quoting.tolist():
            match = _TO_QUOTE.match(self.bytes_of(token))
            assert match is not None
            found.setdefault(match[0], []).append(token)
        return {data: np.array(tokens, np.int32) for data, tokens in found.items()}

    @cached_property
    def by_name(self) -> dict[str, Int32]:
        """The tokens of `naming`, by the names that they could write as a whole."""
        found: dict[str, dict[int, None]] = {}
        for token in self.naming.tolist():
            data = self.bytes_of(token)
            for quote in _QUOTE.finditer(data):
                match = _NAME.match(data, quote.start())
                name = None if match is None else _decoded(match[0])
                if name is not None:
                    found.setdefault(name, {})[token] = None
        return {name: np.array(list(tokens), np.int32) for name, tokens in found.items()}

    def bytes_of(self, token: int) -> bytes:
        """The bytes of a token."""
        return self.blob[self.starts[token] : self.starts[token + 1]].tobytes()

    def _inside_strings(self, vocabulary: Vocabulary, spelled: list[bytes]) -> None:
        """What a token is to a string that it begins in between two characters."""
        chars, breaks = np.empty(self.size, np.int32), np.empty(self.size, np.int32)
        kernels.interior_lengths(self.blob, self.starts, chars, breaks)
        lengths = np.diff(self.starts)
        leaving = np.flatnonzero((breaks < lengths) & (lengths > 0))
        #: The tokens that do not stay inside a string, or come to an escape.
        self.rest = WalkTrie(vocabulary.subtrie(leaving.tolist()))
        half = [_is_half(data) for data in spelled]
        odd = []
        for t in leaving.tolist():
            if spelled[t][breaks[t]] == 0x5C:
                chars[t], ends_in_escape = _characters(spelled[t])
                if ends_in_escape:
                    odd.append(t)
        #: int32[V]: characters before the closing quote or the token's end, where one that is cut off counts.
        self.chars: Int32 = chars
        #: bool[V]: tokens that end inside the UTF-8 of a character; and those that end inside an escape.
        self.half = np.array(half, bool)
        self.is_odd = np.zeros(self.size, bool)
        self.is_odd[odd] = True
        self.odd = WalkTrie(vocabulary.subtrie(odd))
        ends = np.array(
            [match.end() if (match := _TO_QUOTE.match(data)) else 0 for data in spelled], np.int64
        )
        #: Tokens that come to a closing quote; the same by what follows it; and those that end with it.
        self.quoting: Int32 = np.flatnonzero(ends > 0).astype(np.int32)
        self.longest_to_quote = int(chars[self.quoting].max(initial=0))
        self.quote_tails = WalkTrie(_tails(spelled, np.flatnonzero((ends > 0) & (ends < lengths)), ends))
        self.quote_last: NDArray[np.uint32] = bitset.from_tokens(
            np.flatnonzero((ends > 0) & (ends == lengths)), self.size
        ).view(np.uint32)
        escaped = np.zeros(self.size, bool)
        escaped[[t for t in leaving.tolist() if spelled[t][breaks[t]] == 0x5C]] = True
        #: Tokens that come to a closing quote behind an escape.
        self.quoting_odd: Int32 = np.flatnonzero((ends > 0) & escaped).astype(np.int32)

    def _behind_gaps(self, spelled: list[bytes]) -> None:
        """Tokens by what they go on with behind the white space that `rules.Space` allows in front."""
        gaps = np.zeros(self.size, np.int64)
        for t, data in enumerate(spelled):
            if data[:1] in {b" ", b"\n"}:
                match = _GAP.match(data)
                gaps[t] = match.end() if match else 0
        lengths = np.diff(self.starts)
        #: Tokens that are white space of one gap; all others with bytes, by what follows the gap.
        self.gap_row: NDArray[np.uint32] = bitset.from_tokens(
            np.flatnonzero((gaps == lengths) & (lengths > 0)), self.size
        ).view(np.uint32)
        self.gap_tails = WalkTrie(_tails(spelled, np.flatnonzero((gaps > 0) & (gaps < lengths)), gaps))
        self.space_trie = WalkTrie(_tails(spelled, np.flatnonzero(gaps < lengths), gaps))
        #: Tokens that indent deeper than that.
        self.deep: Int32 = _matching(_DEEP, spelled)


def _is_half(data: bytes) -> bool:
    """Does a token end inside the UTF-8 of a character?"""
    if data[-1:] < b"\x80":
        return False
    lead = next((byte for byte in reversed(data) if byte >= 0xC0), 0)
    have = len(data) - data.rfind(bytes([lead])) if lead else 0
    return 0 < have < _utf8_length(lead)


def _decoded(text: bytes) -> str | None:
    """The string of a JSON text; None where it is none."""
    try:
        found = json.loads(text.decode("utf-8", "surrogatepass"))
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def _utf8_length(lead: int) -> int:
    return 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _characters(data: bytes) -> tuple[int, bool]:
    """Characters before the closing quote or the end, one that is cut off among them; and whether that is an escape.

    Means nothing for tokens that cannot stand inside a string.
    """
    count = i = 0
    while i < len(data) and data[i] != 0x22:
        count += 1
        if data[i] != 0x5C:
            i += _utf8_length(data[i])
            continue
        size = 6 if data[i + 1 : i + 2] == b"u" else 2
        if data[i + 2 : i + 4].lower() in {b"d8", b"d9", b"da", b"db"} and size == 6:
            # The other half of a pair belongs to the same character.
            size = 12
        if i + size > len(data):
            return count, True
        i += size
    return count, False


def _matching(pattern: re.Pattern[bytes], spelled: list[bytes]) -> Int32:
    return np.flatnonzero([pattern.search(data) is not None for data in spelled]).astype(np.int32)


class WalkTrie:
    """A trie as kernels walk it: nodes int32[3 * n + 3], tokens int32[t], bytes below each node int32[4 * n], lists of
    siblings int32[2 * n].
    """

    __slots__ = ("cover", "kin", "nodes", "tokens")

    def __init__(self, trie: Trie) -> None:
        n = len(trie)
        nodes = np.zeros(3 * n + 3, np.int32)
        nodes[0 : 3 * n : 3] = trie.byte.astype(np.int32) | (trie.depth.astype(np.int32) << 8)
        nodes[1 : 3 * n : 3] = trie.skip
        nodes[2 : 3 * n + 3 : 3] = trie.token_start
        self.nodes: Int32 = nodes
        self.tokens: Int32 = np.array(trie.tokens)
        self.cover: Int32 = np.zeros(4 * n, np.int32)
        trie_kernels.byte_cover(nodes, self.cover)
        if n >= trie_kernels.MOST_NODES:
            raise VocabularyMismatch(
                "the vocabulary is too large", found=f"{n} nodes", expected=f"< {trie_kernels.MOST_NODES}"
            )
        self.kin: Int32 = np.zeros(2 * n, np.int32)
        trie_kernels.kinship(nodes, self.kin)


def _tails(spelled: list[bytes], leaving: NDArray[np.int64], breaks: NDArray[np.integer[Any]]) -> Trie:
    """The trie of what tokens go on with where they leave a string: many tokens share a tail such as `",`."""
    tails = sorted((spelled[t][breaks[t] :], t) for t in leaving.tolist())
    lengths = np.array([len(data) for data, _ in tails], np.int64)
    blob = np.frombuffer(b"".join(data for data, _ in tails) or b"\0", np.uint8)
    tokens = np.array([t for _, t in tails], np.int32)
    return Trie.from_sorted(blob, np.cumsum(lengths) - lengths, lengths, tokens)


_TABLES: weakref.WeakKeyDictionary[Vocabulary, TokenTables] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()


def token_tables(vocabulary: Vocabulary) -> TokenTables:
    """The tables of a vocabulary, made at first use and kept as long as it lives."""
    with _LOCK:
        tables = _TABLES.get(vocabulary)
        if tables is None:
            load_kernels()
            tables = _TABLES[vocabulary] = TokenTables.of(vocabulary)
        return tables
