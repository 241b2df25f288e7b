"""llguidance's extensions of Lark's language: JSON Schemas in rules, terminals with & and ~."""

from __future__ import annotations

import itertools
import re

import pytest

from oracles.cfg_recogniser import Lexical, scannerless
from treadle import Grammar
from treadle.errors import InvalidConstraint, UnsupportedFeature

CALLS = """
start: call (";" call)*
call: NAME "=" %json {
    "type": "object",
    "properties": {"a": {"enum": ["x/y", "//z"]}},
    "required": ["a"]
  } "."?
NAME: /[a-z]+/
%ignore / +/
"""


def test_a_schema_stands_in_a_rule():
    cfg = Grammar(CALLS).cfg()
    assert cfg.lexing == "scannerless"
    for text in ('f={"a":"x/y"}', 'f = {"a":"//z"} . ; g={"a":"x/y"}', 'f={"a":\n"//z"}'):
        assert scannerless(cfg, text), text
    for text in ("f={}", 'f={"a":"z"}', 'f={"a":"x/y"};', '={"a":"x/y"}'):
        assert not scannerless(cfg, text), text


def test_a_schema_and_a_lexer_do_not_go_together():
    with pytest.raises(UnsupportedFeature):
        Grammar(CALLS, lexing="lexical").cfg()


#: A terminal, and the same by regular expressions: in the first, and not in the second.
TERMINALS = [
    ("N: /[ab]+/ & ~/a+/", "[ab]+", "a+"),
    ('N: /[ab]+/ & ~("a" | "ab")', "[ab]+", "a|ab"),
    ("N: ~/b.*/ & /.{1,3}/", ".{1,3}", "b.*"),
    ('N: "a" (/[ab]*/ & ~/.*bb.*/) "b"', "a[ab]*b", "a.*bb.*b"),
    ('N: M & ~K\nM: ("a".."b")+\nK: "a"~2..3', "[ab]+", "aa|aaa"),
    ('N: M "b"?\nM: /a+/ & ~/aa/', "a+b?", "aa|aab"),
    ('N: /a+/ & ~/aa/ | "b"', "a+|b", "aa"),
]


@pytest.mark.parametrize(("definition", "inside", "outside"), TERMINALS)
def test_and_and_not_mean_intersection_and_complement(definition, inside, outside):
    cfg = Grammar(f"// lexing: scannerless\nstart: N\n{definition}").cfg()
    for size in range(6):
        for characters in itertools.product("ab", repeat=size):
            text = "".join(characters)
            expected = bool(re.fullmatch(inside, text)) and not re.fullmatch(outside, text)
            if "aab" in outside and text == "aab":
                expected = False
            assert scannerless(cfg, text) == expected, text


def test_a_terminal_with_operators_has_its_place_in_the_order():
    cfg = Grammar(
        'start: (LONG | SHORT | WORD | "if")+\nWORD.1: /x+/\nSHORT: "b"\nLONG: /[a-z]+/ & ~"if"'
    ).cfg()
    assert [terminal.name for terminal in cfg.terminals] == ["WORD", "LONG", "IF", "SHORT"]
    assert Lexical(cfg).lexemes("xb") == [("WORD", "x"), ("LONG", "b")]


WRONG = [
    ('start: %json {"a": }', "line 1 column 20", "not JSON"),
    ("start: %json 3", "line 1 column 14", "wrong syntax"),
    ('start: "a"\nb: %json {"type": "nope"}', "line 2 column 4", "malformed schema"),
    ('start: N\nN: ~"a"', "line 2 column 1", "can match the empty text"),
    ('start: N\nN: "a" & "b"', "line 2 column 1", "can match nothing"),
    ('start: N\nN: "a" &', "line 2 column 8", "wrong syntax"),
    ('start: N\nN: "a" & (/b/', "line 2 column 11", "wrong syntax"),
    ('start: N\nN: "a" & M', "line 2 column 10", "M is used but not defined"),
    ("start: N\n%llguidance {}\nN: /a(/ & /b/", "line 3 column 4", "missing )"),
]


@pytest.mark.parametrize(("text", "where", "message"), WRONG)
def test_mistakes_are_named_with_their_place(text, where, message):
    text = text.replace('start: "a"\nb:', 'start: "a" | b\nb:')
    with pytest.raises(InvalidConstraint) as caught:
        Grammar(text).cfg()
    assert message in str(caught.value)
    assert where in caught.value.where


def test_options_for_llguidance_are_refused():
    with pytest.raises(UnsupportedFeature):
        Grammar('%llguidance {"no_forcing": true}\nstart: "a"').cfg()
    assert Grammar('%llguidance {}\nstart: "a"').cfg().productions
