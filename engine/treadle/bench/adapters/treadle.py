"""treadle through its public functions: `compile`, `matcher`, `fill_bitmask`, `accept_token`."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import treadle
from treadle.bench.adapters.protocol import words_for
from treadle.bench.tokenizer_folder import TokenizerFolder


class AnyOrder:
    """All of JSON Schema: members come in any order."""

    order: Literal["any", "declared"] = "any"

    def __init__(self, tokenizer: TokenizerFolder) -> None:
        self.vocabulary = tokenizer.vocabulary
        # A row of ours is filled, though `mask()` would give one away: that is the work that peers do.
        self.row = np.zeros(words_for(len(self.vocabulary)), np.int32)

    def compile(self, schema: Any) -> Any:
        return treadle.compile(treadle.JsonSchema(schema, property_order=self.order), self.vocabulary)

    def start(self, compiled: Any) -> Any:
        return compiled.matcher()

    def mask(self, matcher: Any) -> NDArray[np.int32]:
        matcher.fill_bitmask(self.row)
        return self.row

    def accept(self, matcher: Any, token: int) -> bool:
        return bool(matcher.accept_token(token))

    def may_end(self, matcher: Any) -> bool:
        return bool(matcher.is_accepting)


class DeclaredOrder(AnyOrder):
    """Members in declared order, as most peers have it: for times of like with like."""

    order = "declared"


class Budgeted(DeclaredOrder):
    """`treadle.generate` as users call it, which completes a text within its tokens; for `treadle bench generate`."""

    def generate(self, schema: Any, prompt: str, model: Any, **options: Any) -> Any:
        [result] = treadle.generate(prompt, schema=schema, model=model, return_results=True, **options)
        return result
