"""What is left of a container formula after one more member or item.

In: a formula over trackers and the member's name, its name class, or ITEM. Out: its derivative, a formula over value
goals and trackers, and the same as (goal, rest) pairs. `closes` is what a derivative is to the empty word.
"""

from __future__ import annotations

from typing import Any, Final

from treadle.errors import LimitExceeded
from treadle.frontends.json_schema.formula import Algebra, Formula
from treadle.frontends.json_schema.splitting import split

#: The key of the next item of an array.
ITEM: Final = object()


def derivative(formula: Formula, key: Any) -> Formula:
    """The mixed formula for one more member or item; kept on every part, since residuals share most of theirs.

    `key` is the member's name, its name class, or ITEM.
    """
    known = formula.derived
    if known is None:
        known = formula.derived = {}
    found: Formula | None = known.get(key)
    if found is None:
        found = known[key] = _derivative(formula, key)
    return found


def _derivative(formula: Formula, key: Any) -> Formula:
    algebra = formula.algebra
    if formula.is_atom:
        return _of_tracker(algebra, formula.atom, key)
    if formula.is_not:
        return algebra.negate(derivative(algebra.negate(formula), key))
    parts = [derivative(member, key) for member in formula.members]
    if formula.is_and:
        return algebra.conjunction(parts)
    return algebra.disjunction(parts) if formula.is_or else formula


def _of_tracker(algebra: Algebra, tracker: Any, key: Any) -> Formula:
    if key is ITEM:
        found: Formula = tracker.derive(algebra)
    elif isinstance(key, str):
        found = tracker.derive(algebra, key)
    else:
        found = tracker.derive_class(algebra, key)
    return found


def separated(mixed: Formula) -> list[tuple[Formula, Formula]]:
    """`split`, refused where it comes apart into too many pairs."""
    pairs = split(mixed)
    if pairs is None:
        raise LimitExceeded("too many ways to go on inside of a container", limit="branches", value=512)
    return pairs


def closes(formula: Formula) -> bool:
    """Whether a container formula holds of the container that ends here."""
    if formula.is_atom:
        return bool(formula.atom.can_close)
    if formula.is_not:
        return not formula.atom.can_close
    if formula.is_and:
        return all(closes(member) for member in formula.members)
    if formula.is_or:
        return any(closes(member) for member in formula.members)
    return formula.is_true
