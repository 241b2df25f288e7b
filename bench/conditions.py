"""Conditions on texts that treadle and its peer test alike: functions of bytes, for prefixes and for whole texts.

Imported by bench/genlm.py and, in another environment, by bench/genlm_peer.py: so nothing here needs treadle.

    date    a syntactic one: a day and a date, matched by a regular expression, prefixes by partial matching
    sum     a semantic one: an addition whose result is right; a prefix is refused as soon as the result cannot be
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import regex

DATE = r"(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (May|June|July) [1-9][0-9]?"
SUM = r"[1-9][0-9]? \+ [1-9][0-9]? = [1-9][0-9]{0,2}"


@dataclass
class Condition:
    """A pattern, with or without arithmetic, and how often it was asked."""

    pattern: str
    right_sum: bool = False
    calls: int = 0

    def __post_init__(self) -> None:
        self._compiled = regex.compile(self.pattern)

    def prefix(self, data: bytes) -> bool:
        """Whether a text may begin so."""
        self.calls += 1
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return False
        found = self._compiled.fullmatch(text, partial=True)
        return found is not None and self._may_be_right(text, False)

    def whole(self, data: bytes) -> bool:
        """Whether this is a text."""
        self.calls += 1
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return False
        return self._compiled.fullmatch(text) is not None and self._may_be_right(text, True)

    def _may_be_right(self, text: str, finished: bool) -> bool:
        if not self.right_sum or "=" not in text:
            return True
        terms, _, result = text.partition("=")
        right = str(sum(int(term) for term in terms.split("+")))
        return right == result.strip() if finished else f" {right}".startswith(result)


class Clock:
    """Seconds of the processor that a model takes for its layers and its head, and how often it was called."""

    def __init__(self, model: Any) -> None:
        self.seconds = 0.0
        self.passes = 0
        model.lm_head.register_forward_hook(self._count)
        for part in (model.model, model.lm_head):
            part.register_forward_pre_hook(self._begin)
            part.register_forward_hook(self._end)

    def _count(self, *_: Any) -> None:
        self.passes += 1

    def _begin(self, *_: Any) -> None:
        self.seconds -= time.process_time()

    def _end(self, *_: Any) -> None:
        self.seconds += time.process_time()


def middle(repeats: list[list[Any]]) -> list[Any]:
    """Of several times the same runs, those that took the middle time of the processor, the fifth of their numbers."""
    return sorted(repeats, key=lambda runs: sum(run[4] for run in runs))[len(repeats) // 2]


@dataclass(frozen=True)
class Task:
    """What both sides are asked."""

    prompt: str
    pattern: str
    right_sum: bool
    max_tokens: int

    def condition(self) -> Condition:
        return Condition(self.pattern, self.right_sum)


TASKS = {
    "date": Task(
        "When does the fair open? Answer with a day and a date only, like Sunday, May 4", DATE, False, 12
    ),
    "sum": Task("Write an addition of two numbers below 100 with its result, like 2 + 2 = 4", SUM, True, 16),
}
