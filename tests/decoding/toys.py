"""Languages and models small enough to write out: what every strategy is held against.

A *toy* is a constraint compiled by treadle over a vocabulary of a few tokens, and beside it the same language as a set
of strings that was found without treadle (`re`, a recursive definition, `json.dumps`). Texts of the language times all
their spellings in tokens give every sequence that a strategy may return; a table model gives each its exact scores.
Three languages: regular, Dyck words of bounded depth, JSON.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

import treadle
from treadle.frontends.json_schema.report import Report
from treadle.grammar import rules
from treadle.matching.compiled import Compiled
from treadle.vocabulary import Vocabulary

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Scored:
    """A spelling of a text of the language with its exact scores."""

    #: Without end of text.
    tokens: Tokens
    text: str
    raw: float
    local: float


@dataclass(frozen=True)
class Toy:
    """A finite language over a small vocabulary, compiled, and the same as a set of strings."""

    name: str
    vocabulary: Vocabulary
    compiled: Compiled
    texts: frozenset[str]

    @property
    def automaton(self):
        return self.compiled.automaton

    @property
    def end(self) -> int:
        return self.vocabulary.eos_ids[0]

    @cached_property
    def sequences(self) -> frozenset[Tokens]:
        """Every spelling of every text, without end of text."""
        return frozenset(spelling for text in self.texts for spelling in self.spellings(text.encode()))

    def spellings(self, data: bytes) -> Iterator[Tokens]:
        if not data:
            yield ()
        for token, part in enumerate(self.vocabulary.tokens):
            if part and token not in self.vocabulary.eos_ids and data.startswith(part):
                for rest in self.spellings(data[len(part) :]):
                    yield (token, *rest)

    @cached_property
    def allowed(self) -> Mapping[Tokens, frozenset[int]]:
        """Every prefix and what may follow it, by comparing with all sequences; the end of text included."""
        found: dict[Tokens, set[int]] = {}
        for tokens in self.sequences:
            for k in range(len(tokens) + 1):
                following = tokens[k] if k < len(tokens) else self.end
                found.setdefault(tokens[:k], set()).add(following)
        return {prefix: frozenset(tokens) for prefix, tokens in found.items()}

    @cached_property
    def widest(self) -> int:
        """Most prefixes of one length: a beam that wide loses nothing."""
        lengths = [len(prefix) for prefix in self.allowed]
        return max(lengths.count(length) for length in set(lengths))

    def text(self, tokens: Sequence[int]) -> str:
        return self.vocabulary.decode_bytes(list(tokens)).decode()


class Table:
    """A model whose logits are drawn once and for all from the prefix. Prefixes include the prompt, if any."""

    def __init__(self, size: int, seed: int, spread: float = 1.5) -> None:
        self.size, self.seed, self.spread = size, seed, spread
        self._known: dict[Tokens, np.ndarray] = {}

    def log_probs(self, prefix: Tokens) -> np.ndarray:
        """float64[V], normalised."""
        row = self._known.get(prefix)
        if row is None:
            digest = hashlib.sha256(repr((self.seed, prefix)).encode()).digest()
            logits = np.random.default_rng(list(digest)).normal(0, self.spread, self.size)
            logits = logits.astype(np.float32).astype(np.float64)
            row = self._known[prefix] = logits - np.logaddexp.reduce(logits)
        return row


class Flat(Table):
    """Every token is as likely as any other: all ties."""

    def log_probs(self, prefix: Tokens) -> np.ndarray:
        return np.full(self.size, -math.log(self.size))


class Bigram(Table):
    """Looks at the last token only, so that merging equal (state, last token) loses nothing."""

    def log_probs(self, prefix: Tokens) -> np.ndarray:
        return super().log_probs(prefix[-1:])


def enumerate_language(toy: Toy, model: Table, prompt: Tokens = ()) -> list[Scored]:
    """All of L, likeliest first by raw score; ties by tokens."""
    found = [score(toy, model, tokens, prompt) for tokens in toy.sequences]
    return sorted(found, key=lambda one: (-one.raw, one.tokens))


def score(toy: Toy, model: Table, tokens: Tokens, prompt: Tokens = ()) -> Scored:
    """Raw: sum of log p(token | before), end of text included. Local: each row renormalised to what is allowed."""
    raw = local = 0.0
    for k, token in enumerate((*tokens, toy.end)):
        row = model.log_probs((*prompt, *tokens[:k]))
        raw += row[token]
        local += row[token] - np.logaddexp.reduce(row[sorted(toy.allowed[tokens[:k]])])
    return Scored(tokens, toy.text(tokens), float(raw), float(local))


# -- languages -------------------------------------------------------------------------------------------------------


def vocabulary(*tokens: str) -> Vocabulary:
    """The tokens, with an end of text in their middle and a hole behind them."""
    data: list[bytes | None] = [token.encode() for token in tokens]
    middle = len(data) // 2
    return Vocabulary([*data[:middle], b"</s>", *data[middle:], None], eos_ids=(middle,))


@lru_cache(maxsize=1)
def regular() -> Toy:
    """The language of section 0.2 of the cards, whose local and conditional distributions lie far apart."""
    ours = vocabulary("a", "b", "c", "ab", "cb", "bac")
    words = ("".join(letters) for n in range(9) for letters in itertools.product("abc", repeat=n))
    whole = re.compile("(?=(?:ab|ba|c){1,3}$)(?:ab|ba|c)*c(?:ab|ba|c)*")
    texts = frozenset(word for word in words if whole.fullmatch(word))
    pattern = "|".join(f"(?:ab|ba|c){{{k}}}c(?:ab|ba|c){{0,{2 - k}}}" for k in range(3))
    return Toy("regular", ours, treadle.compile(treadle.Regex(pattern), ours), texts)


@lru_cache(maxsize=1)
def dyck() -> Toy:
    """Words of two kinds of brackets, at most two deep and two beside each other, as rules that call each other."""
    ours = vocabulary("(", ")", "[", "]", "()", ")[", "[(", "])")
    compiled = Compiled(None, _dyck_rule(2), Report(), ours)
    return Toy("dyck", ours, compiled, frozenset(_dyck_words(2)) - {""})


def _dyck_rule(depth: int, outermost: bool = True) -> rules.Node:
    if depth == 0:
        return rules.EMPTY
    inner = rules.Call(("dyck", depth - 1), lambda: _dyck_rule(depth - 1, False))
    block = rules.Choice(
        tuple(
            rules.Sequence((rules.Literal(left), inner, rules.Literal(right)))
            for left, right in ((b"(", b")"), (b"[", b"]"))
        )
    )
    empty = () if outermost else (rules.EMPTY,)
    return rules.Choice((*empty, block, *((rules.Sequence((block, block)),) if depth == 1 else ())))


def _dyck_words(depth: int) -> Iterator[str]:
    yield ""
    if depth == 0:
        return
    blocks = [f"{left}{inner}{right}" for left, right in ("()", "[]") for inner in _dyck_words(depth - 1)]
    yield from blocks
    if depth == 1:
        yield from (one + other for one in blocks for other in blocks)


@lru_cache(maxsize=1)
def json_like() -> Toy:
    """Objects with forced runs between their choices."""
    values = ["x", "xy", 1, 12, [], [1], [12]]
    schema = {"properties": {"a": {"enum": values}}, "required": ["a"], "additionalProperties": False}
    ours = vocabulary(*'{"a:xy12[]}', '{"', '":', '"}', "12", "[1")
    constraint = treadle.JsonSchema({"type": "object", **schema}, whitespace="compact", escapes="canonical")
    texts = frozenset(json.dumps({"a": value}, separators=(",", ":")) for value in values)
    return Toy("json", ours, treadle.compile(constraint, ours), texts)


#: Name -> maker; each is compiled once.
TOYS: dict[str, Callable[[], Toy]] = {"regular": regular, "dyck": dyck, "json": json_like}
