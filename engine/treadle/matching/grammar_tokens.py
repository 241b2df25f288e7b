"""The token automaton of a context-free grammar: state -> mask row, (state, token) -> state, every answer computed
once.

What a token may be depends on the stack only where it leaves the lexeme that is being read. In a *lexical* grammar what
the lexer makes of a token is kept for all parsers (readings.py), and a stack answers questions about it.

In a scannerless one a mask has two parts. The *context* (which terminals the parser accepts and can shift, where the
scanner is) is shared by thousands of stacks: its row of tokens that stay inside and its list of places where tokens
leave are computed once for each context (context_kernels.walk_context). What a mask costs after that is the way behind
these places: a list of subtrees of the trie, walked with the real stack. A state of several configurations is the union
of theirs.

Guards want to know the text, so with guards states are texts. Tokens that stay inside a lexeme complete nothing, so
their row is the context's; each token that leaves one is spelled with the real state.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from treadle.automata import parse_kernels
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import LEVELS, ParseAutomaton
from treadle.errors import VocabularyMismatch
from treadle.masks.bitset import Row, address_of
from treadle.masks.pool import Kept
from treadle.matching import context_kernels as kernels
from treadle.matching.budget import pool_of
from treadle.matching.closing import fewest_tokens
from treadle.matching.forced import LONGEST_RUN, may_go_on
from treadle.matching.parse_closing import ParseCloser
from treadle.matching.readings import readings_of
from treadle.matching.token_tables import TokenTables, token_tables
from treadle.vocabulary import Vocabulary

DONE: Final = 0
REFUSED: Final = -1
_TOKEN_BITS = 22
#: Where a configuration is: scanner state, terminal that matched already, duties, column.
Place = tuple[int, int, int, int]
Int32 = NDArray[np.int32]
UInt32 = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of a configuration's mask without its stack."""

    #: uint32[words]: tokens that stay inside the lexeme.
    inside: UInt32
    #: int32[groups, 7]: the ways to leave it (context_kernels.add_behind).
    groups: Int32
    #: int32: nodes in front of which the context is left, and tokens that end where it does.
    roots: Int32
    ends: Int32


_COVERS: weakref.WeakKeyDictionary[TokenTables, Int32] = weakref.WeakKeyDictionary()


def wide_cover_of(tables: TokenTables) -> Int32:
    """The bytes below each node of a vocabulary's trie (context_kernels.wide_cover), computed once."""
    known = _COVERS.get(tables)
    if known is None:
        known = np.zeros(4 * ((len(tables.trie.nodes) - 3) // 3), np.int32)
        kernels.wide_cover(tables.trie.nodes, known)
        _COVERS[tables] = known
    return known


class GrammarTokenAutomaton:
    """States, masks and transitions of one grammar over one vocabulary."""

    DONE = DONE

    def __init__(self, automaton: ParseAutomaton, vocabulary: Vocabulary) -> None:
        if vocabulary.max_token_bytes >= LEVELS:
            raise VocabularyMismatch(
                "a token is too long", found=f"{vocabulary.max_token_bytes} bytes", expected=f"< {LEVELS}"
            )
        self.bytes = automaton
        self.vocabulary = vocabulary
        self.tables = token_tables(vocabulary)
        self.start = automaton.start
        self.pool = pool_of(self.tables)
        self._rows: dict[int, Row] = {DONE: self.tables.eos_row}
        #: What the pool keeps of every row that was computed; `_rows` holds those used since its last turn.
        self._kept: dict[int, Kept] = {}
        self._next: dict[int, int] = {}
        self._cover = wide_cover_of(self.tables)
        lexical = automaton.tables.cfg.lexing == "lexical"
        self._readings = (
            readings_of(automaton.tables, self.tables, self._cover, vocabulary.fingerprint)
            if lexical
            else None
        )
        if self._readings is not None:
            self._readings.prepare(automaton)
        self._ends = frozenset(vocabulary.eos_ids)
        self._contexts: dict[tuple[int, ...], Context] = {}
        self._insides: dict[tuple[int, ...], UInt32] = {}
        #: Bundle -> the set of terminals that it can shift, by number.
        self._shiftable: dict[int, int] = {}
        self._closer = ParseCloser(automaton)
        self._closings: dict[int, tuple[int, ...]] = {}
        self.pool.join(self)

    # -- masks -------------------------------------------------------------------------------------------

    def mask(self, state: int) -> Row:
        """The row of a state, int32[words], read-only and kept: not a copy."""
        row = self._rows.get(state)
        return row if row is not None else self._first_visit(state)

    def placed(self, state: int) -> tuple[Row, int]:
        """The row of a state and where it lies in memory as long as it is held."""
        row = self.mask(state)
        return row, address_of(row)

    def fill(self, states: Sequence[int], rows: NDArray[np.int32]) -> None:
        """Copy the rows of several states into rows int32[len(states), words]."""
        width = self.tables.words
        if rows.shape[-1] < width:
            raise VocabularyMismatch(
                "the row is too narrow", found=f"{rows.shape[-1]} words", expected=f"{width} words"
            )
        for state, row in zip(states, rows, strict=True):
            row[:width] = self.mask(state)
            row[width:] = 0

    def turn(self) -> None:
        """The pool has let rows go: those that are asked for again are asked from it."""
        self._rows = {DONE: self.tables.eos_row}

    def _first_visit(self, state: int) -> Row:
        """A row that was not asked for since the pool's last turn."""
        with self.bytes.lock:
            kept = self._kept.get(state)
            row = self.pool.again(kept) if kept is not None else None
            if row is None:
                row, self._kept[state] = self.pool.keep(self._compute(state))
            self._rows[state] = row
        return row

    def _compute(self, state: int) -> Row:
        """The row of a state, in a scratch row of the pool."""
        row = self.pool.scratch()
        if self._readings is not None:
            self._readings.add(self.bytes, state, row)
        else:
            self._add_contexts(state, row.view(np.uint32))
        return row

    def _add_contexts(self, state: int, bits: UInt32) -> None:
        for config in self.bytes.frontier(state).tolist():
            self._add(state, config, bits)
        if self.bytes.is_accepting(state):
            bits |= self.tables.eos_row.view(np.uint32)

    def _add(self, state: int, config: list[int], bits: UInt32) -> None:
        """Add the tokens that a configuration allows."""
        bundle = config[at.CFG_BUNDLE]
        context = self._context(bundle, config)
        bits |= context.inside
        with self.bytes.passing():
            self._add_behind(bundle, context, bits)

    def inside(self, bundle: int, accepted: int, shiftable: int, place: Place) -> UInt32:
        """uint32[words], read-only: the tokens that end no lexeme but ignored ones.

        The lexer looks for the terminals of set `accepted`, and the parser can go on with those of `shiftable`.
        `bundle`: in whose block.
        """
        shade = self.bytes.complete(lambda m: int(parse_kernels.shade_of(m, bundle, accepted, shiftable)))
        if self._readings is None:
            return self._context_of((shade, *place)).inside
        key = (shade, *place)
        known = self._insides.get(key)
        if known is None:
            state = self.bytes.complete(lambda m: int(parse_kernels.enter_bundle(m, shade, *place, 0)))
            known = np.zeros(self.tables.words, np.uint32)
            self._readings.add(self.bytes, state, known.view(np.int32))
            known.flags.writeable = False
            self._insides[key] = known
        return known

    def _add_behind(self, bundle: int, context: Context, bits: UInt32) -> None:
        """Tokens that go on behind the lexeme, by the real stack."""
        trie, place = self.tables.trie, np.zeros(2, np.int64)
        while kernels.add_behind(
            self.bytes.memory.words, bundle, trie.nodes, trie.tokens, context.groups, context.roots, context.ends,
            bits, place,
        ):  # fmt: skip
            self.bytes.answer()

    # -- contexts ----------------------------------------------------------------------------------------

    def _context(self, bundle: int, config: list[int]) -> Context:
        shiftable = self.shiftable(bundle, config[at.CFG_TEXT])
        accepted, shiftable = self.bytes.sets_within(bundle, shiftable, config[at.CFG_SCAN])
        shade = self.bytes.complete(lambda m: int(parse_kernels.shade_of(m, bundle, accepted, shiftable)))
        return self._context_of((shade, *config[at.CFG_SCAN : at.CFG_TEXT]))

    def _context_of(self, key: tuple[int, ...]) -> Context:
        known = self._contexts.get(key)
        if known is None:
            known = self._contexts[key] = self._walk_context(*key)
        return known

    def shiftable(self, bundle: int, here: int) -> int:
        """The set of the terminals that a bundle can shift, by number. `here`: the text in front of them."""
        known = self._shiftable.get(bundle)
        if known is None:
            known = self._shiftable[bundle] = self._find_shiftable(bundle, here)
        return known

    def _find_shiftable(self, bundle: int, here: int) -> int:
        out = np.zeros(int(self.bytes.memory.words[at.WORDS]), np.int32)
        while not parse_kernels.shiftable(self.bytes.memory.words, bundle, here, out):
            self.bytes.answer()
        return self.bytes.set_of(out)

    def _walk_context(self, shade: int, scan: int, won: int, duties: int, column: int) -> Context:
        state = self.bytes.complete(
            lambda m: int(parse_kernels.enter_bundle(m, shade, scan, won, duties, column, 0))
        )
        trie = self.tables.trie
        row = np.zeros(self.tables.words, np.uint32)
        out = np.empty(1 << 17, np.int32)
        place = np.zeros(2, np.int64)
        while True:
            words = self.bytes.memory.words
            answer = kernels.walk_context(words, trie.nodes, trie.tokens, self._cover, state, row, out, place)
            if answer == 0:
                break
            if answer == kernels.FULL:
                out = np.concatenate([out, np.empty(3 * len(out), np.int32)])
            else:
                self.bytes.answer()
        row.flags.writeable = False
        return self._grouped(row, out[: 2 * int(place[1])].reshape(-1, 2))

    def _grouped(self, row: UInt32, pairs: Int32) -> Context:
        trie = self.tables.trie
        pairs = pairs[np.lexsort((-np.sign(pairs[:, 0]), np.abs(pairs[:, 0])))]
        numbers = np.abs(pairs[:, 0])
        bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)] if len(numbers) else [0]
        groups: list[tuple[int, ...]] = []
        roots: list[Int32] = [np.zeros(0, np.int32)]
        ends: list[Int32] = [np.zeros(0, np.int32)]
        root_count = end_count = 0
        for first, last in zip(bounds, bounds[1:], strict=False):
            config = self.bytes.memory.rows(at.AT_CONFIGS, int(numbers[first]), 1)[0].tolist()
            bundle = self.bytes.memory.rows(at.AT_BUNDLES, config[at.CFG_BUNDLE], 1)[0].tolist()
            middle = first + int((pairs[first:last, 0] > 0).sum())
            roots.append(pairs[first:middle, 1])
            ends += [
                trie.tokens[trie.nodes[3 * n + 2] : trie.nodes[3 * n + 5]]
                for n in pairs[middle:last, 1].tolist()
            ]
            more = sum(map(len, ends[len(ends) - (last - middle) :])) if last > middle else 0
            groups.append(
                (bundle[at.BND_B], config[at.CFG_DUTY], bundle[at.BND_BLOCK], root_count, root_count + middle - first,
                 end_count, end_count + more)
            )  # fmt: skip
            root_count += middle - first
            end_count += more
        return Context(
            row, np.array(groups, np.int32).reshape(-1, 7), np.concatenate(roots), np.concatenate(ends)
        )

    # -- transitions -------------------------------------------------------------------------------------

    def advance(self, state: int, token: int) -> int:
        """The state behind a token; REFUSED if it is not allowed. An end-of-text token leads to DONE."""
        if not 0 <= token < self.tables.size:
            return REFUSED
        key = state << _TOKEN_BITS | token
        known = self._next.get(key)
        if known is None:
            known = self._next[key] = self._advance(state, token)
        return known

    def _advance(self, state: int, token: int) -> int:
        if token in self._ends:
            return DONE if state == DONE or self.bytes.is_accepting(state) else REFUSED
        if state == DONE or self.tables.starts[token] == self.tables.starts[token + 1]:
            return REFUSED
        reached = self._spell(state, token)
        return REFUSED if reached == at.DEAD else reached

    def _spell(self, state: int, token: int) -> int:
        blob, starts, automaton = self.tables.blob, self.tables.starts, self.bytes
        with automaton.lock:
            reached = int(kernels.spell(automaton.memory.words, blob, starts, state, token))
        if reached > at.UNKNOWN:
            return reached  # without the calls that a question takes, half a microsecond less for nearly all tokens
        return automaton.complete(lambda m: int(kernels.spell(m, blob, starts, state, token)))

    def is_accepting(self, state: int) -> bool:
        """May the text end here?"""
        return state == DONE or self.bytes.is_accepting(state)

    # -- looking ahead -----------------------------------------------------------------------------------

    def completion(self, state: int) -> bytes:
        """Bytes of a short completion. Raises LimitExceeded where none is found."""
        return self._closer.closing(state)

    def closing(self, state: int) -> tuple[int, ...]:
        """Tokens of a short completion, without the end-of-text token. Raises LimitExceeded where none is found."""
        if state == DONE:
            return ()
        known = self._closings.get(state)
        if known is None:
            known = self._closings[state] = tuple(fewest_tokens(self.tables, self._closer.closing(state)))
        return known

    def closing_bound(self, state: int) -> int:
        """An upper bound of len(closing(state))."""
        if state == DONE:
            return 0
        known = self._closings.get(state)
        return len(known) if known is not None else len(self._closer.closing(state))

    def forced(self, state: int) -> list[int]:
        """The tokens that must come next, as the tokenizer would spell them; see forced.py."""
        data = b"" if state == DONE else self._forced_bytes(state)
        tokens = self.vocabulary.encode_bytes(data) if data else []
        if self.vocabulary.decode_bytes(tokens) != data:
            return []
        start = len(data)
        while tokens:
            start -= len(self.vocabulary.token_bytes(tokens[-1]) or b"")
            if not may_go_on(self.vocabulary, data[start:]):
                break
            tokens.pop()
        return tokens

    def _forced_bytes(self, state: int) -> bytes:
        out = bytearray()
        successors = np.empty(256, np.int64)
        while len(out) < LONGEST_RUN and not self.bytes.is_accepting(state):
            self.bytes.successors(state, successors)
            alive = np.flatnonzero(successors != at.DEAD)
            if len(alive) != 1:
                break
            out.append(int(alive[0]))
            state = int(successors[alive[0]])
        return bytes(out)
