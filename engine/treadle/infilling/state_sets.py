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

A universe need not be finite. A canvas of n cells never sees what lies more than n tokens behind the start, so states
are looked behind by *level*, no deeper than that: numbers, say, have a state for each number of digits, and nesting one
for each depth. What was not looked behind is *open*: it leads to one state BEYOND, of which nothing is known. `back`
is kept twice, with BEYOND alive and with it dead, and where front holds BEYOND no token is refused: a limit makes None
of answers, never a wrong one. Where no open state is within reach of the canvas every answer is exact. Where states
multiply from the beginning there is no universe at all.

Member names that must not come twice are a state for each spelling. There the universe is that of the *anonymous* world
(automata/kernels.anonymous), in which they may come twice: a larger language with few states. It is not `exact`: what
it refuses is refused, what it allows is None, and a filling of it is a witness if the automaton itself reads it, which
it does unless two names are the same.

Source: left and right sets are the forward and backward pass of the lattice (Bar-Hillel, Perles & Shamir 1961, for the
product with a finite automaton); DINGO (arXiv 2505.23061) has the same sets for one block of a regular expression.
"""

from __future__ import annotations

import sys
import weakref
from dataclasses import dataclass, replace
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
#: From so many on it is asked whether there will be too many.
HOPED: Final = 1024
#: States behind which too much lies to be told apart: each of them costs a vocabulary.
WIDE: Final = 8
#: Fillings of a larger language that are tried, and how far apart their tokens are.
ATTEMPTS: Final = 4
STRIDE: Final = 7919


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
    #: Canvases of so many cells come to no state that was not looked behind.
    within: int
    #: Is it the language itself, not a larger one?
    exact: bool = True

    @property
    def closed(self) -> bool:
        """Is nothing beyond, whatever the canvas?"""
        return self.within == sys.maxsize

    def numbers_of(self, states: NDArray[np.int32]) -> Ints:
        """Their numbers; BEYOND for what is not known, -1 for what is refused."""
        known = [self.number.get(s, BEYOND) if s > DONE + 1 else -1 for s in states.tolist()]
        return np.array(known, np.intp)


def explore(automaton: Any, edges: Successors, limit: int, start: int, cells: int) -> Universe | None:
    """The states within `cells` tokens of the start, `limit` of them looked behind; None where they multiply."""
    states, number, level = [DONE, -1, start], {DONE: ENDED, start: START}, [0, 0, 0]
    sources: list[NDArray[np.intp]] = []
    targets: list[list[int]] = []
    wide, here, asked = 0, START, ASKED
    while here < min(len(states), limit + START) and level[here] < cells and wide < WIDE:
        if here == asked:
            if len(states) > max(SPARED, MULTIPLYING * asked):
                return None
            # Levels do not become smaller for long: what would be twice too many at this rate is left in time.
            if asked >= HOPED and len(states) * cells > 2 * limit * level[here]:
                break
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
                    level.append(level[here] + 1)
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
        within=min((level[k] for k in np.flatnonzero(opened) if k >= START), default=sys.maxsize),
    )  # fmt: skip


def _accepts(automaton: Any, state: int) -> bool:
    return bool(automaton.is_accepting(state))


#: By the limit: how many cells were asked for, and what was found.
_KNOWN: weakref.WeakKeyDictionary[Any, dict[int, tuple[int, Universe | None]]] = weakref.WeakKeyDictionary()


def universe_of(canvas: Canvas) -> Universe | None:
    """A universe for a canvas, shared by the canvases over its automaton."""
    known, limit, cells = _KNOWN.setdefault(canvas.automaton, {}), canvas.limits.universe, len(canvas.cells)
    if not limit or not canvas.edges.at_once:
        return None
    asked, found = known.get(limit, (-1, None))
    # What the cells ended, and no limit, can be gone on with.
    if asked < 0 or (found is not None and asked < cells and found.within == asked):
        asked = max(cells, 2 * asked)
        found = _explored(canvas, limit, asked)
        known[limit] = asked, found
    return found


def _explored(canvas: Canvas, limit: int, cells: int) -> Universe | None:
    """The universe of the language or, where names of members make too many states, of its anonymous world."""
    automaton, edges = canvas.automaton, canvas.edges
    found = explore(automaton, edges, limit, int(automaton.start), cells)
    if found is None or (found.within < cells and edges.is_wide):
        if (start := edges.anonymous(int(automaton.start))) is not None:
            larger = explore(automaton, edges, limit, start, cells)
            if larger is not None and larger.within >= cells:
                return replace(larger, exact=False)
    return found


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
        # With nothing beyond within reach both are one.
        self._sure = self._maybe if universe.within >= n else self._maybe.copy()
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
            return True if self.universe.exact else None
        if self._front[cell, BEYOND] or self._maybe[cell + 1, behind].any():
            return None
        return False

    @property
    def decides(self) -> bool:
        """Is nothing beyond within reach of the canvas? Then what does not fit is always refused."""
        return self.universe.within >= len(self.canvas.cells)

    def mask(self, cell: int) -> Row | None:
        """The row of the tokens that fit into a hole; None where that is not known of all."""
        if not self.universe.exact:
            return None
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
        for attempt in range(1 if self.universe.exact else ATTEMPTS):
            left, right = self._way_to(cell, here, attempt), self._way_from(cell + 1, there, attempt)
            tokens = (*(t for _, t in left), token, *(t for t, _ in right))
            numbers = [*(s for s, _ in left), here, there, *(s for _, s in right)]
            if BEYOND in numbers:
                return None
            if self.universe.exact:
                return Witness(tokens, tuple(int(self.universe.states[s]) for s in numbers))
            if (read := self._read(tokens)) is not None:
                return read
        return None

    def _read(self, tokens: tuple[int, ...]) -> Witness | None:
        """A filling of the larger language, if the automaton reads it."""
        states = [int(self.canvas.automaton.start)]
        try:
            for token in tokens:
                reached = self.canvas.behind_token(states[-1], token)
                if not reached:
                    return None
                states += reached
        except LimitExceeded:
            return None
        ends = states[-1] == DONE or self.canvas.automaton.is_accepting(states[-1])
        return Witness(tokens, tuple(states)) if ends else None

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

    def _way_to(self, boundary: int, number: int, attempt: int) -> list[tuple[int, int]]:
        """States and tokens from the start to a state in front of a cell."""
        way: list[tuple[int, int]] = []
        for i in range(boundary - 1, -1, -1):
            before = self._before(i, number)
            way.append((before, self._token(i, before, number, attempt)))
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

    def _way_from(self, boundary: int, number: int, attempt: int) -> list[tuple[int, int]]:
        """Tokens and states from a state behind a cell to the end."""
        way: list[tuple[int, int]] = []
        for i in range(boundary, len(self.canvas.cells)):
            after = self._after(i, number)
            way.append((self._token(i, number, after, attempt), after))
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

    def _token(self, i: int, before: int, after: int, attempt: int) -> int:
        """A token of cell i that leads from one state to another: the least, or with every attempt another."""
        cell, universe = self.canvas.cells[i], self.universe
        if isinstance(cell, Fixed):
            return cell.token
        if after == ENDED:
            return int(min(self.canvas.ends))
        edges = self.canvas.edges(int(universe.states[before]))
        group = edges.group(edges.targets.index(int(universe.states[after])))
        # Different cells should get different tokens, so that two names become two.
        return int(group[attempt * (i + 1) * STRIDE % len(group)])
