"""outlines-core: the schema as a regular expression, an index of it over the vocabulary, a guide through the index."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from outlines_core import Guide, Index, Vocabulary
from outlines_core.json_schema import build_regex_from_schema

from treadle.bench.adapters.protocol import words_for
from treadle.bench.tokenizer_folder import TokenizerFolder


class OutlinesCore:
    def __init__(self, tokenizer: TokenizerFolder) -> None:
        ids: dict[bytes, list[int]] = {}
        tokens = tokenizer.vocabulary.tokens
        for token, text in enumerate(tokens):
            if text and token != tokenizer.eos:
                ids.setdefault(text, []).append(token)
        self.vocabulary = Vocabulary(tokenizer.eos, ids)
        self.row = np.zeros(words_for(len(tokens)), np.int32)
        self.target = (self.row.ctypes.data, self.row.size, self.row.itemsize)

    def compile(self, schema: Any) -> Any:
        return Index(build_regex_from_schema(json.dumps(schema)), self.vocabulary)

    def start(self, compiled: Any) -> Any:
        return Guide(compiled)

    def mask(self, matcher: Any) -> Any:
        matcher.write_mask_into(*self.target)
        return self.row

    def accept(self, matcher: Any, token: int) -> bool:
        matcher.advance(token, return_tokens=False)
        return True

    def may_end(self, matcher: Any) -> bool:
        return bool(matcher.is_finished())
