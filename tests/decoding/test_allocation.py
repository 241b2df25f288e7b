"""Beams that contain phrases: every phrase in every text, the best of the intersection, slots that add up."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from decoding.searching import assert_same, find, language
from decoding.toys import TOYS
from treadle.decoding.allocation import PhraseBeam, allocate
from treadle.decoding.beam import Beam
from treadle.decoding.phrases import Coverage, Phrases
from treadle.errors import InvalidConstraint
from treadle.vocabulary import Vocabulary

PHRASES = {
    "regular": [("ab",), ("cab", "ba"), ("bb",), ("a", "b", "ab")],
    "dyck": [("()",), ("[]", "()"), ("[(",), ("][",)],
    "json": [("2",), ("[", "1"), ('"x', "y")],
}
CASES = [(name, phrases) for name, several in PHRASES.items() for phrases in several]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("name", "phrases"), CASES)
def test_a_wide_beam_gives_the_whole_intersection_in_order(name, phrases, seed):
    toy = TOYS[name]()
    table, everything = language(toy, seed)
    expected = [one for one in everything if all(phrase in one.text for phrase in phrases)]
    assert_same(find(toy, table, PhraseBeam(phrases, 500, distinct="tokens")), expected)


@pytest.mark.parametrize("width", [None, 2, 5])
@pytest.mark.parametrize("forced", [True, False])
@pytest.mark.parametrize(("name", "phrases"), CASES)
def test_every_text_contains_every_phrase(name, phrases, forced, width):
    toy = TOYS[name]()
    possible = any(all(phrase in text for phrase in phrases) for text in toy.texts)
    for seed in range(5):
        table, _ = language(toy, seed)
        found = find(toy, table, PhraseBeam(phrases, width), n=5, forced_runs=forced)
        assert all(phrase in one.text for one in found for phrase in phrases)
        assert all(one.text in toy.texts for one in found)
        assert possible or not found
        if possible and width is None:
            assert found


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", TOYS)
def test_without_phrases_it_is_a_beam(name, seed):
    toy = TOYS[name]()
    table, _ = language(toy, seed)
    for width in (1, 3):
        ours, plain = (find(toy, table, beam, n=3) for beam in (PhraseBeam((), width), Beam(width)))
        assert [(one.tokens, one.scores) for one in ours] == [(one.tokens, one.scores) for one in plain]


@pytest.mark.parametrize("banks", range(1, 6))
def test_slots_add_up_and_no_bank_gets_more_than_it_has(banks):
    for counts in itertools.product(range(5), repeat=banks):
        for width in (1, 3, 7, 12):
            slots = allocate(counts, width)
            assert sum(slots) == min(width, sum(counts))
            assert all(0 <= slot <= count for slot, count in zip(slots, counts, strict=True))


@pytest.mark.parametrize(
    ("counts", "width", "slots"),
    [
        ((9, 9, 9), 8, [2, 2, 4]),  # the remainder goes to the last bank
        ((9, 1, 9), 9, [5, 1, 3]),  # what the middle cannot use goes left
        ((0, 9, 9), 9, [0, 3, 6]),  # and from the first round to the last
        ((9, 9, 0), 6, [2, 4, 0]),
    ],
    ids=str,
)
def test_surplus_goes_to_the_bank_before(counts, width, slots):
    assert allocate(counts, width) == slots


@pytest.mark.parametrize("phrases", [("ab", "bab"), ("aa", "aba"), ("a",), ("abc", "b", "bca")], ids=str)
def test_coverage_is_what_searching_the_text_says(phrases):
    ours = Phrases(phrases, Vocabulary([bytes([k]) for k in range(256)] + [b"ab", None], eos_ids=257))
    rng = np.random.default_rng(0)
    for _ in range(200):
        text = "".join(rng.choice(list("abc"), rng.integers(0, 9)))
        coverage = ours.advance(Coverage(), text.encode())
        assert coverage.met == {k for k, phrase in enumerate(phrases) if phrase in text}
        # In two pieces it comes out the same.
        assert coverage == ours.advance(ours.advance(Coverage(), text[:3].encode()), text[3:].encode())
        lacking = [
            len(phrase) - max(k for k in range(len(phrase) + 1) if text.endswith(phrase[:k]))
            for phrase in phrases
            if phrase not in text
        ]
        assert ours.fewest_bytes(coverage) == max(lacking, default=0)


def test_a_false_start_takes_progress_back():
    ours = Phrases(["abc"], Vocabulary([bytes([k]) for k in range(256)] + [None], eos_ids=256))
    steps = [
        ours.progress(ours.advance(Coverage(), text)) for text in (b"", b"a", b"ab", b"abx", b"aba", b"abc")
    ]
    assert steps == [0, 1, 2, 0, 1, 3]


@pytest.mark.parametrize("name", TOYS)
def test_continuing_tokens_are_those_that_agree_with_what_is_missing(name):
    toy = TOYS[name]()
    for phrases in PHRASES[name]:
        ours = Phrases(phrases, toy.vocabulary)
        for text in sorted(toy.texts)[:20]:
            coverage = ours.advance(Coverage(), text[:3].encode())
            expected = set()
            for k, phrase in enumerate(phrases):
                if k in coverage.met:
                    continue
                length = max(j for j in range(len(phrase) + 1) if text[:3].endswith(phrase[:j]))
                rest = phrase.encode()[length:]
                for token, data in enumerate(toy.vocabulary.tokens):
                    if data and token not in toy.vocabulary.eos_ids:
                        expected |= {token} if rest.startswith(data) or data.startswith(rest) else set()
            assert ours.continuing(coverage) == expected


class Forgetful(Phrases):
    """Mutant: a text may end when one phrase is there."""

    def complete(self, coverage):
        return bool(coverage.met)


def test_a_mutant_is_caught(monkeypatch):
    monkeypatch.setattr("treadle.decoding.allocation.Phrases", Forgetful)
    with pytest.raises(AssertionError):
        test_every_text_contains_every_phrase("regular", ("cab", "ba"), False, 5)


def test_a_lone_text_is_one_phrase():
    assert PhraseBeam("ab").phrases == ("ab",)


def test_an_empty_phrase_is_refused():
    toy = TOYS["regular"]()
    table, _ = language(toy, 0)
    with pytest.raises(InvalidConstraint, match=re.escape("an empty phrase")):
        find(toy, table, PhraseBeam(("",)))
