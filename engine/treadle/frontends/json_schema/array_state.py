"""Arrays in progress: what the next item must be, and what is left to do after it.

In: a container formula. Out: interned states with `next` and `can_close`. `FixedArray` is the state of prefixes,
rest and counts; `OpenArray` of any formula, stepping by derivatives. Only what leads to some complete array is
offered. With `uniqueItems` the state after an item has `needs_item_value`: `remember(value)` then gives the state in
which the value may not come again. Where other keywords meet it and an item can only be one of a few values there is
a branch for each of them instead, and nothing has to be remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Protocol

from treadle.frontends.json_schema import distinct, values
from treadle.frontends.json_schema.array_trackers import Unique, contains_at_least
from treadle.frontends.json_schema.count_trackers import AtLeast, AtMost, describe_count
from treadle.frontends.json_schema.finite import finite_values
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.literals import Literals, literals
from treadle.frontends.json_schema.object_state import formula_bytes
from treadle.frontends.json_schema.residuals import ITEM, closes, derivative, separated
from treadle.frontends.json_schema.values import value_key

if TYPE_CHECKING:
    from treadle.frontends.json_schema.compilation import Compilation

Branches = tuple[tuple[Formula, "ArrayState"], ...]

#: Items that can be only so many values get a branch for each value under `uniqueItems` with other keywords.
_FEW = 24


class ArrayState(Protocol):
    """An array of which some items are written. Equal residuals are the same object."""

    @property
    def can_close(self) -> bool:
        """Whether the array may end here."""
        ...

    @property
    def needs_item_value(self) -> bool:
        """Whether the value of the item just written must be given to `remember` before `next` is asked."""
        ...

    def next(self) -> Branches:
        """Ways to write one more item: goal of the item, state after it."""
        ...

    def remember(self, value: Any) -> ArrayState:
        """The state that knows the value of the item just written."""
        ...

    def forget(self) -> ArrayState:
        """The state that does not know it, for looking ahead by less than an item."""
        ...

    def min_bytes(self) -> int:
        """A lower bound on the bytes still to come, with the closing bracket."""
        ...

    def describe(self) -> str: ...


class FixedArray:
    """Prefix and rest trackers at one index, and how many more items."""

    __slots__ = ("_goal", "_next", "compilation", "high", "low", "trackers")

    needs_item_value = False

    def __init__(
        self, compilation: Compilation, trackers: tuple[Any, ...], low: int, high: int | None
    ) -> None:
        self.compilation = compilation
        self.trackers = trackers
        self.low = low
        self.high = high
        self._goal: Formula | None = None
        self._next: Branches | None = None

    def dispose(self) -> None:
        """Let go of what comes behind it (see `Compilation.dispose`)."""
        self._next = None

    @property
    def can_close(self) -> bool:
        return self.low <= 0

    @property
    def goal(self) -> Formula:
        """What the next item must satisfy."""
        if self._goal is None:
            algebra = self.compilation.algebra
            self._goal = algebra.conjunction([tracker.goal() for tracker in self.trackers])
        return self._goal

    def next(self) -> Branches:
        if self._next is None:
            self._next = self._step()
        return self._next

    def _step(self) -> Branches:
        if self.high == 0 or self.goal.is_empty():
            return ()
        return ((self.goal, self.after),)

    @property
    def after(self) -> FixedArray:
        low = self.low - 1 if self.low > 0 else 0
        high = None if self.high is None else self.high - 1
        trackers = tuple(tracker.after for tracker in self.trackers)
        return self.compilation.fixed_array(trackers, low, high)

    def remember(self, value: Any) -> FixedArray:
        return self

    def forget(self) -> FixedArray:
        return self

    def min_bytes(self) -> int:
        if self.low == 0:
            return 1
        state, total = self, 0
        for _ in range(min(self.low, 64)):
            total += state.goal.min_bytes() + 1
            state = state.after
        return total + 2 * max(self.low - 64, 0)

    def describe(self) -> str:
        parts = [tracker.describe() for tracker in self.trackers]
        if self.low or self.high is not None:
            parts.append(describe_count(self.low, self.high))
        return "array: " + "; ".join(parts or ["anything"])

    def __repr__(self) -> str:
        return f"<{self.describe()}>"


class OpenArray:
    """A state of any container formula."""

    __slots__ = ("_next", "compilation", "formula")

    def __init__(self, compilation: Compilation, formula: Formula) -> None:
        self.compilation = compilation
        self.formula = formula
        self._next: Branches | None = None

    def dispose(self) -> None:
        """Let go of what comes behind it (see `Compilation.dispose`)."""
        self._next = None

    @property
    def can_close(self) -> bool:
        return closes(self.formula)

    @property
    def needs_item_value(self) -> bool:
        return is_awaiting(self.formula)

    def next(self) -> Branches:
        if self._next is None:
            self._next = tuple(
                branch
                for goal, rest in array_branches(self.formula)
                if not goal.is_empty()
                for branch in self.compilation.array_branches(goal, rest)
            )
        return self._next

    def remember(self, value: Any) -> ArrayState:
        formula = remembering(self.formula, value_key(value), value)
        return self.compilation.array_state(formula)

    def forget(self) -> ArrayState:
        return self.compilation.array_state(forgetting(self.formula))

    def min_bytes(self) -> int:
        return 1 + formula_bytes(self.formula)

    def describe(self) -> str:
        return "array: " + self.formula.describe()

    def __repr__(self) -> str:
        return f"<{self.describe()}>"


def array_branches(formula: Formula) -> list[tuple[Formula, Formula]]:
    """The derivative of a container formula by one more item, as (goal, rest) pairs; kept on the formula."""
    found: list[tuple[Formula, Formula]] | None = formula.answers.get("item")
    if found is None:
        found = formula.answers["item"] = _by_value(separated(derivative(formula, ITEM)))
    return found


def _by_value(pairs: list[tuple[Formula, Formula]]) -> list[tuple[Formula, Formula]]:
    """Branches whose rest awaits the item's value, taken apart by value where there are few.

    Where nothing but `uniqueItems` looks at values, only the value counts that the next item would lack: whether a
    comma may follow must not depend on what is looked up later.
    """
    found: list[tuple[Formula, Formula]] = []
    for goal, rest in pairs:
        algebra = goal.algebra
        apart: list[Any] | None = None
        left = algebra.FALSE
        if is_awaiting(rest):
            if distinct.is_all(rest):
                apart = distinct.last_value(rest)
                left = algebra.conjunction((goal, algebra.negate(literals(algebra, apart))))
            elif not goal.possible & (values.ARRAY | values.OBJECT) or _is_listed(goal):
                # Containers that are not listed are written side by side: branches for each would multiply.
                apart = finite_values(goal, _FEW)
        if not apart:
            found.append((goal, rest))
            continue
        found.extend(
            # Whether the goal has the value at all is found out when it is asked: here that may go round in circles.
            (
                algebra.conjunction((goal, literals(algebra, [value]))),
                remembering(rest, value_key(value), value),
            )
            for value in apart
        )
        if not left.is_false:
            found.append((left, rest))
    return found


def _is_listed(goal: Formula) -> bool:
    return any(part.is_atom and isinstance(part.atom, Literals) for part in goal.conjuncts)


def is_awaiting(formula: Formula) -> bool:
    """Whether a tracker waits for the value of the item just written."""
    if formula.atom is not None:
        return isinstance(formula.atom, Unique) and formula.atom.awaiting
    return any(is_awaiting(member) for member in formula.members)


def remembering(formula: Formula, key: Hashable, value: Any) -> Formula:
    """The formula in which the trackers that wait have seen the value."""
    algebra = formula.algebra

    def told(literal: Formula) -> Formula:
        atom = literal.atom
        if isinstance(atom, Unique) and atom.awaiting:
            return algebra.atom(atom.with_value(key, value))
        return literal

    return algebra.rebuild(formula, told)


def forgetting(formula: Formula) -> Formula:
    """What the formula allows whatever the value is that trackers wait for: at least what each value allows.

    Unique: the value may come again. Not unique: any later item may be its copy.
    """
    algebra = formula.algebra
    return _told(
        formula, lambda unique: algebra.atom(Unique(unique.seen)), lambda _: algebra.atom(AtLeast(1))
    )


def supposing(formula: Formula, goal: Formula) -> Formula:
    """The formula in which the trackers that wait were told the best value of the goal.

    Unique: one that does not matter any more, which is right where values do not run out (`distinct` sees to the rest).
    Not unique: some value of the goal comes again exactly if some later item satisfies the goal.
    """
    algebra = formula.algebra

    def copied(unique: Unique) -> Formula:
        seen = algebra.FALSE if unique.seen is None else algebra.atom(unique.seen)
        again = contains_at_least(algebra, algebra.disjunction((seen, goal)), 1, "uniqueItems")
        return algebra.disjunction((again, algebra.negate(algebra.atom(Unique()))))

    return _told(formula, lambda unique: algebra.atom(Unique(unique.seen)), copied)


def wants_copies(formula: Formula) -> bool:
    """Whether completing the array may take an item that equals an earlier one."""
    if formula.is_not:
        return isinstance(formula.atom, Unique)
    return any(wants_copies(member) for member in formula.members)


def without_copies(formula: Formula) -> Formula:
    """The formula without asking for a copy, where it does so of the last item."""
    algebra = formula.algebra
    return _told(formula, algebra.atom, lambda _: algebra.TRUE)


def _told(
    formula: Formula, unique: Callable[[Unique], Formula], repeated: Callable[[Unique], Formula]
) -> Formula:
    """The formula with the trackers that wait replaced, the negated ones by `repeated`."""
    algebra = formula.algebra
    if formula.atom is not None:
        if not (isinstance(formula.atom, Unique) and formula.atom.awaiting):
            return formula
        return repeated(formula.atom) if formula.is_not else unique(formula.atom)
    members = [_told(member, unique, repeated) for member in formula.members]
    if formula.is_and:
        return algebra.conjunction(members)
    return algebra.disjunction(members) if formula.is_or else formula


def fixed_array_parts(formula: Formula) -> tuple[tuple[Any, ...], int, int | None] | None:
    """Fixed trackers and the counts of a conjunction; None where there is anything else."""
    trackers = []
    low, high = 0, None
    for conjunct in formula.conjuncts:
        if conjunct.is_atom and getattr(conjunct.atom, "fixed", False):
            trackers.append(conjunct.atom)
        elif isinstance(conjunct.atom, AtLeast):
            low = conjunct.atom.low
        elif isinstance(conjunct.atom, AtMost):
            high = conjunct.atom.high
        else:
            return None
    return tuple(trackers), low, high
