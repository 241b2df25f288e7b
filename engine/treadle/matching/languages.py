"""Which tokens can stand inside a JSON string of a language, and which can close it: once for each vocabulary.

What a token may do inside a string depends on the language of what is left of the string and on nothing else: not on
the schema, not on where in it the string stands. So the answers are kept beside the vocabulary and serve all schemas;
a pattern, a format or plain text is walked through the trie once.

    row        tokens that stay inside
    closers    tokens that end the string; what they go on with behind its quote is another question
    needs      for a bounded length: characters of a token, and the fewest that must follow it

Bounds are left out of the language: `within` cuts a row by `needs`, as a table cumulative by length does for free text.
Odd tokens, which end inside an escape, are in the rows, but not in `needs`: under a bound they are walked.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from treadle.automata import layout as at
from treadle.automata.byte_automaton import ByteAutomaton
from treadle.grammar import rules
from treadle.grammar.expression import ANY_TEXT, Expr
from treadle.masks import bitset
from treadle.matching import kernels
from treadle.matching.token_tables import TokenTables

UInt32 = NDArray[np.uint32]
#: Languages kept, the least recently used goes first; 32 kB each with Llama-3's vocabulary, 0.3 MB with `needs`.
KEPT: Final = 512
#: Rows kept of each for bounds of length: 16 kB each, made again in some 15 us.
BOUNDS: Final = 32
#: States of the automaton that all of them share; it is begun anew when it has more.
STATES: Final = 1 << 15
#: Of a token that does not stay inside, or is odd.
_NEVER: Final = np.iinfo(np.int16).max


class Language:
    """The answers for one language, spelled one way."""

    def __init__(self, owner: Languages, state: int, automaton: ByteAutomaton, bounded: bool) -> None:
        """`bounded`: lengths will be asked for, so the one walk notes where each token leads as well."""
        self._owner = owner
        self._state = state
        self._automaton = automaton
        self._needs: NDArray[np.int16] | None = None
        self._longest = 0
        self._within: dict[int, UInt32] = {}
        self._closers_within: dict[tuple[int, int], UInt32] = {}
        tables = owner.tables
        self.row: UInt32 = np.zeros(tables.words, np.uint32)
        self.closers: UInt32 = np.zeros(tables.words, np.uint32)
        after = np.zeros(tables.size if bounded else 0, np.int32)
        self._walk(self.row, self.closers, after)
        if bounded:
            self._needs = self._measured(after)

    def _walk(self, row: UInt32, closers: UInt32, after: NDArray[np.int32]) -> None:
        trie, node = self._owner.tables.trie, 0
        while node >= 0:
            words = self._automaton.memory.words
            node = kernels.walk_string(
                words, trie.nodes, trie.tokens, trie.cover, self._state, node, row, closers, after
            )
            if node >= 0:
                self._automaton.answer()

    @property
    def needs(self) -> NDArray[np.int16]:
        """int16[V]: characters that the string must still be allowed to have for a token."""
        if self._needs is None:
            with self._owner.lock:
                tables = self._owner.tables
                after = np.zeros(tables.size, np.int32)
                self._walk(np.zeros(tables.words, np.uint32), np.zeros(tables.words, np.uint32), after)
                self._needs = self._measured(after)
        return self._needs

    @property
    def longest(self) -> int:
        """With so many characters to come, a bound cuts nothing."""
        # Measured with the needs.
        self.needs  # noqa: B018
        return self._longest

    def _measured(self, after: NDArray[np.int32]) -> NDArray[np.int16]:
        tables = self._owner.tables
        fewest, most = np.zeros((2, int(after.max(initial=0)) + 1), np.int32)
        fewest[after] = 1
        for state in np.flatnonzero(fewest).tolist():
            fewest[state], most[state] = self._to_come(state)
        inside = after > 0
        exact = inside & ~tables.is_odd
        needs = np.where(exact, tables.chars - tables.half + fewest[after], _NEVER)
        # Of odd tokens a bound is enough: bytes are no fewer than characters.
        odd = np.where(inside & tables.is_odd, np.diff(tables.starts) + most[after], 0)
        self._longest = int(max(needs[needs < _NEVER].max(initial=0), odd.max(initial=0)))
        return np.minimum(needs, _NEVER).astype(np.int16)

    def _to_come(self, state: int) -> tuple[int, int]:
        """Fewest characters that must follow a state of this language, with one half read; and a bound of that."""
        if state == 0:
            return 0, 0
        config = self._automaton.frontier(state)[0].tolist()
        position = self._automaton.memory.rows(at.AT_POSITIONS, config[at.CFG_POS], 1)[0].tolist()
        fewest = self._automaton.shortest(config, position)
        if config[at.CFG_DECODE]:
            fewest = 1 + self._automaton.shortest_behind(config, *_characters(config[at.CFG_DECODE]))
        return fewest, max(fewest, 1 + self._automaton.shortest_behind(config, 0, 0x10FFFF, greatest=True))

    def within(self, left: int) -> UInt32:
        """The tokens of `row` that are not odd, where at most `left` characters may come."""
        known = self._within.get(left)
        if known is None:
            bits = np.packbits(self.needs <= left, bitorder="little")
            row = np.zeros(4 * self._owner.tables.words, np.uint8)
            row[: len(bits)] = bits
            known = _keep(self._within, left, row.view(np.uint32))
        return known

    def closers_within(self, least: int, most: int) -> UInt32:
        """The tokens of `closers` that have so many characters before the quote."""
        tables = self._owner.tables
        key = max(least, 0), min(most, tables.longest_to_quote)
        known = self._closers_within.get(key)
        if known is None:
            tokens = tables.quoting
            chars = tables.chars[tokens]
            fits = (chars >= key[0]) & (chars <= key[1]) & _chosen(self.closers, tokens)
            known = bitset.from_tokens(tokens[fits], tables.size).view(np.uint32)
            _keep(self._closers_within, key, known)
        return known


def _keep(rows: dict[Any, UInt32], key: Any, row: UInt32) -> UInt32:
    if len(rows) >= BOUNDS:
        rows.clear()
    rows[key] = row
    return row


def _characters(decode: int) -> tuple[int, int]:
    """The characters that a decoder inside of UTF-8 may still come to (RFC 3629)."""
    mode, base = decode >> at.DECODE_SHIFT, decode & at.DECODE_MASK
    if mode == at.D_UTF1:
        return base, base + 0x3F
    if mode == at.D_UTF3:
        return max(base, 0x10000), min(base + 0x3FFFF, 0x10FFFF)
    if mode == at.D_UTF2 and base == 0xD000:
        return base, 0xD7FF
    return max(base, 0x800), base + 0xFFF


class Languages:
    """The languages met so far with one vocabulary."""

    def __init__(self, tables: TokenTables) -> None:
        self.tables = tables
        self.lock = threading.RLock()
        self._known: OrderedDict[tuple[Expr, bool], Language] = OrderedDict()
        self._automaton: ByteAutomaton | None = None

    def get(self, language: Expr, canonical: bool, bounded: bool = False) -> Language:
        with self.lock:
            key = (language, canonical)
            known = self._known.get(key)
            if known is None:
                known = self._known[key] = self._met(language, canonical, bounded)
                if len(self._known) > KEPT:
                    self._known.popitem(last=False)
            else:
                self._known.move_to_end(key)
            return known

    def _met(self, language: Expr, canonical: bool, bounded: bool) -> Language:
        # Languages come as the vocabulary can spell them, so every byte may be used here.
        if self._automaton is None or self._automaton.state_count > STATES:
            self._automaton = ByteAutomaton(rules.Quoted(ANY_TEXT))
        state = self._automaton.entrance(rules.Quoted(language, canonical=canonical))
        return Language(self, state, self._automaton, bounded)


_LOCK = threading.Lock()


def languages_of(tables: TokenTables) -> Languages:
    """The languages of a vocabulary, kept with its tables."""
    with _LOCK:
        known: Languages | None = vars(tables).get("languages")
        if known is None:
            known = vars(tables)["languages"] = Languages(tables)
        return known


def _chosen(row: UInt32, tokens: NDArray[np.int32]) -> NDArray[np.bool_]:
    """bool[len(tokens)]: which tokens a row allows."""
    found: NDArray[np.bool_] = (row[tokens >> 5] >> (tokens & 31).astype(np.uint32)) & np.uint32(1) > 0
    return found
