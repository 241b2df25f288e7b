"""What several of these tests read: the suite, judged once."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import ratchet


@pytest.fixture(scope="session")
def suite(shared_data: Path) -> Path:
    folder = shared_data / "json-schema-test-suite"
    if not folder.is_dir():
        pytest.skip("no json-schema-test-suite in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def bench(shared_data: Path) -> Path:
    folder = shared_data / "maskbench"
    if not folder.is_dir():
        pytest.skip("no maskbench in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def judged_suite(suite: Path) -> ratchet.Findings:
    return ratchet.find(ratchet.DATA_SETS["official_suite"].groups(suite))
