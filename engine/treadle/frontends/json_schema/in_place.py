"""Expansion: a goal seen by one kind of value, as a formula over that kind's atoms.

In: a goal and a kind. Out: TRUE, FALSE, or a formula over string conditions, number conditions, or trackers. Keywords
that apply subschemas to the same value (`allOf`, `anyOf`, `oneOf`, `not`, `if`, references, `dependent*`) become
connectives; keywords of other kinds vanish, which is where most of a schema goes. Nothing below the value is looked
at. A reference that comes back to itself without entering a member or item adds nothing, and is noted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle.errors import LimitExceeded
from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.array_trackers import array_conditions
from treadle.frontends.json_schema.disjoint import overlapping
from treadle.frontends.json_schema.drafts import DRAFT3, Group
from treadle.frontends.json_schema.formula import Algebra, Formula, atoms_of
from treadle.frontends.json_schema.literals import Literals, expand_literals, literals
from treadle.frontends.json_schema.member_trackers import Names
from treadle.frontends.json_schema.number_keywords import number_conditions
from treadle.frontends.json_schema.numeric_conditions import BARE
from treadle.frontends.json_schema.object_trackers import object_conditions, required
from treadle.frontends.json_schema.schema import Schema
from treadle.frontends.json_schema.string_keywords import string_conditions
from treadle.frontends.json_schema.unevaluated import unevaluated_conditions

#: Schemas applied to one and the same value inside of each other; each level takes some frames of Python's stack.
_DEEPEST = 60


def expand(goal: Formula, kind: int) -> Formula:
    """The values of one kind that satisfy the goal."""
    if goal.certain & kind:
        return goal.algebra.TRUE
    if not goal.possible & kind:
        return goal.algebra.FALSE
    known = goal.expanded
    if known is None:
        known = goal.expanded = {}
    found = known.get(kind)
    if found is None:
        found = known[kind] = goal.algebra.rebuild(goal, lambda literal: _expand_atom(literal, kind))
    return found


def object_formula(goal: Formula) -> Formula:
    """What a goal asks of objects, without names of which neither "it fits" nor "it does not" can be written.

    Where the language of `propertyNames` is only known from both sides (host names), a name between the two would count
    as fitting to one polarity and as not fitting to the other; so it must not come, whatever is asked.
    """
    formula = expand(goal, values.OBJECT)
    algebra = formula.algebra
    apart = {
        atom.decided: atom.pointer
        for atom in atoms_of(formula)
        if isinstance(atom, Names) and atom.decided is not None
    }
    return algebra.conjunction(
        [formula, *(algebra.atom(Names(decided, pointer)) for decided, pointer in apart.items())]
    )


def _expand_atom(literal: Formula, kind: int) -> Formula:
    atom = literal.atom
    if isinstance(atom, Literals):
        return expand_literals(literal.algebra, atom, kind)
    return expand_schema(atom, kind)


def expand_schema(schema: Schema, kind: int) -> Formula:
    """The values of one kind that are valid against the schema."""
    compilation = schema.compilation
    known = schema.expansions.get(kind)
    if known is not None:
        return known
    if not schema.kinds_allowed & kind:
        return compilation.algebra.FALSE
    key = (schema, kind)
    if key in compilation.expanding:
        # The least fixpoint: alternatives that need the schema itself to be satisfied already satisfy nobody.
        compilation.note_loop(schema)
        return compilation.algebra.FALSE
    if len(compilation.expanding) >= _DEEPEST:
        raise LimitExceeded(
            "too many schemas applied to one value inside of each other",
            limit="in_place_depth",
            value=_DEEPEST,
            where=schema.pointer,
        )
    compilation.expanding[key] = None
    loops = compilation.loops
    try:
        found = compilation.algebra.conjunction(_conditions(schema, kind))
    finally:
        del compilation.expanding[key]
    if compilation.loops == loops or not compilation.expanding:
        # What leaned on an assumption about a schema around it is found again, without it, when it is asked for.
        schema.expansions[kind] = found
    return found


def _conditions(schema: Schema, kind: int) -> list[Formula]:
    """What the schema's keywords say of the kind, in the order of the document, so that names come in that order."""
    groups = schema.groups
    found: list[Formula] = []
    if groups & Group.VALUES:
        found.extend(_listed(schema, kind))
    if kind == values.STRING:
        found.append(string_conditions(schema))
    elif kind == values.NUMBER:
        found.append(number_conditions(schema))
    if not groups & (Group.IN_PLACE | Group.UNEVALUATED):
        found.extend(_own(schema, kind))
        return found
    found.extend(_in_document_order(schema, kind))
    if groups & Group.UNEVALUATED:
        found.extend(unevaluated_conditions(schema, kind, expand))
    return found


def _own(schema: Schema, kind: int) -> list[Formula]:
    if kind == values.OBJECT:
        return object_conditions(schema)
    return array_conditions(schema) if kind == values.ARRAY else []


def _in_document_order(schema: Schema, kind: int) -> list[Formula]:
    keywords, found, own = schema.draft.keywords, [], False
    group = Group.OBJECT if kind == values.OBJECT else Group.ARRAY
    names = ("$ref",) if "$ref" in schema.targets and not schema.draft.ref_siblings else schema.contents
    for name in names:
        keyword = keywords.get(name)
        if keyword is None:
            continue
        if keyword.group == group and not own:
            own = True
            found.extend(_own(schema, kind))
        handler = _IN_PLACE.get(name)
        if handler is not None and keyword.group:
            found.append(handler(schema, kind))
    return found


def _listed(schema: Schema, kind: int) -> list[Formula]:
    algebra, found = schema.compilation.algebra, []
    enum = schema.get("enum")
    if enum is not None:
        found.append(expand(literals(algebra, enum, schema.at("enum")), kind))
    if "const" in schema.contents and "const" in schema.draft.keywords:
        found.append(expand(literals(algebra, [schema.contents["const"]], schema.at("const")), kind))
    return found


def _children(schema: Schema, keyword: str) -> list[Formula]:
    return [schema.child(keyword, index) for index in range(len(schema.contents[keyword]))]


def _all_of(schema: Schema, kind: int) -> Formula:
    return schema.compilation.algebra.conjunction([expand(goal, kind) for goal in _children(schema, "allOf")])


def _any_of(schema: Schema, kind: int) -> Formula:
    return schema.compilation.algebra.disjunction([expand(goal, kind) for goal in _children(schema, "anyOf")])


def _one_of(schema: Schema, kind: int) -> Formula:
    goals = [goal for goal in _children(schema, "oneOf") if goal.possible & kind]
    return exactly_one(schema.compilation.algebra, [expand(goal, kind) for goal in goals])


def exactly_one(algebra: Algebra, options: list[Formula]) -> Formula:
    """One option and none of the others; "none of" is left out for options that are disjoint anyway."""
    options = [option for option in options if not option.is_false]
    rivals = overlapping(options)
    return algebra.disjunction(
        [
            algebra.conjunction([option, *(algebra.negate(options[other]) for other in rivals[index])])
            for index, option in enumerate(options)
        ]
    )


def _not(schema: Schema, kind: int) -> Formula:
    return schema.compilation.algebra.negate(expand(schema.child("not"), kind))


def _if(schema: Schema, kind: int) -> Formula:
    """(if and then) or (not if and else)."""
    algebra = schema.compilation.algebra
    has_then, has_else = schema.get("then") is not None, schema.get("else") is not None
    if not has_then and not has_else:
        return algebra.TRUE
    condition = expand(schema.child("if"), kind)
    then = expand(schema.child("then"), kind) if has_then else algebra.TRUE
    otherwise = expand(schema.child("else"), kind) if has_else else algebra.TRUE
    if then.is_true:
        return algebra.disjunction((condition, otherwise))
    if otherwise.is_true:
        return algebra.disjunction((algebra.negate(condition), then))
    return algebra.disjunction(
        (algebra.conjunction((condition, then)), algebra.conjunction((algebra.negate(condition), otherwise)))
    )


def _reference(keyword: str) -> Callable[[Schema, int], Formula]:
    def handler(schema: Schema, kind: int) -> Formula:
        return expand(schema.target(keyword), kind)

    return handler


def _dependencies(keyword: str) -> Callable[[Schema, int], Formula]:
    """Each name is absent, or what depends on it holds."""

    def handler(schema: Schema, kind: int) -> Formula:
        algebra = schema.compilation.algebra
        if kind != values.OBJECT:
            return algebra.TRUE
        found = []
        for name, needed in schema.contents[keyword].items():
            if isinstance(needed, str):
                needed = [needed]
            if isinstance(needed, list):
                then = required(algebra, frozenset(needed) - {name})
            else:
                then = expand(schema.child(keyword, name), kind)
            found.append(algebra.disjunction((algebra.negate(required(algebra, frozenset((name,)))), then)))
        return algebra.conjunction(found)

    return handler


def _extends(schema: Schema, kind: int) -> Formula:
    if isinstance(schema.contents["extends"], dict):
        return expand(schema.child("extends"), kind)
    return schema.compilation.algebra.conjunction(
        [expand(goal, kind) for goal in _children(schema, "extends")]
    )


def _any_type(schema: Schema, keyword: str, kind: int) -> Formula:
    """Draft 3: one of the named types or of the schemas among them."""
    algebra = schema.compilation.algebra
    given: Any = schema.contents[keyword]
    listed = isinstance(given, list)
    found = []
    for index, member in enumerate(given if listed else [given]):
        if isinstance(member, dict):
            goal = schema.child(keyword, index) if listed else schema.child(keyword)
            found.append(expand(goal, kind))
        elif member == "any" or values.TYPE_KINDS.get(member, 0) & kind:
            integers = algebra.atom(BARE)
            found.append(integers if member == "integer" else algebra.TRUE)
    return algebra.disjunction(found)


def _draft3_type(schema: Schema, kind: int) -> Formula:
    if schema.draft is not DRAFT3:
        return schema.compilation.algebra.TRUE
    return _any_type(schema, "type", kind)


def _disallow(schema: Schema, kind: int) -> Formula:
    return schema.compilation.algebra.negate(_any_type(schema, "disallow", kind))


_IN_PLACE: dict[str, Callable[[Schema, int], Formula]] = {
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "$ref": _reference("$ref"),
    "$dynamicRef": _reference("$dynamicRef"),
    "$recursiveRef": _reference("$recursiveRef"),
    "dependencies": _dependencies("dependencies"),
    "dependentRequired": _dependencies("dependentRequired"),
    "dependentSchemas": _dependencies("dependentSchemas"),
    "extends": _extends,
    "type": _draft3_type,
    "disallow": _disallow,
}
