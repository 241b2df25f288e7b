"""Objects in progress under any formula, stepping by derivatives: negations, conditions on names, listed objects.

In: a container formula and the names that are gone. Out: the same questions answered as `object_state` answers them
for fixed trackers. Names that do not matter to the formula, usually nearly all, cost no derivative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.member_trackers import NameClass
from treadle.frontends.json_schema.name_classes import NameTable, a_name_left, names_left
from treadle.frontends.json_schema.object_state import Branches, ObjectState, formula_bytes
from treadle.frontends.json_schema.object_trackers import tracker_class_goal, tracker_goal
from treadle.frontends.json_schema.residuals import closes, derivative, separated

if TYPE_CHECKING:
    from treadle.frontends.json_schema.compilation import Compilation


class OpenObject:
    """A state of any container formula."""

    __slots__ = ("_members", "_names", "_others", "at", "compilation", "formula", "seen", "table")

    def __init__(
        self, compilation: Compilation, formula: Formula, table: NameTable, at: int, seen: frozenset[str]
    ) -> None:
        self.compilation = compilation
        self.formula = formula
        self.table = table
        #: As in FixedObject.
        self.at = at
        self.seen = seen
        self._names: tuple[str, ...] | None = None
        self._others: tuple[NameClass, ...] | None = None
        self._members: dict[Any, Branches] = {}

    def dispose(self) -> None:
        """Let go of what comes behind it (see `Compilation.dispose`)."""
        self._members.clear()

    @property
    def can_close(self) -> bool:
        return closes(self.formula)

    @property
    def can_continue(self) -> bool:
        return bool(self.names or self.others)

    @property
    def names(self) -> tuple[str, ...]:
        if self._names is None:
            left = self.table.names[self.at :]
            self._names = tuple(name for name in left if name not in self.seen and self.member(name))
        return self._names

    @property
    def others(self) -> tuple[NameClass, ...]:
        if self._others is None:
            gone = self.seen.union(self.table.names)
            classes = [one for one in self.table.classes if names_left(one, gone) != 0]
            self._others = tuple(one for one in classes if self.other(one, a_name_left(one, gone)))
        return self._others

    @property
    def forbidden(self) -> frozenset[str]:
        return self.seen | (self.table.index.keys() - set(self.names))

    def member(self, name: str) -> Branches:
        known = self._members.get(name)
        if known is None:
            known = self._members[name] = self._member(name)
        return known

    def _member(self, name: str) -> Branches:
        position = self.table.index.get(name)
        if position is None or position < self.at or name in self.seen:
            return ()
        branches = object_branches(self.formula, name)
        seen = self.seen | {name}
        if self.compilation.declared_order:
            ordered = self.table.ordered
            return self._live(
                branches, *((position + 1, self.seen) if position < ordered else (ordered, seen))
            )
        matters = relevant_names(self.formula)
        if matters is None or name in matters:
            return self._live(branches, 0, seen)
        # The formula does not change, and the name is of no use to completing it: as live as this state is.
        return tuple(
            (goal, self.compilation.open_object(rest, self.table, 0, seen))
            for goal, rest in branches
            if not goal.is_empty()
        )

    def other(self, name_class: NameClass, name: str | None) -> Branches:
        known = self._members.get((name_class, name))
        if known is None:
            known = self._members[name_class, name] = self._other(name_class, name)
        return known

    def _other(self, name_class: NameClass, name: str | None) -> Branches:
        if name is not None and name in self.seen:
            return ()
        at = self.table.ordered if self.compilation.declared_order else 0
        seen = self.seen if name is None else self.seen | {name}
        return self._live(object_branches(self.formula, name_class), at, seen)

    def _live(self, branches: list[tuple[Formula, Formula]], at: int, seen: frozenset[str]) -> Branches:
        found: list[tuple[Formula, ObjectState]] = []
        for goal, rest in branches:
            if not goal.is_empty():
                found.extend(
                    (goal, state) for state in self.compilation.object_states(rest, self.table, at, seen)
                )
        return tuple(found)

    def min_bytes(self) -> int:
        return 1 + formula_bytes(self.formula)

    def describe(self) -> str:
        return "object: " + self.formula.describe()

    def __repr__(self) -> str:
        return f"<{self.describe()}>"


def object_branches(formula: Formula, key: str | NameClass) -> list[tuple[Formula, Formula]]:
    """The derivative of a container formula by a member, as (value goal, rest) pairs; kept on the formula."""
    found: list[tuple[Formula, Formula]] | None = formula.answers.get(key)
    if found is None:
        found = formula.answers[key] = _object_branches(formula, key)
    return found


def _object_branches(formula: Formula, key: str | NameClass) -> list[tuple[Formula, Formula]]:
    """Fixed trackers on top stay as they are, so that fewer frames are made; the rest is derived where it changes."""
    algebra = formula.algebra
    fixed, others = _by_fixedness(formula)
    matters = relevant_names(formula)
    if isinstance(key, str):
        goal = algebra.conjunction([tracker_goal(algebra, part.atom, key) for part in fixed])
        if matters is not None and key not in matters:
            return [] if goal.is_false else [(goal, formula)]
    else:
        goal = algebra.conjunction([tracker_class_goal(algebra, part.atom, key) for part in fixed])
    return separated(algebra.conjunction([goal, *fixed, *(derivative(part, key) for part in others)]))


def _by_fixedness(formula: Formula) -> tuple[list[Formula], list[Formula]]:
    fixed: list[Formula] = []
    others: list[Formula] = []
    for part in formula.conjuncts:
        (fixed if part.is_atom and part.atom.fixed else others).append(part)
    return fixed, others


def relevant_names(formula: Formula) -> frozenset[str] | None:
    """The names whose members change the formula (and not just ask for a value); None = perhaps every name."""
    if "relevant" not in formula.answers:
        names: set[str] = set()
        _, others = _by_fixedness(formula)
        few = all(_collect_relevant(part, names) for part in others)
        formula.answers["relevant"] = frozenset(names) if few else None
    known: frozenset[str] | None = formula.answers["relevant"]
    return known


def _collect_relevant(formula: Formula, names: set[str]) -> bool:
    """Adds the names that matter to a part; False where every name may."""
    work = [formula]
    while work:
        part = work.pop()
        work.extend(part.members)
        if part.atom is not None:
            more = part.atom.restricting
            if more is None:
                return False
            names.update(more)
    return True
