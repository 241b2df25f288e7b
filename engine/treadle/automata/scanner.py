"""The scanner: all terminals of a grammar at once, as one deterministic automaton over bytes, computed as it is used.

A state says how far each terminal got in the lexeme that began together with the others: a tuple of (terminal, state
of its own machine), and what was read of a character's UTF-8. The parser's contexts do not multiply these states:
which terminals count in a context is a set that kernels intersect with the state's `live` and `flags` bits.

Inside a character a state is the row of places behind the bytes that may come next (utf8_tree.py): all rows of a
character set are made at once, and equal ones are one state. With an automaton over bytes among the terminals it is
the range of code points that are still possible; where all of them lead to the same place and all continuation bytes
are legal, only that place and the number of bytes to come.

Machines: `Preferred` (ordered threads, for lexers), `Residual` (a language, for scannerless parsing) and `Embedded`
(an automaton over bytes of its own: a JSON Schema inside a grammar).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache, lru_cache
from operator import itemgetter
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.automata import layout, utf8_tree
from treadle.automata import parse_layout as at
from treadle.automata.byte_automaton import ByteAutomaton
from treadle.errors import LimitExceeded
from treadle.grammar.charset import MAX_CODEPOINT
from treadle.grammar.derivative import nullable
from treadle.grammar.emptiness import live_transitions
from treadle.grammar.expression import Expr
from treadle.grammar.preferred import Ahead, Edges, Machine, Program

#: Scanner states: UNREAD is not computed yet, DEAD has no way on, START is between two lexemes.
UNREAD: Final = 0
DEAD: Final = 1
START: Final = 2
#: Ranges of characters that are looked at to find out whether they are one.
_RUNS: Final = 8
#: Most states of a scanner.
SCANNER_LIMIT: Final = 200_000


class CharMachine(Protocol):
    """What a terminal's automaton over characters has to tell. State 0 is the start."""

    flag: list[bool]
    live: list[bool]
    condition: list[Ahead | None]

    def edges(self, state: int) -> Edges:
        """(first, last, state) for the characters that lead on, ascending."""


class Residual:
    """The automaton of a language: every member is a lexeme."""

    def __init__(self, language: Expr) -> None:
        self._numbers: dict[Expr, int] = {}
        self._languages: list[Expr] = []
        self._edges: list[Edges | None] = []
        self.flag: list[bool] = []
        self.live: list[bool] = []
        self.condition: list[Ahead | None] = []
        self._state(language)

    def edges(self, state: int) -> Edges:
        known = self._edges[state]
        if known is None:
            found = []
            for charset, target in live_transitions(self._languages[state]):
                number = self._state(target)
                found += [(low, high, number) for low, high in charset.ranges]
            known = self._edges[state] = tuple(sorted(found))
        return known

    def _state(self, language: Expr) -> int:
        number = self._numbers.get(language)
        if number is None:
            number = self._numbers[language] = len(self._languages)
            self._languages.append(language)
            self._edges.append(None)
            self.flag.append(nullable(language))
            self.live.append(bool(live_transitions(language)))
            self.condition.append(None)
        return number


#: What was read of a character: (bytes to come, first and last code point); the last two are -1 where all are alike,
#: and ROW where the state is a row.
Partial = tuple[int, int, int]
WHOLE: Final[Partial] = (0, -1, -1)
ROW: Final = -2
Items = tuple[tuple[int, int], ...]


class Scanner:
    """`machines[t]` is what reads terminal t: a Program, a language, an automaton over bytes, or None (never read)."""

    def __init__(self, machines: Sequence[Program | Expr | ByteAutomaton | None]) -> None:
        self.terminals = len(machines)
        #: uint32 words of a set of terminals.
        self.words = max(1, -(-self.terminals // 32))
        self._machines: list[CharMachine | None] = []
        self._embedded: dict[int, ByteAutomaton] = {}
        items = []
        for t, machine in enumerate(machines):
            if isinstance(machine, ByteAutomaton):
                self._machines.append(None)
                self._embedded[t] = machine
                items.append((t, machine.start))
                continue
            made = (
                None
                if machine is None
                else Machine(machine)
                if isinstance(machine, Program)
                else Residual(machine)
            )
            self._machines.append(made)
            if made is not None:
                items.append((t, 0))
        #: How kernels read it (parse_layout): int32[capacity, 2 + 2 * words], int32[capacity, 256], and the conditions.
        self.rows: NDArray[np.int32] = np.zeros((64, at.SCAN_HEAD + 2 * self.words), np.int32)
        self.next_rows: NDArray[np.int32] = np.zeros((64, 256), np.int32)
        self.condition_rows: list[list[int]] = []
        self.next_rows[DEAD] = DEAD
        self._numbers: dict[tuple[Partial, Items], int] = {}
        self._keys: list[tuple[Partial, Items]] = [(WHOLE, ()), (WHOLE, ())]
        #: A state that reads the characters beyond ASCII as a machine's state does; -1 where it reads none.
        self._wide: dict[tuple[int, int], int] = {}
        self._alike: dict[tuple[int, Edges], int] = {}
        #: States in the middle of a character by their rows.
        self._rows: dict[bytes, int] = {}
        #: What _leads found, by the items that have a part in it.
        self._led: dict[Items, dict[int, int]] = {}
        self._ascii: dict[tuple[int, int], NDArray[np.int32]] = {}
        #: Bits of the terminals that a lexeme may end as, and of those that can go on, for each state.
        self.flags: list[int] = [0, 0]
        self.live: list[int] = [0, 0]
        start = self._state(WHOLE, tuple(items))
        assert start == START
        # Machines may come back to where they began, but then they are within a lexeme.
        del self._numbers[self._keys[START]]
        # No lexeme is empty, whatever its pattern says.
        self.flags[START] = 0
        self.rows[START, : at.SCAN_HEAD + self.words] = 0

    @property
    def states(self) -> int:
        return len(self._keys)

    def conditional(self, state: int) -> int:
        """Bits of the terminals that a lexeme may end as if the byte behind it is right."""
        first, count = self.rows[state, : at.SCAN_HEAD].tolist()
        bits = 0
        for terminal, *_ in self.condition_rows[first : first + count]:
            bits |= 1 << terminal
        return bits

    def next(self, state: int, byte: int) -> int:
        """The state behind a byte."""
        known = int(self.next_rows[state, byte])
        return known if known != UNREAD else self.row(state, byte)[byte]

    def row(self, state: int, byte: int) -> dict[int, int]:
        """Bytes -> states: of all bytes, or of `byte` where there is an automaton over bytes among the terminals."""
        (left, _, _), items = self._keys[state]
        if left or any(t in self._embedded for t, _ in items):
            found = {byte: self._step(state, byte)}
        else:
            found = self._ascii_row(items) | self._leads(self._beyond_ascii(items))
        for other, target in found.items():
            self.next_rows[state, other] = target
        return found

    def close(self, most: int) -> None:
        """Find out where every byte leads from every state, as long as there are fewer than `most` states."""
        state = START
        while state < self.states < most:
            if self._keys[state][0] == WHOLE and UNREAD in self.next_rows[state]:
                self.row(state, 0)
            state += 1

    def _leads(self, items: Items) -> dict[int, int]:
        """Where the bytes lead that are no ASCII, between two characters."""
        found = self._led.get(items)
        if found is None:
            found = dict.fromkeys(range(0x80, 0x100), DEAD)
            if items:
                first, behind = self._behind_characters(items)
                found |= utf8_tree.lead_bytes(first, behind, DEAD, self._row_state)
            self._led[items] = found
        return found

    def _behind_characters(self, items: Items) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Runs of characters that lead alike: their first ones, and the state behind each run."""
        edges = [self._edges_of(t, q) for t, q in items]
        bounds = [
            np.array([0, 0x80, 0xD800, 0xE000]),
            *(e[:, 0] for e in edges),
            *(e[:, 1] + 1 for e in edges),
        ]
        first = np.unique(np.concatenate(bounds))
        first = first[first < utf8_tree.CHARACTERS]
        asked = (first >= 0x80) & ((first < 0xD800) | (first >= 0xE000))
        columns = []
        for lows, highs, targets in (some.T for some in edges):
            place = np.minimum(np.searchsorted(highs, first), len(highs) - 1)
            covered = asked & (lows[place] <= first) & (first <= highs[place])
            columns.append(np.where(covered, targets[place], -1).astype(np.int32))
        return first, np.array(self._by_class(items, columns, len(first)), np.int32)

    def _edges_of(self, terminal: int, state: int) -> NDArray[np.int64]:
        machine = self._machines[terminal]
        assert machine is not None
        return np.array(machine.edges(state), np.int64).reshape(-1, 3)

    def _row_state(self, left: int, row: NDArray[np.int32]) -> int:
        """The state behind which the 64 bytes that go on with a character lead as a row says."""
        key = row.tobytes()
        number = self._rows.get(key)
        if number is None:
            targets = set(row.tolist()) - {DEAD}
            if not targets:
                return DEAD
            number = self._rows[key] = self._new(((left, ROW, ROW), ()))
            live = 0
            for target in targets:
                live |= self.live[target]
                for t, _ in self._keys[target][1]:
                    live |= 1 << t
            self._note(number, 0, live, [])
            self.next_rows[number] = DEAD
            self.next_rows[number, 0x80:0xC0] = row
        return number

    def _beyond_ascii(self, items: Items) -> Items:
        """Those that read some character beyond ASCII; machine states that read them alike are one."""
        found = []
        for item in items:
            alike = self._wide.get(item)
            if alike is None:
                machine = self._machines[item[0]]
                assert machine is not None
                edges = machine.edges(item[1])
                wide = edges[bisect_left(edges, 0x80, key=itemgetter(1)) :]
                alike = self._alike.setdefault((item[0], wide), item[1]) if wide else -1
                self._wide[item] = alike
            if alike >= 0:
                found.append((item[0], alike))
        return tuple(found)

    def _ascii_row(self, items: Items) -> dict[int, int]:
        return dict(enumerate(self._by_class(items, [self._ascii_edges(t, q) for t, q in items], 0x80)))

    def _by_class(self, items: Items, columns: list[NDArray[np.int32]], count: int) -> list[int]:
        """The states behind `count` characters, by where each item's machine is behind them (-1: nowhere)."""
        if not items:
            return [DEAD] * count
        classes: dict[bytes, int] = {}
        found = []
        for behind in np.ascontiguousarray(np.stack(columns).T):
            key = behind.tobytes()
            target = classes.get(key)
            if target is None:
                reached = tuple((t, q) for (t, _), q in zip(items, behind.tolist(), strict=True) if q >= 0)
                target = classes[key] = self._state(WHOLE, reached)
            found.append(target)
        return found

    def _ascii_edges(self, terminal: int, state: int) -> NDArray[np.int32]:
        known = self._ascii.get((terminal, state))
        if known is None:
            known = self._ascii[terminal, state] = np.full(128, -1, np.int32)
            machine = self._machines[terminal]
            assert machine is not None
            for low, high, target in machine.edges(state):
                if low < 0x80:
                    known[low : min(high, 0x7F) + 1] = target
        return known

    def _step(self, state: int, byte: int) -> int:
        (left, low, high), items = self._keys[state]
        embedded = [
            (t, reached)
            for t, q in items
            if t in self._embedded and (reached := self._embedded[t].step(q, byte)) != layout.DEAD
        ]
        own = tuple((t, q) for t, q in items if t not in self._embedded)
        if left == 0 and byte >= 0x80:
            own = self._beyond_ascii(own)
        if left == 0:
            if byte < 0x80:
                read = self._read(own, byte, byte)
                return self._state(WHOLE, _merged(read or (), embedded))
            span = lead_range(byte)
            if span is None:
                return DEAD
            left, low, high = span
        else:
            if not 0x80 <= byte < 0xC0:
                return DEAD
            if low < 0:
                # All ways are alike: the items are already those behind the character.
                left -= 1
                return self._state((left, -1, -1) if left else WHOLE, _merged(own, embedded))
            left -= 1
            size = 1 << (6 * left)
            base = (low >> (6 * (left + 1)) << (6 * (left + 1))) + (byte & 63) * size
            low, high = max(low, base), min(high, base + size - 1)
            if low > high:
                return self._state(WHOLE, _merged((), embedded)) if embedded else DEAD
        return self._within(left, low, high, own, embedded)

    def _within(self, left: int, low: int, high: int, own: Items, embedded: list[tuple[int, int]]) -> int:
        read = self._read(own, low, high)
        if read is not None and (not read or high - low + 1 == 1 << (6 * left)):
            return self._state((left, -1, -1) if left else WHOLE, _merged(read, embedded))
        some = tuple((t, q) for t, q in own if self._meets(t, q, low, high))
        return self._state((left, low, high), _merged(some, embedded))

    def _read(self, items: Items, low: int, high: int) -> Items | None:
        """Where all characters of a range lead; None if not to one place, or if that is long to tell."""
        found = []
        for t, q in items:
            machine = self._machines[t]
            assert machine is not None
            touching = _touching(machine.edges(q), low, high)
            if not touching:
                continue
            if len(touching) > _RUNS:
                return None
            targets = {target for *_, target in touching}
            covered = sum(min(high, b) - max(low, a) + 1 for a, b, _ in touching)
            holes = 0x800 if low <= 0xD800 and high >= 0xDFFF else 0
            if len(targets) > 1 or covered + holes < high - low + 1:
                return None
            found.append((t, targets.pop()))
        return tuple(found)

    def _meets(self, t: int, q: int, low: int, high: int) -> bool:
        machine = self._machines[t]
        assert machine is not None
        return bool(_touching(machine.edges(q), low, high))

    def _state(self, partial: Partial, items: Items) -> int:
        if not items and len(self._keys) > START:  # the start is there even where nothing is scanned for
            return DEAD
        key = (partial, items)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._new(key)
            flags = live = 0
            conditions = []
            for t, q in items:
                if t in self._embedded:
                    automaton = self._embedded[t]
                    flags |= automaton.is_accepting(q) << t
                    live |= any(automaton.step(q, byte) != layout.DEAD for byte in range(256)) << t
                    continue
                machine = self._machines[t]
                assert machine is not None
                if partial != WHOLE:
                    live |= 1 << t
                    continue
                flags |= machine.flag[q] << t
                live |= machine.live[q] << t
                ahead = machine.condition[q]
                if ahead is not None:
                    conditions.append((t, ahead))
            self._note(number, flags, live, conditions)
        return number

    def _new(self, key: tuple[Partial, Items]) -> int:
        """A state without a number yet."""
        number = len(self._keys)
        if number >= SCANNER_LIMIT:
            raise LimitExceeded("the lexer has too many states", limit="scanner", value=SCANNER_LIMIT)
        self._keys.append(key)
        return number

    def _note(self, number: int, flags: int, live: int, conditions: list[tuple[int, Ahead]]) -> None:
        """Write a new state down, for kernels, too."""
        self.flags.append(flags)
        self.live.append(live)
        if number >= len(self.rows):
            self.rows = np.concatenate([self.rows, np.zeros_like(self.rows)])
            self.next_rows = np.concatenate([self.next_rows, np.zeros_like(self.next_rows)])
        row = self.rows[number]
        row[: at.SCAN_HEAD] = len(self.condition_rows), len(conditions)
        row[at.SCAN_HEAD : at.SCAN_HEAD + self.words] = words_of(flags, self.words)
        row[at.SCAN_HEAD + self.words :] = words_of(live, self.words)
        self.condition_rows += [[t, int(ahead.at_end), *first_bytes(ahead)] for t, ahead in conditions]


def _touching(edges: Edges, low: int, high: int) -> Edges:
    """The edges that some character of a range takes."""
    first = bisect_left(edges, low, key=itemgetter(1))
    return edges[first : bisect_right(edges, high, first, key=itemgetter(0))]


def words_of(bits: int, count: int) -> NDArray[np.int32]:
    """A set of terminals as int32 words."""
    return np.frombuffer(bits.to_bytes(4 * count, "little"), np.int32)


@lru_cache(maxsize=1 << 12)
def first_bytes(ahead: Ahead) -> tuple[int, ...]:
    """The bytes that characters of a set begin with, 8 words.

    A lead byte counts if all of its characters are in the set; conditions that split them are not met by any of them.
    """
    bits = 0
    for low, high in ahead.charset.ranges:
        for character in range(low, min(high, 0x7F) + 1):
            bits |= 1 << character
    for byte in range(0xC2, 0xF5):
        span = lead_range(byte)
        if span is not None and any(low <= span[1] and span[2] <= high for low, high in ahead.charset.ranges):
            bits |= 1 << byte
    return tuple(words_of(bits, 8).tolist())


def _merged(own: Items, embedded: list[tuple[int, int]]) -> Items:
    return tuple(sorted((*own, *embedded))) if embedded else own


@cache
def lead_range(byte: int) -> Partial | None:
    """(bytes to come, first, last code point) of the characters whose UTF-8 begins with `byte`; None for none."""
    if 0xC2 <= byte <= 0xDF:
        return 1, (byte & 31) << 6, ((byte & 31) << 6) + 63
    if 0xE0 <= byte <= 0xEF:
        base = (byte & 15) << 12
        return 2, max(base, 0x800), min(base + 0xFFF, 0xD7FF if byte == 0xED else 0xFFFF)
    if 0xF0 <= byte <= 0xF4:
        base = (byte & 7) << 18
        return 3, max(base, 0x10000), min(base + 0x3FFFF, MAX_CODEPOINT)
    return None
