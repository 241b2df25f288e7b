"""Runs over a tokenizer of single bytes, with engines that misbehave on demand (faulty.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarking.drivers import Bench


@pytest.fixture(scope="session")
def byte_tokenizer(tmp_path_factory) -> Path:
    tokenizers = pytest.importorskip("tokenizers")
    folder = tmp_path_factory.mktemp("tokenizer")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    made = tokenizers.Tokenizer(
        tokenizers.models.BPE({letter: number for number, letter in enumerate(alphabet)}, [])
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(["<end>"])
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>"}))
    return folder


@pytest.fixture
def bench(tmp_path, byte_tokenizer) -> Bench:
    return Bench(tmp_path, byte_tokenizer)
