"""Exact sets of states at every boundary of a canvas, where the language has a manageable number of states.

In: a canvas of tokens and holes. Out, for any token in any hole, yes, no or (only where the states are not all known)
None; exact masks; and a filling that has the token.

Construction. The states that tokens lead to from the start are found once for an automaton, breadth first: its
*universe*, a graph in which all tokens of equal effect are one edge. Over it a canvas is a row of boundaries with sets

    front(i)   states that some filling of the cells 0 .. i - 1 leads to
    back(i)    of these, those from which some filling of the cells i .. leads to the end

and a token t fits into hole i if and only if some s in front(i) has its successor by t in back(i + 1). A step over a
hole is one pass over the edges, over a token one walk from each state of a set; slots are counted because i is. A
commit only takes fillings away, so front changes to the right of it, up to the boundary where it is what it was, and
back to the left likewise. The cost of a decode is linear in its cells where such boundaries are near.

Languages that nest have more states than any limit. What was not looked behind is *open*: it leads to one state
BEYOND, of which nothing is known. `back` is kept twice, with BEYOND alive and with it dead, and where front holds
BEYOND no token is refused: a limit makes "None" of answers, never a wrong one. Where states multiply from the beginning
there is no universe at all.

Source: left and right sets are the forward and backward pass of the lattice (Bar-Hillel, Perles & Shamir 1961, for the
product with a finite automaton); DINGO (arXiv 2505.23061) has the same sets for one block of a regular expression.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from treadle.errors import LimitExceeded
from treadle.infilling.cells import Fixed, Hole
from treadle.infilling.completability import Canvas
from treadle.infilling.successors import Successors
from treadle.infilling.witness import Witness
from treadle.masks import bitset
from treadle.masks.bitset import Row
from treadle.matching.token_automaton import DONE

Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
#: Numbers of states in a universe: the end of a text, what lies beyond, the start.
ENDED: Final = 0
BEYOND: Final = 1
START: Final = 2
#: At so many states that were looked behind, and each time at twice as many, it is asked whether states multiply:
#: whether each brought more than so many on average, and there are more than so many.
ASKED: Final = 16
MULTIPLYING: Final = 3
SPARED: Final = 256
#: States behind which too much lies to be told apart: each of them costs a vocabulary.
WIDE: Final = 8


@dataclass(frozen=True)
class Universe:
    """The states of an automaton, by number, and where one token leads."""

    states: NDArray[np.int32]
    number: dict[int, int]
    #: Edges over a hole: from[k] -> to[k]; ends of text are no edges.
    from_: Ints
    to: Ints
    accepting: Bools
    #: States that were not looked behind.
    opened: Bools
    #: Is nothing beyond?
    closed: bool

    def numbers_of(self, states: NDArray[np.int32]) -> Ints:
        """Their numbers; BEYOND for what is not known, -1 for what is refused."""
        known = [self.number.get(s, BEYOND) if s > DONE + 1 else -1 for s in states.tolist()]
        return np.array(known, np.intp)


def explore(automaton: Any, edges: Successors, limit: int) -> Universe | None:
    """The states behind the start, breadth first, `limit` of them looked behind; None where they multiply."""
    states, number = [DONE, -1, int(automaton.start)], {DONE: ENDED, int(automaton.start): START}
    sources: list[NDArray[np.intp]] = []
    targets: list[list[int]] = []
    wide, here, asked = 0, START, ASKED
    while here < len(states) and here < limit + START and wide < WIDE:
        if here == asked:
            if len(states) > max(SPARED, MULTIPLYING * asked):
                return None
            asked *= 2
        try:
            behind = edges(states[here]).targets
        except LimitExceeded:
            wide, behind = wide + 1, ()
            targets.append([BEYOND])
        else:
            for state in behind:
                if state not in number:
                    number[state] = len(states)
                    states.append(state)
            targets.append([number[state] for state in behind])
        sources.append(np.full(len(targets[-1]), here, np.intp))
        here += 1
    ends = np.arange(here, len(states), dtype=np.intp)
    from_ = np.concatenate([*sources, ends, [BEYOND]]).astype(np.intp)
    to = np.concatenate([*map(np.array, targets), np.full(len(ends) + 1, BEYOND)]).astype(np.intp)
    accepting = [False, False, *[_accepts(automaton, state) for state in states[START:]]]
    opened = np.zeros(len(states), bool)
    opened[from_[to == BEYOND]] = True
    return Universe(
        np.array(states, np.int32), number, from_, to, np.array(accepting), opened,
        closed=not opened[START:].any(),
    )  # fmt: skip


def _accepts(automaton: Any, state: int) -> bool:
    return bool(automaton.is_accepting(state))


_KNOWN: weakref.WeakKeyDictionary[Any, dict[int, Universe | None]] = weakref.WeakKeyDictionary()


def universe_of(canvas: Canvas) -> Universe | None:
    """The universe of a canvas's automaton, shared by all canvases over it."""
    known = _KNOWN.setdefault(canvas.automaton, {})
    limit = canvas.limits.universe
    if limit not in known:
        asks = limit and canvas.edges.at_once
        known[limit] = explore(canvas.automaton, canvas.edges, limit) if asks else None
    return known[limit]


class StateSets:
    """The sets of one canvas of tokens and holes; `committed` follows what its canvas does."""

    def __init__(self, canvas: Canvas, universe: Universe) -> None:
        self.canvas = canvas
        self.universe = universe
        n, size = len(canvas.cells), len(universe.states)
        self._front = np.zeros((n + 1, size), bool)
        self._front[0, START] = True
        for i in range(n):
            self._front[i + 1] = self._forward(i)
        self._maybe = np.zeros((n + 1, size), bool)
        self._maybe[n] = universe.accepting
        self._maybe[n, ENDED] = True
        # With nothing beyond both are one.
        self._sure = self._maybe if universe.closed else self._maybe.copy()
        self._maybe[n, BEYOND] = True
        for back in self._backs:
            for i in range(n - 1, -1, -1):
                back[i] = self._backward(i, back)

    @staticmethod
    def of(canvas: Canvas) -> StateSets | None:
        """The sets of a canvas; None where there is no universe, or its cells are not all of one token."""
        if not all(isinstance(cell, (Fixed, Hole)) for cell in canvas.cells):
            return None
        universe = universe_of(canvas)
        return StateSets(canvas, universe) if universe is not None else None

    def fork(self, canvas: Canvas) -> StateSets:
        """The sets of a fork of the canvas."""
        twin = object.__new__(StateSets)
        twin.canvas, twin.universe = canvas, self.universe
        twin._front, twin._maybe = self._front.copy(), self._maybe.copy()
        twin._sure = twin._maybe if self._sure is self._maybe else self._sure.copy()
        return twin

    # -- questions -------------------------------------------------------------------------------------

    def fits(self, cell: int, token: int) -> bool | None:
        """Can the canvas be completed with this token in this hole? None: not known."""
        behind = self._by_token(np.flatnonzero(self._front[cell]), token)
        behind = behind[behind >= 0]
        if self._sure[cell + 1, behind].any():
            return True
        if self._front[cell, BEYOND] or self._maybe[cell + 1, behind].any():
            return None
        return False

    def mask(self, cell: int) -> Row | None:
        """The row of the tokens that fit into a hole; None where that is not known of all."""
        here = self._front[cell]
        unsure = self._maybe[cell + 1] & self._forward_from(cell) & ~self._sure[cell + 1]
        return None if here[BEYOND] or unsure.any() else self.possible(cell)

    def possible(self, cell: int) -> Row | None:
        """The row of the tokens that are not refused in a hole; None where nothing is known of them."""
        universe, size = self.universe, len(self.canvas.automaton.vocabulary)
        front, alive = self._front[cell], self._maybe[cell + 1]
        if front[BEYOND]:
            return None
        allowed = np.zeros(size, bool)
        if front[ENDED] and alive[ENDED]:
            allowed[sorted(self.canvas.fillers)] = True
        if alive[ENDED] and self._may_end and (front & universe.accepting).any():
            allowed[sorted(self.canvas.ends)] = True
        row = bitset.from_tokens(np.flatnonzero(allowed), size)
        living = alive[universe.to] & front[universe.from_]
        for number in np.unique(universe.from_[living]).tolist():
            row |= self._row_of(number, alive)
        return row

    def _row_of(self, number: int, alive: Bools) -> Row:
        """The tokens that lead from a state to those behind the cell; all of a state that was not looked behind."""
        universe, automaton = self.universe, self.canvas.automaton
        state = int(universe.states[number])
        if universe.opened[number]:
            return np.asarray(automaton.mask(state) & ~automaton.tables.eos_row, np.int32)
        edges = self.canvas.edges(state)
        groups = [edges.group(k) for k, target in enumerate(edges.targets) if alive[universe.number[target]]]
        return bitset.from_tokens(np.concatenate(groups), len(automaton.vocabulary))

    def witness(self, cell: int, token: int) -> Witness | None:
        """A filling with this token in this hole; None where none is known."""
        before = np.flatnonzero(self._front[cell])
        behind = self._by_token(before, token)
        fits = (behind >= 0) & self._sure[cell + 1, behind]
        if not fits.any():
            return None
        here, there = int(before[fits][0]), int(behind[fits][0])
        left, right = self._way_to(cell, here), self._way_from(cell + 1, there)
        tokens = [*(t for _, t in left), token, *(t for t, _ in right)]
        numbers = [*(s for s, _ in left), here, there, *(s for _, s in right)]
        if BEYOND in numbers:
            return None
        return Witness(tuple(tokens), tuple(int(self.universe.states[s]) for s in numbers))

    # -- changes ---------------------------------------------------------------------------------------

    def committed(self, cell: int) -> None:
        """The canvas has a token in this cell now."""
        n = len(self.canvas.cells)
        for i in range(cell, n):
            made = self._forward(i)
            if (made == self._front[i + 1]).all():
                break
            self._front[i + 1] = made
        for back in self._backs:
            for i in range(cell, -1, -1):
                made = self._backward(i, back)
                if (made == back[i]).all() and i < cell:
                    break
                back[i] = made

    # -- one cell --------------------------------------------------------------------------------------

    @property
    def _backs(self) -> list[Bools]:
        return [self._maybe] if self._sure is self._maybe else [self._maybe, self._sure]

    @property
    def _may_end(self) -> bool:
        return self.canvas.tail and bool(self.canvas.ends)

    def _forward(self, i: int) -> Bools:
        """The states behind cell i."""
        cell = self.canvas.cells[i]
        if isinstance(cell, Hole):
            return self._forward_from(i)
        assert isinstance(cell, Fixed)
        out = np.zeros(len(self.universe.states), bool)
        reached = self._by_token(np.flatnonzero(self._front[i]), cell.token)
        out[reached[reached >= 0]] = True
        return out

    def _forward_from(self, i: int) -> Bools:
        """The states behind any token from those in front of cell i."""
        universe, front = self.universe, self._front[i]
        out = np.zeros(len(front), bool)
        out[universe.to[front[universe.from_]]] = True
        out[ENDED] = front[ENDED] or (self._may_end and bool((front & universe.accepting).any()))
        return out

    def _backward(self, i: int, back: Bools) -> Bools:
        """The states in front of cell i that lead to those behind it."""
        universe, cell, behind = self.universe, self.canvas.cells[i], back[i + 1]
        out = np.zeros(len(behind), bool)
        if isinstance(cell, Hole):
            out[universe.from_[behind[universe.to]]] = True
            out[ENDED] = behind[ENDED]
            if self._may_end and behind[ENDED]:
                out |= universe.accepting
            return np.asarray(out & self._front[i], bool)
        assert isinstance(cell, Fixed)
        before = np.flatnonzero(self._front[i])
        reached = self._by_token(before, cell.token)
        out[before[(reached >= 0) & behind[reached]]] = True
        return out

    def _by_token(self, numbers: Ints, token: int) -> Ints:
        """Where a token leads from each of these: a number, or -1."""
        universe, canvas = self.universe, self.canvas
        out = np.full(len(numbers), -1, np.intp)
        out[numbers == BEYOND] = BEYOND
        if token in canvas.fillers:
            out[numbers == ENDED] = ENDED
        inner = numbers >= START
        if token in canvas.ends:
            if self._may_end:
                out[inner & universe.accepting[numbers]] = ENDED
        elif inner.any() and canvas.edges.spells(token):
            try:
                behind = canvas.edges.behind(universe.states[numbers[inner]], token)
                out[inner] = universe.numbers_of(behind)
            except LimitExceeded:
                out[inner] = BEYOND
            # As over a hole: else a commit would reach states that were not there before.
            out[inner & universe.opened[numbers] & (out >= 0)] = BEYOND
        return out

    # -- a filling -------------------------------------------------------------------------------------

    def _way_to(self, boundary: int, number: int) -> list[tuple[int, int]]:
        """States and tokens from the start to a state in front of a cell."""
        way: list[tuple[int, int]] = []
        for i in range(boundary - 1, -1, -1):
            before = self._before(i, number)
            way.append((before, self._token(i, before, number)))
            number = before
        way.reverse()
        return way

    def _before(self, i: int, number: int) -> int:
        """Some state in front of cell i from which it leads to another."""
        universe, cell, front = self.universe, self.canvas.cells[i], self._front[i]
        if isinstance(cell, Fixed):
            numbers = np.flatnonzero(front)
            return int(numbers[self._by_token(numbers, cell.token) == number][0])
        if number == ENDED:
            return ENDED if front[ENDED] else int(np.flatnonzero(front & universe.accepting)[0])
        return int(universe.from_[(universe.to == number) & front[universe.from_]][0])

    def _way_from(self, boundary: int, number: int) -> list[tuple[int, int]]:
        """Tokens and states from a state behind a cell to the end."""
        way: list[tuple[int, int]] = []
        for i in range(boundary, len(self.canvas.cells)):
            after = self._after(i, number)
            way.append((self._token(i, number, after), after))
            number = after
        return way

    def _after(self, i: int, number: int) -> int:
        """Some state behind cell i that leads to the end: the text ends where it may."""
        universe, cell, alive = self.universe, self.canvas.cells[i], self._sure[i + 1]
        if isinstance(cell, Fixed):
            return int(self._by_token(np.array([number]), cell.token)[0])
        if alive[ENDED] and (number == ENDED or (self._may_end and universe.accepting[number])):
            return ENDED
        return int(universe.to[(universe.from_ == number) & alive[universe.to]][0])

    def _token(self, i: int, before: int, after: int) -> int:
        """The least token of cell i that leads from one state to another."""
        cell, universe = self.canvas.cells[i], self.universe
        if isinstance(cell, Fixed):
            return cell.token
        if after == ENDED:
            return int(min(self.canvas.ends))
        edges = self.canvas.edges(int(universe.states[before]))
        return int(edges.group(edges.targets.index(int(universe.states[after])))[0])
