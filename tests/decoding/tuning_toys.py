"""A task of brackets with a table as the model, and a space of configurations: what tests of the tuner tune."""

from __future__ import annotations

from decoding.toys import Table, dyck
from treadle.decoding.tables import TableModel
from treadle.tuning import Between, Component, Example, OneOf, Space, Task, evaluate, tune

COUNT = 12


def worth(example: Example, text: str) -> float:
    """What the metric says: different for each example, and no likelihood."""
    return (sum(ord(c) * (k + 1 + example.data) for k, c in enumerate(text)) % 101) / 101


def toy_task(seed: int = 0, metric=worth, **components) -> Task:
    toy = dyck()
    table = Table(len(toy.vocabulary), seed)
    examples = [Example((k % 5, k % 3), k) for k in range(COUNT)]
    known = {
        "grammar": Component("mask", lambda example: toy.compiled),
        "reward": Component("score", lambda example: lambda text: worth(example, text)),
        "brackets": Component("prune", lambda example: lambda text: len(text) < 7),
        "square": Component("verify", lambda example: lambda text: "[" in text),
        "true": Component("verify", lambda example: lambda text: True),
        "true everywhere": Component("prune", lambda example: lambda text: True),
        "false": Component("verify", lambda example: lambda text: False),
        "false everywhere": Component("prune", lambda example: lambda text: False),
        "nothing": Component("score", lambda example: lambda text: 0.0),
        **components,
    }
    return Task(
        "brackets",
        examples,
        metric,
        known,
        model=TableModel(toy.vocabulary, table.log_probs),
        max_tokens=10,
    )


SPACE = Space(
    {
        "greedy": {},
        "beam": {"width": Between(1, 4)},
        "best_of": {"samples": Between(1, 6)},
        "mcts": {"rollouts": Between(1, 8), "width": Between(1, 4), "ucb_constant": Between(0.5, 8.0, log=True)},
    },
    optional=("reward", "square"),
    always=("grammar",),
    parameters={"temperature": OneOf(0.5, 1.0, 2.0)},
)  # fmt: skip


def texts(configuration, task=None, seed=0):
    return [(one.text, one.score) for one in evaluate(configuration, task or toy_task(), seed=seed).outcomes]


def tuned(trials=14, seed=0, task=None, **options):
    return tune(task or toy_task(), SPACE, trials, seed=seed, **options)
