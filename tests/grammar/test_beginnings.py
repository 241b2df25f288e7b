"""Languages that every text may begin: what the shape tells is what a search over all derivatives finds."""

from __future__ import annotations

import pytest

from treadle.frontends.regex import parse_python
from treadle.grammar.beginnings import admits_every_beginning, least_outside
from treadle.grammar.charset import ALL
from treadle.grammar.emptiness import live_transitions, shortest
from treadle.grammar.expression import (
    ANY_CHAR,
    ANY_TEXT,
    Expr,
    alternate,
    complement,
    concat,
    intersect,
    repeat,
    text,
    words,
)


def _reads_everything(language: Expr) -> bool:
    """By definition: each state that is reached reads every character and stays alive."""
    seen, work = {language}, [language]
    while work:
        row = live_transitions(work.pop())
        read = sum(high - low + 1 for charset, _ in row for low, high in charset.ranges)
        if read != sum(high - low + 1 for low, high in ALL.ranges):
            return False
        work += {target for _, target in row} - seen
        seen |= {target for _, target in row}
    return True


FREE = concat(ANY_TEXT, text("cat"))
CASES = {
    "any text": (ANY_TEXT, True),
    "not anchored": (FREE, True),
    "not anchored, behind a beginning": (parse_python(r"(?s:.*ab.*)"), True),
    "all but a word": (complement(text("cat")), True),
    "all but words": (complement(words(["cat", "catalogue"])), True),
    "one of two": (alternate(text("dog"), FREE), True),
    "long texts but a word": (intersect(repeat(ANY_CHAR, 2, None), complement(text("cat"))), True),
    "short texts": (repeat(ANY_CHAR, 0, 5), False),
    "long texts of some characters": (intersect(parse_python(r"[a-z]{3,}"), complement(text("cat"))), False),
    "a word": (text("cat"), False),
    "anchored": (concat(text("cat"), ANY_TEXT), False),
    "no line breaks": (parse_python(r".*cat"), False),
    "all but what begins so": (complement(concat(text("cat"), ANY_TEXT)), False),
    "never met": (concat(ANY_TEXT, intersect(text("cat"), text("dog"))), False),
    "one without the other": (intersect(FREE, complement(concat(ANY_TEXT, text("x"), ANY_TEXT))), False),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_of_a_shape_is_what_a_search_finds(name):
    language, expected = CASES[name]
    assert admits_every_beginning(language) is expected
    assert _reads_everything(language) or not expected


@pytest.mark.parametrize("name", ["not anchored", "all but words", "one of two"])
def test_it_holds_behind_every_beginning(name):
    language, _ = CASES[name]
    for _, target in live_transitions(language):
        assert admits_every_beginning(target)


A, B, C = (parse_python(f"(?s:.*{pattern}.*)") for pattern in ("dir_(?:work|home)", "drv_[a-z]+", "net"))
#: Classes of names, and the characters of a shortest one that is in no class.
CLASSES = {
    "not two at once": (
        (intersect(A, complement(B)), intersect(B, complement(A)), intersect(complement(A), complement(B))),
        8,
    ),
    "never one of them": ((complement(alternate(A, B)),), 5),
    "two that exclude each other": ((intersect(complement(A), complement(C)),), 3),
    "behind a beginning": ((complement(alternate(A, concat(text("rk"), ANY_TEXT))), intersect(A, complement(B))), 2),
    "everything": ((A, complement(A)), None),
    "one pattern": ((A,), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_no_shorter_text_is_outside_of_all_classes(name):
    classes, expected = CLASSES[name]
    outside = shortest(complement(alternate(*classes)))
    assert (outside is None) == (expected is None)
    if outside is None:
        assert least_outside(classes) > 1000
    else:
        assert expected == least_outside(classes) <= len(outside)


def test_classes_of_many_patterns_are_not_looked_at():
    patterns = [parse_python(f"(?s:.*{word}.*)") for word in ("ab", "bc", "cd", "de", "ef", "fg", "gh")]
    assert least_outside([intersect(*map(complement, patterns))]) == 0
