"""Rows of string languages: equal to brute force for every bound, and no more of them kept than said."""

from __future__ import annotations

import numpy as np
import pytest

from laws import vocabularies
from treadle.frontends.regex import parse_python
from treadle.grammar.derivative import step
from treadle.grammar.emptiness import is_empty
from treadle.grammar.expression import ANY_TEXT, intersect, repeat
from treadle.masks import bitset
from treadle.matching import language_kernels, languages
from treadle.matching.languages import Family, Languages, languages_of
from treadle.matching.token_tables import token_tables

TRAPS = vocabularies.traps()
ANY_CHARACTER = parse_python("(?s:.)")


@pytest.mark.parametrize("pattern", ["(?s:.*)", "[a-z]*", "(ab|é{3})*x?", "a{2,}b{3}", "日本|a+"])
def test_tokens_within_a_bound_are_those_that_can_be_completed(pattern):
    language = parse_python(pattern)
    known = languages_of(token_tables(TRAPS)).get(language, canonical=False, bounded=True)
    legible = [
        (i, data.decode())
        for i, data in enumerate(TRAPS.tokens)
        if data and data.isascii() and all(byte >= 0x20 and byte not in b'"\\' for byte in data)
    ]
    for left in (0, 1, 2, 3, 5, 8, 31, known.longest):
        row = known.within(left).view(np.int32)
        allowed = set(bitset.to_tokens(row).tolist())
        bounded = intersect(language, repeat(ANY_CHARACTER, 0, left))
        for i, text in legible:
            rest = bounded
            for char in text:
                rest = step(rest, ord(char))
            assert (i in allowed) == (not is_empty(rest)), (pattern, left, text)


def test_few_rows_are_kept_and_a_row_made_again_is_the_same():
    known = languages_of(token_tables(TRAPS)).get(ANY_TEXT, canonical=False, bounded=True)
    first = known.within(1).copy()
    for left in range(200):
        known.within(left)
        known.closers_within(left, left)
        assert len(known._within) <= languages.BOUNDS
        assert len(known._closers_within) <= languages.BOUNDS
    assert np.array_equal(known.within(1), first)


FAMILIES = [
    (r"(?:\S+\s+){0,9}\S+", "ab c d e fg h"),
    (r".*netdrv_([a-z]+).*", "xnetdrv_ab"),
    (r"(?:ab|é{3})*x?", "ababab"),
    (r"[a-z]{2}(?:-[a-z]{2}){0,6}", "ab-cd-ef-gh"),
    (r"(?:日本|a+){1,7}", "日本a日本aa"),
    (r"[^@]*@[^@]*|[a-f0-9]*", "ab0g@x"),
    (r"(?:ab|日)[^x]*x|(?!a).{3,}", "abzzz"),
    (r"(?!.*net).*dir.*", "xnediri"),
]


@pytest.mark.parametrize("compared", [False, True])
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize(("pattern", "text"), FAMILIES)
def test_a_row_made_beside_another_is_the_row_made_alone(pattern, text, bounded, compared, monkeypatch):
    """`compared`: also where it does not pay."""
    if compared:
        monkeypatch.setattr(languages, "ALIVE", 0.0)
        monkeypatch.setattr(languages, "WORTH_IT", 3)
    every = Languages(token_tables(TRAPS))
    language, beside = parse_python(f"(?s:{pattern})"), 0
    for char in text:
        family = every._families.get(bounded)
        known = every.get(language, canonical=False, bounded=bounded)
        row, closers, after = known._walked(bounded)
        assert np.array_equal(known.row, row)
        assert np.array_equal(known.closers, closers)
        beside += family is not None and family.near(known.place, bounded) is not None
        if bounded:
            needs = known.needs
            assert np.array_equal(needs, known._measured(after))
        language = step(language, ord(char))
    assert beside or not compared


CUTS = [
    (r"(?!.*(?:dir_home.*net|net.*dir_home)).*", "xnet_dir_h"),
    (r"(?!.*netdrv_[a-z]).*", "xnetdrv"),
    (r"(?!.*ab)(?!.*日本).*", "xa日y"),
    (r"(?!cat$).{2,}", "cat"),
]


@pytest.mark.parametrize("sure", [True, False])
@pytest.mark.parametrize(("pattern", "text"), CUTS)
def test_a_row_cut_from_that_of_any_text_is_the_row_made_alone(pattern, text, sure, monkeypatch):
    """`sure`: short tokens are not looked at; without, all of them are."""
    if not sure:
        monkeypatch.setattr(languages, "least_outside", lambda _: 0)
        monkeypatch.setattr(languages, "SURE", 0)
    every = Languages(token_tables(TRAPS))
    language = parse_python(f"(?s:{pattern})")
    for char in text:
        known = every.get(language, canonical=False)
        row, closers, _ = known._walked(bounded=False)
        assert np.array_equal(known.row, row)
        assert np.array_equal(known.closers, closers)
        language = step(language, ord(char))


def test_a_length_that_is_too_great_is_caught(monkeypatch):
    """A control: tokens that are taken to be sure and are not."""
    monkeypatch.setattr(languages, "least_outside", lambda _: 100)
    every = Languages(token_tables(TRAPS))
    known = every.get(parse_python(r"(?s:(?!.*ab).*)"), canonical=False)
    assert not np.array_equal(known.row, known._walked(bounded=False)[0])


def test_states_that_a_short_text_tells_apart_are_not_alike():
    family = Family(token_tables(TRAPS), measured=False)
    places = [
        family.place(parse_python(pattern), False) for pattern in ("a*b", "a*c", "a{0,3}b|a{4,}b", "aaab+")
    ]
    family.queue[-1] = 1000
    likeness = [[family._likeness(one.state, other.state, False) for other in places] for one in places]
    assert likeness[0][1] == 0
    assert likeness[0][2] > 3
    assert likeness[0][3] == 0
    assert all(likeness[i][j] == likeness[j][i] for i in range(4) for j in range(4))


@pytest.mark.parametrize(("pattern", "text"), FAMILIES)
def test_a_memo_of_likeness_that_is_full_gives_places_up(pattern, text, monkeypatch):
    """It was searched for a free place for ever."""
    monkeypatch.setattr(languages, "ALIVE", 0.0)
    monkeypatch.setattr(languages, "WORTH_IT", 3)
    every = Languages(token_tables(TRAPS))
    language = parse_python(f"(?s:{pattern})")
    for char in text:
        known = every.get(language, canonical=False, bounded=True)
        every._families[True].alike = np.zeros(4 * language_kernels.ALIKE_WIDTH, np.int32)
        row, closers, after = known._walked(True)
        assert np.array_equal(known.row, row)
        assert np.array_equal(known.closers, closers)
        assert np.array_equal(known.needs, known._measured(after))
        language = step(language, ord(char))
