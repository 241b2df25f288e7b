"""Real schemas with their instances: the sample of MaskBench's development part, members in any order."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from treadle.errors import UnsatisfiableConstraint
from treadle.frontends.json_schema import compile_schema
from treadle.frontends.json_schema.simulate import accepts


def rows(folder: Path) -> list[dict[str, Any]]:
    with gzip.open(folder / "maskbench" / "dev.jsonl.gz") as lines:
        return [json.loads(line) for line in lines]


def disagreements(row: dict[str, Any]) -> list[str]:
    try:
        goal, _ = compile_schema(row["schema"], property_order="any")
    except UnsatisfiableConstraint:
        # Which schemas without instances may be refused so, tests/conformance/ratchet/maskbench_dev.json says.
        return [f"{row['id']}: unsatisfiable"] if any(test["valid"] for test in row["tests"]) else []
    return [
        f"{row['id']}: {test['description']}"
        for test in row["tests"]
        if accepts(goal, test["data"]) != test["valid"]
    ]


def test_the_sample_is_decided_right(shared_data: Path) -> None:
    chosen = set((shared_data / "maskbench" / "dev_sample.txt").read_text().split())
    found = [line for row in rows(shared_data) if row["id"] in chosen for line in disagreements(row)]
    assert found == []


@pytest.mark.maskbench
def test_all_of_it_is_decided_right(shared_data: Path) -> None:
    assert [line for row in rows(shared_data) for line in disagreements(row)] == []
