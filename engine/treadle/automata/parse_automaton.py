"""The automaton of a context-free grammar over bytes: numbered states, everything computed at first use.

A state is an interned frontier of configurations (parse_kernels.py); equal futures that were reached through equal
stacks are equal ints. The kernels stop where they need something that is computed in Python: a scanner state, a set of
terminals, a guard's verdict, room. `Grammar` is what an automaton is made from: the normal form, its LR tables and
sets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from treadle.automata import journal_kernels, scanner
from treadle.automata import parse_kernels as kernels
from treadle.automata import parse_layout as at
from treadle.automata.guard_texts import GuardTexts
from treadle.automata.lr import Tables
from treadle.automata.parse_cell_kernels import remember
from treadle.automata.parse_memory import ParseMemory
from treadle.errors import LimitExceeded
from treadle.grammar.cfg import Cfg
from treadle.grammar.guards import Guard, Judge

Int32 = NDArray[np.int32]
#: Longest token that a walk over a vocabulary may meet.
LEVELS = 4096
#: A duty for those who read tokens: scanner state, terminal whose lexeme ended (of DUTY_NEXT: its condition), bits of
#: the terminals that must not match.
Duty = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class ParseTables:
    """What a grammar's automata share."""

    cfg: Cfg
    lr: Tables
    scanner: scanner.Scanner
    #: Held while the scanner grows.
    lock: threading.RLock = field(default_factory=threading.RLock)


class ParseAutomaton:
    """A lazily determinised automaton over bytes. Safe to share between threads."""

    def __init__(
        self, tables: ParseTables, guards: Mapping[str, Judge] | None = None, *, asks: bool = True
    ) -> None:
        """`asks`: whether guards are asked; without, every rule that is complete may stand."""
        self.tables = tables
        self._asks = asks
        self.lock = threading.RLock()
        cfg = tables.cfg
        self._guards = dict(guards or {})
        self._scanner = tables.scanner
        self._ignored = sum(1 << t for t in cfg.ignored)
        #: Terminals behind which the parser may be where it was.
        self._skipped = self._ignored | (1 << cfg.indentation.newline if cfg.indentation else 0)
        self._within: dict[tuple[int, int, int], tuple[int, int]] = {}
        self._covered: dict[int, list[int]] = {}
        for keyword, pattern in cfg.keywords - cfg.also_scanned:
            self._covered.setdefault(keyword, []).append(pattern)
        self._sets: dict[tuple[int, int], int] = {}
        self._set_bits: list[tuple[int, int]] = []
        row_sets = self._row_bits()
        self.memory = ParseMemory(len(cfg.terminals), LEVELS, self._static(row_sets))
        self._set(0, 0)
        numbers = {bits: self._set(bits, self._looked_for(bits)) for bits in dict.fromkeys(row_sets)}
        words = self.memory.words
        first = int(words[at.AT_STATE_SET])
        words[first : first + len(row_sets)] = [numbers[bits] for bits in row_sets]
        self._facts()
        #: Answers about sets of terminals, since states are made that will be taken back.
        self._lasting: list[tuple[int, int, int, int]] = []
        self._scanned = 0
        with tables.lock:
            self._note_scanner()
        self._texts = GuardTexts(self.memory)
        self.guarded = bool(words[at.GUARDED])
        self.start = self._start()

    def anew(self) -> ParseAutomaton:
        """An automaton of the same grammar that has visited nothing yet."""
        return ParseAutomaton(self.tables, self._guards)

    # -- the grammar, written down ---------------------------------------------------------------------

    def _row_bits(self) -> list[int]:
        """For each LR state the terminals that its row holds, and those that may always come."""
        lr, cfg = self.tables.lr, self.tables.cfg
        always = self._ignored | (1 << cfg.indentation.newline if cfg.indentation else 0)
        end = len(cfg.terminals)
        found = []
        terminals = lr.terminal.tolist()
        for state in range(lr.states):
            bits = always
            for t in terminals[lr.row[state] : lr.row[state + 1]]:
                if t != end:
                    bits |= 1 << t
            found.append(bits)
        return found

    def _looked_for(self, bits: int) -> int:
        """Without the keywords that a pattern of the same set covers, and what no text is scanned for."""
        for keyword, patterns in self._covered.items():
            if any(bits >> pattern & 1 for pattern in patterns):
                bits &= ~(1 << keyword)
        for declared in self.tables.cfg.declared:
            bits &= ~(1 << declared)
        return bits

    def _static(self, row_sets: list[int]) -> dict[int, Int32]:
        lr, cfg = self.tables.lr, self.tables.cfg
        by_pattern: list[list[int]] = [[] for _ in cfg.terminals]
        for keyword, pattern in sorted(cfg.keywords):
            by_pattern[pattern].append(keyword)
        keyword_row = np.cumsum([0, *map(len, by_pattern)]).astype(np.int32)
        keywords = np.array([k for row in by_pattern for k in row] or [0], np.int32)
        roles = np.zeros(max(1, len(cfg.terminals)), np.int32)
        if cfg.indentation:
            roles[list(cfg.indentation.opening)] = at.ROLE_OPENING
            roles[list(cfg.indentation.closing)] = at.ROLE_CLOSING
            roles[cfg.indentation.newline] = at.ROLE_NEWLINE
        roles[list(cfg.ignored)] = at.ROLE_IGNORED
        guards = np.array([self._asks and bool(p.guard) for p in cfg.productions], np.int32)
        return {
            at.AT_ROW: lr.row, at.AT_TERMINAL: lr.terminal, at.AT_FIRST_ACTION: lr.first_action,
            at.AT_ACTION: lr.action, at.AT_GOTO_ROW: lr.goto_row, at.AT_GOTO_RULE: lr.goto_rule,
            at.AT_GOTO_STATE: lr.goto_state, at.AT_LENGTH: lr.length, at.AT_HEAD: lr.head,
            at.AT_STATE_SET: np.zeros(len(row_sets), np.int32), at.AT_KEYWORD_ROW: keyword_row,
            at.AT_KEYWORDS: keywords, at.AT_ROLE: roles, at.AT_GUARD: guards,
        }  # fmt: skip

    def _facts(self) -> None:
        cfg, words = self.tables.cfg, self.memory.words
        words[at.LEXICAL] = cfg.lexing == "lexical"
        words[at.NULLABLE] = cfg.nullable
        words[at.GUARDED] = self._asks and any(p.guard for p in cfg.productions)
        words[at.APART] = any(p.guard for p in cfg.productions)
        words[at.INDENTED] = cfg.indentation is not None
        words[at.NEWLINE] = -1
        if cfg.indentation:
            words[at.NEWLINE] = cfg.indentation.newline
            words[at.INDENT] = cfg.indentation.indent
            words[at.DEDENT] = cfg.indentation.dedent
            words[at.TAB] = cfg.indentation.tab_width

    def _start(self) -> int:
        inside = 0
        if self.tables.cfg.indentation:
            # The outermost block: no column, no brackets, nothing around it.
            inside = self.memory.append(at.CAP_BLOCKS)
        return self.complete(lambda m: int(kernels.enter(m, 0, inside, 0)))

    # -- what kernels ask for --------------------------------------------------------------------------

    def complete(self, kernel: Callable[[Int32], int]) -> int:
        """Call a kernel until it no longer asks for anything; its answer. `kernel` gets the memory's words."""
        with self.lock:
            while True:
                answer = kernel(self.memory.words)
                if answer > at.UNKNOWN:
                    return answer
                self.answer()

    def answer(self) -> None:
        """Give a stopped kernel what it asked for."""
        kind, a, b = self.memory.words[at.NEED : at.NEED_C].tolist()
        if kind == at.ASK_SCAN:
            with self.tables.lock:
                self._scanner.next(a, b)
                self._note_scanner()
                self.memory.rows(at.AT_SCAN_NEXT, a, 1)[0] = self._scanner.next_rows[a]
        elif kind == at.ASK_ROOM:
            self.memory.grow(*([a] if a else []))
        elif kind == at.ASK_UP_TO:
            accepted, looked_for = self._set_bits[a]
            self._remember(at.M_UP_TO, a, b, self._set(accepted, looked_for & ((2 << b) - 1)))
        elif kind == at.ASK_UNION:
            bits = self._set_bits[a][0] | self._set_bits[b][0]
            self._remember(at.M_UNION, a, b, self._set(bits, self._looked_for(bits)))
        elif kind == at.ASK_GUARD:
            self._remember(at.M_GUARD, a, b, int(self._verdict(a, b)))
        elif kind == at.ASK_FULL:
            raise LimitExceeded("too many ways to read tokens", limit="readings", value=self._scanner.states)
        else:
            raise LimitExceeded(
                "too many ways to read the text are alive at once", limit="alive", value=at.ALIVE_LIMIT
            )

    def _remember(self, kind: int, x: int, y: int, value: int) -> None:
        if kind != at.M_GUARD:
            self._lasting.append((kind, x, y, value))
        self._write(kind, x, y, value)

    def _write(self, kind: int, x: int, y: int, value: int) -> None:
        if self.memory.words[at.N_MEMO] + 2 * at.ROOM >= self.memory.words[at.CAP_MEMO]:
            self.memory.grow(at.CAP_MEMO)
        remember(self.memory.words, kind, x, y, 0, value)

    def in_brackets(self, bundle: int) -> bool:
        """Is a bundle where ends of lines do not count?"""
        if self.tables.cfg.indentation is None:
            return False
        block = int(self.memory.rows(at.AT_BUNDLES, bundle, 1)[0, at.BND_BLOCK])
        return bool(self.memory.rows(at.AT_BLOCKS, block, 1)[0, at.BLK_BRACKETS] > 0)

    def set_of(self, accepted: Int32) -> int:
        """The number of a set of terminals, given as words."""
        return self.set_of_bits(int.from_bytes(np.ascontiguousarray(accepted).tobytes(), "little"))

    def set_of_bits(self, bits: int) -> int:
        """The number of a set of terminals, given as bits."""
        return self._set(bits, self._looked_for(bits))

    def sets_within(self, bundle: int, shiftable: int, scan: int) -> tuple[int, int]:
        """The sets of what a bundle accepts and can shift, without what makes no difference to scanner state `scan`.

        In the middle of a lexeme only those terminals count that it may still become; unless it may be one that is
        ignored, behind which everything may come again.
        """
        accepted = self.accepted(bundle)
        live = self._scanner.live[scan]
        if scan == scanner.START or live & self._skipped:
            return accepted, shiftable
        known = self._within.get((accepted, shiftable, scan))
        if known is None:
            bits = self._set_bits[accepted][0] & live, self._set_bits[shiftable][0] & live
            known = (
                self._set(bits[0], self._looked_for(bits[0])),
                self._set(bits[1], self._looked_for(bits[1])),
            )
            self._within[accepted, shiftable, scan] = known
        return known

    def bits_of(self, number: int) -> int:
        """The terminals of a set, as bits."""
        return self._set_bits[number][0]

    def accepted(self, bundle: int) -> int:
        """The number of the set of terminals that the lexer looks for in front of a bundle."""
        return int(self.memory.rows(at.AT_BUNDLES, bundle, 1)[0, at.BND_SET])

    def _set(self, accepted: int, looked_for: int) -> int:
        key = (accepted, looked_for)
        number = self._sets.get(key)
        if number is None:
            number = self._sets[key] = self.memory.append(at.CAP_SETS)
            self._set_bits.append(key)
            size = self._scanner.words
            row = self.memory.rows(at.AT_SETS, number, 1)[0]
            row[:size] = scanner.words_of(accepted, size)
            row[size:] = scanner.words_of(looked_for, size)
        return number

    def _note_scanner(self) -> None:
        """Write down the scanner states that are new, and what is known of their successors."""
        read, states, memory = self._scanner, self._scanner.states, self.memory
        first = self._scanned
        while memory.words[at.CAP_SCANNER] <= states:
            memory.grow(at.CAP_SCANNER)
        while memory.words[at.CAP_CONDITIONS] <= len(read.condition_rows):
            memory.grow(at.CAP_CONDITIONS)
        memory.words[at.N_SCANNER] = states
        memory.rows(at.AT_SCAN, first, states - first)[:] = read.rows[first:states]
        memory.rows(at.AT_SCAN_NEXT, first, states - first)[:] = read.next_rows[first:states]
        known = int(memory.words[at.N_CONDITIONS])
        if known < len(read.condition_rows):
            memory.words[at.N_CONDITIONS] = len(read.condition_rows)
            memory.rows(at.AT_CONDITION, known, len(read.condition_rows) - known)[:] = read.condition_rows[
                known:
            ]
        self._scanned = states

    def know_scanner(self) -> None:
        """Write down what the scanner, which automata of one grammar share, was asked by others."""
        if self._scanned < self._scanner.states:
            with self.tables.lock:
                self._note_scanner()

    def duties(self, number: int) -> tuple[tuple[Duty, ...], tuple[int, ...]]:
        """A list of duties, and the number of the set that must not match for each. What cannot match is left out."""
        found: list[Duty] = []
        sets: list[int] = []
        while number:
            scan, second, number = self.memory.rows(at.AT_DUTIES, number, 1)[0].tolist()
            if scan == at.DUTY_NEXT:
                found.append((scan, second, 0))
                sets.append(0)
                continue
            bits = self._set_bits[second][1]
            # Where the lexeme ended, its own condition is no violation; later on nothing is known of it.
            duty = scan, bits.bit_length() - 1 if scan < 0 else 0, bits & self._may_match(scan)
            if duty[2]:
                found.append(duty)
                sets.append(second)
        return tuple(found), tuple(sets)

    def _may_match(self, scan: int) -> int:
        """Bits of the terminals that a duty's scanner may still flag."""
        scan = -scan - 8 if scan < 0 else scan
        return self._scanner.live[scan] | self._scanner.conditional(scan)

    def likely_duties(self, scan: int) -> list[tuple[Duty, ...]]:
        """The duties of configurations behind a lexeme that ended in a scanner state."""
        read = self._scanner
        found: list[tuple[Duty, ...]] = []
        first, count = read.rows[scan, : at.SCAN_HEAD].tolist()
        conditions = {read.condition_rows[c][0]: c for c in range(first, first + count)}
        sets = {looked_for for _, looked_for in self._set_bits}
        for t in range(read.terminals):
            if read.flags[scan] >> t & 1 or t in conditions:
                next_byte: tuple[Duty, ...] = ((at.DUTY_NEXT, conditions[t], 0),) if t in conditions else ()
                variants = {bits & ((2 << t) - 1) & self._may_match(scan) for bits in sets if bits >> t & 1}
                found += [
                    (*next_byte, (-scan - 8, t, bits)) if bits else next_byte for bits in sorted(variants)
                ]
        return found

    # -- guards ------------------------------------------------------------------------------------------

    def _verdict(self, production: int, covered: int) -> bool:
        guard = self._guards[self.tables.cfg.productions[production].guard]
        start, end = self.memory.rows(at.AT_MEMO, covered, 1)[0, 1:3].tolist()
        return self._texts.verdict(guard, start, end)

    def goes_on(self, bundle: int, here: int) -> bool:
        """Do the guards let something follow a bundle, or the text end there? `here`: the text so far."""
        with self.lock:
            while (answer := int(kernels.goes_on(self.memory.words, bundle, here))) < 0:
                self.answer()
            return bool(answer)

    def endings(self, text: str) -> Iterator[str]:
        """What the guards know that a text may end with."""
        for guard in self._guards.values():
            if isinstance(guard, Guard) and guard.endings is not None:
                yield from guard.endings(text)

    def text(self, number: int) -> bytes:
        """The bytes of an interned text."""
        return self._texts.whole(number)

    def text_before(self, number: int) -> tuple[int, int]:
        """An interned text without its last byte, and that byte."""
        before, byte, _ = self.memory.rows(at.AT_TEXTS, number, 1)[0].tolist()
        return before, byte

    # -- states ------------------------------------------------------------------------------------------

    def step(self, state: int, byte: int) -> int:
        """The state behind one byte, DEAD if it is refused."""
        return self.complete(lambda m: int(kernels.step(m, state, byte)))

    def run_to(self, state: int, data: bytes) -> tuple[int, int]:
        """The state behind `data` and its length; or DEAD and the offset of the first byte that is refused."""
        array = np.frombuffer(data, dtype=np.uint8)
        with self.lock:
            index = 0
            while True:
                reached, stopped = kernels.run(self.memory.words, state, array, index, len(array))
                if reached != at.UNKNOWN:
                    return int(reached), int(stopped)
                self.answer()
                # What was read so far is in the transition table by now: start over, it costs little.

    def run(self, state: int, data: bytes) -> int:
        """The state behind all of `data`, DEAD if it is refused somewhere."""
        return self.run_to(state, data)[0]

    @contextmanager
    def passing(self) -> Iterator[None]:
        """States that are made inside are taken back: what looks at thousands of futures keeps none of them."""
        with self.lock:
            self._lasting.clear()
            journal_kernels.begin(self.memory.words)
            try:
                yield
            finally:
                journal_kernels.take_back(self.memory.words)
                # What was said about sets of terminals stays true.
                for entry in self._lasting:
                    self._write(*entry)
                self._lasting.clear()
                self._texts.forget()

    def successors(self, state: int, out: NDArray[np.int64]) -> None:
        """The state behind each byte, into out int64[256]."""
        self.complete(lambda m: int(kernels.successors(m, state, out)))

    def is_accepting(self, state: int) -> bool:
        """May the text end here?"""
        with self.lock:
            while (answer := int(kernels.accepting(self.memory.words, state))) < 0:
                self.answer()
            return bool(answer)

    def frontier(self, state: int) -> Int32:
        """The configurations of a state, int32[n, 7] (columns in parse_layout.py): a copy."""
        found = []
        while state:
            config, state = self.memory.rows(at.AT_STATES, state, 1)[0, :2].tolist()
            found.append(self.memory.rows(at.AT_CONFIGS, config, 1)[0].copy())
        return np.array(found)

    def allowed_bytes(self, state: int) -> list[int]:
        """Every byte that leads on from a state."""
        return [byte for byte in range(256) if self.step(state, byte) != at.DEAD]

    @property
    def state_count(self) -> int:
        return int(self.memory.words[at.N_STATES]) - at.FIRST
