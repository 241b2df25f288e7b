"""Tree search by rollouts: PG-TD, Monte-Carlo tree search over tokens with the model as policy and a judge as reward.

In: a search problem and a reward for finished texts (rewards.py). Out: the `n` best-rewarded different texts, the
likelier of equals first.

A rollout descends from the root by P-UCB (puct.py) to a prefix not seen before, completes it under the constraint
(completions.py), asks what the text is worth, and tells every edge on the way. A node's children are its `width`
likeliest tokens *after* the mask, and the end of text wherever it is allowed; what leaves no choice is not a node but
part of the edge that leads there. Every text is complete, valid and within the token budget.

Beyond the paper, each an option:
  skip_exhausted  what has been seen whole is not visited again, so that as many rollouts as there are nodes see all
  transpose       prefixes that are one node: "text" (other tokens, the same text), "trivia" and "lines" (white space
                  apart, trivia.py; children of one parent are merged too), "state" (the same state of the constraint
                  and as much room left: right only if the reward depends on no more than that, which is for you to say)
  confidence      children by value: as many as give this much confidence that one succeeds (LiteSearch), at most
                  `width`, which shrinks by `shrink` with each level; `children` bounds them all
  hard            rewards of 0 and 1 only (Seed-CTS)
Notes: on the search "rollouts", "nodes", "children", "rewards" (times the judge was asked), "tree" (puct.Node) and what
the caches saved; on each text "reward".
Source: Zhang et al., ICLR 2023; LiteSearch, arXiv 2407.00320; Seed-CTS, arXiv 2412.12544; DeLorenzo et al., arXiv
2402.03289. Defaults: the paper's c, base and width; 32 rollouts are ours, where it had hundreds.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from treadle.decoding.completions import Completions
from treadle.decoding.hypotheses import NO_END, Children, Hypothesis
from treadle.decoding.puct import Backup, Choice, Edge, Node, Path, child_budget, priors
from treadle.decoding.rewards import Reward, Rewards
from treadle.decoding.sampling import Greedy, Sampler, Sampling
from treadle.decoding.search import TRIES, Asking, Search, SearchEnded
from treadle.decoding.trivia import tight
from treadle.errors import InvalidConstraint

Transpose = Literal["none", "text", "trivia", "lines", "state"]
_TRANSPOSE = ("none", "text", "trivia", "lines", "state")
#: What a rollout is worth that checks leave no way to finish.
DEAD = 0.0


@dataclass(frozen=True, slots=True)
class MCTS:
    """Planning-guided decoding."""

    reward: Reward | None = None
    rollouts: int = 32
    width: int = 3
    ucb_constant: float = 4.0
    ucb_base: float = 10.0
    backup: Backup = "max"
    #: How rollouts are completed: "greedy", "sampling" at `temperature`, or a sampler.
    rollout: Literal["greedy", "sampling"] | Sampler = "greedy"
    temperature: float = 1.0
    hard: bool = False
    transpose: Transpose = "text"
    confidence: float | None = None
    shrink: float = 1.0
    children: int | None = None
    skip_exhausted: bool = True
    #: Stop when a text is worth so much.
    target: float | None = None
    #: Whether completions, choices and rewards are remembered. They change nothing but the cost.
    caches: bool = True

    def __post_init__(self) -> None:
        _check("rollouts", self.rollouts, self.rollouts >= 1, "1 or more")
        _check("width", self.width, self.width >= 1, "1 or more")
        _check("ucb_constant", self.ucb_constant, self.ucb_constant >= 0, "0 or more")
        _check("ucb_base", self.ucb_base, self.ucb_base > 0, "more than 0")
        _check("backup", self.backup, self.backup in ("max", "mean"), "'max' or 'mean'")
        _check("transpose", self.transpose, self.transpose in _TRANSPOSE, ", ".join(_TRANSPOSE))
        inside = self.confidence is None or 0 < self.confidence < 1
        _check("confidence", self.confidence, inside, "a number between 0 and 1")
        _check("shrink", self.shrink, 0 < self.shrink <= 1, "above 0, at most 1")
        _check("children", self.children, self.children is None or self.children >= 1, "1 or more")
        named = not isinstance(self.rollout, str) or self.rollout in ("greedy", "sampling")
        _check("rollout", self.rollout, named, "'greedy', 'sampling' or a sampler")

    def search(self, search: Search) -> Asking:
        """Roll out as often as asked, return the best texts."""
        growing = Growing(self, search)
        with contextlib.suppress(SearchEnded):
            yield from growing.grow()
        growing.note()
        return growing.best()

    @property
    def sampler(self) -> Sampler:
        """What completes."""
        if not isinstance(self.rollout, str):
            return self.rollout
        return Greedy() if self.rollout == "greedy" else Sampling(self.temperature)


Steps = Generator[Sequence[Hypothesis], list[Children], float | None]
Making = Generator[Sequence[Hypothesis], list[Children], Node | Hypothesis | None]


@dataclass
class Growing:
    """A tree that grows."""

    mcts: MCTS
    search: Search
    root: Node | None = None
    rolled: int = 0
    nodes: int = 0
    made: int = 0
    transposed: int = 0
    merged: int = 0
    #: Text -> the likeliest hypothesis of it.
    texts: dict[bytes, Hypothesis] = field(default_factory=dict)
    _finished: set[int] = field(default_factory=set)
    _places: dict[object, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        mcts = self.mcts
        self.choice = Choice(mcts.ucb_constant, mcts.ucb_base, mcts.backup, mcts.skip_exhausted)
        self.completions = Completions(self.search, mcts.sampler, mcts.caches)
        self.rewards = Rewards(self.search, mcts.reward, mcts.hard, mcts.caches)

    # -- rollouts ----------------------------------------------------------------------------------

    def grow(self) -> Generator[Sequence[Hypothesis], list[Children], None]:
        """All rollouts."""
        root = yield from self._node(self.search.root, 0)
        if not isinstance(root, Node):
            if root is not None:
                self._worth(root)
            return
        self.root = root
        while self.rolled < self.mcts.rollouts and not root.exhausted and not self._satisfied():
            path = Path()
            value = yield from self._descend(path)
            if value is not None:
                path.back_up(value)
                self.rolled += 1

    def _satisfied(self) -> bool:
        target = self.mcts.target
        return target is not None and any(value >= target for value in self.rewards.known.values())

    def _descend(self, path: Path) -> Steps:
        """From the root to something new; what it is worth, None if what was there turned out to be seen whole."""
        assert self.root is not None
        node = self.root
        while True:
            if node.edges is None:
                yield from self._open(node)
            edge = self.choice.pick(node)
            if edge is None:
                node.exhausted = True
                node.dead = all(other.dead for other in node.edges or ())
                return None
            path.steps.append((node, edge))
            if edge.child.finished:
                return self._worth(edge.child)
            if edge.node is None:
                value = yield from self._reach(node, edge)
                if value is not None:
                    return value
            assert edge.node is not None
            node = edge.node

    def _reach(self, parent: Node, edge: Edge) -> Steps:
        """Make the node behind an edge and evaluate it; None if it is a node that there is already."""
        found = yield from self._node(edge.child, parent.depth + 1)
        if not isinstance(found, Node):
            # What looked like a prefix leaves no choice before its end, or none at all.
            if found is None:
                edge.node = Node(edge.child, parent.depth + 1, DEAD, [], 2, exhausted=True, dead=True)
                return DEAD
            edge.child = found
            return self._worth(found)
        known = self._known(parent, found)
        if known is not None:
            edge.node = known
            self.transposed += 1
            return None
        edge.node = found
        self.nodes += 1
        text = yield from self.completions.complete(found.hypothesis)
        found.value = DEAD if text is None else self._worth(text)
        found.visits += 1
        return found.value

    def _node(self, one: Hypothesis, depth: int) -> Making:
        """The first prefix from here on that leaves a choice, a finished text if there is none, None for a dead end."""
        at: Hypothesis | None = one
        while at is not None and not at.finished:
            family = yield from self.completions.choices(at)
            if family.is_choice:
                return Node(at, depth)
            only = int(family.tokens[0]) if len(family.tokens) else None
            at = None if only is None else self.completions.child(family, only)
        return at

    def _known(self, parent: Node, node: Node) -> Node | None:
        """The node that this one is another way to. Every edge leads to a node that is longer, so none in a circle."""
        key = self._key(node.hypothesis)
        if key is None:
            return None
        known = self._places.setdefault(key, node)
        longer = self._extent(known.hypothesis) > self._extent(parent.hypothesis)
        return known if known is not node and longer else None

    def _extent(self, one: Hypothesis) -> int:
        """What grows along the tree and is equal for what has equal keys."""
        kind = self.mcts.transpose
        if kind == "state":
            return -one.left
        return len(one.data if kind == "text" else tight(one.data, kind == "lines"))

    def _key(self, one: Hypothesis) -> object:
        kind = self.mcts.transpose
        if kind == "none":
            return None
        if kind == "state":
            return one.state, one.left
        return one.state, one.data if kind == "text" else tight(one.data, kind == "lines")

    # -- children ----------------------------------------------------------------------------------

    def _open(self, node: Node) -> Generator[Sequence[Hypothesis], list[Children], None]:
        """Give a node its edges."""
        family = yield from self.completions.choices(node.hypothesis)
        found = self._children(family, self._budget(node))
        if not found and len(family.tokens) and self._left() != 0:
            rescued = yield from self.completions.rescue(node.hypothesis, family)
            found = [] if rescued is None else [(rescued, 0.0)]
        chances = priors([mass for _, mass in found])
        node.edges = [Edge(child, chance) for (child, _), chance in zip(found, chances, strict=True)]
        self.made += len(found)

    def _budget(self, node: Node) -> int:
        """How many children a node may have."""
        mcts = self.mcts
        most = max(1, math.ceil(mcts.width * mcts.shrink**node.depth))
        if mcts.confidence is not None:
            most = child_budget(node.value, mcts.confidence, most)
        return most

    def _children(self, family: Children, budget: int) -> list[tuple[Hypothesis, float]]:
        """(child, log of its mass): the likeliest that are not refused, and the end of text."""
        found: list[tuple[Hypothesis, float]] = []
        keys: dict[object, int] = {}
        refused = 0
        for place in family.ranked("local"):
            token = int(family.tokens[place])
            if len(found) >= budget or refused >= TRIES:
                break
            child = self.completions.child(family, token)
            if child is None:
                refused += 1
            else:
                self._add(found, keys, family, child, float(family.local[place]))
        if family.end != NO_END and not any(child.finished for child, _ in found):
            child = self.completions.child(family, family.end)
            if child is not None:
                found.append((child, float(family.local[family.place(family.end)])))
        return found[: self._left()]

    def _left(self) -> int | None:
        """How many more children the whole tree may have."""
        return None if self.mcts.children is None else max(self.mcts.children - self.made, 0)

    def _add(
        self,
        found: list[tuple[Hypothesis, float]],
        keys: dict[object, int],
        family: Children,
        child: Hypothesis,
        mass: float,
    ) -> None:
        """Put a child in, or its mass to one that differs from it in white space only."""
        if self.mcts.transpose not in ("trivia", "lines") or child.finished:
            found.append((child, mass))
            return
        key = self._key(child)
        if key == self._key(family.hypothesis):
            # White space and nothing else, in a place where there may be any amount of it.
            self.merged += 1
            return
        if key in keys:
            first, other = found[keys[key]]
            found[keys[key]] = (first, float(np.logaddexp(other, mass)))
            self.merged += 1
            return
        keys[key] = len(found)
        found.append((child, mass))

    # -- what comes out ----------------------------------------------------------------------------

    def _worth(self, one: Hypothesis) -> float:
        """The reward of a finished text, which is noted."""
        if one.number not in self._finished:
            self._finished.add(one.number)
            self.search.finish(one)
            other = self.texts.get(one.data)
            # Likelihoods differ between spellings, so the better one stands for the text.
            if other is None or self._rank(one) < self._rank(other):
                self.texts[one.data] = one
        return self.rewards.of(one)

    def _rank(self, one: Hypothesis) -> tuple[float, float]:
        return -self.rewards.of(one), -one.raw

    def best(self) -> list[Hypothesis]:
        """Different texts, best first."""
        found = sorted(self.texts.values(), key=self._rank)
        for one in found:
            self.search.notes[one.number] = {"reward": self.rewards.of(one)}
        return found

    def note(self) -> None:
        """Say what was done."""
        self.search.statistics.notes.update(
            rollouts=self.rolled,
            nodes=self.nodes,
            children=self.made,
            rewards=self.rewards.asked,
            rewards_reused=self.rewards.reused,
            sequences_reused=self.completions.sequences_reused,
            choices_reused=self.completions.choices_reused,
            transposed=self.transposed,
            merged=self.merged,
            tree=self.root,
        )
        for node in self.root.walk() if self.root is not None else ():
            for edge in node.edges or ():
                if edge.visits:
                    self.search.event("kept", edge.child, edge.value(self.mcts.backup))


def _check(name: str, value: object, right: bool, expected: str) -> None:
    if not right:
        raise InvalidConstraint(f"{name} is out of range", found=repr(value), expected=expected)
