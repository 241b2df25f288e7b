"""Character states: what is left of a string or text, each lowered when a kernel first reads from it.

In: languages (one for each class of member names, one for a value). Out: rows of the memory with sorted edges, a
class of characters each. The states are derivatives of expressions, so equal rests are one state; what may come first
is known when a state gets its number, and a state that nothing below in a trie leads on from is never derived.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, Final

from treadle.automata import layout as at
from treadle.automata.memory import Memory
from treadle.grammar.derivative import first_ascii, nullable
from treadle.grammar.emptiness import is_empty, live_transitions, shortest_length
from treadle.grammar.expression import ANY_TEXT, NOTHING, Expr

_ROW = struct.Struct("5i")
#: "=": without the padding that would put the bits at a multiple of eight bytes.
_NEW_ROW = struct.Struct("=5i2Q")
_WORD: Final = (1 << 64) - 1
#: One expression for each class of names; one alone, as nearly all are, is no tuple, so that the garbage collector has
#: less to look at.
CharState = tuple[Expr, ...] | Expr


class CharacterStates:
    """The character states of one memory."""

    def __init__(self, memory: Memory, measured: bool) -> None:
        """`measured`: note of every state how many characters it needs, also where no bound asks for it."""
        self.memory = memory
        self._measured = measured
        #: Numbers by what is left, where positions do not bound the length, and where they do.
        self._numbers: tuple[dict[CharState, int], dict[CharState, int]] = (
            {ANY_TEXT: at.CHAR_ANY},
            {ANY_TEXT: at.CHAR_ANY},
        )
        self._states: list[CharState] = [(), ANY_TEXT]
        self._bounded = bytearray(2)
        self._preset_any_text()

    def begin_with(self, states: CharacterStates) -> None:
        """Know the states of another memory, which this one begins with."""
        unbounded, bounded = states._numbers
        self._numbers = unbounded.copy(), bounded.copy()
        self._states = states._states.copy()
        self._bounded = states._bounded.copy()

    def lower_ahead(self, most: int) -> None:
        """Lower states in the order of their discovery, until there are `most` or nothing is left."""
        q = at.CHAR_ANY + 1
        while q < len(self._states) < most:
            self.lower(q)
            q += 1

    def number(self, state: CharState, bounded: bool) -> int:
        """The number of a character state; `bounded`: does the position that uses it bound the length?"""
        ids = self._numbers[bounded]
        known = ids.get(state)
        if known is not None:
            return known
        q = self.memory.append(at.AT_CHARS, 1)
        ids[state] = q
        self._states.append(state)
        self._bounded.append(bounded)
        shortest = self.shortest_text(q) if bounded or self._measured else 0
        first = 0
        for language in self.languages(q):
            first |= first_ascii(language)
        _NEW_ROW.pack_into(
            self.memory.buffer, 4 * self.memory.at(at.AT_CHARS, q), 0, 0, 0, -1, shortest, first & _WORD, first >> 64
        )  # fmt: skip
        return q

    def lower(self, q: int) -> None:
        """Answer ASK_CHAR: write the edges of a character state, one class of characters each."""
        state, bounded = self._states[q], bool(self._bounded[q])
        if isinstance(state, Expr):
            flat = _flat_transitions(state)
            rows = [(flat[i], flat[i + 1], self.number(flat[i + 2], bounded)) for i in range(0, len(flat), 3)]
        else:
            rows = [(a, b, self.number(target, bounded)) for a, b, target in _joint_transitions(state)]
        label = next((i for i, e in enumerate(self.languages(q)) if e.nullable or nullable(e)), -1)
        first = self.memory.add_edges(rows)
        offset = 4 * self.memory.at(at.AT_CHARS, q)
        shortest = int(self.memory.words[offset // 4 + at.CST_SHORTEST])
        _ROW.pack_into(self.memory.buffer, offset, 1, first, len(rows), label, shortest)

    def _preset_any_text(self) -> None:
        self.memory.append(at.AT_CHARS, 1)
        first = self.memory.add_edges([(0, 0x10FFFF, at.CHAR_ANY)])
        _ROW.pack_into(self.memory.buffer, 4 * self.memory.at(at.AT_CHARS, at.CHAR_ANY), 1, first, 1, 0, 0)

    def languages(self, q: int) -> tuple[Expr, ...]:
        """The languages of a character state: one for each class of names, one for a value."""
        state = self._states[q]
        return (state,) if isinstance(state, Expr) else state

    def shortest_text(self, q: int) -> int:
        """Least number of characters that a character state still needs, over all its classes."""
        return min((shortest_length(e) for e in self.languages(q) if not is_empty(e)), default=0)


@lru_cache(maxsize=1 << 13)
def _flat_transitions(language: Expr) -> tuple[Any, ...]:
    """Low, high and target of each range of characters, sorted, one after the other.

    Kept across automata: the same patterns, formats and numbers come in one schema after the other. Flat, so that the
    garbage collector has one object to look at.
    """
    rows = [(low, high, target) for chars, target in live_transitions(language) for low, high in chars.ranges]
    rows.sort(key=lambda row: row[0])
    return tuple(part for row in rows for part in row)


@lru_cache(maxsize=1 << 10)
def _joint_transitions(languages: tuple[Expr, ...]) -> list[tuple[int, int, tuple[Expr, ...]]]:
    """Sorted (low, high, targets) of several expressions read together; ranges where all are dead are left out."""
    rows = [
        sorted(
            (
                (low, high, target)
                for chars, target in live_transitions(language)
                for low, high in chars.ranges
            ),
            key=lambda row: row[0],
        )
        for language in languages
    ]
    return _overlay(rows)


def _overlay(rows: list[list[tuple[int, int, Expr]]]) -> list[tuple[int, int, tuple[Expr, ...]]]:
    """Cut the ranges of several rows at each other's borders."""
    cuts = sorted(
        {low for row in rows for low, _, _ in row} | {high + 1 for row in rows for _, high, _ in row}
    )
    out: list[tuple[int, int, tuple[Expr, ...]]] = []
    at_row = [0] * len(rows)
    for low, nxt in zip(cuts, cuts[1:], strict=False):
        targets = []
        for i, row in enumerate(rows):
            while at_row[i] < len(row) and row[at_row[i]][1] < low:
                at_row[i] += 1
            k = at_row[i]
            inside = k < len(row) and row[k][0] <= low
            targets.append(row[k][2] if inside else NOTHING)
        if any(target is not NOTHING for target in targets):
            out.append((low, nxt - 1, tuple(targets)))
    return out
