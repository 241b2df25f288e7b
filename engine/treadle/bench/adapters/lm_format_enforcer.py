"""lm-format-enforcer. Its integrations do not import under transformers 5, so what they hand over is made here.

A regular token is told by its text behind another one (many tokenizers drop a space at the beginning of a text), and
whether it begins a word; special tokens are left out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from lmformatenforcer import JsonSchemaParser, TokenEnforcer, TokenEnforcerTokenizerData

from treadle.bench.adapters.protocol import allows
from treadle.bench.tokenizer_folder import TokenizerFolder


class LmFormatEnforcer:
    def __init__(self, tokenizer: TokenizerFolder) -> None:
        logging.disable(logging.CRITICAL)  # it logs every text that it does not like
        self.eos = tokenizer.eos
        full = tokenizer.transformers
        self.data = TokenEnforcerTokenizerData(
            list(_regular_tokens(full)),
            lambda ids: full.backend_tokenizer.decode(ids, skip_special_tokens=False).rstrip("\ufffd"),
            self.eos,
            use_bitmask=True,
            vocab_size=len(full),
        )

    def compile(self, schema: Any) -> Any:
        return JsonSchemaParser(schema)

    def start(self, compiled: Any) -> Any:
        written: list[int] = []
        return TokenEnforcer(self.data, compiled), written

    def mask(self, matcher: Any) -> Any:
        enforcer, written = matcher
        return enforcer.get_allowed_tokens(written).allowed_tokens.numpy()

    def accept(self, matcher: Any, token: int) -> bool:
        matcher[1].append(token)
        return True

    def may_end(self, matcher: Any) -> bool:
        return allows(self.mask(matcher), self.eos)


def _regular_tokens(tokenizer: Any) -> Iterator[tuple[int, str, bool]]:
    def text(*ids: int) -> str:
        return str(tokenizer.backend_tokenizer.decode(list(ids), skip_special_tokens=False))

    before = tokenizer.encode("0", add_special_tokens=False)[-1]
    special = set(tokenizer.all_special_ids)
    for token in range(len(tokenizer)):
        if token not in special:
            behind = text(before, token)[1:]
            yield token, behind, len(behind) > len(text(token))
