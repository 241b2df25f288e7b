"""Alternatives of an object formula, found by guessing a tag.

In: a formula over object trackers. Out: formulas whose union it is, without disjunctions where possible. Multiplying
out is enough for a few disjunctions. For many that turn on the same member ("if kind is a then ..., if kind is b
then ...", each a disjunction) it would make two alternatives to the power of their number; so the formula is divided
by what that member is: absent, one of the listed values, or something else. Under each assumption most disjunctions
collapse, since conditions on the member become true or false. The assumption itself is kept as a conjunct, so the
division is exact.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from treadle.frontends.json_schema.count_trackers import AtLeast, AtMost
from treadle.frontends.json_schema.formula import Algebra, Formula
from treadle.frontends.json_schema.literals import Literals, literals
from treadle.frontends.json_schema.member_trackers import MemberIs, Members, MembersLeft, members_left
from treadle.frontends.json_schema.name_classes import trackers_of
from treadle.frontends.json_schema.object_trackers import Required, required, tracker_goal
from treadle.frontends.json_schema.splitting import alternatives

#: Alternatives that multiplying out may make; beyond, a tag is looked for, then the formula stays as it is.
_PRODUCT = 16
#: Options that are compared with each other.
_COMPARED = 64
#: Assumptions about one tag.
_ASSUMPTIONS = 256
#: Tags that one formula is divided by.
_TAGS = 3


def object_alternatives(formula: Formula) -> tuple[Formula, ...]:
    """The formula as a union."""
    if formula.is_false:
        return ()
    if _is_whole(formula):
        return (formula,)
    known: tuple[Formula, ...] | None = formula.answers.get("alternatives")
    if known is None:
        known = formula.answers["alternatives"] = _without_implied(
            list(dict.fromkeys(_divided(formula, _TAGS)))
        )
    return known


def alternatives_one_by_one(formula: Formula) -> Iterator[Formula]:
    """The same for whoever may be content with the first: options are found when they are asked for."""
    if formula.is_false or _is_whole(formula) or "alternatives" in formula.answers:
        yield from object_alternatives(formula)
    else:
        yield from _divided(formula, _TAGS)


def _is_whole(formula: Formula) -> bool:
    """Is there nothing to divide, as in most schemas?"""
    if formula.is_atom or formula.is_not:
        return True
    return formula.is_and and all(member.is_atom for member in formula.members)


def stays_whole(formula: Formula) -> bool:
    """Whether dividing a disjunction would only make several states that follow the same members side by side.

    So it is where only names and counts matter, and for "not all of these hold": neither asks anything of values that
    a state of its own could offer.
    """
    known: bool | None = formula.answers.get("whole")
    if known is None:
        if formula.atom is not None:
            known = formula.is_not or isinstance(formula.atom, (Required, AtLeast, AtMost))
        else:
            known = all(stays_whole(member) for member in formula.members)
        formula.answers["whole"] = known
    return known


def _without_implied(options: list[Formula]) -> tuple[Formula, ...]:
    """Options that ask for everything another one asks for, and more, add nothing to the union."""
    if not 1 < len(options) <= _COMPARED:
        return tuple(options)
    asked = [frozenset(option.conjuncts) for option in options]
    return tuple(
        option
        for option, parts in zip(options, asked, strict=True)
        if not any(other < parts for other in asked)
    )


def _divided(formula: Formula, tags: int) -> Iterator[Formula]:
    for unresolved in alternatives(formula, _PRODUCT, stays_whole):
        option = _resolved(unresolved)
        if option is not unresolved and option.is_or:
            yield from _divided(option, tags)
            continue
        name = _tag(option) if tags else None
        if name is None:
            yield option
            continue
        for assumed in _under_assumptions(option, name):
            yield from _divided(assumed, tags - 1)


def _resolved(formula: Formula) -> Formula:
    """Trackers that a required member will violate are false where they stand in a negation or disjunction.

    "kind is required and one of a; and not (kind is one of b and ...)" needs no second thought.
    """
    algebra = formula.algebra
    sure = [part for part in formula.conjuncts if part.is_atom]
    others = [part for part in formula.conjuncts if not part.is_atom]
    names = sorted({name for part in sure if isinstance(part.atom, Required) for name in part.atom.missing})
    if not others or not names:
        return formula
    trackers = [part.atom for part in sure if part.atom.fixed]
    goals = {
        name: algebra.conjunction([tracker_goal(algebra, tracker, name) for tracker in trackers])
        for name in names
    }

    def leaf(literal: Formula) -> Formula:
        tracker = literal.atom
        if isinstance(tracker, (Members, MembersLeft)):
            for name, goal in goals.items():
                if _exclude_each_other(goal, tracker.goal(name)):
                    return algebra.FALSE
        return literal

    return algebra.conjunction([*sure, *(algebra.rebuild(part, leaf) for part in others)])


def _tag(formula: Formula) -> str | None:
    """The name on whose listed values most disjunctions turn, and negations that must be met; at least three."""
    voters = [part for part in formula.conjuncts if part.is_not or (part.is_or and not stays_whole(part))]
    if len(voters) < 3:
        return None
    votes: dict[str, int] = {}
    for voter in voters:
        for name in _listed_names(voter):
            votes[name] = votes.get(name, 0) + 1
    best = max(votes, key=lambda one: votes[one], default=None)
    return best if best is not None and votes[best] >= 3 else None


def _listed_names(formula: Formula) -> set[str]:
    """Names to which some tracker of the formula allows listed values only."""
    names: set[str] = set()
    for tracker in trackers_of(formula):
        if isinstance(tracker, (Members, MembersLeft)):
            names.update(name for name in _open_names(tracker) if _listed(tracker.goal(name)) is not None)
    return names


def _open_names(tracker: Members | MembersLeft) -> frozenset[str] | tuple[str, ...]:
    return tracker.left if isinstance(tracker, MembersLeft) else tracker.names


def _listed(goal: Formula) -> Literals | None:
    return goal.atom if goal.is_atom and isinstance(goal.atom, Literals) else None


def _under_assumptions(formula: Formula, name: str) -> Iterator[Formula]:
    """The formula with the member absent, and with its value in each part of a partition of all values."""
    algebra = formula.algebra
    present = required(algebra, frozenset((name,)))
    absent = algebra.conjunction((algebra.negate(present), _without(formula, name)))
    if not absent.is_false:
        yield absent
    for goal in _partition(formula, name):
        rest = _assuming(formula, name, goal)
        one = algebra.conjunction((present, algebra.atom(MemberIs(name, goal)), rest))
        if not one.is_false:
            yield one


def _partition(formula: Formula, name: str) -> list[Formula]:
    """Listed values that all trackers treat alike go together; everything that is not listed is one part."""
    algebra = formula.algebra
    sets = []
    for tracker in dict.fromkeys(trackers_of(formula)):
        if isinstance(tracker, (Members, MembersLeft)):
            listed = _listed(tracker.goal(name))
            if listed is not None:
                sets.append(listed)
    parts: dict[tuple[bool, ...], list[Any]] = {}
    everything: dict[Hashable, Any] = {}
    for one in sets:
        everything.update(one.by_key)
    for key, value in everything.items():
        parts.setdefault(tuple(key in one.keys for one in sets), []).append(value)
    if len(parts) > _ASSUMPTIONS:
        return [algebra.TRUE]
    other = algebra.negate(literals(algebra, everything.values()))
    return [*(literals(algebra, part) for part in parts.values()), other]


def _without(formula: Formula, name: str) -> Formula:
    """The formula where no member of the name comes."""

    def leaf(literal: Formula) -> Formula:
        tracker = literal.atom
        if isinstance(tracker, Required) and name in tracker.missing:
            return literal.algebra.FALSE
        return _passed(literal.algebra, literal, name)

    return formula.algebra.rebuild(formula, leaf)


def _assuming(formula: Formula, name: str, goal: Formula) -> Formula:
    """The formula where a member of the name comes, with a value of the goal."""
    algebra = formula.algebra

    def leaf(literal: Formula) -> Formula:
        tracker = literal.atom
        if isinstance(tracker, Required) and name in tracker.missing:
            return required(algebra, tracker.missing - {name})
        if isinstance(tracker, (Members, MembersLeft)):
            asked = tracker.goal(name)
            if _exclude_each_other(asked, goal):
                return algebra.FALSE
            if asked is goal or algebra.conjunction((asked, goal)) is goal:
                return _passed(algebra, literal, name)
        return literal

    return algebra.rebuild(formula, leaf)


def _exclude_each_other(one: Formula, other: Formula) -> bool:
    """Do two goals have no value in common, as a look tells? Lists are most of what is asked here."""
    listed, also = _listed(one), _listed(other)
    if listed is not None and also is not None:
        return listed.keys.isdisjoint(also.keys)
    return not one.algebra.conjunction((one, other)).possible


def _passed(algebra: Algebra, literal: Formula, name: str) -> Formula:
    """The tracker once a member of the name is settled."""
    tracker = literal.atom
    if isinstance(tracker, MembersLeft):
        return members_left(algebra, tracker.members, tracker.left - {name})
    if isinstance(tracker, Members) and tracker.restricting is not None:
        left = tracker.restricting
        # A tracker that keeps all its names stays the object that it is, and shares its frames.
        return members_left(algebra, tracker, left - {name}) if name in left else literal
    return literal
