"""A folder with tokenizer.json and tokenizer_config.json, as the engines want it.

The bytes of the tokens are those of treadle's own reader, for peers that take a list of bytes; an engine that reads
tokenizers itself gets transformers' object instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import treadle
from treadle.errors import TreadleError


class NotATokenizer(TreadleError):
    """A folder that lacks a file: `folder`, `missing`."""

    def __init__(self, folder: Path, missing: str) -> None:
        self.folder = folder
        self.missing = missing
        super().__init__(f"{folder}: no tokenizer, {missing} is missing")


class TokenizerFolder:
    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            if not (self.path / name).is_file():
                raise NotATokenizer(self.path, name)

    @cached_property
    def vocabulary(self) -> treadle.Vocabulary:
        return treadle.Vocabulary.from_tokenizer(self.path)

    @cached_property
    def encode(self) -> Callable[[str], list[int]]:
        """Ids of a text as a model would see it, without special tokens."""
        tokenizer = self._tokenizer
        return lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids)

    @cached_property
    def eos(self) -> int:
        """The end of text that the tokenizer declares."""
        declared = json.loads((self.path / "tokenizer_config.json").read_text("utf-8")).get("eos_token")
        name = declared["content"] if isinstance(declared, dict) else declared
        found = self._tokenizer.token_to_id(name) if name else None
        if found is None:
            raise NotATokenizer(self.path, "eos_token")
        return int(found)

    @cached_property
    def transformers(self) -> Any:
        from transformers import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast.from_pretrained(str(self.path))

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(self.path / "tokenizer.json"))
