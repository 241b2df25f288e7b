"""Whether some value satisfies a goal, and whether a container in progress can be completed.

In: a goal or a container formula. Out: a verdict. Satisfiability is the least fixpoint of "has a satisfiable way to be
built", so a goal that is asked about inside of its own question counts as unsatisfiable there; a negative answer that
leaned on such an assumption about a goal still in question is not kept (the rule of tabled evaluation). Nearly all
goals are settled by a look at their keywords: an object that requires nothing is satisfied by `{}`.

Containers are searched depth first over residual formulas, required names first. Members commute, so names are tried
in the order of the name table only. The search is bounded; when the budget runs out the answer is "perhaps", that
is yes, and the report says so. Extra names are taken to be inexhaustible.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from treadle.frontends.json_schema import distinct, values
from treadle.frontends.json_schema.array_state import (
    array_branches,
    fixed_array_parts,
    is_awaiting,
    supposing,
    wants_copies,
    without_copies,
)
from treadle.frontends.json_schema.discriminate import alternatives_one_by_one
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.in_place import expand, object_formula
from treadle.frontends.json_schema.member_trackers import NameClass
from treadle.frontends.json_schema.name_classes import NameTable, names_left
from treadle.frontends.json_schema.object_state import Frame, fixed_parts, supply_of
from treadle.frontends.json_schema.object_trackers import Required
from treadle.frontends.json_schema.open_object import object_branches, relevant_names
from treadle.frontends.json_schema.plainly_satisfiable import is_plainly_satisfiable
from treadle.frontends.json_schema.residuals import closes
from treadle.frontends.json_schema.splitting import alternatives

if TYPE_CHECKING:
    from treadle.frontends.json_schema.compilation import Compilation

#: Goals inside of each other that one search may hold open; deeper ones are settled first, on their own.
_DEEPEST = 40
#: Formulas that one question may make, and what is left of that each time a question runs out. PERF: about 10 us each.
_BUDGET = 40_000
_LEAST_BUDGET = 2_000
_FREE = 1 << 60
#: Arrays in progress that are looked at for what the items to come may be.
_AHEAD = 64


class _TooDeep(Exception):
    """A goal that has to be settled before the one in question."""

    def __init__(self, goal: Formula) -> None:
        self.goal = goal
        super().__init__()


class _OutOfBudget(Exception):
    pass


class Search:
    """The searches of one compilation and what they found out."""

    def __init__(self, compilation: Compilation) -> None:
        self.compilation = compilation
        #: Goals in question, with their depth.
        self._open: dict[Formula, int] = {}
        #: Depth of the outermost goal in question that was assumed to be empty since this was last reset.
        self._assumed = _FREE
        #: Formulas that may be made until the question is given up, counted as the algebra counts them.
        self._until = 0
        #: Goals and residual formulas visited for the question, as many at most: known ones cost nothing to make.
        self._steps = 0
        #: Steps and formulas for the next question; less after each that ran out.
        self.budget = _BUDGET
        self._live: dict[Any, bool] = {}
        #: Container formulas that were given up.
        self._given_up: set[Formula] = set()

    # Questions from outside.

    def is_empty(self, goal: Formula) -> bool:
        if goal.empty is None and is_plainly_satisfiable(goal):
            goal.empty = False
        if goal.empty is not None:
            return goal.empty
        return not self._settled(lambda: self._nonempty(goal), goal)

    def object_is_live(self, formula: Formula, table: NameTable, at: int, seen: frozenset[str]) -> bool:
        """Whether the object can be completed with names from `at` on that were not seen."""
        return closes(formula) or self._settled(lambda: self._object(formula, table, at, seen), formula)

    def array_is_live(self, formula: Formula) -> bool:
        return self._settled(lambda: self._array(formula), formula)

    def item_before(self, goal: Formula, rest: Formula) -> Formula:
        """Of the goal of an item what leaves the array behind it able to be completed."""
        algebra = self.compilation.algebra
        if not is_awaiting(rest):
            return goal if self.array_is_live(rest) else algebra.FALSE
        if not self.array_is_live(supposing(rest, goal)):
            return algebra.FALSE
        if wants_copies(rest) and not self.array_is_live(supposing(rest, algebra.FALSE)):
            goal = algebra.conjunction((goal, self._goals_ahead(rest, goal)))
        goal = distinct.without_scarce(goal, rest)
        return algebra.FALSE if goal.is_empty() else goal

    def _goals_ahead(self, formula: Formula, goal: Formula) -> Formula:
        """What an item that must equal the last one can be: the goals of all items that may come."""
        goals: dict[Formula, None] = {}
        start = supposing(without_copies(formula), goal)
        work, visited = [start], {start}
        while work:
            for item, rest in array_branches(work.pop()):
                after = supposing(rest, item)
                if item.is_empty() or not self.array_is_live(after):
                    continue
                goals[item] = None
                if after not in visited:
                    visited.add(after)
                    work.append(after)
            if len(visited) > _AHEAD:
                self._note(formula)
                return formula.algebra.TRUE
        return formula.algebra.disjunction(goals)

    def _settled(self, question: Any, about: Formula) -> bool:
        """The answer, after settling on their own all goals that lie too deep.

        A step of a search may ask a question of its own (the branches of a negated `const`), which knows nothing of
        the goals in question around it.
        """
        if about in self._given_up:
            return True
        around = self._open, self._assumed, self._until, self._steps
        try:
            return self._settled_apart(question, about)
        finally:
            self._open, self._assumed, self._until, self._steps = around

    def _settled_apart(self, question: Any, about: Formula) -> bool:
        self._until = self.compilation.algebra.made + self.budget
        self._steps = 0
        waiting: list[Formula] = []
        while True:
            self._open = {}
            self._assumed = _FREE
            try:
                if not waiting:
                    return bool(question())
                self._nonempty(waiting[-1])
                waiting.pop()
            except _TooDeep as deep:
                if deep.goal in waiting:
                    deep.goal.empty = False
                    self._note(deep.goal)
                else:
                    waiting.append(deep.goal)
            except _OutOfBudget:
                self._note(about)
                self._given_up.add(about)
                self.budget = max(self.budget // 2, _LEAST_BUDGET)
                return True

    def _note(self, about: Formula) -> None:
        self.compilation.report.add(
            "inexact",
            "#",
            f"whether something satisfies {about.describe()} was not decided within the limits",
        )

    def _spend(self) -> None:
        self._steps += 1
        if self._steps > self.budget:
            raise _OutOfBudget
        if self.compilation.algebra.made > self._until:
            raise _OutOfBudget

    # Goals.

    def _nonempty(self, goal: Formula) -> bool:
        if goal.empty is not None:
            return not goal.empty
        if is_plainly_satisfiable(goal):
            goal.empty = False
            return True
        depth = self._open.get(goal)
        if depth is not None:
            self._assumed = min(self._assumed, depth)
            return False
        depth = len(self._open)
        if depth >= _DEEPEST:
            raise _TooDeep(goal)
        self._spend()
        outer, self._assumed = self._assumed, _FREE
        self._open[goal] = depth
        found = any(self._has_kind(goal, kind) for kind in _ORDER if goal.possible & kind)
        del self._open[goal]
        if found:
            goal.empty = False
            self._assumed = outer
        else:
            if self._assumed >= depth:
                goal.empty = True
                self._assumed = _FREE
            self._assumed = min(outer, self._assumed)
        return found

    def _has_kind(self, goal: Formula, kind: int) -> bool:
        formula = expand(goal, kind)
        if formula.is_false:
            return False
        if formula.is_true:
            return True
        if kind == values.STRING:
            return bool(self.compilation.strings(goal))
        if kind == values.NUMBER:
            return self.compilation.has_numbers(goal)
        if kind == values.ARRAY:
            return self._array(formula)
        formula = object_formula(goal)
        return self._object(formula, self.compilation.table_of(formula), 0, frozenset())

    # Objects.

    def _object(self, formula: Formula, table: NameTable, at: int, seen: frozenset[str]) -> bool:
        if formula.is_or:
            # The first option that some object satisfies will do, so they need not be told apart.
            return any(self._object(member, table, at, seen) for member in formula.members)
        return any(self._one_object(option, table, at, seen) for option in alternatives_one_by_one(formula))

    def _one_object(self, formula: Formula, table: NameTable, at: int, seen: frozenset[str]) -> bool:
        if closes(formula):
            return True
        parts = fixed_parts(formula)
        if parts is not None:
            trackers, absent, missing, low, high = parts
            frame = self.compilation.frame(trackers, absent, table)
            return self.fixed_object(frame, missing, low, high, at, seen)
        # Only names that matter to the formula make a difference to whether it can be completed.
        matters = relevant_names(formula)
        gone = (
            seen.union(table.names[:at])
            if matters is None
            else matters.intersection(seen.union(table.names[:at]))
        )
        key = (formula, table, gone)
        known = self._live.get(key)
        if known is None:
            outer, self._assumed = self._assumed, _FREE
            known = self._search_object(formula, table, at, seen)
            if known or self._assumed == _FREE:
                self._live[key] = known
            self._assumed = min(outer, _FREE if known else self._assumed)
        return known

    def fixed_object(
        self, frame: Frame, missing: frozenset[str], low: int, high: int | None, at: int, seen: frozenset[str]
    ) -> bool:
        """The same for fixed trackers, where counting does."""
        if high is not None and high < max(len(missing), low):
            return False
        index = frame.table.index
        for name in missing:
            if index[name] < at or name in seen or not self._nonempty(frame.goal(name)):
                return False
        if low <= len(missing):
            return True
        usable = len(missing)
        for name in frame.table.names[at:]:
            if name not in missing and name not in seen and self._nonempty(frame.goal(name)):
                usable += 1
                if usable >= low:
                    return True
        classes = [one for one in frame.table.classes if self._nonempty(frame.class_goal(one))]
        supply = supply_of(classes, seen.union(frame.table.names))
        return supply is None or usable + supply >= low

    def _search_object(self, formula: Formula, table: NameTable, at: int, seen: frozenset[str]) -> bool:
        matters = relevant_names(formula)
        names = [
            name for name in table.names[at:] if name not in seen and (matters is None or name in matters)
        ]
        position_of = {name: position for position, name in enumerate(names)}
        work, visited = [(formula, 0)], {(formula, 0)}
        while work:
            current, start = work.pop()
            self._spend()
            missing = [position_of.get(name, -1) for name in _missing(current)]
            if missing and min(missing) < start:
                continue
            # Names behind a missing one would leave it out.
            stop = min(missing) + 1 if missing else len(names)
            keys: list[tuple[Any, int]] = [(names[position], position + 1) for position in range(start, stop)]
            if not missing:
                keys.extend(self._class_keys(table, seen, start, len(names)))
            for key, after in keys:
                for goal, rest in object_branches(current, key):
                    # A member that changes nothing is never needed.
                    if rest is current or (rest, after) in visited or not self._nonempty(goal):
                        continue
                    if closes(rest):
                        return True
                    visited.add((rest, after))
                    work.append((rest, after))
        return False

    @staticmethod
    def _class_keys(
        table: NameTable, seen: frozenset[str], start: int, explicit: int
    ) -> Iterator[tuple[NameClass, int]]:
        """Classes as keys of the search. Of a class with few names each comes once: positions count them off."""
        position = explicit
        for name_class in table.classes:
            left = names_left(name_class, seen.union(table.names))
            if left is None:
                yield name_class, max(start, explicit)
                continue
            for index in range(position, position + left):
                if index >= start:
                    yield name_class, index + 1
            position += left

    # Arrays.

    def _array(self, formula: Formula) -> bool:
        return any(self._one_array(option) for option in alternatives(formula, 16))

    def _one_array(self, formula: Formula) -> bool:
        if closes(formula):
            return True
        formula = supposing(formula, self.compilation.algebra.TRUE)
        if distinct.runs_out(formula):
            return False
        parts = fixed_array_parts(formula)
        if parts is not None:
            return self.fixed_array(*parts)
        known = self._live.get(formula)
        if known is None:
            outer, self._assumed = self._assumed, _FREE
            known = self._search_array(formula)
            if known or self._assumed == _FREE:
                self._live[formula] = known
            self._assumed = min(outer, _FREE if known else self._assumed)
        return known

    def fixed_array(self, trackers: tuple[Any, ...], low: int, high: int | None) -> bool:
        algebra = self.compilation.algebra
        if high is not None and high < low:
            return False
        for _ in range(low):
            if not self._nonempty(algebra.conjunction([tracker.goal() for tracker in trackers])):
                return False
            after = tuple(tracker.after for tracker in trackers)
            if after == trackers:
                return True
            trackers = after
        return True

    def _search_array(self, formula: Formula) -> bool:
        work, visited = [formula], {formula}
        while work:
            current = work.pop()
            self._spend()
            for goal, rest in array_branches(current):
                if rest is current or not self._nonempty(goal):
                    continue
                rest = supposing(rest, goal)
                if closes(rest):
                    return True
                if rest not in visited:
                    visited.add(rest)
                    work.append(rest)
        return False


#: Cheap kinds first.
_ORDER = (
    values.NULL,
    values.TRUE,
    values.FALSE,
    values.STRING,
    values.NUMBER,
    values.ARRAY,
    values.OBJECT,
)


def _missing(formula: Formula) -> list[str]:
    return [
        name
        for member in formula.conjuncts
        if member.is_atom and isinstance(member.atom, Required)
        for name in member.atom.missing
    ]
