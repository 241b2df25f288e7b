"""A prompt with its constraint -> a record, by `treadle.generate`; what a worker does for `treadle generate --input`.

In: a line `{"id", "prompt", "schema" | "regex" | "grammar" | "choices"}`; a line without a constraint has the one that
the command was given. Out: what `treadle generate --json` says of each text, or what is wrong with the line. Draws
depend on the seed and the line's id alone, so that they are the same whoever answers the line, and in which order.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import treadle
from treadle import answers, inputs, library
from treadle.bench.measuring import REFUSED
from treadle.errors import InvalidConstraint, TreadleError, UnsatisfiableConstraint

DONE = "done"
#: Members of a line that are a constraint.
KINDS = ("schema", "regex", "grammar", "choices")

_TYPES: dict[str, Any] = {
    "schema": (dict, bool, str),
    "regex": str,
    "grammar": str,
    "choices": list,
    "type": str,
}


@dataclass(frozen=True, slots=True)
class Answering:
    #: Name or folder; None is the bundled one.
    model: str | None = None
    #: (kind, value) of the constraint of lines that have none; kinds are those above and `type`.
    default: tuple[str, Any] | None = None
    #: Policies of constraints, by kind.
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: As the command's --resource.
    resource: list[str] | None = None
    #: Arguments of `treadle.generate`.
    options: Mapping[str, Any] = field(default_factory=dict)


def answer(line: str, model: Any, answering: Answering) -> dict[str, Any]:
    row = json.loads(line)
    try:
        constraint = _constraint(row, answering)
        options = {**answering.options, "seed": _seed(answering.options.get("seed"), row["id"])}
        results = treadle.generate(row["prompt"], constraint, model=model, return_results=True, **options)
        if not results:
            raise UnsatisfiableConstraint(
                "the search ended without a text", expected="a larger width, or more expansions"
            )
    except (TreadleError, ValueError, TypeError, RecursionError) as error:
        why = " ".join(str(error).split())
        return {"status": REFUSED, "error": why, "kind": type(error).__name__}
    found = [answers.result(result) for result in results]
    return {"status": DONE, **(found[0] if len(found) == 1 else {"results": found})}


def _constraint(row: Mapping[str, Any], answering: Answering) -> Any:
    own = [(kind, row[kind]) for kind in KINDS if row.get(kind) is not None]
    if len(own) > 1:
        raise InvalidConstraint(
            "a line has one constraint", found=" and ".join(kind for kind, _ in own), expected="one of them"
        )
    if not own and answering.default is None:
        raise InvalidConstraint("no constraint", found="neither in the line nor with the command")
    kind: str
    value: Any
    kind, value = own[0] if own else answering.default or ("", None)
    if not isinstance(value, _TYPES[kind]):
        raise InvalidConstraint(f"not a {kind}", found=type(value).__name__)
    policies = dict(answering.policies.get(kind, {}))
    if kind == "schema":
        schema = inputs.schema(value) if isinstance(value, str) else value
        return treadle.JsonSchema(schema, registry=inputs.registry(answering.resource), **policies)
    if kind == "grammar":
        return treadle.Grammar(_grammar(value), **policies)
    if kind == "type":
        return treadle.PythonType(inputs.python_type(value), policies)
    return treadle.Regex(value) if kind == "regex" else treadle.Choice(value)


def _grammar(value: str) -> Path | str:
    """A file, the name of a shipped grammar, or a grammar as it is."""
    if "\n" not in value and Path(value).suffix and Path(value).exists():
        return Path(value)
    return library.find("grammars", value) if value in library.names("grammars") else value


def _seed(seed: int | None, name: object) -> int | None:
    return None if seed is None else (seed + zlib.crc32(json.dumps(name).encode())) % (1 << 32)
