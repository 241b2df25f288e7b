"""A transformers causal language model as `Model` and `Session`: one row, a growing key-value cache.

Several tokens are read in one forward pass, and the logits of every position come back as float32 in main memory.
Reading a prompt asks for the last position only, which for a vocabulary of 262,144 saves a gigabyte per 1,000 tokens.
Leaves out: batches, models with an encoder, caches that cannot be copied (sliding windows can).
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from treadle.decoding.protocols import Logits


class CachedSession:
    """A prefix of a transformers model with its key-value cache."""

    def __init__(self, model: Any, prompt: Sequence[int]) -> None:
        if not prompt:
            raise ValueError("an empty prompt: a model needs at least one token to start from")
        self._model = model
        self._cache: Any = None
        self.calls = 0
        keep = (
            {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
        )
        self._last = self._forward(prompt, **keep)[-1]

    @property
    def logits(self) -> Logits:
        """float32[V] after the whole prefix."""
        return self._last

    def append(self, tokens: Sequence[int]) -> Logits:
        """Read `tokens` in one forward pass: float32[n, V]."""
        rows = self._forward(tokens)
        self._last = rows[-1]
        return rows

    def fork(self) -> CachedSession:
        """An independent copy."""
        other = copy.copy(self)
        other._cache = copy.deepcopy(self._cache)
        return other

    def _forward(self, tokens: Sequence[int], **options: Any) -> Logits:
        ids = torch.tensor([list(tokens)], dtype=torch.long, device=self._model.device)
        with torch.inference_mode():
            output = self._model(input_ids=ids, past_key_values=self._cache, use_cache=True, **options)
        self._cache = output.past_key_values
        self.calls += 1
        rows: Logits = output.logits[0].to("cpu", torch.float32).numpy().astype(np.float32, copy=False)
        return rows
