"""Templates filled by an autoregressive model: what stands stays, and the whole is in the language."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass

import jsonschema
import numpy as np
import pytest

import treadle
from treadle.decoding.regions import Filler, Fim
from treadle.decoding.tables import random_table
from treadle.diffusion.protocols import MaskedTable, random_masked_table
from treadle.errors import InvalidConstraint, UnsatisfiableConstraint
from treadle.infilling.cells import template
from treadle.vocabulary import Vocabulary

PRINTABLE = Vocabulary(
    [*(bytes([b]) for b in range(32, 127)), b'",', b'"}', b'": "', b"true", b"):", b"12", b'", "', None],
    eos_ids=102,
)


@dataclass
class Reader:
    """A causal model whose logits are a function of the prefix."""

    vocabulary: Vocabulary
    table: object
    read: tuple[int, ...] = ()

    def start(self, prompt):
        assert len(prompt)
        return Reader(self.vocabulary, self.table, tuple(prompt))

    @property
    def logits(self):
        return self.table(self.read)

    def append(self, tokens):
        rows = [self.table(self.read + tuple(tokens[: k + 1])) for k in range(len(tokens))]
        self.read += tuple(tokens)
        return np.stack(rows)


@pytest.fixture(scope="module")
def by_name(toys):
    return {toy.name: toy for toy in toys.toys()}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dyck", "(<gap>)(<gap>"), ("two-brackets", "[<gap>(<gap>])".replace("])", ")]")), ("regular", "<gap>c<gap>"),
        ("counted", "a<gap>b"), ("nested", '{"a":[<gap>,[]]<gap>'), ("names", '{"<gap>":1<gap>}'),
        ("names", '{"a":1,"<gap>":1}'),
    ],
)  # fmt: skip
def test_what_stands_stays_and_the_whole_is_in_the_language(by_name, name, text):
    toy = by_name[name]
    parts = text.split("<gap>")
    for seed, temperature in itertools.product(range(8), (0.0, 1.0)):
        model = Reader(toy.vocabulary, random_table(toy.end + 1, seed))
        filled = Filler(
            model, toy.automaton, template(text), temperature=temperature, seed=seed, max_tokens=5
        ).fill()
        assert toy.judge(filled.text), filled.text
        woven = [parts[0], *(x for pair in zip(filled.gaps, parts[1:], strict=True) for x in pair)]
        assert filled.text == "".join(woven)
        for number, gap in enumerate(filled.gaps):
            assert b"".join(w.data for w in filled.written if w.gap == number) == gap.encode()


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 9},
        "age": {"type": "integer"},
        "on": {"type": "boolean"},
    },
    "required": ["name", "age", "on"],
    "additionalProperties": False,
}


def test_a_record_is_filled_through_the_public_function():
    for seed in range(4):
        model = Reader(PRINTABLE, random_table(len(PRINTABLE), seed))
        text = '{"name": "<gap>", "age": <gap>, "on": <gap>}'
        out = treadle.infill(
            text, schema=SCHEMA, model=model, max_tokens=12, temperature=1.0, seed=seed, limits=None
        )
        value = json.loads(out)
        assert list(value) == ["name", "age", "on"]
        jsonschema.validate(value, SCHEMA)


def test_a_masked_model_fills_a_number_of_cells():
    wide = Vocabulary([*PRINTABLE.tokens, None], eos_ids=102, special_ids=[103])
    model = MaskedTable(wide, 103, random_masked_table(len(wide)))
    filled = treadle.infill(
        '{"name": "<gap>", "age": 7, "on": <gap>}', schema=SCHEMA, model=model, slots=5, return_result=True
    )
    value = json.loads(filled.text)
    assert value["age"] == 7 and len(filled.written) == 10
    assert filled.text == f'{{"name": "{filled.gaps[0]}", "age": 7, "on": {filled.gaps[1]}}}'


def test_a_gap_ends_inside_a_token_that_goes_on_with_the_template():
    quote = PRINTABLE.tokens.index(b'",')
    letter = PRINTABLE.tokens.index(b"x")

    def table(prefix):
        row = np.zeros(len(PRINTABLE), np.float32)
        row[letter if prefix[-1] != letter else quote] = 9.0
        return row

    text = '{"name": "<gap>", "age": 1, "on": true}'
    assert treadle.infill(text, schema=SCHEMA, model=Reader(PRINTABLE, table)) == text.replace("<gap>", "x")


def test_fill_in_the_middle_models_see_the_text_behind_the_gap(by_name):
    toy, seen = by_name["dyck"], []

    def table(prefix):
        seen.append(prefix)
        return np.zeros(3, np.float32)

    Filler(
        Reader(toy.vocabulary, table), toy.automaton, template("(<gap>)"), fim=Fim(10, 11, 12), max_tokens=1
    ).fill()
    assert seen[0] == (10, 0, 11, 1, 12)


def test_what_cannot_be_filled_and_wrong_arguments_are_refused(by_name):
    model = Reader(PRINTABLE, random_table(len(PRINTABLE)))
    with pytest.raises(UnsatisfiableConstraint):
        treadle.infill("ab<gap>", regex="b.*", model=model)
    with pytest.raises(InvalidConstraint):
        treadle.infill("<gap>", model=model)
    with pytest.raises(InvalidConstraint):
        treadle.infill("<gap>", regex="a", model=model, max_tokens=0)
    with pytest.raises(InvalidConstraint):
        treadle.infill("a", regex="a", model=model, gap="")
