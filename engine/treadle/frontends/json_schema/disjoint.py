"""Which options of a `oneOf` may hold together, by cheap and safe tests.

"Exactly one" needs "and none of the others" only for options that overlap. Options with different tags in a member
that all of them require, by far the most common kind, are told apart in one pass over the tags; other pairs are
compared by what their required members ask for: listed values, kinds, and patterns. What is not proved disjoint
counts as overlapping.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from treadle.errors import LimitExceeded
from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.literals import Literals
from treadle.frontends.json_schema.member_trackers import Members, MembersLeft
from treadle.frontends.json_schema.object_trackers import Required
from treadle.frontends.json_schema.schema import Schema
from treadle.frontends.json_schema.string_keywords import StringCondition, string_conditions
from treadle.grammar.emptiness import is_disjoint
from treadle.grammar.expression import ANY_TEXT, Expr

#: Pairs of options that are compared one by one.
_PAIRS = 600
#: Disjuncts of an option that are looked at.
_DISJUNCTS = 8
#: States that deciding whether two patterns are disjoint may take.
_STATES = 400


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is sure of one disjunct of an option: names that it requires, and the trackers of its members."""

    formula: Formula
    required: frozenset[str]
    members: tuple[Members | MembersLeft, ...]

    def goal(self, name: str) -> Formula:
        return self.formula.algebra.conjunction([members.goal(name) for members in self.members])


def overlapping(options: list[Formula]) -> list[list[int]]:
    """For each option the indices of the others that it may hold together with."""
    rivals: list[list[int]] = [[] for _ in options]
    for first, second in _suspects(options):
        rivals[first].append(second)
        rivals[second].append(first)
    return rivals


def _suspects(options: list[Formula]) -> list[tuple[int, int]]:
    everything = [(first, second) for second in range(len(options)) for first in range(second)]
    if not everything or any(option.is_true for option in options):
        return everything
    facts = [_facts_of(option) for option in options]
    pairs = _without_tags(facts, everything) if len(options) > 2 else everything
    if len(pairs) > _PAIRS:
        return pairs
    return [(first, second) for first, second in pairs if not _all_disjoint(facts[first], facts[second])]


def _facts_of(option: Formula) -> list[_Facts]:
    """One entry a disjunct; none at all where there are too many to look at."""
    disjuncts = option.disjuncts
    return [_facts(disjunct) for disjunct in disjuncts] if len(disjuncts) <= _DISJUNCTS else []


def _facts(formula: Formula) -> _Facts:
    required: frozenset[str] = frozenset()
    members = []
    for conjunct in formula.conjuncts:
        if conjunct.is_atom and isinstance(conjunct.atom, Required):
            required |= conjunct.atom.missing
        elif conjunct.is_atom and isinstance(conjunct.atom, (Members, MembersLeft)):
            members.append(conjunct.atom)
    return _Facts(formula, required, tuple(members))


def _without_tags(facts: list[list[_Facts]], pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs that some member required by all does not tell apart by its listed values."""
    if any(not some for some in facts):
        return pairs
    shared = frozenset.intersection(*(one.required for some in facts for one in some))
    for name in sorted(shared):
        tags = [_tags(some, name) for some in facts]
        if all(keys is not None for keys in tags):
            return _sharing([keys for keys in tags if keys is not None])
    return pairs


def _tags(some: list[_Facts], name: str) -> frozenset[Hashable] | None:
    keys: frozenset[Hashable] = frozenset()
    for one in some:
        goal = one.goal(name)
        if not (goal.is_atom and isinstance(goal.atom, Literals)):
            return None
        keys |= goal.atom.keys
    return keys


def _sharing(tags: list[frozenset[Hashable]]) -> list[tuple[int, int]]:
    """Pairs of options with a tag in common."""
    owners: dict[Hashable, list[int]] = {}
    for index, keys in enumerate(tags):
        for key in keys:
            owners.setdefault(key, []).append(index)
    found = {
        (first, second) for some in owners.values() for second in some for first in some if first < second
    }
    return sorted(found)


def _all_disjoint(some: list[_Facts], others: list[_Facts]) -> bool:
    if not some or not others:
        return False
    return all(_disjoint(one, other) for one in some for other in others)


def _disjoint(one: _Facts, other: _Facts) -> bool:
    algebra = one.formula.algebra
    if algebra.conjunction((one.formula, other.formula)).is_false:
        return True
    for name in sorted(one.required | other.required):
        first, second = one.goal(name), other.goal(name)
        if not algebra.conjunction((first, second)).possible:
            return True
        if first is not second and _disjoint_strings(first, second):
            return True
    return False


def _disjoint_strings(first: Formula, second: Formula) -> bool:
    """Whether both are strings by pattern or format, of which none satisfies both."""
    one, other = _string_language(first), _string_language(second)
    if one is None or other is None:
        return False
    try:
        return is_disjoint(one, other, _STATES)
    except LimitExceeded:
        return False


def _string_language(goal: Formula) -> Expr | None:
    """A language that has all of the strings, where only strings satisfy the goal."""
    if goal.possible != values.STRING or not goal.is_atom or not isinstance(goal.atom, Schema):
        return None
    formula = string_conditions(goal.atom)
    if not (formula.is_atom and isinstance(formula.atom, StringCondition)):
        return None
    language = formula.atom.outer
    return None if language is ANY_TEXT else language
