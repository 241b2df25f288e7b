"""A trie of visited prefixes that knows how much of each prefix's mass was proven to be outside of the language.

Every node has its `success`: the share of the model's probability behind that prefix that was not refuted. It
begins at 1, becomes the mass of the mask when the model has read the prefix (times the probability of a run that
the constraint forced: its other spellings are refuted), and is p-weighted over the children's as they learn; 0 for
a refused choice. It only falls, and never below the truth, so the root's success bounds the probability of the
language from above.

ASAp and CARS draw from this trie, p(v) success(child), and differ in what they do where they learn something
(asap.py, cars.py). `side_by_side` draws several texts at a time, which share the trie and the forward passes.
Memory: the choices of a node take two numbers for each allowed token; those of the nodes that were not needed for
longest are dropped when there are more than `nodes`, and the model reads such a prefix again when it is needed.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.hypotheses import NO_END, Children, Hypothesis, choices
from treadle.decoding.scores import Floats
from treadle.decoding.search import Asking, Search, SearchEnded
from treadle.errors import InvalidConstraint
from treadle.masks.bitset import from_tokens

#: Nodes whose choices are kept: with 50,000 allowed tokens each takes 2 MB.
NODES = 256


@dataclass(eq=False)
class Node:
    """A prefix, or a finished text."""

    hypothesis: Hypothesis
    parent: Node | None = None
    #: The token that leads here from the parent.
    token: int = -1
    #: Share of its mass that was not refuted.
    success: float = 1.0
    #: Children that were tried, by token; None: refused.
    children: dict[int, Node | None] = field(default_factory=dict)
    #: What the model says, while it is kept.
    offer: Choices | None = None


@dataclass(eq=False)
class Choices:
    """The choices behind a node."""

    family: Children
    #: Probability of the run that the constraint forced in front of them.
    forced: float
    #: float64[m]: p(v), and p(v) success(child).
    chances: Floats
    weights: Floats

    @property
    def success(self) -> float:
        """What is left of the prefix's mass."""
        return self.forced * float(self.weights.sum())

    def draw(self, rng: np.random.Generator) -> int:
        """A token with chance p(v) success(child), among all that are left."""
        sums = np.cumsum(self.weights)
        value = min(rng.random() * sums[-1], np.nextafter(sums[-1], 0.0))
        return int(self.family.tokens[int(np.searchsorted(sums, value, side="right"))])


class MassTrie:
    """The nodes of one search."""

    def __init__(self, search: Search, nodes: int, masked: bool = True) -> None:
        """`masked`: a prefix's mask is taken into account at once; else a token is refuted when it is drawn."""
        self.search = search
        self.root = Node(search.root)
        self.masked = masked
        self._nodes = nodes
        self._kept: OrderedDict[int, Node] = OrderedDict()
        self._all: NDArray[np.int32] = from_tokens(range(len(search.vocabulary)), len(search.vocabulary))

    def read(self, node: Node, family: Children) -> None:
        """The model has read a node's prefix."""
        before = node.hypothesis
        family = family if self.masked else self._unmasked(family)
        chances = np.exp(family.local + family.mass)
        weights = chances.copy()
        for token, child in node.children.items():
            place = family.place(token)
            weights[place] *= 0.0 if child is None else child.success
        node.offer = Choices(family, float(np.exp(family.hypothesis.raw - before.raw)), chances, weights)
        self._keep(node)
        self._learn(node)

    def _unmasked(self, family: Children) -> Children:
        """All tokens, whether allowed or not."""
        read, reweight = family.hypothesis, self.search.problem.reweight
        whole = choices(read, family.logits, self._all, self.search.ends, reweight)
        return whole if read.left or whole.end == NO_END else whole.only_end()

    def _keep(self, node: Node) -> None:
        self._kept[node.hypothesis.number] = node
        while len(self._kept) > self._nodes:
            self._kept.popitem(last=False)[1].offer = None

    def child(self, node: Node, token: int) -> Node | None:
        """The node behind a choice; None if it is refused, which is learned."""
        assert node.offer is not None
        self._kept.move_to_end(node.hypothesis.number)
        if token not in node.children:
            made = self._made(node, token)
            node.children[token] = made
            if made is None:
                self._set(node, token, 0.0)
                self._learn(node)
        return node.children[token]

    def _made(self, node: Node, token: int) -> Node | None:
        assert node.offer is not None
        if not self.masked and not self._allowed(node.hypothesis.state, token):
            return None
        hypothesis = self.search.child(node.offer.family, token)
        return None if hypothesis is None else Node(hypothesis, node, token)

    def _allowed(self, state: int, token: int) -> bool:
        """The constraint's word on one token, without a mask."""
        automaton = self.search.automaton
        if token in self.search.ends:
            return automaton.is_accepting(state)
        return automaton.advance(state, token) >= 0

    def _set(self, node: Node, token: int, success: float) -> None:
        """A child's success."""
        if node.offer is not None:
            place = node.offer.family.place(token)
            node.offer.weights[place] = node.offer.chances[place] * success

    def _learn(self, node: Node) -> None:
        """Hand what was learned up to the root.

        A node whose choices were dropped learns nothing until it is read again: its success stays a bound, and what
        is drawn from it stays right.
        """
        while node.offer is not None and node.offer.success < node.success:
            node.success = node.offer.success
            if node.parent is None:
                return
            self._set(node.parent, node.token, node.success)
            node = node.parent


@dataclass(frozen=True, slots=True)
class Found:
    """A drawn text, and how often it was begun."""

    text: Hypothesis
    tries: int


#: A draw: yields the nodes that the model has to read, returns what it found, or None where it gave up.
Walk = Generator[Node, None, Found | None]


def check_sizes(lanes: int, nodes: int) -> None:
    """`lanes` texts at a time, `nodes` nodes whose choices are kept."""
    if lanes < 1:
        raise InvalidConstraint(
            "lanes is out of range", found=str(lanes), expected="a whole number from 1 on"
        )
    if nodes <= lanes:
        raise InvalidConstraint(
            "nodes is out of range", found=str(nodes), expected=f"more than lanes={lanes}"
        )


def side_by_side(trie: MassTrie, lanes: int, walk: Callable[[np.random.Generator], Walk]) -> Asking:
    """As many draws as the problem asks for, in their order; a lane that is done takes the next one.

    Each text keeps its number whichever lane is first, so that short texts come no sooner than long ones.
    """
    search = trie.search
    seed, wanted = int(search.rng.integers(2**63)), search.problem.n
    found: list[Found | None] = [None] * wanted
    left = list(range(wanted))[::-1]
    running: dict[int, tuple[Walk, Node]] = {}

    def go_on(number: int, walking: Walk) -> None:
        try:
            running[number] = (walking, next(walking))
        except StopIteration as done:
            running.pop(number, None)
            found[number] = done.value and _noted(search, done.value)

    with contextlib.suppress(SearchEnded):
        while left or running:
            while left and len(running) < lanes:
                number = left.pop()
                go_on(number, walk(np.random.default_rng([seed, number])))
            asked = list({id(node): node for _, node in running.values()}.values())
            for node, family in zip(asked, (yield [node.hypothesis for node in asked]), strict=True):
                trie.read(node, family)
            for number, (walking, _) in list(running.items()):
                go_on(number, walking)
    mass = trie.root.success
    search.statistics.notes |= {"log_bound": float(np.log(mass)) if mass > 0 else -np.inf}
    return [one.text for one in found if one is not None]


def _noted(search: Search, found: Found) -> Found:
    text = search.copy(found.text)
    search.finish(text)
    search.notes[text.number] = {"tries": found.tries}
    return Found(text, found.tries)
