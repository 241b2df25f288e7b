"""Laws 3, 4 and 5: no dead ends, states depend on bytes only, rollback is the identity.

mask(p) is never empty, and closing(p) leads from p to acceptance
bytes(p) = bytes(q)  =>  state(p) = state(q)
rollback(n) after n accepts is the identity; forks are independent; fill = mask
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from laws import vocabularies
from laws.random_rules import Members, random_regex, random_rule
from laws.walks import automaton, close, random_text, state_behind, tokens_of, walk
from oracles.byte_automaton import ByteOracle
from treadle.errors import ConstraintError, VocabularyMismatch
from treadle.frontends.regex import parse_ecma, parse_python
from treadle.grammar import rules
from treadle.grammar.expression import words
from treadle.matching.matcher import Matcher
from treadle.matching.token_automaton import DONE

TRAPS = vocabularies.traps()


def random_node(seed: int) -> tuple[rules.Node, random.Random]:
    rng = random.Random(seed)
    return (random_rule(rng) if seed % 3 else rules.Text(parse_python(random_regex(rng)))), rng


@pytest.mark.parametrize("seed", range(40))
def test_every_walk_through_masks_can_be_closed(seed):
    node, rng = random_node(seed)
    compiled, oracle = automaton(node, TRAPS), ByteOracle(node)
    for _ in range(2):
        written = b""
        for state, token in walk(compiled, rng):
            end = close(compiled, state)
            assert compiled.is_accepting(end) and set(TRAPS.eos_ids) <= tokens_of(compiled, end)
            assert oracle.accepts(written + TRAPS.decode_bytes(compiled.closing(state)))
            assert compiled.advance(state, token) != -1
            written += TRAPS.tokens[token] or b""


@pytest.mark.parametrize("seed", range(40, 60))
def test_two_tokenizations_of_the_same_bytes_reach_equal_states(seed):
    node, rng = random_node(seed)
    oracle = ByteOracle(node)
    texts = [random_text(oracle, rng, 40) for _ in range(6)]
    vocabulary = vocabularies.cut_from(texts, rng)
    compiled = automaton(node, vocabulary)
    for text in texts:
        reached = {advanced(compiled, spelled_at_random(vocabulary, text, rng)) for _ in range(5)}
        assert reached == {state_behind(compiled, text)}


def spelled_at_random(vocabulary, data, rng):
    """Tokens for these bytes, each drawn from all that fit."""
    tokens = []
    while data:
        fitting = [i for i, token in enumerate(vocabulary.tokens) if token and data.startswith(token)]
        tokens.append(rng.choice(fitting))
        data = data[len(vocabulary.tokens[tokens[-1]]) :]
    return tokens


def advanced(compiled, tokens):
    state = compiled.start
    for token in tokens:
        state = compiled.advance(state, token)
    return state


@pytest.mark.parametrize("seed", range(60, 72))
def test_rollback_is_the_identity_and_forks_are_independent(seed):
    node, rng = random_node(seed)
    compiled = automaton(node, TRAPS)
    matcher, trail = Matcher(compiled), []
    for state, token in walk(compiled, rng):
        assert matcher.state == state
        trail.append((state, matcher.mask().copy()))
        fork = matcher.fork()
        assert matcher.accept_token(token)
        assert fork.state == state and np.array_equal(fork.mask(), trail[-1][1])
    for count in {0, 1, len(trail) // 2, len(trail)}:
        again = matcher.fork()
        again.rollback(count)
        expected = matcher.state if count == 0 else trail[-count][0]
        assert again.state == expected and np.array_equal(again.mask(), compiled.mask(expected))
    with pytest.raises(ValueError):
        matcher.rollback(len(trail) + 1)
    matcher.reset()
    assert matcher.state == compiled.start


@pytest.mark.parametrize("seed", range(72, 76))
def test_fill_is_mask(seed):
    node, rng = random_node(seed)
    compiled, fresh = automaton(node, TRAPS), automaton(node, TRAPS)
    tokens = [token for _, token in walk(compiled, rng)]
    states = [fresh.start, DONE]
    for token in tokens:
        states.append(fresh.advance(states[-1] if len(states) > 2 else fresh.start, token))
    rows = np.full((len(states), fresh.tables.words + 3), -1, np.int32)
    fresh.fill(states, rows)
    assert not rows[:, fresh.tables.words :].any()
    for state, row in zip(states, rows, strict=True):
        assert np.array_equal(row[: fresh.tables.words], fresh.mask(state))


def test_masks_are_read_only():
    compiled = automaton(rules.Text(words(("a",))), TRAPS)
    with pytest.raises(ValueError):
        compiled.mask(compiled.start)[0] = 1
    with pytest.raises(ValueError):
        compiled.mask(DONE)[0] = 1


#: A name class that is infinite, with a word behind which nothing more can be written.
TAKEN = Members(1, frozenset(), frozenset(), (parse_ecma("^(x.*|a)$"),), False, False, rules.Literal(b"1"))


def test_a_name_that_was_used_up_is_no_way_into_a_dead_end():
    compiled = automaton(TAKEN.first(), TRAPS)
    assert compiled.bytes.step(state_behind(compiled, b'{"a":1,"'), ord("a")) == 1
    close(compiled, state_behind(compiled, b'{"a":1,"'))


# -- bytes without tokens --------------------------------------------------------------------------
# A mask may only lead where tokens can go on: a byte automaton knows nothing of that. A constraint that needs bytes
# which the vocabulary lacks is either avoided by masks or refused with VocabularyMismatch; no dead end is reached.

LACKING = {
    "a continuation byte": (rules.Text(words(("é", "b"))), b"\xa9"),
    "a whole character": (rules.Text(words(("a!", "b"))), b"!"),
    "behind a common prefix": (rules.Text(words(("ab!", "abc"))), b"!"),
}


@pytest.mark.parametrize(("node", "missing"), LACKING.values(), ids=LACKING)
def test_allowed_tokens_lead_to_acceptance_by_tokens(node, missing):
    tokens = [token for token in vocabularies.BYTES if token not in {bytes([b]) for b in missing}]
    compiled = automaton(node, vocabularies.vocabulary(tokens))
    for seed in range(8):
        for state, _ in walk(compiled, random.Random(seed)):
            assert compiled.is_accepting(close(compiled, state))


def test_a_constraint_that_no_tokens_spell_is_refused(smollm):
    import treadle

    with pytest.raises(ConstraintError) as caught:
        treadle.compile(treadle.Choice(["a\x04"]), smollm)
    assert isinstance(caught.value, (VocabularyMismatch, treadle.UnsatisfiableConstraint))
