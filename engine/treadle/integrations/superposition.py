"""A sequence of weighted tokens through a transformers model: what superposed decoding reads (decoding/superposed.py).

A position is a mixture of tokens: its input is the weighted sum of their embeddings. The model takes it as it takes any
embedding (`inputs_embeds`), and its keys and values stand for all tokens of the mixture from then on. A mixture of one
token is that token, to the bit.

Leaves out: models that take no embeddings, or that read token ids beside them.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers.cache_utils import DynamicCache

from treadle.decoding.protocols import Logits, Mixture
from treadle.errors import UnsupportedFeature


class Superposition:
    """A sequence of mixtures with its key-value cache."""

    def __init__(self, model: Any) -> None:
        if "inputs_embeds" not in inspect.signature(model.forward).parameters:
            raise UnsupportedFeature(
                "superposed decoding needs a model that takes embeddings", found=type(model).__name__
            )
        self.model = model
        self._cache = DynamicCache()
        self._embeddings = model.get_input_embeddings()
        self._may_keep = "logits_to_keep" in inspect.signature(model.forward).parameters

    def append(self, mixtures: Sequence[Mixture], keep: int) -> Logits:
        """Read some positions in one pass: the logits behind the last `keep` of them, float32[keep, V]."""
        with torch.inference_mode():
            kept = {"logits_to_keep": keep} if self._may_keep else {}
            logits = self.model(
                inputs_embeds=torch.stack([self._embedded(one) for one in mixtures])[None],
                past_key_values=self._cache,
                use_cache=True,
                **kept,
            ).logits
            found: Logits = logits[0, -keep:].float().cpu().numpy()
            return found

    def _embedded(self, mixture: Mixture) -> torch.Tensor:
        device = self.model.device
        rows = self._embeddings(torch.tensor(list(mixture), device=device))
        if len(mixture) == 1:
            single: torch.Tensor = rows[0]
            return single
        weights = torch.tensor(np.array(list(mixture.values())), dtype=rows.dtype, device=device)
        mixed: torch.Tensor = weights @ rows
        return mixed
