"""`Task`: examples with prompts, components that may constrain them, and a metric. What a tuner tunes for.

A *component* makes what it is for each example (the tests of a problem, the schema of a database), and has a kind:

    mask    a constraint (treadle.Grammar, JsonSchema, ...): hard, token by token
    prune   a function of a prefix that says whether it may go on: hard; it must refuse no prefix that can be mended
    score   a function of a finished text that gives a number: soft; MCTS and BestOf take it as the reward
    verify  a function of a finished text that says whether it may stand: hard

The *metric* judges the text that came out, from 0 to 1, and is never seen by a search: what a component knows at
decoding time (public tests) and what the metric knows (hidden tests) are kept apart by the task's author.
Source: TreeCoder, arXiv 2511.22277, for constraints as interchangeable components.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from treadle.errors import InvalidConstraint

Kind = Literal["mask", "prune", "score", "verify"]
KINDS = ("mask", "prune", "score", "verify")


@dataclass(frozen=True)
class Example:
    """A prompt, and whatever components and metric need to know of it."""

    prompt: Any
    data: Any = None


@dataclass(frozen=True)
class Component:
    """A constraint of a task."""

    kind: Kind
    #: Example -> a constraint, or a function of a text.
    make: Callable[[Example], Any]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidConstraint(
                "no such kind of component", found=repr(self.kind), expected=", ".join(KINDS)
            )


@dataclass(frozen=True)
class Task:
    """What texts are wanted."""

    name: str
    examples: Sequence[Example]
    metric: Callable[[Example, str], float]
    components: Mapping[str, Component]
    #: What `treadle.generate` takes as a model.
    model: Any = None
    chat: bool | None = None
    max_tokens: int = 128

    def __post_init__(self) -> None:
        if not self.examples:
            raise InvalidConstraint("a task without examples", where=self.name, expected="one or more")

    def component(self, name: str) -> Component:
        """A component by name."""
        if name not in self.components:
            raise InvalidConstraint(
                "no such component",
                where=self.name,
                found=name,
                expected=", ".join(self.components) or "none: this task has no components",
            )
        return self.components[name]
