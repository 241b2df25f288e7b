"""`enum` and `const`: finite sets of JSON values as atoms, and what is left of them inside of containers.

A set of values narrows as a value is read: after the member "a" only the listed objects with that member remain, and
the member's value must be one of theirs. Sets of one value atom each are merged by the algebra, so that two
different tags meet in FALSE at once; that is what makes discriminated unions cheap.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.formula import CONTAINER, VALUE, Algebra, Formula
from treadle.frontends.json_schema.number_keywords import listed_numbers
from treadle.frontends.json_schema.string_keywords import listed_strings

if TYPE_CHECKING:
    from treadle.frontends.json_schema.member_trackers import NameClass


class Literals:
    """A value atom: one of these values."""

    __slots__ = ("_hash", "by_key", "keys", "pointer")

    sort = VALUE
    meets = True

    def __init__(self, by_key: dict[Hashable, Any], pointer: str = "") -> None:
        #: Each value under its key, in the order written.
        self.by_key = by_key
        self.keys = frozenset(by_key)
        #: Where the values are listed; not part of what the atom is.
        self.pointer = pointer
        self._hash = hash(self.keys)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literals) and self.keys == other.keys

    def __hash__(self) -> int:
        return self._hash

    def kinds(self) -> tuple[int, int]:
        possible = 0
        for value in self.by_key.values():
            possible |= values.kind_of(value)
        return possible, possible & (values.NULL | values.BOOLEAN)

    def describe(self) -> str:
        shown = ", ".join(repr(value) for value in list(self.by_key.values())[:4])
        more = ", ..." if len(self.by_key) > 4 else ""
        return f"one of {shown}{more}" + (f" ({self.pointer})" if self.pointer else "")

    @staticmethod
    def meet(algebra: Algebra, members: list[Formula]) -> list[Formula]:
        """Intersections of the listed sets without the excluded ones; exclusions alone are joined."""
        listed = [member.atom for member in members if member.is_atom]
        excluded = [member.atom for member in members if member.is_not]
        if not listed:
            joined: dict[Hashable, Any] = {}
            for atom in excluded:
                joined.update(atom.by_key)
            return [algebra.negate(algebra.atom(Literals(joined, excluded[0].pointer)))]
        smallest = min(listed, key=lambda atom: len(atom.keys))
        kept = {
            key: value
            for key, value in smallest.by_key.items()
            if all(key in atom.keys for atom in listed) and not any(key in atom.keys for atom in excluded)
        }
        return [algebra.atom(Literals(kept, smallest.pointer)) if kept else algebra.FALSE]


def literals(algebra: Algebra, listed: Iterable[Any], pointer: str = "") -> Formula:
    """The goal of being one of these values."""
    by_key: dict[Hashable, Any] = {}
    for value in listed:
        by_key.setdefault(values.value_key(value), value)
    return algebra.atom(Literals(by_key, pointer)) if by_key else algebra.FALSE


def expand_literals(algebra: Algebra, atom: Literals, kind: int) -> Formula:
    """The listed values of one kind, as a formula over that kind's atoms."""
    chosen = [value for value in atom.by_key.values() if values.kind_of(value) == kind]
    if not chosen:
        return algebra.FALSE
    if kind == values.STRING:
        return listed_strings(algebra, chosen)
    if kind == values.NUMBER:
        return listed_numbers(algebra, chosen)
    if kind == values.ARRAY:
        return algebra.atom(LiteralArrays.of(chosen))
    if kind == values.OBJECT:
        return algebra.atom(LiteralObjects.of(chosen))
    return algebra.TRUE


class LiteralObjects:
    """Tracker: the object is one of these, of which the members read so far are taken off."""

    __slots__ = ("_hash", "candidates", "names", "values")

    sort = CONTAINER
    meets = False
    fixed = False
    languages = ()
    restricting = None

    def __init__(
        self, candidates: frozenset[frozenset[Any]], names: tuple[str, ...], known: dict[Hashable, Any]
    ) -> None:
        #: What is left of each candidate: (name, key of the value) pairs.
        self.candidates = candidates
        #: All names, in order of first appearance.
        self.names = names
        #: The members' values by key.
        self.values = known
        self._hash = hash(candidates)

    @staticmethod
    def of(objects: list[dict[str, Any]]) -> LiteralObjects:
        known = {values.value_key(member): member for value in objects for member in value.values()}
        names = tuple(dict.fromkeys(name for value in objects for name in value))
        candidates: Any = frozenset(values.value_key(value) for value in objects)
        return LiteralObjects(candidates, names, known)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LiteralObjects) and self.candidates == other.candidates

    def __hash__(self) -> int:
        return self._hash

    @property
    def can_close(self) -> bool:
        return frozenset() in self.candidates

    def derive(self, algebra: Algebra, name: str) -> Formula:
        rests: dict[Hashable, set[frozenset[Any]]] = {}
        for candidate in self.candidates:
            for pair in candidate:
                if pair[0] == name:
                    rests.setdefault(pair[1], set()).add(candidate - {pair})
        return _either(
            algebra,
            (
                (self.values[key], LiteralObjects(frozenset(rest), self.names, self.values))
                for key, rest in rests.items()
            ),
        )

    def derive_class(self, algebra: Algebra, name_class: NameClass) -> Formula:
        return algebra.FALSE

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return "one of the listed objects"


class LiteralArrays:
    """Tracker: the array is one of these, of which the items read so far are taken off."""

    __slots__ = ("_hash", "candidates", "values")

    sort = CONTAINER
    meets = False

    def __init__(self, candidates: frozenset[tuple[Hashable, ...]], known: dict[Hashable, Any]) -> None:
        self.candidates = candidates
        self.values = known
        self._hash = hash(candidates)

    @staticmethod
    def of(arrays: list[list[Any]]) -> LiteralArrays:
        known = {values.value_key(item): item for value in arrays for item in value}
        return LiteralArrays(
            frozenset(tuple(values.value_key(item) for item in value) for value in arrays), known
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LiteralArrays) and self.candidates == other.candidates

    def __hash__(self) -> int:
        return self._hash

    @property
    def can_close(self) -> bool:
        return () in self.candidates

    def derive(self, algebra: Algebra) -> Formula:
        rests: dict[Hashable, set[tuple[Hashable, ...]]] = {}
        for candidate in self.candidates:
            if candidate:
                rests.setdefault(candidate[0], set()).add(candidate[1:])
        return _either(
            algebra,
            ((self.values[key], LiteralArrays(frozenset(rest), self.values)) for key, rest in rests.items()),
        )

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return "one of the listed arrays"


def _either(algebra: Algebra, options: Iterable[tuple[Any, Any]]) -> Formula:
    """Some option's value followed by that option's rest."""
    return algebra.disjunction(
        [algebra.conjunction((literals(algebra, [value]), algebra.atom(rest))) for value, rest in options]
    )
