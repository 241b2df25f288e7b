"""Which options of a `oneOf` may hold together, by cheap and safe tests.

"Exactly one" needs "and none of the others" only for options that overlap. Options with different tags in a member
that all of them require, by far the most common kind, are told apart in one pass over the tags; other pairs are
compared by what their required members ask for. What is not proved disjoint counts as overlapping.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.literals import Literals
from treadle.frontends.json_schema.object_trackers import Members, Required

#: Pairs that are compared one by one.
_PAIRS = 600


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is sure of an option: names that it requires, and the trackers of its members."""

    required: frozenset[str]
    members: tuple[Members, ...]

    def goal(self, name: str, formula: Formula) -> Formula:
        return formula.algebra.conjunction([members.goal(name) for members in self.members])


def overlapping(options: list[Formula]) -> list[list[int]]:
    """For each option the indices of the others that it may hold together with."""
    pairs = _suspects(options)
    rivals: list[list[int]] = [[] for _ in options]
    for first, second in pairs:
        rivals[first].append(second)
        rivals[second].append(first)
    return rivals


def _suspects(options: list[Formula]) -> list[tuple[int, int]]:
    everything = [(first, second) for second in range(len(options)) for first in range(second)]
    if not everything or any(option.is_true for option in options):
        return everything
    facts = [_facts_of(option) for option in options]
    pairs = _without_tags(options, facts, everything) if len(options) > 2 else everything
    if len(pairs) > _PAIRS:
        return pairs
    return [
        (first, second)
        for first, second in pairs
        if not _disjoint(options[first], facts[first], options[second], facts[second])
    ]


def _facts_of(option: Formula) -> _Facts:
    required: frozenset[str] = frozenset()
    members = []
    for conjunct in option.conjuncts:
        if conjunct.is_atom and isinstance(conjunct.atom, Required):
            required |= conjunct.atom.missing
        elif conjunct.is_atom and isinstance(conjunct.atom, Members):
            members.append(conjunct.atom)
    return _Facts(required, tuple(members))


def _without_tags(
    options: list[Formula], facts: list[_Facts], pairs: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Pairs that some member required by all does not tell apart by its listed values."""
    shared = frozenset.intersection(*(fact.required for fact in facts))
    for name in sorted(shared):
        tags = []
        for option, fact in zip(options, facts, strict=True):
            goal = fact.goal(name, option)
            if not (goal.is_atom and isinstance(goal.atom, Literals)):
                break
            tags.append(goal.atom.keys)
        else:
            return _sharing(tags)
    return pairs


def _sharing(tags: list[frozenset[Hashable]]) -> list[tuple[int, int]]:
    """Pairs of options with a tag in common."""
    owners: dict[Hashable, list[int]] = {}
    for index, keys in enumerate(tags):
        for key in keys:
            owners.setdefault(key, []).append(index)
    found = {(first, second) for some in owners.values() for second in some for first in some if first < second}
    return sorted(found)


def _disjoint(one: Formula, facts: _Facts, other: Formula, other_facts: _Facts) -> bool:
    if one.algebra.conjunction((one, other)).is_false:
        return True
    return any(
        one.algebra.conjunction((facts.goal(name, one), other_facts.goal(name, other))).possible == 0
        for name in sorted(facts.required | other_facts.required)
    )
