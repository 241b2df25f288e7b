"""Trackers of members: which names there are, and what the value under each must be.

`Members` says it for one schema, `MembersLeft` for what is left of it where that matters, `MemberIs` for one name,
`Names` for the names alone. All are fixed: they ask the same of a name whenever it comes.
"""

from __future__ import annotations

from dataclasses import dataclass

from treadle.frontends.json_schema.formula import CONTAINER, Algebra, Formula
from treadle.frontends.json_schema.schema import Schema
from treadle.grammar.derivative import matches
from treadle.grammar.expression import Expr


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
        self.patterns = tuple(
            (schema.compilation.pattern(pattern), pattern)
            for pattern in schema.get("patternProperties") or ()
        )
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
            self._by_pattern(pattern) for language, pattern in self.patterns if matches(language, name)
        )
        return self._joint(goals)

    def has_plain_values(self, name: str) -> bool:
        """Whether a look tells that a listed name has values. False may mean that it does not tell."""
        schema = self.schema
        listed = schema.get("properties") or {}
        if self.patterns or name not in listed:
            return False
        return schema.compilation.has_plain_values(listed[name], schema.resource)

    def class_goal(self, name_class: NameClass) -> Formula:
        known = self._class_goals.get(name_class)
        if known is None:
            goals = [
                self._by_pattern(pattern)
                for language, pattern in self.patterns
                if language in name_class.within
            ]
            known = self._class_goals[name_class] = self._joint(goals)
        return known

    def _by_pattern(self, pattern: str) -> Formula:
        compilation = self.schema.compilation
        if pattern in compilation.relaxed_patterns:
            return compilation.algebra.TRUE
        return self.schema.child("patternProperties", pattern)

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
        asked = (self._by_pattern(pattern) for _, pattern in self.patterns)
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

    __slots__ = ("decided", "language", "languages", "pointer")

    sort = CONTAINER
    meets = False
    fixed = True
    names = ()
    restricting = None
    can_close = True

    def __init__(self, language: Expr, pointer: str, decided: Expr | None = None) -> None:
        """`decided`: the names of which the language says yes or no rightly, where it does not of all."""
        self.language = language
        self.decided = decided
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


def members_of(schema: Schema) -> Members | None:
    """The schema's `Members` tracker; None where it says nothing of members."""
    known: Members | None = schema.prepared.get("members")
    if known is None and (
        schema.get("properties")
        or schema.get("patternProperties")
        or schema.get("additionalProperties") is not None
    ):
        known = schema.prepared["members"] = Members(schema)
    return known
