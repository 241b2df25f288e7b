"""Contrasts: logits minus those of somebody who does worse, so that what is left is what makes the difference.

    Instructive   the same model under a noisy instruction: logits - epsilon * noisy logits
    Contrastive   a weaker model (or a worse prompt): (1 + strength) log p - strength log p_weak, for the tokens
    that are
                  at least `plausible` times as likely as the likeliest; the others keep their order far behind them

Both are re-weightings: they change what is drawn and `Scores.local`, never `raw`, and come before the mask. So a
mask that excludes everything plausible chooses among the rest as the model does. Off unless given (`generate(...,
reweight=[...])`). The other prompt is read along with the text, one forward pass for each prefix that is expanded,
in a cache of its own. Source: Kim et al., ICLR 2024 (arXiv 2311.00233), epsilon 0.3; Li et al., ACL 2023
(2210.15097), plausible 0.1, in the form of O'Brien & Lewis 2023 (2309.09117), strength 0.5; design card 6.8 for the
order of operations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from treadle.decoding.prefixes import EMPTY, PrefixTree
from treadle.decoding.protocols import Logits
from treadle.decoding.scores import log_softmax
from treadle.errors import InvalidConstraint, VocabularyMismatch

#: What tokens that are not plausible lose: more than logits differ by, and little enough for float32 to keep their
#: order.
FAR = 1000.0


@dataclass
class Beside:
    """The same text behind another prompt: its logits, prefix by prefix."""

    tree: PrefixTree
    prompt: tuple[int, ...]
    _read: dict[tuple[int, ...], tuple[int, Logits]] = field(default_factory=dict)

    def logits(self, tokens: Sequence[int], width: int) -> Logits:
        """float32[width] after prompt and tokens."""
        text = tuple(tokens)
        if text not in self._read:
            known = next((k for k in range(len(text) - 1, -1, -1) if text[:k] in self._read), None)
            node = EMPTY if known is None else self._read[text[:known]][0]
            run = (*self.prompt, *text) if known is None else text[known:]
            (extension,) = self.tree.extend([node], [run], [0])
            self._read[text] = (extension.node, extension.logits)
        logits = self._read[text][1]
        if len(logits) < width:
            raise VocabularyMismatch(
                "the two models do not share a vocabulary", found=f"{len(logits)} logits", expected=str(width)
            )
        return logits[:width]


@dataclass(frozen=True)
class Instructive:
    """logits - epsilon * logits under a noisy instruction."""

    noisy: Beside
    epsilon: float = 0.3

    def __post_init__(self) -> None:
        _from_zero("epsilon", self.epsilon)

    def __call__(self, tokens: Sequence[int], logits: Logits) -> Logits:
        """New logits."""
        return logits - np.float32(self.epsilon) * self.noisy.logits(tokens, len(logits))


@dataclass(frozen=True)
class Contrastive:
    """(1 + strength) log p - strength log p_weak where p is plausible."""

    weak: Beside
    strength: float = 0.5
    plausible: float = 0.1

    def __post_init__(self) -> None:
        _from_zero("strength", self.strength)
        if not 0 <= self.plausible <= 1:
            raise InvalidConstraint(
                "plausible is out of range", found=str(self.plausible), expected="a number from 0 to 1"
            )

    def __call__(self, tokens: Sequence[int], logits: Logits) -> Logits:
        """New logits."""
        strong, weak = log_softmax(logits), log_softmax(self.weak.logits(tokens, len(logits)))
        strength = np.float32(self.strength)
        contrast = (1 + strength) * strong - strength * weak
        if self.plausible == 0:
            return contrast
        kept = strong >= strong.max() + np.float32(math.log(self.plausible))
        changed: Logits = np.where(kept, contrast, strong - np.float32(FAR)).astype(np.float32)
        return changed


def _from_zero(name: str, value: float) -> None:
    if not value >= 0:
        raise InvalidConstraint(f"{name} is out of range", found=str(value), expected="a number from 0 on")
