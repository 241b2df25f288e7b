"""One step of filling a canvas: a function of the row, its logits, the seed and the number of the step.

Tokens are committed one after the other in the sampler's order, each checked against everything that stands, those of
the same step included: two tokens that are each fine may be fatal together. A refused token costs no forward pass: the
hole goes on with its next greatest score. After `proposals` refusals the hole's mask is computed, once.

With a joint sampler the tokens of the window are its best valid filling, so that none of them can be refused.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from treadle.diffusion.samplers import Draft, Sampler
from treadle.errors import LimitExceeded, UnsatisfiableConstraint
from treadle.infilling.completability import Canvas
from treadle.infilling.viterbi import best_filling
from treadle.masks import bitset

#: What to do where a limit ends before it is known whether a token fits: "raise" LimitExceeded, or "defer": look at
#: another token for now, and note it.
Undecided = Literal["raise", "defer"]


@dataclass(frozen=True)
class Commit:
    """A token that was put into a hole."""

    step: int
    cell: int
    token: int
    #: How many tokens were refused there before.
    refused: int = 0


@dataclass
class Row:
    """A row in the making, with the canvas that says what it may become. Changes; fork it for drafts."""

    tokens: list[int]
    mask_id: int
    #: None: no constraint.
    canvas: Canvas | None
    #: Where the canvas begins in the row: behind the prompt.
    first: int
    step: int = 0
    commits: list[Commit] = field(default_factory=list)
    #: Tokens that were passed over because a limit ended.
    undecided: int = 0

    @property
    def length(self) -> int:
        return len(self.tokens) - self.first

    @property
    def open_cells(self) -> list[int]:
        """Holes, by cell of the canvas."""
        return [i for i in range(self.length) if self.tokens[self.first + i] == self.mask_id]

    def fork(self) -> Row:
        canvas = self.canvas.fork() if self.canvas is not None else None
        return Row(
            self.tokens.copy(),
            self.mask_id,
            canvas,
            self.first,
            self.step,
            self.commits.copy(),
            self.undecided,
        )

    def put(self, cell: int, token: int, refused: int = 0, *, certain: bool = False) -> None:
        if self.canvas is not None:
            self.canvas.commit(cell, token, certain=certain)
        self.tokens[self.first + cell] = token
        self.commits.append(Commit(self.step, cell, token, refused))


@dataclass(frozen=True)
class Stepper:
    """A sampler with what does not change between steps."""

    sampler: Sampler
    seed: int = 0
    undecided: Undecided = "raise"
    proposals: int = 64

    def window(self, row: Row) -> list[int] | None:
        """The holes that the row's next step looks at."""
        return self.sampler.window(row.step, row.open_cells, row.length)

    def advance(self, row: Row, logits: NDArray[np.floating]) -> None:
        """Do one step from float[n, V], the logits of the whole row."""
        window = self.window(row)
        if window:
            rng = np.random.default_rng([self.seed, row.step])
            scores = np.array(logits[[row.first + cell for cell in window]], np.float64)
            scores[:, row.mask_id] = -np.inf
            draft = self.sampler.draft(scores, rng)
            if row.canvas is not None and self.sampler.joint:
                draft = _jointly(row.canvas, window, draft)
            self._commit(row, window, draft)
        row.step += 1

    def _commit(self, row: Row, window: list[int], draft: Draft) -> None:
        quota = self.sampler.quota(row.step, draft, window, row.length)
        scores = draft.scores.copy()
        refused = [0] * len(window)
        ahead: list[tuple[float, int, int]] = []
        for k in range(len(window)):
            token = int(np.argmax(scores[k]))
            heapq.heappush(ahead, (-draft.priority(k, token), k, token))
        done = 0
        #: Tokens of some filling, which need not be asked for.
        certain: dict[int, int] = {}
        while ahead and (done < quota.least or -ahead[0][0] > quota.above):
            _, k, token = heapq.heappop(ahead)
            if certain.get(k) == token or self._fits(row, window[k], token):
                row.put(window[k], token, refused[k], certain=certain.get(k) == token)
                done += 1
                # What completed the canvas may no longer do so.
                certain.clear()
                continue
            refused[k] += 1
            scores[k, token] = -np.inf
            if refused[k] == self.proposals:
                self._keep_allowed(row, window[k], scores[k])
            if not np.isfinite(scores[k].max()):
                # The tail that a sampler cut may have held all that fits: what completes the canvas does.
                token = certain[k] = self._rescue(row, window[k])
                scores[k, token] = 0.0
            token = int(np.argmax(scores[k]))
            heapq.heappush(ahead, (-draft.priority(k, token), k, token))

    def _fits(self, row: Row, cell: int, token: int) -> bool:
        if row.canvas is None:
            return True
        try:
            return row.canvas.allows(cell, token)
        except LimitExceeded:
            if self.undecided == "raise":
                raise
            row.undecided += 1
            return False

    def _keep_allowed(self, row: Row, cell: int, scores: NDArray[np.float64]) -> None:
        """Forget every token that the mask of a hole does not hold; where that is too much to ask, all but one."""
        assert row.canvas is not None
        allowed = np.zeros(len(scores), bool)
        try:
            allowed[bitset.to_tokens(row.canvas.mask(cell))] = True
        except LimitExceeded:
            if self.undecided == "raise":
                raise
            row.undecided += 1
            allowed[self._rescue(row, cell)] = True
        scores[~allowed] = -np.inf

    @staticmethod
    def _rescue(row: Row, cell: int) -> int:
        """The token of a hole in some filling."""
        assert row.canvas is not None
        return row.canvas.filling()[cell][0]


def _jointly(canvas: Canvas, window: list[int], draft: Draft) -> Draft:
    """The draft in which the best valid filling of the window has the greatest scores."""
    try:
        found, _ = best_filling(canvas, {cell: draft.scores[k] for k, cell in enumerate(window)})
    except UnsatisfiableConstraint:
        return draft
    scores = draft.scores.copy()
    for k, cell in enumerate(window):
        token = found[cell]
        assert token is not None
        scores[k, token] = np.inf
    return Draft(scores, draft.log_probabilities, draft.priority)
