"""Filling the gaps of a template with an autoregressive model: several regions of any length, and text that stands.

In: a causal model, a token automaton, a template (infilling/cells.py). Out: the whole text, which is in the language.
The model writes each gap from left to right. A token may be written if some text completes the gap and all that comes
behind it (`Canvas.is_alive`), so a bracket that the text behind the gap cannot close is never opened. A gap ends where

    the model ends the text, or writes on into what stands behind the gap (a token `"},` does that in the middle),

and the rest of the template can follow; or, at the token budget, with the shortest text that lets it follow. What
stands is spelled with the tokenizer's tokens and scored by nobody.

`Fim` shows the model the text behind the gap, in the order that fill-in-the-middle models were trained with. Without
it the model sees what is in front only. A gap whose text goes on as the text behind it does ends there: one that is to
hold a quote in front of a quote has to be escaped, as in any string.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from treadle.decoding.protocols import Logits, Model, Session
from treadle.errors import LimitExceeded, UnsatisfiableConstraint
from treadle.infilling.cells import Cell, Gap, Text
from treadle.infilling.completability import Canvas
from treadle.infilling.gaps import way_through
from treadle.infilling.limits import Limits
from treadle.masks import bitset


@dataclass(frozen=True, slots=True)
class Fim:
    """Ids of the tokens in front of the prefix, of the suffix and of the middle."""

    prefix: int
    suffix: int
    middle: int


@dataclass(frozen=True, slots=True)
class Written:
    """A token of a gap."""

    gap: int
    data: bytes
    #: How many tokens the constraint allowed there, the template behind the gap aside.
    allowed: int


@dataclass(frozen=True)
class Filled:
    """A template filled."""

    text: str
    #: The texts of its gaps.
    gaps: tuple[str, ...]
    written: tuple[Written, ...]
    #: Tokens that the constraint or the text behind the gap refused.
    refused: int
    #: Tokens that were passed over because a limit ended before it was known whether they fit.
    undecided: int
    #: Tokens of the model's vocabulary.
    vocabulary_size: int


@dataclass
class _Place:
    """How far the text is."""

    state: int
    text: bytearray = field(default_factory=bytearray)
    #: Tokens that the model has not read yet.
    pending: list[int] = field(default_factory=list)


class Filler:
    """Fills one template."""

    def __init__(
        self,
        model: Model,
        automaton: Any,
        cells: Sequence[Cell],
        *,
        prompt: Sequence[int] = (),
        fim: Fim | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        max_tokens: int = 64,
        limits: Limits | None = None,
        undecided: Literal["raise", "defer"] = "defer",
    ) -> None:
        """`max_tokens`: the model's, for each gap."""
        self.model, self.automaton, self.fim = model, automaton, fim
        self.prompt = list(prompt)
        self.temperature, self.max_tokens, self.on_limit = temperature, max_tokens, undecided
        self.rng = np.random.default_rng(seed)
        self.canvas = Canvas(automaton, cells, tail=False, limits=limits)
        self.vocabulary = automaton.vocabulary
        self.session: Session | None = None
        self.refused = self.undecided = 0
        self.written: list[Written] = []

    def fill(self) -> Filled:
        """The text. Raises UnsatisfiableConstraint where nothing fits the template."""
        if not self.canvas.is_completable:
            raise UnsatisfiableConstraint("no text of this constraint fits the template")
        place = _Place(int(self.automaton.start), pending=self.prompt.copy())
        gaps: list[str] = []
        for i, cell in enumerate(self.canvas.cells):
            if isinstance(cell, Gap):
                start = len(place.text)
                self._fill_gap(i, place)
                gaps.append(place.text[start:].decode("utf-8", "replace"))
            elif isinstance(cell, Text):
                self._write(place, cell.data)
        return Filled(
            place.text.decode("utf-8", "replace"),
            tuple(gaps),
            tuple(self.written),
            self.refused,
            self.undecided,
            len(self.vocabulary),
        )

    def _write(self, place: _Place, data: bytes) -> None:
        if data:
            place.state = self.automaton.bytes.run(place.state, data)
            place.text += data
            place.pending += self.vocabulary.encode_bytes(data)

    def _fill_gap(self, i: int, place: _Place) -> None:
        self._show_suffix(i, place)
        number = sum(isinstance(cell, Gap) for cell in self.canvas.cells[:i])
        for _ in range(self.max_tokens):
            head, token = self._choose(i, place)
            count = bitset.count(self.automaton.mask(place.state))
            if token is None:
                if head:
                    self.written.append(Written(number, head, count))
                self._write(place, head)
                return
            data = self.vocabulary.token_bytes(token) or b""
            self.written.append(Written(number, data, count))
            place.state = self.automaton.advance(place.state, token)
            place.text += data
            place.pending.append(token)
        closes = lambda state: self.canvas.is_alive(i + 1, state)
        data, _ = way_through(self.automaton, place.state, closes, self.canvas.limits.gap_states)
        if data:
            self.written.append(Written(number, data, 1))
        self._write(place, data)

    def _show_suffix(self, i: int, place: _Place) -> None:
        """Start over with the text behind the gap in view."""
        if self.fim is None:
            return
        behind = b"".join(cell.data for cell in self.canvas.cells[i + 1 :] if isinstance(cell, Text))
        encode = self.vocabulary.encode_bytes
        self.session = None
        begins, goes_on, middle = self.fim.prefix, self.fim.suffix, self.fim.middle
        place.pending = [
            *self.prompt, begins, *encode(bytes(place.text)), goes_on, *encode(behind), middle,
        ]  # fmt: skip

    def _choose(self, i: int, place: _Place) -> tuple[bytes, int | None]:
        """The next token; or None and the last bytes of the gap."""
        scores = self._scores(place)
        masked = False
        while True:
            token = int(np.argmax(scores))
            if scores[token] == -np.inf:
                break
            scores[token] = -np.inf
            end = self._end(i, place.state, token)
            if end is not None:
                return end, None
            if self._goes_on(i, place.state, token):
                return b"", token
            self.refused += 1
            if not masked:
                # One token was refused: leave out at once what the constraint itself refuses, an end aside.
                masked = True
                self._keep(i, place.state, scores)
        data, _ = way_through(
            self.automaton,
            place.state,
            lambda state: self.canvas.is_alive(i + 1, state),
            self.canvas.limits.gap_states,
        )
        return data, None

    def _keep(self, i: int, state: int, scores: Logits) -> None:
        allowed = np.zeros(len(scores), bool)
        allowed[bitset.to_tokens(self.automaton.mask(state))] = True
        ends = list(self.vocabulary.eos_ids)
        allowed[ends] = scores[ends] > -np.inf
        scores[~allowed] = -np.inf

    def _scores(self, place: _Place) -> Logits:
        """What the model says of the next token, with noise where it is drawn."""
        scores = np.array(self._read(place), np.float64)
        if self.temperature > 0:
            scores = scores / self.temperature - np.log(-np.log(self.rng.random(len(scores))))
        return scores  # type: ignore[return-value]  # float64 as the noise is

    def _read(self, place: _Place) -> Logits:
        """What the model says of the next token, once it has read what is pending."""
        pending, place.pending = place.pending, []
        if self.session is None:
            # A text that begins with a gap, and no prompt: the end of another text is the start of this one.
            self.session = self.model.start(pending or [self.vocabulary.eos_ids[0]])
            return self.session.logits
        return self.session.append(pending)[-1] if pending else self.session.logits

    def _end(self, i: int, state: int, token: int) -> bytes | None:
        """The last bytes of the gap, if this token ends it."""
        if token in self.vocabulary.eos_ids:
            return b"" if self.canvas.is_alive(i + 1, state) else None
        cells = self.canvas.cells
        behind = cells[i + 1] if i + 1 < len(cells) else None
        if not isinstance(behind, Text):
            return None
        data, follows = self.vocabulary.token_bytes(token) or b"", behind.data
        for k in range(len(data)):
            rest = data[k:]
            if follows.startswith(rest) or rest.startswith(follows):
                reached = self.automaton.bytes.run(state, data[:k]) if k else state
                if reached > 1 and self.canvas.is_alive(i + 1, reached):
                    return data[:k]
        return None

    def _goes_on(self, i: int, state: int, token: int) -> bool:
        """May this token be written, because some text behind it completes the template?"""
        reached = self.automaton.advance(state, token)
        if reached < 0 or token in self.vocabulary.eos_ids:
            return False
        try:
            return self.canvas.is_alive(i, reached)
        except LimitExceeded:
            if self.on_limit == "raise":
                raise
            self.undecided += 1
            return False
