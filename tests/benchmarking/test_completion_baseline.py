"""Our re-implementation of the published completability check, against brute force of what it claims to decide."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

pytest.importorskip("lark")
from bench.completion_baseline.method import PublishedCheck, fill

from treadle.diffusion.samplers import Llada
from treadle.vocabulary import Vocabulary

DYCK = 'start: | "(" start ")" start'
LISTS = 'start: item ("," item)*\nitem: STRING | "[" start "]"\nSTRING: /"a*"/\nBLANK: " "\n%ignore BLANK'
HOLE = None


def check_of(grammar: str, tokens: list[bytes]) -> tuple[PublishedCheck, Vocabulary]:
    return PublishedCheck.of(grammar), Vocabulary([*tokens, None], eos_ids=len(tokens))


def completable_by(texts: list[str], state: tuple[int | None, ...], tokens: list[bytes]) -> bool:
    """Some text has the fragments in this order, with anything in the gaps."""
    pattern = re.compile("".join(".*" if t is None else re.escape(tokens[t].decode()) for t in state))
    return any(pattern.fullmatch(text) for text in texts)


def dyck_words(length: int) -> list[str]:
    words = {0: [""]}
    for n in range(2, length + 1, 2):
        words[n] = [f"({a}){b}" for k in range(0, n, 2) for a in words[k] for b in words[n - 2 - k]]
    return [word for n in sorted(words) for word in words[n]]


def test_six_slots_of_dyck_words_are_accepted_too_often_as_the_card_says():
    check, vocabulary = check_of(DYCK, [b"(", b")"])
    all_texts, fitting = dyck_words(14), [word for word in dyck_words(6) if len(word) == 6]
    too_many = 0
    for state in itertools.product((HOLE, 0, 1), repeat=6):
        accepted = check.completable(state, vocabulary)
        assert accepted == completable_by(all_texts, state, [b"(", b")"])
        exact = any(all(t is None or "()"[t] == c for t, c in zip(state, w, strict=True)) for w in fitting)
        assert accepted or not exact
        too_many += accepted and not exact
    assert too_many == 57


def list_texts(longest: int) -> list[str]:
    """Texts of LISTS without blanks."""
    strings = ['"' + "a" * n + '"' for n in range(longest - 1)]
    items = [s for s in strings if len(s) <= longest]
    while True:
        joined = [
            ",".join(p)
            for n in (1, 2, 3)
            for p in itertools.product(items, repeat=n)
            if sum(map(len, p)) <= longest
        ]
        joined = [text for text in joined if len(text) <= longest]
        more = sorted({*strings, *(f"[{text}]" for text in joined if len(text) + 2 <= longest)})
        if more == sorted(items):
            return joined
        items = more


def test_lexemes_across_gaps_are_found_and_nothing_else():
    tokens = [b'"', b"a", b",", b"[", b"]", b'",', b'"a']
    check, vocabulary = check_of(LISTS, tokens)
    texts = list_texts(9)
    accepted = 0
    for state in itertools.product((HOLE, *range(len(tokens))), repeat=3):
        found = check.completable(state, vocabulary)
        assert found == completable_by(texts, state, tokens), state
        accepted += found
    assert 20 < accepted < 400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"a" , "a"', True),
        ('" "', False),
        (' [□ ,"aa□', True),
        ('"a□b□', False),
        ("□]∎", True),
        ("[□∎", True),
        ("],□∎", False),
        ("[□]∎∎", True),
        ("□∎a", False),
        ("∎", False),
    ],
)
def test_ends_and_blanks(text, expected):
    check, vocabulary = check_of(LISTS, [bytes([code]) for code in range(128)])
    tokens = [None if c == "□" else 128 if c == "∎" else ord(c) for c in text]
    assert check.completable(tokens, vocabulary) == expected


def test_the_loop_commits_what_the_check_accepts_and_stops_where_it_is_stuck():
    check, vocabulary = check_of(DYCK, [b"(", b")", b"x"])
    wide = Vocabulary([*vocabulary.tokens, None], eos_ids=3, special_ids=[4])
    stuck = whole = 0
    for seed in range(12):
        logits = np.random.default_rng(seed).normal(0, 2, (6, 5))
        for last in fill(lambda tokens, x=logits: x, 6, Llada(6, temperature=1.0), check, wide, 4, seed):
            assert check.completable(last.tokens, wide)
        assert 2 not in last.tokens
        whole += None not in last.tokens
        stuck += last.stuck is not None
    assert whole + stuck == 12
    assert whole and stuck  # gaps of any length lead astray, which is why its authors repair
