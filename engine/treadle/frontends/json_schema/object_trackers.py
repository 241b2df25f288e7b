"""What the object keywords remember while members are read: one small tracker a keyword family.

A tracker is an atom of a container formula. `derive(name)` is its derivative by a member of that name: a formula over
value goals, which the member's value must be in, and trackers, which go on. Trackers marked `fixed` ask the same of a
name whenever it comes and never change; formulas of fixed trackers, `Required` and `Count` need no derivatives at all
(`object_state.Frame`), and that is nearly every object schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.count_trackers import count
from treadle.frontends.json_schema.drafts import DRAFT3, Group
from treadle.frontends.json_schema.formula import CONTAINER, Algebra, Formula
from treadle.frontends.json_schema.member_trackers import Members, NameClass, Names, members_of
from treadle.frontends.json_schema.schema import Schema
from treadle.grammar.derivative import matches
from treadle.grammar.expression import NOTHING, Expr, alternate


@dataclass(frozen=True, slots=True)
class Required:
    """These names still have to come."""

    missing: frozenset[str]

    sort = CONTAINER
    meets = True
    fixed = False
    languages = ()
    can_close = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.missing))

    @property
    def restricting(self) -> frozenset[str]:
        return self.missing

    def derive(self, algebra: Algebra, name: str) -> Formula:
        if name not in self.missing:
            return algebra.atom(self)
        return required(algebra, self.missing - {name})

    def derive_class(self, algebra: Algebra, name_class: NameClass) -> Formula:
        return algebra.atom(self)

    @staticmethod
    def meet(algebra: Algebra, members: list[Formula]) -> list[Formula] | None:
        """All of several sets are required when their union is; one set both required and missing is a conflict."""
        positive = [member.atom.missing for member in members if member.is_atom]
        negative = [member for member in members if member.is_not]
        if not positive:
            return None
        joint = frozenset().union(*positive)
        kept = []
        for member in negative:
            left = member.atom.missing - joint
            if not left:
                return [algebra.FALSE]
            kept.append(algebra.negate(algebra.atom(Required(left))))
        if len(positive) == 1 and kept == negative:
            return None
        return [algebra.atom(Required(joint)), *kept]

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return "required " + ", ".join(repr(name) for name in self.names)


def required(algebra: Algebra, names: frozenset[str]) -> Formula:
    return algebra.atom(Required(names)) if names else algebra.TRUE


class UnevaluatedMembers:
    """`unevaluatedProperties`: members that none of `evaluators` looks at satisfy the goal.

    Which in-place subschemas are valid, and so evaluate, is decided by the formula around the tracker (`unevaluated`).
    """

    __slots__ = ("_hash", "_key", "evaluators", "goal_of_rest", "languages", "names", "pointer")

    sort = CONTAINER
    meets = False
    fixed = True
    restricting = None
    can_close = True

    def __init__(self, goal: Formula, evaluators: frozenset[Members], pointer: str) -> None:
        self.goal_of_rest = goal
        #: The `Members` whose properties and patterns evaluate; those with additionalProperties are not needed here.
        self.evaluators = evaluators
        self.pointer = pointer
        ordered = sorted(evaluators, key=lambda members: members.schema.pointer)
        self.names = tuple(dict.fromkeys(name for members in ordered for name in members.names))
        self.languages = tuple(dict.fromkeys(one for members in ordered for one in members.languages))
        self._key = (goal, evaluators)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnevaluatedMembers) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def goal(self, name: str) -> Formula:
        evaluated = name in self.names or any(matches(language, name) for language in self.languages)
        return self.goal_of_rest.algebra.TRUE if evaluated else self.goal_of_rest

    def class_goal(self, name_class: NameClass) -> Formula:
        evaluated = any(language in name_class.within for language in self.languages)
        return self.goal_of_rest.algebra.TRUE if evaluated else self.goal_of_rest

    def derive(self, algebra: Algebra, name: str) -> Formula:
        return algebra.conjunction((self.goal(name), algebra.atom(self)))

    def derive_class(self, algebra: Algebra, name_class: NameClass) -> Formula:
        return algebra.conjunction((self.class_goal(name_class), algebra.atom(self)))

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"unevaluated members by {self.pointer}"


def object_conditions(schema: Schema) -> list[Formula]:
    """Trackers of the schema's own object keywords, to hold together."""
    if not schema.groups & Group.OBJECT:
        return []
    algebra = schema.compilation.algebra
    contents, found = schema.contents, []
    members = members_of(schema)
    if members is not None:
        found.append(algebra.atom(members))
    names = contents.get("required")
    if schema.draft is DRAFT3:
        names = [name for name, child in (contents.get("properties") or {}).items() if child.get("required")]
    if names:
        found.append(algebra.atom(Required(frozenset(names))))
    low, high = schema.get("minProperties"), schema.get("maxProperties")
    if low or high is not None:
        found.append(count(algebra, int(low or 0), None if high is None else int(high)))
    if schema.get("propertyNames") is not None:
        found.append(_names_condition(schema))
    return found


def _names_condition(schema: Schema) -> Formula:
    """The names as a language: a name is a string, so only the schema's strings matter."""
    algebra = schema.compilation.algebra
    goal = schema.child("propertyNames")
    if goal.certain & values.STRING:
        return algebra.TRUE
    language = _strings_of(schema, goal)
    decided = None
    if schema.compilation.is_undecided_in_part(goal):
        decided = alternate(language, _strings_of(schema, algebra.negate(goal)))
    elif language is NOTHING:
        return count(algebra, 0, 0)
    return algebra.atom(Names(language, schema.at("propertyNames"), decided))


def _strings_of(schema: Schema, goal: Formula) -> Expr:
    return alternate(*(case.as_language() for case in schema.compilation.strings(goal)))


def tracker_goal(algebra: Algebra, tracker: Any, name: str) -> Formula:
    """What a fixed tracker asks of the value under a name."""
    goal: Formula = tracker.goal_in(algebra, name) if isinstance(tracker, Names) else tracker.goal(name)
    return goal


def tracker_class_goal(algebra: Algebra, tracker: Any, name_class: NameClass) -> Formula:
    if isinstance(tracker, Names):
        return algebra.TRUE if tracker.language in name_class.within else algebra.FALSE
    goal: Formula = tracker.class_goal(name_class)
    return goal
