"""xgrammar in its two readings of JSON Schema.

`Strict` is its default: no members or items that are not listed, one way of white space. `Compliant` follows the
specification, which MaskBench calls --xgr-compliant. One thread; the cache of compiled grammars stays on, as delivered.
"""

from __future__ import annotations

import json
from typing import Any

import xgrammar

from treadle.bench.adapters.protocol import allows
from treadle.bench.tokenizer_folder import TokenizerFolder

CACHE_BYTES = 2 << 30


class Strict:
    strict = True
    any_whitespace = False

    def __init__(self, tokenizer: TokenizerFolder) -> None:
        self.eos = tokenizer.eos
        size = len(tokenizer.transformers)
        information = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer.transformers, vocab_size=size, stop_token_ids=[self.eos]
        )
        self.compiler = xgrammar.GrammarCompiler(
            information, max_threads=1, cache_enabled=True, cache_limit_bytes=CACHE_BYTES
        )
        self.rows = xgrammar.allocate_token_bitmask(1, information.vocab_size)
        self.row = self.rows.numpy()[0]

    def compile(self, schema: Any) -> Any:
        return self.compiler.compile_json_schema(
            json.dumps(schema), any_whitespace=self.any_whitespace, strict_mode=self.strict
        )

    def start(self, compiled: Any) -> Any:
        return xgrammar.GrammarMatcher(compiled)

    def mask(self, matcher: Any) -> Any:
        matcher.fill_next_token_bitmask(self.rows)
        return self.row

    def accept(self, matcher: Any, token: int) -> bool:
        return bool(matcher.accept_token(token))

    def may_end(self, matcher: Any) -> bool:
        return allows(self.mask(matcher), self.eos)


class Compliant(Strict):
    strict = False
    any_whitespace = True
