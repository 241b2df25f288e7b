"""Texts to give back, and tokenizers to do it with."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("treadle_test_texts", Path(__file__).parent / "texts.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.TEXTS)


@pytest.fixture
def no_cache(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
