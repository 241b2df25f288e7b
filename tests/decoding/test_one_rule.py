"""What the loop and all searches must take alike: the end of text, and where a text begins behind a healed prompt."""

from __future__ import annotations

import math

import numpy as np
import pytest

from decoding.searching import PROMPT
from decoding.toys import TOYS, Table
from treadle.decoding import Decoding, Greedy
from treadle.decoding.allocation import PhraseBeam
from treadle.decoding.astar import AStar
from treadle.decoding.beam import Beam
from treadle.decoding.components import Check, Scorer
from treadle.decoding.draws import Draws
from treadle.decoding.healing import HealedAutomaton
from treadle.decoding.lookahead import Lookahead
from treadle.decoding.problem import Problem
from treadle.decoding.solving import solve
from treadle.decoding.tables import TableModel
from treadle.vocabulary import Vocabulary

LANGUAGE = ("ab", "abc", "no", "abcabc", "é")


# -- several end tokens are one choice --------------------------------------------------------------------------------


def loop_and_search(doubles, seed):
    """The greedy text of both, with its scores, where three tokens end a text."""
    plain = doubles.toy_vocabulary()
    vocabulary = Vocabulary([*plain.tokens, b"<end>", b"<stop>"], eos_ids=(260, len(plain), len(plain) + 1))
    model = doubles.TableModel(vocabulary, seed)
    decoding = Decoding(
        model.start([65]),
        doubles.FiniteAutomaton(LANGUAGE, vocabulary),
        vocabulary,
        Greedy(),
        np.random.default_rng(0),
        20,
    )
    list(decoding.pieces())
    asked = Problem((65,), doubles.FiniteAutomaton(LANGUAGE, vocabulary), vocabulary, max_tokens=20)
    table = TableModel(vocabulary, lambda prefix: model.logits(list(prefix)))
    return decoding, solve(table, [asked], Draws(Greedy()))[0][0]


def agree(doubles, seeds):
    for seed in seeds:
        decoding, result = loop_and_search(doubles, seed)
        assert tuple(decoding.tokens) == result.tokens
        assert math.isclose(decoding.scores.raw, result.scores.raw, abs_tol=1e-4)
        assert math.isclose(decoding.scores.local, result.scores.local, abs_tol=1e-4)


def test_the_loop_and_a_search_score_an_end_of_text_alike(doubles):
    agree(doubles, range(60))


def test_a_loop_that_takes_one_end_token_for_the_end_is_caught(doubles, monkeypatch):
    """Mutant: each end token is a choice of its own."""
    monkeypatch.setattr(
        Decoding, "_join_ends", lambda self, logits: float(max(logits[list(self.vocabulary.eos_ids)]))
    )
    with pytest.raises(AssertionError):
        agree(doubles, range(60))


# -- the text begins behind the healed end of the prompt --------------------------------------------------------------


def healed(strategy, seed, prefix=b"ab", **options):
    toy = TOYS["regular"]()
    automaton = HealedAutomaton(toy.automaton, toy.vocabulary, prefix)
    asked = Problem(PROMPT, automaton, toy.vocabulary, max_tokens=20, skip=len(prefix), **options)
    return solve(TableModel(toy.vocabulary, Table(len(toy.vocabulary), seed).log_probs), [asked], strategy)[0]


@pytest.mark.parametrize("strategy", [Beam(4), AStar()], ids=["beam", "astar"])
def test_checks_and_scorers_see_the_text_and_nothing_of_the_prompt(strategy):
    texts = TOYS["regular"]().texts
    seen: dict[str, set[str]] = {"check": set(), "scorer": set()}
    check = Check(lambda text: not seen["check"].add(text), "partial")
    scorer = Scorer(lambda text: seen["scorer"].add(text) or 0.0)
    found = healed(strategy, 1, n=3, checks=(check,), scorers=(scorer,))
    assert {one.text for one in found} <= texts
    for each in seen.values():
        assert each and all(any(text.startswith(part) for text in texts) for part in each)
    assert {one.text for one in found} <= seen["scorer"]


@pytest.mark.parametrize("seed", range(8))
def test_a_phrase_of_the_prompt_is_no_phrase_of_the_text(seed):
    for one in healed(PhraseBeam(("ab",), 200), seed, n=50):
        assert "ab" in one.text
    for one in healed(Lookahead(["ab"], 4), seed, n=4):
        assert one.notes["met"] == ("ab" in one.text)
