"""The token automaton: state -> mask row, (state, token) -> state, every answer computed once.

In: a byte automaton and a vocabulary. A state is the byte automaton's int, so it depends on the bytes read and on
nothing else: two tokenizations of one text meet in one state. Rows are computed at the first visit by walking the
token trie (kernels.walk), in three steps from the cheapest:

    class row   inside free JSON text the row of "string interior" tokens is copied and only the rest trie is walked
    twin        while an unlisted member name is being spelled, states differ by the spelling only; their anonymous
                twin's row serves all of them, except for tokens that could close the name and repeat it
    walk        everything else walks the full trie, which skips a subtree at its first refused byte

Fork, rollback and beams copy ints. One lock guards the misses, so threads may share an automaton.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from treadle.automata import layout as at
from treadle.automata.byte_automaton import ByteAutomaton
from treadle.errors import VocabularyMismatch
from treadle.masks.bitset import Row
from treadle.matching import kernels
from treadle.matching.closing import Closer, fewest_tokens
from treadle.matching.forced import forced_tokens
from treadle.matching.token_tables import LONGEST, WalkTrie, token_tables
from treadle.vocabulary import Vocabulary

#: The state behind an end-of-text token. No automaton uses this number: it means "not computed yet" there.
DONE: Final = 0
#: What `advance` answers for a token that is not allowed.
REFUSED: Final = -1
_TOKEN_BITS = 22
_EVERY_BYTE = np.ones(256, np.uint8)


class TokenAutomaton:
    """States, masks and transitions of one constraint over one vocabulary."""

    DONE = DONE

    def __init__(self, automaton: ByteAutomaton, vocabulary: Vocabulary) -> None:
        self.bytes = automaton
        self.vocabulary = vocabulary
        self.tables = token_tables(vocabulary)
        self.start = automaton.start
        self._rows: dict[int, Row] = {DONE: self.tables.eos_row}
        self._next: dict[int, int] = {}
        self._pages = _Pages(self.tables.words)
        self._ends = frozenset(vocabulary.eos_ids)
        self._closer = Closer(automaton)
        self._closings: dict[int, tuple[int, ...]] = {}

    # -- masks -------------------------------------------------------------------------------------

    def mask(self, state: int) -> Row:
        """The row of a state, int32[words], read-only and kept: not a copy."""
        row = self._rows.get(state)
        return row if row is not None else self._first_visit(state)

    def fill(self, states: Sequence[int], rows: NDArray[np.int32]) -> None:
        """Copy the rows of several states into rows int32[len(states), words]."""
        if rows.shape[-1] < self.tables.words:
            raise VocabularyMismatch(
                "the row is too narrow",
                found=f"{rows.shape[-1]} words",
                expected=f"{self.tables.words} words",
            )
        width = self.tables.words
        for state, row in zip(states, rows, strict=True):
            row[:width] = self.mask(state)
            row[width:] = 0

    def _first_visit(self, state: int) -> Row:
        with self.bytes.lock:
            twin = self.bytes.anonymous(state)
            row = self._rows.get(twin)
            if row is None:
                row = self._rows[twin] = self._compute(twin)
            if twin != state:
                row = self._rows[state] = self._without_repeats(state, row)
        return row

    def _compute(self, state: int) -> Row:
        row = self._pages.new()
        bits = row.view(np.uint32)
        tables = self.tables
        words = self.bytes.memory.words
        kind, characters = kernels.situation(words, state)
        if kind == kernels.FREE_TEXT:
            # Whatever a token begins with leads back here, so only what it goes on with behind that counts.
            bits[:] = tables.interior[LONGEST]
            self._walk(tables.tails, state, bits, _EVERY_BYTE)
        elif kind == kernels.FREE_NAME:
            self._name(state, bits)
        elif kind == kernels.BOUNDED and characters < LONGEST:
            bits[:] = tables.interior[characters]
            self._walk(tables.rest, state, bits, _EVERY_BYTE)
        elif kind == kernels.BOUNDED:
            # Tokens too long for the table of lengths are walked.
            bits[:] = tables.interior[LONGEST - 1]
            self._walk(tables.rest_or_long, state, bits, _EVERY_BYTE)
        else:
            self._walk(tables.trie, state, bits, _EVERY_BYTE)
        if self.bytes.is_accepting(state):
            bits |= tables.eos_row.view(np.uint32)
        row.flags.writeable = False
        return row

    def _name(self, state: int, bits: NDArray[np.uint32]) -> None:
        """A name that may still become a listed one: as if it had left them, but for tokens that go on with one."""
        left = self.bytes.complete(lambda words: int(kernels.unlisted(words, state)))
        bits[:] = self.mask(left).view(np.uint32)
        start = np.zeros(256, np.uint8)
        words = self.bytes.memory.words
        kernels.listed_bytes(words, state, start)
        kernels.clear_below(self.tables.rest.nodes, self.tables.rest.tokens, start, bits)
        self._walk(self.tables.rest, state, bits, start)

    def _walk(self, trie: WalkTrie, state: int, bits: NDArray[np.uint32], start: NDArray[np.uint8]) -> None:
        node = 0
        while node >= 0:
            words = self.bytes.memory.words
            node = kernels.walk(words, trie.nodes, trie.tokens, trie.cover, start, state, node, bits)
            if node >= 0:
                self.bytes.answer()

    def _without_repeats(self, state: int, row: Row) -> Row:
        """`row` without the tokens that write a name or item and repeat it: the row itself when there are none."""
        own = row
        if self.bytes.exhausts_names:
            suspects = self.tables.using_up
        else:
            suspects = self.tables.repeating
        if self.bytes.records_values:
            suspects = np.union1d(suspects, self.tables.repeating_items)
        k = self._refused(state, suspects, 0, row)
        while k >= 0:
            if own is row:
                own = self._pages.new()
                own[:] = row
            token = int(suspects[k])
            own.view(np.uint32)[token >> 5] &= np.uint32(~(1 << (token & 31)) & 0xFFFFFFFF)
            k = self._refused(state, suspects, k + 1, row)
        own.flags.writeable = False
        return own

    def _refused(self, state: int, suspects: NDArray[np.int32], first: int, row: Row) -> int:
        tables = self.tables
        bits = row.view(np.uint32)
        while True:
            words = self.bytes.memory.words
            first = kernels.refused(words, tables.blob, tables.starts, state, suspects, first, bits)
            if first < 0 or words[at.NEED] == at.ASK_NOTHING:
                return first
            self.bytes.answer()

    # -- transitions -------------------------------------------------------------------------------

    def advance(self, state: int, token: int) -> int:
        """The state behind a token; REFUSED if it is not allowed. An end-of-text token leads to DONE."""
        if not 0 <= token < self.tables.size:
            return REFUSED
        key = state << _TOKEN_BITS | token
        known = self._next.get(key)
        if known is not None:
            return known
        reached = self._advance(state, token)
        self._next[key] = reached
        return reached

    def _advance(self, state: int, token: int) -> int:
        if token in self._ends:
            return DONE if state == DONE or self.bytes.is_accepting(state) else REFUSED
        tables = self.tables
        if state == DONE or tables.starts[token] == tables.starts[token + 1]:
            return REFUSED
        # One lock for every kernel that may add states: another thread may be moving the memory right now.
        reached = self.bytes.complete(
            lambda words: int(kernels.spell(words, tables.blob, tables.starts, state, token))
        )
        return REFUSED if reached == at.DEAD else reached

    def is_accepting(self, state: int) -> bool:
        """May the text end here?"""
        return state == DONE or self.bytes.is_accepting(state)

    # -- looking ahead -----------------------------------------------------------------------------

    def closing(self, state: int) -> tuple[int, ...]:
        """Tokens of a shortest known completion, without the end-of-text token.

        The completion has the fewest bytes, spelled in the fewest tokens; another text of more bytes may take
        fewer tokens. Raises LimitExceeded where the search gives up (option `closing`).
        """
        if state == DONE:
            return ()
        known = self._closings.get(state)
        if known is None:
            known = self._closings[state] = tuple(fewest_tokens(self.tables, self._closer.closing(state)))
        return known

    def closing_bound(self, state: int) -> int:
        """An upper bound of len(closing(state)) that costs less where bytes alone decide."""
        if state == DONE:
            return 0
        known = self._closings.get(state)
        return len(known) if known is not None else len(self._closer.closing(state))

    def forced(self, state: int) -> list[int]:
        """The tokens that must come next, as the tokenizer would spell them; see forced.py."""
        return [] if state == DONE else forced_tokens(self, state)


class _Pages:
    """Rows in pages of a megabyte: one big growing array would move, and fresh arrays for each row are slow."""

    _ROWS = 64

    def __init__(self, words: int) -> None:
        self._words = words
        self._page = np.zeros((0, words), np.int32)
        self._used = 0

    def new(self) -> Row:
        if self._used == len(self._page):
            self._page = np.zeros((self._ROWS, self._words), np.int32)
            self._used = 0
        row: Row = self._page[self._used]
        self._used += 1
        return row
