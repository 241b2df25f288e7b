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
from treadle.frontends.json_schema.drafts import DRAFT3, Group
from treadle.frontends.json_schema.formula import CONTAINER, Algebra, Formula
from treadle.frontends.json_schema.schema import Schema
from treadle.frontends.regex import parse_ecma
from treadle.grammar.derivative import matches
from treadle.grammar.expression import NOTHING, Expr, alternate


@dataclass(frozen=True, slots=True)
class NameClass:
    """Names that no keyword lists and that all keywords treat alike.

    `language` may still contain explicit names; whoever writes names takes those out.
    """

    language: Expr
    #: The languages of `patternProperties` and `propertyNames` that contain the names; they are in no other.
    within: frozenset[Expr]


_UNKNOWN = object()


class Members:
    """`properties`, `patternProperties` and `additionalProperties` of one schema."""

    __slots__ = ("_class_goals", "_goals", "_restricting", "languages", "names", "patterns", "schema")

    sort = CONTAINER
    meets = False
    fixed = True

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.names: tuple[str, ...] = tuple(schema.contents["properties"]) if schema.get("properties") else ()
        #: (language, pattern) of each pattern property.
        self.patterns = tuple((parse_ecma(pattern), pattern) for pattern in schema.get("patternProperties") or ())
        self.languages = tuple(language for language, _ in self.patterns)
        self._goals: dict[str, Formula] = {}
        self._class_goals: dict[NameClass, Formula] = {}
        self._restricting: object = _UNKNOWN

    def goal(self, name: str) -> Formula:
        """What the value of a member of this name must satisfy."""
        known = self._goals.get(name)
        if known is None:
            known = self._goals[name] = self._goal(name)
        return known

    def _goal(self, name: str) -> Formula:
        properties = self.schema.get("properties")
        listed = properties is not None and name in properties
        if listed and not self.patterns:
            return self.schema.child("properties", name)
        goals = [self.schema.child("properties", name)] if listed else []
        goals.extend(
            self.schema.child("patternProperties", pattern)
            for language, pattern in self.patterns
            if matches(language, name)
        )
        return self._joint(goals)

    def class_goal(self, name_class: NameClass) -> Formula:
        known = self._class_goals.get(name_class)
        if known is None:
            goals = [
                self.schema.child("patternProperties", pattern)
                for language, pattern in self.patterns
                if language in name_class.within
            ]
            known = self._class_goals[name_class] = self._joint(goals)
        return known

    def _joint(self, goals: list[Formula]) -> Formula:
        schema = self.schema
        if goals:
            return schema.compilation.algebra.conjunction(goals)
        if schema.get("additionalProperties") is None:
            return schema.compilation.algebra.TRUE
        return schema.child("additionalProperties")

    @property
    def restricting(self) -> frozenset[str] | None:
        """The names of which something is asked, where that are finitely many; else None."""
        if self._restricting is _UNKNOWN:
            self._restricting = self._find_restricting()
        return self._restricting  # type: ignore[return-value]

    def _find_restricting(self) -> frozenset[str] | None:
        asked = (self.schema.child("patternProperties", pattern) for _, pattern in self.patterns)
        if not self._joint([]).is_true or not all(goal.is_true for goal in asked):
            return None
        return frozenset(name for name in self.names if not self.goal(name).is_true)

    def derive(self, algebra: Algebra, name: str) -> Formula:
        left = self.restricting
        rest = algebra.atom(self) if left is None else members_left(algebra, self, left - {name})
        return algebra.conjunction((self.goal(name), rest))

    def derive_class(self, algebra: Algebra, name_class: NameClass) -> Formula:
        return algebra.conjunction((self.class_goal(name_class), algebra.atom(self)))

    can_close = True

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"the members of {self.schema.pointer}"


@dataclass(frozen=True, slots=True)
class MembersLeft:
    """`Members` of which only the names in `left`, which are still to come, ask for anything.

    A name comes once, so a tracker that asks nothing of the other names is done when its own have come. Without this
    "some member violates the schema", as in the negation of an `if`, would be waited for although it cannot happen.
    """

    members: Members
    left: frozenset[str]

    sort = CONTAINER
    meets = False
    fixed = True
    can_close = True

    @property
    def names(self) -> tuple[str, ...]:
        return self.members.names

    @property
    def languages(self) -> tuple[Expr, ...]:
        return self.members.languages

    @property
    def restricting(self) -> frozenset[str]:
        return self.left

    def goal(self, name: str) -> Formula:
        return self.members.goal(name)

    def class_goal(self, name_class: NameClass) -> Formula:
        return self.members.class_goal(name_class)

    def derive(self, algebra: Algebra, name: str) -> Formula:
        if name not in self.left:
            return algebra.atom(self)
        return algebra.conjunction((self.goal(name), members_left(algebra, self.members, self.left - {name})))

    def derive_class(self, algebra: Algebra, name_class: NameClass) -> Formula:
        return algebra.atom(self)

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return self.members.describe()


def members_left(algebra: Algebra, members: Members, left: frozenset[str]) -> Formula:
    return algebra.atom(MembersLeft(members, left)) if left else algebra.TRUE


@dataclass(frozen=True, slots=True)
class MemberIs:
    """A member of this name has a value of the goal: an assumption that was made about it (`discriminate`)."""

    name: str
    value: Formula

    sort = CONTAINER
    meets = False
    fixed = True
    languages = ()
    can_close = True

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def restricting(self) -> frozenset[str]:
        return frozenset((self.name,))

    def goal(self, name: str) -> Formula:
        return self.value if name == self.name else self.value.algebra.TRUE

    def class_goal(self, name_class: NameClass) -> Formula:
        return self.value.algebra.TRUE

    def derive(self, algebra: Algebra, name: str) -> Formula:
        return self.value if name == self.name else algebra.atom(self)

    def derive_class(self, algebra: Algebra, name_class: NameClass) -> Formula:
        return algebra.atom(self)

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"{self.name!r} is {self.value.describe()}"


class Names:
    """`propertyNames`: every name is in the language."""

    __slots__ = ("language", "languages", "pointer")

    sort = CONTAINER
    meets = False
    fixed = True
    names = ()
    restricting = None
    can_close = True

    def __init__(self, language: Expr, pointer: str) -> None:
        self.language = language
        self.languages = (language,)
        self.pointer = pointer

    def goal_in(self, algebra: Algebra, name: str) -> Formula:
        return algebra.TRUE if matches(self.language, name) else algebra.FALSE

    def derive(self, algebra: Algebra, name: str) -> Formula:
        return algebra.atom(self) if matches(self.language, name) else algebra.FALSE

    def derive_class(self, algebra: Algebra, name_class: NameClass) -> Formula:
        return algebra.atom(self) if self.language in name_class.within else algebra.FALSE

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"names by {self.pointer}"


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


@dataclass(frozen=True, slots=True)
class AtLeast:
    """So many more members (or items) at least; `low` is above 0."""

    low: int

    sort = CONTAINER
    meets = True
    fixed = False
    names = ()
    languages = ()
    restricting = None
    can_close = False

    def after_one(self, algebra: Algebra) -> Formula:
        return algebra.atom(AtLeast(self.low - 1)) if self.low > 1 else algebra.TRUE

    def derive(self, algebra: Algebra, name: str = "") -> Formula:
        return self.after_one(algebra)

    def derive_class(self, algebra: Algebra, name_class: NameClass) -> Formula:
        return self.after_one(algebra)

    def complement(self, algebra: Algebra) -> Formula:
        return algebra.atom(AtMost(self.low - 1))

    @staticmethod
    def meet(algebra: Algebra, members: list[Formula]) -> list[Formula]:
        return [max(members, key=lambda member: member.atom.low)]  # type: ignore[no-any-return]

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"at least {self.low} more"


@dataclass(frozen=True, slots=True)
class AtMost:
    """So many more members (or items) at most."""

    high: int

    sort = CONTAINER
    meets = True
    fixed = False
    names = ()
    languages = ()
    restricting = None
    can_close = True

    def after_one(self, algebra: Algebra) -> Formula:
        return algebra.atom(AtMost(self.high - 1)) if self.high else algebra.FALSE

    def derive(self, algebra: Algebra, name: str = "") -> Formula:
        return self.after_one(algebra)

    def derive_class(self, algebra: Algebra, name_class: NameClass) -> Formula:
        return self.after_one(algebra)

    def complement(self, algebra: Algebra) -> Formula:
        return algebra.atom(AtLeast(self.high + 1))

    @staticmethod
    def meet(algebra: Algebra, members: list[Formula]) -> list[Formula]:
        return [min(members, key=lambda member: member.atom.high)]  # type: ignore[no-any-return]

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"at most {self.high} more"


def count(algebra: Algebra, low: int, high: int | None) -> Formula:
    """Between `low` and `high` more."""
    if high is None:
        return algebra.atom(AtLeast(low)) if low > 0 else algebra.TRUE
    if high < low or high < 0:
        return algebra.FALSE
    most = algebra.atom(AtMost(high))
    return algebra.conjunction((algebra.atom(AtLeast(low)), most)) if low > 0 else most


def describe_count(low: int, high: int | None) -> str:
    most = "" if high is None else f", at most {high}"
    return f"at least {low}{most} more"


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


def members_of(schema: Schema) -> Members | None:
    """The schema's `Members` tracker; None where it says nothing of members."""
    known: Members | None = schema.prepared.get("members")
    if known is None and (
        schema.get("properties") or schema.get("patternProperties") or schema.get("additionalProperties") is not None
    ):
        known = schema.prepared["members"] = Members(schema)
    return known


def _names_condition(schema: Schema) -> Formula:
    """The names as a language: a name is a string, so only the schema's strings matter."""
    algebra = schema.compilation.algebra
    goal = schema.child("propertyNames")
    if goal.certain & values.STRING:
        return algebra.TRUE
    cases = schema.compilation.strings(goal)
    language = alternate(*(case.as_language() for case in cases))
    if language is NOTHING:
        return count(algebra, 0, 0)
    return algebra.atom(Names(language, schema.at("propertyNames")))


def tracker_goal(algebra: Algebra, tracker: Any, name: str) -> Formula:
    """What a fixed tracker asks of the value under a name."""
    goal: Formula = tracker.goal_in(algebra, name) if isinstance(tracker, Names) else tracker.goal(name)
    return goal


def tracker_class_goal(algebra: Algebra, tracker: Any, name_class: NameClass) -> Formula:
    if isinstance(tracker, Names):
        return algebra.TRUE if tracker.language in name_class.within else algebra.FALSE
    goal: Formula = tracker.class_goal(name_class)
    return goal
