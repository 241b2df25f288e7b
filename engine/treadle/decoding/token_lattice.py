"""A token lattice: many texts as the paths of one acyclic graph, counted and ranked without writing them out.

A node stands for a prefix; an edge is a run of tokens (a chosen one and what it forces) with its log p; `ends` says at
which nodes a text may end and what its end-of-text token costs. No two edges of a node begin with the same token, so
different paths are different token sequences. Built by lattice decoding (lattice_decoding.py), which merges nodes.

Counting is a sum over the nodes from the back. Ranking is A* over paths with the best completion of each node as
estimate, which is exact, so the k best paths cost about k times their length.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A step: what is written and what it costs."""

    target: int
    tokens: Tokens
    raw: float
    #: Whether the target was grown by it: then all that is behind the target was scored behind this edge.
    own: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A text of the lattice."""

    tokens: Tokens
    #: Sum of the edges and the end. The model's own score of the text, unless the path runs through a merge.
    raw: float
    #: Whether every edge on it was scored behind exactly these tokens.
    exact: bool


@dataclass
class Lattice:
    """Nodes 0..n-1, 0 is the root; grows, and stays acyclic."""

    edges: list[list[Edge]] = field(default_factory=lambda: [[]])
    #: node -> log p of ending there.
    ends: dict[int, float] = field(default_factory=dict)
    #: Nodes that more than one edge leads to.
    _parents: list[list[int]] = field(default_factory=lambda: [[]])
    #: Length of the longest path to a node, in tokens.
    depth: list[int] = field(default_factory=lambda: [0])

    def grow(self, source: int, tokens: Tokens, raw: float) -> int:
        """A new node behind `source`."""
        self.edges.append([])
        self._parents.append([])
        self.depth.append(0)
        target = len(self.edges) - 1
        self.join(source, target, tokens, raw, own=True)
        return target

    def join(self, source: int, target: int, tokens: Tokens, raw: float, own: bool = False) -> None:
        """An edge to a node that is there already."""
        assert all(edge.tokens[0] != tokens[0] for edge in self.edges[source]), (
            "two edges with one first token"
        )
        self.edges[source].append(Edge(target, tokens, raw, own))
        self._parents[target].append(source)
        self._deepen(target, self.depth[source] + len(tokens))

    def _deepen(self, node: int, depth: int) -> None:
        waiting = [(node, depth)]
        while waiting:
            node, depth = waiting.pop()
            if depth > self.depth[node]:
                self.depth[node] = depth
                waiting += [(edge.target, depth + len(edge.tokens)) for edge in self.edges[node]]

    def leads_to(self, source: int, target: int) -> bool:
        """Is there a path from `source` to `target`? Then an edge from target to source would close a cycle."""
        seen, waiting = {target}, [target]
        while waiting:
            node = waiting.pop()
            if node == source:
                return True
            waiting += [parent for parent in self._parents[node] if parent not in seen]
            seen.update(self._parents[node])
        return False

    def height(self, node: int) -> int:
        """Length of the longest path from a node on, in tokens."""
        longest: dict[int, int] = {}
        for other in self._from_the_back(node):
            longest[other] = max((longest[e.target] + len(e.tokens) for e in self.edges[other]), default=0)
        return longest[node]

    def count(self) -> int:
        """How many texts."""
        ways: dict[int, int] = {}
        for node in self._from_the_back(0):
            ways[node] = (node in self.ends) + sum(ways[edge.target] for edge in self.edges[node])
        return ways[0]

    def paths(self) -> Iterator[Path]:
        """Every text, likeliest first."""
        yield from self.best(math.inf)

    def best(self, k: float) -> Iterator[Path]:
        """The k likeliest texts."""
        ahead = self._best_completions()
        if 0 not in ahead:
            return
        # (regret, order of entry, node, tokens, score, exact); node -1: ended. The regret is what a prefix has already
        # lost against the best text: as a sum of differences it is exactly 0 on the best way, where a sum of scores
        # would be off by rounding. Among equals the last entered goes first. Without either, exponentially many
        # prefixes could come before any text.
        heap: list[tuple[float, int, int, Tokens, float, bool]] = [(0.0, 0, 0, (), 0.0, True)]
        entered, given = -1, 0
        while heap and given < k:
            regret, _, node, tokens, raw, exact = heapq.heappop(heap)
            if node < 0:
                given += 1
                yield Path(tokens, raw, exact)
                continue
            if node in self.ends:
                lost = regret + ahead[node] - self.ends[node]
                heapq.heappush(heap, (lost, entered, -1, tokens, raw + self.ends[node], exact))
                entered -= 1
            for edge in self.edges[node]:
                if edge.target not in ahead:
                    continue
                lost = regret + ahead[node] - (edge.raw + ahead[edge.target])
                entry = (
                    lost,
                    entered,
                    edge.target,
                    (*tokens, *edge.tokens),
                    raw + edge.raw,
                    exact and edge.own,
                )
                heapq.heappush(heap, entry)
                entered -= 1

    def sample(self, rng: np.random.Generator) -> Tokens:
        """One text, all of them equally likely."""
        ways: dict[int, int] = {}
        for node in self._from_the_back(0):
            ways[node] = (node in self.ends) + sum(ways[edge.target] for edge in self.edges[node])
        if not ways[0]:
            raise ValueError("a lattice without texts")
        node = 0
        tokens: list[int] = []
        while True:
            # The share of each way on; counts may be too large for a float, their quotients are not.
            draw = rng.random() - ((node in self.ends) / ways[node])
            if draw < 0 and node in self.ends:
                return tuple(tokens)
            alive = [edge for edge in self.edges[node] if ways[edge.target]]
            for edge in alive:
                draw -= ways[edge.target] / ways[node]
                if draw < 0:
                    break
            node = edge.target
            tokens += edge.tokens

    def _best_completions(self) -> dict[int, float]:
        """node -> the best score of what may follow it; nodes that no text goes through are left out."""
        best: dict[int, float] = {}
        for node in self._from_the_back(0):
            ways = [edge.raw + best[edge.target] for edge in self.edges[node] if edge.target in best]
            ways += [self.ends[node]] if node in self.ends else []
            if ways:
                best[node] = max(ways)
        return best

    def _from_the_back(self, root: int) -> list[int]:
        """Every node that can be reached from `root`, each behind all that it leads to."""
        order: list[int] = []
        entered = {root}
        waiting = [(root, iter(self.edges[root]))]
        while waiting:
            node, edges = waiting[-1]
            for edge in edges:
                if edge.target not in entered:
                    entered.add(edge.target)
                    waiting.append((edge.target, iter(self.edges[edge.target])))
                    break
            else:
                order.append(node)
                waiting.pop()
        return order
