"""Copies: schemas of one resource that say the same, as tools write them that inline references.

In: schemas, one after the other. Out: for each the first that says the same, so that copies share goals, and "this,
and not its copy" is seen to be nothing. Spelling a schema out costs more than reading it, so that is done of schemas
with the same outline only.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any, Final

from treadle.frontends.json_schema.schema import Schema

#: Members and items of contents that are compared with others.
_SMALL = 200
_IN_ORDER: Final = json.JSONEncoder(sort_keys=True)


class Copies:
    """The schemas of one compilation that were met."""

    def __init__(self) -> None:
        #: By the outline of a schema the first one that has it; None where several have it.
        self._resembling: dict[Hashable, Schema | None] = {}
        #: Of those, the first that says so, by what is said and the resource.
        self._alike: dict[tuple[str, int], Schema] = {}

    def first_like(self, schema: Schema) -> Schema:
        """The first schema met that says the same in the same resource; mostly the schema itself."""
        outline = _outline(schema.contents)
        if outline not in self._resembling:
            self._resembling[outline] = schema
            return schema
        first = self._resembling[outline]
        if first is not None:
            self._first_written(first)
            self._resembling[outline] = None
        return self._first_written(schema)

    def _first_written(self, schema: Schema) -> Schema:
        written = _written(schema.contents)
        if written is None:
            return schema
        return self._alike.setdefault((written, id(schema.resource)), schema)


def _outline(contents: dict[str, Any]) -> Hashable:
    """What a look at a schema shows: names and plain values. What says the same shows the same."""
    return frozenset([(name, _look(value)) for name, value in contents.items()])


def _look(value: Any) -> Hashable:
    return frozenset(value) if isinstance(value, dict) else len(value) if isinstance(value, list) else value


def _written(contents: Any) -> str | None:
    """Contents as one string, equal where they are equal to JSON; None for large ones, so that this costs little."""
    work, budget = [contents], _SMALL
    while work:
        part = work.pop()
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        budget -= len(parts)
        if budget < 0:
            return None
        work.extend(child for child in parts if isinstance(child, dict | list))
    return _IN_ORDER.encode(contents)
