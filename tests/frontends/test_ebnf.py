"""EBNF in both flavours: tables of what is accepted, and of mistakes with their places."""

from __future__ import annotations

import pytest

from oracles.cfg_recogniser import scannerless
from treadle import Grammar, check
from treadle.errors import InvalidConstraint, UnsupportedFeature
from treadle.frontends.grammars.ebnf import read_ebnf
from treadle.grammar.normal_form import normal_form

ISO_ARITHMETIC = """
(* sums, with brackets *)
expr = term, { ("+" | "-"), term } ;
term = digit, { digit } | "(", expr, ")" ;
digit = "0" | '1' ;
"""
TABLE = [
    (ISO_ARITHMETIC, ["0", "01+1", "(0)", "(0+1)-1"], ["", "()", "0+", "2"]),
    ('s = "a", [ s ], "b" .', ["ab", "aabb"], ["", "aab", "abab"]),
    ('s = 3 * "a", { "b" }- ;', ["aaab", "aaabbb"], ["aaa", "aab", "ab"]),
    ('s = 2 * x / "q" ; x = "(" s ")" | "y" ;', ["yy", "q", "(yy)y", "(q)(q)"], ["y", "()", "yyy"]),
    ('letters = letter - "b", { letter } ;\nletter = "a" | "b" | "c" ;', ["a", "cb"], ["b", "", "ba"]),
    ("my-rule = 'x' inner-rule ;\ninner-rule = [ 'y' ] ;", ["x", "xy"], ["y", "xx"]),
    (
        ("[1] Doc ::= Item+ /* text */ Tail?\nItem ::= '<' Name '>' Doc? '</' Name '>'\n"
        "[3] Name ::= [a-z#x41-#x43]+ - 'xml'\nTail ::= #x21"),
        ["<a></a>", "<aB><c></c></d>!", "<xmla></a>"],
        ["<xml></a>", "<D></a>", "", "<a></a>!!"],
    ),
    ('E ::= E "+" E | E "*" E | [0-9]+ | "(" E ")"', ["1", "1+2*3", "(1)*(2+3)"], ["", "1+", "()"]),
    ("S ::= ( 'a' | S S )?", ["", "a", "aaaa"], ["b"]),
    ("S ::= [^a-c]* '[' [#x5D]", ["[]", "xyz[]", "[[]"], ["a[]", "[["]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "accepted", "rejected"), TABLE)
def test_grammars_accept_these(text, accepted, rejected):
    cfg = read_ebnf(text).cfg
    constraint = Grammar(text, syntax="ebnf")
    assert [check(constraint, sample).accepted for sample in accepted] == [True] * len(accepted)
    assert [check(constraint, sample).accepted for sample in rejected] == [False] * len(rejected)
    for grammar in (cfg, normal_form(cfg)):
        assert [sample for sample in accepted if not scannerless(grammar, sample)] == []
        assert [sample for sample in rejected if scannerless(grammar, sample)] == []


WRONG = [
    ('s = "a"', "line 1 column 8", "wrong syntax"),
    ('s = "a', "line 1 column 5", "not closed"),
    ('s = "a", ;', "line 1 column 10", "wrong syntax"),
    ("s = t ;", "line 1 column 5", "t is used but not defined"),
    ('s = "a" ;\ns = "b" ;', "line 2 column 1", "more than once"),
    ('s = "x", s ;', "line 1 column 1", "has no end"),
    ('s = ( "x" ;', "line 1 column 11", "wrong syntax"),
    ("S ::= [a", "line 1 column 7", "not closed"),
    ("S ::= #q", "line 1 column 7", "wrong syntax"),
    ("S ::= ('a'", "line 1 column 11", "wrong syntax"),
    ("S ::= 'a' T", "line 1 column 11", "T is used but not defined"),
    ("S ::= 'a' ;", "line 1 column 11", "wrong syntax"),
]


@pytest.mark.parametrize(("text", "where", "message"), WRONG)
def test_mistakes_are_named_with_their_place(text, where, message):
    with pytest.raises(InvalidConstraint) as caught:
        read_ebnf(text)
    assert message in str(caught.value)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "text",
    [
        "s = ? any character ? ;",
        's = "(", s, ")" | "x" - t ;\nt = "y" | s ;',
        "S ::= T - 'x'\nT ::= 'a' T? 'b'",
    ],
)
def test_what_is_not_written_down_or_not_regular_is_refused(text):
    with pytest.raises(UnsupportedFeature) as caught:
        read_ebnf(text)
    assert caught.value.where.startswith("line 1 column ")


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ('start: "a"', "lark"),
        ('root ::= "a"', "gbnf"),
        ("Doc ::= 'a'", "ebnf"),
        ('// root ::= in a comment\nstart: "::="', "lark"),
    ],
)
def test_the_language_of_a_grammar_is_seen_from_its_text(text, syntax):
    assert Grammar(text).source.syntax == syntax
