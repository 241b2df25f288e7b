"""Every shipped grammar against its table of texts (`grammars/NAME.cases.json`), judged by lark and by treadle."""

from __future__ import annotations

import pytest

from oracles.shipped_grammars import NAMES, cases, judged, lark_accepts, text_of, treadle_accepts
from treadle import Grammar, library

CASES = [
    pytest.param(name, text, accepted, id=f"{name}-{'accept' if accepted else 'reject'}-{number}")
    for name in NAMES
    for number, (text, accepted) in enumerate(judged(name))
]


@pytest.mark.parametrize("name", NAMES)
def test_grammar_says_what_it_is_and_has_both_kinds_of_cases(name):
    first, *header = text_of(name).splitlines()[:14]
    assert first in {"// lexing: lexical", "// lexing: scannerless"}
    assert any("written for treadle" in line.lower() for line in header)
    assert any("limits" in line.lower() for line in header)
    table = cases(name)
    assert set(table) == {"accept", "reject"}
    assert min(len(set(table["accept"])), len(set(table["reject"]))) >= 12
    assert not set(table["accept"]) & set(table["reject"])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_grammar_is_unused(name):
    assert not list(Grammar(name).report())


@pytest.mark.parametrize(("name", "text", "accepted"), CASES)
def test_lark_agrees_with_the_table(name, text, accepted):
    assert lark_accepts(name, text) == accepted


@pytest.mark.parametrize(("name", "text", "accepted"), CASES)
def test_treadle_agrees_with_the_table(name, text, accepted):
    assert treadle_accepts(name, text) == accepted


def test_every_file_belongs_to_a_grammar():
    folder = library.find("grammars", "json").parent
    expected = {name + suffix for name in NAMES for suffix in (".lark", library.CASES)}
    found = {path.name for path in folder.iterdir() if path.name.partition(".")[0] != "python"}
    assert found - {"README.md"} == expected
