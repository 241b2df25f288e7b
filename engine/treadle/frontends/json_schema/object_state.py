"""Objects in progress: which names may come, what their values must be, and what is left to do after each.

In: a container formula. Out: interned states with `names`, `others`, `member`, `other`, `can_close`. `FixedObject` is
the state of formulas whose trackers ask the same of a name whenever it comes: what is left is a set of required names
and two counts, and a step costs a few microseconds. `OpenObject` is the state of any other formula and steps by
derivatives. Both offer only what leads to some complete object.

Order "any": a state remembers the names seen. Order "declared": a position in the name table; names before it are
gone, and after the first name that no keyword declares only such names follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from treadle.frontends.json_schema.count_trackers import AtLeast, AtMost, describe_count
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.member_trackers import Members, NameClass
from treadle.frontends.json_schema.name_classes import NameTable, names_left
from treadle.frontends.json_schema.object_trackers import Required, tracker_class_goal, tracker_goal

if TYPE_CHECKING:
    from treadle.frontends.json_schema.compilation import Compilation

Branches = tuple[tuple[Formula, "ObjectState"], ...]


class ObjectState(Protocol):
    """An object of which some members are written. Equal residuals are the same object."""

    @property
    def can_close(self) -> bool:
        """Whether the object may end here."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Explicit names that may come next; each has a branch."""
        ...

    @property
    def forbidden(self) -> frozenset[str]:
        """Names that must not come next, although a name class may contain them."""
        ...

    @property
    def others(self) -> tuple[NameClass, ...]:
        """Classes of names that may come next. Their languages still contain explicit and forbidden names."""
        ...

    @property
    def can_continue(self) -> bool:
        """Whether some member may come next."""
        ...

    def member(self, name: str) -> Branches:
        """Ways to write a member of this explicit name: goal of the value, state after it."""
        ...

    def other(self, name_class: NameClass, name: str | None) -> Branches:
        """Ways to write a member of the class. The state after it forbids the name, where one is given."""
        ...

    def min_bytes(self) -> int:
        """A lower bound on the bytes still to come, with the closing bracket."""
        ...

    def describe(self) -> str: ...


class Frame:
    """What never changes while an object is read: its fixed trackers, the names that must stay away, the table."""

    __slots__ = ("_goals", "_others", "_usable", "absent", "compilation", "key", "table", "trackers")

    def __init__(
        self, compilation: Compilation, trackers: tuple[Any, ...], absent: frozenset[str], table: NameTable
    ) -> None:
        self.compilation = compilation
        self.trackers = trackers
        self.absent = absent
        self.table = table
        self._goals: dict[str, Formula] = {}
        self._usable: dict[str, bool] = {}
        self._others: dict[NameClass, Formula] | None = None

    def dispose(self) -> None:
        """Let go of what was found out (see `Compilation.dispose`)."""
        self._goals.clear()
        self._others = None

    def goal(self, name: str) -> Formula:
        """What the value of an explicit name must satisfy; FALSE where the name must stay away."""
        known = self._goals.get(name)
        if known is None:
            algebra = self.compilation.algebra
            if name in self.absent:
                known = algebra.FALSE
            elif len(self.trackers) == 1:
                known = tracker_goal(algebra, self.trackers[0], name)
            else:
                known = algebra.conjunction(
                    [tracker_goal(algebra, tracker, name) for tracker in self.trackers]
                )
            self._goals[name] = known
        return known

    def usable(self, name: str) -> bool:
        known = self._usable.get(name)
        if known is None:
            known = self._usable[name] = self._is_plain(name) or not self.goal(name).is_empty()
        return known

    def _is_plain(self, name: str) -> bool:
        """Has the name plain values, as a look at one schema tells?"""
        if len(self.trackers) > 1 or name in self._goals or name in self.absent:
            return False
        return all(
            isinstance(tracker, Members) and tracker.has_plain_values(name) for tracker in self.trackers
        )

    def class_goal(self, name_class: NameClass) -> Formula:
        algebra = self.compilation.algebra
        return algebra.conjunction(
            [tracker_class_goal(algebra, tracker, name_class) for tracker in self.trackers]
        )

    @property
    def others(self) -> dict[NameClass, Formula]:
        """The usable classes with the goals of their values."""
        if self._others is None:
            goals = {name_class: self.class_goal(name_class) for name_class in self.table.classes}
            self._others = {name_class: goal for name_class, goal in goals.items() if not goal.is_empty()}
        return self._others

    def supply(self, gone: frozenset[str]) -> int | None:
        """How many members of the usable classes can still come; None = any number."""
        return supply_of(self.others, gone.union(self.table.names))


def supply_of(name_classes: Iterable[NameClass], gone: frozenset[str]) -> int | None:
    total = 0
    for name_class in name_classes:
        left = names_left(name_class, gone)
        if left is None:
            return None
        total += left
    return total


class FixedObject:
    """A state of a frame: required names still missing, how many more members, and which names are gone."""

    __slots__ = ("_members", "_names", "_others", "at", "frame", "high", "low", "missing", "seen")

    def __init__(
        self, frame: Frame, missing: frozenset[str], low: int, high: int | None, at: int, seen: frozenset[str]
    ) -> None:
        self.frame = frame
        self.missing = missing
        #: So many more members at least and at most.
        self.low = low
        self.high = high
        #: Order "declared": position in the table. Order "any": 0.
        self.at = at
        #: Order "declared": names seen that have no place in the order. Order "any": all names seen.
        self.seen = seen
        self._names: tuple[str, ...] | None = None
        self._others: tuple[NameClass, ...] | None = None
        self._members: dict[Any, Branches] = {}

    def dispose(self) -> None:
        """Let go of what comes behind it (see `Compilation.dispose`)."""
        self._members.clear()

    @property
    def can_close(self) -> bool:
        return not self.missing and self.low <= 0

    @property
    def can_continue(self) -> bool:
        return bool(self.names or self.others)

    @property
    def names(self) -> tuple[str, ...]:
        if self._names is None:
            self._names = tuple(self._open_names())
        return self._names

    def _open_names(self) -> list[str]:
        frame, missing, high = self.frame, self.missing, self.high
        if high is not None and high <= len(missing):
            # No room for anything but required names.
            candidates = [name for name in frame.table.names if name in missing]
            if high < len(missing):
                return []
        else:
            candidates = list(frame.table.names)
        if not frame.compilation.declared_order:
            return [name for name in candidates if name not in self.seen and frame.usable(name)]
        return self._open_in_order(candidates)

    def _open_in_order(self, candidates: list[str]) -> list[str]:
        """From the position on, up to the first required name: those behind it would leave it out."""
        frame, found = self.frame, []
        index = frame.table.index
        for name in candidates:
            if index[name] >= self.at and name not in self.seen:
                if frame.usable(name):
                    found.append(name)
                if name in self.missing:
                    break
        if self.low > 1:
            found = [name for name in found if self._enough_after(name, self.low - 1)]
        return found

    def _enough_after(self, name: str, needed: int) -> bool:
        """Whether so many members can still be written behind an explicit name."""
        at, seen = self._passed(name)
        supply = self.frame.supply(seen)
        if supply is None:
            return True
        frame = self.frame
        usable = sum(1 for other in frame.table.names[at:] if other not in seen and frame.usable(other))
        return usable + supply >= needed

    def _passed(self, name: str) -> tuple[int, frozenset[str]]:
        """Position and names seen behind an explicit name, in order "declared"."""
        table = self.frame.table
        at = table.index[name] + 1
        return (at, self.seen) if at <= table.ordered else (table.ordered, self.seen | {name})

    @property
    def others(self) -> tuple[NameClass, ...]:
        if self._others is None:
            self._others = tuple(self._open_classes()) if self._room_for_others() else ()
        return self._others

    def _open_classes(self) -> list[NameClass]:
        gone = self.seen.union(self.frame.table.names)
        if self.frame.compilation.declared_order and self.low > 1:
            # Explicit names do not come back after this.
            supply = self.frame.supply(self.seen)
            if supply is not None and supply < self.low:
                return []
        return [one for one in self.frame.others if names_left(one, gone) != 0]

    def _room_for_others(self) -> bool:
        if self.high is not None and self.high <= len(self.missing):
            return False
        return not (self.missing and self.frame.compilation.declared_order)

    @property
    def forbidden(self) -> frozenset[str]:
        return self.seen | (self.frame.table.index.keys() - set(self.names))

    def member(self, name: str) -> Branches:
        known = self._members.get(name)
        if known is None:
            known = self._members[name] = self._member(name)
        return known

    def _member(self, name: str) -> Branches:
        if name not in self.names:
            return ()
        frame = self.frame
        missing = self.missing - {name} if name in self.missing else self.missing
        if frame.compilation.declared_order:
            after = self._after(missing, *self._passed(name))
        else:
            after = self._after(missing, 0, self.seen | {name})
        return ((frame.goal(name), after),)

    def _after(self, missing: frozenset[str], at: int, seen: frozenset[str]) -> FixedObject:
        low = self.low - 1 if self.low > 0 else 0
        high = None if self.high is None else self.high - 1
        return self.frame.compilation.fixed_object(self.frame, missing, low, high, at, seen)

    def other(self, name_class: NameClass, name: str | None) -> Branches:
        known = self._members.get((name_class, name))
        if known is None:
            known = self._members[name_class, name] = self._other(name_class, name)
        return known

    def _other(self, name_class: NameClass, name: str | None) -> Branches:
        if name_class not in self.others or (name is not None and name in self.seen):
            return ()
        frame = self.frame
        at = frame.table.ordered if frame.compilation.declared_order else 0
        seen = self.seen if name is None else self.seen | {name}
        return ((frame.others[name_class], self._after(self.missing, at, seen)),)

    def min_bytes(self) -> int:
        frame = self.frame
        count = max(len(self.missing), self.low)
        needed = sum(name_bytes(name) + 1 + frame.goal(name).min_bytes() for name in self.missing)
        # Other members take at least `"":0`.
        return 1 + needed + 4 * (count - len(self.missing)) + max(count - 1, 0)

    def describe(self) -> str:
        parts = [tracker.describe() for tracker in self.frame.trackers]
        if self.missing:
            parts.append("required " + ", ".join(repr(name) for name in sorted(self.missing)))
        if self.low or self.high is not None:
            parts.append(describe_count(self.low, self.high))
        return "object: " + "; ".join(parts or ["anything"])

    def __repr__(self) -> str:
        return f"<{self.describe()}>"


def name_bytes(name: str) -> int:
    """The least number of bytes that a name takes, with its quotes."""
    return len(name.encode("utf-8", "surrogatepass")) + 2


def formula_bytes(formula: Formula) -> int:
    """A lower bound on the bytes of members or items that a container formula still needs, with commas."""
    if formula.is_and:
        return max(formula_bytes(member) for member in formula.members)
    if formula.is_or:
        return min(formula_bytes(member) for member in formula.members)
    if not formula.is_atom:
        return 0
    atom = formula.atom
    if isinstance(atom, Required):
        return sum(name_bytes(name) + 2 for name in atom.missing) + len(atom.missing) - 1
    if isinstance(atom, AtLeast):
        return 2 * atom.low - 1
    return 0


def fixed_parts(
    formula: Formula,
) -> tuple[tuple[Any, ...], frozenset[str], frozenset[str], int, int | None] | None:
    """Fixed trackers, absent and missing names, and the counts of a conjunction; None where there is anything else."""
    trackers = []
    absent: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    low, high = 0, None
    for conjunct in formula.conjuncts:
        atom = conjunct.atom
        if conjunct.is_atom and getattr(atom, "fixed", False):
            trackers.append(atom)
        elif conjunct.is_atom and isinstance(atom, Required):
            missing |= atom.missing
        elif isinstance(atom, AtLeast):
            low = atom.low
        elif isinstance(atom, AtMost):
            high = atom.high
        elif conjunct.is_not and isinstance(atom, Required) and len(atom.missing) == 1:
            absent |= atom.missing
        else:
            return None
    return tuple(trackers), absent, missing, low, high
