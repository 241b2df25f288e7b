"""The official JSON-Schema-Test-Suite as groups of cases.

In: its folder beside the checkout. Out: every file of drafts 3 to 2020-12, in four spellings of each instance: compact,
with json.dumps' own separators, indented, and with characters written out instead of escaped. Numbers with a fraction
or exponent stay as the suite writes them ("1e308", "300.00"), since a float would change them.

`required` cases say that `format` asserts nothing, so they are read as annotations; `optional` ones are asserted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import referencing
import referencing.jsonschema
from jsonschema_specifications import REGISTRY

from conformance.judging import Case, Group

#: Folder of the suite -> what `$schema` says there, and the name that `referencing` has for it.
DRAFTS = {
    "draft3": ("http://json-schema.org/draft-03/schema#", "DRAFT3"),
    "draft4": ("http://json-schema.org/draft-04/schema#", "DRAFT4"),
    "draft6": ("http://json-schema.org/draft-06/schema#", "DRAFT6"),
    "draft7": ("http://json-schema.org/draft-07/schema#", "DRAFT7"),
    "draft2019-09": ("https://json-schema.org/draft/2019-09/schema", "DRAFT201909"),
    "draft2020-12": ("https://json-schema.org/draft/2020-12/schema", "DRAFT202012"),
}


def required(suite: Path, draft: str) -> Iterator[Group]:
    """The cases that every implementation of a draft has to decide."""
    for path in sorted((suite / "tests" / draft).glob("*.json")):
        yield from _groups(suite, draft, path, formats="annotate")


def optional(suite: Path, draft: str) -> Iterator[Group]:
    """What a draft leaves open: formats, Unicode patterns, numbers beyond floats, references across drafts, ..."""
    for path in sorted((suite / "tests" / draft / "optional").rglob("*.json")):
        yield from _groups(suite, draft, path, formats="assert")


def _groups(suite: Path, draft: str, path: Path, *, formats: str) -> Iterator[Group]:
    place = path.relative_to(suite / "tests").as_posix()
    text = path.read_text("utf-8")
    written = json.loads(text, parse_float=_as_written)
    for group, with_spellings in zip(json.loads(text), written, strict=True):
        name = f"{place}: {group['description']}"
        cases = tuple(
            Case(f"{name}: {test['description']}", test["valid"], spellings(test["data"]))
            for test in with_spellings["tests"]
        )
        schema = _of_draft(group["schema"], draft)
        yield Group(name, schema, cases, {"formats": formats, "registry": remotes(suite, draft)})


def _of_draft(schema: Any, draft: str) -> Any:
    """A schema that names no draft is one of the folder's draft."""
    return {"$schema": DRAFTS[draft][0], **schema} if isinstance(schema, dict) else schema


def _as_written(number: str) -> str:
    """A number on its way through `json.dumps`: a string that no instance of the suite is."""
    return f"\0{number}\0"


def spellings(instance: Any) -> tuple[str, ...]:
    """The texts of an instance, without repetitions."""
    texts = (
        json.dumps(instance, separators=(",", ":")),
        json.dumps(instance),
        json.dumps(instance, indent=2),
        json.dumps(instance, ensure_ascii=False),
    )
    return tuple(dict.fromkeys(re.sub(r'"\\u0000([^"\\]*)\\u0000"', r"\1", text) for text in texts))


@cache
def remotes(suite: Path, draft: str) -> Any:
    """The resources that the suite's server would serve; one that names no draft is of its folder's, or of `draft`."""
    registry = REGISTRY
    for path in sorted((suite / "remotes").rglob("*.json")):
        place = path.relative_to(suite / "remotes").as_posix()
        folder = place.split("/", maxsplit=1)[0]
        if folder == "v1":
            continue  # the next draft, which nothing here refers to
        specification = getattr(referencing.jsonschema, DRAFTS[folder if folder in DRAFTS else draft][1])
        contents = json.loads(path.read_text("utf-8"))
        resource = referencing.Resource.from_contents(contents, default_specification=specification)
        registry = registry.with_resource(f"http://localhost:1234/{place}", resource)
    return registry
