"""Configurations: what they count, what reaches the search, how they are written, what is refused."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import pytest

from decoding.toys import dyck
from decoding.tuning_toys import SPACE, texts, toy_task
from treadle.errors import InvalidConstraint
from treadle.tuning import Between, Budget, Component, Configuration, OneOf, Space, evaluate


def test_calls_are_counted():
    plain = evaluate(Configuration("greedy", {}, ("grammar",)), toy_task())
    checked = evaluate(Configuration("greedy", {}, ("grammar", "true", "true everywhere")), toy_task())
    assert plain.constraint_calls == 0 < plain.model_calls == checked.model_calls
    # One prune for each step, and both at the end.
    assert checked.constraint_calls == sum(one.model_calls + 1 for one in checked.outcomes)
    few = evaluate(Configuration("mcts", {"rollouts": 50}, ("grammar",), {"expansions": 7}), toy_task())
    assert all(one.model_calls <= 7 for one in few.outcomes)


def test_temperature_and_weights_reach_the_search():
    cold, hot = (
        texts(Configuration("best_of", {"samples": 1}, ("grammar",), {"temperature": t}), seed=1)
        for t in (1e-3, 50.0)
    )
    greedy = texts(Configuration("greedy", {}, ("grammar",)))
    assert cold == greedy != hot
    for sign in (100.0, -100.0):
        found = evaluate(
            Configuration("best_of", {"samples": 30}, ("grammar", "reward"), {"weight.reward": sign}),
            toy_task(),
        ).score
        assert (found > 0.6) == (sign > 0)


def test_a_configuration_survives_being_written(tmp_path):
    configuration = Configuration(
        "mcts",
        {"width": 2, "ucb_constant": 0.1 + 0.2, "ucb_base": math.inf, "backup": "mean", "skip_exhausted": False},
        ("grammar", 'na"me'),
        {"temperature": 1 / 3, "weight.a b": 2.5, "max_tokens": 7},
    )  # fmt: skip
    for name in ("one.json", "one.toml"):
        if name.endswith("toml") and sys.version_info < (3, 11):
            continue
        configuration.save(tmp_path / name)
        again = Configuration.load(tmp_path / name)
        assert again == configuration and hash(again) == hash(configuration)
        assert again.build() == configuration.build()
    with pytest.raises(TypeError):
        configuration.options["width"] = 3  # type: ignore[index]
    with pytest.raises(InvalidConstraint, match="null"):
        Configuration(options={"target": None}).save(tmp_path / "two.toml")
    assert Space.from_dict(json.loads(json.dumps(SPACE.to_dict()))) == SPACE


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ([], "table"), ({"strategy": 3}, "strategy"), ({"more": 1}, "no such part"), ({"options": []}, "options"),
        ({"parameters": {"tempo": 1}}, "tempo"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_named(data, match, tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InvalidConstraint, match=match):
        Configuration.load(path)


def test_what_is_wrong_is_refused():
    with pytest.raises(InvalidConstraint, match="component"):
        evaluate(Configuration(constraints=("unknown",)), toy_task())
    with pytest.raises(InvalidConstraint, match="strategy"):
        evaluate(Configuration("unknown"), toy_task())
    task = toy_task(second=Component("mask", lambda example: dyck().compiled))
    with pytest.raises(InvalidConstraint, match="two masks"):
        evaluate(Configuration(constraints=("grammar", "second")), task)
    for wrong in (
        lambda: Between(2, 1),
        lambda: Between(0, 1, True),
        OneOf,
        lambda: Space({}),
        lambda: Space({"x": {}}),
    ):
        with pytest.raises(InvalidConstraint):
            wrong()
    with pytest.raises(InvalidConstraint):
        Component("maybe", lambda example: None)
    with pytest.raises(InvalidConstraint):
        replace(toy_task(), examples=())
    with pytest.raises(InvalidConstraint):
        Budget(0)
