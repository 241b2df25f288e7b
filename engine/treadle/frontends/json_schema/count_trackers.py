"""Trackers of how many members or items still have to come, and how many may.

Two atoms, a lower and an upper bound, because the negation of either is the other kind: counts are never negated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from treadle.frontends.json_schema.formula import CONTAINER, Algebra, Formula


def _meet(algebra: Algebra, members: list[Formula]) -> list[Formula] | None:
    """The tightest bounds; FALSE where they cross, None where there is one of each."""
    low = max((member.atom.low for member in members if isinstance(member.atom, AtLeast)), default=0)
    high = min((member.atom.high for member in members if isinstance(member.atom, AtMost)), default=low)
    if high < low:
        return [algebra.FALSE]
    kept = {type(member.atom): member for member in members if member.atom in (AtLeast(low), AtMost(high))}
    return None if len(kept) == len(members) else list(kept.values())


@dataclass(frozen=True, slots=True)
class AtLeast:
    """So many more members (or items) at least; `low` is above 0."""

    low: int

    sort = CONTAINER
    meets = True
    fixed = False
    names = ()
    languages = ()
    restricting = None
    can_close = False

    def after_one(self, algebra: Algebra) -> Formula:
        return algebra.atom(AtLeast(self.low - 1)) if self.low > 1 else algebra.TRUE

    def derive(self, algebra: Algebra, name: str = "") -> Formula:
        return self.after_one(algebra)

    def derive_class(self, algebra: Algebra, name_class: Any) -> Formula:
        return self.after_one(algebra)

    def complement(self, algebra: Algebra) -> Formula:
        return algebra.atom(AtMost(self.low - 1))

    meet = staticmethod(_meet)

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"at least {self.low} more"


@dataclass(frozen=True, slots=True)
class AtMost:
    """So many more members (or items) at most."""

    high: int

    sort = CONTAINER
    meets = True
    fixed = False
    names = ()
    languages = ()
    restricting = None
    can_close = True

    def after_one(self, algebra: Algebra) -> Formula:
        return algebra.atom(AtMost(self.high - 1)) if self.high else algebra.FALSE

    def derive(self, algebra: Algebra, name: str = "") -> Formula:
        return self.after_one(algebra)

    def derive_class(self, algebra: Algebra, name_class: Any) -> Formula:
        return self.after_one(algebra)

    def complement(self, algebra: Algebra) -> Formula:
        return algebra.atom(AtLeast(self.high + 1))

    meet = staticmethod(_meet)

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("trackers are no value atoms")

    def describe(self) -> str:
        return f"at most {self.high} more"


def count(algebra: Algebra, low: int, high: int | None) -> Formula:
    """Between `low` and `high` more."""
    if high is None:
        return algebra.atom(AtLeast(low)) if low > 0 else algebra.TRUE
    if high < low or high < 0:
        return algebra.FALSE
    most = algebra.atom(AtMost(high))
    return algebra.conjunction((algebra.atom(AtLeast(low)), most)) if low > 0 else most


def describe_count(low: int, high: int | None) -> str:
    most = "" if high is None else f", at most {high}"
    return f"at least {low}{most} more"
