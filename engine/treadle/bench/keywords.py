"""Which keywords a schema uses, for tables by keyword.

A walk over the places where JSON Schema says that a schema stands; a member of `properties` that happens to be called
`enum` is none. Keywords that assert nothing (`title`, `$schema`, ...) are left out. `format` counts by its value as
well.
"""

from __future__ import annotations

from typing import Any

_ONE = (
    *("additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"),
    *("propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
)
_MANY = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_NAMED = ("$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties")
_SILENT = frozenset(
    "$schema $id id $comment $vocabulary $anchor $defs definitions title description default examples example readOnly"
    " writeOnly deprecated contentEncoding contentMediaType contentSchema $dynamicAnchor $recursiveAnchor".split()
)
KNOWN = (
    frozenset(
        {*_ONE, *_MANY, *_NAMED}
        | set(
            "type enum const format pattern minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum"
            " multipleOf divisibleBy"
            " required minProperties maxProperties minItems maxItems uniqueItems minContains "
            " maxContains"
            " dependentRequired $ref $dynamicRef $recursiveRef extends disallow".split()
        )
    )
    - _SILENT
)


def keywords_of(schema: Any) -> frozenset[str]:
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        here = waiting.pop()
        if not isinstance(here, dict):
            continue
        found |= KNOWN & here.keys()
        if isinstance(here.get("format"), str):
            found.add(f"format: {here['format']}")
        waiting += [here[name] for name in _ONE if name in here]
        waiting += [inner for name in _MANY if isinstance(here.get(name), list) for inner in here[name]]
        waiting += [
            inner for name in _NAMED if isinstance(here.get(name), dict) for inner in here[name].values()
        ]
    return frozenset(found)
