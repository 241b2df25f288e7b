"""`unevaluatedProperties` and `unevaluatedItems`: which members and items the other keywords have looked at.

Annotations come from subschemas that are valid, and whether they are is known when the container closes. Instead of
waiting, the choice is made at the start: for every way in which the conditional subschemas (`anyOf`, `oneOf`, `if`,
`dependentSchemas`) may turn out, one option says "these hold" and asks the goal of all members that none of *them*
evaluates. More evaluators ask for less, so no option needs to say that the others do not hold, and the union of the
options is exact in both polarities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from treadle.errors import UnsupportedFeature
from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.array_trackers import ItemLayout, UnevaluatedItems
from treadle.frontends.json_schema.drafts import DRAFT2019
from treadle.frontends.json_schema.formula import Algebra, Formula
from treadle.frontends.json_schema.member_trackers import Members, members_of
from treadle.frontends.json_schema.object_trackers import UnevaluatedMembers, required
from treadle.frontends.json_schema.schema import Schema

Expand = Callable[[Formula, int], Formula]

#: Ways in which the conditional subschemas of one schema may turn out.
_WAYS = 256


@dataclass(frozen=True, slots=True)
class _Seen:
    """What has been evaluated."""

    everything: bool = False
    members: frozenset[Members] = frozenset()
    #: Items before this index.
    prefix: int = 0
    #: Goals of `contains`, which evaluate the items that satisfy them.
    contained: frozenset[Formula] = frozenset()

    def with_(self, other: _Seen) -> _Seen:
        return _Seen(
            self.everything or other.everything,
            self.members | other.members,
            max(self.prefix, other.prefix),
            self.contained | other.contained,
        )


_NOTHING = _Seen()

#: One way: the condition under which it is sure, and what has then been evaluated.
_Way = tuple[Formula, _Seen]


def unevaluated_conditions(schema: Schema, kind: int, expand: Expand) -> list[Formula]:
    """The conditions of the `unevaluated*` keyword of the kind, to hold together with the schema's others."""
    keyword = {values.OBJECT: "unevaluatedProperties", values.ARRAY: "unevaluatedItems"}.get(kind)
    if keyword is None or schema.get(keyword) is None:
        return []
    algebra, goal = schema.compilation.algebra, schema.child(keyword)
    if goal.is_true:
        return []
    try:
        ways = _Evaluation(schema, kind, expand, keyword).ways_within(schema)
    except UnsupportedFeature as error:
        if not schema.compilation.lenient:
            raise
        schema.compilation.report.add("relaxed", error.where, f"not enforced: {error.message}")
        return []
    options = [
        algebra.conjunction((condition, _tracker(algebra, goal, seen, kind, schema.at(keyword))))
        for condition, seen in ways
    ]
    return [algebra.disjunction(options)]


def _tracker(algebra: Algebra, goal: Formula, seen: _Seen, kind: int, pointer: str) -> Formula:
    if seen.everything:
        return algebra.TRUE
    if kind == values.OBJECT:
        return algebra.atom(UnevaluatedMembers(goal, seen.members, pointer))
    return algebra.atom(
        UnevaluatedItems(algebra.disjunction([goal, *seen.contained]), seen.prefix, 0, pointer)
    )


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """One `unevaluated*` keyword being resolved."""

    schema: Schema
    kind: int
    expand: Expand
    keyword: str
    #: Schemas whose ways are being found, to notice those that come back to themselves.
    within: set[Schema] = field(default_factory=set)

    @property
    def algebra(self) -> Algebra:
        return self.schema.compilation.algebra

    def ways_within(self, schema: Schema) -> list[_Way]:
        """What the keywords of a schema evaluate, given that the schema is valid; not the keyword being resolved."""
        ways: list[_Way] = [(self.algebra.TRUE, self._own(schema))]
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if keyword in schema.targets:
                ways = self._both(ways, self.ways_of(schema.target(keyword)))
        for index in range(len(schema.get("allOf") or ())):
            ways = self._both(ways, self.ways_of(schema.child("allOf", index)))
        for index in range(len(schema.get("anyOf") or ())):
            ways = self._both(
                ways, [(self.algebra.TRUE, _NOTHING), *self._if_valid(schema.child("anyOf", index))]
            )
        ways = self._both(ways, self._one_of(schema))
        ways = self._both(ways, self._if(schema))
        for name in (schema.get("dependentSchemas") or ()) if self.kind == values.OBJECT else ():
            present = required(self.algebra, frozenset((name,)))
            options = self._under(present, self.ways_of(schema.child("dependentSchemas", name)))
            ways = self._both(ways, [(self.algebra.TRUE, _NOTHING), *options])
        return ways

    def ways_of(self, goal: Formula) -> list[_Way]:
        """The same for a goal, which is one schema or says nothing of members."""
        schema = goal.atom
        if not goal.is_atom or not isinstance(schema, Schema):
            return [(self.algebra.TRUE, _NOTHING)]
        if schema in self.within:
            return [(self.algebra.TRUE, _NOTHING)]
        self.within.add(schema)
        ways = self.ways_within(schema)
        self.within.remove(schema)
        return ways

    def _one_of(self, schema: Schema) -> list[_Way]:
        """Exactly one is valid: whichever it is."""
        ways: list[_Way] = [(self.algebra.TRUE, _NOTHING)]
        for index in range(len(schema.get("oneOf") or ())):
            ways.extend(self._if_valid(schema.child("oneOf", index)))
        return ways

    def _if(self, schema: Schema) -> list[_Way]:
        ways: list[_Way] = [(self.algebra.TRUE, _NOTHING)]
        if schema.get("if") is None:
            return ways
        goal = schema.child("if")
        condition = self.expand(goal, self.kind)
        then: list[_Way] = self.ways_of(schema.child("then")) if schema.get("then") is not None else ways
        ways = [*ways, *self._under(condition, self._both(self.ways_of(goal), then))]
        if schema.get("else") is not None:
            ways.extend(self._under(self.algebra.negate(condition), self.ways_of(schema.child("else"))))
        return ways

    def _if_valid(self, goal: Formula) -> list[_Way]:
        return self._under(self.expand(goal, self.kind), self.ways_of(goal))

    def _under(self, condition: Formula, ways: list[_Way]) -> list[_Way]:
        return [
            (both, seen)
            for more, seen in ways
            if seen != _NOTHING and not (both := self.algebra.conjunction((condition, more))).is_false
        ]

    def _both(self, ways: list[_Way], others: list[_Way]) -> list[_Way]:
        if len(ways) * len(others) > _WAYS:
            raise UnsupportedFeature(
                f"{self.keyword} beside more than {_WAYS} ways in which the subschemas may turn out",
                where=self.schema.at(self.keyword),
            )
        found: dict[_Way, None] = {}
        for condition, seen in ways:
            for other, more in others:
                both = self.algebra.conjunction((condition, other))
                if not both.is_false:
                    found[both, seen.with_(more)] = None
        return list(found)

    def _own(self, schema: Schema) -> _Seen:
        """What the schema's own keywords evaluate."""
        if self.kind == values.OBJECT:
            return self._own_members(schema)
        return self._own_items(schema)

    def _own_members(self, schema: Schema) -> _Seen:
        if schema.get("additionalProperties") is not None:
            return _Seen(everything=True)
        if schema is not self.schema and schema.get("unevaluatedProperties") is not None:
            return _Seen(everything=True)
        members = members_of(schema)
        return _NOTHING if members is None else _Seen(members=frozenset((members,)))

    def _own_items(self, schema: Schema) -> _Seen:
        if schema is not self.schema and schema.get("unevaluatedItems") is not None:
            return _Seen(everything=True)
        layout = ItemLayout(schema)
        if layout.rest is not None:
            return _Seen(everything=True)
        contained: frozenset[Any] = frozenset()
        if schema.get("contains") is not None and schema.draft is not DRAFT2019:
            contained = frozenset((schema.child("contains"),))
        return _Seen(prefix=layout.prefix_length, contained=contained)
