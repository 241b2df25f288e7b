"""`tune`: the best configuration of a space for a task, by Bayesian optimisation on one part of its examples.

In: a task, a space, a budget. Out: the best configuration with its score on the part that was tuned on (*dev*) and on
the part that nothing was chosen by (*held-out*), every trial, and what they cost. optuna's tree-structured Parzen
estimator proposes; examples are taken in folds, and a trial that is behind the median after a fold is given up.

Resuming. A study in an SQLite file is gone on with where it stopped, and comes to what an uninterrupted run comes to:
before each trial the sampler gets a new generator, seeded by the seed and by how many trials have *ended*, so it
depends on nothing that an interrupt could lose; a trial that was cut short is thrown away and made anew. Evaluations
have seeds of their own, the same for every trial. Nothing depends on the clock.

Only trials that were evaluated on all of dev can be the best; the report repeats what was measured, and `reproduce`
measures it again from the file.
Source: TreeCoder, arXiv 2511.22277 (the space); Bergstra et al. 2011 (TPE); Akiba et al. 2019 (optuna).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from treadle.errors import InvalidConstraint
from treadle.integrations.packages import require
from treadle.tuning.configuration import Configuration, read_table
from treadle.tuning.evaluation import Bench, Evaluation
from treadle.tuning.space import Space, usual
from treadle.tuning.task import Task

State = Literal["complete", "pruned"]
Ended = Literal["trials", "model calls", "constraint calls", "interrupted"]
_STUDY = "treadle"


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop: whatever is reached first."""

    trials: int = 30
    model_calls: int | None = None
    constraint_calls: int | None = None

    def __post_init__(self) -> None:
        for name in ("trials", "model_calls", "constraint_calls"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidConstraint(f"{name} is out of range", found=str(value), expected="1 or more")

    def exceeded(self, model_calls: int, constraint_calls: int) -> Ended | None:
        """What is used up, if anything."""
        if self.model_calls is not None and model_calls >= self.model_calls:
            return "model calls"
        if self.constraint_calls is not None and constraint_calls >= self.constraint_calls:
            return "constraint calls"
        return None


@dataclass(frozen=True, slots=True)
class Trial:
    """A configuration that was tried."""

    number: int
    state: State
    configuration: Configuration
    #: On dev, or on the folds it came to if it was pruned.
    score: float
    model_calls: int
    constraint_calls: int

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            **{name: getattr(self, name) for name in ("number", "state", "score", "model_calls", "constraint_calls")},
            "configuration": self.configuration.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True)
class Tuned:
    """What a tuning came to."""

    task: str
    seed: int
    space: Space
    budget: Budget
    dev: tuple[int, ...]
    held_out: tuple[int, ...]
    trials: tuple[Trial, ...]
    #: None where no trial was completed.
    best: Trial | None
    held_out_score: float | None
    ended: Ended

    @property
    def configuration(self) -> Configuration:
        """The best one."""
        if self.best is None:
            raise InvalidConstraint("nothing was evaluated", found=self.ended, expected="a larger budget")
        return self.best.configuration

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "task": self.task,
            "seed": self.seed,
            "space": self.space.to_dict(),
            "budget": asdict(self.budget),
            "dev": list(self.dev),
            "held_out": list(self.held_out),
            "ended": self.ended,
            "best": None if self.best is None else self.best.to_dict(),
            "held_out_score": self.held_out_score,
            "trials": [trial.to_dict() for trial in self.trials],
        }

    def save(self, path: str | Path) -> None:
        """Write it as JSON, which `reproduce` measures again."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1) + "\n", "utf-8")

    def report(self, path: str | Path) -> None:
        """Write one HTML file with plots (needs matplotlib)."""
        from treadle.tuning.report import page

        Path(path).write_text(page(self), "utf-8")


def tune(
    task: Task,
    space: Space | None = None,
    budget: Budget | int | None = None,
    *,
    seed: int = 0,
    split_seed: int | None = None,
    study: str | Path | None = None,
    held_out: float = 0.5,
    folds: int = 4,
    pruning: bool = True,
    progress: Callable[[Trial], None] | None = None,
    bench: Bench | None = None,
) -> Tuned:
    """Search a space for the configuration that scores best on a part of a task's examples.

    Without a space it is the usual one (space.py). `study` names an SQLite file that keeps the trials; a study that is
    there is gone on with. `held_out` is the share of examples that nothing is chosen by; `split_seed` says which these
    are (`seed` if it is not given), so that tunings with several seeds can be compared on one half. Ctrl-C ends the
    search with what there is.
    """
    require("optuna", "tuning", "pip install 'treadle[tune]'")
    space = usual(task) if space is None else space
    given = Budget(budget) if isinstance(budget, int) else budget or Budget()
    dev, rest = split(len(task.examples), held_out, seed if split_seed is None else split_seed)
    settings = {
        "task": task.name,
        "seed": seed,
        "space": space.to_dict(),
        "dev": dev,
        "folds": folds,
        "pruning": pruning,
    }
    tuning = Tuning(
        bench or Bench(task), space, given, seed, parts(dev, folds), pruning, _opened(study, settings)
    )
    ended: Ended = "trials"
    with _quiet():
        try:
            ended = tuning.run(progress)
        except KeyboardInterrupt:
            ended = "interrupted"
        trials = tuning.ended()
    best = max((trial for trial in trials if trial.state == "complete"), key=_rank, default=None)
    tuned = Tuned(task.name, seed, space, given, tuple(dev), tuple(rest), trials, best, None, ended)
    if best is None or not rest or ended == "interrupted":
        return tuned
    score = tuning.bench.evaluate(best.configuration, rest, seed).score
    return replace(tuned, held_out_score=score)


def _rank(trial: Trial) -> tuple[float, int, int]:
    """The higher score, then the cheaper, then the earlier."""
    return trial.score, -trial.model_calls, -trial.number


def reproduce(path: str | Path, task: Task, bench: Bench | None = None) -> tuple[float, float | None]:
    """(dev score, held-out score) of the best configuration of a file that `Tuned.save` wrote, measured again."""
    data = read_table(path)
    try:
        configuration = Configuration.from_dict(data["best"]["configuration"], str(path))
        dev, rest, seed, name = data["dev"], data["held_out"], data["seed"], data["task"]
    except (KeyError, TypeError) as error:
        raise InvalidConstraint(
            "not a tuning with a best trial", where=str(path), found=repr(error)
        ) from error
    if name != task.name:
        raise InvalidConstraint("a tuning of another task", where=str(path), found=name, expected=task.name)
    bench = bench or Bench(task)
    score = bench.evaluate(configuration, dev, seed).score
    return score, bench.evaluate(configuration, rest, seed).score if rest else None


def split(count: int, held_out: float, seed: int) -> tuple[list[int], list[int]]:
    """(numbers to tune on, numbers to hold out), by the seed."""
    if not 0 <= held_out < 1:
        raise InvalidConstraint("held_out is out of range", found=str(held_out), expected="from 0 to below 1")
    order = np.random.default_rng([seed, count]).permutation(count).tolist()
    kept = min(round(count * held_out), count - 1)
    return sorted(order[kept:]), sorted(order[:kept])


def parts(numbers: Sequence[int], folds: int) -> list[list[int]]:
    """At most `folds` parts of nearly one size, none empty."""
    count = max(1, min(folds, len(numbers)))
    return [list(numbers[k::count]) for k in range(count)]


@dataclass
class Tuning:
    """A study being made."""

    bench: Bench
    space: Space
    budget: Budget
    seed: int
    folds: list[list[int]]
    pruning: bool
    study: Any
    _known: dict[Configuration, Trial] = field(default_factory=dict)

    def run(self, progress: Callable[[Trial], None] | None) -> Ended:
        """Trials until the budget is used up."""
        import optuna

        for trial in self.study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
            # Cut short by an interrupt, and made anew below.
            self.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        self.study.pruner = optuna.pruners.MedianPruner(n_startup_trials=5)
        while True:
            done = self.ended()
            self._known = {trial.configuration: trial for trial in done if trial.state == "complete"}
            if len(done) >= self.budget.trials:
                return "trials"
            spent = [sum(trial.model_calls for trial in done), sum(trial.constraint_calls for trial in done)]
            used = self.budget.exceeded(*spent)
            if used is None:
                self.study.sampler = optuna.samplers.TPESampler(seed=self._seed(len(done)))
                used = self._trial(self.study.ask(), spent)
            if used is not None:
                return used
            if progress is not None:
                progress(self.ended()[-1])

    def _seed(self, done: int) -> int:
        return int(np.random.default_rng([self.seed, done]).integers(2**31))

    def _trial(self, trial: Any, spent: Sequence[int]) -> Ended | None:
        """Evaluate a proposal fold by fold; what is used up by it, if it had to be left."""
        import optuna

        states = optuna.trial.TrialState
        configuration = self.space.suggest(trial)
        trial.set_user_attr("configuration", configuration.to_dict())
        known = self._known.get(configuration)
        if known is not None:
            # Evaluations are repeatable, so there is nothing new to learn, and nothing to pay.
            self._tell(trial, known.score, Evaluation(), states.COMPLETE)
            return None
        found, score = Evaluation(), 0.0
        for step, numbers in enumerate(self.folds):
            found = found + self.bench.evaluate(configuration, numbers, self.seed)
            used = self.budget.exceeded(spent[0] + found.model_calls, spent[1] + found.constraint_calls)
            last = step == len(self.folds) - 1
            if used is not None and not last:
                self.study.tell(trial, state=states.FAIL)
                return used
            score = found.score
            trial.report(score, step)
            if self.pruning and not last and trial.should_prune():
                self._tell(trial, score, found, states.PRUNED)
                return None
        self._tell(trial, score, found, states.COMPLETE)
        return None

    def _tell(self, trial: Any, score: float, found: Evaluation, state: Any) -> None:
        trial.set_user_attr("score", score)
        trial.set_user_attr("model_calls", found.model_calls)
        trial.set_user_attr("constraint_calls", found.constraint_calls)
        self.study.tell(trial, score if state.name == "COMPLETE" else None, state=state)

    def ended(self) -> tuple[Trial, ...]:
        """The trials that came to something, in order, numbered without those that were cut short."""
        import optuna

        states = optuna.trial.TrialState
        found = self.study.get_trials(deepcopy=False, states=[states.COMPLETE, states.PRUNED])
        return tuple(
            Trial(
                number,
                "complete" if trial.state == states.COMPLETE else "pruned",
                Configuration.from_dict(trial.user_attrs["configuration"]),
                trial.user_attrs["score"],
                trial.user_attrs["model_calls"],
                trial.user_attrs["constraint_calls"],
            )
            for number, trial in enumerate(found)
        )


def _opened(path: str | Path | None, settings: dict[str, Any]) -> Any:
    """A study in a file, or in memory; one that was made for something else is refused."""
    import optuna

    stamp = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    with _quiet():
        storage = None if path is None else f"sqlite:///{_prepared(Path(path))}"
        study = optuna.create_study(
            study_name=_STUDY, storage=storage, direction="maximize", load_if_exists=True
        )
        known = study.user_attrs.get("settings")
        if known is None:
            study.set_user_attr("settings", stamp)
        elif known != stamp:
            raise InvalidConstraint(
                "the study is about something else",
                where=str(path),
                found="other settings",
                expected="the task, space, seed, split and folds it was begun with, or a new file",
            )
    return study


def _prepared(path: Path) -> Path:
    """The file, with a write-ahead log: one write to the disk for each step of a trial in place of three."""
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error as error:
        raise InvalidConstraint(
            "the study cannot be opened", where=str(path), found=str(error), expected="an SQLite file, or none yet"
        ) from error  # fmt: skip
    return path.resolve()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """optuna reports every trial on standard error; whoever wants that gets it back."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
