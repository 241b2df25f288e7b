"""Laws of grammars over tokens: masks are what the bytes say, what is allowed can be completed, lark agrees."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

import lark
import pytest
from lark.indenter import Indenter

import treadle
from oracles.cfg_recogniser import scannerless
from treadle import library
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.masks import bitset
from treadle.matching.token_automaton import REFUSED
from treadle.parse_tables import parse_tables
from treadle.vocabulary import Vocabulary


@dataclass(frozen=True)
class Case:
    """A grammar, and pieces that texts are made of."""

    name: str
    grammar: str
    pieces: str
    indentation: bool = False


class Blocks(Indenter):
    """Blocks as in Python."""

    NL_type = "_NL"
    OPEN_PAREN_types = ["LPAR"]  # noqa: RUF012  # lark reads class attributes
    CLOSE_PAREN_types = ["RPAR"]  # noqa: RUF012
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    tab_len = 8


LEXICAL = [
    Case(
        "program",
        r"""
        start: stmt*
        stmt: NAME "=" e ";" | "return" e ";" | "if" e "{" stmt* "}"
        e: e "+" t | e "==" t | t
        t: NUM | NAME | "(" e ")" | STRING
        NAME: /[a-z_]\w*/
        NUM: /\d+(\.\d+)?/
        STRING: /"(?!"").*?(?<!\\)(\\\\)*?"/
        %ignore /\s+/
        %ignore /#[^\n]*/
        """,
        'x = == ; return if { } + ( ) 1 1.5 . " \\ "a" \n #c é ret _',
    ),
    Case(
        "preferences",
        r"""
        start: (a | b)+
        a: "<" NAME ">" | OP NAME
        b: "<<" NUM ">>" | A B
        A: "ab" | "a"
        B: /b+?c?/ | "bd"
        OP: /[+*]|[?](?![a-z])/
        NAME.2: /[a-z]+/
        NUM: /[0-9]+\b/
        %ignore " "
        """,
        "< > << >> a b ab bd bb c + * ? 1 12 x z",
    ),
    Case(
        "dangling else",
        r"""
        start: x
        x: "i" c "t" x | "i" c "t" x "e" x | "s"
        c: "c" | "(" c ")"
        %ignore /[ \n]+/
        """,
        "i c t e s ( )",
    ),
    Case(
        "contexts",
        r"""
        start: (kv ",")* kv?
        kv: KEY ":" value
        value: "true" | WORD | /[0-9]+/ | "[" [value ("," value)*] "]"
        KEY: /[a-z]+/
        WORD: /[a-z0-9]+/
        %ignore " "
        """,
        "true tru a 0 12 : , [ ]",
    ),
    Case(
        "blocks",
        r"""
        start: (_NL | stmt)*
        stmt: simple _NL | "if" NAME ":" _NL _INDENT stmt+ _DEDENT
        simple: NAME | NAME "(" [NAME ("," NAME)*] ")"
        NAME: /[a-z]+/
        LPAR: "("
        RPAR: ")"
        _NL: /(\r?\n[\t ]*(#[^\n]*)?)+/
        %declare _INDENT _DEDENT
        %ignore /[ \t]+/
        """,
        "if a b : ( ) , #c a:",
        indentation=True,
    ),
]
SCANNERLESS = [
    Case("ambiguous", 'start: s\ns: s s | "a" |\n', "a b"),
    Case("palindromes", 'start: p\np: "a" p "a" | "b" p "b" | "a" | "b" |\n', "a b c"),
    Case("hidden left recursion", 'start: x\nx: y x "a" | "b"\ny: | "c"\n', "a b c"),
    Case("expressions", 'start: e\ne: e "+" e | e "*" e | "-" e | "(" e ")" | N\nN: /[0-9]+/\n', "+ * - ( ) 1 23"),
    Case("glued", "start: A B | B C\nA: /a+/\nB: /[ab]+/\nC: /é[^x]/\n", "a b é c x"),
    Case("cycle", 'start: a\na: b | "x" a\nb: a | "y"\n', "x y"),
]  # fmt: skip


def constraint(case: Case, lexing: str) -> treadle.Grammar:
    return treadle.Grammar(
        case.grammar,
        lexing=lexing,  # type: ignore[arg-type]
        indentation="newline=_NL indent=_INDENT dedent=_DEDENT opening=LPAR closing=RPAR"
        if case.indentation
        else None,
    )


def automaton(case: Case, lexing: str) -> ParseAutomaton:
    return ParseAutomaton(parse_tables(constraint(case, lexing).cfg(), frozenset(range(256))))


def accepts(made: ParseAutomaton, text: str) -> bool:
    state = made.run(made.start, text.encode())
    return state != at.DEAD and made.is_accepting(state)


def texts(case: Case, count: int, seed: int, made: ParseAutomaton) -> Iterator[str]:
    """Texts that grow from those that can be completed, so that many are nearly right."""
    rng = random.Random(seed)
    pieces = [*case.pieces.split(" "), " "]
    if case.indentation:
        pieces += ["\n", "\n ", "\n  ", "\n\t", "if a:\n "]
    seen = [""]
    for _ in range(count):
        text = rng.choice(seen)
        at_place = rng.randrange(len(text) + 1)
        inserted = "".join(rng.choice(pieces) for _ in range(rng.choice([1, 1, 2, 3, 5])))
        text = text[:at_place] + inserted + text[at_place + (rng.random() < 0.25) :]
        text = text[: rng.randrange(20)] if len(text) > 40 else text
        if made.run(made.start, text.encode()) != at.DEAD and rng.random() < 0.3:
            seen.append(text)
        yield text


@pytest.mark.parametrize("case", LEXICAL, ids=lambda case: case.name)
def test_lexical_is_what_lark_reads(case: Case) -> None:
    judge = lark.Lark(case.grammar, parser="lalr", postlex=Blocks() if case.indentation else None)
    made = automaton(case, "lexical")
    positive = 0
    for text in texts(case, 2500, 1, made):
        try:
            judge.parse(text)
            valid = True
        except (lark.exceptions.LarkError, AssertionError):
            valid = False
        positive += valid
        assert accepts(made, text) == valid, text
    assert positive > 50


@pytest.mark.parametrize("case", [*SCANNERLESS, *LEXICAL[2:4]], ids=lambda case: case.name)
def test_scannerless_is_the_grammar_over_characters(case: Case) -> None:
    cfg = constraint(case, "scannerless").cfg()
    made = automaton(case, "scannerless")
    for text in texts(case, 400, 2, made):
        if len(text) < 14:
            assert accepts(made, text) == scannerless(cfg, text), text


def small_vocabulary(case: Case) -> Vocabulary:
    rng = random.Random(7)
    pieces = [*case.pieces.split(" "), " ", "\n", "\n  "]
    tokens = {bytes([byte]) for byte in range(256)}
    tokens |= {"".join(rng.choice(pieces) for _ in range(rng.randrange(1, 5))).encode() for _ in range(200)}
    tokens |= {b"\xc3", b"\xa9x", b"  ", b"   "}
    return Vocabulary([b"</s>", *sorted(tokens)], eos_ids=(0,), special_ids=())


ALL = [(case, "lexical") for case in LEXICAL] + [(case, "scannerless") for case in SCANNERLESS]


@pytest.mark.parametrize(("case", "lexing"), ALL, ids=lambda x: x if isinstance(x, str) else x.name)
def test_masks_are_what_the_bytes_say_and_can_be_completed(case: Case, lexing: str) -> None:
    vocabulary = small_vocabulary(case)
    compiled = treadle.compile(constraint(case, lexing), vocabulary)
    tokens = compiled.automaton
    plain = automaton(case, lexing)
    rng = random.Random(3)
    for _ in range(12):
        state, data = tokens.start, b""
        for _ in range(14):
            allowed = bitset.to_tokens(tokens.mask(state)).tolist()
            here = plain.run(plain.start, data)
            expected = [0] if plain.is_accepting(here) else []
            expected += [
                t
                for t in range(1, len(vocabulary))
                if plain.run(here, vocabulary.tokens[t] or b"") != at.DEAD
            ]
            assert allowed == expected, data
            token = rng.choice(allowed)
            if token == 0:
                break
            data += vocabulary.tokens[token] or b""
            state = tokens.advance(state, token)
            end = state
            for closing in tokens.closing(state):
                end = tokens.advance(end, closing)
                assert end != REFUSED, data
            assert tokens.is_accepting(end), data


def test_guards_veto_what_is_complete() -> None:
    grammar = r"""
        start: (decl | use)+
        decl: "var" NAME ";"
        use: "use" known ";"
        known: NAME
        NAME: /[a-z]+/
        %ignore " "
    """

    def declared(text: str, before: str) -> bool:
        return f"var {text};" in before

    case = Case("guards", grammar, "var use a b ab ;")
    vocabulary = small_vocabulary(case)
    compiled = treadle.compile(treadle.Grammar(grammar, guards={"known": declared}), vocabulary)
    made = compiled.automaton

    def reads(text: str) -> bool:
        state = made.bytes.run(made.start, text.encode())
        return state != at.DEAD and made.is_accepting(state)

    assert reads("var a; use a;")
    assert not reads("use a;")
    assert not reads("var ab; use a;")
    assert reads("var ab; use ab; var a; use a ;")
    state = made.bytes.run(made.start, b"var ab; use ")
    allowed = {vocabulary.tokens[t] for t in bitset.to_tokens(made.mask(state)).tolist()}
    assert {b"a", b"b", b"ab"} <= allowed
    assert b"ab;" in allowed or b"ab;" not in vocabulary.tokens
    assert b"a;" not in allowed


@pytest.mark.parametrize("name", ["json", "arithmetic", "sql", "cpp", "python", "pddl"])
def test_masks_of_shipped_grammars_are_what_the_bytes_say(name: str) -> None:
    """Tokens are pieces of the grammar's own texts, which end and begin in the middle of everything."""
    rng = random.Random(11)
    path = library.find("grammars", name).with_suffix(".cases.json")
    accepted = [text.encode() for text in json.loads(path.read_text("utf-8"))["accept"] if text]
    tokens = {bytes([byte]) for byte in range(256)}
    for _ in range(600):
        data = rng.choice(accepted)
        first = rng.randrange(len(data))
        tokens.add(data[first : first + rng.choice([2, 3, 4, 6, 9])])
    vocabulary = Vocabulary([b"</s>", *sorted(tokens)], eos_ids=(0,), special_ids=())
    automaton = treadle.compile(treadle.Grammar(name), vocabulary).automaton
    for _ in range(12):
        data = rng.choice(accepted)
        data = data[: rng.randrange(len(data) + 1)]
        state = automaton.bytes.run(automaton.start, data)
        expected = [0] if automaton.is_accepting(state) else []
        expected += [
            t
            for t in range(1, len(vocabulary))
            if automaton.bytes.run(state, vocabulary.tokens[t] or b"") != at.DEAD
        ]
        assert bitset.to_tokens(automaton.mask(state)).tolist() == expected, data
