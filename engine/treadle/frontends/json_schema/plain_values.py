"""Values that nearly every schema speaks of, for a prelude: any value, and those of one type or of one type and null.

In: how values are written, and in which order members come. Out: calls with keys that every compilation has for them.
"""

from __future__ import annotations

from typing import Any, Final

from treadle.frontends.json_schema.compilation import Compilation
from treadle.frontends.json_schema.text import Writer
from treadle.grammar import rules

_TYPES: Final = ("string", "number", "integer", "boolean", "null", "array", "object")
#: Integers are written differently from draft 6 on.
_DRAFTS: Final = ("https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-04/schema#")


def plain_values(writer: Writer, declared_order: bool) -> rules.Common:
    """The calls, made when a prelude is."""
    # A writer of its own: the other one says when its compilation is let go.
    own = Writer(writer.whitespace, writer.escapes)
    return rules.Common(
        ("plain values", own, declared_order),
        lambda: tuple(call for draft in _DRAFTS for call in _calls(own, declared_order, draft)),
    )


def _calls(writer: Writer, declared_order: bool, draft: str) -> list[rules.Call]:
    compilation = Compilation(
        {"$schema": draft, "allOf": [{"type": types} for types in _all_types()]},
        declared_order=declared_order, assert_formats=True, lenient=False,
    )  # fmt: skip
    root = compilation.schemas[id(compilation.source), ()]
    goals = [compilation.algebra.TRUE, *(root.child("allOf", n) for n in range(len(_all_types())))]
    return [writer.value(goal) for goal in goals]


def _all_types() -> list[Any]:
    return [*_TYPES, *([name, "null"] for name in _TYPES if name != "null")]
