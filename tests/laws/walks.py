"""What the laws share: compiling rules, reading masks as sets, random texts and random walks, all from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from oracles.byte_automaton import ByteOracle
from treadle.automata.byte_automaton import DEAD, EVERY_BYTE, ByteAutomaton
from treadle.grammar.rules import Node
from treadle.masks import bitset
from treadle.matching.closing import Closer
from treadle.matching.token_automaton import DONE, TokenAutomaton
from treadle.matching.token_tables import token_tables
from treadle.vocabulary import Vocabulary

#: No search for an end may expand more states than this: a flood is a failure, and found in a second.
EXPANSIONS = 1000


def automaton(node: Node, vocabulary: Vocabulary, *, every_byte: bool = False) -> TokenAutomaton:
    """As `compile` makes it; `every_byte`: as if no byte lacked a token, which is the law of masks by bytes alone."""
    usable = EVERY_BYTE if every_byte else token_tables(vocabulary).single_bytes
    compiled = TokenAutomaton(ByteAutomaton(node, usable), vocabulary)
    compiled._closer = Closer(compiled.bytes, EXPANSIONS)
    return compiled


def tokens_of(automaton: TokenAutomaton, state: int) -> set[int]:
    return set(bitset.to_tokens(automaton.mask(state)).tolist())


def state_behind(automaton: TokenAutomaton, prefix: bytes) -> int:
    state = automaton.bytes.run(automaton.start, prefix)
    assert state != DEAD, f"{prefix!r} is refused"
    return state


def random_text(oracle: ByteOracle, rng: random.Random, most: int = 24) -> bytes:
    """A text along allowed bytes, legible ones preferred; it may end before the language does."""
    state, data = oracle.start, b""
    while len(data) < most:
        if oracle.accepts(data) and rng.random() < 0.3:
            break
        following = [byte for byte in range(256) if oracle.step(state, byte)]
        if not following:
            break
        legible = [byte for byte in following if 0x20 < byte < 0x7F]
        byte = rng.choice(legible if legible and rng.random() < 0.7 else following)
        state, data = oracle.step(state, byte), data + bytes([byte])
    return data


def prefixes(data: bytes, rng: random.Random, count: int = 4) -> list[bytes]:
    """The empty one, the whole and some between, which may end inside a character."""
    return [
        data[:cut] for cut in sorted({0, len(data), *(rng.randrange(len(data) + 1) for _ in range(count))})
    ]


def walk(automaton: TokenAutomaton, rng: random.Random, most: int = 30) -> Iterator[tuple[int, int]]:
    """(state, token) along a walk that draws from masks; ends with the text or after `most` tokens."""
    state = automaton.start
    for _ in range(most):
        allowed = sorted(tokens_of(automaton, state))
        assert allowed, "no token is allowed"
        # The long tokens are where masks go wrong, and among many short ones they are hardly ever drawn.
        token = max(
            rng.sample(allowed, min(2, len(allowed))),
            key=lambda i: len(automaton.vocabulary.tokens[i] or b""),
        )
        yield state, token
        state = automaton.advance(state, token)
        if state == DONE:
            return


def close(automaton: TokenAutomaton, state: int) -> int:
    """The state behind closing(state), each token of which has to be allowed."""
    for token in automaton.closing(state):
        assert token in tokens_of(automaton, state)
        state = automaton.advance(state, token)
    return state
