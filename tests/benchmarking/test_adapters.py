"""Engines that cannot be loaded are left out with a word that says what is missing."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from treadle.bench.adapters import ENGINES, EngineMissing, load
from treadle.bench.tokenizer_folder import TokenizerFolder

PACKAGES = {
    "llguidance": "llguidance",
    "glrmask": "glrmask",
    "xgrammar": "xgrammar",
    "xgrammar-compliant": "xgrammar",
    "outlines-core": "outlines_core",
    "lm-format-enforcer": "lmformatenforcer",
    "llama.cpp": "llama_cpp",
}


def test_the_table_above_is_whole():
    assert set(PACKAGES) == {name for name in ENGINES if ENGINES[name].package not in {"", "treadle"}}


@pytest.mark.parametrize("engine", PACKAGES)
def test_a_package_that_is_missing(engine, byte_tokenizer, monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGES[engine], None)
    monkeypatch.delitem(sys.modules, f"treadle.bench.adapters.{ENGINES[engine].module}", raising=False)
    with pytest.raises(EngineMissing, match=PACKAGES[engine]) as caught:
        load(engine, TokenizerFolder(byte_tokenizer))
    assert caught.value.engine == engine


def test_llama_cpp_without_a_vocabulary_of_its_own(byte_tokenizer, monkeypatch):
    package, grammar = ModuleType("llama_cpp"), ModuleType("llama_cpp.llama_grammar")
    package.llama_backend_init = lambda: None
    package.llama_model_default_params = lambda: ModuleType("parameters")
    grammar.json_schema_to_gbnf = str
    monkeypatch.setitem(sys.modules, "llama_cpp", package)
    monkeypatch.setitem(sys.modules, "llama_cpp.llama_grammar", grammar)
    monkeypatch.delitem(sys.modules, "treadle.bench.adapters.llama_cpp", raising=False)
    monkeypatch.delenv("TREADLE_LLAMA_GGUF", raising=False)
    with pytest.raises(EngineMissing, match="TREADLE_LLAMA_GGUF"):
        load("llama.cpp", TokenizerFolder(byte_tokenizer))
    monkeypatch.delitem(sys.modules, "treadle.bench.adapters.llama_cpp")
