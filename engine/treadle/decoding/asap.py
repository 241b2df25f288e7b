"""ASAp: sampling with approximate expected futures. Every draw is closer to the model conditioned on the language.

In: a search problem. Out: as many texts as are asked for. Masked sampling draws a token as if all that is allowed
were equally promising; what it should know is how much of the mass behind a token belongs to the language. ASAp
learns that from its own draws: the trie (mass_trie.py) begins with 1 for every allowed token, so that the first
draw is masked sampling, and what a draw sees of masks is handed up. The draws converge to p(text | language) and
are neither exact nor independent; a refused token is drawn anew where it was refused. For exact draws see cars.py.

Result.notes: "tries". Statistics.notes: "log_bound": log p(language) is at most that.
Source: Park et al., NeurIPS 2024 (arXiv 2405.21047); design card 4.2. lanes=1: a draw learns from all earlier ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from treadle.decoding.mass_trie import NODES, Found, MassTrie, Walk, check_sizes, side_by_side
from treadle.decoding.search import Asking, Search


@dataclass(frozen=True, slots=True)
class ASAp:
    """Masked sampling that learns from its draws."""

    lanes: int = 1
    nodes: int = NODES

    def __post_init__(self) -> None:
        check_sizes(self.lanes, self.nodes)

    def search(self, search: Search) -> Asking:
        """Draw, learn, draw."""
        trie = MassTrie(search, self.nodes)
        return (yield from side_by_side(trie, self.lanes, lambda rng: self._walk(trie, rng)))

    def _walk(self, trie: MassTrie, rng: np.random.Generator) -> Walk:
        node, tries = trie.root, 1
        while trie.root.success > 0:
            while (offer := node.offer) is None:
                yield node
            if not offer.success > 0:
                # Everything behind this prefix was refused, and the trie knows.
                node, tries = trie.root, tries + 1
                continue
            child = trie.child(node, offer.draw(rng))
            if child is not None and child.hypothesis.finished:
                return Found(child.hypothesis, tries)
            node = node if child is None else child
        return None
