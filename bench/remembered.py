"""A model whose answers are kept, so that strategies and seeds which ask the same prefixes pay for them once.

In: a model with a prefix tree, a file. Out: a tree with the same `extend`, whose answers for a prefix are those of the
first time that it was asked: bit for bit the same for whoever asks later, also in another process. (A pass gives
slightly other numbers in another batch, so without this two runs could differ by rounding.) Costs that are counted in
prefixes asked for do not change.

The file holds float32 rows of logits, a second one beside it the prefixes, a line of JSON each. What was cut short at
the end is left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from treadle.decoding.prefixes import EMPTY, Counters, Extension

Prefix = tuple[int, ...]
#: Rows of one forward pass.
ROWS = 48


@dataclass
class RememberedTree:
    """A prefix tree before another one, with answers on file."""

    tree: Any
    path: Path
    #: Prefix and how many of its last tokens are scored -> (row of the file, scores).
    _known: dict[tuple[Prefix, int], tuple[int, tuple[float, ...]]] = field(default_factory=dict)
    _prefixes: list[Prefix] = field(default_factory=lambda: [()])
    _nodes: dict[Prefix, int] = field(default_factory=lambda: {(): EMPTY})
    _rows: int = 0
    _width: int = 0

    def __post_init__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for line in self._index.read_text().splitlines() if self._index.is_file() else ():
            prefix, scores, self._width = json.loads(line)
            self._known[tuple(prefix), len(scores)] = (self._rows, tuple(scores))
            self._rows += 1

    @property
    def _index(self) -> Path:
        return self.path.with_suffix(".jsonl")

    @property
    def counters(self) -> Counters:
        """Of the tree behind: what the model did."""
        return self.tree.counters

    def extend(
        self, nodes: Sequence[int], runs: Sequence[Sequence[int]], scored: Sequence[int] | None = None
    ) -> list[Extension]:
        """As PrefixTree.extend; the model reads only what was never asked."""
        scored = [len(run) - 1 for run in runs] if scored is None else scored
        prefixes = [(*self._prefixes[node], *map(int, run)) for node, run in zip(nodes, runs, strict=True)]
        asked = list(zip(prefixes, scored, strict=True))
        new = [one for one in dict.fromkeys(asked) if one not in self._known]
        for first in range(0, len(new), ROWS):
            self._read(new[first : first + ROWS])
        return [self._answer(*one) for one in asked]

    def _read(self, asked: Sequence[tuple[Prefix, int]]) -> None:
        found = self.tree.extend([EMPTY] * len(asked), *zip(*asked, strict=True))
        with self.path.open("ab") as rows, self._index.open("a") as index:
            # A row that another process cut short would shift all that follow.
            rows.truncate(self._rows * self._width * 4)
            for one, extension in zip(asked, found, strict=True):
                row = np.ascontiguousarray(extension.logits, np.float32)
                self._width = len(row)
                rows.write(row.tobytes())
                index.write(json.dumps([one[0], extension.rest, self._width]) + "\n")
                self._known[one] = (self._rows, extension.rest)
                self._rows += 1

    def _answer(self, prefix: Prefix, scored: int) -> Extension:
        row, scores = self._known[prefix, scored]
        logits = np.fromfile(self.path, np.float32, self._width, offset=row * self._width * 4)
        if prefix not in self._nodes:
            self._nodes[prefix] = len(self._prefixes)
            self._prefixes.append(prefix)
        return Extension(self._nodes[prefix], logits, scores)
