"""Lookbehinds at the beginning of a terminal see the character in front, as lark's lexer does; or they are refused."""

from __future__ import annotations

from collections import OrderedDict
from itertools import product

import lark
import pytest

import treadle
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.errors import UnsupportedFeature
from treadle.parse_tables import parse_tables

SETTLED = [
    ('start: "x" B\nB: /(?<=x)b/\n', "xb"),
    ('start: "y" B\nB: /(?<=x)b/\n', "yb"),
    ('start: "x" B | "y" B\nB: /(?<=[xy])b/\n', "xyb"),
    ('start: B | "y" B\nB: /(?<!x)b/\n', "yb"),
    ('start: B | "y" B\nB: /(?<![ab])b?c|d/\n%ignore " "\n', "ybcd "),
    ('start: A (";" A)*\nA: /\\ba/\n%ignore " "\n', "a; "),
    ('start: (A ";")+\nA: /\\bab?\\b/\n', "ab;"),
    ('start: "x" y B\ny: "y" |\nB: /(?<![z])b/\n', "xyb"),
    ('start: "x" B "x"\nB: /b(?<=b)+/\n%ignore /(?<!y) /\n', "xb "),
    ("start: A B\nA: /a+/\nB: /(?<=a)b|(?<!a)c/\n", "abc"),
]  # fmt: skip


def accepts(parser: lark.Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except lark.exceptions.UnexpectedInput:
        return False
    return True


def judged(grammar: str, letters: str) -> tuple[list[str], list[str], list[str]]:
    """Texts that lark accepts, those that we do, and those that we would without a look at what stands in front."""
    parser = lark.Lark(grammar, parser="lalr", lexer="contextual")
    automaton = ParseAutomaton(
        parse_tables(treadle.Grammar(grammar, lexing="lexical").cfg(), frozenset(range(256)))
    )
    texts = ["".join(text) for size in range(1, 6) for text in product(letters, repeat=size)]
    ours = []
    for text in texts:
        state = automaton.run(automaton.start, text.encode())
        if state != at.DEAD and automaton.is_accepting(state):
            ours.append(text)
    return [text for text in texts if accepts(parser, text)], ours, texts


@pytest.mark.parametrize(("grammar", "letters"), SETTLED)
def test_lark_agrees(grammar: str, letters: str) -> None:
    theirs, ours, _ = judged(grammar, letters)
    assert ours == theirs


def test_without_the_answers_lark_does_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr("treadle.parse_tables._RECENT", OrderedDict())
    monkeypatch.setattr("treadle.matching.grammar_store.key_of", lambda cfg, usable: None)
    monkeypatch.setattr("treadle.parse_tables.settled", lambda cfg, number, program, read: program)
    different = [
        grammar for grammar, letters in SETTLED if len(set(map(tuple, judged(grammar, letters)[:2]))) > 1
    ]
    assert len(different) >= 3


@pytest.mark.parametrize(
    ("grammar", "where"),
    [
        ('start: ("x" | "y") B\nB: /(?<=x)b/\n', "line 2"),
        ('start: "x"? B\nB: /(?<=x)b/\n', "line 2"),
        ('start: B | "y" B\nB: /(?<!y)b?c|d/\n', "line 2"),
        ('start: A+\nA: /\\ba/\n%ignore " "\n', "line 2"),
        ('start: "x" B "x"\nB: /b/\n%ignore /(?<=[xb]) /\n', "line 3"),
        ('start: (A | N)+\nA: /\\ba/\nN: /b/\n%ignore " "\n', "line 2"),
        ('start: "x" B\nB: /(?<=x)b/\n%ignore " "\n', "line 2"),
    ],
)
def test_what_may_be_either_is_refused_with_its_place(grammar: str, where: str) -> None:
    with pytest.raises(UnsupportedFeature, match="lookbehind") as error:
        parse_tables(treadle.Grammar(grammar, lexing="lexical").cfg(), frozenset(range(256)))
    assert where in error.value.where


def test_a_scannerless_terminal_that_would_see_a_character_is_refused() -> None:
    seen, alike = (f'start: "x" B\nB: /(?<{what})b/\n' for what in ("=x", "!y"))
    with pytest.raises(UnsupportedFeature, match="scannerless") as error:
        treadle.check(treadle.Grammar(seen, lexing="scannerless"), "xb")
    assert "line 2" in error.value.where
    assert treadle.check(treadle.Grammar(alike, lexing="scannerless"), "xb")
