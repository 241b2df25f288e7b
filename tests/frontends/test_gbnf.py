"""GBNF: what llama.cpp's grammars accept, judged by the slow recogniser and by xgrammar, whose EBNF is GBNF."""

from __future__ import annotations

import json
import random

import pytest

import treadle
from oracles.cfg_recogniser import scannerless
from treadle.errors import ConstraintError, InvalidConstraint, LimitExceeded, UnsupportedFeature
from treadle.frontends.grammars.gbnf import read_gbnf
from treadle.grammar.normal_form import normal_form

JSON = r"""
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
# at most a line
ws ::= "" | " " | "\n" [ \t]{0,20}
"""

GRAMMARS = {
    "json": (JSON, ['{"a": [1, -2.5e3, "x\\n"]}', "{}", '{"a":}', '{"a":1,}', '{"a": {"b": null}}', "[]"]),
    "arithmetic": (
        'root ::= (expr "=" [0-9]+ "\\n")+\nexpr ::= term ([-+*/] term)*\nterm ::= [0-9]+ | "(" expr ")"',
        ["1=1\n", "(1+2)*3=9\n", "1+=2\n", "1=1", "((1))=1\n2=2\n"],
    ),
    "left recursion": ('root ::= root "+" [0-9] | [0-9]', ["1", "1+2+3", "1+", "+1", "12"]),
    "nullable": ('root ::= a* b? a*\na ::= "x" | ""\nb ::= "(" root ")" | ""', ["", "xx", "x(x)x", "(", "()", "x()("]),
    "counts": ('root ::= ("a" root{0,2} "b"){1,2} | [c-e]{2,}', ["ab", "aabb", "aabbab", "ccde", "c", "aabababb"]),
    "brackets": ('root ::= "<" ([^<>] | root)* ">" "!"?', ["<>", "<a<b>>", "<é😀>!", "<a", "<a>xy"]),
    "a bar on the next line": ('root ::= "a"\n  | "b" root\n  | (\n "c"\n)', ["a", "bba", "c", "bb"]),
    "escapes": (r'root ::= "\x41\u00e9\U0001F600\t\"\\" [\]\[\-a]', ['Aé😀\t"\\]', 'Aé😀\t"\\-', 'Aé😀\t"\\b']),
}  # fmt: skip


def mutated(rng: random.Random, text: str) -> str:
    characters = list(text)
    place = rng.randint(0, len(characters))
    if characters and rng.random() < 0.5:
        del characters[min(place, len(characters) - 1)]
    else:
        characters.insert(place, rng.choice(text or "a"))
    return "".join(characters)


@pytest.mark.parametrize("name", GRAMMARS)
def test_grammars_accept_what_they_accept_in_xgrammar(name):
    xgrammar = pytest.importorskip("xgrammar")
    from xgrammar.testing import _is_grammar_accept_string

    text, samples = GRAMMARS[name]
    cfg, theirs = read_gbnf(text).cfg, xgrammar.Grammar.from_ebnf(text)
    normal, constraint = normal_form(cfg), treadle.Grammar(text, syntax="gbnf")
    rng = random.Random(name)
    verdicts = set()
    for sample in samples:
        for variant in (sample, *(mutated(rng, sample) for _ in range(25))):
            verdict = _is_grammar_accept_string(theirs, variant)
            verdicts.add(verdict)
            assert scannerless(cfg, variant) == scannerless(normal, variant) == verdict, variant
        assert bool(treadle.check(constraint, sample)) == scannerless(cfg, sample), sample
    assert verdicts == {True, False}


def test_a_dot_is_any_character_and_an_alternative_may_be_empty():
    cfg = read_gbnf('root ::= "<" . ">" x\nx ::= | "y" x').cfg
    assert [scannerless(cfg, text) for text in ("<a>", "<\n>yy", "<é>", "<>", "<aa>")] == [True] * 3 + [
        False
    ] * 2


def test_json_texts_are_accepted():
    cfg = read_gbnf(JSON).cfg
    for value in [{}, {"a": [1, 2.5, {"b": [True, None]}]}, {"é": "\n"}]:
        assert scannerless(cfg, json.dumps(value))


def test_what_is_regular_is_a_terminal():
    cfg = read_gbnf('root ::= word (" " word)*\nword ::= [a-z]+ | "[" digit{2} "]"\ndigit ::= [0-9]').cfg
    assert len(cfg.terminals) == 1
    assert [p.body for p in cfg.productions] == [(0,)]


WRONG = [
    ("", "", "without rules"),
    ('root ::= "a', "line 1 column 10", "not closed"),
    ("root ::= [a", "line 1 column 10", "not closed"),
    ("root ::= a", "line 1 column 10", "a is used but not defined"),
    ('a ::= "x"', "", "no start rule"),
    ('root ::= "x"\nroot ::= "y"', "line 2 column 1", "more than once"),
    ('root ::= ("x"', "line 1 column 14", "wrong syntax"),
    ('root ::= "x" )', "line 1 column 14", "wrong syntax"),
    ('root = "x"', "line 1 column 6", "wrong syntax"),
    (r'root ::= "\q"', "line 1 column 12", "unknown escape"),
    (r'root ::= "\x4"', "line 1 column 12", "unknown escape"),
    ("root ::= [z-a]", "line 1 column 14", "the wrong way round"),
    ('root ::= "a"{3,2}', "line 1 column 13", "the wrong way round"),
    ('root ::= "a"{x}', "line 1 column 13", "wrong syntax"),
    ('root ::= "x" root', "line 1 column 1", "has no end"),
    ('root ::= "a" | b\nb ::= "x" b', "line 2 column 1", "has no end"),
]


@pytest.mark.parametrize(("text", "where", "message"), WRONG)
def test_mistakes_are_named_with_their_place(text, where, message):
    with pytest.raises(InvalidConstraint) as caught:
        read_gbnf(text)
    assert message in str(caught.value)
    assert caught.value.where == where


def test_tokens_of_a_vocabulary_are_refused():
    with pytest.raises(UnsupportedFeature):
        read_gbnf("root ::= <think> [a-z]*")


@pytest.mark.parametrize(
    "text",
    [
        "root ::= " + "(" * 10_000 + '"a"' + ")" * 10_000,
        "#" * 10_000_000,
        'root ::= ("(" root ")" | "x"){100000000}',
    ],
    ids=["brackets", "long", "copies"],
)
def test_a_monstrous_grammar_is_refused(text):
    with pytest.raises(LimitExceeded) as caught:
        read_gbnf(text)
    assert caught.value.limit


def test_unused_rules_are_noted_and_guards_stay_productions():
    reading = read_gbnf('root ::= name "x"\nname ::= [a-z]\nlost ::= "y"', guards=["name"])
    assert reading.notes == (("line 3 column 1", "rule lost is never used"),)
    assert [p.guard for p in reading.cfg.productions].count("name") == 1
    with pytest.raises(ConstraintError, match="guard"):
        read_gbnf('root ::= "x"', guards=["y"])
