"""A compiled constraint as a logits processor for `model.generate` of transformers.

    model.generate(**inputs, logits_processor=[treadle.LogitsProcessor(compiled)])

A row's state depends on nothing but the tokens that stand in the row after the prompt: states are remembered by that
prefix, and a new prefix is its parent's state and one `advance`. So beams may be re-ordered, rows may be repeated
(num_return_sequences), padded on the left, and speculation may go back and forth: no row has a history of its own.
Greedy search, sampling, beam search and assisted decoding work, with one constraint or one per prompt.

Where the prompt ends. generate() does not tell. The first call sees the prompt alone. A later call belongs to the
same text if its rows begin with the prompts seen then and it is at most one token wider than the widest so far;
otherwise it is the first call of another generate(). So one processor serves many calls in a row; `prompt_length=`
or `reset()` say it outright. N.B. handing a text back to generate() that ended for want of tokens goes on with it.

Ends. After end of text a row is left alone (generate() pads it). Logits past the vocabulary become -inf.

Beam search in transformers fills up beams that it lacks with copies of others and goes on with texts that have ended,
at scores around -1e9, and may return them among the results. Rows of a beam search that repeat an earlier row of
their prompt, or have ended, are therefore closed for good (-inf): whatever does not score -1e9 is a text of the
language, and no two are equal. With fewer texts in the language than sequences asked for, generate() still returns
that many rows; the ones left over (score -1e9) hold unfinished texts. `results` tells which rows are results. That a
call is a beam search is seen from the tensor behind `input_ids`; `num_beams=` says it outright.

Needs torch when called; is no subclass of transformers' own class, so that importing treadle does not import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from treadle.errors import VocabularyMismatch
from treadle.masks.bitset import Row, apply_rows, from_tokens, to_tokens, words

if TYPE_CHECKING:
    import torch

#: The state of a prefix that the constraint does not allow.
DEAD = -1

#: States are kept for this many of the last widths; speculation goes back over fewer.
_KEPT_WIDTHS = 64


class LogitsProcessor:
    """Allows only tokens that lead to texts of the constraint. See the module for how rows are told apart."""

    def __init__(
        self, compiled: Any, *, prompt_length: int | None = None, num_beams: int | None = None
    ) -> None:
        #: One for all rows, or one per prompt.
        self._compiled: list[Any] = list(compiled) if isinstance(compiled, Sequence) else [compiled]
        if not self._compiled:
            raise VocabularyMismatch("no constraint", found="an empty sequence", expected="one per prompt")
        self._given_length = prompt_length
        self._given_beams = num_beams
        self.reset()

    def reset(self) -> None:
        """The next call is the first of a generate()."""
        # States belong to one automaton; a constraint may get another for want of room.
        self._automata = [one.roomy_automaton() for one in self._compiled]
        self._prompt_length = -1
        self._prompts: set[bytes] = set()
        self._widest = -1
        #: width -> (index of the constraint, prefix as bytes) -> state
        self._states: dict[int, dict[tuple[int, bytes], int]] = {}

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """scores: float[rows, V] -> the same with -inf for what may not come next."""
        ids = np.ascontiguousarray(input_ids.detach().to("cpu").numpy(), dtype=np.int64)
        owners = self._owners(len(ids))
        self._locate_prompt(ids, owners)
        states = self._row_states(ids[:, self._prompt_length :], owners)
        beams = self._given_beams or _beams_behind(input_ids)
        closed = _superfluous(ids, beams) if beams > 1 else np.zeros(len(ids), bool)
        return self._masked(scores, states, owners, closed, beams > 1)

    def results(self, sequences: torch.Tensor) -> list[int]:
        """Which rows that generate() returned hold a complete text and repeat no row before them."""
        ids = np.ascontiguousarray(sequences.detach().to("cpu").numpy(), dtype=np.int64)
        written = ids[:, max(self._prompt_length, 0) :]
        found: dict[bytes, int] = {}
        for row, owner in enumerate(self._owners(len(ids))):
            automaton = self._automata[owner]
            state = automaton.start
            for token in written[row].tolist():
                if state in (automaton.DONE, DEAD):
                    break
                state = self._advance(owner, state, token)
            if state != DEAD and automaton.is_accepting(state):
                found.setdefault(ids[row].tobytes(), row)
        return sorted(found.values())

    def _owners(self, rows: int) -> list[int]:
        """Which constraint each row belongs to: generate() repeats every prompt in place."""
        repeat, rest = divmod(rows, len(self._compiled))
        if rest or not rows:
            raise VocabularyMismatch(
                "rows do not divide among the constraints",
                found=f"{rows} rows",
                expected=f"a multiple of {len(self._compiled)}",
            )
        return [row // repeat for row in range(rows)]

    def _locate_prompt(self, ids: np.ndarray[Any, Any], owners: list[int]) -> None:
        if self._given_length is not None:
            self._prompt_length = min(self._given_length, ids.shape[1])
            return
        if not self._goes_on(ids, owners):
            self.reset()
            self._prompt_length = ids.shape[1]
            self._prompts = {row.tobytes() for row in ids}
        self._widest = max(self._widest, ids.shape[1])

    def _goes_on(self, ids: np.ndarray[Any, Any], owners: list[int]) -> bool:
        """Does this call continue the text of the calls before it?"""
        length = self._prompt_length
        if length < 0 or not length < ids.shape[1] <= self._widest + 1:
            return False
        if any(row.tobytes() not in self._prompts for row in ids[:, :length]):
            return False
        # The same words as in the earlier prompt may also begin a longer prompt: then no row is in the language.
        return any(state != DEAD for state in self._row_states(ids[:, length:], owners))

    def _row_states(self, written: np.ndarray[Any, Any], owners: list[int]) -> list[int]:
        width = written.shape[1]
        for old in [w for w in self._states if w < width - _KEPT_WIDTHS]:
            del self._states[old]
        return [self._state(owner, row.tobytes(), width) for owner, row in zip(owners, written, strict=True)]

    def _state(self, owner: int, prefix: bytes, width: int) -> int:
        known = self._states.setdefault(width, {})
        if (state := known.get((owner, prefix))) is not None:
            return state
        automaton = self._automata[owner]
        parent = self._states.get(width - 1, {}).get((owner, prefix[:-8])) if width else None
        if parent is None:
            state, tokens = automaton.start, np.frombuffer(prefix, np.int64).tolist()
        else:
            state, tokens = parent, [int.from_bytes(prefix[-8:], "little", signed=True)]
        for token in tokens:
            if state in (automaton.DONE, DEAD):
                break
            state = self._advance(owner, state, token)
        known[owner, prefix] = state
        return state

    def _advance(self, owner: int, state: int, token: int) -> int:
        automaton = self._automata[owner]
        if not 0 <= token < len(self._compiled[owner].vocabulary):
            return DEAD
        after: int = automaton.advance(state, token)
        return after if after >= 0 or after == automaton.DONE else DEAD

    def _masked(
        self,
        scores: torch.Tensor,
        states: list[int],
        owners: list[int],
        closed: np.ndarray[Any, Any],
        beam_search: bool,
    ) -> torch.Tensor:
        width = scores.shape[-1]
        rows = []
        for state, owner, shut in zip(states, owners, closed, strict=True):
            if state == self._automata[owner].DONE:
                rows.append(_nothing(width) if beam_search else _everything(width))
            elif shut:
                rows.append(_nothing(width))
            else:
                rows.append(self._row(owner, state, beam_search, width))
        # generate() may keep the scores that it handed over (output_logits), so they are not ours to change.
        masked: torch.Tensor = apply_rows(rows, scores.clone())
        return masked

    def _row(self, owner: int, state: int, beam_search: bool, width: int) -> Row:
        """The row of a state for this many logits."""
        vocabulary = self._compiled[owner].vocabulary
        if state == DEAD:
            # A guess of an assistant that will be thrown away; the row must not be all -inf, which softmax makes NaN.
            if beam_search:
                return _nothing(width)
            return from_tokens([i for i in vocabulary.eos_ids if i < width] or [0], width)
        row: Row = self._automata[owner].mask(state)
        if width < len(vocabulary) and row.any() and not to_tokens(row)[0] < width:
            raise VocabularyMismatch(
                "every allowed token lies past the end of the logits",
                found=f"{width} logits",
                expected=f"{len(vocabulary)}",
            )
        return row


def _nothing(width: int) -> Row:
    return np.zeros(words(width), np.int32)


def _everything(width: int) -> Row:
    return np.full(words(width), -1, np.int32)


def _beams_behind(input_ids: torch.Tensor) -> int:
    """Beams per prompt, as far as the tensor tells: beam search hands out a view of [prompts, beams, length]."""
    base = getattr(input_ids, "_base", None)
    if base is None or base.dim() != 3 or base.shape[0] * base.shape[1] != input_ids.shape[0]:
        return 1
    if base.shape[2] <= input_ids.shape[1]:  # a prompt repeated in place looks alike, but has no room to grow
        return 1
    return int(base.shape[1])


def _superfluous(ids: np.ndarray[Any, Any], beams: int) -> np.ndarray[Any, Any]:
    """Rows that repeat an earlier row of the same prompt."""
    closed = np.zeros(len(ids), bool)
    for first in range(0, len(ids), beams):
        seen: set[bytes] = set()
        for row in range(first, min(first + beams, len(ids))):
            key = ids[row].tobytes()
            closed[row] = key in seen
            seen.add(key)
    return closed
