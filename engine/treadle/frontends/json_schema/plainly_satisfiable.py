"""Goals that are seen to be satisfiable by a look at their keywords, as nearly all are.

In: a goal, or the contents of a schema. Out: True only where some value satisfies it, told without a formula: an object
that requires nothing is satisfied by `{}`, one with required members by theirs, a string by any text that a single
keyword allows. What a look does not tell is searched for (`satisfiable`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.documents import Resource
from treadle.frontends.json_schema.drafts import Group
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.literals import Literals
from treadle.frontends.json_schema.schema import Schema, is_reference_only
from treadle.grammar.expression import NOTHING

if TYPE_CHECKING:
    from treadle.frontends.json_schema.compilation import Compilation

#: Schemas inside of each other that are looked at, and what one may say of its members and items to be settled so.
_LOOKED_INTO: Final = 8
_OF_MEMBERS: Final = frozenset({"properties", "required", "additionalProperties"})
_OF_ITEMS: Final = frozenset({"items", "minItems"})
_OF_STRINGS: Final = ("pattern", "format", "minLength", "maxLength")


def is_plainly_satisfiable(goal: Formula, deep: int = _LOOKED_INTO) -> bool:
    """Whether a look at the keywords tells that some value satisfies the goal. False may mean that it does not tell."""
    if goal.certain:
        return True
    if not goal.is_atom:
        return False
    return isinstance(goal.atom, Literals) or _has_plain_values(goal.atom, deep)


def has_plain_values(compilation: Compilation, contents: Any, resource: Resource) -> bool:
    """The same of a schema that was read, without making it a goal: of many members, few are ever written."""
    for _ in range(_LOOKED_INTO):
        if isinstance(contents, bool):
            return contents
        schema = compilation.schemas[id(contents), resource.scope]
        if schema.groups != Group.IN_PLACE or not is_reference_only(schema):
            return bool(schema.kinds()[1]) or _has_plain_values(schema, _LOOKED_INTO)
        contents, _, resource = schema.targets["$ref"]
    return False


def _has_plain_values(schema: Schema, deep: int) -> bool:
    if schema.groups & (Group.IN_PLACE | Group.VALUES):
        return False
    kinds = schema.kinds_allowed
    if kinds & values.STRING and _has_plain_strings(schema):
        return True
    if kinds & values.NUMBER and not schema.groups & Group.NUMBER:
        return True
    if kinds & values.OBJECT and _has_plain_objects(schema, deep):
        return True
    return bool(kinds & values.ARRAY and _has_plain_arrays(schema, deep))


def _has_plain_objects(schema: Schema, deep: int) -> bool:
    """Is there an object: the empty one, or one of the required members, of which each is settled by a look."""
    contents = schema.contents
    if contents.get("minProperties"):
        return False
    if schema.draft.name == "draft 3":
        return "properties" not in contents and not contents.get("required")
    required = contents.get("required")
    if not required:
        return True
    if not deep or not _says_only(schema, Group.OBJECT, _OF_MEMBERS):
        return False
    listed = contents.get("properties", ())
    others = contents.get("additionalProperties", True) is True
    return all(
        _settles(schema.child("properties", name), deep - 1) if name in listed else others
        for name in required
    )


def _has_plain_arrays(schema: Schema, deep: int) -> bool:
    contents = schema.contents
    if not contents.get("minItems"):
        return "contains" not in contents
    if not deep or not _says_only(schema, Group.ARRAY, _OF_ITEMS):
        return False
    items = contents.get("items", True)
    return items is True or (isinstance(items, dict) and _settles(schema.child("items"), deep - 1))


def _says_only(schema: Schema, group: int, names: frozenset[str]) -> bool:
    """Has the schema no other keywords of a group than these, nor those that look at other keywords' work?"""
    if schema.groups & Group.UNEVALUATED:
        return False
    keywords = schema.draft.keywords
    return not any(
        name in keywords and keywords[name].group & group for name in schema.contents.keys() - names
    )


def _settles(goal: Formula, deep: int) -> bool:
    if goal.empty is None and is_plainly_satisfiable(goal, deep):
        goal.empty = False
    return goal.empty is False


def _has_plain_strings(schema: Schema) -> bool:
    """Is there a string, as one keyword alone tells: every format has some, and a pattern's language may show it."""
    if not schema.groups & Group.STRING:
        return True
    asked = [keyword for keyword in _OF_STRINGS if schema.get(keyword) is not None]
    if asked == ["pattern"]:
        language = schema.compilation.pattern(schema.contents["pattern"])
        return language.plain and language is not NOTHING
    return asked in ([], ["format"], ["minLength"], ["maxLength"])
