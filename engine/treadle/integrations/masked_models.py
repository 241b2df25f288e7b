"""Masked-diffusion models of transformers (LLaDA, Dream and their kin, masked language models) as `MaskedModel`s.

In: any module that maps `input_ids` to `.logits` of the same length without a causal mask, and its tokenizer. LLaDA's
classes come with their checkpoint (remote code); they, and encoders with a masked-language head, answer about the
position itself. Dream was adapted from an autoregressive model: what is about token i stands at i - 1 (`shift`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.diffusion.protocols import Tokens, shifted
from treadle.errors import InvalidConstraint
from treadle.vocabulary import Vocabulary


class TransformersMaskedModel:
    """A masked-diffusion model with its vocabulary."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        mask_id: int | None = None,
        shift: bool | None = None,
        guidance: float = 0.0,
    ) -> None:
        """`mask_id`: by default the model's config's or the tokenizer's; `shift`: by default for models called Dream.

        `guidance`: LLaDA's classifier-free guidance, with the prompt masked in a second row. Needs `prompt_length`.
        """
        self.model = model.eval()
        config = getattr(model, "config", None)
        found = mask_id if mask_id is not None else getattr(config, "mask_token_id", None)
        found = found if found is not None else getattr(tokenizer, "mask_token_id", None)
        if found is None:
            raise InvalidConstraint("a model without a mask token", expected="mask_id=...")
        self.mask_id = int(found)
        self.shift = "dream" in str(getattr(config, "model_type", "")).lower() if shift is None else shift
        self.guidance = guidance
        #: Tokens of the prompt, which guidance masks.
        self.prompt_length = 0
        self._vocabulary = Vocabulary.from_tokenizer(tokenizer, size=getattr(config, "vocab_size", None))

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    def logits(self, rows: Sequence[Tokens]) -> NDArray[np.floating]:
        """One forward pass (guided: of twice the rows): float32[rows, n, V]."""
        given = [list(row) for row in rows]
        if not self.guidance:
            return self._forward(given)
        blind = [[self.mask_id] * self.prompt_length + row[self.prompt_length :] for row in given]
        both = self._forward(given + blind)
        seen, unseen = both[: len(given)], both[len(given) :]
        # LLaDA: un + (scale + 1) (l - un).
        return np.asarray(unseen + (self.guidance + 1) * (seen - unseen))

    def _forward(self, rows: list[list[int]]) -> NDArray[np.floating]:
        import torch

        with torch.inference_mode():
            device = next(self.model.parameters()).device
            out = self.model(input_ids=torch.tensor(rows, device=device)).logits
        logits = np.asarray(out.float().cpu().numpy())
        return shifted(logits) if self.shift else logits


def gemma_denoiser(model: Any, prompt: Sequence[int]) -> Any:
    """A DiffusionGemma model behind a prompt, as diffusion/renoising.py wants it: (canvas, last logits) -> logits.

    The prompt is read again in each step; a checkpoint of real size wants the encoder's cache, which
    transformers' own generate() keeps.
    """
    import torch

    device = next(model.parameters()).device
    ids = torch.tensor([list(prompt)], device=device)

    def logits(canvas: NDArray[np.int64], last: NDArray[np.floating] | None) -> NDArray[np.floating]:
        kept = (
            None
            if last is None
            else torch.tensor(last[None], device=device, dtype=next(model.parameters()).dtype)
        )
        with torch.inference_mode():
            canvas_ids = torch.tensor(canvas[None], device=device)
            out = model(input_ids=ids, decoder_input_ids=canvas_ids, self_conditioning_logits=kept)
        return np.asarray(out.logits[0].float().cpu().numpy())

    return logits
