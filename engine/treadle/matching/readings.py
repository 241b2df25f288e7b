"""Masks of lexical grammars: the tokens of a vocabulary as a lexer reads them, and what a parser's stacks say to that.

`Readings` belongs to a grammar and a vocabulary: it keeps profiles (profile_kernels.py), which no parser has a part
in, and is shared by all automata of the grammar. `add` asks a configuration's stacks about a profile (mask_kernels.py).

The first bytes of tokens tell most profiles apart only here and there: behind `in`, a lexer that knows the keyword
`int` differs from one in the middle of any name in front of `t` alone; behind a number it differs from one between
two lexemes in front of digits. So a profile that is asked for is compared with those that are known, byte by
byte, and made only where it differs from the nearest.
"""

from __future__ import annotations

import mmap
import threading
import weakref
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from treadle.automata import parse_layout as at
from treadle.automata import scanner
from treadle.automata.parse_automaton import Duty, ParseAutomaton, ParseTables
from treadle.errors import LimitExceeded
from treadle.matching import mask_kernels, profile_kernels
from treadle.matching import reading_kernels as kernels
from treadle.matching import reading_layout as rd
from treadle.matching.token_tables import TokenTables

Int32 = NDArray[np.int32]
#: Profiles that another one is compared with.
COMPARED: Final = 64
#: Places where tokens end whose profiles are made before anything is asked for; groups and nodes of those behind them.
PREPARED: Final = 64
PREPARED_BELOW: Final = 1 << 12
_FLAGS: Final = (
    getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0) | getattr(mmap, "MAP_NORESERVE", 0)
)
#: Scanner state, duties (ParseAutomaton.duties), column.
Key = tuple[int, tuple[Duty, ...], int]


@dataclass(frozen=True, slots=True)
class Root:
    """A configuration's profile (0: none), and another one's but for tokens that begin like `apart`."""

    profile: int
    base: int
    #: int32[words]: without these tokens of the other profile.
    apart: Int32 | None


class Readings:
    """The profiles of one grammar and one vocabulary."""

    def __init__(self, tables: ParseTables, tokens: TokenTables, cover: Int32) -> None:
        self.lock = threading.RLock()
        self._tokens = tokens
        self._cover = cover
        self._set_words = tables.scanner.words
        nodes = tokens.trie.nodes
        #: The first nodes of the trie, and the node of each first byte.
        self._tops = _tops(nodes)
        self._top_of = {int(nodes[3 * node]) & 255: node for node in self._tops.tolist()}
        ends = nodes[3 * self._tops + 1]
        self._sizes = np.zeros(256, np.int64)
        self._sizes[nodes[3 * self._tops] & 255] = ends - self._tops
        self._prepared = False
        self._begin()

    def _begin(self) -> None:
        self.memory = _memory(self._set_words, self._tokens.words, len(self._tokens.trie.nodes) // 3)
        self._roots: dict[Key, Root] = {}
        #: Profiles of whole tries: what comes behind each byte, and the profile.
        self._whole: list[tuple[Int32, int]] = []
        self._rows: dict[bytes, Int32] = {}

    # -- masks -------------------------------------------------------------------------------------------

    def add(self, automaton: ParseAutomaton, config: list[int], row: Int32, *, inside: bool = False) -> None:
        """Add to `row` int32[words] the tokens that a configuration allows; `inside`: those that complete nothing."""
        with self.lock:
            try:
                self._add(automaton, config, row, inside)
            except LimitExceeded as error:
                self._begin()
                if error.limit != "readings":
                    raise
                # The memory was full of what can be made again.
                self._add(automaton, config, row, inside)
            except BaseException:
                # Something was in the making.
                self._begin()
                raise

    def _add(self, automaton: ParseAutomaton, config: list[int], row: Int32, inside: bool) -> None:
        automaton.know_scanner()
        duties, sets = automaton.duties(config[at.CFG_DUTY])
        key = (config[at.CFG_SCAN], duties, config[at.CFG_COLUMN])
        root = self._roots.get(key)
        if root is None:
            root = self._roots[key] = self._root(automaton, key)
        bundle, won = config[at.CFG_BUNDLE], config[at.CFG_WON]
        if root.apart is not None:
            shared = np.zeros(len(row), np.int32)
            self._allowed(automaton, root.base, bundle, won, (), inside, shared)
            shared &= ~root.apart
            row |= shared
        if root.profile:
            self._allowed(automaton, root.profile, bundle, won, sets, inside, row)

    def _allowed(
        self, automaton: ParseAutomaton, profile: int, bundle: int, won: int, sets: tuple[int, ...], inside: bool,
        row: Int32,
    ) -> None:  # fmt: skip
        r = self.memory
        first = int(r[rd.AT_PREFERRED])
        r[first : first + len(sets)] = sets
        trie = self._tokens.trie
        while mask_kernels.allowed(
            automaton.memory.words, r, trie.nodes, trie.tokens, self._cover, profile, bundle, won, inside, row
        ):
            automaton.answer()

    def prepare(self, automaton: ParseAutomaton, most: int = PREPARED) -> None:
        """Make what will be asked for most: the profiles of the places where tokens end, as far as they are few."""
        with self.lock, automaton.lock:
            if self._prepared:
                return
            self._prepared = True
            try:
                self._prepare(automaton, most)
            except LimitExceeded:
                self._begin()

    def _prepare(self, automaton: ParseAutomaton, most: int) -> None:
        seen = 1
        keys: list[Key] = [(scanner.START, (), 0)]
        while keys and len(self._roots) < most:
            for key in keys[: most - len(self._roots)]:
                self._roots[key] = self._root(automaton, key)
            ends = self._ends(seen)
            seen = int(self.memory[rd.N_GROUPS])
            found: list[Key] = [(scan, (), 0) for scan in ends]
            found += [(scanner.START, duties, 0) for scan in ends for duties in automaton.likely_duties(scan)]
            keys = [key for key in dict.fromkeys(found) if key not in self._roots]
        trie, place = self._tokens.trie, np.ones(1, np.int64)
        room = int(self.memory[rd.N_ROOTS] + self.memory[rd.N_GROUPS]) + PREPARED_BELOW
        while not profile_kernels.profiles_below(
            automaton.memory.words, self.memory, trie.nodes, trie.tokens, self._cover, place, room
        ):
            automaton.answer()

    def _ends(self, seen: int) -> list[int]:
        """The scanner states at the ends of tokens, in groups from number `seen` on."""
        r = self.memory
        first = int(r[rd.AT_GROUPS])
        groups = r[first : first + int(r[rd.N_GROUPS]) * rd.GROUP_WIDTH].reshape(-1, rd.GROUP_WIDTH)[seen:]
        some = groups[:, rd.GR_TOKENS] < groups[:, rd.GR_TOKENS_END]
        readings = int(r[rd.AT_READINGS]) + groups[some, rd.GR_READING] * rd.READING_WIDTH + rd.RD_SCAN
        return np.unique(r[readings]).tolist()

    # -- profiles ----------------------------------------------------------------------------------------

    def _root(self, automaton: ParseAutomaton, key: Key) -> Root:
        scan, duties, column = key
        pairs = np.array([duty[:2] for duty in duties], np.int32).reshape(-1, 2)
        watched = [scanner.words_of(bits, self._set_words) for *_, bits in duties]
        reading = int(
            kernels.first_reading(
                automaton.memory.words, self.memory, scan, pairs,
                np.array(watched, np.int32).reshape(-1, self._set_words), column,
            )
        )  # fmt: skip
        behind = np.zeros(256, np.int32)
        while not kernels.readings_behind(automaton.memory.words, self.memory, reading, behind):
            automaton.answer()
        near, base = 0, 0
        differs = np.ones(256, bool)
        for other, profile in self._whole[-COMPARED:]:
            same = int(self._sizes[other == behind].sum())
            if same > near:
                near, base, differs = same, profile, other != behind
        alive = differs & (behind != at.DEAD)
        if near == 0 or (not duties and self._sizes[alive].sum() > self._sizes.sum() // 8):
            profile = self._profile(automaton, reading, self._tops)
            if not duties:
                self._whole.append((behind, profile))
            return Root(profile, 0, None)
        nodes = [self._top_of[byte] for byte in np.flatnonzero(differs).tolist() if byte in self._top_of]
        roots = [self._top_of[byte] for byte in np.flatnonzero(alive).tolist() if byte in self._top_of]
        profile = self._profile(automaton, reading, np.array(roots, np.int32)) if roots else 0
        return Root(profile, base, self._tokens_below(nodes))

    def _profile(self, automaton: ParseAutomaton, reading: int, roots: Int32) -> int:
        trie = self._tokens.trie
        while True:
            words = automaton.memory.words
            made = profile_kernels.profile_of(
                words, self.memory, trie.nodes, trie.tokens, self._cover, reading, roots
            )
            if made:
                return int(made)
            automaton.answer()

    def _tokens_below(self, nodes: list[int]) -> Int32:
        """The row of all tokens below some of the first nodes."""
        key = np.array(nodes, np.int32).tobytes()
        known = self._rows.get(key)
        if known is None:
            known = self._rows[key] = np.zeros(self._tokens.words, np.int32)
            trie = self._tokens.trie
            bits = known.view(np.uint32)
            for node in nodes:
                end = int(trie.nodes[3 * node + 1])
                tokens = trie.tokens[int(trie.nodes[3 * node + 2]) : int(trie.nodes[3 * end + 2])]
                np.bitwise_or.at(bits, tokens >> 5, np.uint32(1) << (tokens & 31).astype(np.uint32))
        return known


def _tops(nodes: Int32) -> Int32:
    found, node, end = [], 0, len(nodes) // 3 - 1
    while node < end:
        found.append(node)
        node = int(nodes[3 * node + 1])
    return np.array(found, np.int32)


def _memory(set_words: int, row_words: int, nodes: int) -> Int32:
    capacity = {
        rd.CAP_READINGS: 1 << 17, rd.CAP_FLAGSETS: 1 << 13, rd.CAP_OPEN: 1 << 16, rd.CAP_GROUPS: 1 << 21,
        rd.CAP_TOKENS: 1 << 25, rd.CAP_ROOTS: 1 << 25, rd.CAP_ROWS: max(1, (1 << 24) // row_words),
        rd.CAP_EVENTS: 8 * nodes + 256, rd.CAP_MEMOS: 1 << 20,
    }  # fmt: skip
    sizes = {
        rd.AT_READINGS: capacity[rd.CAP_READINGS] * rd.READING_WIDTH, rd.AT_READ: capacity[rd.CAP_READINGS] * 256,
        rd.AT_FLAGSETS: capacity[rd.CAP_FLAGSETS] * set_words, rd.AT_OPEN: capacity[rd.CAP_OPEN] * rd.OPEN_WIDTH,
        rd.AT_PROFILES: rd.PROFILES * rd.PROFILE_WIDTH, rd.AT_GROUPS: capacity[rd.CAP_GROUPS] * rd.GROUP_WIDTH,
        rd.AT_TOKENS: capacity[rd.CAP_TOKENS], rd.AT_ROOTS: capacity[rd.CAP_ROOTS],
        rd.AT_ROWS: capacity[rd.CAP_ROWS] * row_words, rd.AT_EVENTS: capacity[rd.CAP_EVENTS] * rd.EVENT_WIDTH,
        rd.AT_SEEN: capacity[rd.CAP_READINGS], rd.AT_WALK: rd.DEPTH,
        rd.AT_FRAMES: rd.DEPTH * rd.FRAME_WIDTH, rd.AT_PREFERRED: rd.BROUGHT + rd.DEPTH,
        rd.AT_SCRATCH: 3 * rd.DEPTH, at.AT_MEMO: capacity[rd.CAP_MEMOS] * at.MEMO_WIDTH,
        at.AT_HASH: 2 * capacity[rd.CAP_MEMOS],
    }  # fmt: skip
    total = rd.READING_HEADER + sum(sizes.values())
    r = np.frombuffer(mmap.mmap(-1, total * 4, flags=_FLAGS), dtype=np.int32)
    start = rd.READING_HEADER
    for offset, size in sizes.items():
        r[offset] = start
        start += size
    for column, value in capacity.items():
        r[column] = value
    r[at.CAP_HASH] = 2 * capacity[rd.CAP_MEMOS]
    r[rd.ROW_WORDS], r[rd.FLAG_WORDS] = row_words, set_words
    # Number 0 means none; the first set of terminals is the empty one; readings 0 and 1 are UNKNOWN and DEAD.
    for counter in (at.N_MEMO, rd.N_FLAGSETS, rd.N_OPEN, rd.N_PROFILES, rd.N_GROUPS):
        r[counter] = 1
    r[rd.N_READINGS] = at.FIRST
    r[rd.NEXT_NODE] = -1
    return r


_READINGS: weakref.WeakKeyDictionary[ParseTables, weakref.WeakKeyDictionary[TokenTables, Readings]] = (
    weakref.WeakKeyDictionary()
)


def readings_of(tables: ParseTables, tokens: TokenTables, cover: Int32) -> Readings:
    """The readings of a grammar and a vocabulary, shared by all who ask."""
    with tables.lock:
        of_grammar = _READINGS.setdefault(tables, weakref.WeakKeyDictionary())
        known = of_grammar.get(tokens)
        if known is None:
            known = of_grammar[tokens] = Readings(tables, tokens, cover)
        return known
