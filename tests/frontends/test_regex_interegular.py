"""interegular as outside judge: its automata and our derivatives agree on every short text."""

from __future__ import annotations

import itertools

import interegular
import pytest

from treadle.frontends.regex import parse_python
from treadle.grammar.derivative import matches

PATTERNS = [
    "a*b",
    "(a|b)*ab",
    "a{2,3}b?",
    "[^a]b+",
    "(?!ab)[ab]{2}",
    "a(?=b)b",
    "(a|bc)+",
    "",
    "[a-b]{0,2}c",
    "a|b|",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_language_is_the_one_of_interegular(pattern):
    language, automaton = parse_python(pattern), interegular.parse_pattern(pattern).to_fsm()
    for length in range(6):
        for text in map("".join, itertools.product("abc", repeat=length)):
            assert matches(language, text) == automaton.accepts(text), (pattern, text)
