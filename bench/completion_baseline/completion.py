"""Fragments and gaps -> the minimal deterministic automaton of all completions, over terminals.

Nodes of the nondeterministic automaton:

    ("gap", k)           in the gap in front of fragment k, between two lexemes; loops on every terminal
    ("at", k, i)         at position i of fragment k, between two lexemes
    ("in", k, t, states) in the gap in front of fragment k, inside of a lexeme of t, with the states it may be in

A lexeme is one edge, read where it ends, so one that reaches from one fragment into another (or through several) is an
edge that skips the gaps between them. Sets of nodes are Python integers; ignored terminals are empty steps.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bench.completion_baseline.lexing import Fragment, States, Terminal

#: int32[states, terminals], -1 for none; and the accepting states.
Automaton = tuple[NDArray[np.int32], NDArray[np.bool_]]


def completions(
    fragments: list[Fragment], terminals: list[Terminal], *, leading: bool, trailing: bool
) -> Automaton:
    """Texts with the fragments in order and anything between them; anything in front and behind where said."""
    graph = _Graph(fragments, terminals, leading, trailing)
    graph.build()
    return minimal(*determinised(graph))


@dataclass
class _Graph:
    fragments: list[Fragment]
    terminals: list[Terminal]
    leading: bool
    trailing: bool
    numbers: dict[Hashable, int] = field(default_factory=dict)
    #: By node: the nodes that one terminal leads to, and those that nothing leads to.
    edges: list[dict[int, int]] = field(default_factory=list)
    empty: list[int] = field(default_factory=list)
    ahead: list[tuple] = field(default_factory=list)

    def node(self, key: tuple) -> int:
        if key not in self.numbers:
            self.numbers[key] = len(self.numbers)
            self.edges.append({})
            self.empty.append(0)
            self.ahead.append(key)
        return self.numbers[key]

    def edge(self, source: int, terminal: int, target: tuple) -> None:
        bit = 1 << self.node(target)
        if self.terminals[terminal].ignored:
            self.empty[source] |= bit
        else:
            self.edges[source][terminal] = self.edges[source].get(terminal, 0) | bit

    def step(self, source: int, target: tuple) -> None:
        self.empty[source] |= 1 << self.node(target)

    @property
    def start(self) -> int:
        return 0

    @property
    def final(self) -> tuple:
        count = len(self.fragments)
        if self.trailing or not count:
            return "gap", count
        return "at", count - 1, len(self.fragments[-1].text)

    def build(self) -> None:
        self.node(("gap", 0) if self.leading or not self.fragments else ("at", 0, 0))
        while self.ahead:
            key = self.ahead.pop()
            source = self.numbers[key]
            if key[0] == "gap":
                self._from_gap(source, key[1])
            elif key[0] == "at":
                self._from_position(source, key[1], key[2])
            else:
                self._from_lexeme(source, *key[1:])

    def _has_gap_behind(self, k: int) -> bool:
        return k + 1 < len(self.fragments) or self.trailing

    def _from_gap(self, source: int, k: int) -> None:
        for terminal, machine in enumerate(self.terminals):
            self.edge(source, terminal, ("gap", k))
            if k < len(self.fragments):
                self.step(source, ("in", k, terminal, machine.onward[0]))
        if k < len(self.fragments):
            self.step(source, ("at", k, 0))

    def _from_position(self, source: int, k: int, i: int) -> None:
        fragment = self.fragments[k]
        if i == len(fragment.text):
            if self._has_gap_behind(k):
                self.step(source, ("gap", k + 1))
            return
        for terminal, end in fragment.whole(i):
            self.edge(source, terminal, ("at", k, end))
        if self._has_gap_behind(k):
            for terminal, state in fragment.hanging(i):
                self.step(source, ("in", k + 1, terminal, self.terminals[terminal].onward[state]))

    def _from_lexeme(self, source: int, k: int, terminal: int, states: States) -> None:
        self.edge(source, terminal, ("gap", k))
        if k == len(self.fragments):
            return
        ends, behind = self.fragments[k].runs(terminal, states)
        for end in ends:
            self.edge(source, terminal, ("at", k, end))
        if behind and self._has_gap_behind(k):
            self.step(source, ("in", k + 1, terminal, self.terminals[terminal].closure(behind)))


def determinised(graph: _Graph) -> tuple[list[list[int]], list[bool]]:
    """The subset construction: rows of targets by terminal (-1: none), and which states accept."""
    closed = _closures(graph.empty)
    final = 1 << graph.numbers[graph.final] if graph.final in graph.numbers else 0
    targets = [{t: _union(closed, nodes) for t, nodes in edges.items()} for edges in graph.edges]
    first = closed[graph.start]
    numbers, ahead, rows, accepting = {first: 0}, [first], [], []
    while len(rows) < len(ahead):
        here = ahead[len(rows)]
        reached: dict[int, int] = {}
        for node in _bits(here):
            for terminal, nodes in targets[node].items():
                reached[terminal] = reached.get(terminal, 0) | nodes
        row = [-1] * len(graph.terminals)
        for terminal, nodes in reached.items():
            if nodes not in numbers:
                numbers[nodes] = len(ahead)
                ahead.append(nodes)
            row[terminal] = numbers[nodes]
        rows.append(row)
        accepting.append(bool(here & final))
    return rows, accepting


def _closures(empty: list[int]) -> list[int]:
    """The nodes that empty steps lead to, itself included, by node."""
    closed = []
    for node, direct in enumerate(empty):
        seen, ahead = 1 << node, direct
        while ahead:
            seen |= ahead
            ahead = _union(empty, ahead) & ~seen
        closed.append(seen)
    return closed


def _bits(nodes: int) -> list[int]:
    found = []
    while nodes:
        low = nodes & -nodes
        found.append(low.bit_length() - 1)
        nodes ^= low
    return found


def _union(by_node: list[int], nodes: int) -> int:
    out = 0
    for node in _bits(nodes):
        out |= by_node[node]
    return out


def minimal(rows: list[list[int]], accepting: list[bool]) -> Automaton:
    """Moore's refinement; the dead state goes."""
    # One more row: what leads nowhere leads there.
    table = np.array([*rows, [-1] * len(rows[0])], np.int64)
    table[table < 0] = len(rows)
    ends = np.array([*accepting, False])
    kinds = _refined(table, ends.astype(np.int64))
    dead = kinds[-1]
    # Classes are numbered as they come, so the start's is 0; those behind the dead one move up.
    live = [kind for kind in range(kinds.max() + 1) if kind != dead]
    if not live or kinds[0] == dead:
        return np.full((1, table.shape[1]), -1, np.int32), np.zeros(1, np.bool_)
    number = np.full(kinds.max() + 1, -1, np.int64)
    number[live] = np.arange(len(live))
    first = [int(np.argmax(kinds == kind)) for kind in live]
    return number[kinds[table[first]]].astype(np.int32), ends[first]


@njit(cache=True)
def _refined(table, kinds):
    """Classes of states that no text tells apart, from a first division into classes 0 and 1."""
    states, terminals = table.shape
    number = np.zeros((states + 1, states + 1), np.int64)
    stamps = np.zeros((states + 1, states + 1), np.int64)
    stamp, count = 0, 0
    while True:
        now = kinds.copy()
        found = 0
        for t in range(terminals):
            stamp += 1
            found = 0
            for s in range(states):
                a, b = now[s], kinds[table[s, t]]
                if stamps[a, b] != stamp:
                    stamps[a, b], number[a, b] = stamp, found
                    found += 1
                now[s] = number[a, b]
        kinds = now
        if found == count:
            return kinds
        count = found
