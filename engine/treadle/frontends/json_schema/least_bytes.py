"""Lower bounds on the length of texts, for closing in time.

In: a goal. Out: the fewest bytes of a compact JSON text that satisfies it, or fewer. Asked of every goal that is
written as a rule, so it looks at keywords only and expands nothing: conjunctions take the greatest of their parts'
bounds, disjunctions the least, and schemas count what their own `required`, `minItems`, `minLength`, `pattern` and
listed values ask for. A bound never exceeds the truth: goals met inside of themselves and deep ones count little.
"""

from __future__ import annotations

from typing import Any

from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.drafts import Group
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.literals import Literals
from treadle.frontends.json_schema.schema import Schema

#: The shortest text of each kind.
_KIND_BYTES = (
    (values.NUMBER, 1),
    (values.STRING, 2),
    (values.ARRAY, 2),
    (values.OBJECT, 2),
    (values.NULL, 4),
    (values.TRUE, 4),
    (values.FALSE, 5),
)
#: Goals inside of each other that are looked at, and members or items of one.
_DEEPEST = 12
_WIDEST = 64


class LeastBytes:
    """The bounds of one compilation; kept on the goals."""

    def __init__(self) -> None:
        self._depth = 0

    def of_goal(self, goal: Formula) -> int:
        known: int | None = goal.answers.get("bytes")
        if known is not None:
            return known
        least = _of_kinds(goal.possible)
        if least > 2 or goal.certain & values.NUMBER or self._depth >= _DEEPEST:
            return least
        # While the goal is in question it counts as little as its kinds allow.
        goal.answers["bytes"] = least
        self._depth += 1
        try:
            found = goal.answers["bytes"] = max(least, self._least(goal))
        finally:
            self._depth -= 1
        return found

    def _least(self, goal: Formula) -> int:
        if goal.is_and:
            return max(self.of_goal(member) for member in goal.members)
        if goal.is_or:
            return min(self.of_goal(member) for member in goal.members)
        if not goal.is_atom:
            return 1
        if isinstance(goal.atom, Literals):
            return min(_of_value(value) for value in goal.atom.by_key.values())
        return self._of_schema(goal.atom)

    def _of_schema(self, schema: Schema) -> int:
        kinds = schema.kinds_allowed
        bounds = [_of_kinds(kinds & ~(values.STRING | values.ARRAY | values.OBJECT))]
        if kinds & values.STRING:
            bounds.append(_of_string(schema))
        if kinds & values.ARRAY:
            bounds.append(self._of_array(schema))
        if kinds & values.OBJECT:
            bounds.append(self._of_object(schema))
        return min(bounds)

    def _of_array(self, schema: Schema) -> int:
        low = int(schema.get("minItems") or 0) if schema.groups & Group.ARRAY else 0
        if not low:
            return 2
        items = schema.get("items")
        item = (
            self.of_goal(schema.child("items"))
            if isinstance(items, dict) and not schema.get("prefixItems")
            else 1
        )
        return 1 + low * (item + 1)

    def _of_object(self, schema: Schema) -> int:
        required = schema.get("required") if schema.groups & Group.OBJECT else None
        if not isinstance(required, list) or not required:
            return 2
        properties: dict[str, Any] = schema.get("properties") or {}
        total = 1
        for name in dict.fromkeys(required[:_WIDEST]):
            value = self.of_goal(schema.child("properties", name)) if name in properties else 1
            total += len(name.encode("utf-8", "surrogatepass")) + 4 + value
        return total


def _of_kinds(kinds: int) -> int:
    for kind, least in _KIND_BYTES:
        if kinds & kind:
            return least
    # No kind at all: nothing is written, so any bound holds.
    return 1 << 20


def _of_string(schema: Schema) -> int:
    if not schema.groups & Group.STRING:
        return 2
    length = int(schema.get("minLength") or 0)
    if schema.get("pattern") is not None:
        length = max(length, schema.compilation.pattern(schema.contents["pattern"]).min_length)
    return 2 + length


def _of_value(value: Any) -> int:
    if isinstance(value, str):
        return 2 + len(value)
    return _of_kinds(values.kind_of(value))
