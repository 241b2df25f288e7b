"""Reading a document: every schema that the root can reach, checked once and made a `Schema`.

In: the root's contents. Out: `Schema` objects in the compilation's table, references resolved. A list of work instead
of recursion, so that depth costs nothing. Only keywords of the schema's draft are looked at; definitions that nothing
refers to are not read. Errors name the keyword by JSON pointer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from treadle.errors import ConstraintError, InvalidConstraint, UnsupportedFeature
from treadle.frontends.json_schema import formats, values
from treadle.frontends.json_schema.conflict import leave_out
from treadle.frontends.json_schema.documents import Resource
from treadle.frontends.json_schema.drafts import DRAFT3, Group, Shape, draft_of
from treadle.frontends.json_schema.schema import Link, Schema, pointer_of
from treadle.frontends.regex import parse_ecma

if TYPE_CHECKING:
    from treadle.frontends.json_schema.compilation import Compilation

Work = list[tuple[Any, Link, Resource]]


def load(compilation: Compilation, contents: Any, link: Link, resource: Resource) -> None:
    """Make `Schema` objects of everything reachable from here."""
    work: Work = [(contents, link, resource)]
    schemas = compilation.schemas
    while work:
        contents, link, resource = work.pop()
        if contents is True or contents is False:
            continue
        if not isinstance(contents, dict):
            raise _wrong(pointer_of(link), contents, "an object or a boolean")
        if (id(contents), resource.scope) not in schemas:
            _read(compilation, contents, link, resource, work)


def _read(
    compilation: Compilation, contents: dict[str, Any], link: Link, resource: Resource, work: Work
) -> None:
    key = (id(contents), resource.scope)
    if contents is not resource.root:
        resource = _resource_of(compilation, contents, link, resource)
    schema = compilation.schemas[key] = Schema(compilation, contents, link, resource)
    if compilation.without is not None and id(contents) in compilation.without:
        schema.contents = contents = leave_out(contents, compilation.without[id(contents)])
        # A second name: the schemas around it know the whole, it knows itself.
        compilation.schemas[id(contents), resource.scope] = schema
    keywords, foreign = resource.draft.keywords, resource.draft.foreign
    names: Any = contents
    if "$ref" in contents and not resource.draft.ref_siblings:
        names = ("$ref",)
        _note_siblings(schema)
    groups = 0
    for name in names:
        keyword = keywords.get(name)
        if keyword is not None:
            groups |= keyword.group
            _CHECKS[keyword.shape](schema, name, contents[name], work)
        elif name in foreign:
            _foreign(schema, name, contents[name])
    schema.groups |= groups


def _resource_of(
    compilation: Compilation, contents: dict[str, Any], link: Link, resource: Resource
) -> Resource:
    """The resource that the schema lies in: a new one where it has an identifier of its own."""
    identifier = contents.get(resource.draft.id_keyword)
    if not isinstance(identifier, str):
        return resource
    if not resource.draft.ref_siblings and ("$ref" in contents or identifier.startswith("#")):
        return resource
    return compilation.documents.embedded(resource, contents, link, draft_of(contents) or resource.draft)


# One check a shape: what the value must be, and which subschemas to read next.


def _schema(schema: Schema, name: str, value: Any, work: Work) -> None:
    work.append((value, (schema.link, name), schema.resource))


def _schemas(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not isinstance(value, list) or not value:
        raise _wrong(schema.at(name), value, "a non-empty array of schemas")
    for index, member in enumerate(value):
        work.append((member, ((schema.link, name), index), schema.resource))


def _schema_map(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not isinstance(value, dict):
        raise _wrong(schema.at(name), value, "an object of schemas")
    link = (schema.link, name)
    for key, member in value.items():
        work.append((member, (link, key), schema.resource))


def _pattern_map(schema: Schema, name: str, value: Any, work: Work) -> None:
    _schema_map(schema, name, value, work)
    for pattern in value:
        check_pattern(schema, pattern, name, pattern)


def _schema_or_schemas(schema: Schema, name: str, value: Any, work: Work) -> None:
    if isinstance(value, list):
        if name == "items" and schema.draft.name == "draft 2020-12" and not schema.draft.guessed:
            schema.compilation.report.add("reading", schema.at(name), "a list, read as prefixItems")
        if value:
            _schemas(schema, name, value, work)
    else:
        _schema(schema, name, value, work)


def _names(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
        raise _wrong(schema.at(name), value, "an array of strings")


def _name_lists(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not isinstance(value, dict):
        raise _wrong(schema.at(name), value, "an object of arrays of strings")
    for key, member in value.items():
        if not isinstance(member, list) or not all(isinstance(part, str) for part in member):
            raise _wrong(schema.at(name, key), member, "an array of strings")


def _dependencies(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not isinstance(value, dict):
        raise _wrong(schema.at(name), value, "an object")
    for key, member in value.items():
        if isinstance(member, list):
            if not all(isinstance(part, str) for part in member):
                raise _wrong(schema.at(name, key), member, "a schema or an array of strings")
        elif not (isinstance(member, str) and schema.draft is DRAFT3):
            work.append((member, ((schema.link, name), key), schema.resource))


def _pattern(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not isinstance(value, str):
        raise _wrong(schema.at(name), value, "a regular expression")
    check_pattern(schema, value, name)


#: Patterns that are well-formed and supported at a glance: no lookaround, no nesting, no ranges but the usual ones.
_CLASS_ITEM = r"a-z|A-Z|0-9|a-f|A-F|[\w ./:;,@#%&=~!<>+*?$|(){}\"']|\\[dDwWsS./\-\\\]\[+*?^$|(){}]"
_COUNT = r"[*+?]|\{(?:\d{1,3},?|\d,\d\d|\d\d?,\d{3})\}"
_ONE_OF = rf"[\w /:;,@#%&=~!<>\"'-]|\\[dDwWsS./\-\\\]\[+*?^$|(){{}}]|\.|\[\^?(?:{_CLASS_ITEM})+-?\]"
_ONE = rf"(?:{_ONE_OF})(?:{_COUNT})?"
_PLAIN = re.compile(rf"\^?(?:{_ONE}|\((?:\?:)?(?:{_ONE})+(?:\|(?:{_ONE})+)*\)[*+?]?)*\$?", re.ASCII)


def check_pattern(schema: Schema, pattern: str, *tokens: str) -> None:
    """Read the pattern now, so that a refusal comes before anything is generated; the parser remembers it.

    PERF: reading takes 0.1 to 0.5 ms, and large schemas have hundreds of patterns that no value ever reaches; those
    that cannot be refused are left for later.
    """
    if _PLAIN.fullmatch(pattern):
        return
    try:
        parse_ecma(pattern)
    except UnsupportedFeature as error:
        if not schema.compilation.lenient:
            raise error.at(schema.at(*tokens)) from None
        schema.compilation.relax_pattern(pattern, schema.at(*tokens), error.message)
    except ConstraintError as error:
        raise error.at(schema.at(*tokens)) from None


def _count(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not _is_number(value) or value < 0 or not values.is_integral(value):
        raise _wrong(schema.at(name), value, "a non-negative integer")


def _number(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not _is_number(value):
        raise _wrong(schema.at(name), value, "a number")


def _number_or_flag(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not isinstance(value, bool):
        _number(schema, name, value, work)
        return
    schema.compilation.report.add("reading", schema.at(name), "a boolean, read as draft 4 means it")


def _positive(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not _is_number(value) or value <= 0:
        raise _wrong(schema.at(name), value, "a number above 0")


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return False
    return isinstance(value, int) or isfinite(value)


def _flag(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not isinstance(value, bool):
        raise _wrong(schema.at(name), value, "a boolean")


def _string(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not isinstance(value, str):
        raise _wrong(schema.at(name), value, "a string")
    if name == "format" and schema.compilation.assert_formats:
        # Made once in a process, some in milliseconds: now, so that no mask waits for it.
        formats.format_of(value, schema.draft.name)


def _values(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not isinstance(value, list):
        raise _wrong(schema.at(name), value, "an array")


def _anything(schema: Schema, name: str, value: Any, work: Work) -> None:
    return


def _annotation(schema: Schema, name: str, value: Any, work: Work) -> None:
    why = _WHY.get(name)
    message = f"{name} asserts nothing in {schema.draft.name}" + (f": {why}" if why else "")
    schema.compilation.report.add("annotation", schema.at(name), message)


#: What to know about keywords that people expect to be enforced.
_WHY = {
    "nullable": "it is OpenAPI's; in JSON Schema null is one of the types",
    "discriminator": "it is OpenAPI's, and a hint; the branches say themselves which values they take",
    "contentEncoding": "it describes what the string holds",
    "contentMediaType": "it describes what the string holds",
    "contentSchema": "it describes what the string holds",
    "$vocabulary": "it counts in a meta-schema, which $schema names",
    "id": "schemas are named by $id",
    "$id": "schemas are named by id",
}


def _foreign(schema: Schema, name: str, value: Any) -> None:
    """A keyword of another draft. As the name of a schema it would be a string; people use `id` for other things."""
    if name not in ("id", "$id") or isinstance(value, str):
        _annotation(schema, name, value, [])


def _note_siblings(schema: Schema) -> None:
    keywords = schema.draft.keywords
    for name in schema.contents:
        if name != "$ref" and name in keywords and keywords[name].group:
            message = f"{name} asserts nothing beside $ref in {schema.draft.name}"
            schema.compilation.report.add("annotation", schema.at(name), message)


def _beside_list(schema: Schema, name: str, value: Any, work: Work) -> None:
    if isinstance(schema.contents.get("items"), list):
        _schema(schema, name, value, work)
    else:
        _annotation(schema, name, value, work)


def _type(schema: Schema, name: str, value: Any, work: Work) -> None:
    if type(value) is str:
        kinds = values.TYPE_KINDS.get(value)
        if kinds is not None:
            schema.kinds_allowed = kinds
            schema.only_integers = value == "integer"
            return
    if not isinstance(value, list) or not all(
        isinstance(member, str) and member in values.TYPE_KINDS for member in value
    ):
        raise _wrong(schema.at(name), value, "a type name or an array of type names")
    schema.kinds_allowed = 0
    for member in value:
        schema.kinds_allowed |= values.TYPE_KINDS[member]
    schema.only_integers = "integer" in value and "number" not in value


def _type_or_schemas(schema: Schema, name: str, value: Any, work: Work) -> None:
    """Draft 3: names that it does not define, and schemas, may be among the types."""
    link = (schema.link, name)
    members = value if isinstance(value, list) else [value]
    known = 0
    has_schemas = False
    for index, member in enumerate(members):
        if isinstance(member, dict):
            has_schemas = True
            work.append((member, (link, index) if isinstance(value, list) else link, schema.resource))
        elif not isinstance(member, str):
            raise _wrong(schema.at(name), member, "a type name or a schema")
        else:
            known |= values.ANY if member == "any" else values.TYPE_KINDS.get(member, 0)
    if name == "type":
        schema.kinds_allowed = values.ANY if has_schemas else known
        schema.only_integers = "integer" in members and "number" not in members and "any" not in members
        if has_schemas:
            schema.groups |= Group.IN_PLACE


def _reference(schema: Schema, name: str, value: Any, work: Work) -> None:
    if not isinstance(value, str):
        raise _wrong(schema.at(name), value, "a URI reference")
    documents = schema.compilation.documents
    if name != "$ref" and not documents.dynamic:
        raise DynamicReference
    found = None if name == "$recursiveRef" else documents.resolve(schema.resource, value)
    if found is None:
        found = documents.look_up(schema.resource, name, value, schema.at(name))
    schema.targets[name] = found
    work.append(found)


class DynamicReference(Exception):
    """The document has dynamic references: it must be read with dynamic scopes. Never leaves the package."""


def _wrong(where: str, found: Any, expected: str) -> InvalidConstraint:
    shown = repr(found)
    if len(shown) > 60:
        shown = shown[:57] + "..."
    return InvalidConstraint("malformed schema", where=where, found=shown, expected=expected)


_CHECKS: dict[Shape, Callable[[Schema, str, Any, Work], None]] = {
    Shape.SCHEMA: _schema,
    Shape.SCHEMAS: _schemas,
    Shape.SCHEMA_MAP: _schema_map,
    Shape.SCHEMA_OR_SCHEMAS: _schema_or_schemas,
    Shape.NAMES: _names,
    Shape.NAME_LISTS: _name_lists,
    Shape.DEPENDENCIES: _dependencies,
    Shape.PATTERN: _pattern,
    Shape.PATTERN_MAP: _pattern_map,
    Shape.COUNT: _count,
    Shape.NUMBER: _number,
    Shape.NUMBER_OR_FLAG: _number_or_flag,
    Shape.POSITIVE: _positive,
    Shape.FLAG: _flag,
    Shape.TYPE: _type,
    Shape.TYPE_OR_SCHEMAS: _type_or_schemas,
    Shape.VALUES: _values,
    Shape.VALUE: _anything,
    Shape.STRING: _string,
    Shape.REFERENCE: _reference,
    Shape.ANNOTATION: _annotation,
    Shape.BESIDE_LIST: _beside_list,
}
