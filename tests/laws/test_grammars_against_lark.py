"""Law: treadle accepts a text exactly if lark does, for random derivations of every shipped grammar and for mutants.

All of it, 2,000 and 2,000 for each: `pytest -m slow tests/laws/test_grammars_against_lark.py`.
"""

from __future__ import annotations

import random
from itertools import islice

import pytest

from oracles.grammar_strings import Texts
from oracles.shipped_grammars import NAMES, is_scannerless, lark_accepts, lark_parser, treadle_accepts

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
    assert accepted["derivations"] > count / 2
    assert accepted["mutants"] < count


@pytest.mark.parametrize("name", NAMES)
def test_treadle_accepts_what_lark_accepts(name: str) -> None:
    compare(name, 100, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_treadle_accepts_what_lark_accepts_of_many(name: str) -> None:
    compare(name, 2000, 2)
