"""Masks of lexical grammars: the tokens of a vocabulary as a lexer reads them, and what a parser's stacks say to that.

`Readings` belongs to a grammar and a vocabulary: it keeps profiles (profile_kernels.py), which no parser has a part
in, and is shared by all automata of the grammar. `add` asks a state's stacks about profiles (mask_kernels.py).

The first bytes of tokens tell most profiles apart only here and there: behind `in`, a lexer that knows the keyword
`int` differs from one in the middle of any name in front of `t` alone; behind a number it differs from one between
two lexemes in front of digits. So a profile that is asked for is compared with those that are known, byte by
byte, and made only where it differs from the nearest.
"""

from __future__ import annotations

import json
import mmap
import threading
import weakref
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from treadle.automata import parse_layout as at
from treadle.automata import scanner
from treadle.automata.parse_automaton import Duty, ParseAutomaton, ParseTables
from treadle.automata.parse_cell_kernels import rehash
from treadle.errors import LimitExceeded
from treadle.matching import grammar_store, mask_kernels, profile_kernels
from treadle.matching import reading_kernels as kernels
from treadle.matching import reading_layout as rd
from treadle.matching.token_tables import TokenTables
from treadle.vocabulary.vocabulary import WORTH_STORING

Int32 = NDArray[np.int32]
#: Profiles that another one is compared with.
COMPARED: Final = 64
#: Places where tokens end whose profiles are made before anything is asked for; groups and nodes of those behind them.
PREPARED: Final = 64
PREPARED_BELOW: Final = 1 << 12
#: States that a scanner has as a whole before anything is asked for, if it has no more of them.
CLOSED: Final = 1 << 11
_FLAGS: Final = (
    getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0) | getattr(mmap, "MAP_NORESERVE", 0)
)
#: Scanner state, duties (ParseAutomaton.duties), column.
Key = tuple[int, tuple[Duty, ...], int]


class Readings:
    """The profiles of one grammar and one vocabulary."""

    def __init__(self, tables: ParseTables, tokens: TokenTables, cover: Int32, fingerprint: str) -> None:
        self.lock = threading.RLock()
        self.tables = tables
        self.fingerprint = fingerprint
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
        self._shared = np.zeros(tokens.words, np.int32)
        self._prepared = False
        self._generation = 0
        #: Generation, starts and profiles as they are on disk.
        self._dumped = (0, 0, 0)
        self._begin()

    def _begin(self) -> None:
        self.memory = _memory(self._set_words, self._tokens.words, len(self._tokens.trie.nodes) // 3)
        self._generation += 1
        self.memory[rd.GENERATION] = self._generation
        #: Where masks start (reading_layout.START_WIDTH).
        self._starts: dict[Key, int] = {}
        #: Profiles of whole tries, the last ones: what comes behind each byte, and the profile.
        self._behind = np.zeros((COMPARED, 256), np.int32)
        self._whole: list[int] = []
        #: Rows of the tokens below some of the first nodes.
        self._apart: dict[bytes, int] = {}

    # -- masks -------------------------------------------------------------------------------------------

    def add(self, automaton: ParseAutomaton, state: int, row: Int32) -> None:
        """Add to `row` int32[words] the tokens that a state allows, the end of the text among them."""
        with self.lock:
            try:
                self._add(automaton, state, row)
            except LimitExceeded as error:
                self._begin()
                if error.limit != "readings":
                    raise
                # The memory was full of what can be made again.
                self._add(automaton, state, row)
            except BaseException:
                # Something was in the making.
                self._begin()
                raise

    def _add(self, automaton: ParseAutomaton, state: int, row: Int32) -> None:
        automaton.know_scanner()
        trie, ends = self._tokens.trie, self._tokens.eos_row
        while True:
            answer = mask_kernels.mask_at_once(
                automaton.memory.words, self.memory, trie.nodes, trie.tokens, self._cover, state, ends,
                self._shared, row,
            )  # fmt: skip
            if answer == mask_kernels.DONE:
                return
            if answer == mask_kernels.STOPPED:
                break
            self._note_start(automaton, int(self.memory[rd.WANTED]))
        if automaton.is_accepting(state):
            row |= ends
        with automaton.passing():
            while mask_kernels.mask_on(
                automaton.memory.words, self.memory, trie.nodes, trie.tokens, self._cover, state,
                self._shared, row,
            ):  # fmt: skip
                automaton.answer()

    def _note_start(self, automaton: ParseAutomaton, number: int) -> None:
        """Make where the masks of configurations like this one start."""
        config = automaton.memory.rows(at.AT_CONFIGS, number, 1)[0].tolist()
        duties, _ = automaton.duties(config[at.CFG_DUTY])
        start = self._start(automaton, (config[at.CFG_SCAN], duties, config[at.CFG_COLUMN]))
        while not mask_kernels.note_start(automaton.memory.words, self.memory, number, start):
            automaton.answer()

    def prepare(self, automaton: ParseAutomaton, most: int = PREPARED) -> None:
        """Make what will be asked for most: the profiles of the places where tokens end, as far as they are few."""
        with self.lock, automaton.lock:
            if self._prepared:
                return
            self._prepared = True
            if self._tokens.size < WORTH_STORING:
                self._try_to_prepare(automaton, most)
                return
            with self.tables.lock:
                stored = grammar_store.recall_profiles(self.tables, self.fingerprint)
                if stored is not None:
                    self._load(stored)
                else:
                    # A byte that is met first while a mask is made would cost a way to Python and back.
                    self.tables.scanner.close(CLOSED)
                    automaton.know_scanner()
                    self._try_to_prepare(automaton, most)
                grammar_store.remember(self)

    def _try_to_prepare(self, automaton: ParseAutomaton, most: int) -> None:
        try:
            self._prepare(automaton, most)
        except LimitExceeded:
            self._begin()

    def _prepare(self, automaton: ParseAutomaton, most: int) -> None:
        seen = 1
        keys: list[Key] = [(scanner.START, (), 0)]
        while keys and len(self._starts) < most:
            for key in keys[: most - len(self._starts)]:
                self._start(automaton, key)
            ends = self._ends(seen)
            seen = int(self.memory[rd.N_GROUPS])
            found: list[Key] = [(scan, (), 0) for scan in ends]
            found += [(scanner.START, duties, 0) for scan in ends for duties in automaton.likely_duties(scan)]
            keys = [key for key in dict.fromkeys(found) if key not in self._starts]
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

    # -- on disk -----------------------------------------------------------------------------------------

    def dump(self) -> dict[str, NDArray[Any]] | None:
        """All that is known, as arrays; None if that was dumped or loaded already."""
        with self.lock:
            r = self.memory
            made = self._generation, int(r[rd.N_STARTS]), int(r[rd.N_PROFILES])
            if made == self._dumped:
                return None
            self._dumped = made
            arrays: dict[str, NDArray[Any]] = {
                str(offset): r[r[offset] : r[offset] + int(r[counter]) * width].copy()
                for offset, counter, width in _lasting(r)
            }
            keys = json.dumps([list(self._starts.items()), [[list(k), v] for k, v in self._apart.items()]])
            arrays["keys"] = np.frombuffer(keys.encode(), np.uint8)
            arrays["whole"] = np.array(self._whole, np.int32)
            arrays["behind"] = self._behind[: len(self._whole)].copy()
            return arrays

    def _load(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what `dump` gave."""
        self._begin()
        r = self.memory
        for offset, counter, width in _lasting(r):
            values = arrays[str(offset)]
            r[r[offset] : r[offset] + len(values)] = values
            r[counter] = len(values) // width
        rehash(r)
        starts, apart = json.loads(arrays["keys"].tobytes())
        self._starts = {
            (scan, tuple(map(tuple, duties)), column): start for (scan, duties, column), start in starts
        }
        self._apart = {bytes(nodes): row for nodes, row in apart}
        self._whole = arrays["whole"].tolist()
        self._behind[: len(self._whole)] = arrays["behind"]
        self._dumped = self._generation, int(r[rd.N_STARTS]), int(r[rd.N_PROFILES])

    # -- profiles ----------------------------------------------------------------------------------------

    def _start(self, automaton: ParseAutomaton, key: Key) -> int:
        """Where the masks of configurations with this scanner state, duties and column start."""
        known = self._starts.get(key)
        if known is None:
            found = self._find_start(automaton, key)
            r = self.memory
            known = self._starts[key] = int(r[rd.N_STARTS])
            if known >= r[rd.CAP_STARTS]:
                raise LimitExceeded("too many ways to read tokens", limit="readings", value=known)
            first = int(r[rd.AT_STARTS]) + known * rd.START_WIDTH
            r[first : first + rd.START_WIDTH] = found
            r[rd.N_STARTS] = known + 1
        return known

    def _find_start(self, automaton: ParseAutomaton, key: Key) -> tuple[int, int, int]:
        """A profile (0: none), and another one but for the tokens of a row (0, 0: none)."""
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
        alike = (self._behind[: len(self._whole)] == behind) @ self._sizes
        nearest = int(alike.argmax()) if len(alike) else -1
        differs = self._behind[nearest] != behind
        alive = differs & (behind != at.DEAD)
        if nearest < 0 or (not duties and self._sizes[alive].sum() > self._sizes.sum() // 8):
            profile = self._profile(automaton, reading, self._tops)
            if not duties:
                self._compare_with(behind, profile)
            return profile, 0, 0
        nodes = [self._top_of[byte] for byte in np.flatnonzero(differs).tolist() if byte in self._top_of]
        roots = [self._top_of[byte] for byte in np.flatnonzero(alive).tolist() if byte in self._top_of]
        profile = self._profile(automaton, reading, np.array(roots, np.int32)) if roots else 0
        return profile, self._whole[nearest], self._tokens_below(nodes)

    def _compare_with(self, behind: Int32, profile: int) -> None:
        """Keep a profile of a whole trie to compare others with; the first ones are the most usual."""
        if len(self._whole) < COMPARED:
            self._behind[len(self._whole)] = behind
            self._whole.append(profile)

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

    def _tokens_below(self, nodes: list[int]) -> int:
        """The row of all tokens below some of the first nodes."""
        places = np.array(nodes, np.int32)
        key = places.tobytes()
        known = self._apart.get(key)
        if known is None:
            r, trie = self.memory, self._tokens.trie
            known = self._apart[key] = int(r[rd.N_ROWS])
            if known >= r[rd.CAP_ROWS]:
                raise LimitExceeded("too many ways to read tokens", limit="readings", value=known)
            r[rd.N_ROWS] = known + 1
            first = int(r[rd.AT_ROWS]) + known * int(r[rd.ROW_WORDS])
            row = r[first : first + int(r[rd.ROW_WORDS])]
            profile_kernels.add_below(trie.nodes, trie.tokens, places, row)
        return known


def _lasting(r: Int32) -> list[tuple[int, int, int]]:
    """The tables that last: where each is, how many rows it has, and how wide they are."""
    return [
        (rd.AT_READINGS, rd.N_READINGS, rd.READING_WIDTH), (rd.AT_READ, rd.N_READINGS, 256),
        (rd.AT_FLAGSETS, rd.N_FLAGSETS, int(r[rd.FLAG_WORDS])), (rd.AT_OPEN, rd.N_OPEN, rd.OPEN_WIDTH),
        (rd.AT_PROFILES, rd.N_PROFILES, rd.PROFILE_WIDTH), (rd.AT_GROUPS, rd.N_GROUPS, rd.GROUP_WIDTH),
        (rd.AT_TOKENS, rd.N_TOKENS, 1), (rd.AT_ROOTS, rd.N_ROOTS, 1),
        (rd.AT_ROWS, rd.N_ROWS, int(r[rd.ROW_WORDS])), (rd.AT_STARTS, rd.N_STARTS, rd.START_WIDTH),
        (at.AT_MEMO, at.N_MEMO, at.MEMO_WIDTH),
    ]  # fmt: skip


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
        rd.CAP_EVENTS: 8 * nodes + 256, rd.CAP_MEMOS: 1 << 17, rd.CAP_STARTS: 1 << 16,
    }  # fmt: skip
    sizes = {
        rd.AT_READINGS: capacity[rd.CAP_READINGS] * rd.READING_WIDTH, rd.AT_READ: capacity[rd.CAP_READINGS] * 256,
        rd.AT_FLAGSETS: capacity[rd.CAP_FLAGSETS] * set_words, rd.AT_OPEN: capacity[rd.CAP_OPEN] * rd.OPEN_WIDTH,
        rd.AT_PROFILES: rd.PROFILES * rd.PROFILE_WIDTH, rd.AT_GROUPS: capacity[rd.CAP_GROUPS] * rd.GROUP_WIDTH,
        rd.AT_TOKENS: capacity[rd.CAP_TOKENS], rd.AT_ROOTS: capacity[rd.CAP_ROOTS],
        rd.AT_ROWS: capacity[rd.CAP_ROWS] * row_words, rd.AT_EVENTS: capacity[rd.CAP_EVENTS] * rd.EVENT_WIDTH,
        rd.AT_SEEN: capacity[rd.CAP_READINGS], rd.AT_WALK: rd.DEPTH,
        rd.AT_FRAMES: rd.DEPTH * rd.FRAME_WIDTH, rd.AT_PREFERRED: 2 * (rd.BROUGHT + rd.DEPTH),
        rd.AT_STARTS: capacity[rd.CAP_STARTS] * rd.START_WIDTH,
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


def readings_of(tables: ParseTables, tokens: TokenTables, cover: Int32, fingerprint: str) -> Readings:
    """The readings of a grammar and a vocabulary, shared by all who ask."""
    with tables.lock:
        of_grammar = _READINGS.setdefault(tables, weakref.WeakKeyDictionary())
        known = of_grammar.get(tokens)
        if known is None:
            known = of_grammar[tokens] = Readings(tables, tokens, cover, fingerprint)
        return known
