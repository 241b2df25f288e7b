"""Guards: the same texts as a chart whose completed rules are vetoed, exact masks, and a token costs what is new."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Literal

import numpy as np
import pytest

import treadle
from oracles.cfg_recogniser import ends
from treadle.automata import guard_texts
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.grammar.cfg import Cfg
from treadle.masks import bitset
from treadle.parse_tables import parse_tables
from treadle.vocabulary import Vocabulary

Guard = Callable[[str, str], bool]


def never_aa(text: str, before: str) -> bool:
    return text != "aa"


def even_place(text: str, before: str) -> bool:
    return len(before) % 2 == 0


def new_text(text: str, before: str) -> bool:
    return text not in before


CASES = [
    ("ambiguous", 'start: s\ns: t t | "a"\nt: s | s "b"\n', {"t": never_aa}, "ab"),
    ("both sides", 'start: e\ne: t | t e\nt: "a" | e "a" | "b"\n', {"t": even_place}, "ab"),
    ("words", "start: w+\nw: W\nW: /[ab]{1,2}/\n", {"w": new_text}, "ab"),
    ("nested", 'start: x\nx: "a" x "b" | y | x y\ny: "a" | "ab"\n', {"x": even_place, "y": new_text}, "ab"),
]  # fmt: skip
BY_NAME = pytest.mark.parametrize(
    ("grammar", "guards", "letters"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)


def accepted(cfg: Cfg, guards: dict[str, Guard], text: str) -> bool:
    """A chart of (symbol, first, last) that grows until nothing is new; guards veto what is complete."""
    base, size = len(cfg.terminals), len(text)
    chart = {(t, i, j) for t in range(base) for i in range(size) for j in ends(cfg.terminals[t], text, i)}
    grown = True
    while grown:
        grown = False
        for production in cfg.productions:
            for i in range(size):
                places = {i}
                for symbol in production.body:
                    places = {j for s, k, j in chart if s == symbol and k in places}
                for j in places:
                    fact = (production.head, i, j)
                    guard = guards.get(production.guard)
                    if fact not in chart and (guard is None or guard(text[i:j], text[:i])):
                        chart.add(fact)
                        grown = True
    return (cfg.start, 0, size) in chart


@BY_NAME
def test_guarded_grammars_accept_what_a_vetoed_chart_does(
    grammar: str, guards: dict[str, Guard], letters: str
) -> None:
    cfg = treadle.Grammar(grammar, lexing="scannerless", guards=guards).cfg()
    automaton = ParseAutomaton(parse_tables(cfg, frozenset(range(256))), guards)
    vetoed = 0
    for size in range(1, 8):
        for text in map("".join, product(letters, repeat=size)):
            state = automaton.run(automaton.start, text.encode())
            expected = accepted(cfg, guards, text)
            assert (state != at.DEAD and automaton.is_accepting(state)) == expected, text
            vetoed += not expected and accepted(cfg, {}, text)
    assert vetoed > 0, "these guards say no to nothing"


@pytest.mark.parametrize("lexing", ["scannerless", "lexical"])
@BY_NAME
def test_masks_are_what_the_bytes_say(
    grammar: str, guards: dict[str, Guard], letters: str, lexing: Literal["scannerless", "lexical"]
) -> None:
    tokens = ["".join(text) for size in (1, 2, 3) for text in product(letters, repeat=size)]
    vocabulary = Vocabulary([b"</s>", *(token.encode() for token in tokens)], eos_ids=(0,), special_ids=())
    constraint = treadle.Grammar(grammar, lexing=lexing, guards=guards)
    compiled = treadle.compile(constraint, vocabulary).automaton
    judge = ParseAutomaton(parse_tables(constraint.cfg(), frozenset(range(256))), guards)
    for text in map("".join, product(letters, repeat=4)):
        state, here = compiled.bytes.run(compiled.start, text.encode()), judge.run(judge.start, text.encode())
        assert (state == at.DEAD) == (here == at.DEAD)
        if here == at.DEAD:
            continue
        expected = [0] if judge.is_accepting(here) else []
        expected += [k + 1 for k, token in enumerate(tokens) if judge.run(here, token.encode()) != at.DEAD]
        assert bitset.to_tokens(compiled.mask(state)).tolist() == expected, text


def test_a_word_that_a_guard_keeps_from_coming_is_not_begun() -> None:
    """The first letters of a keyword complete nothing, but it can only come behind what the guard refuses."""
    grammar = 'start: (k "bbb")+ | "a" "ba"\nk: W\nW: /a+/\n'
    vocabulary = Vocabulary([b"</s>", b"a", b"b", b"bb", b"bbb", b"ba", b"abb"], eos_ids=(0,), special_ids=())
    for lexing in ("scannerless", "lexical"):
        constraint = treadle.Grammar(grammar, lexing=lexing, guards={"k": lambda text, before: text != "a"})
        tokens = treadle.compile(constraint, vocabulary).automaton
        masks = [
            bitset.to_tokens(tokens.mask(tokens.bytes.run(tokens.start, text))).tolist()
            for text in (b"a", b"aa")
        ]
        assert 3 in masks[1] and 4 in masks[1]
        assert 3 not in masks[0] and 4 not in masks[0]


PROGRAM = r"""
    start: (decl | use)+
    decl: "var" NAME ";"
    use: "use" known ";"
    known: NAME
    NAME: /[a-z]+/
    %ignore " "
"""


def work_of_tokens(monkeypatch: pytest.MonkeyPatch, count: int) -> list[int]:
    """For each token of a program: bytes that were spelled, read by the twin, and calls of the guard."""
    work = [0]

    def declared(text: str, before: str) -> bool:
        work[-1] += 1
        return f"var {text};" in before

    spelled, run = guard_texts.GuardTexts._back, ParseAutomaton.run

    def counted_back(self: guard_texts.GuardTexts, number: int, stop: int) -> tuple[int, bytes]:
        reached, piece = spelled(self, number, stop)
        work[-1] += len(piece)
        return reached, piece

    def counted_run(self: ParseAutomaton, state: int, data: bytes) -> int:
        work[-1] += len(data)
        return run(self, state, data)

    monkeypatch.setattr(guard_texts.GuardTexts, "_back", counted_back)
    monkeypatch.setattr(ParseAutomaton, "run", counted_run)
    vocabulary = Vocabulary(
        [b"</s>", *(bytes([byte]) for byte in range(256)), b"var ", b"use ", b"a;", b"b;", b"use a;"],
        eos_ids=(0,), special_ids=(),
    )  # fmt: skip
    matcher = treadle.compile(treadle.Grammar(PROGRAM, guards={"known": declared}), vocabulary).matcher()
    text = "".join(
        f"var {'ab'[k % 2]}{'cdefgh'[k % 6]};use {'ab'[k % 2]}{'cdefgh'[k % 6]};" for k in range(count)
    )
    row = np.zeros((1, -(-len(vocabulary) // 32)), np.int32)
    for token in vocabulary.encode_bytes(text.encode()):
        work.append(0)
        matcher.fill_bitmask(row)
        assert matcher.accept_token(token)
    return work


def halves(work: list[int]) -> tuple[int, int]:
    """What the tokens of the second and of the last quarter cost."""
    quarter = len(work) // 4
    return sum(work[quarter : 2 * quarter]), sum(work[3 * quarter : 4 * quarter])


def test_a_token_costs_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    second, last = halves(work_of_tokens(monkeypatch, 120))
    assert last < 1.3 * second


def test_where_no_text_is_kept_each_token_walks_back_to_the_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control."""
    monkeypatch.setattr(guard_texts.GuardTexts, "_keep", lambda self, number, whole: None)
    second, last = halves(work_of_tokens(monkeypatch, 120))
    assert last > 1.7 * second
