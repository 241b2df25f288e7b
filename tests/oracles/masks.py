"""Masks by brute force: every token of the vocabulary is tried, byte by byte.

In: an oracle, a text, a vocabulary. Out: the set of allowed ids. The only help is a memory of states already stepped.
"""

from __future__ import annotations

import regex

from oracles.byte_automaton import ACCEPT, ByteOracle, State
from treadle.vocabulary import Vocabulary


class MaskOracle:
    """Masks of one constraint over one vocabulary. States are numbered: 0 is dead."""

    def __init__(self, oracle: ByteOracle, vocabulary: Vocabulary) -> None:
        self.oracle = oracle
        self.vocabulary = vocabulary
        self._states: list[State] = [frozenset()]
        self._numbers: dict[State, int] = {frozenset(): 0}
        self._next: dict[tuple[int, int], int] = {}

    def mask(self, prefix: bytes, tokens: range | list[int] | None = None) -> set[int]:
        """The allowed ids behind `prefix`, of all or of some tokens."""
        here = self._number(self.oracle.run(prefix))
        ids = range(len(self.vocabulary)) if tokens is None else tokens
        allowed = {i for i in ids if (data := self.vocabulary.token_bytes(i)) and self._run(here, data)}
        return allowed | (set(self.vocabulary.eos_ids) if ACCEPT in self._states[here] else set())

    def _run(self, state: int, data: bytes) -> int:
        for byte in data:
            known = self._next.get((state, byte))
            if known is None:
                known = self._next[state, byte] = self._number(self.oracle.step(self._states[state], byte))
            if not known:
                return 0
            state = known
        return state

    def _number(self, state: State) -> int:
        if state not in self._numbers:
            self._numbers[state] = len(self._states)
            self._states.append(state)
        return self._numbers[state]


def regex_allows(pattern: regex.Pattern[str], data: bytes) -> bool | None:
    """Can these bytes be completed to a full match? Judged by the module `regex` alone.

    None where the bytes end inside a character with more than 64 possible completions, which nobody wants to try.
    """
    text, tail = _split(data)
    if text is None:
        return False
    if not tail:
        return pattern.fullmatch(text, partial=True) is not None
    if len(tail) + 1 < (2 if tail[0] < 0xE0 else 3 if tail[0] < 0xF0 else 4):
        return None
    ends = [tail + bytes([byte]) for byte in range(0x80, 0xC0)]
    chars = [char for end in ends if (char := _decoded(end)) is not None]
    return any(pattern.fullmatch(text + char, partial=True) is not None for char in chars)


def _split(data: bytes) -> tuple[str | None, bytes]:
    """(whole characters, bytes of a last one that is cut off); (None, b"") if this is no UTF-8."""
    try:
        return data.decode(), b""
    except UnicodeDecodeError as error:
        if error.end < len(data) or error.reason != "unexpected end of data":
            return None, b""
        return data[: error.start].decode(), data[error.start :]


def _decoded(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
