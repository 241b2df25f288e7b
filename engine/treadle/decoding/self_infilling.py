"""Self-infilling: a fill-in-the-middle model writes on until it is unsure, then the end of the text, then the middle.

In: a causal model, a token automaton, a template whose only gap is its last cell, the model's fill-in-the-middle
tokens. Out: the whole text, which is in the language: prefix + middle + suffix.

    prefix   from left to right as long as the model's surest token among the allowed ones has at least the probability
             `interrupt`; where the text ends before that, it is what left-to-right writing gives
    suffix   behind `[prefix] text [suffix] opening` the model writes the end of the text, up to its middle token or an
             end of text, or `max_tokens`; a token is taken only if some middle joins the prefix to it
    middle   the gap between both, by `Filler` (decoding/regions.py)

A suffix may end only where it completes the text, some middle in front of it, as far as a limit lets that be seen; at
`max_tokens` it is taken back to the last place where it might, which is the opening itself if need be. Where not even
the opening fits, there is no suffix and the middle goes on to the end.

Source: Zheng et al., Self-Infilling Code Generation (ICML 2024, arXiv 2311.17972), without its looping.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from treadle.decoding.protocols import Model
from treadle.decoding.regions import Filled, Filler, Fim, Written, _Place
from treadle.errors import InvalidConstraint, LimitExceeded
from treadle.infilling.cells import GAP, Cell, Gap, Text
from treadle.infilling.completability import Canvas
from treadle.infilling.limits import Limits
from treadle.masks import bitset

#: For a question about a suffix: most of those that no middle reaches would be asked of endlessly many states.
BRIEF = Limits(nodes=2_000, gap_states=2_000)


@dataclass(frozen=True, slots=True)
class SelfInfilling:
    """When to stop writing on, and how the end of the text begins."""

    #: Least probability of the surest allowed token; 0 never interrupts.
    interrupt: float = 0.25
    #: What the suffix begins with.
    opening: str = ""
    #: Most tokens of the suffix, its opening aside.
    max_tokens: int = 32
    #: Suffix tokens refused in a row before the suffix ends.
    refusals: int = 32

    def __post_init__(self) -> None:
        if not 0 <= self.interrupt <= 1:
            raise InvalidConstraint("interrupt out of range", found=str(self.interrupt), expected="0 to 1")


def self_infill(
    model: Model,
    automaton: Any,
    cells: Sequence[Cell],
    options: SelfInfilling,
    *,
    fim: Fim,
    prompt: Sequence[int] = (),
    temperature: float = 0.0,
    seed: int = 0,
    max_tokens: int = 64,
    limits: Limits | None = None,
    undecided: Literal["raise", "defer"] = "defer",
) -> Filled:
    """The text behind what stands in `cells`, which end in their only gap. `max_tokens`: of prefix and of middle."""
    if not cells or not isinstance(cells[-1], Gap) or any(isinstance(cell, Gap) for cell in cells[:-1]):
        raise InvalidConstraint("self-infilling goes on behind a text", expected="one gap, at the end")
    given = b"".join(cell.data for cell in cells if isinstance(cell, Text))
    head = _Prefix(model, automaton, cells, prompt=prompt, temperature=temperature, seed=seed,
                   max_tokens=max_tokens, limits=limits, undecided=undecided)  # fmt: skip
    head.interrupt = options.interrupt
    plain = head.fill()
    if not head.interrupted:
        return plain
    prefix = given + b"".join(one.data for one in head.written)
    tail = _Suffix(model, automaton, prefix, options, fim, prompt, limits)
    suffix = tail.write()
    fills = Filler(
        model, automaton, _joined(prefix, suffix), prompt=prompt, fim=fim, temperature=temperature, seed=seed,
        max_tokens=max_tokens, limits=limits, undecided=undecided,
    )  # fmt: skip
    middle = fills.fill()
    whole = middle.text.encode()
    written = (*head.written, *tail.written, *(Written(0, one.data, one.allowed) for one in middle.written))
    return Filled(
        middle.text, (whole[len(given) :].decode("utf-8", "replace"),), written,
        head.refused + tail.refused + middle.refused, head.undecided + tail.undecided + middle.undecided,
        middle.vocabulary_size,
    )  # fmt: skip


def _joined(prefix: bytes, suffix: bytes) -> list[Cell]:
    """A gap between both."""
    return [*([Text(prefix)] if prefix else []), GAP, *([Text(suffix)] if suffix else [])]


class _Prefix(Filler):
    """Writes on as a filler does, and stops where the model is unsure."""

    interrupt = 0.0
    interrupted = False

    def _choose(self, i: int, place: _Place) -> tuple[bytes, int | None]:
        if self.interrupt > 0 and self._surest(place) < self.interrupt:
            self.interrupted = True
            return b"", None
        return super()._choose(i, place)

    def _surest(self, place: _Place) -> float:
        """The greatest probability among the allowed tokens, an end of text included; without the noise of draws."""
        logits = np.asarray(self._read(place), np.float64)
        allowed = np.zeros(len(logits), bool)
        allowed[bitset.to_tokens(self.automaton.mask(place.state))] = True
        if not allowed.any():
            return 1.0
        kept = logits[allowed]
        return float(1 / np.exp(kept - kept.max()).sum())


class _Suffix:
    """Writes the end of a text of which the prefix stands."""

    def __init__(
        self, model: Model, automaton: Any, prefix: bytes, options: SelfInfilling, fim: Fim, prompt: Sequence[int],
        limits: Limits | None,
    ) -> None:  # fmt: skip
        self.model, self.automaton, self.prefix, self.options = model, automaton, prefix, options
        self.fim, self.prompt, self.limits = fim, list(prompt), limits
        self.vocabulary = automaton.vocabulary
        self.refused = self.undecided = 0
        self.written: list[Written] = []

    def write(self) -> bytes:
        """The suffix; empty where its opening does not fit."""
        text = self.options.opening.encode()
        if not self._fits(text):
            return b""
        encode = self.vocabulary.encode_bytes
        pending = [*self.prompt, self.fim.prefix, *encode(self.prefix), self.fim.suffix, *encode(text)]
        session = self.model.start(pending)
        logits = session.logits
        #: The longest suffix so far that ends a text.
        whole, count = (text, 0) if self._ends(text) else (b"", 0)
        for _ in range(self.options.max_tokens):
            token = self._next(np.array(logits, np.float64), text)
            if token is None:
                break
            data = self.vocabulary.token_bytes(token) or b""
            text += data
            self.written.append(Written(0, data, 0))
            if self._ends(text):
                whole, count = text, len(self.written)
            logits = session.append([token])[-1]
        del self.written[count:]
        return whole

    def _next(self, scores: Any, text: bytes) -> int | None:
        """The surest token that fits; None where the model ends the suffix, or too much was refused."""
        for _ in range(self.options.refusals):
            token = int(np.argmax(scores))
            if scores[token] == -np.inf:
                return None
            scores[token] = -np.inf
            if token == self.fim.middle or token in self.vocabulary.eos_ids:
                if self._ends(text):
                    return None
            elif (data := self.vocabulary.token_bytes(token)) and self._fits(text + data):
                return token
            self.refused += 1
        return None

    def _fits(self, suffix: bytes) -> bool:
        """Does some text have the prefix, then something, then this, then something?"""
        return self._completable([*_joined(self.prefix, suffix), GAP])

    def _ends(self, suffix: bytes) -> bool:
        return bool(suffix) and self._completable(_joined(self.prefix, suffix))

    def _completable(self, cells: list[Cell]) -> bool:
        try:
            return Canvas(self.automaton, cells, tail=False, limits=self.limits or BRIEF).is_completable
        except LimitExceeded:
            self.undecided += 1
            return False
