"""Self-infilling: prefix + middle + suffix is in the language, and without interruptions it is writing on."""

from __future__ import annotations

import numpy as np
import pytest

import treadle
from treadle.decoding.regions import Filler, Fim
from treadle.decoding.self_infilling import SelfInfilling, self_infill
from treadle.decoding.tables import random_table
from treadle.errors import InvalidConstraint
from treadle.infilling.cells import template
from treadle.infilling.limits import Limits
from treadle.vocabulary import Vocabulary

WORDS = [b"(", b")", b"a", b"((", b"a)", b"))"]
END, FIM = 6, Fim(prefix=7, suffix=8, middle=9)
LETTERS = Vocabulary([*WORDS, None, None, None, None], eos_ids=END, special_ids=[7, 8, 9])
#: Stacks of brackets have no end, and a suffix that fits none of them is not looked for long.
BRIEF = Limits(nodes=200, gap_states=100)
BRACKETS = treadle.Grammar('start: p+\np: "(" p* ")" | "a"')


class Reader:
    """A causal model whose logits are a function of the prefix; remembers what it was started with."""

    def __init__(self, vocabulary, table, read=(), starts=None):
        self.vocabulary, self.table, self.read = vocabulary, table, read
        self.starts = [] if starts is None else starts

    def start(self, prompt):
        self.starts.append(list(prompt))
        return Reader(self.vocabulary, self.table, tuple(prompt), self.starts)

    @property
    def logits(self):
        return self.table(self.read)

    def append(self, tokens):
        rows = [self.table(self.read + tuple(tokens[: k + 1])) for k in range(len(tokens))]
        self.read += tuple(tokens)
        return np.stack(rows)


@pytest.fixture(scope="module")
def automaton():
    return treadle.compile(BRACKETS, LETTERS).automaton


def is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1, "a": 0}[character]
        if depth < 0:
            return False
    return depth == 0 and text != ""


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("text", ["<gap>", "(a<gap>", "((<gap>"])
def test_without_interruptions_it_is_writing_on(automaton, text, temperature):
    for seed in range(5):
        model = Reader(LETTERS, random_table(len(LETTERS), seed))
        plain = Filler(
            model, automaton, template(text), max_tokens=6, temperature=temperature, seed=seed
        ).fill()
        found = self_infill(
            model, automaton, template(text), SelfInfilling(0.0, ")"), fim=FIM, max_tokens=6,
            temperature=temperature, seed=seed,
        )  # fmt: skip
        assert found == plain


@pytest.mark.parametrize("opening", ["", ")", "a)", "(a"])
@pytest.mark.parametrize("interrupt", [0.4, 1.0])
def test_the_whole_is_in_the_language_and_ends_in_the_suffix(automaton, opening, interrupt):
    ended = 0
    for seed in range(8):
        model = Reader(LETTERS, random_table(len(LETTERS), seed))
        found = self_infill(
            model, automaton, template("((<gap>"), SelfInfilling(interrupt, opening, max_tokens=4), fim=FIM,
            max_tokens=6, seed=seed, limits=BRIEF,
        )  # fmt: skip
        assert is_balanced(found.text)
        assert found.text == "((" + found.gaps[0]
        if interrupt == 1.0:
            _, suffix, *middle = model.starts
            assert suffix[:1] == [FIM.prefix]
            assert suffix.index(FIM.suffix) > 0
            assert LETTERS.decode(suffix[suffix.index(FIM.suffix) :]) == opening
            assert middle[0][-1] == FIM.middle
            shown = LETTERS.decode(middle[0][middle[0].index(FIM.suffix) :])
            assert found.text.endswith(shown)
            ended += bool(shown)
    assert interrupt < 1 or ended > 3


def test_through_infill_and_what_it_wants(automaton):
    model = Reader(LETTERS, random_table(len(LETTERS), 1))
    text = treadle.infill(
        "(<gap>", BRACKETS, model=model, fim=FIM, self_infilling=SelfInfilling(1.0, "a)"), max_tokens=4
    )
    assert is_balanced(text)
    with pytest.raises(InvalidConstraint):
        treadle.infill("(<gap>", BRACKETS, model=model, self_infilling=SelfInfilling())
    with pytest.raises(InvalidConstraint):
        self_infill(model, automaton, template("<gap>)"), SelfInfilling(), fim=FIM)
    with pytest.raises(InvalidConstraint):
        SelfInfilling(interrupt=2)
