"""What the array keywords remember while items are read: one small tracker a keyword family.

`derive` is the derivative by the next item: a formula over value goals and the trackers that go on. `contains` comes
as two trackers, one for the lower and one for the upper count, because each is monotone and so needs the negation of
the contained schema on one side only. `Unique` asks for the item's value after it is read (`remember`).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from treadle.frontends.json_schema.count_trackers import count
from treadle.frontends.json_schema.drafts import Group
from treadle.frontends.json_schema.formula import CONTAINER, Algebra, Formula
from treadle.frontends.json_schema.literals import Literals
from treadle.frontends.json_schema.schema import Schema


class Items:
    """The prefix and the rest of one schema, at some index. One object an index: `after` steps."""

    __slots__ = ("_after", "index", "layout")

    sort = CONTAINER
    meets = False
    fixed = True
    can_close = True

    def __init__(self, layout: ItemLayout, index: int) -> None:
        self.layout = layout
        self.index = index
        self._after: Items | None = None

    def goal(self) -> Formula:
        return self.layout.goal(self.index)

    @property
    def after(self) -> Items:
        """The tracker for the next index; the same object in the rest."""
        if self.index == self.layout.prefix_length:
            return self
        if self._after is None:
            self._after = Items(self.layout, self.index + 1)
        return self._after

    def derive(self, algebra: Algebra) -> Formula:
        return algebra.conjunction((self.goal(), algebra.atom(self.after)))

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"item {self.index} of {self.layout.schema.pointer}"


class ItemLayout:
    """Which keywords of a schema give the goals of the items, in the spelling of its draft."""

    __slots__ = ("_goals", "prefix", "prefix_length", "rest", "schema")

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        items = schema.get("items")
        #: Keyword of the goals by index, None = no such goals.
        self.prefix: str | None = None
        #: Keyword of the goal of the other items.
        self.rest: str | None = None
        if isinstance(items, list):
            self.prefix = "items"
            self.rest = "additionalItems" if schema.get("additionalItems") is not None else None
        else:
            self.prefix = "prefixItems" if schema.get("prefixItems") is not None else None
            self.rest = "items" if items is not None else None
        self.prefix_length = len(schema.contents[self.prefix]) if self.prefix else 0
        self._goals: dict[int, Formula] = {}

    def goal(self, index: int) -> Formula:
        known = self._goals.get(index)
        if known is None:
            if index < self.prefix_length:
                assert self.prefix is not None
                known = self.schema.child(self.prefix, index)
            elif self.rest is not None:
                known = self.schema.child(self.rest)
            else:
                known = self.schema.compilation.algebra.TRUE
            self._goals[index] = known
        return known


def _meet_contains(algebra: Algebra, members: list[Formula]) -> list[Formula] | None:
    """The tightest bounds for each goal; FALSE where they cross, None where nothing merges."""
    lows: dict[Formula, Formula] = {}
    highs: dict[Formula, Formula] = {}
    for member in members:
        atom = member.atom
        if isinstance(atom, ContainsAtLeast):
            if atom.goal not in lows or lows[atom.goal].atom.low < atom.low:
                lows[atom.goal] = member
        elif atom.goal not in highs or highs[atom.goal].atom.high > atom.high:
            highs[atom.goal] = member
    if any(goal in highs and highs[goal].atom.high < low.atom.low for goal, low in lows.items()):
        return [algebra.FALSE]
    kept = [*lows.values(), *highs.values()]
    return None if len(kept) == len(members) else kept


@dataclass(frozen=True, slots=True)
class ContainsAtLeast:
    """At least `low` more items satisfy the goal; `low` is above 0."""

    goal: Formula
    low: int
    pointer: str = field(compare=False)

    sort = CONTAINER
    meets = True
    fixed = False
    can_close = False

    def derive(self, algebra: Algebra) -> Formula:
        counted = contains_at_least(algebra, self.goal, self.low - 1, self.pointer)
        # Exact without "or the item does not satisfy it", because needing fewer follows from needing more.
        return algebra.disjunction((algebra.conjunction((self.goal, counted)), algebra.atom(self)))

    def complement(self, algebra: Algebra) -> Formula:
        return algebra.atom(ContainsAtMost(self.goal, self.low - 1, self.pointer))

    meet = staticmethod(_meet_contains)

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"{self.low} more items by {self.pointer}"


@dataclass(frozen=True, slots=True)
class ContainsAtMost:
    """At most `high` more items satisfy the goal."""

    goal: Formula
    high: int
    pointer: str = field(compare=False)

    sort = CONTAINER
    meets = True
    fixed = False
    can_close = True

    def derive(self, algebra: Algebra) -> Formula:
        uncounted = algebra.conjunction((algebra.negate(self.goal), algebra.atom(self)))
        if self.high == 0:
            return uncounted
        counted = algebra.atom(ContainsAtMost(self.goal, self.high - 1, self.pointer))
        return algebra.disjunction((counted, uncounted))

    def complement(self, algebra: Algebra) -> Formula:
        return algebra.atom(ContainsAtLeast(self.goal, self.high + 1, self.pointer))

    meet = staticmethod(_meet_contains)

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"at most {self.high} more items by {self.pointer}"


def contains_at_least(algebra: Algebra, goal: Formula, low: int, pointer: str) -> Formula:
    if low <= 0:
        return algebra.TRUE
    if goal.is_true:
        return count(algebra, low, None)
    return algebra.FALSE if goal.is_false else algebra.atom(ContainsAtLeast(goal, low, pointer))


@dataclass(frozen=True, slots=True)
class Unique:
    """`uniqueItems`: no item equals one of those seen. `awaiting`: the last item's value was not reported yet."""

    seen: Literals | None = None
    awaiting: bool = False

    sort = CONTAINER
    meets = False
    fixed = False
    can_close = True

    def derive(self, algebra: Algebra) -> Formula:
        after = algebra.atom(Unique(self.seen, True))
        if self.seen is None:
            return after
        return algebra.conjunction((algebra.negate(algebra.atom(self.seen)), after))

    def with_value(self, key: Hashable, value: Any) -> Unique:
        known = {} if self.seen is None else self.seen.by_key
        return Unique(Literals({**known, key: value}))

    def forgetting(self) -> Unique:
        return Unique(self.seen)

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return "unique items"


class UnevaluatedItems:
    """`unevaluatedItems`: items from `start` on satisfy the goal, or one of the `contains` that evaluate."""

    __slots__ = ("_hash", "_key", "index", "pointer", "rest", "start")

    sort = CONTAINER
    meets = False
    fixed = True
    can_close = True

    def __init__(self, rest: Formula, start: int, index: int, pointer: str) -> None:
        self.rest = rest
        self.start = start
        self.index = index
        self.pointer = pointer
        self._key = (rest, start, index)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnevaluatedItems) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def goal(self) -> Formula:
        return self.rest.algebra.TRUE if self.index < self.start else self.rest

    @property
    def after(self) -> UnevaluatedItems:
        if self.index >= self.start:
            return self
        return UnevaluatedItems(self.rest, self.start, self.index + 1, self.pointer)

    def derive(self, algebra: Algebra) -> Formula:
        return algebra.conjunction((self.goal(), algebra.atom(self.after)))

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"unevaluated items by {self.pointer}"


def array_conditions(schema: Schema) -> list[Formula]:
    """Trackers of the schema's own array keywords, to hold together."""
    if not schema.groups & Group.ARRAY:
        return []
    algebra = schema.compilation.algebra
    found = []
    if schema.get("items") is not None or schema.get("prefixItems") is not None:
        layout = schema.prepared.get("items")
        if layout is None:
            layout = schema.prepared["items"] = Items(ItemLayout(schema), 0)
        found.append(algebra.atom(layout))
    low, high = schema.get("minItems"), schema.get("maxItems")
    if low or high is not None:
        found.append(count(algebra, int(low or 0), None if high is None else int(high)))
    if schema.get("contains") is not None:
        found.extend(_contains(schema))
    if schema.get("uniqueItems"):
        found.append(algebra.atom(Unique()))
    return found


def _contains(schema: Schema) -> list[Formula]:
    algebra = schema.compilation.algebra
    goal, pointer = schema.child("contains"), schema.at("contains")
    low, high = schema.get("minContains"), schema.get("maxContains")
    found = [contains_at_least(algebra, goal, 1 if low is None else int(low), pointer)]
    if high is not None and not goal.is_false:
        at_most = (
            count(algebra, 0, int(high))
            if goal.is_true
            else algebra.atom(ContainsAtMost(goal, int(high), pointer))
        )
        found.append(at_most)
    return found
