"""JSON Schema as an algebra of goals: what may be written next, and what is left to do after it.

    goal, report = compile_schema(schema, property_order="declared")
    cases = goal.cases()            # by kind: null, true, false, number, strings, arrays, objects
    state = cases.objects[0]        # state.names, state.member(name) -> ((goal, state), ...), state.can_close

A goal is a boolean formula over schema locations (`formula`), seen by one kind of value (`in_place`) it becomes a
formula over small trackers (`object_trackers`, `array_trackers`) or conditions, and containers step by derivatives of
these (`object_state`, `array_state`). Negation, disjunction and recursion cost nothing until they are reached.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, Literal

from treadle.errors import UnsupportedFeature
from treadle.frontends.json_schema.array_state import ArrayState
from treadle.frontends.json_schema.cases import Cases
from treadle.frontends.json_schema.compilation import Compilation
from treadle.frontends.json_schema.conflict import unsatisfiable
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.member_trackers import NameClass
from treadle.frontends.json_schema.object_state import ObjectState
from treadle.frontends.json_schema.report import Note, Report
from treadle.frontends.json_schema.string_keywords import StringCase

__all__ = [
    "ArrayState",
    "Cases",
    "Formula",
    "NameClass",
    "Note",
    "ObjectState",
    "Report",
    "StringCase",
    "compile_schema",
    "dispose_with",
    "work_behind",
]


def compile_schema(
    schema: Any,
    *,
    property_order: Literal["declared", "any"] = "declared",
    formats: Literal["assert", "annotate"] = "assert",
    lenient: bool = False,
    registry: Any = None,
    limits: Mapping[str, int] | None = None,
) -> tuple[Formula, Report]:
    """The goal of a schema given as `json.loads` gives it, and what there is to say about it.

    Raises InvalidConstraint for a malformed schema or a reference that leads nowhere, UnsatisfiableConstraint where
    nothing satisfies it, UnsupportedFeature for what cannot be enforced. `registry` is a `referencing.Registry` with
    the other resources that references may lead to.
    """
    compilation = Compilation(
        schema,
        declared_order=property_order == "declared",
        assert_formats=formats == "assert",
        lenient=lenient,
        registry=registry,
    )
    if compilation.root.is_empty():
        if compilation.unwritten:
            raise UnsupportedFeature(
                "host names with A-labels (xn--) are not written, and nothing else satisfies the schema",
                where="#",
                found=compilation.unwritten[0].describe(),
            )
        raise unsatisfiable(compilation)
    return compilation.root, compilation.report


def work_behind(goal: Formula) -> int:
    """Schemas read and formulas made for a goal so far: work that is the same on every machine."""
    compilation = goal.algebra.hooks
    assert isinstance(compilation, Compilation)
    return len(compilation.schemas) + goal.algebra.made


def dispose_with(owner: object, goal: Formula) -> None:
    """Let go of a goal's whole compilation, piece by piece, when `owner` is let go, which must not be later."""
    compilation = goal.algebra.hooks
    assert isinstance(compilation, Compilation)
    weakref.finalize(owner, compilation.dispose).atexit = False
