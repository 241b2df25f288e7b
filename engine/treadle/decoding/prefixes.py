"""A tree of token prefixes, each read by the model once: the key-value cache that searches share.

Nodes are tokens behind one another; node 0 is the empty prefix. `extend(nodes, runs)` puts a run of tokens behind each
node, in ONE batched forward pass however different the prefixes are, and gives the node at the end of each run, the
model's log-probabilities there, and log p of the tokens inside of the run (a forced run is scored by the pass that
reads it). Prefixes in common, a chat template say, are read once, also within one pass: in every layer the new keys and
values are stored before any row collects the keys and values of its own path.

Memory. A token that is *resident* owns a slot of the store. With `memory` tokens as the limit, resident tokens without
a resident token behind them give way, longest unused first; what is needed again is read again, by the pass that needs
it. A pass whose own tokens do not fit raises LimitExceeded.

This file is the bookkeeping, the same for every model: which tokens a row still has to read, where in the store each
prefix lies. What computes is a `Store`: integrations/prefix_cache.py for transformers, tables.py for tables.
Source: prefix trees of cached keys and values are the radix attention of SGLang (Zheng et al. 2024) and the paged
attention of vLLM (Kwon et al. 2023), here with pages of one token. Leaves out: models with recurrent layers.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.protocols import Logits
from treadle.errors import LimitExceeded

#: Node of the empty prefix, and a slot that nobody owns: a store may read it where it needs something to pad with.
EMPTY = 0
PADDING = 0
_ABSENT = -1


@dataclass
class Counters:
    """What the model did."""

    forwards: int = 0
    #: Tokens that went through the model, padding not counted.
    computed: int = 0
    #: Of these, tokens that had been computed before and had given way, or whose logits had to be seen again.
    again: int = 0
    #: Tokens of prefixes that a row attended to without computing them.
    reused: int = 0
    evicted: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """One forward pass, row by row; how rows lie in tensors is the store's business."""

    #: int64[n]: tokens to read, and the slots to store them in.
    tokens: tuple[NDArray[np.int64], ...]
    write: tuple[NDArray[np.int64], ...]
    #: Slots of each row's whole prefix, its new tokens included, which are the last ones.
    paths: tuple[NDArray[np.int64], ...]

    @property
    def positions(self) -> tuple[NDArray[np.int64], ...]:
        """The place of each new token in its prefix."""
        return tuple(
            np.arange(len(path) - len(row), len(path))
            for row, path in zip(self.tokens, self.paths, strict=True)
        )


#: (row, new token of it), counted from 0.
Place = tuple[int, int]


class Store(Protocol):
    """Keys and values by slot, and the model that fills them."""

    def reserve(self, slots: int) -> None:
        """Have room for so many slots, keeping what is there."""

    def forward(
        self, batch: Batch, rows: Sequence[Place], scored: Sequence[tuple[Place, int]]
    ) -> tuple[Logits, NDArray[np.float64]]:
        """Read a batch: (logits float32[len(rows), V] at the places asked for, log p of each scored token there)."""


@dataclass(frozen=True, slots=True)
class Extension:
    """A run behind a node."""

    #: The node of the run's last token.
    node: int
    #: float32[V]: the model's logits after it.
    logits: Logits
    #: log p of the last tokens of the run, as many as were asked for, each after what is before it.
    rest: tuple[float, ...]
    #: What was worked out from the logits, for others that read the same.
    shared: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass
class PrefixTree:
    """Prefixes with a store behind them."""

    store: Store
    #: Most tokens that the store may hold; None: as many as come.
    memory: int | None = None
    counters: Counters = field(default_factory=Counters)
    _parent: list[int] = field(default_factory=lambda: [_ABSENT])
    _token: list[int] = field(default_factory=lambda: [_ABSENT])
    #: log p of the node's token, where a pass has told.
    _log_p: list[float | None] = field(default_factory=lambda: [0.0])
    _slot: list[int] = field(default_factory=lambda: [PADDING])
    _depth: list[int] = field(default_factory=lambda: [0])
    #: Whether a pass has read it before.
    _read: list[bool] = field(default_factory=lambda: [True])
    #: Resident children, and when last on the path of a row.
    _below: list[int] = field(default_factory=lambda: [0])
    _used: list[int] = field(default_factory=lambda: [0])
    _children: dict[tuple[int, int], int] = field(default_factory=dict)
    #: Slots of the whole prefix of a node that ended a row; dropped when the node gives way.
    _paths: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    _free: list[int] = field(default_factory=list)
    _slots: int = 1
    _clock: int = 0

    def tokens(self, node: int) -> tuple[int, ...]:
        """The prefix that a node stands for."""
        found = []
        while node != EMPTY:
            found.append(self._token[node])
            node = self._parent[node]
        return tuple(reversed(found))

    @property
    def resident(self) -> int:
        """Tokens in the store."""
        return self._slots - 1 - len(self._free)

    def extend(
        self, nodes: Sequence[int], runs: Sequence[Sequence[int]], scored: Sequence[int] | None = None
    ) -> list[Extension]:
        """Read runs of one or more tokens behind nodes, all in one forward pass.

        `scored`: how many tokens at the end of each run to score; all but the first, whose log p was seen by whoever
        chose it, if not given. Each position whose logits are asked for costs a row of the output layer.
        """
        if not nodes:
            return []
        scored = [len(run) - 1 for run in runs] if scored is None else scored
        assert all(0 <= count < len(run) for count, run in zip(scored, runs, strict=True))
        self._clock += 1
        chains = [self._chain(node, run) for node, run in zip(nodes, runs, strict=True)]
        firsts = [self._first(chain, count) for chain, count in zip(chains, scored, strict=True)]
        rows, place = self._rows(chains, firsts)
        self._make_room(rows, chains)
        batch = self._batch(rows)
        ends = list(dict.fromkeys(chain[-1] for chain in chains))
        asked = {
            node: self._parent[node]
            for chain, count in zip(chains, scored, strict=True)
            for node in chain[len(chain) - count :]
            if self._log_p[node] is None
        }
        logits, scores = self.store.forward(
            batch,
            [place[node] for node in ends],
            [(place[parent], self._token[node]) for node, parent in asked.items()],
        )
        for node, score in zip(asked, scores.tolist(), strict=True):
            self._log_p[node] = score
        self.counters.forwards += 1
        after = dict(zip(ends, logits, strict=True))
        return [
            Extension(chain[-1], after[chain[-1]], self._rest(chain, count))
            for chain, count in zip(chains, scored, strict=True)
        ]

    def _rest(self, chain: list[int], count: int) -> tuple[float, ...]:
        scores = [self._log_p[node] for node in chain[len(chain) - count :]]
        assert None not in scores
        return tuple(scores)  # type: ignore[arg-type]

    # -- which tokens a row has to read ------------------------------------------------------------

    def _chain(self, node: int, run: Sequence[int]) -> list[int]:
        """Tokens behind the resident part of `node`'s prefix, as nodes: those that had given way, then the run."""
        assert run, "a run has at least one token"
        missing = []
        while self._slot[node] == _ABSENT:
            missing.append(node)
            node = self._parent[node]
        chain = missing[::-1]
        at = chain[-1] if chain else node
        for token in run:
            at = self._child(at, int(token))
            chain.append(at)
        return chain

    def _child(self, parent: int, token: int) -> int:
        node = self._children.get((parent, token))
        if node is None:
            node = self._children[parent, token] = len(self._parent)
            self._parent.append(parent)
            self._token.append(token)
            self._log_p.append(None)
            self._slot.append(_ABSENT)
            self._depth.append(self._depth[parent] + 1)
            self._read.append(False)
            self._below.append(0)
            self._used.append(0)
        return node

    def _first(self, chain: list[int], scored: int) -> int:
        """From where on a chain has to be read: its last token always, and whatever is needed to score its end."""
        first = next((k for k, node in enumerate(chain) if self._slot[node] == _ABSENT), len(chain) - 1)
        for k in range(len(chain) - scored, first + 1):
            if self._log_p[chain[k]] is None:
                # Its score stands in the logits after the token before it.
                return k - 1
        return first

    def _rows(self, chains: list[list[int]], firsts: list[int]) -> tuple[list[list[int]], dict[int, Place]]:
        """Rows of nodes to read, and where each stands in them."""
        rows: list[list[int]] = []
        place: dict[int, Place] = {}
        # Longest first: of two chains where one begins the other, one row is enough.
        for k in sorted(range(len(chains)), key=lambda k: -self._depth[chains[k][-1]]):
            row = chains[k][firsts[k] :]
            # What another row reads at the beginning or the end needs no second reading; the rest has to hang together.
            while row and row[0] in place:
                row = row[1:]
            while row and row[-1] in place:
                row = row[:-1]
            for offset, node in enumerate(row):
                place[node] = (len(rows), offset)
            if row:
                rows.append(row)
        return rows, place

    # -- slots -------------------------------------------------------------------------------------

    def _make_room(self, rows: list[list[int]], chains: list[list[int]]) -> None:
        """A slot for every node of the rows."""
        for chain in chains:
            self._touch(chain[-1])
        wanted = [node for row in rows for node in row if self._slot[node] == _ABSENT]
        lacking = len(wanted) - len(self._free)
        if self.memory is not None:
            self._evict(self._slots - 1 + lacking - self.memory)
            lacking = len(wanted) - len(self._free)
        if lacking > 0:
            self._free += range(self._slots + lacking - 1, self._slots - 1, -1)
            self._slots += lacking
            self.store.reserve(self._slots)
        for node in wanted:
            self._slot[node] = self._free.pop()
            self._below[self._parent[node]] += 1

    def _touch(self, node: int) -> None:
        while node != EMPTY and self._used[node] != self._clock:
            self._used[node] = self._clock
            node = self._parent[node]

    def _evict(self, count: int) -> None:
        """Let `count` resident tokens give way that no row of this pass needs."""
        while count > 0:
            leaves = [
                node
                for node in range(1, len(self._slot))
                if self._slot[node] != _ABSENT and not self._below[node] and self._used[node] != self._clock
            ]
            if not leaves:
                raise LimitExceeded(
                    "the prefixes of one forward pass do not fit",
                    limit="memory",
                    value=self.memory or 0,
                    expected=f"memory={(self.memory or 0) + count} tokens or more",
                )
            leaves.sort(key=lambda node: self._used[node])
            for node in leaves[:count]:
                self._drop(node)
            count -= len(leaves)

    def _drop(self, node: int) -> None:
        self._free.append(self._slot[node])
        self._slot[node] = _ABSENT
        self._below[self._parent[node]] -= 1
        self._paths.pop(node, None)
        self.counters.evicted += 1

    # -- the batch ---------------------------------------------------------------------------------

    def _path(self, node: int) -> NDArray[np.int64]:
        """Slots of a resident node's prefix."""
        tail = []
        while node not in self._paths and node != EMPTY:
            tail.append(self._slot[node])
            node = self._parent[node]
        known = self._paths[node] if node != EMPTY else np.zeros(0, np.int64)
        return np.concatenate([known, np.array(tail[::-1], np.int64)]) if tail else known

    def _batch(self, rows: list[list[int]]) -> Batch:
        paths = tuple(self._path(row[-1]) for row in rows)
        for row, path in zip(rows, paths, strict=True):
            self._paths[row[-1]] = path
        self._count(rows, paths)
        return Batch(
            tokens=tuple(np.array([self._token[node] for node in row]) for row in rows),
            write=tuple(np.array([self._slot[node] for node in row]) for row in rows),
            paths=paths,
        )

    def _count(self, rows: list[list[int]], paths: Sequence[NDArray[np.int64]]) -> None:
        for row, path in zip(rows, paths, strict=True):
            self.counters.computed += len(row)
            self.counters.reused += len(path) - len(row)
            for node in row:
                self.counters.again += self._read[node]
                self._read[node] = True
