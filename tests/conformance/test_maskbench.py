"""MaskBench's development part through the engine: what is valid is accepted, everything else is refused.

Schemas with instances have to be right in all of them. The record names the schemas without instances that are refused
as unsatisfiable; test_unsatisfiable.py has evidence for those that does not come from treadle.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import maskbench
from conformance.ratchet import COMMAND, Findings, Record, find


def hold(found: Findings, record: Record) -> None:
    assert record.worse(found) == []
    better = record.better(found)
    assert not better, f"better than recorded, so write it down: {COMMAND} maskbench_dev"


def test_the_sample(bench: Path) -> None:
    found = find(maskbench.sample(bench))
    assert len(found.outcomes) > 1500
    hold(found, Record.read("maskbench_dev"))


@pytest.mark.maskbench
def test_all_of_it(bench: Path) -> None:
    found, record = find(maskbench.groups(bench)), Record.read("maskbench_dev")
    assert found.digest == record.digest, f"the data has changed: {COMMAND} maskbench_dev"
    hold(found, record)
