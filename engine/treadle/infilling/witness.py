"""Witnesses: a decode that always holds a whole filling of its canvas can never come to a dead end.

In: a canvas of tokens and holes that is completable. Out: a *witness*, one token for each cell and the states between
them; and, for a token in a hole, a witness that has it there. Whoever commits only tokens with a witness needs no
repair and no luck: the witness's own token at any hole is always certain.

The next witness is looked for near the hole, so that its cost does not grow with the canvas: from the states a few
cells before it to a state *behind* it in which the old witness goes on (or, among holes up to the end, that has a
completion which fits). In between a beam of states is led from cell to cell: along the old witness, one token ahead of
it and one behind it, along the known completion of a state; if that is not enough, for `Limits.local` states also along
some hundred tokens that stand for others; and then along all their tokens. What it finds is exact. That it finds
nothing says nothing: then the exact graph (completability.py) is asked, or another token is taken (diffusion/steps.py).

Nothing here hangs on how states are numbered or what was asked before, so a decode is a function of its seed.

Source: the graph is completability.py's; a filling as the proof that a token may stand is the constructive side of the
emptiness test of Mündler, Dekoninck & Vechev (arXiv 2508.10111), local repair of it is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Union

from treadle.errors import LimitExceeded
from treadle.infilling.cells import Fixed
from treadle.infilling.completability import Canvas
from treadle.infilling.successors import Edges
from treadle.matching.token_automaton import DONE

#: The state before and the token behind it; None where a search began.
Step = Union[tuple[int, int], None]
Layer = dict[int, Step]
#: How much a search knows of the tokens of a state: what witnesses have, samples, all.
NARROW: Final = 0
SAMPLED: Final = 1
WIDE: Final = 2
#: States of a layer whose tokens are looked at; states that a layer keeps; states that are asked to close, by reach.
EXPANDED: Final = 4
WIDEST: Final = 48
CLOSED: Final = (2, 2, 4)
#: Cells before a hole from which its states are looked for.
BACK: Final = 6
#: A search along what is known comes first and may pass a fraction of the nodes.
FRACTION: Final = 4
#: How much more the first witness may look at: nothing is known before it.
FIRST: Final = 16


@dataclass(frozen=True, slots=True)
class Witness:
    """A filling of a canvas: tokens[i] leads from states[i] to states[i + 1]."""

    tokens: tuple[int, ...]
    states: tuple[int, ...]


def first_witness(canvas: Canvas) -> Witness:
    """Some filling. Raises UnsatisfiableConstraint where there is none, LimitExceeded where that is not found out."""
    found = Neighbourhood(canvas, None).from_the_front()
    return found or witness_of(canvas, tuple(chain(*canvas.filling())))


def witness_of(canvas: Canvas, tokens: tuple[int, ...]) -> Witness:
    """A filling with its states."""
    states = [int(canvas.automaton.start)]
    for token in tokens:
        states += canvas.behind_token(states[-1], token)
    return Witness(tokens, tuple(states))


@dataclass
class _Budget:
    """What one search has looked at."""

    expansions: int
    nodes: int
    reach: int
    expanded: set[int] = field(default_factory=set)

    def may_expand(self, state: int) -> bool:
        if state not in self.expanded:
            if len(self.expanded) >= self.expansions:
                return False
            self.expanded.add(state)
        return True


class Neighbourhood:
    """The fillings near a witness of a canvas. Both stay as they are; a commit makes a new one."""

    def __init__(self, canvas: Canvas, witness: Witness | None) -> None:
        self.canvas = canvas
        self.witness = witness
        self._fronts: dict[tuple[int, int], tuple[int, list[Layer]]] = {}
        # Holes go on up to the end from here.
        self._open_from = len(canvas.cells)
        while self._open_from and not isinstance(canvas.cells[self._open_from - 1], Fixed):
            self._open_from -= 1
        stands = [(i, cell.token) for i, cell in enumerate(canvas.cells) if isinstance(cell, Fixed)]
        # The first end of text that stands, and the last token that no end may stand in front of.
        self._first_end = next((i for i, token in stands if token in canvas.ends), len(canvas.cells))
        self._last_text = next((i for i, token in reversed(stands) if token not in canvas.fillers), -1)

    def is_behind_the_end(self, cell: int) -> bool:
        """Does an end of text stand in front of a cell? Then fillers fit into it, and nothing else."""
        return cell > self._first_end

    def crosses_an_end(self, cell: int, token: int) -> bool:
        """Is a token refused because it would stand behind the end of the text, or end it in front of what stands?"""
        if token in self.canvas.ends:
            return cell < self._last_text
        return self.is_behind_the_end(cell) and token not in self.canvas.fillers

    def through(self, cell: int, token: int, widest: int = WIDE) -> Witness | None:
        """A witness with this token in this hole; None: none is near."""
        witness = self.witness
        assert witness is not None
        if witness.tokens[cell] == token:
            return witness
        ways = (self._through(cell, token, reach) for reach in range(widest + 1))
        return next((found for found in ways if found is not None), None)

    def _through(self, cell: int, token: int, reach: int) -> Witness | None:
        """A witness found along what is known, or along samples or all of the tokens of some states too."""
        first, front = self._front(cell, reach)
        behind: Layer = {}
        for state in front[-1]:
            for reached in self._behind(state, token):
                behind.setdefault(reached, (state, token))
        if not behind:
            return None
        return self._completed(first, [*front, behind], self._budget(reach))

    def _budget(self, reach: int) -> _Budget:
        limits = self.canvas.limits
        expansions = (0, limits.local, limits.local // FRACTION)[reach]
        return _Budget(
            expansions, limits.local_nodes if reach == SAMPLED else limits.local_nodes // FRACTION, reach
        )

    def from_the_front(self) -> Witness | None:
        """A witness, by a search that nothing guides."""
        limits = self.canvas.limits
        for reach in (SAMPLED, WIDE):
            budget = _Budget(FIRST * limits.local, FIRST * limits.local_nodes, reach)
            found = self._completed(0, [{int(self.canvas.automaton.start): None}], budget)
            if found is not None:
                return found
        return None

    # -- in front of a hole ----------------------------------------------------------------------------

    def _front(self, cell: int, reach: int) -> tuple[int, list[Layer]]:
        """Layers of states up to a hole, and the cell where they begin."""
        known = self._fronts.get((cell, reach))
        if known is None:
            known = self._fronts[cell, reach] = self._look_in_front(cell, reach)
        return known

    def _look_in_front(self, cell: int, reach: int) -> tuple[int, list[Layer]]:
        assert self.witness is not None
        states = self.witness.states
        # Behind the end of a text nothing can stand: look from before it.
        last = cell
        while last and states[last] == DONE:
            last -= 1
        first = max(0, last - BACK)
        budget = self._budget(reach)
        layers: list[Layer] = [{states[first]: None}]
        for i in range(first, cell):
            layers.append(self._extend(i, layers[-1], budget, may_end=False))
        return first, layers

    # -- behind it -------------------------------------------------------------------------------------

    def _completed(self, first: int, layers: list[Layer], budget: _Budget) -> Witness | None:
        """Layers led on until one of their states is known to lead to the end."""
        n, i = len(self.canvas.cells), first + len(layers) - 1
        while layers[-1]:
            for number, state in enumerate(layers[-1]):
                rest = self._rest(i, state, look=number < CLOSED[budget.reach])
                if rest is not None:
                    return self._joined(first, layers, state, rest)
            if i == n or budget.nodes <= 0:
                return None
            layers.append(self._extend(i, layers[-1], budget))
            i += 1
        return None

    def _rest(self, i: int, state: int, look: bool) -> tuple[int, ...] | None:
        """Tokens of the cells from i on that lead from a state to the end, where they are known."""
        witness, canvas = self.witness, self.canvas
        if witness is not None and witness.states[i] == state:
            return witness.tokens[i:]
        slots = len(canvas.cells) - i
        if not slots:
            return () if state == DONE or canvas.automaton.is_accepting(state) else None
        if i < self._open_from or not look:
            return None
        if state == DONE:
            return (min(canvas.ends),) * slots
        closing = self._closing(state)
        if closing is None or len(closing) > slots:
            return None
        if len(closing) == slots:
            return closing
        return (*closing, *[min(canvas.ends)] * (slots - len(closing))) if self._may_stop else None

    @property
    def _may_stop(self) -> bool:
        return self.canvas.tail and bool(self.canvas.ends)

    def _closing(self, state: int) -> tuple[int, ...] | None:
        try:
            return tuple(self.canvas.automaton.closing(state))
        except LimitExceeded:
            return None

    def _joined(self, first: int, layers: list[Layer], state: int, rest: tuple[int, ...]) -> Witness:
        """The witness of a way through layers: the old one up to it, what `rest` says behind it."""
        tokens, states, here = [], [state], state
        for layer in reversed(layers):
            step = layer[here]
            if step is not None:
                here = step[0]
                states.append(here)
                tokens.append(step[1])
        before = self.witness
        head = (before.tokens[:first], before.states[:first]) if before is not None else ((), ())
        states.reverse()
        known = before is not None and before.states[len(before.tokens) - len(rest)] == state
        if known:
            assert before is not None
            states += before.states[len(before.states) - len(rest) :] if rest else ()
        else:
            for token in rest:
                states += self.canvas.behind_token(states[-1], token)
        return Witness((*head[0], *reversed(tokens), *rest), (*head[1], *states))

    # -- one cell further ------------------------------------------------------------------------------

    def _extend(self, i: int, layer: Layer, budget: _Budget, may_end: bool = True) -> Layer:
        """The states behind cell i, those of the witness first, then such as were looked at before."""
        cell, out = self.canvas.cells[i], Layer()
        known = (cell.token,) if isinstance(cell, Fixed) else self._hints(i)
        for state in layer:
            self._along(state, known, out, budget, may_end)
        if isinstance(cell, Fixed):
            return out
        parents: list[tuple[int, Edges]] = []
        for number, state in enumerate(layer):
            if state == DONE:
                continue
            if may_end and self._may_end(state):
                out.setdefault(DONE, (state, min(self.canvas.ends)))
            near = self._closing(state) if may_end and number < CLOSED[budget.reach] else None
            if near:
                self._along(state, near[:1], out, budget, may_end)
            if len(parents) < EXPANDED and budget.may_expand(state):
                edges = self._edges(state, budget.reach)
                if edges is not None:
                    parents.append((state, edges))
        for state, target, token in _in_turn(parents):
            if len(out) >= WIDEST:
                break
            out.setdefault(target, (state, token))
        own = self.witness.states[i + 1] if self.witness is not None else None
        order = sorted(out, key=lambda state: (state != own, state not in budget.expanded))
        return {state: out[state] for state in order}

    def _along(self, state: int, tokens: Iterable[int], out: Layer, budget: _Budget, may_end: bool) -> None:
        budget.nodes -= 1
        for token in tokens:
            for reached in self._behind(state, token):
                if may_end or reached != DONE:
                    out.setdefault(reached, (state, token))

    def _behind(self, state: int, token: int) -> tuple[int, ...]:
        """Where a token leads; a way that the automaton's own limits end is one that is not taken."""
        try:
            return self.canvas.behind_token(state, token)
        except LimitExceeded:
            return ()

    def _may_end(self, state: int) -> bool:
        try:
            return self.canvas.may_end(state)
        except LimitExceeded:
            return False

    def _hints(self, i: int) -> list[int]:
        """What the witness has in cell i and beside it."""
        if self.witness is None:
            return []
        tokens = self.witness.tokens
        return list(dict.fromkeys([tokens[i], *tokens[i + 1 : i + 2], *tokens[max(0, i - 1) : i]]))

    def _edges(self, state: int, reach: int) -> Edges | None:
        edges = self.canvas.edges
        try:
            return edges(state) if reach == WIDE and edges.at_once else edges.samples(state)
        except LimitExceeded:
            return None


def _in_turn(parents: list[tuple[int, Edges]]) -> Iterator[tuple[int, int, int]]:
    """State, target, least token: the widest target of each state, then the next of each."""
    for k in range(max((len(edges.targets) for _, edges in parents), default=0)):
        for state, edges in parents:
            if k < len(edges.targets):
                yield state, edges.targets[k], int(edges.tokens[edges.starts[k]])
