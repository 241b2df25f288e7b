"""Languages that go on for ever: what their shape tells is what all their states tell."""

from __future__ import annotations

import itertools

import pytest

from treadle.frontends.regex import parse_ecma
from treadle.grammar import endless
from treadle.grammar.emptiness import every_state_goes_on, is_empty, live_transitions
from treadle.grammar.endless import goes_on_for_ever
from treadle.grammar.expression import ANY_TEXT, Expr, alternate, complement, intersect, words

PATTERNS = [
    "cat",
    "ab*",
    "^x",
    "net_[a-z]+[0-9]+",
    "dir_(a|bc)",
    "a$",
    "^[a-z]+$",
    "b.",
    "[0-9]",
    "[^0-9]",
    "(ab|c)?d",
]


def classes(*patterns: str) -> list[Expr]:
    """Texts by which of the patterns they have."""
    found = []
    for signs in itertools.product((True, False), repeat=len(patterns)):
        parts = [
            parse_ecma(p) if sign else complement(parse_ecma(p))
            for p, sign in zip(patterns, signs, strict=True)
        ]
        found.append(intersect(ANY_TEXT, *parts))
    return [one for one in found if not is_empty(one)]


@pytest.mark.parametrize("pair", list(itertools.combinations(PATTERNS, 2)), ids="+".join)
def test_what_the_shape_tells_holds_of_every_state(pair: tuple[str, str]) -> None:
    for one in classes(*pair):
        for language in (one, intersect(one, complement(words(("cat", "x1"))))):
            if goes_on_for_ever(language):
                assert every_state_goes_on(language, 5_000), pair


@pytest.mark.parametrize(
    ("pattern", "told"),
    [("cat", True), ("^a", True), ("a$", False), ("^[a-z]+$", False), ("^(ab|cd)$", False)],
)
def test_ideals_are_told(pattern: str, told: bool) -> None:
    assert goes_on_for_ever(parse_ecma(pattern)) is told


def test_most_classes_of_patterns_that_are_not_anchored_are_told() -> None:
    found = classes("cat", "net_[a-z]+[0-9]+", "dir_(a|bc)")
    assert len(found) == 8
    assert all(map(goes_on_for_ever, found))
    assert goes_on_for_ever(alternate(*found[:3]))
    behind = [target for one in found for _, target in live_transitions(one)]
    assert all(map(goes_on_for_ever, behind))


def test_what_any_character_ends_is_not_told() -> None:
    """Nothing may be added to a text without a letter and without anything else."""
    language = intersect(complement(parse_ecma("[a-zA-Z0-9]")), complement(parse_ecma("[^a-zA-Z0-9]")))
    assert not goes_on_for_ever(language)
    assert not every_state_goes_on(language, 100)


def test_a_shape_that_forgets_how_patterns_end_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endless, "_ends_of_row", lambda parts: endless.EMPTY_SET)
    with pytest.raises(AssertionError):
        test_what_any_character_ends_is_not_told()
