"""A search as a tree of what was tried: built from the events of a strategy, thinned out until a person can read it.

A step is a piece of text behind its parent, with its scores and its fate. `thinned` does three things, in this order:
of the steps that led nowhere it keeps the likeliest few of each parent and counts the others; a chain of steps without
a branch (forced runs above all) becomes one step; what is left is ordered, the best way first, then by score. Drawing
is another matter (treadle/drawing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from treadle.decoding.problem import Event

#: best      on the way to the text that was returned first
#: finished  a complete text, or on the way to one
#: open      still waiting when the search ended
#: expanded  gone on with, but nothing behind it was finished
#: pruned    lost against better ones
#: refused   by a check
#: budget    no text behind it fits into the token budget, or into the search's own
#: merged    goes on as another step with the same state
Fate = Literal["best", "finished", "open", "expanded", "pruned", "refused", "budget", "merged"]

#: From the most to the least telling; what a step of several becomes.
FATES: tuple[Fate, ...] = ("best", "finished", "expanded", "open", "merged", "pruned", "budget", "refused")
#: Steps that led nowhere: these are thinned out.
LOST: frozenset[Fate] = frozenset(("pruned", "refused", "budget", "open"))


@dataclass(frozen=True, slots=True)
class Step:
    """One node of the tree."""

    text: str
    #: Log p from the beginning, of the model and under the mask.
    raw: float
    local: float
    fate: Fate
    #: What the strategy ranked it by, where that is neither.
    score: float | None = None
    #: The model's tokens.
    spelling: tuple[int, ...] = ()
    #: How many of them the constraint forced.
    forced: int = 0
    #: Ends with end of text.
    ended: bool = False
    #: When it was tried, for the order of the search.
    turn: int = 0
    children: tuple[Step, ...] = ()
    #: Siblings that led nowhere and were left out of `children`, by fate.
    left_out: tuple[tuple[Fate, int], ...] = ()

    def walk(self) -> Iterable[Step]:
        """This step and all behind it."""
        yield self
        for child in self.children:
            yield from child.walk()


def thinned(step: Step, lost: int = 3) -> Step:
    """The tree as people read it; `lost` steps that led nowhere are kept behind each step."""
    children = _kept(step.children, lost)
    gone = _counted(step.children, children)
    shorter = tuple(thinned(child, lost) for child in children)
    ordered = tuple(sorted(shorter, key=lambda child: (min(FATES.index(child.fate), 2), -child.raw)))
    return _chained(replace(step, children=ordered, left_out=gone))


def _kept(children: Sequence[Step], lost: int) -> tuple[Step, ...]:
    leaves = [child for child in children if child.fate in LOST and not child.children]
    likeliest = sorted(leaves, key=lambda child: -child.raw)[:lost]
    names = set(map(id, leaves)) - set(map(id, likeliest))
    return tuple(child for child in children if id(child) not in names)


def _counted(all_children: Sequence[Step], kept: Sequence[Step]) -> tuple[tuple[Fate, int], ...]:
    names = set(map(id, kept))
    gone = [child.fate for child in all_children if id(child) not in names]
    return tuple((fate, gone.count(fate)) for fate in FATES if fate in gone)


def _chained(step: Step) -> Step:
    """A step and its only child are one, if they share their fate."""
    if len(step.children) != 1 or step.left_out or step.ended:
        return step
    (child,) = step.children
    if child.fate != step.fate:
        return step
    return replace(
        child,
        text=step.text + child.text,
        spelling=step.spelling + child.spelling,
        forced=step.forced + child.forced,
        turn=step.turn,
    )


def tree_of(
    events: Iterable[Event], decode: Callable[[Sequence[int]], bytes], winner: Sequence[int] = ()
) -> Step:
    """The tree of a traced search; `winner`: the tokens of the text that was returned first."""
    steps: dict[int, Step] = {}
    parents: dict[int, int] = {}
    events = list(events)
    made = {(event.parent, event.tokens[:1]) for event in events if event.number >= 0}
    lost = -1  # children that never became hypotheses get numbers below 0
    for event in events:
        number = event.number
        if number < 0:
            if (event.parent, event.tokens[:1]) in made:
                continue
            lost -= 1
            number = lost
        if number not in steps:
            steps[number] = _born(event, decode)
            parents[number] = event.parent
        steps[number] = _told(steps[number], event)
    _mark_ways(steps, parents, winner)
    return _assembled(steps, parents)


def _born(event: Event, decode: Callable[[Sequence[int]], bytes]) -> Step:
    # The root is all forced; any other step is one choice and what it forces.
    forced = len(event.tokens) - (event.parent >= 0)
    text = decode(event.tokens).decode("utf-8", "replace")
    return Step(
        text, event.raw, event.local, "open", spelling=event.tokens, forced=max(forced, 0), turn=event.turn
    )


def _told(step: Step, event: Event) -> Step:
    """A step after one more event."""
    score = step.score if event.score is None else event.score
    step = replace(step, raw=event.raw, local=event.local, score=score)
    if event.kind == "finished":
        return replace(step, fate="finished", ended=True)
    if event.kind in ("expanded", "pruned", "merged", "refused", "budget"):
        return replace(step, fate=cast("Fate", event.kind))
    return step


def _mark_ways(steps: dict[int, Step], parents: dict[int, int], winner: Sequence[int]) -> None:
    """What is on the way to a text shares its fate; the best text's way comes last and wins."""
    ended = [number for number, step in steps.items() if step.ended]
    for number in ended:
        _mark(number, "finished", steps, parents)
    best = [number for number in ended if _spelled(number, steps, parents) == tuple(winner)]
    if best:
        _mark(max(best, key=lambda number: steps[number].raw), "best", steps, parents)


def _spelled(number: int, steps: dict[int, Step], parents: dict[int, int]) -> tuple[int, ...]:
    way: list[tuple[int, ...]] = []
    while number in steps:
        way.append(steps[number].spelling)
        number = parents[number]
    return tuple(token for part in reversed(way) for token in part)


def _mark(number: int, fate: Fate, steps: dict[int, Step], parents: dict[int, int]) -> None:
    while number in steps:
        steps[number] = replace(steps[number], fate=fate)
        number = parents[number]


def _assembled(steps: dict[int, Step], parents: dict[int, int]) -> Step:
    children: dict[int, list[Step]] = {}
    for number in sorted(steps, key=lambda n: (n < 0, n), reverse=True):
        # Children have higher numbers than their parents, and what was lost has no children: from the back, every
        # step knows all of its children.
        step = replace(steps[number], children=tuple(reversed(children.get(number, []))))
        if parents[number] < 0 and number >= 0:
            return step
        children.setdefault(parents[number], []).append(step)
    raise ValueError("a search without events: it was not traced")
