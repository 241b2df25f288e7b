"""Compositions: what they accept, by the slow recogniser, and structural tags judged by xgrammar as well."""

from __future__ import annotations

import itertools
import random

import pytest

import treadle
from oracles.cfg_recogniser import scannerless
from treadle import (
    Choice,
    FreeText,
    Grammar,
    JsonSchema,
    Optional,
    Regex,
    Repeat,
    Sequence,
    StructuralTag,
    Tag,
    Tags,
)
from treadle.constraints import Constraint, ContextFree, context_free
from treadle.errors import InvalidConstraint, UnsupportedFeature
from treadle.frontends.grammars.composition import through, without
from treadle.grammar.derivative import matches
from treadle.grammar.normal_form import normal_form

CALL = JsonSchema({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
NESTED = 'start: item ("," item)*\nitem: "(" start ")" | NUMBER\nNUMBER: /[0-9]+/\n%ignore " "'


def grammar_of(constraint: Constraint) -> ContextFree:
    found = context_free(constraint)
    assert found is not None
    return found


def accepts(constraint: Constraint, text: str) -> bool:
    cfg = grammar_of(constraint).cfg()
    verdict = scannerless(cfg, text)
    assert scannerless(normal_form(cfg), text) == verdict
    assert bool(treadle.check(constraint, text)) == verdict
    return verdict


TABLE = [
    (Sequence("Answer: ", Choice(["yes", "no"])), ["Answer: yes", "Answer: no"], ["Answer: ", "yes", "Answer: yesno"]),
    (Sequence("a", Optional("b"), Regex("c*")), ["a", "ab", "abccc", "acc"], ["", "b", "abb"]),
    (Sequence(), [""], ["x"]),
    (Repeat(Sequence("(", Regex("[0-9]"), ")"), 1, 3), ["(1)", "(1)(2)(3)"], ["", "(1)(2)(3)(4)"]),
    (Repeat(CALL), ["", '{"a": 1}', '{"a": 1}{"a":2}'], ['{"a": 1},{"a":2}', "{}"]),
    (Regex("x+") | Sequence("y", CALL), ["x", "xx", 'y{"a": 3}'], ["", "y", 'x{"a": 3}']),
    (FreeText(), ["", "a\nb"], []),
    (FreeText(most=2), ["", "ab"], ["abc"]),
    (FreeText(until="</t>"), ["</t>", "a<</t>", "<</t</t>"], ["", "a", "</t></t>", "</t>a"]),
    (FreeText(until=["ab", "b"], most=1), ["ab", "b", "xb", "xab"], ["xxab", "xxb", "abb"]),
    (FreeText(without="no"), ["", "n", "nn o"], ["no", "xnoy"]),
    (
        Tags([Tag("<t>", CALL, "</t>")]),
        ["", "text", "<t", 'a<t>{"a": 1}</t>b<t>{"a": 2}</t>', '<<t>{"a":1}</t>'],
        ["<t>", "<t>{}</t>", '<t>{"a": 1}', "a<t>b"],
    ),
    (
        Tags([Tag("<f=a>", "1", "!"), Tag("<f=b>", "2", "!")], triggers=["<f="], once=True),
        ["", "x<f=a>1!", "<f=b>2!", "<f"],
        ["<f=", "<f=c>", "<f=a>2!", "<f=a>1!x"],
    ),
    (Tags([Tag("[", "1", "]")], at_once=True), ["[1]", "[1]a", "[1][1]"], ["", "a[1]", "[2]"]),
    (
        Sequence("<think>", FreeText(until="</think>"), Tags([Tag("<t>", CALL, "</t>")])),
        ["<think></think>", '<think><t></think>x<t>{"a": 1}</t>'],
        ["<think>", "<think></think><t>"],
    ),
    (
        Sequence("<<", Grammar(NESTED, lexing="scannerless"), ">>"),
        ["<<1>>", "<< (1, 2) ,3 >>", "<<((1))>>"],
        ["<<>>", "<<1,>>", "<<1 2>>", "< <1>>"],
    ),
    (
        Sequence(Grammar('root ::= "a" root "b" | ""'), Grammar('root ::= "a" root "b" | ""')),
        ["", "ab", "abab", "aabbab"],
        ["a", "aab", "ba"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("constraint", "accepted", "rejected"), TABLE)
def test_compositions_accept_these(constraint, accepted, rejected):
    assert [text for text in accepted if not accepts(constraint, text)] == []
    assert [text for text in rejected if accepts(constraint, text)] == []


def test_free_text_ends_at_the_first_of_its_strings():
    for first, second in itertools.product(["ab", "aab", "b", "ba", "aa"], repeat=2):
        language, rest = through(first, [first, second]), without([first, second])
        for size in range(6):
            for characters in itertools.product("ab", repeat=size):
                text = "".join(characters)
                ends = [n for n in range(size + 1) if text[:n].endswith((first, second))]
                assert matches(language, text) == (ends[:1] == [size] and text.endswith(first)), text
                assert matches(rest, text) == (first not in text and second not in text), text


def test_a_grammar_with_a_lexer_cannot_be_a_part():
    with pytest.raises(UnsupportedFeature, match="lexer"):
        grammar_of(Sequence("x", Grammar(NESTED, lexing="lexical"))).cfg()


@pytest.mark.parametrize(
    "make",
    [
        lambda: grammar_of(Sequence(3)).cfg(),
        lambda: grammar_of(Tags([])).cfg(),
        lambda: grammar_of(Tags([Tag("<a>", "x")], triggers=["<b"])).cfg(),
        lambda: FreeText(until=""),
        lambda: grammar_of(Repeat("x", 3, 2)).cfg(),
    ],
)
def test_wrong_compositions_are_refused(make):
    with pytest.raises(InvalidConstraint):
        make()


def test_guards_of_parts_keep_their_predicates():
    part = Grammar(
        "start: word\nword: /[ab]+/", lexing="scannerless", guards={"word": lambda text, _: text == "ab"}
    )
    other = Grammar(
        "start: word\nword: /[ab]+/", lexing="scannerless", guards={"word": lambda text, _: text == "ba"}
    )
    whole = Sequence(part, ",", other)
    named = {p.guard for p in whole.cfg().productions} - {""}
    assert named == set(whole.guards)
    assert sorted(guard("ab", "") for guard in whole.guards.values()) == [False, True]
    assert treadle.check(whole, "ab,ba")
    assert not treadle.check(whole, "ba,ba")


def test_a_union_with_a_grammar_is_one_and_others_stay_rules():
    assert context_free(Regex("a") | Choice(["b"])) is None
    assert isinstance(context_free(Regex("a") | (Choice(["b"]) | Sequence("c"))), ContextFree)


# ---- structural tags

NUMBER = {"type": "regex", "pattern": "[0-9]+"}
TAG = {"type": "tag", "begin": "<f>", "content": NUMBER, "end": "</f>"}
TAG_G = {
    "type": "tag",
    "begin": "<g>",
    "content": {"type": "const_string", "value": "c"},
    "end": ["</g>", "!"],
}
END = {"type": "const_string", "value": ">"}
TRIGGERED = {"type": "triggered_tags", "triggers": ["<f", "<g"], "tags": [TAG, TAG_G]}
INNER = {"type": "triggered_tags", "triggers": ["<f"], "tags": [TAG]}
FORMATS = [
    *(
        {**TRIGGERED, "at_least_one": a, "stop_after_first": s}
        for a in (False, True)
        for s in (False, True)
    ),
    {"type": "triggered_tags", "triggers": ["<"], "tags": [TAG, TAG_G], "excludes": ["1"]},
    {"type": "tag", "begin": "<g>", "content": {"type": "any_text"}, "end": "</g>"},
    {"type": "tag", "begin": "<g>", "content": {"type": "any_text", "excludes": ["c"]}, "end": ["</g>", "!"]},
    {"type": "tag", "begin": "<g>", "content": INNER, "end": "</g>"},
    {"type": "tags_with_separator", "tags": [TAG, TAG_G], "separator": ",", "at_least_one": False},
    {"type": "tags_with_separator", "tags": [TAG], "separator": ",", "at_least_one": True, "stop_after_first": True},
    {"type": "dispatch", "rules": [["<f>", NUMBER], ["<g", END]], "loop": True},
    {"type": "dispatch", "rules": [["<f>", NUMBER]], "loop": False},
    {"type": "sequence", "elements": [{"type": "optional", "content": TAG}, {"type": "star", "content": NUMBER}]},
    {"type": "or", "elements": [{"type": "plus", "content": TAG_G}, {"type": "const_string", "value": "c"}]},
    {"type": "repeat", "min": 1, "max": 2, "content": TAG},
    {"type": "any_text", "max_chars": 2},
    {"type": "grammar", "grammar": 'root ::= "c" root | "<f>"'},
    {"type": "json_schema", "json_schema": {"enum": [1, 12]}},
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FORMATS)))
def test_structural_tags_mean_what_they_mean_to_xgrammar(number):
    xgrammar = pytest.importorskip("xgrammar")
    from xgrammar.testing import _is_grammar_accept_string

    tag = {"type": "structural_tag", "format": FORMATS[number]}
    theirs = xgrammar.Grammar.from_structural_tag(tag)
    constraint = StructuralTag(tag)
    ours = constraint.cfg()
    rng = random.Random(number)
    pieces = [
        "<f>",
        "</f>",
        "<g>",
        "</g>",
        "1",
        "c",
        "!",
        ",",
        "<f>1</f>",
        "<g>c</g>",
        "<g>c!",
        "x",
        "<",
        "2",
    ]
    verdicts = set()
    for count in range(250):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 4)))
        verdict = _is_grammar_accept_string(theirs, text)
        verdicts.add(verdict)
        assert scannerless(ours, text) == verdict, text
        if count % 10 == 0:
            assert bool(treadle.check(constraint, text)) == verdict, text
    assert verdicts == {True, False}


@pytest.mark.parametrize(
    ("tag", "where", "error"),
    [
        ({"type": "x"}, "#", InvalidConstraint),
        ({"type": "structural_tag", "format": {"type": "nope"}}, "#/format", InvalidConstraint),
        ({"type": "structural_tag", "format": {"type": "token", "token": 3}}, "#/format", UnsupportedFeature),
        (
            {
                "type": "structural_tag",
                "format": {"type": "sequence", "elements": [NUMBER, {"type": "const_string"}]},
            },
            "#/format/elements/1",
            InvalidConstraint,
        ),
        (
            {
                "type": "structural_tag",
                "format": {"type": "triggered_tags", "triggers": ["<x"], "tags": [TAG]},
            },
            "#/format/tags/0",
            InvalidConstraint,
        ),
        (
            {"type": "structural_tag", "format": {"type": "any_text", "max_tokens": 3}},
            "#/format",
            UnsupportedFeature,
        ),
    ],
)
def test_wrong_structural_tags_are_named_with_their_place(tag, where, error):
    with pytest.raises(error) as caught:
        StructuralTag(tag).cfg()
    assert caught.value.where == where


def test_the_old_form_of_structural_tags_is_read():
    tag = {
        "type": "structural_tag",
        "triggers": ["<f="],
        "structures": [{"begin": "<f=a>", "schema": {"enum": [1]}, "end": "</f>"}],
    }
    assert accepts(StructuralTag(tag), "x<f=a>1</f>y")
    assert not accepts(StructuralTag(tag), "x<f=b>1</f>y")
