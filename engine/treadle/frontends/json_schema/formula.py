"""Hash-consed boolean formulas over atoms: the goals of the schema algebra, and the states of its containers.

An atom is a condition on one JSON value (a schema location, a set of literals), on a container in progress (a
tracker), or on a string or number; the same formulas serve for all of them. Structurally equal formulas of one
compilation are the same object, so `is` compares them and a residual met twice is met as one. Negation is pushed
down to the atoms when it is built. `sort` says which side of a member a formula talks about: the member's value
(VALUE), the container behind it (CONTAINER), or both, which only derivatives have and `splitting` takes apart.

Simplified without a search: units, duplicates, complements, absorption, and what an atom's own `meet` can merge.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from treadle.frontends.json_schema import values

if TYPE_CHECKING:
    from treadle.frontends.json_schema.cases import Cases

VALUE, CONTAINER = 1, 2

_TRUE, _FALSE, _ATOM, _NOT, _AND, _OR = range(6)


class Atom(Protocol):
    """What a formula is made of. Interned by whoever makes it: equal atoms are the same object."""

    #: VALUE or CONTAINER.
    sort: int
    #: Atoms with `meet` are merged: two of a conjunction become one formula.
    meets: bool

    def kinds(self) -> tuple[int, int]:
        """For value atoms: the kinds that may satisfy it, and the kinds that satisfy it whatever the value."""
        ...

    def describe(self) -> str: ...


class Hooks(Protocol):
    """What a goal asks of the compilation that made it."""

    def cases(self, goal: Formula) -> Cases: ...
    def is_empty(self, goal: Formula) -> bool: ...
    def min_bytes(self, goal: Formula) -> int: ...
    def shared(self, goal: Formula) -> Hashable | None: ...


class Formula:
    """TRUE, FALSE, an atom, a negated atom, a conjunction or a disjunction; made by an `Algebra` only."""

    __slots__ = (
        "_bits",
        "_negation",
        "algebra",
        "answers",
        "atom",
        "derived",
        "empty",
        "expanded",
        "kind",
        "members",
        "serial",
        "sort",
    )

    def __init__(
        self, algebra: Algebra, kind: int, atom: Any, members: tuple[Formula, ...], sort: int
    ) -> None:
        self.algebra = algebra
        self.kind = kind
        #: The atom of an atom or negated atom, else None.
        self.atom = atom
        #: The members of a conjunction or disjunction.
        self.members = members
        self.sort = sort
        self.serial = algebra.born()
        self._negation: Formula | None = None
        self._bits: tuple[int, int] | None = None
        #: Container formulas: the derivative by each member key met so far.
        self.derived: dict[Any, Any] | None = None
        #: Goals: the formula for each kind of value.
        self.expanded: dict[int, Formula] | None = None
        #: Goals: whether nothing satisfies it, once known.
        self.empty: bool | None = None
        #: What else was asked of it, by question.
        self.answers: dict[Any, Any] = {}

    def dispose(self) -> None:
        """Let go of what others know of it (see `Compilation.dispose`)."""
        self._negation = self.derived = self.expanded = None
        self.answers.clear()

    @property
    def is_true(self) -> bool:
        return self.kind == _TRUE

    @property
    def is_false(self) -> bool:
        return self.kind == _FALSE

    @property
    def is_atom(self) -> bool:
        return self.kind == _ATOM

    @property
    def is_not(self) -> bool:
        return self.kind == _NOT

    @property
    def is_and(self) -> bool:
        return self.kind == _AND

    @property
    def is_or(self) -> bool:
        return self.kind == _OR

    @property
    def conjuncts(self) -> tuple[Formula, ...]:
        """What must hold together; the formula itself where it is no conjunction."""
        return self.members if self.kind == _AND else () if self.kind == _TRUE else (self,)

    @property
    def disjuncts(self) -> tuple[Formula, ...]:
        return self.members if self.kind == _OR else () if self.kind == _FALSE else (self,)

    @property
    def possible(self) -> int:
        """Goals: kinds that may satisfy it (an upper bound)."""
        return self._kind_bits()[0]

    @property
    def certain(self) -> int:
        """Goals: kinds of which every value satisfies it (a lower bound)."""
        return self._kind_bits()[1]

    def _kind_bits(self) -> tuple[int, int]:
        if self._bits is None:
            self._bits = _kind_bits(self)
        return self._bits

    # What a goal is asked. Containers' formulas are asked through their states instead.

    def cases(self) -> Cases:
        """The values of the goal by kind."""
        return self.algebra.hooks.cases(self)

    def is_empty(self) -> bool:
        """Whether no value satisfies the goal. False as well where the search ran out of its budget."""
        return self.algebra.hooks.is_empty(self) if self.empty is None else self.empty

    def min_bytes(self) -> int:
        """A lower bound on the length of a compact JSON text of the goal, in bytes."""
        return self.algebra.hooks.min_bytes(self)

    @property
    def shared(self) -> Hashable | None:
        """What says the same as this goal in any compilation with the same order of members; None for most goals."""
        return self.algebra.hooks.shared(self)

    def describe(self) -> str:
        """The goal in words, with the pointers of the schemas that it comes from."""
        return _describe(self)

    def __repr__(self) -> str:
        return f"<{self.describe()}>"


def atoms_of(formula: Formula) -> Iterator[Any]:
    """The atoms in a formula, whatever their polarity."""
    work = [formula]
    while work:
        part = work.pop()
        work.extend(part.members)
        if part.atom is not None:
            yield part.atom


class Algebra:
    """Makes and interns the formulas of one compilation."""

    def __init__(self) -> None:
        #: Formulas made so far: a measure of work that is the same on every machine.
        self.made = 0
        self._literals: dict[Any, Formula] = {}
        self._nodes: dict[tuple[int, tuple[int, ...]], Formula] = {}
        self._conjunctions: dict[tuple[Formula, ...], Formula] = {}
        self.TRUE = Formula(self, _TRUE, None, (), 0)
        self.FALSE = Formula(self, _FALSE, None, (), 0)
        self.TRUE.empty, self.FALSE.empty = False, True
        self.TRUE._negation = self.FALSE
        self.FALSE._negation = self.TRUE
        #: Set by the compilation, which lies above the formulas.
        self.hooks: Hooks

    def dispose(self) -> None:
        """Let go of all formulas (see `Compilation.dispose`)."""
        for formula in (self.TRUE, self.FALSE, *self._literals.values(), *self._nodes.values()):
            if formula._negation is not None:
                formula._negation.dispose()
            formula.dispose()
        vars(self).clear()

    def born(self) -> int:
        self.made += 1
        return self.made

    def atom(self, atom: Atom) -> Formula:
        known = self._literals.get(atom)
        if known is None:
            known = self._literals[atom] = Formula(self, _ATOM, atom, (), atom.sort)
        return known

    def negate(self, formula: Formula) -> Formula:
        known = formula._negation
        if known is None:
            known = self._negation_of(formula)
            formula._negation = known
            known._negation = formula
        return known

    def _negation_of(self, formula: Formula) -> Formula:
        if formula.kind == _ATOM:
            # Counts turn into counts, so that they are never met negated.
            complement = getattr(formula.atom, "complement", None)
            if complement is not None:
                opposite: Formula = complement(self)
                return opposite
            return Formula(self, _NOT, formula.atom, (), formula.sort)
        members = [self.negate(member) for member in formula.members]
        return self.disjunction(members) if formula.kind == _AND else self.conjunction(members)

    def conjunction(self, formulas: Iterable[Formula]) -> Formula:
        key = tuple(formulas)
        if len(key) == 1:
            return key[0]
        known = self._conjunctions.get(key)
        if known is None:
            known = self._conjunctions[key] = self._conjunction(key)
        return known

    def _conjunction(self, formulas: tuple[Formula, ...]) -> Formula:
        flat = _flatten(formulas, _AND, _TRUE, _FALSE)
        if flat is None:
            return self.FALSE
        if len(flat) > 1:
            merged = self._merge_met(flat)
            if merged is not None:
                return self.conjunction(merged)
            simpler = self._absorbed(flat, _OR)
            if simpler is not None:
                return simpler if isinstance(simpler, Formula) else self.conjunction(simpler)
        return self._node(_AND, flat, self.TRUE)

    def disjunction(self, formulas: Iterable[Formula]) -> Formula:
        key = tuple(formulas)
        if len(key) == 1:
            return key[0]
        flat = _flatten(key, _OR, _FALSE, _TRUE)
        if flat is None:
            return self.TRUE
        if len(flat) > 1:
            # De Morgan: a or b = not(not a and not b), so that atoms need to know `meet` only.
            merged = self._merge_met({self.negate(member): None for member in flat if _meets(member)})
            if merged is not None:
                rest = [member for member in flat if not _meets(member)]
                return self.disjunction([*rest, self.negate(self.conjunction(merged))])
            simpler = self._absorbed(flat, _AND)
            if simpler is not None:
                return self.negate(simpler) if isinstance(simpler, Formula) else self.disjunction(simpler)
        return self._node(_OR, flat, self.FALSE)

    def _merge_met(self, flat: dict[Formula, None]) -> list[Formula] | None:
        """The conjuncts with mergeable atoms that have one `meet` merged; None where nothing merges."""
        groups: dict[Callable[..., Any], list[Formula]] = {}
        for member in flat:
            if _meets(member):
                groups.setdefault(member.atom.meet, []).append(member)
        changed = False
        merged = [member for member in flat if not _meets(member)]
        for meet, group in groups.items():
            met: list[Formula] | None = meet(self, group) if len(group) > 1 else None
            changed = changed or met is not None
            merged.extend(group if met is None else met)
        return merged if changed else None

    def _absorbed(self, flat: dict[Formula, None], inner: int) -> Formula | list[Formula] | None:
        """a and (a or b) = a; a and (not a or b) = a and b; a and not a = FALSE (given back as such).

        The same with `and` and `or` exchanged, for which the caller negates. None where nothing applies.
        """
        for member in flat:
            negation = member._negation
            if negation is not None and negation in flat:
                return self.FALSE
        for member in flat:
            if member.kind == inner:
                kept = [
                    part for part in member.members if part._negation is None or part._negation not in flat
                ]
                absorbed = any(part in flat for part in member.members)
                if absorbed or len(kept) < len(member.members):
                    rest = [other for other in flat if other is not member]
                    if absorbed:
                        return rest
                    combine = self.disjunction if inner == _OR else self.conjunction
                    return [*rest, combine(kept)]
        return None

    def _node(self, kind: int, flat: dict[Formula, None], unit: Formula) -> Formula:
        if len(flat) < 2:
            return next(iter(flat), unit)
        key = (kind, tuple(sorted([member.serial for member in flat])))
        known = self._nodes.get(key)
        if known is None:
            sort = 0
            for member in flat:
                sort |= member.sort
            known = self._nodes[key] = Formula(self, kind, None, tuple(flat), sort)
        return known

    def rebuild(self, formula: Formula, leaf: Callable[[Formula], Formula]) -> Formula:
        """The formula with `leaf` applied to its atoms; a negated atom becomes its atom's new formula, negated."""
        kind = formula.kind
        if kind == _ATOM:
            return leaf(formula)
        if kind == _NOT:
            assert formula._negation is not None
            return self.negate(leaf(formula._negation))
        if kind not in (_AND, _OR):
            return formula
        zero = _FALSE if kind == _AND else _TRUE
        rebuilt: list[Formula] = []
        for member in formula.members:
            part = self.rebuild(member, leaf)
            if part.kind == zero:
                return part
            rebuilt.append(part)
        return self.conjunction(rebuilt) if kind == _AND else self.disjunction(rebuilt)


def _meets(formula: Formula) -> bool:
    return formula.atom is not None and formula.atom.meets


def _flatten(formulas: Iterable[Formula], kind: int, unit: int, zero: int) -> dict[Formula, None] | None:
    """The distinct members with nested ones of `kind` spread; None where one is the zero."""
    flat: dict[Formula, None] = {}
    for formula in formulas:
        if formula.kind == kind:
            for member in formula.members:
                flat[member] = None
        elif formula.kind == zero:
            return None
        elif formula.kind != unit:
            flat[formula] = None
    return flat


def _kind_bits(formula: Formula) -> tuple[int, int]:
    kind = formula.kind
    if kind == _TRUE:
        return values.ANY, values.ANY
    if kind == _FALSE:
        return 0, 0
    if kind == _ATOM:
        bits: tuple[int, int] = formula.atom.kinds()
        return bits
    if kind == _NOT:
        possible, certain = formula.atom.kinds()
        return values.ANY & ~certain, values.ANY & ~possible
    possible, certain = formula.members[0]._kind_bits()
    for member in formula.members[1:]:
        more_possible, more_certain = member._kind_bits()
        if kind == _AND:
            possible, certain = possible & more_possible, certain & more_certain
        else:
            possible, certain = possible | more_possible, certain | more_certain
    return possible, certain


#: Members of a conjunction or disjunction that `describe` names before it says how many more there are.
_NAMED = 6


def _describe(formula: Formula) -> str:
    kind = formula.kind
    if kind == _TRUE:
        return "anything"
    if kind == _FALSE:
        return "nothing"
    if kind == _ATOM:
        return str(formula.atom.describe())
    if kind == _NOT:
        return f"not {formula.atom.describe()}"
    shown = [_describe(member) for member in formula.members[:_NAMED]]
    if len(formula.members) > _NAMED:
        shown.append(f"{len(formula.members) - _NAMED} more")
    return "(" + (" and " if kind == _AND else " or ").join(shown) + ")"
