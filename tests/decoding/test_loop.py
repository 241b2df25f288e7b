"""The decoding loop on a model that is a table and a language that is a finite set of strings."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from treadle.decoding import Decoding, Greedy, Sampling
from treadle.decoding.healing import HealedAutomaton, heal
from treadle.errors import UnsatisfiableConstraint

LANGUAGE = ("abc", "abd", "ab", "yes", "no", "éa", "abcabcabc", "x" * 12)


@pytest.fixture
def vocabulary(doubles):
    return doubles.toy_vocabulary()


def decode(
    doubles, vocabulary, texts=LANGUAGE, *, sampler=None, seed=0, max_tokens=20, model=None, **options
):
    automaton = doubles.FiniteAutomaton(texts, vocabulary, **options)
    model = model or doubles.TableModel(vocabulary, seed)
    decoding = Decoding(
        model.start([65]),
        automaton,
        vocabulary,
        sampler or Sampling(),
        np.random.default_rng(seed),
        max_tokens,
    )
    pieces = list(decoding.pieces())
    assert list(itertools.chain.from_iterable(pieces)) == decoding.tokens
    return decoding, vocabulary.decode_bytes(decoding.tokens).decode()


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("merge_forced", [True, False])
def test_every_text_is_in_the_language(doubles, vocabulary, seed, merge_forced):
    decoding, text = decode(doubles, vocabulary, seed=seed, merge_forced=merge_forced)
    assert text in LANGUAGE
    assert decoding.finish_reason in {"stop", "budget"}


@pytest.mark.parametrize("max_tokens", range(1, 14))
@pytest.mark.parametrize("merge_forced", [True, False])
def test_a_text_is_complete_within_any_budget(doubles, vocabulary, max_tokens, merge_forced):
    for seed in range(12):
        decoding, text = decode(
            doubles, vocabulary, seed=seed, max_tokens=max_tokens, merge_forced=merge_forced
        )
        assert text in LANGUAGE
        assert len(decoding.tokens) <= max_tokens


def test_a_budget_below_the_shortest_text_is_refused_with_both_numbers(doubles, vocabulary):
    with pytest.raises(UnsatisfiableConstraint) as caught:
        decode(doubles, vocabulary, ("xyz", "xyzxyz"), max_tokens=2)
    assert "2" in caught.value.found and "3" in caught.value.expected


def test_a_budget_that_just_suffices_is_enough(doubles, vocabulary):
    assert decode(doubles, vocabulary, ("xyz", "xyzxyz"), max_tokens=3)[1] == "xyz"


def test_a_known_completion_is_kept_when_a_worse_one_is_found_on_the_way(doubles, vocabulary):
    class Forgetful(doubles.FiniteAutomaton):
        """Finds the shortest completion from the start only; later, the longest."""

        def closing(self, state):
            rest = self.rests(state)[0 if state == self.start else -1]
            return tuple(self.vocabulary.encode_bytes(rest))

        def closing_bound(self, state):
            return len(self.closing(state))

    for seed in range(10):
        model = doubles.TableModel(vocabulary, seed)
        automaton = Forgetful(("xyz", "xyzxyz", "xyxyxyxy"), vocabulary, merge_forced=False)
        decoding = Decoding(
            model.start([65]), automaton, vocabulary, Sampling(), np.random.default_rng(seed), 4
        )
        list(decoding.pieces())
        assert vocabulary.decode(decoding.tokens) == "xyz"


def test_the_empty_text_needs_no_tokens(doubles, vocabulary):
    decoding, text = decode(doubles, vocabulary, ("",), max_tokens=1)
    assert (text, decoding.finish_reason, decoding.session.calls) == ("", "stop", 1)


def test_forced_runs_cost_no_model_call_of_their_own(doubles, vocabulary):
    model = doubles.TableModel(vocabulary)
    decoding, text = decode(doubles, vocabulary, ("{qqqq", "{zzzz"), model=model)
    assert text in {"{qqqq", "{zzzz"}
    # The brace; then the choice and what it forces: three passes with the prompt's, for five tokens and an end.
    assert [len(run) for run in model.runs] == [1, 4]
    assert decoding.session.calls == 3


def raw_score(model, tokens, end):
    total, prefix = 0.0, [65]
    for token in [*tokens, *([end] if end is not None else [])]:
        logits = model.logits(prefix).astype(float)
        total += logits[token] - np.log(np.exp(logits).sum())
        prefix.append(token)
    return total


@pytest.mark.parametrize("merge_forced", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_raw_is_what_the_model_says_of_the_text(doubles, vocabulary, seed, merge_forced):
    model = doubles.TableModel(vocabulary, seed)
    decoding, _ = decode(doubles, vocabulary, seed=seed, model=model, merge_forced=merge_forced)
    assert decoding.finish_reason == "stop"
    assert decoding.scores.raw == pytest.approx(raw_score(model, decoding.tokens, 260), abs=1e-4)


def test_raw_leaves_out_an_end_that_was_not_generated(doubles, vocabulary):
    for seed in range(30):
        model = doubles.TableModel(vocabulary, seed)
        decoding, _ = decode(
            doubles, vocabulary, ("z" * k for k in range(1, 9)), model=model, seed=seed, max_tokens=3
        )
        end = None if decoding.finish_reason == "budget" else 260
        assert decoding.scores.raw == pytest.approx(raw_score(model, decoding.tokens, end), abs=1e-4)


def test_local_probabilities_are_those_of_the_draws(doubles, vocabulary):
    texts = ("ab", "ac", "b", "ca", "cb")
    model = doubles.TableModel(vocabulary, 3)
    counts: dict[tuple[int, ...], int] = {}
    local = {}
    for seed in range(1500):
        decoding, _ = decode(doubles, vocabulary, texts, model=model, seed=seed, merge_forced=False)
        key = tuple(decoding.tokens)
        counts[key] = counts.get(key, 0) + 1
        local[key] = decoding.scores.local
    for key, count in counts.items():
        p = math.exp(local[key])
        assert abs(count / 1500 - p) < 4 * math.sqrt(p * (1 - p) / 1500) + 1e-3
    assert sum(map(math.exp, local.values())) <= 1 + 1e-6


def test_greedy_is_the_arg_max_at_each_turn(doubles, vocabulary):
    for seed in range(10):
        model = doubles.TableModel(vocabulary, seed)
        decoding, _ = decode(doubles, vocabulary, sampler=Greedy(), model=model, merge_forced=False)
        automaton = doubles.FiniteAutomaton(LANGUAGE, vocabulary)
        state, prefix, expected = automaton.start, [65], []
        while True:
            allowed = automaton.allowed(state)
            token = max(allowed, key=lambda t: (model.logits(prefix)[t], -t))
            if token == 260:
                break
            expected.append(token)
            prefix.append(token)
            state = automaton.advance(state, token)
        assert decoding.tokens == expected


@pytest.mark.parametrize("width", [300, 266])
def test_logits_may_be_wider_than_the_vocabulary_or_narrower(doubles, vocabulary, width):
    model = doubles.TableModel(vocabulary, 1, width)
    model.width = width if width == 300 else len(vocabulary) - 1
    assert decode(doubles, vocabulary, ("yes", "xx"), model=model)[1] in {"yes", "xx"}


def test_healing_covers_the_prefix_by_any_split(doubles):
    vocabulary = doubles.toy_vocabulary(b"://", b":/", b"//a")
    prompt, prefix = heal([*b"http", *b":"], vocabulary)
    assert (prompt, prefix) == (list(b"http"), b":")
    seen = set()
    for seed in range(60):
        inner = doubles.FiniteAutomaton(("//ab", "//b", "x"), vocabulary, merge_forced=seed % 2 == 0)
        automaton = HealedAutomaton(inner, vocabulary, prefix)
        model = doubles.TableModel(vocabulary, seed)
        decoding = Decoding(
            model.start(prompt), automaton, vocabulary, Sampling(2.0), np.random.default_rng(seed), 5
        )
        for _ in decoding.pieces():
            pass
        text = vocabulary.decode_bytes(decoding.tokens)
        assert text in {b"://ab", b"://b", b":x"}
        seen.add(decoding.tokens[0])
    first = {vocabulary.token_bytes(token) for token in seen}
    assert first == {b":", b"://", b":/"}


def test_healed_masks_equal_brute_force(doubles):
    vocabulary = doubles.toy_vocabulary(b"ca", b"caa", b"bca", b"bcab", b"aab")
    texts, prefix = ("ab", "aac", ""), b"bc"
    automaton = HealedAutomaton(doubles.FiniteAutomaton(texts, vocabulary), vocabulary, prefix)
    judge = doubles.FiniteAutomaton([prefix.decode() + text for text in texts], vocabulary)
    pairs, seen = [(automaton.start, judge.start)], set()
    while pairs:
        ours, theirs = pairs.pop()
        if (ours, theirs) in seen or theirs == judge.DONE:
            continue
        seen.add((ours, theirs))
        assert automaton.mask(ours).tolist() == judge.mask(theirs).tolist()
        assert automaton.is_accepting(ours) == judge.is_accepting(theirs)
        for token in range(len(vocabulary)):
            after, expected = automaton.advance(ours, token), judge.advance(theirs, token)
            assert (after < 0) == (expected < 0)
            if expected > 0:
                pairs.append((after, expected))
    assert len(seen) > 5


def test_a_prompt_that_ends_in_a_special_token_is_not_healed(doubles):
    assert heal([97, 260], doubles.toy_vocabulary()) == ([97, 260], b"")
    assert heal([97], doubles.toy_vocabulary()) == ([97], b"")
