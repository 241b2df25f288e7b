"""TreeCoder: the laws of its card for configurations, and the tuner, on a toy language with a table as the model.

What the tuner says is checked by evaluating again; what an interrupt may not change, by interrupting.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import pytest

import treadle
from decoding.searching import find
from decoding.toys import Table, dyck
from decoding.tuning_toys import COUNT, SPACE, texts, toy_task, tuned, worth
from treadle.decoding.draws import Draws
from treadle.decoding.sampling import Greedy
from treadle.errors import InvalidConstraint
from treadle.tuning import Budget, Component, Configuration, evaluate, reproduce, tune
from treadle.tuning import tuner as tuner_module
from treadle.tuning.evaluation import Bench
from treadle.tuning.tuner import parts, split

pytest.importorskip("optuna")
FIVE = ("greedy", "sampling", "beam", "best_of", "mcts")


# -- configurations --------------------------------------------------------------------------------------------------


def test_greedy_without_constraints_is_plain_greedy():
    task, toy = toy_task(), dyck()
    found = evaluate(Configuration(), task)
    for example, one in zip(task.examples, found.outcomes, strict=True):
        prefix, table = list(example.prompt), task.model.table
        written: list[int] = []
        while len(written) < task.max_tokens:
            row = table(tuple(prefix + written))[: len(toy.vocabulary)]
            token = int(row.argmax())
            if token == toy.end:
                break
            written.append(token)
        assert one.text.encode() == toy.vocabulary.decode_bytes(written)


@pytest.mark.parametrize("strategy", FIVE)
def test_a_constraint_that_is_always_true_changes_nothing(strategy):
    plain = Configuration(strategy, {}, ("grammar",))
    for more in ("true", "true everywhere", "nothing"):
        if more == "nothing" and strategy in ("mcts", "beam"):
            continue  # to MCTS it is the reward, and a beam that has scorers may not stop early
        assert texts(replace(plain, constraints=("grammar", more)), seed=3) == texts(plain, seed=3)


@pytest.mark.parametrize("strategy", FIVE)
@pytest.mark.parametrize("constraint", ["false", "false everywhere"])
def test_a_constraint_that_is_never_true_leaves_nothing_and_says_so(strategy, constraint):
    found = evaluate(Configuration(strategy, {}, ("grammar", constraint)), toy_task())
    for one in found.outcomes:
        assert one.text is None and one.score == 0.0 and "constraints" in one.reason
    assert found.score == 0.0 and found.constraint_calls > 0 and found.model_calls > 0


@pytest.mark.parametrize("strategy", FIVE)
def test_every_text_satisfies_every_hard_constraint(strategy):
    found = evaluate(Configuration(strategy, {}, ("grammar", "brackets", "square")), toy_task(), seed=5)
    written = [one.text for one in found.outcomes if one.text is not None]
    assert len(written) > COUNT / 2
    assert all(text in dyck().texts and len(text) < 7 and "[" in text for text in written)


# -- the tuner -------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _calm():
    # Of optuna's own making: features it calls experimental, connections that its storage leaves to the collector.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def test_the_tuner_repeats_itself_and_reports_what_it_measured(tmp_path):
    one, other = tuned(), tuned()
    assert one == other and one.to_dict() == other.to_dict()
    assert [trial.configuration for trial in tuned(seed=1).trials] != [t.configuration for t in one.trials]
    assert one.best in one.trials and one.best.state == "complete"
    assert one.best.score == max(trial.score for trial in one.trials if trial.state == "complete")
    task = toy_task()
    for trial in one.trials:
        if trial.state == "complete":
            again = evaluate(trial.configuration, task, one.dev, one.seed)
            assert math.isclose(again.score, trial.score, rel_tol=1e-12)
            assert trial.model_calls in (0, again.model_calls)
    assert one.held_out_score == evaluate(one.configuration, task, one.held_out, one.seed).score
    one.save(tmp_path / "tuned.json")
    dev, held_out = reproduce(tmp_path / "tuned.json", task)
    assert (dev, held_out) == (pytest.approx(one.best.score, rel=1e-12), one.held_out_score)


def test_the_split_keeps_apart_what_is_held_out():
    for count in range(1, 30):
        dev, rest = split(count, 0.5, 3)
        assert sorted(dev + rest) == list(range(count)) and dev
        assert sorted(n for part in parts(dev, 4) for n in part) == dev and all(parts(dev, 4))
    asked = set()

    def metric(example, text):
        asked.add(example.data)
        return worth(example, text)

    one = tuned(5, task=toy_task(metric=metric), held_out=0.5)
    assert asked == {*one.dev, *one.held_out}
    asked.clear()
    real = Bench.evaluate
    seen = []

    def watch(self, configuration, numbers=None, seed=0):
        seen.append((configuration, tuple(numbers)))
        return real(self, configuration, numbers, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bench, "evaluate", watch)
        tuned(8)
    # Only the last evaluation is of what was held out, and it is of one configuration.
    assert [n for _, n in seen if set(n) & set(one.held_out)] == [one.held_out]
    assert seen[-1][1] == one.held_out


def test_tunings_with_several_seeds_may_share_their_halves():
    halves = {(one.dev, one.held_out) for one in (tuned(1, seed=seed, split_seed=5) for seed in range(3))}
    assert halves == {tuple(map(tuple, split(COUNT, 0.5, 5)))}
    assert tuned(1, seed=5).dev in {dev for dev, _ in halves}
    assert len({tuned(1, seed=seed).dev for seed in range(3)}) > 1


class Interrupts:
    """A metric that is interrupted at some of its calls."""

    def __init__(self, *at: int) -> None:
        self.at, self.calls = set(at), 0

    def __call__(self, example, text):
        self.calls += 1
        if self.calls in self.at:
            raise KeyboardInterrupt
        return worth(example, text)


@pytest.mark.parametrize("at", [(1,), (20, 33)])
def test_an_interrupt_changes_nothing_in_the_end(at, tmp_path):
    whole = tuned(9)
    task = toy_task(metric=Interrupts(*at))
    for _ in at:
        part = tuned(9, task=task, study=tmp_path / "cut.sqlite")
        assert part.ended == "interrupted" and len(part.trials) < 9 and part.held_out_score is None
    resumed = tuned(9, task=task, study=tmp_path / "cut.sqlite")
    assert resumed == whole


def test_a_study_is_gone_on_with_and_one_of_another_task_refused(tmp_path):
    path = tmp_path / "study.sqlite"
    tuned(4, study=path)
    assert tuned(8, study=path).trials == tuned(8).trials
    with pytest.raises(InvalidConstraint, match="something else"):
        tuned(4, study=path, seed=1)
    for wrong in (tmp_path / "gone" / "study.sqlite", tmp_path / "text.sqlite"):
        (tmp_path / "text.sqlite").write_text("no database, but a text that is long enough to be none" * 20)
        with pytest.raises(InvalidConstraint, match="cannot be opened"):
            tuned(4, study=wrong)


def test_budgets_of_calls_end_the_search():
    for budget, reason in (
        (Budget(50, model_calls=400), "model calls"),
        (Budget(50, constraint_calls=60), "constraint calls"),
    ):
        one = tune(toy_task(), SPACE, budget, seed=0)
        assert one.ended == reason and 0 < len(one.trials) < 50
    spent = [sum(t.model_calls for t in tune(toy_task(), SPACE, Budget(50, n)).trials) for n in (200, 800)]
    assert spent[0] < spent[1]
    empty = tune(toy_task(), SPACE, Budget(50, model_calls=1))
    assert empty.best is None and empty.ended == "model calls" and empty.held_out_score is None
    with pytest.raises(InvalidConstraint):
        empty.configuration  # noqa: B018


def test_without_a_space_the_usual_one_is_searched():
    one = tune(toy_task(second=Component("mask", lambda example: dyck().compiled)), budget=6)
    assert set(one.space.strategies) == {"greedy", "beam", "mbr", "best_of", "mcts"}
    assert one.space.always == ("grammar",) and "reward" in one.space.optional
    plain = replace(toy_task(), components={})
    assert "mcts" not in tune(plain, budget=1).space.strategies


def test_pruned_trials_are_cheaper_and_never_the_best():
    one = tune(toy_task(), SPACE, 40, seed=2)
    pruned = [trial for trial in one.trials if trial.state == "pruned"]
    assert pruned and one.best.state == "complete"
    assert all(
        trial.state == "complete" for trial in tune(toy_task(), SPACE, 15, seed=2, pruning=False).trials
    )


def test_tuning_is_at_least_as_good_on_dev_as_every_default_it_tried():
    one = tuned(40)
    for trial in one.trials:
        assert trial.state == "pruned" or trial.score <= one.best.score


def test_a_report_is_one_file_and_the_same_each_time(tmp_path):
    pytest.importorskip("matplotlib")
    one = tuned(8)
    one.report(tmp_path / "a.html")
    one.report(tmp_path / "b.html")
    text = (tmp_path / "a.html").read_text()
    assert text == (tmp_path / "b.html").read_text()
    assert text.count("<svg") == 3 and f"{one.held_out_score:.4f}" in text and "<script" not in text
    replace(one, trials=(), best=None, held_out_score=None).report(tmp_path / "c.html")
    assert "No trial" in (tmp_path / "c.html").read_text()


# -- mutants ---------------------------------------------------------------------------------------------------------


class ByProcess:
    """The seed of a trial by how often this process has asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, done):
        self.calls += 1
        return self.calls


def best_of_all(trial):
    """The best score, whatever it is of."""
    return -trial.score, 0, 0


def seed_by_all_trials(self, done):
    """The seed of a trial by all that were begun, those that an interrupt cut short among them."""
    return 1000 * self.seed + len(self.study.trials)


def nothing_held_out(count, held_out, seed):
    """Tuning on the test set."""
    return list(range(count)), list(range(count // 2))


MUTANTS = {
    "seeds by the process": (
        tuner_module.Tuning, "_seed", ByProcess(), test_the_tuner_repeats_itself_and_reports_what_it_measured,
    ),
    "the worst is the best": (
        tuner_module, "_rank", best_of_all, test_the_tuner_repeats_itself_and_reports_what_it_measured,
    ),
    "seeds by trials begun": (
        tuner_module.Tuning, "_seed", seed_by_all_trials,
        lambda path: test_an_interrupt_changes_nothing_in_the_end((20,), path),
    ),
    "tuned on all": (
        tuner_module, "split", nothing_held_out, lambda path: test_the_split_keeps_apart_what_is_held_out(),
    ),
    "budgets ignored": (Budget, "exceeded", lambda *spent: None, lambda path: test_budgets_of_calls_end_the_search()),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name, monkeypatch, tmp_path):
    place, attribute, mutant, test = MUTANTS[name]
    monkeypatch.setattr(place, attribute, mutant)
    with pytest.raises(AssertionError):
        test(tmp_path)


def test_names_are_public():
    assert treadle.tune is tune and treadle.Configuration is Configuration
    [greedy] = find(dyck(), Table(10, 0), Draws(Greedy()))
    assert greedy.text in dyck().texts
