"""Which phrases a text already contains: an Aho-Corasick automaton over bytes, and the set of phrases met.

A phrase is a piece of the text as it is written, so inside of a JSON string `"` is `\\"`. A `Coverage` is immutable:
the longest end of the text that begins a phrase (a node of the trie), and the phrases met so far. Phrases may overlap,
contain one another, and begin again after a false start, which flags per phrase get wrong; the automaton does not.

`progress` measures a coverage in tokens of the phrases' own spelling: all of a phrase that was met, and of the unmet
phrase that has come furthest what has come; a false start takes that back. Source: Aho & Corasick 1975.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from treadle.errors import InvalidConstraint
from treadle.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a text has come."""

    node: int = 0
    met: frozenset[int] = frozenset()


class Phrases:
    """Some phrases over a vocabulary."""

    def __init__(self, phrases: Sequence[str | bytes], vocabulary: Vocabulary) -> None:
        data = [phrase.encode() if isinstance(phrase, str) else phrase for phrase in phrases]
        if not all(data):
            raise InvalidConstraint("an empty phrase", found="''", expected="at least one byte")
        self.phrases = tuple(dict.fromkeys(data))
        self.vocabulary = vocabulary
        self._grow_trie()
        self._link()
        self._ends = [self._token_ends(phrase) for phrase in self.phrases]
        #: Tokens of all phrases together.
        self.total = sum(map(len, self._ends))

    def _grow_trie(self) -> None:
        self._next: list[dict[int, int]] = [{}]
        #: By node: the phrases that its string ends with, and the string.
        self._met: list[frozenset[int]] = [frozenset()]
        self._string: list[bytes] = [b""]
        for number, phrase in enumerate(self.phrases):
            node = 0
            for byte in phrase:
                if byte not in self._next[node]:
                    self._next[node][byte] = len(self._next)
                    self._next.append({})
                    self._met.append(frozenset())
                    self._string.append(self._string[node] + bytes([byte]))
                node = self._next[node][byte]
            self._met[node] |= {number}

    def _link(self) -> None:
        """The failure links, breadth first: where to go on when the next byte does not fit."""
        self._fail = [0] * len(self._next)
        queue = deque(self._next[0].values())
        while queue:
            node = queue.popleft()
            self._met[node] |= self._met[self._fail[node]]
            for byte, child in self._next[node].items():
                self._fail[child] = self._step(self._fail[node], byte)
                queue.append(child)

    def _step(self, node: int, byte: int) -> int:
        while node and byte not in self._next[node]:
            node = self._fail[node]
        return self._next[node].get(byte, 0)

    def _token_ends(self, phrase: bytes) -> tuple[int, ...]:
        """Where the tokens of a phrase end."""
        ends: list[int] = []
        for token in self.vocabulary.encode_bytes(phrase):
            ends.append((ends[-1] if ends else 0) + len(self.vocabulary.token_bytes(token) or b""))
        return tuple(ends)

    def advance(self, coverage: Coverage, data: bytes) -> Coverage:
        """The coverage after some more bytes."""
        node, met = coverage.node, coverage.met
        for byte in data:
            node = self._step(node, byte)
            if not self._met[node] <= met:
                met |= self._met[node]
        return Coverage(node, met)

    def complete(self, coverage: Coverage) -> bool:
        """Whether every phrase is there."""
        return len(coverage.met) == len(self.phrases)

    def progress(self, coverage: Coverage) -> int:
        """Tokens met, from 0 to `total`."""
        done = sum(len(self._ends[number]) for number in coverage.met)
        begun = (sum(end <= length for end in self._ends[number]) for number, length in self._begun(coverage))
        return done + max(begun, default=0)

    def _begun(self, coverage: Coverage) -> Iterator[tuple[int, int]]:
        """(unmet phrase, how many bytes of it the text ends with), 0 included."""
        string = self._string[coverage.node]
        for number, phrase in enumerate(self.phrases):
            if number not in coverage.met:
                longest = min(len(string), len(phrase))
                yield number, next(k for k in range(longest, -1, -1) if string.endswith(phrase[:k]))

    def fewest_bytes(self, coverage: Coverage) -> int:
        """At least so many bytes are still to come: the most that one unmet phrase lacks."""
        return max((len(self.phrases[k]) - length for k, length in self._begun(coverage)), default=0)

    def continuing(self, coverage: Coverage) -> set[int]:
        """Tokens that begin or go on with an unmet phrase: what is left of it begins with them, or they with that."""
        trie = self.vocabulary.trie
        found: set[int] = set()
        for number, length in self._begun(coverage):
            rest = self.phrases[number][length:]
            for k in range(1, len(rest)):
                if (node := trie.find(rest[:k])) >= 0:
                    found.update(trie.node_tokens(node))
            if (node := trie.find(rest)) >= 0:
                last = trie.token_start[trie.skip[node]]
                found.update(trie.tokens[trie.token_start[node] : last].tolist())
        return found
