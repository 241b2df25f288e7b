"""Every shipped grammar against its table of texts, judged twice: by lark and by treadle; some by other parsers too.

The tables lie beside the grammars (`grammars/NAME.cases.json`). Lark judges the table from outside, as the comment
`// lexing:` in the grammar asks: LALR(1) with the contextual lexer, or Earley with every way to cut a text.
"""

from __future__ import annotations

import json
from functools import cache

import pytest

from oracles.lark_judge import lark_accepts
from treadle import Grammar, library
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.parse_tables import parse_tables

#: The lead's grammar of Python has tests of its own, with the standard library as its table.
NAMES = [name for name in library.names("grammars") if name != "python"]


def _cases(name: str) -> dict[str, list[str]]:
    path = library.find("grammars", name)
    return json.loads(path.with_name(name + library.CASES).read_text("utf-8"))


CASES = [
    pytest.param(name, text, verdict == "accept", id=f"{name}-{verdict}-{number}")
    for name in NAMES
    for verdict, texts in _cases(name).items()
    for number, text in enumerate(texts)
]


@cache
def _automaton(name: str) -> ParseAutomaton:
    return ParseAutomaton(parse_tables(Grammar(name).cfg(), frozenset(range(256))))


def _accepts(name: str, text: str) -> bool:
    automaton = _automaton(name)
    state = automaton.run(automaton.start, text.encode())
    return state != at.DEAD and automaton.is_accepting(state)


@pytest.mark.parametrize("name", NAMES)
def test_grammar_says_what_it_is_and_has_both_kinds_of_cases(name):
    first, *header = library.find("grammars", name).read_text("utf-8").splitlines()[:8]
    assert first in {"// lexing: lexical", "// lexing: scannerless"}
    assert any("our own text" in line.lower() for line in header)
    cases = _cases(name)
    assert set(cases) == {"accept", "reject"}
    assert min(len(set(cases["accept"])), len(set(cases["reject"]))) >= 12
    assert not set(cases["accept"]) & set(cases["reject"])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_grammar_is_unused(name):
    assert not list(Grammar(name).report())


@pytest.mark.parametrize(("name", "text", "accepted"), CASES)
def test_lark_agrees_with_the_table(name, text, accepted):
    assert lark_accepts(name, text) == accepted


@pytest.mark.parametrize(("name", "text", "accepted"), CASES)
def test_treadle_agrees_with_the_table(name, text, accepted):
    assert _accepts(name, text) == accepted
