"""A configuration on examples: what it writes, what the metric says of that, and what it cost.

Every example gets the same seed in every configuration, and all are decoded side by side. Costs are counted in *model
calls* (prefixes that the model read for an example, however they were batched) and *constraint calls* (calls of prune,
score and verify functions). An example for which nothing could be written scores 0, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from treadle.decoding.components import Check, Scorer
from treadle.decoding.problem import Problem
from treadle.decoding.scores import Temperature
from treadle.decoding.solving import solve
from treadle.decoding.unconstrained import Unconstrained
from treadle.errors import InvalidConstraint
from treadle.tuning.configuration import Configuration
from treadle.tuning.task import Example, Task

if TYPE_CHECKING:
    from treadle.decoding.results import Result

#: Apart from each other, so that neighbours draw different numbers.
_SEEDS_APART = 7919


@dataclass(frozen=True, slots=True)
class Outcome:
    """One example."""

    #: None where nothing was written, for the reason given.
    text: str | None
    score: float
    model_calls: int
    constraint_calls: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Several examples."""

    outcomes: tuple[Outcome, ...] = ()

    @property
    def score(self) -> float:
        """The mean."""
        return sum(one.score for one in self.outcomes) / len(self.outcomes) if self.outcomes else 0.0

    @property
    def model_calls(self) -> int:
        return sum(one.model_calls for one in self.outcomes)

    @property
    def constraint_calls(self) -> int:
        return sum(one.constraint_calls for one in self.outcomes)

    def __add__(self, other: Evaluation) -> Evaluation:
        return Evaluation(self.outcomes + other.outcomes)


@dataclass
class Bench:
    """A task with its model loaded and its constraints compiled, kept from one evaluation to the next."""

    task: Task
    #: Rows of one forward pass at most.
    rows: int = 64
    _automata: dict[tuple[str, int], Any] = field(default_factory=dict)
    _compiled: dict[int, tuple[Any, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from treadle.integrations.models import load

        self.model: Any = load(self.task.model)
        self._free = Unconstrained(self.model.vocabulary)

    def evaluate(
        self, configuration: Configuration, numbers: Sequence[int] | None = None, seed: int = 0
    ) -> Evaluation:
        """The outcomes of the examples with these numbers; of all if none are given."""
        numbers = range(len(self.task.examples)) if numbers is None else numbers
        asked = [self._asked(configuration, number, seed) for number in numbers]
        strategy = configuration.build()
        found = solve(self.model, [one.problem for one in asked], strategy, rows=self.rows)
        return Evaluation(tuple(map(self._outcome, asked, found)))

    def _outcome(self, asked: Asked, results: list[Result]) -> Outcome:
        calls = asked.watch.masks
        if not results:
            return Outcome(
                None, 0.0, calls, asked.counted.calls, "nothing that the constraints admit was found"
            )
        text = results[0].text
        score = float(self.task.metric(asked.example, text))
        if math.isnan(score):
            raise InvalidConstraint("the metric gave no number", where=self.task.name, found=repr(score))
        return Outcome(text, score, calls, asked.counted.calls)

    def _asked(self, configuration: Configuration, number: int, seed: int) -> Asked:
        example, given = self.task.examples[number], configuration.parameters
        counted = Counted()
        checks: list[Check] = []
        scorers: list[Scorer] = []
        automaton: Any = None
        for name in configuration.constraints:
            component = self.task.component(name)
            if component.kind == "mask":
                if automaton is not None:
                    raise InvalidConstraint("two masks", found=name, expected="one; join them with &")
                automaton = self._automaton(name, number)
                continue
            function = counted.counting(component.make(example))
            if component.kind == "score":
                scorers.append(Scorer(function, float(given.get(f"weight.{name}", 1.0)), "final"))
            else:
                checks.append(Check(function, "partial" if component.kind == "prune" else "final"))
        watch = Watch(self._free if automaton is None else automaton)
        temperature = given.get("temperature")
        problem = Problem(
            tuple(self._prompt(example)),
            watch,
            self.model.vocabulary,
            max_tokens=int(given.get("max_tokens", self.task.max_tokens)),
            n=int(given.get("n", 1)),
            seed=seed + _SEEDS_APART * number,
            forced_runs=bool(given.get("forced_runs", True)),
            reweight=() if temperature is None else (Temperature(float(temperature)),),
            checks=tuple(checks),
            scorers=tuple(scorers),
            expansions=given.get("expansions"),
        )
        return Asked(example, problem, counted, watch)

    def _prompt(self, example: Example) -> Sequence[int]:
        if hasattr(self.model, "encode"):
            return list(self.model.encode(example.prompt, self.task.chat))
        if isinstance(example.prompt, str):
            return list(self.model.vocabulary.encode(example.prompt))
        return list(example.prompt)

    def _automaton(self, name: str, number: int) -> Any:
        """The compiled mask of an example; constraints that are one object are compiled once."""
        if (name, number) not in self._automata:
            made = self.task.component(name).make(self.task.examples[number])
            if id(made) not in self._compiled:
                self._compiled[id(made)] = (made, self._built(made))
            self._automata[name, number] = self._compiled[id(made)][1]
        return self._automata[name, number]

    def _built(self, made: Any) -> Any:
        from treadle import constraints

        if hasattr(made, "mask") and hasattr(made, "advance"):
            return made
        compiled = made if hasattr(made, "automaton") else constraints.compile(made, self.model.vocabulary)
        return compiled.automaton


@dataclass
class Counted:
    """Functions that count how often they are called."""

    calls: int = 0

    def counting(self, function: Callable[[str], Any]) -> Callable[[str], Any]:
        """The same function, counted."""

        def count(text: str) -> Any:
            self.calls += 1
            return function(text)

        return count


class Watch:
    """An automaton that counts the masks that a search asks for: one for each prefix that the model has read."""

    def __init__(self, automaton: Any) -> None:
        self._automaton = automaton
        self.masks = 0
        self.DONE = automaton.DONE

    def __getattr__(self, name: str) -> Any:
        return getattr(self._automaton, name)

    def mask(self, state: int) -> Any:
        """The row of a state."""
        self.masks += 1
        return self._automaton.mask(state)


@dataclass(frozen=True)
class Asked:
    """An example as a search problem."""

    example: Example
    problem: Problem
    counted: Counted
    watch: Watch


def evaluate(
    configuration: Configuration, task: Task, numbers: Sequence[int] | None = None, seed: int = 0
) -> Evaluation:
    """What a configuration comes to on a task."""
    return Bench(task).evaluate(configuration, numbers, seed)
