"""The driver of all search strategies: they say what to expand, the driver asks the model, for all prompts at once.

`solve` runs one search for each problem in lockstep and joins what they ask for into one forward pass. The searches
share the prefix tree and nothing else, so what one finds does not depend on which others run beside it (up to the
rounding of batched arithmetic). A search that is interrupted, or that asks for more expansions than it may have, is
closed where it is, and its finished hypotheses are its results; `Statistics.ended` says so.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from treadle.decoding.hypotheses import Children, Hypothesis
from treadle.decoding.loop import Scores
from treadle.decoding.prefixes import Extension, PrefixTree
from treadle.decoding.problem import Ended, Problem
from treadle.decoding.results import Result, parsed
from treadle.decoding.search import Search, SearchEnded, Strategy
from treadle.errors import LimitExceeded
from treadle.vocabulary import Vocabulary

#: Rows of one forward pass.
ROWS = 64


class SearchModel(Protocol):
    """A model that searches can run on."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Bytes by token id."""

    def tree(self, memory: int | None = None) -> PrefixTree:
        """A fresh prefix tree that holds at most `memory` tokens."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a call of `solve` is."""

    forwards: int
    expansions: int
    finished: int
    #: Searches that are still running.
    running: int
    seconds: float


def solve(
    model: SearchModel,
    problems: Sequence[Problem],
    strategy: Strategy,
    *,
    memory: int | None = None,
    rows: int = ROWS,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> list[list[Result]]:
    """Search every problem; the results of each, best first.

    `memory`: tokens that the key-value cache may hold; `rows`: most rows of one forward pass; `stop` is asked before
    every pass. A KeyboardInterrupt ends the search and gives what is finished; where nothing is, it goes on.
    """
    tree = model.tree(memory)
    running = Running([Search(problem, tree) for problem in problems], strategy, rows)
    try:
        while running.asked:
            if stop is not None and stop():
                running.end("stopped")
                break
            running.turn()
            if progress is not None:
                progress(running.progress())
    except KeyboardInterrupt:
        running.end("interrupted")
        if not any(running.answers):
            raise
    return [running.results(k) for k in range(len(problems))]


class Running:
    """Several searches in lockstep."""

    def __init__(self, searches: Sequence[Search], strategy: Strategy, rows: int) -> None:
        self.searches = searches
        self.rows = rows
        self.started = time.perf_counter()
        self.generators = [strategy.search(search) for search in searches]
        self.answers: list[Sequence[Hypothesis] | None] = [None] * len(searches)
        #: What each running search waits for.
        self.asked: dict[int, Sequence[Hypothesis]] = {}
        for k in range(len(searches)):
            self._go_on(k, None)

    def turn(self) -> None:
        """One joint forward pass (or several, where rows or memory are short), and every search goes on."""
        wanted = [one for hypotheses in self.asked.values() for one in hypotheses]
        extensions = self._read(wanted) if wanted else []
        offset = 0
        for k, hypotheses in list(self.asked.items()):
            part = extensions[offset : offset + len(hypotheses)]
            offset += len(hypotheses)
            self._go_on(k, self.searches[k].families(hypotheses, part) if hypotheses else [])

    def _read(self, wanted: Sequence[Hypothesis]) -> list[Extension]:
        """What the model says behind each; equal prefixes take one row."""
        distinct = {(one.node, one.unread, one.unscored): one for one in wanted}
        rows, tree = list(distinct.values()), self.searches[0].tree
        parts = [_extend(tree, rows[first : first + self.rows]) for first in range(0, len(rows), self.rows)]
        found = dict(zip(distinct, itertools.chain.from_iterable(parts), strict=True))
        return [found[one.node, one.unread, one.unscored] for one in wanted]

    def _go_on(self, k: int, families: list[Children] | None) -> None:
        """Give a search what it waited for; note what it wants next."""
        self.asked.pop(k, None)
        try:
            request = self.generators[k].send(families)  # type: ignore[arg-type]
        except StopIteration as done:
            # A strategy with a budget of its own has said so itself.
            self._answer(k, done.value, self.searches[k].statistics.ended)
            return
        left = self.searches[k].expansions_left
        self.asked[k] = request
        if left is not None and len(request) > left:
            self._close(k, "expansions")

    def _answer(self, k: int, answer: Sequence[Hypothesis] | None, ended: Ended) -> None:
        search = self.searches[k]
        if answer is None:
            answer = sorted(search.finished, key=lambda one: -one.raw)
        self.answers[k] = answer
        search.statistics.ended = ended
        search.statistics.seconds = time.perf_counter() - self.started

    def _close(self, k: int, ended: Ended) -> None:
        """End a search that waits; it may look at what ended it."""
        del self.asked[k]
        self.searches[k].statistics.ended = ended
        try:
            self.generators[k].throw(SearchEnded())
        except StopIteration as done:
            self._answer(k, done.value, ended)
        except SearchEnded:
            self._answer(k, None, ended)
        else:
            raise AssertionError("a strategy asked for more after its end")

    def end(self, ended: Ended) -> None:
        """Stop all searches where they are."""
        for k in list(self.asked):
            self._close(k, ended)

    def progress(self) -> Progress:
        """How far all of them are."""
        return Progress(
            forwards=self.searches[0].tree.counters.forwards,
            expansions=sum(search.statistics.expansions for search in self.searches),
            finished=sum(len(search.finished) for search in self.searches),
            running=len(self.asked),
            seconds=time.perf_counter() - self.started,
        )

    def results(self, k: int) -> list[Result]:
        """The texts of one search."""
        search, answer = self.searches[k], self.answers[k]
        assert answer is not None
        search.statistics.counters = search.tree.counters
        search.statistics.vocabulary = search.vocabulary
        return [_result(search, one) for one in answer[: search.problem.n]]


def _extend(tree: PrefixTree, hypotheses: Sequence[Hypothesis]) -> list[Extension]:
    """One forward pass; two, where the memory is too small for one."""
    try:
        return tree.extend(
            [one.node for one in hypotheses],
            [one.unread for one in hypotheses],
            [one.unscored for one in hypotheses],
        )
    except LimitExceeded:
        if len(hypotheses) == 1:
            raise
    middle = len(hypotheses) // 2
    return _extend(tree, hypotheses[:middle]) + _extend(tree, hypotheses[middle:])


def _result(search: Search, one: Hypothesis) -> Result:
    text = one.data[search.problem.skip :].decode()
    return Result(
        text=text,
        tokens=one.tokens,
        value=parsed(text) if search.problem.is_json else None,
        scores=Scores(one.raw, one.local),
        finish_reason="budget" if one.cramped else "stop",
        seconds=search.statistics.seconds,
        model_calls=search.statistics.forwards,
        search=search.statistics,
        notes=search.notes.get(one.number, {}),
    )
