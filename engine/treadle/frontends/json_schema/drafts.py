"""The drafts of JSON Schema: which keywords each one has, what shape they take, and how references work in it.

In: the `$schema` URI. Out: a `Draft`. Keywords that a draft does not have are annotations there. The default (no
`$schema`, or one that is unknown) is 2020-12 plus the older spellings that real schemas use without saying so:
tuple `items`, `dependencies`, boolean `exclusiveMinimum`; they are malformed or meaningless in 2020-12, so reading
them changes no well-formed schema's verdict but for `dependencies`, which 2020-12 calls an annotation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final


class Group:
    """Which families of keywords a schema has; what is absent costs nothing when it is expanded.

    Bits of plain integers: an IntFlag makes an object for every `&`, and these are asked for all the time.
    """

    NONE: Final = 0
    TYPE: Final = 1
    VALUES: Final = 2
    STRING: Final = 4
    NUMBER: Final = 8
    ARRAY: Final = 16
    OBJECT: Final = 32
    IN_PLACE: Final = 64
    UNEVALUATED: Final = 128


class Shape(Enum):
    """What a keyword's value must look like."""

    # Asked for with every keyword that is read; Enum's own is a Python function.
    __hash__ = object.__hash__

    SCHEMA = "a schema"
    SCHEMAS = "a non-empty array of schemas"
    SCHEMA_MAP = "an object of schemas"
    SCHEMA_OR_SCHEMAS = "a schema or an array of schemas"
    NAMES = "an array of strings"
    NAME_LISTS = "an object of arrays of strings"
    DEPENDENCIES = "an object of schemas or arrays of strings"
    PATTERN = "a regular expression"
    PATTERN_MAP = "an object of schemas with regular expressions as names"
    COUNT = "a non-negative integer"
    NUMBER = "a number"
    NUMBER_OR_FLAG = "a number or a boolean"
    POSITIVE = "a number above 0"
    FLAG = "a boolean"
    TYPE = "a type name or an array of type names"
    TYPE_OR_SCHEMAS = "a type name, a schema, or an array of these"
    VALUES = "an array"
    VALUE = "any value"
    STRING = "a string"
    REFERENCE = "a URI reference"
    ANNOTATION = "anything"
    #: 2020-12's `additionalItems`: a schema beside a list in `items`, anything elsewhere.
    BESIDE_LIST = "a schema where items is a list"


@dataclass(frozen=True, slots=True)
class Keyword:
    """What a draft knows about a keyword."""

    group: int
    shape: Shape


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft. Immutable; `keywords` must not be changed."""

    name: str
    keywords: dict[str, Keyword]
    #: "$id", or "id" up to draft 4.
    id_keyword: str
    #: Whether keywords beside `$ref` count (from 2019-09 on).
    ref_siblings: bool
    #: Whether `true` and `false` are schemas everywhere (from draft 6 on).
    boolean_schemas: bool
    #: Whether the draft was guessed, so that old spellings are read too.
    guessed: bool = False
    #: Name of the attribute of `referencing.jsonschema` that describes the draft.
    specification: str = "DRAFT202012"
    #: Names that assert something in another draft or place, and nothing here.
    foreign: frozenset[str] = frozenset()


def _family(group: int, **shapes: Shape) -> dict[str, Keyword]:
    return {name.replace("__", "$"): Keyword(group, shape) for name, shape in shapes.items()}


_DRAFT4: dict[str, Keyword] = {
    **_family(Group.TYPE, type=Shape.TYPE),
    **_family(Group.VALUES, enum=Shape.VALUES),
    **_family(
        Group.STRING,
        pattern=Shape.PATTERN,
        minLength=Shape.COUNT,
        maxLength=Shape.COUNT,
        format=Shape.STRING,
    ),
    **_family(
        Group.NUMBER,
        minimum=Shape.NUMBER,
        maximum=Shape.NUMBER,
        exclusiveMinimum=Shape.FLAG,
        exclusiveMaximum=Shape.FLAG,
        multipleOf=Shape.POSITIVE,
    ),
    **_family(
        Group.ARRAY,
        items=Shape.SCHEMA_OR_SCHEMAS,
        additionalItems=Shape.SCHEMA,
        minItems=Shape.COUNT,
        maxItems=Shape.COUNT,
        uniqueItems=Shape.FLAG,
    ),
    **_family(
        Group.OBJECT,
        properties=Shape.SCHEMA_MAP,
        patternProperties=Shape.PATTERN_MAP,
        additionalProperties=Shape.SCHEMA,
        required=Shape.NAMES,
        minProperties=Shape.COUNT,
        maxProperties=Shape.COUNT,
    ),
    **_family(
        Group.IN_PLACE,
        allOf=Shape.SCHEMAS,
        anyOf=Shape.SCHEMAS,
        oneOf=Shape.SCHEMAS,
        dependencies=Shape.DEPENDENCIES,
        __ref=Shape.REFERENCE,
        **{"not": Shape.SCHEMA},
    ),
    **_family(
        Group.NONE,
        nullable=Shape.ANNOTATION,
        discriminator=Shape.ANNOTATION,
        contentEncoding=Shape.ANNOTATION,
        contentMediaType=Shape.ANNOTATION,
        contentSchema=Shape.ANNOTATION,
    ),
}

_DRAFT3: dict[str, Keyword] = {
    name: keyword
    for name, keyword in _DRAFT4.items()
    if name not in ("allOf", "anyOf", "oneOf", "not", "minProperties", "maxProperties", "multipleOf")
} | {
    **_family(Group.TYPE, type=Shape.TYPE_OR_SCHEMAS),
    **_family(Group.NUMBER, divisibleBy=Shape.POSITIVE),
    **_family(Group.IN_PLACE, extends=Shape.SCHEMA_OR_SCHEMAS, disallow=Shape.TYPE_OR_SCHEMAS),
    # In draft 3 `required` is a flag of the member's own schema, read by the `properties` above it.
    **_family(Group.NONE, required=Shape.FLAG),
}

_DRAFT6: dict[str, Keyword] = {
    **_DRAFT4,
    **_family(Group.VALUES, const=Shape.VALUE),
    **_family(Group.NUMBER, exclusiveMinimum=Shape.NUMBER, exclusiveMaximum=Shape.NUMBER),
    **_family(Group.ARRAY, contains=Shape.SCHEMA),
    **_family(Group.OBJECT, propertyNames=Shape.SCHEMA),
}

_DRAFT7: dict[str, Keyword] = {
    **_DRAFT6,
    **_family(Group.IN_PLACE, then=Shape.SCHEMA, **{"if": Shape.SCHEMA, "else": Shape.SCHEMA}),
}

_DRAFT2019: dict[str, Keyword] = {
    **_DRAFT7,
    # Split in two, and no keyword any more; still written, so the report says that it asserts nothing.
    **_family(Group.NONE, dependencies=Shape.ANNOTATION),
    **_family(Group.ARRAY, minContains=Shape.COUNT, maxContains=Shape.COUNT),
    **_family(
        Group.IN_PLACE,
        dependentSchemas=Shape.SCHEMA_MAP,
        dependentRequired=Shape.NAME_LISTS,
        __recursiveRef=Shape.REFERENCE,
    ),
    **_family(Group.UNEVALUATED, unevaluatedItems=Shape.SCHEMA, unevaluatedProperties=Shape.SCHEMA),
}

_DRAFT2020: dict[str, Keyword] = {
    **{name: keyword for name, keyword in _DRAFT2019.items() if name != "$recursiveRef"},
    **_family(Group.NONE, additionalItems=Shape.BESIDE_LIST),
    # A list in `items` is malformed, but what it is meant to say is plain.
    **_family(Group.ARRAY, items=Shape.SCHEMA_OR_SCHEMAS, prefixItems=Shape.SCHEMAS),
    **_family(Group.IN_PLACE, __dynamicRef=Shape.REFERENCE),
}

_GUESSED: dict[str, Keyword] = {
    **_DRAFT2020,
    **_family(Group.ARRAY, items=Shape.SCHEMA_OR_SCHEMAS, additionalItems=Shape.SCHEMA),
    **_family(Group.NUMBER, exclusiveMinimum=Shape.NUMBER_OR_FLAG, exclusiveMaximum=Shape.NUMBER_OR_FLAG),
    **_family(Group.IN_PLACE, dependencies=Shape.DEPENDENCIES),
}

_ASSERTING = frozenset(
    name
    for keywords in (_DRAFT3, _DRAFT7, _DRAFT2019, _DRAFT2020)
    for name, keyword in keywords.items()
    if keyword.group
)


def _draft(name: str, keywords: dict[str, Keyword], specification: str, guessed: bool = False) -> Draft:
    is_old = name in ("draft 3", "draft 4")
    return Draft(
        name,
        keywords,
        id_keyword="id" if is_old else "$id",
        ref_siblings=name in ("draft 2019-09", "draft 2020-12"),
        boolean_schemas=not is_old,
        guessed=guessed,
        specification=specification,
        foreign=(_ASSERTING - keywords.keys()) | {"$id" if is_old else "id", "$vocabulary"},
    )


DRAFT3 = _draft("draft 3", _DRAFT3, "DRAFT3")
DRAFT4 = _draft("draft 4", _DRAFT4, "DRAFT4")
DRAFT6 = _draft("draft 6", _DRAFT6, "DRAFT6")
DRAFT7 = _draft("draft 7", _DRAFT7, "DRAFT7")
DRAFT2019 = _draft("draft 2019-09", _DRAFT2019, "DRAFT201909")
DRAFT2020 = _draft("draft 2020-12", _DRAFT2020, "DRAFT202012")
GUESSED = _draft("draft 2020-12", _GUESSED, "DRAFT202012", guessed=True)

_BY_URI = {
    "json-schema.org/draft-03/schema": DRAFT3,
    "json-schema.org/draft-04/schema": DRAFT4,
    "json-schema.org/draft-06/schema": DRAFT6,
    "json-schema.org/draft-07/schema": DRAFT7,
    "json-schema.org/draft/2019-09/schema": DRAFT2019,
    "json-schema.org/draft/2020-12/schema": DRAFT2020,
}


def draft_of(schema: Any) -> Draft | None:
    """The draft that the schema's own `$schema` names; None where it names none that we know."""
    uri = schema.get("$schema") if isinstance(schema, dict) else None
    if not isinstance(uri, str):
        return None
    return _BY_URI.get(uri.partition("://")[2].rstrip("#"))


_VALIDATION = Group.TYPE | Group.VALUES | Group.STRING | Group.NUMBER
#: Assertions among keywords whose families hold applicators too.
_VALIDATION_NAMES = frozenset(
    (
        "minItems",
        "maxItems",
        "uniqueItems",
        "minContains",
        "maxContains",
        "required",
        "minProperties",
        "maxProperties",
    )
) | {"dependentRequired"}


def with_vocabularies(draft: Draft, meta_schema: Any) -> Draft:
    """The draft as a meta-schema with `$vocabulary` has it: families that it leaves out are annotations."""
    named = meta_schema.get("$vocabulary") if isinstance(meta_schema, dict) else None
    if not isinstance(named, dict):
        return draft
    parts = {uri.rpartition("/vocab/")[2] for uri in named}
    kept = {
        name: keyword for name, keyword in draft.keywords.items() if parts & _vocabularies_of(name, keyword)
    }
    dropped = {name for name, keyword in draft.keywords.items() if keyword.group} - kept.keys()
    return replace(draft, keywords=kept, foreign=draft.foreign | dropped)


def unknown_vocabularies(meta_schema: Any) -> list[str]:
    """Vocabularies without which a schema must not be processed, and of which we know nothing."""
    named = meta_schema.get("$vocabulary") if isinstance(meta_schema, dict) else None
    if not isinstance(named, dict):
        return []
    ours = ("https://json-schema.org/draft/2019-09/vocab/", "https://json-schema.org/draft/2020-12/vocab/")
    return [uri for uri, is_needed in named.items() if is_needed and not uri.startswith(ours)]


def _vocabularies_of(name: str, keyword: Keyword) -> set[str]:
    """The vocabularies of either draft that may bring the keyword."""
    if name in ("$ref", "$dynamicRef", "$recursiveRef"):
        return {"core"}
    if name == "format":
        return {"format", "format-annotation", "format-assertion"}
    if keyword.group & _VALIDATION or name in _VALIDATION_NAMES:
        return {"validation"}
    return {"applicator", "unevaluated"} if keyword.group == Group.UNEVALUATED else {"applicator"}
