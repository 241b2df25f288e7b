"""Law: treadle accepts a text exactly if lark does, for random derivations of every shipped grammar and for mutants.

All of it, 2,000 and 2,000 for each: `pytest -m slow tests/laws/test_grammars_against_lark.py`.
"""

from __future__ import annotations

import random
from itertools import chain, islice

import pytest

import treadle
from oracles.grammar_strings import Texts
from oracles.shipped_grammars import (
    NAMES,
    is_scannerless,
    lark_accepts,
    lark_parser,
    text_of,
    treadle_accepts,
)
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.parse_tables import parse_tables

#: Lark's Earley parser takes cubic time, and its lexer tries every way to cut.
LONGEST = {"lexical": 400, "scannerless": 40}


def compare(name: str, count: int, seed: int) -> None:
    longest = LONGEST["scannerless" if is_scannerless(name) else "lexical"]
    texts = Texts(lark_parser(name), rng=random.Random(seed))
    accepted = {"derivations": 0, "mutants": 0}
    for kind in accepted:
        for text in islice(getattr(texts, kind)(longest), count):
            verdict = lark_accepts(name, text)
            accepted[kind] += verdict
            assert treadle_accepts(name, text) == verdict, text
    # Both verdicts were asked for: otherwise the law says little.
    assert accepted["derivations"] > count / 4
    assert accepted["mutants"] < count


@pytest.mark.parametrize("name", NAMES)
def test_treadle_accepts_what_lark_accepts(name: str) -> None:
    compare(name, 100, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_treadle_accepts_what_lark_accepts_of_many(name: str) -> None:
    compare(name, 2000, 2)


@pytest.mark.parametrize(
    ("name", "was", "becomes"),
    [
        ("json", '("," member)*)?', '("," member)* ","?)?'),
        ("json", "(?:0|[1-9][0-9]*)", "[0-9]+"),
        ("arithmetic", 'atom "^" signed', 'atom "^" atom'),
        ("sql", 'expr ((OFFSET | ",") expr)?', "expr"),
        ("cpp", '"return" [initialiser] ";"', '"return" initialiser ";"'),
        ("smiles", 'chain "." branched', 'chain "." atom'),
    ],
)
def test_a_small_change_of_a_grammar_is_noticed(name: str, was: str, becomes: str) -> None:
    changed = text_of(name).replace(was, becomes)
    assert changed != text_of(name)
    made = ParseAutomaton(parse_tables(treadle.Grammar(changed).cfg(), frozenset(range(256))))
    texts = Texts(lark_parser(name), rng=random.Random(3))

    def differs(text: str) -> bool:
        state = made.run(made.start, text.encode())
        return (state != at.DEAD and made.is_accepting(state)) != lark_accepts(name, text)

    pairs = zip(texts.derivations(120), texts.mutants(120), strict=False)
    assert any(map(differs, islice(chain.from_iterable(pairs), 3000)))
