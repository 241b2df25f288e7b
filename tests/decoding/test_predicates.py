"""Predicates beside constraints with masks, through `generate`, on a model that is a table."""

from __future__ import annotations

import re

import pytest

import treadle
from decoding.toys import vocabulary
from treadle import Choice, Grammar, JsonSchema, Predicate, Regex
from treadle.decoding.tables import TableModel, random_table
from treadle.errors import InvalidConstraint, UnsatisfiableConstraint, UnsupportedFeature
from treadle.predicates import split


class Words(TableModel):
    """A table that reads any prompt as its first token."""

    def encode(self, prompt, chat=None):
        return [0]


@pytest.fixture(scope="module")
def model():
    ours = vocabulary(*"0123456789", "12", "21", "77", '{"n":', *'{}":n')
    return Words(ours, random_table(len(ours), 3))


def sevens(text):
    return bool(text) and int(text) % 7 == 0


STRATEGIES = (
    "smc",
    "awrs",
    "asap",
    "cars",
    "beam:width=40",
    "cars:mask=false",
    "smc:proposal=masked,particles=60",
)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_meets_a_predicate(model, strategy):
    results = treadle.generate(
        "?", Regex("[0-9]{3}") & Predicate(sevens), model=model, strategy=strategy, n=20, seed=1,
        max_tokens=6,
    )  # fmt: skip
    assert results
    for one in results:
        assert re.fullmatch("[0-9]{3}", one.text)
        assert int(one.text) % 7 == 0


def test_the_keyword_is_the_same_and_smc_is_the_default(model):
    asked = {"model": model, "seed": 2, "n": 10, "max_tokens": 6}
    by_keyword = treadle.generate("?", regex="[0-9]{3}", predicate=sevens, **asked)
    by_object = treadle.generate("?", Regex("[0-9]{3}") & Predicate(sevens), strategy="smc", **asked)
    assert [one.text for one in by_keyword] == [one.text for one in by_object]
    assert "log_weight" in by_keyword[0].notes


def test_a_predicate_of_prefixes_prunes_them(model):
    def rising(text):
        return list(text) == sorted(text)

    seen = []
    watched = Predicate(lambda text: seen.append(text) or rising(text), when="partial")
    (one,) = treadle.generate(
        "?",
        Regex("[0-9]{5}") & watched,
        model=model,
        strategy="awrs",
        seed=3,
        return_results=True,
        max_tokens=6,
    )
    assert rising(one.text)
    assert any(len(text) < 5 for text in seen)


def test_a_predicate_alone_stands_beside_any_text(model):
    texts = treadle.generate(
        "?",
        predicate=Predicate(lambda text: text.isdigit(), when="partial"),
        model=model,
        n=8,
        seed=1,
        max_tokens=5,
    )
    assert texts
    assert all(one.text.isdigit() for one in texts)


@pytest.mark.parametrize(
    "constraint",
    [
        JsonSchema(
            {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
            whitespace="compact",
        ),
        Grammar('start: "{\\"n\\":" /[0-9]+/ "}"'),
        Choice(['{"n":12}', '{"n":21}', '{"n":77}']),
    ],
    ids=lambda one: type(one).__name__,
)
def test_every_kind_of_constraint_takes_a_predicate(model, constraint):
    def odd(text):
        return text[-2] in "13579"

    found = treadle.generate("?", constraint & Predicate(odd), model=model, seed=1, n=12, max_tokens=8)
    assert found
    for one in found:
        assert odd(one.text)
        assert treadle.check(constraint, one.text)


def test_several_predicates_are_all_asked():
    both = Predicate(str.isdigit) & Regex("[0-9a]+") & Predicate(lambda text: len(text) > 2)
    assert treadle.check(both, "123")
    assert not treadle.check(both, "12")
    assert not treadle.check(both, "12a")
    assert "predicate" in treadle.check(both, "12a").expected
    assert not treadle.check(both, "12b")
    constraint, checks = split(both)
    assert isinstance(constraint, Regex)
    assert len(checks) == 2


def test_what_only_has_masks_refuses_a_predicate(model):
    for constraint in (Predicate(sevens), Regex("[0-9]") & Predicate(sevens), Regex("a") | Predicate(sevens)):
        with pytest.raises(UnsupportedFeature):
            treadle.compile(constraint, model.vocabulary)
    with pytest.raises(UnsupportedFeature):
        Predicate(sevens) | Regex("a")


def test_what_cannot_be_joined_is_refused():
    with pytest.raises(UnsupportedFeature, match="one has to be a predicate"):
        (Regex("a") & Predicate(sevens)) & Regex("b")
    with pytest.raises(InvalidConstraint, match="not a constraint"):
        Predicate(sevens) & "text"
    with pytest.raises(InvalidConstraint, match="function"):
        Predicate("text")
    with pytest.raises(InvalidConstraint, match="when"):
        Predicate(sevens, when="sometimes")


def test_a_predicate_that_nothing_meets_is_an_error_with_a_reason(model):
    with pytest.warns(RuntimeWarning, match="particles died"), pytest.raises(UnsatisfiableConstraint):
        treadle.generate("?", regex="[0-9]{2}", predicate=lambda text: False, model=model, max_tokens=4)


def test_a_stream_meets_a_predicate(model):
    pieces = treadle.stream("?", Regex("[0-9]{3}") & Predicate(sevens), model=model, seed=1, max_tokens=6)
    assert int("".join(pieces)) % 7 == 0
