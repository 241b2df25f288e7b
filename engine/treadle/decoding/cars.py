"""CARS, constrained adaptive rejection sampling: exact draws from the model conditioned on the language.

In: a search problem. Out: as many texts as are asked for. Rejection sampling writes with the model alone and throws
away what is not in the language: exact and hopeless. CARS keeps what it threw away in a trie (mass_trie.py) and
writes with the mass that was not refuted: p(v) success(child) at each node. A text x of the language then has
chance p(x) / success(root) in each try, whatever the trie knows, so that the draws are exact from the first on, and
tries fail less and less.

Exactness needs one thing: where a node turns out to hold less than was assumed when it was chosen, the try goes on
with the chance success / assumed and else begins again at the root. So lanes may draw side by side and learn from
each other: in the product along a path every success but the root's cancels, whoever lowered it meanwhile.

mask=True takes a prefix's whole mask into account when it is read, mask=False asks the constraint about drawn
tokens only: for constraints whose masks are expensive. `tries`: a text that is begun so often without success is
given up. Result.notes: "tries". Statistics.notes: "log_bound": log p(language) is at most that. Source: Parys et
al. 2025 (arXiv 2510.01902); design card 4.2.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from treadle.decoding.mass_trie import NODES, Found, MassTrie, Node, Walk, check_sizes, side_by_side
from treadle.decoding.search import Asking, Search
from treadle.errors import InvalidConstraint


@dataclass(frozen=True, slots=True)
class CARS:
    """Exact draws by rejection that learns."""

    mask: bool = True
    tries: int = 10_000
    lanes: int = 4
    nodes: int = NODES

    def __post_init__(self) -> None:
        check_sizes(self.lanes, self.nodes)
        if self.tries < 1:
            raise InvalidConstraint(
                "tries is out of range", found=str(self.tries), expected="a whole number from 1 on"
            )

    def search(self, search: Search) -> Asking:
        """Draw until each text is accepted."""
        trie = MassTrie(search, self.nodes, self.mask)
        texts = yield from side_by_side(trie, self.lanes, lambda rng: self._walk(trie, rng))
        if search.statistics.ended == "complete" and not texts:
            warnings.warn(
                f"no text was accepted: all was refuted, or {self.tries} tries were too few",
                RuntimeWarning,
                stacklevel=2,
            )
        return texts

    def _walk(self, trie: MassTrie, rng: np.random.Generator) -> Walk:
        for tries in range(1, self.tries + 1):
            found = yield from self._try(trie, rng)
            if found is not None:
                return Found(found.hypothesis, tries)
            if not trie.root.success > 0:
                break
        return None

    def _try(self, trie: MassTrie, rng: np.random.Generator) -> Generator[Node, None, Node | None]:
        """One text from the root; None as soon as it is refuted."""
        node, assumed = trie.root, trie.root.success
        while True:
            while node.offer is None:
                yield node
            if rng.random() * assumed >= node.success:
                return None
            token = node.offer.draw(rng)
            known = node.children.get(token)
            assumed = 1.0 if known is None else known.success
            child = trie.child(node, token)
            if child is None or child.hypothesis.finished:
                return child
            node = child
