"""What the benchmarks share: a vocabulary, and schemas with texts that satisfy them."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from treadle import Vocabulary, library

Case = tuple[Any, str]


def tokenizer_folder(given: str | None) -> Path:
    """The tokenizer that was asked for, $MASKBENCH_TOK, or the bundled model's."""
    if chosen := given or os.environ.get("MASKBENCH_TOK"):
        return Path(chosen)
    from treadle.integrations.bundled import bundled_model

    return bundled_model()


def vocabulary_of(given: str | None) -> Vocabulary:
    return Vocabulary.from_tokenizer(tokenizer_folder(given))


def cases_of_library() -> Iterator[Case]:
    """The shipped schemas with their instances, again and again, each time below a member of another name."""
    names = library.names("schemas")
    if not names:
        raise SystemExit("no schemas ship with this installation: run it in a checkout, or give --data")
    for k in count():
        for name in names:
            path = library.find("schemas", name)
            # With an identifier of its own a schema keeps its references when it becomes a part.
            schema = {"$id": f"urn:bench:{name}", **json.loads(path.read_text("utf-8"))}
            accepted = json.loads(path.with_name(name + library.CASES).read_text("utf-8"))["accept"]
            member = f"{name}_{k}"
            whole = {"type": "object", "properties": {member: schema}, "required": [member]}
            yield whole, json.dumps({member: accepted[k % len(accepted)]})


def cases_of_maskbench(path: Path) -> Iterator[Case]:
    """The schemas of a MaskBench file, each with its first valid instance."""
    for item in maskbench(path):
        if valid := [test["data"] for test in item["tests"] if test["valid"]]:
            yield item["schema"], json.dumps(valid[0])


def maskbench(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        for line in file:
            yield json.loads(line)
