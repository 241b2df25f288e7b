"""Objects that the automaton can keep count of by itself: the members ask the same whenever they come.

In: a state. Out: a `PlainObject`, the static description of what is left of the object, or None where later members
depend on earlier ones in any way that is not a count, a required name or "not twice".
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from treadle.frontends.json_schema.object_state import FixedObject, Frame, name_bytes
from treadle.grammar.emptiness import never_runs_out, shortest_length
from treadle.grammar.rules import Member

if TYPE_CHECKING:
    from treadle.frontends.json_schema.formula import Formula
    from treadle.frontends.json_schema.member_trackers import NameClass
    from treadle.frontends.json_schema.object_state import ObjectState


@dataclass(frozen=True, slots=True)
class PlainObject:
    """What is left of an object, for `rules.Object`."""

    key: Hashable
    frame: Frame
    members: tuple[Member, ...]
    others: tuple[NameClass, ...]
    #: Is every name that is not listed in one of `others`?
    total: bool
    ordered: bool
    low: int
    high: int | None
    #: A lower bound of the bytes of a member that is not required.
    fill: int
    gone: frozenset[str]
    first_rank: int
    least: int

    def goal(self, name: str) -> Formula:
        return self.frame.goal(name)

    def other_goal(self, label: int) -> Formula:
        return self.frame.others[self.others[label]]


def plain_object(state: ObjectState) -> PlainObject | None:
    """The description of a state, None where it has none."""
    if not isinstance(state, FixedObject):
        return None
    frame, table = state.frame, state.frame.table
    ordered = frame.compilation.declared_order
    others = tuple(frame.others)
    if not all(never_runs_out(other.language) for other in others):
        # Behind some beginning of a name, all names may have been written.
        return None
    if ordered and (table.ordered < len(table.names) or (state.low > 1 and not others)):
        return None
    if not state.seen <= table.index.keys():
        return None
    return PlainObject(
        key=(frame, state.missing, state.low, state.high, state.at, state.seen),
        frame=frame,
        members=_members(state),
        others=others,
        total=len(others) == len(table.classes),
        ordered=ordered,
        low=state.low,
        high=state.high,
        fill=_least_optional(state, others),
        gone=state.seen,
        first_rank=state.at if ordered else 0,
        least=state.min_bytes(),
    )


def _least_optional(state: FixedObject, others: tuple[NameClass, ...]) -> int:
    if state.low == 0:
        return 4
    lengths = [shortest_length(other.language) + 2 for other in others]
    lengths += [name_bytes(name) for name in state.frame.table.names if name not in state.missing]
    return min(lengths, default=2) + 2


def _members(state: FixedObject) -> tuple[Member, ...]:
    frame, missing = state.frame, state.missing
    return tuple(
        Member(
            name,
            frame.table.index[name],
            name in missing,
            frame.usable(name),
            name_bytes(name) + 1 + frame.goal(name).min_bytes() if name in missing else 0,
        )
        for name in sorted(frame.table.names)
    )
