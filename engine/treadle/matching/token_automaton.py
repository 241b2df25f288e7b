"""The token automaton: state -> mask row, (state, token) -> state, every answer computed once.

In: a byte automaton and a vocabulary. A state is the byte automaton's int, so it depends on the bytes read and on
nothing else: two tokenizations of one text meet in one state. Rows are computed at the first visit by walking the
token trie (trie_kernels.walk), in three steps from the cheapest:

    class row   inside free JSON text the row of "string interior" tokens is copied and only the rest trie is walked
    twin        while an unlisted member name is being spelled, states differ by the spelling only; their anonymous
                twin's row serves all of them, except for tokens that could close the name and repeat it
    walk        everything else walks the full trie, which skips a subtree at its first refused byte

Rows belong to the vocabulary's pool, which shares equal ones and lets old ones go; a state whose row was let go has it
made from its short form, or computed again. Fork, rollback and beams copy ints. One lock guards the misses, so threads
may share an automaton.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treadle.automata import layout as at
from treadle.automata.byte_automaton import ByteAutomaton
from treadle.errors import VocabularyMismatch
from treadle.grammar.beginnings import least_outside
from treadle.grammar.expression import ANY_TEXT, NOTHING, Chars, Expr, Repeat, alternate, repeat
from treadle.masks.bitset import Row, address_of
from treadle.masks.pool import Kept
from treadle.matching import kernels, trie_kernels
from treadle.matching.budget import LEDGER, limits, pool_of
from treadle.matching.closing import Closer, fewest_tokens
from treadle.matching.forced import forced_tokens
from treadle.matching.languages import SURE, languages_of
from treadle.matching.token_tables import COLUMNS, WalkTrie, token_tables
from treadle.vocabulary import Vocabulary

#: The state behind an end-of-text token. No automaton uses this number: it means "not computed yet" there.
DONE: Final = 0
#: What `advance` answers for a token that is not allowed.
REFUSED: Final = -1
UInt32 = NDArray[np.uint32]
Int32 = NDArray[np.int32]
_TOKEN_BITS = 22
#: Rows of a constraint after which the ledger hears of new states; at first each time.
_EVERY = 8
#: More characters than any token has.
_MANY = 1 << 14
#: Classes of names whose rows are looked up one by one.
_APART = 2
#: Objects with unlisted names around a state that are looked at apart.
_LISTS = 64
_NONE = np.zeros(0, np.int32)


class _String(NamedTuple):
    """A configuration inside a JSON string, and what its position says (kernels.string_at)."""

    position: int
    q: int
    read: int
    stack: int
    least: int
    most: int
    then: int
    flags: int

    @property
    def canonical(self) -> bool:
        return self.flags & at.F_CANONICAL != 0


class TokenAutomaton:
    """States, masks and transitions of one constraint over one vocabulary."""

    DONE = DONE

    def __init__(self, automaton: ByteAutomaton, vocabulary: Vocabulary) -> None:
        self.bytes = automaton
        self.vocabulary = vocabulary
        self.tables = token_tables(vocabulary)
        self.start = automaton.start
        self.pool = pool_of(self.tables)
        self._rows: dict[int, Row] = {DONE: self.tables.eos_row}
        #: What the pool keeps of every row that was computed; `_rows` holds those used since its last turn.
        self._kept: dict[int, Kept] = {}
        #: The same rows with their addresses, for batches.
        self._placed: dict[int, tuple[Row, int]] = {}
        self._next: dict[int, int] = {}
        self._noted = -1
        self._ends = frozenset(vocabulary.eos_ids)
        self._may_repeat = len(self.tables.repeating) > 0
        self._languages = languages_of(self.tables)
        #: State behind a quote -> tokens that could close a string there.
        self._closing_rows: dict[int, UInt32] = {}
        #: Last entry of a list of unlisted names -> tokens that could write one of them as a whole.
        self._namings: dict[int, Int32] = {0: _NONE}
        #: Scratch of a walk along listed words.
        self._paths = np.zeros(trie_kernels.PATH * (self.tables.longest + 1), np.int32)
        self._closer = Closer(automaton)
        self._closings: dict[int, tuple[int, ...]] = {}
        self._forced: dict[int, list[int]] = {}
        self.pool.join(self)

    # -- masks -------------------------------------------------------------------------------------

    def mask(self, state: int) -> Row:
        """The row of a state, int32[words], read-only and kept: not a copy."""
        row = self._rows.get(state)
        return row if row is not None else self._first_visit(state)

    def placed(self, state: int) -> tuple[Row, int]:
        """The row of a state and where it lies in memory as long as it is held."""
        known = self._placed.get(state)
        if known is None:
            row = self.mask(state)
            known = self._placed[state] = row, address_of(row)
        return known

    def fill(self, states: Sequence[int], rows: NDArray[np.int32]) -> None:
        """Copy the rows of several states into rows int32[len(states), words]."""
        if rows.shape[-1] < self.tables.words:
            raise VocabularyMismatch(
                "the row is too narrow",
                found=f"{rows.shape[-1]} words",
                expected=f"{self.tables.words} words",
            )
        found = [self.mask(state) for state in states]
        for state_row, row in zip(found, rows, strict=True):
            row[: self.tables.words] = state_row
            row[self.tables.words :] = 0

    def turn(self) -> None:
        """The pool has let rows go: those that are asked for again are asked from it."""
        self._rows = {DONE: self.tables.eos_row}
        self._placed = {}
        self._closing_rows = {}

    def _first_visit(self, state: int) -> Row:
        """A row that was not asked for since the pool's last turn."""
        automaton, rows, kept = self.bytes, self._rows, self._kept
        with automaton.lock:
            if state in kept:
                row = self._again(state)
                if row is not None:
                    return row
            while True:
                twin, kind, recorded, accepting, ways = kernels.visit(automaton.memory.words, state)
                if twin != at.UNKNOWN:
                    break
                automaton.answer()
            row = rows.get(twin) if twin != state else None
            if row is None and twin in kept:
                row = self._again(twin)
            row = self._compute(twin, kind, ways, accepting) if row is None else row
            if twin != state:
                if recorded or self._may_repeat or automaton.remembers:
                    row = self._without_repeats(state, twin, recorded, row)
                else:
                    # The pool may have taken its turn meanwhile.
                    self._rows[state] = row
                    kept[state] = kept[twin]
            if len(self._rows) < _EVERY or len(self._rows) % _EVERY == 0:
                self._noted = LEDGER.note(automaton, self._noted)
        return row

    def _again(self, state: int) -> Row | None:
        kept = self._kept.get(state)
        row = self.pool.again(kept) if kept is not None else None
        if row is not None:
            self._rows[state] = row
        return row

    def _keep(self, state: int, scratch: Row) -> Row:
        row, self._kept[state] = self.pool.keep(scratch)
        self._rows[state] = row
        return row

    def _compute(self, state: int, kind: int, ways: int, accepting: int) -> Row:
        row = self.pool.scratch()
        bits = row.view(np.uint32)
        if kind == kernels.STRINGS:
            self._strings(state, ways, bits)
        elif kind == kernels.GAPS:
            self._gaps(state, bits)
        elif kind == kernels.SEVERAL:
            for k in range(ways):
                bits |= self.mask(self.bytes.complete(lambda m, k=k: int(kernels.alone(m, state, k)))).view(  # type: ignore[misc]
                    np.uint32
                )
        elif kind == kernels.FREE_NAME:
            self._name(state, bits)
        elif kind == kernels.WORDS:
            self._words(state, bits)
        else:
            self._walk(self.tables.trie, state, bits)
        if accepting:
            bits |= self.tables.eos_row.view(np.uint32)
        return self._keep(state, row)

    def _strings(self, state: int, ways: int, bits: UInt32) -> None:
        """What stays inside depends on the language alone; what closes, on that and on what comes behind."""
        for k in range(ways):
            string = _String(*kernels.string_at(self.bytes.memory.words, state, k))
            # Member names may have several classes, each going on its own way.
            languages = self.bytes.languages(string.q)
            if len(languages) > 1:
                alive = [language for language in languages if language is not NOTHING]
                if len(alive) > 1 and self._classes(state, string, alive, bits):
                    continue
            for label, language in enumerate(languages):
                if language is not NOTHING and self._string(string, label, language, bits):
                    self._walk(self.tables.odd, state, bits)

    def _classes(self, state: int, string: _String, alive: list[Expr], bits: UInt32) -> bool:
        """A name of several classes: what stays inside any of them, and what leaves one, found by walking.

        False: nothing was done, they are few enough to be looked at one by one.
        """
        free = self._languages.get(ANY_TEXT, string.canonical)
        sure = self.tables.longest + 1 if string.flags & at.F_TOTAL else least_outside(alive)
        if sure >= SURE:
            bits |= self.tables.cut(self.bytes, state, free.row, sure)
        elif len(alive) > _APART:
            bits |= self._languages.get(alternate(*alive), string.canonical).row
        else:
            return False
        self._walk(self.tables.rest, state, bits)
        return True

    def _string(self, string: _String, label: int, language: Expr, bits: UInt32) -> bool:
        """Whether a bound was near, so that odd tokens have to be walked."""
        count, least, most = string.read, string.least, string.most
        if type(language) is Repeat and type(language.body) is Chars:
            # `[a-z]{3,40}` is `[a-z]*` between bounds.
            least = max(least, count + language.low)
            if language.high is not None:
                most = count + language.high if most < 0 else min(most, count + language.high)
            language = repeat(language.body, 0, None)
        known = self._languages.get(language, string.canonical, most >= 0)
        closing = self._behind_quote(string, label)
        if count >= least and (most < 0 or most - count >= known.longest):
            kernels.add_string(bits, known.row, known.closers, closing)
            return False
        left = most - count if most >= 0 else _MANY
        kernels.add_string(bits, known.within(left), known.closers_within(least - count, left), closing)
        return True

    def _behind_quote(self, string: _String, label: int) -> UInt32:
        """The tokens that could close a string, by what they go on with behind the quote."""
        if string.flags & at.F_KEYS:
            state = self.bytes.complete(
                lambda words: int(kernels.behind_name(words, string.position, label, string.stack))
            )
        else:
            state = self.bytes.complete(lambda words: int(kernels.behind(words, string.then, string.stack)))
        known = self._closing_rows.get(state)
        if known is None:
            row = self.pool.scratch()
            bits = row.view(np.uint32)
            bits |= self.tables.quote_last
            self._walk(self.tables.quote_tails, state, bits)
            known = self._closing_rows[state] = self.pool.keep(row)[0].view(np.uint32)
        return known

    def _gaps(self, state: int, bits: UInt32) -> None:
        """White space in front makes no difference to what may come behind it."""
        tables = self.tables
        behind, beside, columns = kernels.gaps(self.bytes.memory.words, state)
        while behind == at.UNKNOWN:
            self.bytes.answer()
            behind, beside, columns = kernels.gaps(self.bytes.memory.words, state)
        if columns < COLUMNS:
            self._walk(tables.trie, state, bits)
            return
        bits |= tables.gap_row
        if beside == behind:
            self._walk(tables.space_trie, behind, bits)
        else:
            bits |= self.mask(beside).view(np.uint32)
            self._walk(tables.gap_tails, behind, bits)
        for token in tables.deep.tolist():
            if self._spell(state, token) > at.DEAD:
                bits[token >> 5] |= np.uint32(1 << (token & 31))

    def _name(self, state: int, bits: UInt32) -> None:
        """A name that may still become a listed one: as if it had left them, but for tokens that go on with one."""
        left = self.bytes.complete(lambda words: int(kernels.unlisted(words, state)))
        bits[:] = self.mask(left).view(np.uint32)
        self._words(state, bits)

    def _words(self, state: int, bits: UInt32) -> None:
        """Tokens that go on with a listed word, where `bits` holds what may come if the text leaves them."""
        trie, node = self.tables.trie, 0
        while node >= 0:
            words = self.bytes.memory.words
            node = trie_kernels.walk_listed(
                words, trie.nodes, trie.tokens, trie.kin, self._paths, state, node, bits
            )
            if node >= 0:
                self.bytes.answer()

    def _walk(self, trie: WalkTrie, state: int, bits: UInt32) -> None:
        node = 0
        while node >= 0:
            words = self.bytes.memory.words
            node = trie_kernels.walk(words, trie.nodes, trie.tokens, trie.cover, trie.kin, state, node, bits)
            if node >= 0:
                self.bytes.answer()

    def _without_repeats(self, state: int, twin: int, recorded: int, row: Row) -> Row:
        """`row` without the tokens that write a name or item and repeat it: the row itself when there are none."""
        own = row
        for suspects in self._suspects(state, recorded, row):
            k = self._refused(state, suspects, 0, row)
            while k >= 0:
                if own is row:
                    own = self.pool.scratch()
                    own[:] = row
                token = int(suspects[k])
                own.view(np.uint32)[token >> 5] &= np.uint32(~(1 << (token & 31)) & 0xFFFFFFFF)
                k = self._refused(state, suspects, k + 1, row)
        if own is not row:
            return self._keep(state, own)
        self._rows[state] = row
        self._kept[state] = self._kept[twin]
        return row

    def _suspects(self, state: int, recorded: int, row: Row) -> list[NDArray[np.int32]]:
        """Tokens that might repeat something, which the row of the twin does not know of."""
        tables = self.tables
        found = [tables.using_up if self.bytes.exhausts_names else tables.repeating]
        if self.bytes.records_values:
            found.append(self._ending_items(state, row) if recorded & 4 else tables.listing)
        if recorded & 3:
            found.append(self._naming(state))
        if recorded & 2:
            found.append(self._ending(self.bytes.written_names(state)))
        return [suspects for suspects in found if len(suspects)]

    def _ending_items(self, state: int, row: Row) -> NDArray[np.int32]:
        """The tokens that end an item and write another, where items must differ."""
        twin, tables = self.bytes.anonymous(state), self.tables
        tokens, bits = tables.repeating_items, row.view(np.uint32)
        out = np.empty(len(tokens), np.int32)
        while True:
            words = self.bytes.memory.words
            count = kernels.ending_item(words, tables.blob, tables.starts, state, twin, tokens, bits, out)
            if count >= 0:
                return out[:count]
            self.bytes.answer()

    def _naming(self, state: int) -> Int32:
        """The tokens that write as a whole a name that an object around wrote before."""
        lists = np.empty(_LISTS, np.int64)
        count = int(kernels.seen_entries(self.bytes.memory.words, state, lists))
        if count == _LISTS:
            return self.tables.naming
        return _joined([self._writing(entry) for entry in lists[:count].tolist()])

    def _writing(self, entry: int) -> Int32:
        """The tokens that write as a whole one of the names of a list, the memo entry that ends it."""
        chain = []
        while entry not in self._namings:
            name, before = self.bytes.last_name(entry)
            chain.append((entry, name))
            entry = before
        found = self._namings[entry]
        for entry, name in reversed(chain):
            more = self.tables.by_name.get(name)
            found = self._namings[entry] = found if more is None else np.concatenate([found, more])
        return found

    def _ending(self, remainders: list[str] | None) -> Int32:
        """The tokens that might complete a name so that it was written before: by what the name still lacks."""
        if remainders is None:
            return self.tables.with_quote
        if not remainders:
            return _NONE
        texts = [
            json.dumps(rest, ensure_ascii=False)[1:].encode("utf-8", "surrogatepass") for rest in remainders
        ]
        return _joined([self.tables.quoting_odd, *map(self.tables.by_quote.get, texts)])

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
        if len(self._next) >= limits().transitions:
            self._next.clear()
        self._next[key] = reached
        return reached

    def _advance(self, state: int, token: int) -> int:
        if token in self._ends:
            return DONE if state == DONE or self.bytes.is_accepting(state) else REFUSED
        if state == DONE or token in self.tables.without_bytes:
            return REFUSED
        reached = self._spell(state, token)
        return REFUSED if reached == at.DEAD else reached

    def _spell(self, state: int, token: int) -> int:
        """The state behind a token's bytes, DEAD where one of them is refused."""
        blob, starts = self.tables.blob, self.tables.starts
        # One lock for every kernel that may add states: another thread may be moving the memory right now.
        with self.bytes.lock:
            reached: int = kernels.spell(self.bytes.memory.words, blob, starts, state, token)
            if reached != at.UNKNOWN:
                return reached
        return self.bytes.complete(lambda words: int(kernels.spell(words, blob, starts, state, token)))

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
        if state == DONE:
            return []
        known = self._forced.get(state)
        if known is None:
            known = self._forced[state] = forced_tokens(self, state)
        return known.copy()


def _joined(found: list[Int32 | None]) -> Int32:
    """All tokens of some arrays."""
    some = [tokens for tokens in found if tokens is not None and len(tokens)]
    return np.concatenate(some) if some else _NONE
