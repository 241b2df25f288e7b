"""`uniqueItems` over items of which there are only so many values: are there enough for the items still needed?

In: a container formula, or the goal of an item and the formula behind it. Out: whether the items that must come can
all differ, and the values that an item must leave to later ones. The items that must come and the values that each of
them may have make a bipartite graph; they can differ exactly if a matching covers them (Hall 1935), and Kuhn's
augmenting paths find one. An item with more values than there are items is never short of one and left out, so that
mostly nothing is left to match.

Exact where fixed trackers and counts are all that a formula has; other trackers are not looked at, which may let a
formula pass that runs out.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from treadle.frontends.json_schema.array_trackers import Unique
from treadle.frontends.json_schema.count_trackers import AtLeast, AtMost
from treadle.frontends.json_schema.finite import finite_values
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.literals import literals
from treadle.frontends.json_schema.values import value_key

#: Items still needed that are looked at; more are never counted.
MOST = 256

#: The values that each of some items may have, by key.
Choices = list[dict[Hashable, Any]]


def runs_out(formula: Formula) -> bool:
    """Whether the items that must still come cannot all differ from each other and from those before."""
    unique = _unique(formula)
    if unique is None:
        return False
    needed = _needed(formula)
    return bool(needed) and not _can_differ(_choices(needed, unique))


def without_scarce(goal: Formula, rest: Formula) -> Formula:
    """What an item of the goal may be so that the items that `rest` needs can all differ from it and each other."""
    unique = _unique(rest)
    if unique is None:
        return goal
    choices = _choices(_needed(rest), unique, beside=1)
    if not choices:
        return goal
    if not _can_differ(choices):
        return goal.algebra.FALSE
    values = {key: value for choice in choices for key, value in choice.items()}
    scarce = [values[key] for key in values if not _can_differ([_less(choice, key) for choice in choices])]
    algebra = goal.algebra
    return algebra.conjunction((goal, algebra.negate(literals(algebra, scarce)))) if scarce else goal


def is_all(formula: Formula) -> bool:
    """Whether a conjunction is made of `uniqueItems`, fixed trackers and counts."""
    return all(
        part.is_atom
        and (isinstance(part.atom, (Unique, AtLeast, AtMost)) or getattr(part.atom, "fixed", False))
        for part in formula.conjuncts
    )


def last_value(rest: Formula) -> list[Any]:
    """The only value that the item behind the last one can be, if it has just one."""
    unique = _unique(rest)
    assert unique is not None
    seen = frozenset() if unique.seen is None else unique.seen.keys
    some = finite_values(_goal(_trackers(rest), rest), 1 + len(seen))
    left = [value for value in some or () if value_key(value) not in seen]
    return left if len(left) == 1 else []


def _unique(formula: Formula) -> Unique | None:
    for conjunct in formula.conjuncts:
        if conjunct.is_atom and isinstance(conjunct.atom, Unique):
            return conjunct.atom
    return None


def _needed(formula: Formula) -> list[Formula]:
    """The goals of the items that must still come."""
    low = max((part.atom.low for part in formula.conjuncts if isinstance(part.atom, AtLeast)), default=0)
    if low > MOST:
        return []
    trackers = _trackers(formula)
    goals = []
    for _ in range(low):
        goals.append(_goal(trackers, formula))
        trackers = [tracker.after for tracker in trackers]
    return goals


def _trackers(formula: Formula) -> list[Any]:
    """The trackers that ask the same of an item whatever the items before are."""
    return [part.atom for part in formula.conjuncts if part.is_atom and getattr(part.atom, "fixed", False)]


def _goal(trackers: list[Any], formula: Formula) -> Formula:
    return formula.algebra.conjunction([tracker.goal() for tracker in trackers])


def _choices(goals: list[Formula], unique: Unique, beside: int = 0) -> Choices:
    """Of the items that may be short of values, the values left; `beside`: so many items more take one each."""
    seen = frozenset() if unique.seen is None else unique.seen.keys
    enough = len(goals) + beside + len(seen)
    found: Choices = []
    for goal in goals:
        some = finite_values(goal, enough)
        if some is not None:
            left = {value_key(value): value for value in some}
            left = {key: value for key, value in left.items() if key not in seen}
            if len(left) < len(goals) + beside:
                found.append(left)
    return found


def _less(choice: dict[Hashable, Any], key: Hashable) -> dict[Hashable, Any]:
    return {other: value for other, value in choice.items() if other != key}


def _can_differ(choices: Choices) -> bool:
    taken: dict[Hashable, int] = {}
    return all(_is_placed(item, choices, taken, set()) for item in range(len(choices)))


def _is_placed(item: int, choices: Choices, taken: dict[Hashable, int], tried: set[Hashable]) -> bool:
    """Kuhn: gives the item a value, for which others may have to change theirs."""
    for key in choices[item]:
        if key not in tried:
            tried.add(key)
            if key not in taken or _is_placed(taken[key], choices, taken, tried):
                taken[key] = item
                return True
    return False
