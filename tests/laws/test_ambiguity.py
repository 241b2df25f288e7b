"""Ambiguity is followed in one graph of stacks: the same texts as Earley's, and cells that grow with the text alone."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest

import treadle
from oracles.cfg_recogniser import Lexical, scannerless
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.errors import LimitExceeded
from treadle.grammar.analysis import productive
from treadle.grammar.cfg import Cfg, Production, Terminal
from treadle.grammar.normal_form import normal_form
from treadle.matching.parse_closing import ParseCloser
from treadle.parse_tables import parse_tables

LONGEST = 6
BYTES = frozenset(range(256))
TEXTS = ["".join(text) for size in range(LONGEST + 1) for text in product("ab", repeat=size)]
#: (name, grammar, what is written over and over): one text has exponentially many derivations, through other rules.
AMBIGUOUS = [
    ("through another rule", 'start: s\ns: t t | "a"\nt: s | s "b"\n', "a"),
    ("through both", 'start: e\ne: t | t e\nt: "a" | e "a"\n', "a"),
    ("left and right", 'start: s\ns: a s | s b | "x"\na: "x" | "y" s\nb: "x" | s "y"\n', "xy"),
    ("two bodies", 'start: x\nx: y | z | x y | z x\ny: "a" x | "a"\nz: x "a" | "a"\n', "a"),
    ("words of words", 'start: s\ns: u s | v s | u | v\nu: "a" | "aa"\nv: "a" | "aaa"\n', "a"),
    ("palindromes", 'start: p\np: "a" p "a" | "b" p "b" | "a" | "b" |\n', "abaab"),
    ("nullable", 'start: x\nx: y x z | z x y | "a"\ny: "a" |\nz: x |\n', "a"),
    ("hidden left recursion", 'start: x\nx: y x x | "a"\ny: | "a" y\n', "a"),
    ("runs of runs", "start: x+\nx: y+ | z x | z\ny: /a+/ x | z z\nz: /[ab]+/\n", "ab"),
]
BY_NAME = pytest.mark.parametrize(
    ("grammar", "piece"), [case[1:] for case in AMBIGUOUS], ids=[case[0] for case in AMBIGUOUS]
)


def random_cfg(rng: random.Random, words: list[str], lexing: str) -> Cfg:
    """Few rules, many bodies: nearly all of these are ambiguous, many hidden-left-recursive, nullable or cyclic."""
    rules = rng.randint(1, 4)
    count = len(words)
    symbols = range(count + rules)
    bodies = [
        Production(count + rng.randrange(rules), tuple(rng.choices(symbols, k=rng.choice([0, 1, 2, 2, 2, 3, 4]))))
        for _ in range(rng.randint(3, 9))
    ]  # fmt: skip
    bodies += [
        Production(count, (rng.randrange(count),)),
        Production(count + rules - 1, (rng.randrange(count),)),
    ]
    return Cfg(
        tuple(Terminal(f"T{number}", word, text=word) for number, word in enumerate(words)),
        tuple(f"r{index}" for index in range(rules)), tuple(bodies), start=count, lexing=lexing,  # type: ignore[arg-type]
    )  # fmt: skip


def made(cfg: Cfg) -> ParseAutomaton:
    return ParseAutomaton(parse_tables(cfg, BYTES))


def accepts(automaton: ParseAutomaton, text: str) -> bool:
    state = automaton.run(automaton.start, text.encode())
    return state != at.DEAD and automaton.is_accepting(state)


@pytest.mark.parametrize("words", [["a", "b"], ["a", "ab", "b"], ["a", "aa", "aba"]], ids="-".join)
def test_random_grammars_accept_what_earley_does(words: list[str]) -> None:
    rng = random.Random(len("".join(words)))
    several = 0
    for _ in range(60):
        cfg = random_cfg(rng, words, "scannerless")
        automaton = made(cfg)
        accepted = {text for text in TEXTS if scannerless(cfg, text)}
        assert {text for text in TEXTS if accepts(automaton, text)} == accepted, cfg.productions
        alive = {text[:end] for text in accepted for end in range(len(text) + 1)}
        for text in TEXTS[:31]:
            state = automaton.run(automaton.start, text.encode())
            if state == at.DEAD:
                assert text not in alive, (cfg.productions, text)
            else:
                end = ParseCloser(automaton).closing(state).decode()
                assert scannerless(cfg, text + end), (cfg.productions, text, end)
        nodes = automaton.memory.rows(
            at.AT_NODES, at.FIRST, int(automaton.memory.words[at.N_NODES]) - at.FIRST
        )
        several += bool((nodes[:, at.NODE_STATE] <= at.ALIKE).any())
    assert several > 10, "these grammars do not put several stacks on one place"


def test_random_lexical_grammars_accept_what_sets_of_stacks_do() -> None:
    rng = random.Random(3)
    conflicts = 0
    for _ in range(60):
        cfg = random_cfg(rng, ["a", "b"], "lexical")
        if cfg.start not in productive(cfg):
            continue
        automaton = made(cfg)
        conflicts += automaton.tables.lr.conflicts > 0
        judge = Lexical(normal_form(cfg))
        for text in TEXTS:
            assert accepts(automaton, text) == judge.accepts(text), (cfg.productions, text)
    assert conflicts > 30


def used(automaton: ParseAutomaton) -> int:
    """Numbers in use, of all that grows with a text."""
    words = automaton.memory.words
    return int(
        sum(words[counter] for counter in (at.N_MEMO, at.N_NODES, at.N_BUNDLES, at.N_CONFIGS, at.N_STATES))
    )


def growth(automaton: ParseAutomaton, piece: str, tokens: int) -> list[int]:
    """What was added by each of three stretches of a text, each as long as all before it."""
    state, counts = automaton.start, [used(automaton)]
    for index in range(4 * tokens):
        state = automaton.step(state, ord(piece[index % len(piece)]))
        assert state != at.DEAD
        automaton.is_accepting(state)
        if index + 1 in {tokens, 2 * tokens, 4 * tokens}:
            counts.append(used(automaton))
    return np.diff(counts).tolist()


@BY_NAME
def test_cells_grow_with_the_text_and_no_faster(grammar: str, piece: str) -> None:
    cfg = treadle.Grammar(grammar, lexing="scannerless").cfg()
    first, second, third = growth(made(cfg), piece, 600)
    assert second <= 1.1 * first + 200
    assert third <= 2.2 * second + 200


@BY_NAME
def test_short_texts_of_them_are_earleys(grammar: str, piece: str) -> None:
    cfg = treadle.Grammar(grammar, lexing="scannerless").cfg()
    automaton = made(cfg)
    letters = sorted(set("".join(terminal.source or "" for terminal in cfg.terminals)) & set("abxy"))
    assert letters
    for size in range(7):
        for text in map("".join, product(letters, repeat=size)):
            assert accepts(automaton, text) == scannerless(cfg, text), text


def test_stacks_that_are_followed_one_by_one_are_too_many() -> None:
    """The control: with a guard, which keeps derivations apart, the first of these grammars cannot be followed far."""
    _, grammar, piece = AMBIGUOUS[0]
    guarded = treadle.Grammar(grammar, lexing="scannerless", guards={"t": lambda text, before: True})
    automaton = ParseAutomaton(parse_tables(guarded.cfg(), BYTES), {"t": lambda text, before: True})
    with pytest.raises(LimitExceeded):
        growth(automaton, piece, 600)
