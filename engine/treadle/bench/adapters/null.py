"""The floor: a row copied and a token taken, nothing decided. What any engine that is called from Python pays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.bench.adapters.protocol import words_for
from treadle.bench.tokenizer_folder import TokenizerFolder


class Null:
    def __init__(self, tokenizer: TokenizerFolder) -> None:
        words = words_for(len(tokenizer.vocabulary))
        self.everything = np.full(words, -1, np.int32)
        self.row = np.zeros(words, np.int32)

    def compile(self, schema: Any) -> Any:
        return self

    def start(self, compiled: Any) -> Any:
        return self

    def mask(self, matcher: Any) -> NDArray[np.int32]:
        matcher.fill()
        return self.row

    def fill(self) -> None:
        self.row[:] = self.everything

    def accept(self, matcher: Any, token: int) -> bool:
        return True

    def may_end(self, matcher: Any) -> bool:
        return True
