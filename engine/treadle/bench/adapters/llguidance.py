"""llguidance as its authors measure it in MaskBench: nothing lenient, white space flexible."""

from __future__ import annotations

import json
from typing import Any

import llguidance.hf
import llguidance.numpy
from llguidance import LLMatcher

from treadle.bench.adapters.protocol import words_for
from treadle.bench.tokenizer_folder import TokenizerFolder


class Llguidance:
    def __init__(self, tokenizer: TokenizerFolder) -> None:
        self.tokenizer = llguidance.hf.from_tokenizer(tokenizer.transformers, eos_token=tokenizer.eos)
        self.rows = llguidance.numpy.allocate_token_bitmask(1, self.tokenizer.vocab_size)
        assert self.rows.shape[1] == words_for(self.tokenizer.vocab_size)

    def compile(self, schema: Any) -> Any:
        grammar = json.dumps({"grammars": [{"json_schema": schema}]})
        return _sound(LLMatcher(self.tokenizer, grammar, log_level=0))

    def start(self, compiled: Any) -> Any:
        return compiled.deep_copy()

    def mask(self, matcher: Any) -> Any:
        llguidance.numpy.fill_next_token_bitmask(matcher, self.rows, 0)
        _sound(matcher)
        return self.rows[0]

    def accept(self, matcher: Any, token: int) -> bool:
        return bool(matcher.consume_token(token))

    def may_end(self, matcher: Any) -> bool:
        return bool(matcher.is_accepting())


def _sound(matcher: Any) -> Any:
    # Errors are kept in the matcher instead of being raised.
    if matcher.is_error():
        raise ValueError(matcher.get_error())
    return matcher
