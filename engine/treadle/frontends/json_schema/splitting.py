"""Formulas taken apart: derivatives into (value goal, rest) pairs, formulas into unions of simpler ones.

In: a formula. Out: pairs or alternatives whose union it is. Both are exact however far they go; how far they go
decides how many states stand for a container and how much work a step is.
"""

from __future__ import annotations

from collections.abc import Callable

from treadle.frontends.json_schema.formula import CONTAINER, VALUE, Algebra, Formula

#: Pairs that `split` makes by multiplying out before it decides value by value instead.
_PRODUCT = 24
#: Pairs that it may make at all.
_PAIRS = 1024


def split(formula: Formula) -> list[tuple[Formula, Formula]] | None:
    """A derivative as a union of (value goal, container formula) pairs; None where that takes too many.

    In general the disjunctive form over whole value sides and whole container sides, not over atoms: only where the
    two are mixed does a product appear (Antimirov 1996, partial derivatives, for formulas). Where that grows, and
    where all value atoms are listed values, they are decided one after the other (Shannon 1938) instead: tags exclude
    each other, so the ways are as many as the tags, and disjoint, so that a value is followed by one state.
    """
    mixed = [member for member in formula.conjuncts if member.sort == VALUE | CONTAINER]
    if not mixed or all(_decides_by_lists(member) for member in mixed):
        return _decided(formula)
    pairs = _multiplied_out(formula, _PRODUCT)
    return _decided(formula) if pairs is None else pairs


def _decides_by_lists(formula: Formula) -> bool:
    """Whether all value atoms are listed values."""
    work = [formula]
    while work:
        part = work.pop()
        if part.sort == VALUE and part.atom is not None and not part.atom.meets:
            return False
        work.extend(member for member in part.members if member.sort & VALUE)
    return True


def _decided(formula: Formula) -> list[tuple[Formula, Formula]] | None:
    algebra = formula.algebra
    found: dict[Formula, list[Formula]] = {}
    # Value conjuncts hold in every way: nothing to decide about them.
    sure = algebra.conjunction([member for member in formula.conjuncts if not member.sort & CONTAINER])
    mixed = algebra.conjunction([member for member in formula.conjuncts if member.sort & CONTAINER])
    work = [(sure, mixed)]
    while work:
        goal, mixed = work.pop()
        if mixed.is_false or not goal.possible:
            continue
        literal = _undecided(mixed)
        if literal is None:
            found.setdefault(mixed, []).append(goal)
            if len(found) > _PAIRS:
                return None
            continue
        for chosen, verdict in ((literal, algebra.TRUE), (algebra.negate(literal), algebra.FALSE)):
            both = algebra.conjunction((goal, chosen))
            if both.possible:
                work.append((both, _substituted(mixed, literal, verdict)))
    return [(algebra.disjunction(goals), rest) for rest, goals in found.items()]


def _undecided(formula: Formula) -> Formula | None:
    """A value atom of the formula; listed values before schemas, since they decide each other."""
    schema = None
    work = [formula]
    while work:
        part = work.pop()
        if part.atom is None:
            work.extend(member for member in part.members if member.sort & VALUE)
        elif part.sort == VALUE:
            positive = part if part.is_atom else part.algebra.negate(part)
            if part.atom.meets:
                return positive
            schema = positive
    return schema


def _substituted(formula: Formula, literal: Formula, verdict: Formula) -> Formula:
    return formula.algebra.rebuild(formula, lambda one: verdict if one is literal else one)


def _multiplied_out(formula: Formula, limit: int) -> list[tuple[Formula, Formula]] | None:
    algebra = formula.algebra
    if not formula.sort & CONTAINER:
        return [] if formula.is_false else [(formula, algebra.TRUE)]
    if not formula.sort & VALUE:
        return [(algebra.TRUE, formula)]
    if formula.is_or:
        return _split_or(algebra, formula, limit)
    return _split_and(algebra, formula, limit)


def _split_or(algebra: Algebra, formula: Formula, limit: int) -> list[tuple[Formula, Formula]] | None:
    pairs: list[tuple[Formula, Formula]] = []
    on_value = [member for member in formula.members if not member.sort & CONTAINER]
    on_container = [member for member in formula.members if not member.sort & VALUE]
    if on_value:
        pairs.append((algebra.disjunction(on_value), algebra.TRUE))
    if on_container:
        pairs.append((algebra.TRUE, algebra.disjunction(on_container)))
    for member in formula.members:
        if member.sort == VALUE | CONTAINER:
            more = _multiplied_out(member, limit)
            if more is None:
                return None
            pairs.extend(more)
    return _joined(algebra, pairs, limit)


def _split_and(algebra: Algebra, formula: Formula, limit: int) -> list[tuple[Formula, Formula]] | None:
    goal = algebra.conjunction([member for member in formula.members if not member.sort & CONTAINER])
    rest = algebra.conjunction([member for member in formula.members if not member.sort & VALUE])
    pairs = [(goal, rest)]
    for member in formula.members:
        if member.sort == VALUE | CONTAINER:
            options = _multiplied_out(member, limit)
            if options is None:
                return None
            combined = [pair for known in pairs for pair in _refined(algebra, known, options)]
            joined = _joined(algebra, combined, limit)
            if joined is None:
                return None
            pairs = joined
    return pairs


def _refined(
    algebra: Algebra, known: tuple[Formula, Formula], options: list[tuple[Formula, Formula]]
) -> list[tuple[Formula, Formula]]:
    goal, rest = known
    found = []
    for more_goal, more_rest in options:
        both = algebra.conjunction((goal, more_goal))
        after = algebra.conjunction((rest, more_rest))
        if both is goal and after is rest:
            return [known]
        if both.possible and not after.is_false:
            found.append((both, after))
    return found


def _joined(
    algebra: Algebra, pairs: list[tuple[Formula, Formula]], limit: int
) -> list[tuple[Formula, Formula]] | None:
    """Pairs with the same container side as one; pairs that cannot happen left out."""
    goals: dict[Formula, list[Formula]] = {}
    for goal, rest in pairs:
        if goal.possible and not rest.is_false:
            goals.setdefault(rest, []).append(goal)
    if len(goals) > limit:
        return None
    return [(algebra.disjunction(some), rest) for rest, some in goals.items()]


def alternatives(
    formula: Formula, limit: int, keep: Callable[[Formula], bool] | None = None
) -> tuple[Formula, ...]:
    """The formula as a union of formulas, each without disjunctions where that makes at most `limit` of them.

    A disjunction on top always comes apart, and so does the only one of a conjunction; several stay where multiplying
    out would exceed the limit, since residuals of mixed formulas are exact as well, just slower. Disjunctions that
    `keep` wants to keep never come apart.
    """
    if formula.is_or and (keep is None or not keep(formula)):
        return tuple(
            dict.fromkeys(part for member in formula.members for part in alternatives(member, limit, keep))
        )
    if not formula.is_and or not any(member.is_or for member in formula.members):
        return () if formula.is_false else (formula,)
    return _multiplied(formula, limit, keep)


def _multiplied(formula: Formula, limit: int, keep: Callable[[Formula], bool] | None) -> tuple[Formula, ...]:
    algebra = formula.algebra
    apart = [member for member in formula.members if member.is_or and (keep is None or not keep(member))]
    if not apart:
        return (formula,)
    products: list[Formula] = [
        algebra.conjunction([member for member in formula.members if member not in apart])
    ]
    for member in apart:
        options = alternatives(member, limit, keep)
        if len(products) * len(options) > limit and len(products) > 1 < len(options):
            return (formula,)
        found = (algebra.conjunction((product, option)) for product in products for option in options)
        products = [product for product in dict.fromkeys(found) if not product.is_false]
    return tuple(dict.fromkeys(part for product in products for part in alternatives(product, limit, keep)))
