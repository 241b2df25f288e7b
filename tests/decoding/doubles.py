"""Stand-ins with everything spelled out: a constraint over a finite set of strings, a model that is a table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from treadle.vocabulary import Vocabulary


def toy_vocabulary(*more: bytes) -> Vocabulary:
    """Every byte, some longer tokens, two ids with the same bytes, a hole, and an end of text in the middle."""
    tokens: list[bytes | None] = [bytes([value]) for value in range(256)]
    tokens += [None, b"ab", b"abc", b"ab", None, "é".encode(), "é".encode() + b"a", b"ye", b"no", *more]
    return Vocabulary(tokens, eos_ids=260)


class FiniteAutomaton:
    """The token automaton of a finite set of strings, by comparing prefixes. States are interned prefixes."""

    DONE = 0

    def __init__(self, texts: Iterable[str], vocabulary: Vocabulary, merge_forced: bool = True) -> None:
        self.texts = {text.encode() for text in texts}
        self.vocabulary = vocabulary
        self.prefixes = [b"<done>", b""]
        self.start = 1
        self.merge_forced = merge_forced
        self.advances = 0
        self._allowed: dict[int, list[int]] = {}

    def _state(self, prefix: bytes) -> int:
        if prefix not in self.prefixes[1:]:
            self.prefixes.append(prefix)
        return self.prefixes.index(prefix, 1)

    def allowed(self, state: int) -> list[int]:
        if state not in self._allowed:
            self._allowed[state] = self._compare(state)
        return self._allowed[state]

    def _compare(self, state: int) -> list[int]:
        if state == self.DONE:
            return list(self.vocabulary.eos_ids)
        prefix = self.prefixes[state]
        ids = [
            i
            for i, data in enumerate(self.vocabulary.tokens)
            if data and any(text.startswith(prefix + data) for text in self.texts)
        ]
        return ids + (list(self.vocabulary.eos_ids) if prefix in self.texts else [])

    def mask(self, state: int) -> np.ndarray:
        bits = np.zeros(-(-len(self.vocabulary) // 32) * 32, bool)
        bits[self.allowed(state)] = True
        return np.packbits(bits, bitorder="little").view(np.int32)

    def fill(self, states: Sequence[int], rows: np.ndarray) -> None:
        for state, row in zip(states, rows, strict=True):
            row[:] = self.mask(state)

    def advance(self, state: int, token: int) -> int:
        self.advances += 1
        if token not in self.allowed(state):
            return -1
        if token in self.vocabulary.eos_ids:
            return self.DONE
        return self._state(self.prefixes[state] + (self.vocabulary.token_bytes(token) or b""))

    def is_accepting(self, state: int) -> bool:
        return state == self.DONE or self.prefixes[state] in self.texts

    def rests(self, state: int) -> list[bytes]:
        prefix = self.prefixes[state]
        return sorted((text[len(prefix) :] for text in self.texts if text.startswith(prefix)), key=len)

    def forced(self, state: int) -> list[int]:
        if state == self.DONE or not self.merge_forced:
            return []
        rests = self.rests(state)
        common = rests[0]
        while not all(rest.startswith(common) for rest in rests):
            common = common[:-1]
        return self.vocabulary.encode_bytes(common) if common else []

    def closing(self, state: int) -> tuple[int, ...]:
        if state == self.DONE:
            return ()
        return min((tuple(self.vocabulary.encode_bytes(rest)) for rest in self.rests(state)), key=len)

    def closing_bound(self, state: int) -> int:
        return 0 if state == self.DONE else len(self.rests(state)[0])


@dataclass(frozen=True)
class FiniteConstraint:
    """A compiled constraint."""

    automaton: FiniteAutomaton
    vocabulary: Vocabulary

    def roomy_automaton(self) -> FiniteAutomaton:
        return self.automaton


def finite(texts: Iterable[str], vocabulary: Vocabulary, **options: bool) -> FiniteConstraint:
    return FiniteConstraint(FiniteAutomaton(texts, vocabulary, **options), vocabulary)


class TableModel:
    """Logits drawn once and for all from the prefix."""

    def __init__(self, vocabulary: Vocabulary, seed: int = 0, width: int | None = None) -> None:
        self.vocabulary = vocabulary
        self.seed = seed
        self.width = width or len(vocabulary)
        self.runs: list[list[int]] = []

    def logits(self, prefix: Sequence[int]) -> np.ndarray:
        digest = hashlib.sha256(repr((self.seed, list(prefix))).encode()).digest()
        return np.random.default_rng(list(digest)).normal(0, 3, self.width).astype(np.float32)

    def start(self, prompt: Sequence[int]) -> TableSession:
        return TableSession(self, list(prompt))


class TableSession:
    def __init__(self, model: TableModel, prefix: list[int]) -> None:
        self.model, self.prefix, self.calls = model, prefix, 1

    @property
    def logits(self) -> np.ndarray:
        return self.model.logits(self.prefix)

    def append(self, tokens: Sequence[int]) -> np.ndarray:
        self.calls += 1
        self.model.runs.append(list(tokens))
        rows = [self.model.logits(self.prefix + list(tokens[: k + 1])) for k in range(len(tokens))]
        self.prefix = self.prefix + list(tokens)
        return np.stack(rows)

    def fork(self) -> TableSession:
        other = TableSession(self.model, list(self.prefix))
        other.calls = self.calls
        return other
