"""One step of filling a canvas: a function of the row, its logits, the seed and the number of the step.

Tokens are committed one after the other in the sampler's order, each checked against everything that stands, those of
the same step included: two tokens that are each fine may be fatal together. A refused token costs no forward pass: the
hole goes on with its next greatest score. After `proposals` refusals the hole's mask is computed, once.

Where the language has a manageable number of states, what fits into every hole is known (infilling/state_sets.py). In
any case a row under a constraint holds a witness (infilling/witness.py): a token is committed with a new one, which is
looked for nearby and, failing that, in the exact graph. Where nothing decides within its limits, the token is put off,
and not looked for again in this hole until something near it has changed; after `deferrals` of these the witness's own
token is taken, which is certain. So no decode comes to a dead end.

With a joint sampler the tokens of the window are its best valid filling, so that none of them can be refused.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from treadle.diffusion.samplers import Draft, Sampler
from treadle.errors import LimitExceeded, UnsatisfiableConstraint
from treadle.infilling.completability import Canvas
from treadle.infilling.state_sets import StateSets
from treadle.infilling.viterbi import best_filling
from treadle.infilling.witness import (
    BACK,
    NARROW,
    SAMPLED,
    WIDE,
    Neighbourhood,
    Witness,
    first_witness,
    witness_of,
)
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
    #: Tokens that were passed over in a hole, with what stood near it then; None: refused, and so for good.
    passed: dict[tuple[int, int], tuple[int, ...] | None] = field(default_factory=dict)
    #: The exact graph was too large with more holes than these.
    exact_below: int = 1 << 30
    #: A filling, and what is near it; found at first use.
    around: Neighbourhood | None = None
    #: What fits into every hole, where the language has a manageable number of states; found with the first witness.
    sets: StateSets | None = None

    @property
    def witness(self) -> Witness:
        """A filling of the canvas as it stands."""
        assert self.near.witness is not None
        return self.near.witness

    @property
    def near(self) -> Neighbourhood:
        assert self.canvas is not None
        if self.around is None:
            self.around = Neighbourhood(self.canvas, first_witness(self.canvas))
            sets = StateSets.of(self.canvas)
            # Sets that say nothing of most tokens cost more than they save.
            self.sets = sets if sets is not None and sets.decides else None
        return self.around

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
            self.passed.copy(),
            self.exact_below,
            Neighbourhood(canvas, self.witness) if canvas is not None else None,
            self.sets.fork(canvas) if canvas is not None and self.sets is not None else None,
        )

    def nearby(self, cell: int) -> tuple[int, ...]:
        """What stands in the cells around one."""
        here = self.first + cell
        return tuple(self.tokens[max(self.first, here - BACK) : here + BACK + 1])

    def put(self, cell: int, token: int, witness: Witness | None, refused: int = 0) -> None:
        """Commit a token with a filling that has it; None where there is no constraint."""
        if self.canvas is not None:
            self.canvas.commit(cell, token, certain=True)
            self.around = Neighbourhood(self.canvas, witness)
            if self.sets is not None:
                self.sets.committed(cell)
        self.tokens[self.first + cell] = token
        self.commits.append(Commit(self.step, cell, token, refused))


@dataclass(frozen=True)
class Stepper:
    """A sampler with what does not change between steps."""

    sampler: Sampler
    seed: int = 0
    undecided: Undecided = "raise"
    proposals: int = 8
    deferrals: int = 12

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
                draft = self._jointly(row, window, draft)
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
        put_off, done = [0] * len(window), 0
        while ahead and (done < quota.least or -ahead[0][0] > quota.above):
            _, k, token = heapq.heappop(ahead)
            before = row.undecided
            if self._put(row, window[k], token, refused[k]):
                done += 1
                continue
            put_off[k] += row.undecided - before
            refused[k] += row.undecided == before
            scores[k, token] = -np.inf
            if put_off[k] == self.deferrals:
                scores[k] = -np.inf
            elif refused[k] == self.proposals:
                self._keep_allowed(row, window[k], scores[k])
            if not np.isfinite(scores[k].max()):
                # The tail that a sampler cut may have held all that fits: what completes the canvas does.
                scores[k, row.witness.tokens[window[k]]] = 0.0
            token = int(np.argmax(scores[k]))
            heapq.heappush(ahead, (-draft.priority(k, token), k, token))

    def _put(self, row: Row, cell: int, token: int, refused: int) -> bool:
        """Commit a token if it is known to fit."""
        if row.canvas is None:
            row.put(cell, token, None, refused)
            return True
        near, sets = row.near, row.sets
        if near.crosses_an_end(cell, token):
            return False
        fits = sets.fits(cell, token) if sets is not None else None
        if fits is False:
            return False
        if (cell, token) in row.passed:
            then = row.passed[cell, token]
            if then is None:
                return False
            if then == row.nearby(cell):
                row.undecided += 1
                return False
        before = row.undecided
        if sets is None:
            # All tokens of all states are looked at once for a token in a hole, whatever changes around it.
            witness = near.through(cell, token, SAMPLED if (cell, token) in row.passed else WIDE)
        else:
            witness = (
                near.through(cell, token, NARROW) or sets.witness(cell, token) or near.through(cell, token)
            )
        witness = witness or self._exactly(row, row.canvas, cell, token)
        if witness is None:
            row.passed[cell, token] = row.nearby(cell) if row.undecided > before else None
            return False
        row.put(cell, token, witness, refused)
        return True

    def _exactly(self, row: Row, canvas: Canvas, cell: int, token: int) -> Witness | None:
        """A filling with a token, by the graph of the whole canvas; None, and counted, where its limit ends first."""
        if not self._asks(row, canvas):
            row.undecided += 1
            return None
        try:
            trial = self._bounded(canvas.fork())
            if not trial.allows(cell, token):
                return None
            trial.commit(cell, token)
            return witness_of(trial, tuple(tokens[0] for tokens in trial.filling()))
        except LimitExceeded:
            self._put_off(row)
            return None

    def _asks(self, row: Row, canvas: Canvas) -> bool:
        """Is the graph of the whole canvas worth a try?"""
        affordable = canvas.edges.at_once and len(canvas.holes) <= row.exact_below
        return self.undecided == "raise" or affordable

    def _bounded(self, canvas: Canvas) -> Canvas:
        """The same canvas with the limits of what may be deferred."""
        if self.undecided == "defer":
            nodes = min(canvas.limits.nodes, canvas.limits.deferred)
            canvas.limits = replace(canvas.limits, nodes=nodes)
        return canvas

    def _put_off(self, row: Row) -> None:
        """In an exception's handler: raise it, or note that the graph is too large for now."""
        if self.undecided == "raise":
            raise  # noqa: PLE0704
        row.undecided += 1
        row.exact_below = len(row.open_cells) // 2

    def _keep_allowed(self, row: Row, cell: int, scores: NDArray[np.float64]) -> None:
        """Forget every token that the mask of a hole does not hold, unless that is too much to ask."""
        assert row.canvas is not None
        mask = row.sets.possible(cell) if row.sets is not None else None
        if mask is None and row.near.is_behind_the_end(cell):
            mask = bitset.from_tokens(sorted(row.canvas.fillers), len(scores))
        if mask is None:
            if not self._asks(row, row.canvas):
                return
            try:
                mask = self._bounded(row.canvas.fork()).mask(cell)
            except LimitExceeded:
                self._put_off(row)
                return
        allowed = np.zeros(len(scores), bool)
        allowed[bitset.to_tokens(mask)] = True
        scores[~allowed] = -np.inf

    def _jointly(self, row: Row, window: list[int], draft: Draft) -> Draft:
        """The draft in which the best valid filling of the window has the greatest scores."""
        assert row.canvas is not None
        if not self._asks(row, row.canvas):
            return draft
        try:
            canvas = self._bounded(row.canvas.fork())
            found, _ = best_filling(canvas, {cell: draft.scores[k] for k, cell in enumerate(window)})
        except UnsatisfiableConstraint:
            return draft
        except LimitExceeded:
            self._put_off(row)
            return draft
        scores = draft.scores.copy()
        for k, cell in enumerate(window):
            token = found[cell]
            assert token is not None
            scores[k, token] = np.inf
        return Draft(scores, draft.log_probabilities, draft.priority)
