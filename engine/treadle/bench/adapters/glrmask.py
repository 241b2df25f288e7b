"""glrmask, which chooses its own kind of mask. It knows only the white space of `json.dumps`."""

from __future__ import annotations

from typing import Any

import glrmask
import numpy as np

from treadle.bench.adapters.protocol import words_for
from treadle.bench.tokenizer_folder import TokenizerFolder


class Glrmask:
    def __init__(self, tokenizer: TokenizerFolder) -> None:
        tokens = tokenizer.vocabulary.tokens
        self.vocabulary = glrmask.Vocab.from_id_to_bytes(
            {token: text for token, text in enumerate(tokens) if text}
        )
        self.words = words_for(len(tokens))

    def compile(self, schema: Any) -> Any:
        grammar = glrmask.Grammar.from_json_schema(schema)
        return grammar.compile(self.vocabulary, mask_strategy=glrmask.MaskStrategy.AUTO)

    def start(self, compiled: Any) -> Any:
        return compiled.start(), np.zeros(max(compiled.mask_len(), self.words), np.int32)

    def mask(self, matcher: Any) -> Any:
        state, row = matcher
        state.fill_mask(row)
        return row

    def accept(self, matcher: Any, token: int) -> bool:
        return bool(matcher[0].commit_token(token))

    def may_end(self, matcher: Any) -> bool:
        return bool(matcher[0].is_accepting())
