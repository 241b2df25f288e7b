"""Grammars in Lark's language mean what they mean to lark: judged by lark's parsers on the same texts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import lark
import pytest
from lark.indenter import PythonIndenter

from oracles.cfg_recogniser import Lexical, scannerless
from treadle import Grammar, check
from treadle.errors import ConstraintError, InvalidConstraint, LimitExceeded, UnsupportedFeature
from treadle.frontends.grammars.grammar_text import NESTING
from treadle.frontends.grammars.indentation import PYTHON
from treadle.frontends.grammars.lark_syntax import read_lark
from treadle.grammar.cfg import Cfg
from treadle.grammar.normal_form import normal_form

LIBRARY = Path(lark.__file__).parent / "grammars"

#: Grammars that lark's LALR parser takes without a conflict, each with texts it accepts and texts that come close.
LEXICAL: dict[str, tuple[str, tuple[str, ...]]] = {
    "keywords": (
        'start: ("return" NAME | NAME "=" NAME)+\nNAME: /[a-z]+/\n%ignore " "',
        ("return x", "returnx", "returnx=y", "return return", "x=y return x", "x = = y", "returny=x", ""),
    ),
    "case of keywords": (
        'start: "select"i NAME ("," NAME)* ["from"i NAME]\n%import common.CNAME -> NAME\n%ignore /\\s+/',
        ("SELECT a", "select a, b FROM c", "selecta", "select from from c", "Select Select", "select a,", "SELECT"),
    ),
    "flags of a keyword that its pattern has not": (
        'start: ("if"i | NAME)+\nNAME: /[a-z]+/\n%ignore " "',
        ("if", "IF", "If x", "iF iff", "IFx", "X", "ifI", "x if"),
    ),
    "priorities": (
        "start: (A | B | C)+\nA.2: /ab*/\nB: /[a-c]+/\nC.1: /cc/",
        ("abb", "abc", "ccc", "cca", "bacb", "abd", "c"),
    ),
    "contexts": (
        'start: "<" WORD ">" | "(" DIGITS WORD ")"\nWORD: /\\w+/\nDIGITS: /[0-9]+/',
        ("<a1>", "<12>", "(12a)", "(a)", "(12)", "(1 2)"),
    ),
    "ranges, repetitions, options": (
        'start: "a".."c" "x"~2 "y"~1..3 [Z] (W | "q")*\nZ: "0".."9" /f/i?\nW: "w"+',
        ("axxy", "bxxyyy0F", "cxxyy1www", "axy", "axxyyyy", "dxxy", "axxyqwq", "axxy5fqq"),
    ),
    "templates": (
        ('start: "[" list{item, ","} "]"\nlist{x, sep}: x (sep x)*\n'
         'item: NUMBER | "(" list{NUMBER, "+"} ")"\nNUMBER: /[0-9]+/'),
        ("[1,2]", "[(1+2),3]", "[1+2]", "[]", "[(1,2)]", "[1"),
    ),
    "inline rules and aliases": (
        '?start: _pair | start "+" _pair -> sum\n!_pair: "a" "b" | "c"',
        ("ab", "c+ab", "ab+c+c", "a+b", "+c"),
    ),
    "empty rules": (
        'start: head body tail\nhead: "h"?\nbody: "b"*\ntail: | "t"',
        ("", "h", "hbbt", "bt", "t", "tt", "th"),
    ),
    "a text with nothing ignored": ('start: A B*\nA: "a"\nB: "b"', ("a", "ab", "a b", "abb", "b")),
    "an ignored pattern takes a sign": (
        'start: "a" (" " "b")?\n%ignore /[ ]+/',
        ("a b", "a", "a  b", "ab"),
    ),
    "override and extend": (
        '%import common.INT\n%import common.WORD\n%override INT: "0"\n%extend WORD: "!"\nstart: INT WORD',
        ("0a", "1a", "0!", "0ab", "00"),
    ),
    "lazy and greedy": (
        ('start: (COMMENT | NAME | LONG)+\nCOMMENT: "/*" /.*?/s "*/"\nNAME: /[a-z]+/\n'
         'LONG: /"([^"\\\\]|\\\\.)*"/\n%ignore /\\s+/'),
        ("/* a */ b", "/* a */ */", "/* \n */", '"a\\"b"', '"a', "a/**/b", "/*/"),
    ),
}  # fmt: skip


@cache
def judge(text: str, **options: str) -> lark.Lark:
    return lark.Lark(text, maybe_placeholders=False, **options)


def accepts(parser: lark.Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except lark.exceptions.UnexpectedInput:
        return False
    return True


def mutations(rng: random.Random, text: str, count: int) -> Iterator[str]:
    alphabet = sorted(set(text)) or ["a"]
    for _ in range(count):
        characters = list(text)
        for _ in range(rng.randint(1, 2)):
            place = rng.randint(0, len(characters))
            if rng.random() < 0.5 and characters:
                del characters[min(place, len(characters) - 1)]
            else:
                characters.insert(place, rng.choice(alphabet))
        yield "".join(characters)


@pytest.mark.parametrize("name", LEXICAL)
def test_the_lexical_discipline_is_that_of_lark(name):
    grammar, texts = LEXICAL[name]
    ours, theirs = Lexical(read_lark(grammar).cfg), judge(grammar, parser="lalr")
    assert not ours.tables.conflicts
    rng = random.Random(name)
    both = set()
    for text in texts:
        for variant in (text, *mutations(rng, text, 40)):
            verdict = accepts(theirs, variant)
            both.add(verdict)
            assert ours.accepts(variant) == verdict, variant
    assert both == {True, False}


def random_grammar(rng: random.Random) -> str:
    """A few rules over terminals that overlap: keywords, names, prefixes of each other, white space."""
    terminals = rng.sample(
        ['"a"', '"ab"', '"b"', '"if"', "NAME", "WORD", "DIGITS", '"="', '"=="', '"("', '")"', '"A"i'],
        k=rng.randint(2, 5),
    )
    rules = ["start", "r", "s"][: rng.randint(1, 3)]
    lines = []
    for rule in rules:
        options = {
            " ".join(rng.choice([*terminals, *terminals, *rules]) for _ in range(rng.choice([0, 1, 1, 2, 3])))
            for _ in range(rng.randint(1, 3))
        }
        lines.append(f"{rule}: " + " | ".join(sorted(options)))
    lines += ["NAME: /[a-z]+/", "WORD: /[a-zA-Z]\\w*/", "DIGITS: /[0-9]+/"]
    if rng.random() < 0.5:
        lines.append('%ignore " "')
    return "\n".join(lines)


def random_texts(rng: random.Random, count: int) -> list[str]:
    pieces = ["a", "ab", "b", "if", "x", "=", "==", "(", ")", " ", "1", "A", "i"]
    return ["".join(rng.choices(pieces, k=rng.randint(0, 5))) for _ in range(count)]


def random_cases(seed: int, count: int, **options: str) -> Iterator[tuple[str, Cfg, lark.Lark]]:
    """Grammars that both read. What lark refuses and we do not, and the other way round, is looked at elsewhere."""
    rng = random.Random(seed)
    found = 0
    while found < count:
        text = random_grammar(rng)
        try:
            cfg = read_lark(text, lexing="scannerless" if options["parser"] == "earley" else "lexical").cfg
            yield text, cfg, lark.Lark(text, **options)
            found += 1
        except (ConstraintError, lark.exceptions.LarkError):
            continue


def test_random_grammars_lex_and_parse_as_in_lark():
    rng = random.Random(1)
    compared = accepted = 0
    for text, cfg, theirs in random_cases(2, 250, parser="lalr"):
        ours = Lexical(cfg)
        if ours.tables.conflicts:  # lark takes one side, and so loses texts; we keep both
            continue
        for sample in random_texts(rng, 60):
            verdict = accepts(theirs, sample)
            compared, accepted = compared + 1, accepted + verdict
            assert ours.accepts(sample) == verdict, (text, sample)
    assert compared > 5_000
    assert accepted > 300


def test_random_grammars_without_a_lexer_mean_what_they_mean_to_lark():
    rng = random.Random(3)
    accepted = 0
    for text, cfg, theirs in random_cases(4, 60, parser="earley", lexer="dynamic_complete"):
        normal = normal_form(cfg)
        for sample in random_texts(rng, 60):
            verdict = accepts(theirs, sample)
            accepted += verdict
            assert scannerless(cfg, sample) == verdict, (text, sample)
            assert scannerless(normal, sample) == verdict, (text, sample)
    assert accepted > 100


# ---- indentation

BLOCKS = """
start: (_NEWLINE | statement)*
statement: NAME _NEWLINE | "if" NAME ":" _NEWLINE _INDENT statement+ _DEDENT | "f" "(" [_NEWLINE] NAME ")" _NEWLINE
NAME: /[a-z]+/
_NEWLINE: (/\\r?\\n[\\t ]*/ | /#[^\\n]*/)+
%declare _INDENT _DEDENT
%ignore /[ \\t]+/
"""


def test_indentation_is_that_of_lark():
    text = BLOCKS.replace("[_NEWLINE] ", "")
    ours = Lexical(read_lark("// indentation: python\n" + text).cfg)
    theirs = lark.Lark(text, parser="lalr", postlex=PythonIndenter())
    rng = random.Random(7)
    samples = [
        "a\n", "if a:\n  b\n", "if a:\n  b\n c\n", "if a:\n  if b:\n    c\n  d\ne\n", "if a:\n\tb\n        c\n",
        "f(\n   a)\n", "f(\na\n)\nb\n", "if a:\nb\n", "  a\n", "if a:\n  b", "if a:\n  b\n# x\n  c\n", "a)\n", "",
    ]  # fmt: skip
    verdicts = set()
    for sample in samples:
        for variant in (sample, *mutations(rng, sample, 60)):
            try:
                verdict = accepts(theirs, variant)
            except (lark.indenter.DedentError, AssertionError):
                verdict = False
            verdicts.add(verdict)
            assert ours.accepts(variant) == verdict, variant
    assert verdicts == {True, False}


def test_lark_python_grammar_is_read():
    text = (LIBRARY / "python.lark").read_text()
    cfg = read_lark(text, start="file_input", indentation=PYTHON).cfg
    assert len(cfg.indentation.opening) == 3
    assert cfg.symbol_names[cfg.indentation.newline] == "_NEWLINE"


# ---- errors

WRONG = [
    ("start: a", "line 1 column 8", "a is used but not defined"),
    ("start: A", "line 1 column 8", "A is used but not defined"),
    ('start: A\nA: "a" B', "line 2 column 8", "B is used but not defined"),
    ("start: 'a'", "line 1 column 8", "wrong syntax"),
    ('start: "a" (', "line 1 column 13", "Unclosed parenthesis"),
    ('start: "a"\n\nfoo "b"', "line 3 column 5", ""),
    ('start: "a', "line 1 column 8", "a string that is not closed"),
    ("start: /a", "line 1 column 8", "a regular expression that is not closed"),
    ("start: A\nA: B\nB: A", "line 2 column 1", "terminal A is made of itself"),
    ('start: "a" start', "line 1 column 1", "rule start has no end"),
    ('start: b | "a"\nb: "x" b c\nc: "y"', "line 2 column 1", "rule b has no end"),
    ("start: A\n\nA: /a*/", "line 3 column 1", "terminal A can match the empty text"),
    ("start: /a*/", "line 1 column 8", "can match the empty text"),
    ("start: A\nA: /a(/", "line 2 column 1: terminal A: column 2", "missing )"),
    ("%import nope.X\nstart: X", "line 1 column 9", "no grammar of this name"),
    ("%import common.NOPE\nstart: NOPE", "line 1 column 16", "NOPE is used but not defined"),
    ('start: "a"\nb: "c"\nstart: "d"', "line 3 column 1", "start is defined more than once"),
    ("start: X\n%declare X", "line 1 column 1", "rule start has no end"),
    ("%declare foo\nstart: foo", "", "rule foo is declared and not defined"),
    ('a: "a"', "", "there is no start rule of this name"),
    ('start: "a" -> Foo', "line 1 column 15", "Alias expects lowercase name"),
    ("start: t{a}\nt{x, y}: x y\na: /a/", "line 1 column 8", "wrong number of arguments for t"),
    ('start: a\nA: a\na: "x"', "", "rule a inside of a terminal"),
    ("start: A\nA: /a{99999999999999999999}/", "line 2 column 1", "too large"),
    ("// lexing: greedy\nstart: /a/", "", "unknown lexing"),
    ("// indentation: spaces\nstart: /a/", "", "unknown indentation"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "where", "message"), WRONG)
def test_mistakes_are_named_with_their_place(text, where, message):
    with pytest.raises(InvalidConstraint) as caught:
        read_lark(text)
    assert message in str(caught.value)
    assert where in caught.value.where


def test_a_pattern_that_is_not_regular_is_refused():
    with pytest.raises(UnsupportedFeature) as caught:
        read_lark("start: A\nA: /(a)\\1/")
    assert caught.value.where == "line 2 column 1: terminal A"


HOSTILE = [
    "a" * 10_000_000,
    "start: " + "(" * 10_000 + '"a"' + ")" * 10_000,
    "start: t{a}\nt{x}: x | t{t{x}}\na: /a/",
    "\n".join(f"A{n}: A{n + 1} A{n + 1}" for n in range(60)) + "\nA60: /x/\nstart: A0",
    "start: t{a}\nt{x}: " + "(x|/b/)?" * 30 + "\na: /a/",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:24])
def test_a_monstrous_grammar_is_refused(text):
    with pytest.raises(LimitExceeded) as caught:
        read_lark(text)
    assert caught.value.limit
    assert caught.value.value


def test_a_string_of_backslashes_that_is_not_closed_is_refused():
    with pytest.raises(InvalidConstraint, match="not closed"):
        read_lark('start: "' + "\\" * 9_999)


@pytest.mark.parametrize(
    "body", [" ".join(f'"{chr(97 + n)}"?' for n in range(26)), '("a"|"b")~30', '("a"|"b"|"c" "d")~5..700']
)
def test_what_lark_would_multiply_out_becomes_rules(body):
    cfg = read_lark(f"start: {body}").cfg
    assert len(cfg.productions) < 2_000
    assert scannerless(read_lark(f"start: {body}", lexing="scannerless").cfg, "a" * 30) == (
        "30" in body or "700" in body
    )


def test_brackets_just_within_the_limit_are_read():
    assert read_lark("start: " + "(" * (NESTING - 1) + '"a"' + ")?" * (NESTING - 1)).cfg.productions


def test_what_nothing_uses_is_noted_and_no_error():
    reading = read_lark('start: "a"\nb: C\nC: /c/\nD: /d/\n%import common.INT')
    assert reading.notes == (
        ("line 2 column 1", "rule b is never used"),
        ("line 4 column 1", "terminal D is never used"),
    )


def test_guards_are_named_on_their_productions():
    cfg = read_lark('start: a+\na: "x" | "y"', guards=["a"]).cfg
    assert [p.guard for p in cfg.productions if cfg.symbol_names[p.head] == "a"] == ["a", "a"]
    with pytest.raises(InvalidConstraint, match="guard"):
        read_lark('start: "x"', guards=["b"])


def test_imports_come_from_the_folders_given_and_are_remembered(tmp_path):
    (tmp_path / "inner.lark").write_text('word: "w"\n')
    reading = read_lark("%import inner.word\nstart: word", imports=[tmp_path])
    assert scannerless(reading.cfg, "w")
    assert list(reading.files) == [str(tmp_path / "inner.lark")]
    (tmp_path / "inner.lark").write_text("word: (")
    with pytest.raises(InvalidConstraint) as caught:
        read_lark("%import inner.word\nstart: word", imports=[tmp_path])
    assert "imported" in caught.value.where
    (tmp_path / "circle.lark").write_text("%import circle.word\nstart: word")
    with pytest.raises(LimitExceeded):
        read_lark("%import circle.word\nstart: word", imports=[tmp_path])


def test_without_a_lexer_there_are_no_keywords():
    text = 'start: "i" WORD | "i" "a" WORD\nWORD: /[ab]+/'
    assert read_lark(text).cfg.keywords
    assert not read_lark(text, lexing="scannerless").cfg.keywords
    for sample, verdict in [("ia", True), ("iaa", True), ("i", False), ("ib", True)]:
        assert check(Grammar(text, lexing="scannerless"), sample).accepted == verdict


def test_comments_choose_the_discipline():
    assert read_lark('start: "a"').cfg.lexing == "lexical"
    assert read_lark('// lexing: scannerless\nstart: "a"').cfg.lexing == "scannerless"
    assert read_lark('// lexing: scannerless\nstart: "a"', lexing="lexical").cfg.lexing == "lexical"
