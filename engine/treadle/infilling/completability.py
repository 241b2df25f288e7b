"""Completability: can the holes of a canvas be filled so that the text is in the language, and with which tokens?

In: a token automaton and cells (cells.py). Out, exactly: whether some filling exists; for each hole the mask of the
tokens that keep one; a filling. Every hole counts as one token, so a canvas of n cells is a text of n tokens, or, with
a `tail`, of at most n, an end of text and padding behind it.

Construction. The automaton's states are interned: equal futures are equal ints, whatever was written before. So the
canvas is an acyclic graph of nodes (cell boundary i, state s), and for each boundary two sets matter:

    alive(i, s)    some filling of the cells i.. is accepted from s: found depth first, kept for every node looked at
    reach(i)       the states that some filling of the cells 0 .. i - 1 leads to, and that are alive
    mask(i)     =  the union over s in reach(i) of the tokens whose successor is alive at i + 1

Between them these are the forward and the backward sets of the product with the canvas, with the number of slots left
in them, since i says it; nothing is determinised and no gap is "any length" unless it is a GAP. The tokens of a state
are taken in groups of equal successors (successors.py), so a hole deep inside a string costs a handful of groups, and
all canvases over one automaton share them. Holes up to the end of the canvas are not expanded at all where a known
completion is short enough, as an end of text may follow it.

A commit changes what crosses its cell and nothing else. `alive` to its right stays; to its left what was dead stays
dead (a commit only takes fillings away) and the rest is looked up again when asked for, mostly in one step. `reach` to
its left only loses dead states; to its right it is computed anew up to the boundary where it is what it was.

How large it gets. Languages with finitely many residuals (regular expressions, schemas without recursion or free
member names, grammars of one bracket) have at most as many states at each boundary as the language has. In pushdown
languages stacks multiply: what may be on them is bounded by the slots left, since a stack that cannot be closed in them
is dead, but within k holes that bound can be exponential in k. `Limits` say how many nodes one question may look at.
A limit that runs out raises LimitExceeded: it is never an answer.

Source: the formal core of Mündler, Dekoninck & Vechev (arXiv 2508.10111), without its two approximations (gaps of any
length, and a timeout that counts as "empty").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.errors import LimitExceeded, TokenRejected, UnsatisfiableConstraint
from treadle.infilling.cells import HOLE, Cell, Fixed, Gap, Hole, Text
from treadle.infilling.gaps import texts, way_through
from treadle.infilling.limits import QUICK, Limits
from treadle.infilling.successors import successors_of
from treadle.masks import bitset
from treadle.masks.bitset import Row
from treadle.matching.token_automaton import DONE, REFUSED


class _Trial:
    """What is alive if one hole held one token: verdicts up to that hole."""

    def __init__(self, cell: int, token: int) -> None:
        self.cell = cell
        self.token = token
        self.verdicts: list[dict[int, bool]] = [{} for _ in range(cell + 1)]


class Canvas:
    """Cells, and what may still become of them. Changes with `commit`; fork it to try things."""

    def __init__(
        self,
        automaton: Any,
        cells: Iterable[Cell],
        *,
        tail: bool = True,
        pads: Iterable[int] = (),
        limits: Limits | None = None,
    ) -> None:
        """`tail`: may the text end before the last cell, with end-of-text tokens and `pads` in what is left?"""
        self.automaton = automaton
        self.cells: list[Cell] = list(cells)
        self.limits = limits or Limits()
        self.ends = frozenset(automaton.vocabulary.eos_ids)
        #: Where no token ends a text, it ends with the last cell.
        self.tail = tail and bool(self.ends)
        #: What may stand behind the end of a text.
        self.fillers = self.ends | frozenset(pads)
        self.edges = successors_of(automaton)
        self._verdicts: list[dict[int, bool]] = [{} for _ in range(len(self.cells) + 1)]
        self._reach: list[tuple[int, ...]] = []
        self._trial: _Trial | None = None
        #: The trial that `allows` said yes to last: a commit takes its verdicts over.
        self._approved: _Trial | None = None
        self._looked = 0
        self._note_ends()

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def holes(self) -> list[int]:
        """The cells that are holes."""
        return [i for i, cell in enumerate(self.cells) if isinstance(cell, Hole)]

    def tokens(self) -> list[int | None]:
        """The canvas by cells, None for what is open. Raises ValueError where there are gaps or texts."""
        if any(isinstance(cell, (Gap, Text)) for cell in self.cells):
            raise ValueError("a canvas with gaps has no cells of one token each")
        return [cell.token if isinstance(cell, Fixed) else None for cell in self.cells]

    def fork(self) -> Canvas:
        """An independent canvas of the same cells."""
        twin = object.__new__(Canvas)
        twin.__dict__.update(self.__dict__)
        twin.cells = self.cells.copy()
        twin._verdicts = [known.copy() for known in self._verdicts]
        twin._reach = self._reach.copy()
        twin._trial = None
        return twin

    # -- questions -------------------------------------------------------------------------------------

    @property
    def is_completable(self) -> bool:
        """Is there a filling?"""
        self._looked = 0
        return self._alive(*self._front())

    def allows(self, cell: int, token: int) -> bool:
        """Would the canvas still be completable with this token in this hole?

        Nearly always some filling is found at once. Where it is not, the states in front of the hole are worth
        knowing: they answer for every other token too.
        """
        self._check_hole(cell)
        self._looked = 0
        if len(self._reach) <= cell:
            quick = self._quickly(cell, token)
            if quick is not None:
                return quick
        for state in self.reach(cell):
            for reached in self.behind_token(state, token):
                if self._alive(cell + 1, reached):
                    return True
        return False

    def _quickly(self, cell: int, token: int) -> bool | None:
        """`allows` as far as a short search can tell."""
        self._trial = trial = _Trial(cell, token)
        limits, self.limits = self.limits, Limits(min(QUICK, self.limits.nodes), self.limits.gap_states)
        try:
            if not self._alive(*self._front()):
                return False
            # Kept for the commit that follows most questions with a good answer.
            self._approved = trial
            return True
        except LimitExceeded:
            return None
        finally:
            self._trial, self.limits = None, limits
            self._looked = 0

    def mask(self, cell: int) -> Row:
        """The row of the tokens that keep the canvas completable in a hole, int32[words]; all 0 if nothing does."""
        self._check_hole(cell)
        self._looked = 0
        row = np.zeros(bitset.words(len(self.automaton.vocabulary)), np.int32)
        for state in self.reach(cell):
            if state == DONE:
                row |= bitset.from_tokens(self.fillers, len(self.automaton.vocabulary))
                continue
            edges = self.edges(state)
            for k, target in enumerate(edges.targets):
                if self._alive(cell + 1, target):
                    row |= edges.rows[k]
            if self.may_end(state) and self._alive(cell + 1, DONE):
                row |= self.automaton.tables.eos_row
        return row

    def reach(self, boundary: int) -> list[int]:
        """The states in front of a cell that some filling leads to and that another one leads on from."""
        if not self._reach:
            self._reach = [(self.automaton.start,)]
        for i in range(len(self._reach) - 1, boundary):
            self._reach.append(self._behind(i))
        return [state for state in self._reach[boundary] if self._alive(boundary, state)]

    def choices(self, cell: int, state: int) -> Iterator[tuple[int, NDArray[np.integer[Any]]]]:
        """The states behind a cell that a state leads to, each with its tokens."""
        here = self.cells[cell]
        if isinstance(here, Fixed):
            for reached in self.behind_token(state, here.token):
                yield reached, np.array([here.token])
            return
        if state == DONE:
            yield DONE, np.array(sorted(self.fillers))
            return
        edges = self.edges(state)
        for k, target in enumerate(edges.targets):
            yield target, edges.group(k)
        if self.may_end(state):
            yield DONE, np.array(sorted(self.ends))

    def is_alive(self, boundary: int, state: int) -> bool:
        """Do the cells from `boundary` on lead from `state` to the end of a text?"""
        self._looked = 0
        return self._alive(boundary, state)

    # -- changes ---------------------------------------------------------------------------------------

    def commit(self, cell: int, token: int, *, certain: bool = False) -> None:
        """Put a token into a hole. Raises TokenRejected, and nothing changes, where no filling is left.

        `certain`: it is known to fit, from a filling of this canvas, and is not asked for again.
        """
        approved = self._approved
        if certain:
            self._check_hole(cell)
        elif approved is None or (approved.cell, approved.token) != (cell, token):
            if not self.allows(cell, token):
                raise TokenRejected(token, cell)
            approved = self._approved
        self.cells[cell] = Fixed(token)
        if approved is not None and (approved.cell, approved.token) != (cell, token):
            approved = None
        for i in range(cell + 1):
            # Mostly nothing was asked, and a decode of n cells comes here n times.
            if self._verdicts[i]:
                self._verdicts[i] = {state: False for state, alive in self._verdicts[i].items() if not alive}
            if approved is not None:
                self._verdicts[i].update(approved.verdicts[i])
        self._approved = None
        self._note_ends()
        self._renew(cell)

    def uncommit(self, cell: int) -> None:
        """Make a fixed cell a hole again: whatever was completable stays so."""
        if not isinstance(self.cells[cell], Fixed):
            raise ValueError(f"cell {cell} holds no token")  # noqa: TRY004  # the cell is wrong, not a type
        self.cells[cell] = HOLE
        for i in range(cell + 1):
            self._verdicts[i] = {state: True for state, alive in self._verdicts[i].items() if alive}
        self._approved = None
        # Reached are now states that were left out as dead.
        self._reach = []
        self._note_ends()

    def _renew(self, cell: int) -> None:
        """States reached behind a cell that has changed, as far as they are others than before."""
        old = self._reach
        self._reach = old[: cell + 1]
        self._looked = 0
        for i in range(cell, len(old) - 1):
            try:
                made = self._behind(i)
            except LimitExceeded:
                # Nobody asked: the next question meets the limit again, or does without.
                return
            if set(made) == set(old[i + 1]):
                self._reach += old[i + 1 :]
                return
            self._reach.append(made)

    # -- a filling -------------------------------------------------------------------------------------

    def filling(self) -> list[list[int]]:
        """Tokens for every cell (a gap and a text have any number). Raises UnsatisfiableConstraint if there is none.

        What may end ends, and else the known completion is followed where it fits.
        """
        if not self.is_completable:
            raise UnsatisfiableConstraint("nothing completes this canvas")
        state, out = self.automaton.start, []
        for i in range(len(self.cells)):
            tokens, state = self._step(i, state)
            out.append(tokens)
        return out

    def _step(self, i: int, state: int) -> tuple[list[int], int]:
        """Tokens of one cell on a way that is alive, and the state behind them."""
        cell = self.cells[i]
        vocabulary = self.automaton.vocabulary
        if isinstance(cell, Fixed):
            return [cell.token], next(iter(self._onward(i, state)))
        if isinstance(cell, Text):
            return vocabulary.encode_bytes(cell.data), next(iter(self._onward(i, state)))
        if isinstance(cell, Gap):
            alive = lambda reached: self._alive(i + 1, reached)
            data, reached = way_through(self.automaton, state, alive, self.limits.gap_states)
            return (vocabulary.encode_bytes(data) if data else []), reached
        if state == DONE:
            return [min(self.ends)], DONE
        if self.may_end(state) and self._alive(i + 1, DONE):
            return [min(self.ends)], DONE
        near = self._next_of_closing(state)
        if near is not None and self._alive(i + 1, near[1]):
            return [near[0]], near[1]
        edges = self.edges(state)
        for k, target in enumerate(edges.targets):
            if self._alive(i + 1, target):
                return [int(edges.group(k)[0])], target
        raise AssertionError("a node is alive, but nothing leads on from it")

    # -- the graph -------------------------------------------------------------------------------------

    def _note_ends(self) -> None:
        """Where the holes begin that go on up to the end, and where the tokens end that the text begins with."""
        n = len(self.cells)
        open_from = n
        while open_from and isinstance(self.cells[open_from - 1], Hole):
            open_from -= 1
        self.open_from = open_from if self.tail else n + 1

    def _front(self) -> tuple[int, int]:
        return 0, int(self.automaton.start)

    def may_end(self, state: int) -> bool:
        return self.tail and bool(self.ends) and bool(self.automaton.is_accepting(state))

    def _cell(self, i: int) -> Cell:
        trial = self._trial
        return Fixed(trial.token) if trial is not None and trial.cell == i else self.cells[i]

    def _onward(self, i: int, state: int) -> Iterable[int]:
        """The states behind cell i, a gap aside."""
        cell = self._cell(i)
        if isinstance(cell, Fixed):
            return self.behind_token(state, cell.token)
        if isinstance(cell, Text):
            reached = self.automaton.bytes.run(state, cell.data) if state != DONE else REFUSED
            return (reached,) if reached > DONE + 1 else ()
        if state == DONE:
            return (DONE,)
        targets = self.edges(state).targets
        return (*targets, DONE) if self.may_end(state) else targets

    def behind_token(self, state: int, token: int) -> tuple[int, ...]:
        if state == DONE:
            return (DONE,) if token in self.fillers else ()
        if token in self.ends:
            return (DONE,) if self.may_end(state) else ()
        reached = self.automaton.advance(state, token)
        return () if reached == REFUSED else (reached,)

    def _behind(self, i: int) -> tuple[int, ...]:
        """The states alive behind cell i that the states in front of it lead to."""
        found: dict[int, None] = {}
        for state in self._reach[i]:
            if i >= self.open_from or self._alive(i, state):
                inside = (
                    self._inside_gap(i, state) if isinstance(self.cells[i], Gap) else self._onward(i, state)
                )
                for reached in inside:
                    if reached not in found:
                        self._count()
                        found[reached] = None
        # Among holes up to the end nearly everything can be closed, and finding that out for each state costs most.
        return tuple(state for state in found if i + 1 >= self.open_from or self._alive(i + 1, state))

    # -- alive -----------------------------------------------------------------------------------------

    def _known(self, i: int, state: int) -> bool | None:
        """Whether a node is alive, where that can be said without looking further."""
        if i == len(self.cells):
            return state == DONE or bool(self.automaton.is_accepting(state))
        trial = self._trial
        if trial is not None and i <= trial.cell:
            known = trial.verdicts[i].get(state)
            if known is None and self._verdicts[i].get(state) is False:
                known = False
        else:
            known = self._verdicts[i].get(state)
        # A token on trial stands: holes are open from behind it on only.
        open_from = max(self.open_from, trial.cell + 1) if trial is not None else self.open_from
        if known is None and i >= open_from and self._closes_within(state, len(self.cells) - i):
            known = True
        return known

    def _closes_within(self, state: int, slots: int) -> bool:
        """Does the known completion of a state fit? (No: another one may.)"""
        if state == DONE:
            return True
        try:
            if self.automaton.closing_bound(state) <= slots:
                return True
            return len(self.automaton.closing(state)) <= slots
        except LimitExceeded:
            return False

    def _note(self, i: int, state: int, alive: bool) -> None:
        trial = self._trial
        table = trial.verdicts if trial is not None and i <= trial.cell else self._verdicts
        table[i][state] = alive

    def _alive(self, i: int, state: int) -> bool:
        """Is there a filling of the cells from i on that leads from `state` to the end?"""
        known = self._known(i, state)
        if known is not None:
            return known
        way = [(i, state, self._moves(i, state))]
        while way:
            i, state, moves = way[-1]
            for reached in moves:
                known = self._known(i + 1, reached)
                if known is None:
                    self._count()
                    way.append((i + 1, reached, self._moves(i + 1, reached)))
                    break
                if known:
                    for at, passed, _ in way:
                        self._note(at, passed, True)
                    return True
            else:
                self._note(i, state, False)
                way.pop()
        return False

    def _moves(self, i: int, state: int) -> Iterator[int]:
        """`_onward` for a search that stops at the first that is alive."""
        if isinstance(self.cells[i], Gap):
            return self._inside_gap(i, state)
        if state != DONE and isinstance(self._cell(i), Hole):
            return self._nearest_first(i, state)
        return iter(self._onward(i, state))

    def _nearest_first(self, i: int, state: int) -> Iterator[int]:
        """What leads to the end by the known completion needs no edges, and is often all that is looked at."""
        first = self._next_of_closing(state)
        if first is not None:
            yield first[1]
        yield from self._onward(i, state)

    def _next_of_closing(self, state: int) -> tuple[int, int] | None:
        """The first token of the known completion of a state, and where it leads."""
        try:
            tokens = self.automaton.closing(state)
        except LimitExceeded:
            return None
        return (tokens[0], self.automaton.advance(state, tokens[0])) if tokens else None

    def _count(self) -> None:
        self._looked += 1
        if self._looked > self.limits.nodes:
            raise LimitExceeded(
                "a canvas with too many states between its cells", limit="nodes", value=self.limits.nodes
            )

    # -- gaps ------------------------------------------------------------------------------------------

    def _inside_gap(self, i: int, state: int) -> Iterator[int]:
        """The states behind any text from `state` on, `state` itself first, those behind short texts before others."""
        for reached, _ in texts(self.automaton, state, self.limits.gap_states):
            yield reached

    def _check_hole(self, cell: int) -> None:
        if not 0 <= cell < len(self.cells) or not isinstance(self.cells[cell], Hole):
            raise ValueError(f"cell {cell} is no hole")
