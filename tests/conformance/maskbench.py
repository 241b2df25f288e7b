"""The development part of MaskBench as groups: real schemas with instances, members in any order.

In: its folder beside the checkout. Out: a group for each schema, instances spelled as `json.dumps` does, formats
asserted. Some schemas have no instances; they are compiled all the same.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.judging import Case, Group


def groups(folder: Path) -> Iterator[Group]:
    with gzip.open(folder / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield _group(json.loads(line))


def sample(folder: Path) -> Iterator[Group]:
    """The 501 schemas, stratified by origin, that stand for all in a quick run."""
    chosen = set((folder / "dev_sample.txt").read_text("utf-8").split())
    return (group for group in groups(folder) if group.name in chosen)


def _group(row: dict[str, Any]) -> Group:
    name = row["id"]
    cases = tuple(
        Case(f"{name}: {index}", test["valid"], (json.dumps(test["data"]),))
        for index, test in enumerate(row["tests"])
    )
    return Group(name, row["schema"], cases)
