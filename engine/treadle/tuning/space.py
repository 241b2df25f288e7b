"""`Space`: which configurations there are. Strategies with ranges for their options, constraints, parameters.

    Space({"greedy": {}, "beam": {"width": Between(2, 8)}}, optional=("tests",), always=("grammar",),
          parameters={"temperature": Between(0.3, 1.5, log=True)})

`usual` is a space for whoever has none in mind: what is likely may be what is good (greedy, beams), roughly so (draws
and a vote, or the best of several by what the task can tell), or not at all (tree search with that as its reward);
which of them holds for a task is what tuning finds out. Source: Josifoski et al. 2023 (likelihood and utility).

As data (a JSON or TOML file) a range is {"low": 2, "high": 8, "log": false} or {"choices": [...]}; anything else is a
constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from treadle.decoding.strategies import NAMES
from treadle.errors import InvalidConstraint
from treadle.tuning.configuration import Configuration, read_table
from treadle.tuning.task import KINDS, Task


class Suggesting(Protocol):
    """What a trial of optuna offers."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Between:
    """Numbers from low to high; whole ones if both are."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.high or (self.log and self.low <= 0):
            raise InvalidConstraint(
                "an empty range", found=f"{self.low} to {self.high}", expected="low <= high, above 0 for log"
            )

    def suggest(self, trial: Suggesting, name: str) -> Any:
        """A number."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def to_data(self) -> Any:
        """As plain data."""
        return {"low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several values."""

    choices: tuple[Any, ...]

    def __init__(self, *choices: Any) -> None:
        object.__setattr__(self, "choices", choices)
        if not choices:
            raise InvalidConstraint("an empty range", found="no choices", expected="one or more")

    def suggest(self, trial: Suggesting, name: str) -> Any:
        """A value."""
        return trial.suggest_categorical(name, list(self.choices))

    def to_data(self) -> Any:
        """As plain data."""
        return {"choices": list(self.choices)}


@dataclass(frozen=True)
class Space:
    """Which configurations there are."""

    #: Strategy -> option -> range or constant.
    strategies: Mapping[str, Mapping[str, Any]]
    #: Components that may be on or off, and such that are always on.
    optional: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.strategies:
            raise InvalidConstraint("a space without strategies", expected=", ".join(NAMES))
        for name in self.strategies:
            if name not in NAMES:
                raise InvalidConstraint("no such strategy", found=name, expected=", ".join(NAMES))

    def suggest(self, trial: Suggesting) -> Configuration:
        """The configuration that a trial is about."""
        strategy = trial.suggest_categorical("strategy", list(self.strategies))
        options = {
            name: _suggested(trial, f"{strategy}.{name}", value)
            for name, value in self.strategies[strategy].items()
        }
        chosen = [name for name in self.optional if trial.suggest_categorical(f"with {name}", [True, False])]
        parameters = {name: _suggested(trial, name, value) for name, value in self.parameters.items()}
        return Configuration(strategy, options, (*self.always, *chosen), parameters)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "strategies": {name: _data(options) for name, options in self.strategies.items()},
            "optional": list(self.optional),
            "always": list(self.always),
            "parameters": _data(self.parameters),
        }

    @classmethod
    def from_dict(cls, data: Any, where: str = "space") -> Space:
        """From plain data; whatever is wrong is named."""
        parts = ("strategies", "optional", "always", "parameters")
        if not isinstance(data, dict) or not isinstance(data.get("strategies"), dict):
            raise InvalidConstraint("not a space", where=where, expected="a table with strategies")
        for name in data:
            if name not in parts:
                raise InvalidConstraint("no such part", where=where, found=name, expected=", ".join(parts))
        return cls(
            {name: _ranges(options) for name, options in data["strategies"].items()},
            tuple(data.get("optional", ())),
            tuple(data.get("always", ())),
            _ranges(data.get("parameters", {})),
        )

    @classmethod
    def load(cls, path: str | Path) -> Space:
        """Read a JSON or TOML file."""
        return cls.from_dict(read_table(path), str(path))


def usual(task: Task) -> Space:
    """Strategies from the plain to the costly; masks always on, other components on or off."""
    names: dict[str, list[str]] = {
        kind: [n for n, one in task.components.items() if one.kind == kind] for kind in KINDS
    }
    strategies: dict[str, dict[str, Any]] = {
        "greedy": {},
        "beam": {"width": Between(2, 8)},
        "mbr": {"candidates": Between(4, 16)},
        "best_of": {"samples": Between(2, 16, log=True)},
    }
    if names["score"]:
        strategies["mcts"] = {
            "rollouts": Between(8, 64, log=True),
            "width": Between(2, 5),
            "ucb_constant": Between(0.25, 8.0, log=True),
        }
    return Space(
        strategies,
        optional=(*names["prune"], *names["score"], *names["verify"]),
        always=tuple(names["mask"][:1]),
        parameters={"temperature": Between(0.3, 1.2)},
    )


def _suggested(trial: Suggesting, name: str, value: Any) -> Any:
    return value.suggest(trial, name) if isinstance(value, (Between, OneOf)) else value


def _data(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.to_data() if isinstance(value, (Between, OneOf)) else value for name, value in table.items()
    }  # fmt: skip


def _ranges(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _range(value) for name, value in table.items()}


def _range(value: Any) -> Any:
    if isinstance(value, dict) and "choices" in value:
        return OneOf(*value["choices"])
    if isinstance(value, dict) and {"low", "high"} <= set(value):
        return Between(value["low"], value["high"], bool(value.get("log", False)))
    return value
