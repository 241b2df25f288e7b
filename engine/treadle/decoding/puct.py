"""The statistics of a tree search: nodes, edges with priors, the choice by P-UCB, and what comes back from a rollout.

A node is a prefix with a choice to make; an edge is one of its children together with whatever that child forces. From
node s the edge a is taken that has the largest

    Q(s, a) + beta(s) * P(a | s) * sqrt(log N(s)) / (1 + N(s, a)),   beta(s) = log((N(s) + base + 1) / base) + c

with Q = 0 where nothing is known. Counting is as in the released program: a node begins with N = 1 and its own
evaluation adds 1, so the edges of the root sum to N - 1 and those of any other node to N - 2. Q is the largest return
that came through an edge (backup "max"), or their mean.
Source: Zhang et al. 2023 (PG-TD), section 3 and its program shunzh/Code-AI-Tree-Search; Silver et al. 2017 for beta.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from treadle.decoding.hypotheses import Hypothesis

Backup = Literal["max", "mean"]


@dataclass(eq=False)
class Edge:
    """A child of a node, and what came of going there."""

    #: Finished, or a prefix that `node` goes on from.
    child: Hypothesis
    #: Its probability among its siblings.
    prior: float
    visits: int = 0
    total: float = 0.0
    best: float = -math.inf
    node: Node | None = None

    def value(self, backup: Backup) -> float:
        """Q(s, a)"""
        if not self.visits:
            return 0.0
        return self.best if backup == "max" else self.total / self.visits

    @property
    def dead(self) -> bool:
        """Whether nothing can be finished behind it."""
        return self.node is not None and self.node.dead

    @property
    def exhausted(self) -> bool:
        """Whether all that is behind it has been seen."""
        return bool(self.visits) if self.child.finished else self.node is not None and self.node.exhausted


@dataclass(eq=False)
class Node:
    """A prefix with a choice."""

    hypothesis: Hypothesis
    depth: int = 0
    #: What its own rollout came to, None for the root.
    value: float | None = None
    #: Likeliest first; None until its children are asked for.
    edges: list[Edge] | None = None
    visits: int = 1
    exhausted: bool = False
    #: No child is left that something can be finished behind.
    dead: bool = False

    def walk(self) -> Iterator[Node]:
        """This node and all below, each once."""
        seen: set[int] = set()
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if id(node) not in seen:
                seen.add(id(node))
                yield node
                waiting += [edge.node for edge in reversed(node.edges or ()) if edge.node is not None]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which edge is taken."""

    constant: float = 4.0
    base: float = 10.0
    backup: Backup = "max"
    #: Whether what has been seen whole is left out.
    skip_exhausted: bool = True

    def pick(self, node: Node) -> Edge | None:
        """The best edge, the likelier among equals; None if there is none left."""
        edges = [edge for edge in node.edges or () if self.is_open(edge)]
        return max(edges, key=lambda edge: self.score(node, edge)) if edges else None

    def is_open(self, edge: Edge) -> bool:
        """Whether it may be taken."""
        return not edge.dead and not (self.skip_exhausted and edge.exhausted)

    def score(self, node: Node, edge: Edge) -> float:
        """P-UCB"""
        beta = math.log1p((node.visits + 1) / self.base) + self.constant
        bonus = beta * edge.prior * math.sqrt(math.log(node.visits)) / (1 + edge.visits)
        return edge.value(self.backup) + bonus


@dataclass(eq=False)
class Path:
    """From the root to where a rollout was made."""

    steps: list[tuple[Node, Edge]] = field(default_factory=list)

    def back_up(self, value: float) -> None:
        """Tell every edge what came of it."""
        for node, edge in reversed(self.steps):
            node.visits += 1
            edge.visits += 1
            edge.total += value
            edge.best = max(edge.best, value)
            node.exhausted = all(other.exhausted or other.dead for other in node.edges or ())


def child_budget(value: float | None, confidence: float, most: int) -> int:
    """How many children reach `confidence` that one of them succeeds, if each does with probability `value`.

    LiteSearch: min(ceil(log(1 - confidence) / log(1 - value)), most); a node of unknown value gets the most.
    """
    if value is None or value <= 0:
        return most
    if value >= 1:
        return 1
    return max(1, min(math.ceil(math.log1p(-confidence) / math.log1p(-value)), most))


def priors(log_masses: Sequence[float]) -> list[float]:
    """The masses made 1: a softmax over the children that there are."""
    peak = max(log_masses, default=0.0)
    weights = [math.exp(value - peak) for value in log_masses]
    return [weight / sum(weights) for weight in weights]
