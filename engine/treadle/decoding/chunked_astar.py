"""A*-decoding: best-first search over partial texts that are continued chunk by chunk and judged from outside.

In: a search problem and `reward`, a function from a partial text to [0, 1] (a process reward model, tests, a length).
Out: the `n` finished texts that left the frontier first, then those that were found beside them.

A state is a partial text. Expanding it samples `branch` continuations of at most `chunk` tokens under the constraint;
a successor has f = g + h with h = 1 - reward, and g the accumulated cost of its steps. The state of least f in one
frontier for the whole search is expanded next, so what was left behind can be taken up again. A finished state that
is popped is an answer. Nothing is proved: a reward is no lower bound (the exact search is astar.py).

Notes: "f", "reward" for each text. Source: Chatziveroglou 2025, arXiv 2505.13672, whose formula of g could not be
confirmed: here a step costs `step_cost`, by default 1 - reward of where it leads. Defaults (ours): 4 continuations of
24 tokens, 32 states.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np

from treadle.decoding.hypotheses import Children, Hypothesis
from treadle.decoding.search import TRIES, Asking, Search, SearchEnded
from treadle.errors import InvalidConstraint


def one_minus_reward(before: Hypothesis, after: Hypothesis, reward: float) -> float:
    """The default cost of a step."""
    return 1.0 - reward


@dataclass(frozen=True, slots=True)
class ChunkedAStar:
    """A*-decoding with an external judge."""

    reward: Callable[[str], float]
    chunk: int = 24
    branch: int = 4
    #: Most states expanded.
    states: int = 32
    step_cost: Callable[[Hypothesis, Hypothesis, float], float] = one_minus_reward

    def __post_init__(self) -> None:
        for name in ("chunk", "branch", "states"):
            if getattr(self, name) < 1:
                raise InvalidConstraint(
                    f"{name} is out of range", found=str(getattr(self, name)), expected="1 or more"
                )

    def search(self, search: Search) -> Asking:
        """Pop the state of least f; an answer if it is finished, else continue it."""
        #: (f, order of entry, g, state)
        frontier: list[tuple[float, int, float, Hypothesis]] = [(1.0, 0, 0.0, search.root)]
        answers: list[Hypothesis] = []
        seen: set[tuple[bytes, bool]] = set()
        entered, expanded = 1, 0
        try:
            while frontier and len(answers) < search.problem.n:
                if not frontier[0][3].finished and expanded >= self.states:
                    search.statistics.ended = "expansions"
                    break
                _, _, g, state = heapq.heappop(frontier)
                if state.finished:
                    answers.append(state)
                    continue
                expanded += 1
                for after in (yield from continuations(search, state, self.branch, self.chunk)):
                    if (after.data, after.finished) in seen:
                        search.event("merged", after)
                        continue
                    seen.add((after.data, after.finished))
                    reward = self._reward(search, after)
                    cost = g + self.step_cost(state, after, reward)
                    f = cost + 1.0 - reward
                    search.notes[after.number] = {"f": f, "reward": reward}
                    search.event("kept", after, -f)
                    heapq.heappush(frontier, (f, entered, cost, after))
                    entered += 1
        except SearchEnded:
            pass
        search.statistics.notes["states"] = expanded
        waiting = [entry[3] for entry in sorted(frontier, key=lambda entry: entry[:2]) if entry[3].finished]
        return answers + waiting

    def _reward(self, search: Search, state: Hypothesis) -> float:
        value = float(self.reward(state.data[search.problem.skip :].decode("utf-8", "ignore")))
        if not 0 <= value <= 1:
            raise InvalidConstraint("the reward is out of range", found=str(value), expected="from 0 to 1")
        return value


Asked = Generator[Sequence[Hypothesis], list[Children], list[Hypothesis]]


def continuations(search: Search, state: Hypothesis, branch: int, chunk: int) -> Asked:
    """`branch` samples of at most `chunk` more tokens each, forced runs whole; equal ones once."""
    lanes = [state] * branch
    ended: dict[int, Hypothesis] = {}
    while lanes:
        unique = list({one.number: one for one in lanes}.values())
        families = {family.hypothesis.number: family for family in (yield unique)}
        made: dict[tuple[int, int], Hypothesis | None] = {}
        drawn = [draw(search, families[one.number], made) for one in lanes]
        lanes = []
        for one in drawn:
            if one is not None and (one.finished or len(one.tokens) - len(state.tokens) >= chunk):
                ended[one.number] = one
            elif one is not None:
                lanes.append(one)
    return list(ended.values())


def draw(
    search: Search, family: Children, made: dict[tuple[int, int], Hypothesis | None]
) -> Hypothesis | None:
    """A child drawn from the local distribution, what is refused left out; drawn twice it is the same object."""
    number = family.hypothesis.number
    # The order of Gumbel-perturbed log p is an order of drawing without replacement: the first that is not refused.
    order = np.argsort(-(family.local + search.rng.gumbel(size=len(family.local))))
    for place in order[:TRIES].tolist():
        key = (number, int(family.tokens[place]))
        if key not in made:
            made[key] = search.child(family, key[1])
            if (child := made[key]) is not None and child.finished:
                search.finish(child)
        if made[key] is not None:
            return made[key]
    rescued = search.rescue(family)
    if rescued is not None and rescued.finished:
        search.finish(rescued)
    return rescued
