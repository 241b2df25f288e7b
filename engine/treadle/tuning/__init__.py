"""TreeCoder: strategy, constraints and parameters as one configuration, found by search on a part of the examples.

Source: Princis, Sharma, David, arXiv 2511.22277. Needs the extra `tune` (optuna) for `tune`, and matplotlib for plots;
configurations and tasks need neither.
"""

from treadle.tuning.configuration import Configuration
from treadle.tuning.evaluation import Evaluation, Outcome, evaluate
from treadle.tuning.space import Between, OneOf, Space
from treadle.tuning.task import Component, Example, Task
from treadle.tuning.tuner import Budget, Trial, Tuned, reproduce, tune

__all__ = [
    "Between",
    "Budget",
    "Component",
    "Configuration",
    "Evaluation",
    "Example",
    "OneOf",
    "Outcome",
    "Space",
    "Task",
    "Trial",
    "Tuned",
    "evaluate",
    "reproduce",
    "tune",
]
