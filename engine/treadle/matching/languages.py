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
from collections import OrderedDict, deque
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from treadle.automata import layout as at
from treadle.automata.byte_automaton import ByteAutomaton
from treadle.grammar import rules
from treadle.grammar.beginnings import admits_every_beginning, least_outside
from treadle.grammar.expression import ANY_TEXT, Expr
from treadle.masks import bitset
from treadle.matching import kernels, language_kernels
from treadle.matching.token_tables import TokenTables, WalkTrie

UInt32 = NDArray[np.uint32]
#: Languages kept, the least recently used goes first; 32 kB each with Llama-3's vocabulary, 0.3 MB with `needs`.
KEPT: Final = 512
#: Rows kept of each for bounds of length: 16 kB each, made again in some 15 us.
BOUNDS: Final = 32
#: States of the automaton that all of them share; it is begun anew when it has more.
STATES: Final = 1 << 15
#: Languages that a new one is compared with: by where they lead behind one byte, and closer.
RELATIVES: Final = 48
COMPARED: Final = 16
#: Shares of the trie: with less to be walked again, a language is near enough; with more, it is no help.
CLOSE: Final = 0.02
HALF: Final = 0.5
#: With a smaller share of the trie alive, a language is walked by itself: that is done sooner than comparing it.
ALIVE: Final = 0.5
#: Characters that do not tell two languages apart, so that walking them side by side is worth it: with fewer, most of
#: the trie is walked for both.
WORTH_IT: Final = 16
#: A token of fewer bytes stays inside: then nothing is compared, the longer ones are few.
SURE: Final = 4
#: Character states that are lowered only to compare a language with others.
LOOKED_AHEAD: Final = 16
#: Pairs of character states that a family remembers the likeness of.
_ALIKE: Final = 1 << 14
#: Of a token that does not stay inside, or is odd.
_NEVER: Final = np.iinfo(np.int16).max
_NOTHING: Final = np.zeros(0, np.int32)


class Language:
    """The answers for one language, spelled one way."""

    def __init__(
        self, owner: Languages, place: Place, bounded: bool, free: Language | None = None, sure: int = 0
    ) -> None:
        """`bounded`: lengths will be asked for, so the one walk notes where each token leads as well. `free`: any text,
        where all tokens of fewer than `sure` bytes that stay inside it stay inside here, too.
        """
        self.place = place
        self._owner = owner
        self._needs: NDArray[np.int16] | None = None
        self._longest = 0
        self._within: dict[int, UInt32] = {}
        self._closers_within: dict[tuple[int, int], UInt32] = {}
        near = place.family.near(place, bounded) if sure < SURE else free
        if near is not None and near is free:
            self.row: UInt32 = owner.tables.cut(place.family.automaton, place.state, free.row, sure)
            self.closers = self._closing()
        elif near is None:
            self.row, self.closers, after = self._walked(bounded)
            if bounded:
                self._needs = self._measured(after)
        else:
            self.row, self.closers = self._walked_beside(near, bounded)
            if not bounded:
                self.closers = self._closing()

    def _walked(
        self, bounded: bool, trie: WalkTrie | None = None
    ) -> tuple[UInt32, UInt32, NDArray[np.int32]]:
        """Tokens that stay inside, those that close, and where each of the first leads; of all, or those of a trie."""
        tables, automaton = self._owner.tables, self.place.family.automaton
        row, closers = np.zeros((2, tables.words), np.uint32)
        after = np.zeros(tables.size if bounded else 0, np.int32)
        trie, node = trie or tables.trie, 0
        while node >= 0:
            words = automaton.memory.words
            node = language_kernels.walk_string(
                words, trie.nodes, trie.tokens, trie.cover, trie.kin, self.place.state, node, row, closers, after
            )  # fmt: skip
            if node >= 0:
                automaton.answer()
        return row, closers, after

    def _closing(self) -> UInt32:
        """The tokens that close: a small part of the trie has them all."""
        return self._walked(False, self._owner.tables.rest)[1]

    def _walked_beside(self, near: Language, bounded: bool) -> tuple[UInt32, UInt32]:
        """`_walked` and measured, where the answers for a similar language are known.

        Where no lengths are asked for, the closers are left to `_closing`: two languages may then differ in where
        they end, and still let the same tokens stay inside. `.*cat.*` goes on with whatever `.*` does.
        """
        tables, family = self._owner.tables, self.place.family
        row, closers = near.row.copy(), near.closers.copy()
        after, moved = self._owner.scratch if bounded else (_NOTHING, _NOTHING)
        levels = np.zeros(2 * at.LEVELS, np.int32)
        trie, node = tables.trie, 0
        try:
            while node >= 0:
                words = family.automaton.memory.words
                node = language_kernels.walk_beside(
                    words, trie.nodes, trie.tokens, trie.cover, trie.kin, tables.heights, self.place.state,
                    near.place.state, node, levels, family.alike, family.queue, int(bounded), row, closers, after,
                    moved,
                )  # fmt: skip
                if node >= 0:
                    family.automaton.answer()
            if bounded:
                self._needs = self._measured_beside(near, after, moved[: int(moved[0]) + 1])
        finally:
            if bounded:
                after[moved[1 : int(moved[0]) + 1]] = language_kernels.AS_BEFORE
                moved[0] = 0
        return row, closers

    @property
    def is_measured(self) -> bool:
        """Are the needs known?"""
        return self._needs is not None

    @property
    def needs(self) -> NDArray[np.int16]:
        """int16[V]: characters that the string must still be allowed to have for a token."""
        if self._needs is None:
            with self._owner.lock:
                self._needs = self._measured(self._walked(True)[2])
        return self._needs

    @property
    def longest(self) -> int:
        """With so many characters to come, a bound cuts nothing."""
        # Measured with the needs.
        self.needs  # noqa: B018
        return self._longest

    def _measured(self, after: NDArray[np.int32]) -> NDArray[np.int16]:
        needs = np.empty(self._owner.tables.size, np.int16)
        self._longest = self._measure(after, _NOTHING, needs)
        return needs

    def _measured_beside(
        self, near: Language, after: NDArray[np.int32], moved: NDArray[np.int32]
    ) -> NDArray[np.int16]:
        """`_measured`, where only some tokens lead elsewhere than in a similar language."""
        needs = near.needs.copy()
        # Of all other tokens, what was found there is a bound.
        longest = self._measure(after, moved, needs) if len(moved) > 1 else 0
        self._longest = max(longest, near.longest)
        return needs

    def _measure(self, after: NDArray[np.int32], moved: NDArray[np.int32], needs: NDArray[np.int16]) -> int:
        """Write the needs of the tokens moved[1:], or of all where that is empty; the greatest, or a bound of it."""
        tables, automaton = self._owner.tables, self.place.family.automaton
        size = automaton.state_count + at.FIRST_STATE
        fewest, most = np.zeros((2, size), np.int32)
        landed = np.empty(size, np.int32)
        landed = landed[: language_kernels.landings(after, moved, np.zeros(size, np.uint8), landed)]
        if self.place.family.measured:
            language_kernels.to_come(automaton.memory.words, landed, fewest, most)
        else:
            fewest[landed] = -1
        for state in landed[fewest[landed] < 0].tolist():
            fewest[state], most[state] = self._to_come(state)
        return int(
            language_kernels.measure(
                after,
                moved,
                fewest,
                most,
                tables.chars,
                tables.half,
                tables.is_odd,
                tables.starts,
                _NEVER,
                needs,
            )
        )

    def _to_come(self, state: int) -> tuple[int, int]:
        """Fewest characters that must follow a state of this language, with one half read; and a bound of that."""
        config = self.place.family.automaton.frontier(state)[0].tolist()
        position = self.place.family.automaton.memory.rows(at.AT_POSITIONS, config[at.CFG_POS], 1)[0].tolist()
        fewest = self.place.family.automaton.shortest(config, position)
        if config[at.CFG_DECODE]:
            fewest = 1 + self.place.family.automaton.shortest_behind(
                config, *_characters(config[at.CFG_DECODE])
            )
        return fewest, max(
            fewest, 1 + self.place.family.automaton.shortest_behind(config, 0, 0x10FFFF, greatest=True)
        )

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
        if key == (0, tables.longest_to_quote):
            return self.closers
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


class Family:
    """An automaton that languages share, and which of them are known there."""

    def __init__(self, tables: TokenTables, measured: bool) -> None:
        """`measured`: are the lengths of texts to be known of every character state?"""
        # Languages come as the vocabulary can spell them, so every byte may be used here.
        self.automaton = ByteAutomaton(rules.Quoted(ANY_TEXT), measured=measured)
        self.measured = measured
        self._weights = tables.weights
        self._met: deque[Language] = deque(maxlen=RELATIVES)
        #: Languages of any text, by how they are spelled: never forgotten, most others are near to them.
        self._free: dict[bool, Language] = {}
        self.alike = np.zeros(_ALIKE * language_kernels.ALIKE_WIDTH, np.int32)
        self.queue = np.zeros(3 * language_kernels.PAIRS + 1, np.int32)

    def place(self, language: Expr, canonical: bool) -> Place:
        """Where a language begins."""
        return Place(self, self.automaton.entrance(rules.Quoted(language, canonical=canonical)), canonical)

    def remember(self, language: Language) -> None:
        character = self._character(language.place.state)
        if character == at.CHAR_ANY:
            self._free[language.place.canonical] = language
        elif character:
            self._met.append(language)

    def near(self, place: Place, bounded: bool) -> Language | None:
        """A language whose row tells most of the row of another one that begins at `place`.

        Any text, where no other one is near and most texts can go on from here.
        """
        free = self._free.get(place.canonical)
        known = [
            one
            for one in (*self._met, *((free,) if free is not None and bounded else ()))
            if one.place.canonical == place.canonical and (one.is_measured or not bounded)
        ]
        if (not known and free is None) or not self._character(place.state):
            return None
        self.queue[-1] = LOOKED_AHEAD
        ahead = np.empty(256, np.int64)
        self.automaton.complete(lambda m: int(kernels.successors(m, place.state, ahead)))
        whole = int(self._weights.sum())
        if int(self._weights[ahead > at.DEAD].sum()) < ALIVE * whole:
            return None
        states = np.array([one.place.state for one in known], np.int32)
        words = self.automaton.memory.words
        best, differing = language_kernels.nearest(words, place.state, states, self._weights)
        share = int(differing) / whole
        if share > CLOSE:
            for one in known[-1 : -1 - COMPARED : -1]:
                if self._likeness(place.state, one.place.state, bounded) >= WORTH_IT:
                    return one
        if known and share <= HALF:
            return known[best]
        return None if bounded else free

    def _likeness(self, state: int, other: int, bounded: bool) -> int:
        while True:
            words = self.automaton.memory.words
            found = language_kernels.likeness(words, self.alike, self.queue, state, other, int(bounded))
            if found > -2:
                return int(found)
            self.automaton.answer()

    def _character(self, state: int) -> int:
        """The character state of a string that it alone tells the rest of, without literals and counts; else 0."""
        frontier = self.automaton.frontier(state)
        config = frontier[0].tolist()
        position = self.automaton.memory.rows(at.AT_POSITIONS, config[at.CFG_POS], 1)[0].tolist()
        plain = (
            len(frontier) == 1
            and config[at.CFG_LOW] >= config[at.CFG_HIGH]
            and position[at.POS_B] == 0
            and position[at.POS_C] < 0
        )
        return int(config[at.CFG_Q]) if plain else 0


@dataclass(frozen=True)
class Place:
    """The state of a family's automaton where a language begins, and whether it is spelled one way only."""

    family: Family
    state: int
    canonical: bool


class Languages:
    """The languages met so far with one vocabulary."""

    def __init__(self, tables: TokenTables) -> None:
        self.tables = tables
        self.lock = threading.RLock()
        self._known: OrderedDict[tuple[Expr, bool], Language] = OrderedDict()
        self._families: dict[bool, Family] = {}

    @cached_property
    def scratch(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """For a walk beside a language: where each token leads, and which were found to lead elsewhere."""
        size = self.tables.size
        return np.full(size, language_kernels.AS_BEFORE, np.int32), np.zeros(size + 1, np.int32)

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
        family = self._families.get(bounded)
        if family is None or family.automaton.state_count > STATES:
            family = self._families[bounded] = Family(self.tables, measured=bounded)
        free, sure = None, 0
        if not bounded and language is not ANY_TEXT:
            free = self.get(ANY_TEXT, canonical)
            sure = self.tables.longest + 1 if admits_every_beginning(language) else least_outside((language,))
        found = Language(self, family.place(language, canonical), bounded, free, sure)
        family.remember(found)
        return found


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
