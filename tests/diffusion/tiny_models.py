"""LLaDA's and Dream's architectures with a handful of random weights: what their remote code would load.

LLaDA is a LLaMA whose attention looks both ways: RMS norms in front, rotary positions, SwiGLU, no biases. Dream is a
Qwen2 that looks both ways: the same with biases on queries, keys and values; its logits are about the next position.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width: int, heads: int, bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.RMSNorm(width), nn.RMSNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=bias), nn.Linear(width, width, bias=False)
        self.gate, self.up = nn.Linear(width, 2 * width, bias=False), nn.Linear(width, 2 * width, bias=False)
        self.down = nn.Linear(2 * width, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, length, width = x.shape
        q, k, v = self.qkv(self.first(x)).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(rotated(q), rotated(k), v)
        x = x + self.out(seen.transpose(1, 2).reshape(rows, length, width))
        h = self.second(x)
        return x + self.down(nn.functional.silu(self.gate(h)) * self.up(h))


def rotated(x: torch.Tensor) -> torch.Tensor:
    length, half = x.shape[-2], x.shape[-1] // 2
    angles = torch.outer(torch.arange(length).float(), 10_000 ** -(torch.arange(half) / half))
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], -1)


class Tiny(nn.Module):
    """`kind`: "llada" or "Dream", as the checkpoints' configs spell it."""

    def __init__(self, kind: str, size: int, mask: int, seed: int = 0, width: int = 16) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.config = SimpleNamespace(model_type=kind, vocab_size=size, mask_token_id=mask)
        self.embed = nn.Embedding(size, width)
        self.blocks = nn.ModuleList(Block(width, 2, bias=kind == "Dream") for _ in range(2))
        self.norm, self.head = nn.RMSNorm(width), nn.Linear(width, size, bias=False)
        with torch.no_grad():
            # Random weights of the usual size say nearly the same everywhere.
            for name, weight in self.named_parameters():
                if weight.ndim > 1 and not name.startswith("embed"):
                    weight.mul_(4)

    def forward(self, input_ids: torch.Tensor) -> SimpleNamespace:
        x = self.embed(input_ids)
        for block in self.blocks:
            x = block(x)
        return SimpleNamespace(logits=self.head(self.norm(x)))
