"""llama.cpp's grammars, by llama-cpp-python: the schema as GBNF by its own converter, a grammar sampler as the mask.

The sampler knows tokens by a GGUF file's vocabulary, which must be the tokenizer's: a `.gguf` in its folder, or the
file that the variable TREADLE_LLAMA_GGUF names. Only its vocabulary is read. The sampler has no mask of its own;
it is given a candidate for each token and sets what it refuses to minus infinity, which is what llama.cpp pays at every
token that it does not resample. Written after llama-cpp-python's documentation and not run by us: it has to be
compiled, which no test does.
"""

from __future__ import annotations

import ctypes
import json
import os
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp.llama_grammar import json_schema_to_gbnf

from treadle.bench.adapters.protocol import allows, words_for
from treadle.bench.tokenizer_folder import TokenizerFolder

GGUF = "TREADLE_LLAMA_GGUF"
_CANDIDATE = np.dtype([("id", np.intc), ("logit", np.single), ("p", np.single)], align=True)


class Sampler:
    """A grammar sampler, freed with this object."""

    def __init__(self, vocabulary: Any, grammar: bytes) -> None:
        self.pointer = llama_cpp.llama_sampler_init_grammar(vocabulary, grammar, b"root")
        if not self.pointer:
            raise ValueError("llama.cpp does not take the grammar")

    def __del__(self) -> None:
        if getattr(self, "pointer", None):
            llama_cpp.llama_sampler_free(self.pointer)


class LlamaCpp:
    def __init__(self, tokenizer: TokenizerFolder) -> None:
        llama_cpp.llama_backend_init()
        parameters = llama_cpp.llama_model_default_params()
        parameters.vocab_only = True
        path = _gguf(tokenizer.path)
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.model:
            raise ImportError(f"llama.cpp does not read {path}")
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.eos = tokenizer.eos
        size = llama_cpp.llama_vocab_n_tokens(self.vocabulary)
        self.candidates = np.zeros(size, _CANDIDATE)
        self.ids = np.arange(size, dtype=np.intc)
        self.row = np.zeros(words_for(size), np.int32)
        self.array = llama_cpp.llama_token_data_array(
            data=self.candidates.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data)),
            size=size,
            selected=-1,
            sorted=False,
        )

    def compile(self, schema: Any) -> Any:
        grammar = json_schema_to_gbnf(json.dumps(schema)).encode()
        Sampler(self.vocabulary, grammar)  # a refusal belongs here
        return grammar

    def start(self, compiled: Any) -> Any:
        return Sampler(self.vocabulary, compiled)

    def mask(self, matcher: Any) -> Any:
        self.candidates["id"] = self.ids
        self.candidates["logit"] = 0.0
        llama_cpp.llama_sampler_apply(matcher.pointer, ctypes.byref(self.array))
        bits = np.packbits(self.candidates["logit"] == 0.0, bitorder="little")
        self.row.view(np.uint8)[: len(bits)] = bits
        return self.row

    def accept(self, matcher: Any, token: int) -> bool:
        llama_cpp.llama_sampler_accept(matcher.pointer, token)
        return True

    def may_end(self, matcher: Any) -> bool:
        return allows(self.mask(matcher), self.eos)


def _gguf(folder: Path) -> Path:
    """ImportError where there is none: the engine is left out with a word."""
    named = os.environ.get(GGUF)
    found = [Path(named)] if named else sorted(folder.glob("*.gguf"))
    if not found or not found[0].is_file():
        raise ImportError(f"no .gguf with this vocabulary: put one into {folder}, or name it in {GGUF}")
    return found[0]
