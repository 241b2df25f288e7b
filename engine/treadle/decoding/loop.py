"""The decoding loop: model and automaton take turns until the text is complete, within a token budget.

`Decoding.pieces()` writes one text. Each turn is one of:
- *forced*: the automaton names a run of tokens without alternative. It costs no model call of its own: the run goes
  into the next forward pass together with the token before it.
- *chosen*: mask the logits, let the sampler choose.

Budget. Invariant: a completion of the current state is known to fit into what is left (`Budget.admits`). A chosen
token is taken only if a completion still fits after it; else it is struck out and the sampler chooses again; after
`TRIES` refusals the known completion itself is followed. `max_tokens` counts the tokens of the text; the end-of-text
token is not one of them. So a text that ends with the budget is complete although no end-of-text was generated.

Scores. raw: log p under the model, end of text included where it was generated. local: the same renormalised under
the mask, which is what masked sampling draws from; forced tokens have 0 there. The budget's own refusals are left out
of `local`. End of text is one choice, as in the searches (hypotheses.py): of several end tokens the first allowed one
stands for all, with their sum.

Leaves out: batches of several texts in one forward pass, search (a strategy each, beside this file).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from treadle.decoding.budget import first_plan, fitting
from treadle.decoding.protocols import Automaton, Logits, Session
from treadle.decoding.sampling import Sampler, log_total, unpack
from treadle.decoding.scores import log_sum
from treadle.vocabulary import Vocabulary

#: How often the sampler may choose a token that the budget refuses, in one turn.
TRIES = 64

FinishReason = Literal["stop", "budget"]


@dataclass(frozen=True, slots=True)
class Scores:
    """Log probabilities of a text."""

    #: Under the model: sum of log p(token | before).
    raw: float
    #: Under the model renormalised to what the constraint allows at each turn.
    local: float


class Budget:
    """What is left of max_tokens, and a completion that fits into it."""

    def __init__(self, automaton: Automaton, state: int, tokens: int) -> None:
        self.automaton = automaton
        self.left = tokens
        #: A completion of the current state, or None while the cheap bound says that one fits.
        self.plan: tuple[int, ...] | None = first_plan(automaton, tokens)

    def admits(
        self, state: int, spent: int, run: Sequence[int] = ()
    ) -> tuple[int, ...] | Literal[False] | None:
        """A completion of `state` that fits after `spent` more tokens; None if surely one does; False if none is known.

        `run`: the tokens that lead from the current state to `state`.
        """
        return fitting(self.automaton, state, self.left - spent, self.plan, run)

    def spend(self, tokens: int, plan: tuple[int, ...] | None) -> None:
        """Go on to a state that `admits` gave `plan` for."""
        self.left -= tokens
        self.plan = plan

    def witness(self, state: int) -> tuple[int, ...]:
        """A completion of the current state that fits."""
        if self.plan is None:
            self.plan = tuple(self.automaton.closing(state))
        assert len(self.plan) <= self.left, "closing_bound was lower than the completion that was found"
        return self.plan


@dataclass
class Decoding:
    """One text in the making."""

    session: Session
    automaton: Automaton
    vocabulary: Vocabulary
    sampler: Sampler
    rng: np.random.Generator
    max_tokens: int
    #: Whether to spend the forward pass that the raw score of the last forced tokens may need.
    scored: bool = True
    tokens: list[int] = field(default_factory=list)
    raw: float = 0.0
    local: float = 0.0
    finish_reason: FinishReason = "stop"
    seconds: float = 0.0
    #: Tokens of the text that the model has not read yet.
    _unread: list[int] = field(default_factory=list)
    #: Whether an end of text was generated.
    _ended: bool = False

    def __post_init__(self) -> None:
        # Packed mask of everything but the ends of text: tells whether a text can go on.
        bits = np.ones(-(-len(self.vocabulary) // 32) * 32, np.bool_)
        bits[list(self.vocabulary.eos_ids)] = False
        self._text_words = np.packbits(bits, bitorder="little").view(np.int32)

    def pieces(self) -> Iterator[list[int]]:
        """Write the text; yields the tokens of each turn, end of text left out."""
        started = time.perf_counter()
        state = self.automaton.start
        budget = Budget(self.automaton, state, self.max_tokens)
        while self._may_go_on(state, budget):
            run, state = self._forced(state, budget) or self._chosen(state, budget)
            if not run:
                break
            self.tokens += run
            self._unread += run
            yield run
        if self.scored:
            self._score_end(self._read())
        self.seconds = time.perf_counter() - started

    @property
    def scores(self) -> Scores:
        """What the text has scored so far; raw is complete when `pieces` has ended and `scored` is set."""
        return Scores(self.raw, self.local)

    def _may_go_on(self, state: int, budget: Budget) -> bool:
        if not (self.automaton.mask(state) & self._text_words).any():
            self._ended = True
            return False
        if budget.left == 0:
            self.finish_reason = "budget"
            return False
        return True

    def _forced(self, state: int, budget: Budget) -> tuple[list[int], int] | None:
        """The forced run from `state` and where it leads; None if there is none, or none that fits."""
        run: list[int] = []
        for token in self.automaton.forced(state):
            if token in self.vocabulary.eos_ids:
                break
            run.append(token)
            state = self.automaton.advance(state, token)
        plan = budget.admits(state, len(run), run) if run else False
        if plan is False:
            return None
        budget.spend(len(run), plan)
        return run, state

    def _chosen(self, state: int, budget: Budget) -> tuple[list[int], int]:
        """One token by the sampler and where it leads; no token at the end of the text."""
        row = self.automaton.mask(state)
        logits = self._read()
        width = min(len(logits), len(self.vocabulary))
        masked = np.where(unpack(row, width), logits[:width], np.float32(-np.inf))
        end = self._join_ends(masked)
        total = log_total(masked)
        token, after, plan = self._admitted(state, budget, masked)
        if token < 0 or token in self.vocabulary.eos_ids:
            self._ended = token >= 0
            self.local += end - total if token >= 0 else 0.0
            return [], state
        self.local += float(logits[token]) - total
        budget.spend(1, plan)
        return [token], after

    def _join_ends(self, logits: Logits) -> float:
        """Let the first of the allowed end tokens stand for all of them; the log of what they have together."""
        ends = [end for end in self.vocabulary.eos_ids if end < len(logits) and logits[end] > -np.inf]
        together = log_sum(logits[ends].astype(np.float64))
        if len(ends) > 1:
            logits[ends[1:]] = -np.inf
            logits[ends[0]] = together
        return together

    def _admitted(
        self, state: int, budget: Budget, masked: Logits
    ) -> tuple[int, int, tuple[int, ...] | None]:
        """(token, state after it, completion of that); -1 where the text ends without a token.

        Strikes out of `masked` what the budget refuses.
        """
        for _ in range(TRIES):
            if masked.max() == -np.inf:
                break
            token = self.sampler.choose(masked, self.rng)
            after = self.automaton.advance(state, token)
            plan = () if token in self.vocabulary.eos_ids else budget.admits(after, 1, (token,))
            if plan is not False:
                return token, after, plan
            masked[token] = -np.inf
        self.finish_reason = "budget"
        if not (witness := budget.witness(state)):
            return -1, state, ()
        return witness[0], self.automaton.advance(state, witness[0]), witness[1:]

    def _read(self) -> Logits:
        """Let the model read what it has not read yet; the logits after it."""
        if not self._unread:
            return self.session.logits
        before = self.session.logits
        rows = self.session.append(self._unread)
        if self.scored:
            for k, token in enumerate(self._unread):
                row = before if k == 0 else rows[k - 1]
                self.raw += float(row[token]) - log_total(row)
        self._unread.clear()
        return rows[-1]

    def _score_end(self, logits: Logits) -> None:
        ends = [end for end in self.vocabulary.eos_ids if end < len(logits)]
        if self._ended and ends:
            self.raw += log_sum(logits[ends].astype(np.float64)) - log_total(logits)
