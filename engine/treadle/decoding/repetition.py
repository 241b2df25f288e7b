"""RPG, a grammar-based repetition penalty: what would begin the same structure once more becomes less likely.

In: the tokens so far, the logits. Out: new logits. The text is read as a sequence of *units*, lexemes without their
spelling: a name is a name, a number a number, punctuation and keywords are themselves. If the sequence ends in a
block of units that stands there k >= `least` times in a row, the *critical tokens*, those that began its copies, lose
(k - 1) log `penalty`: the more often, the more. So `x1 = f(1)`, `x2 = f(2)`, ... stops, whatever the numbers are.

It re-weights before the mask, so it never forbids, never empties a mask, never changes what is forced. Data repeat
themselves by right (a list of equal objects): nothing uses it unless it is asked for, and `units` is yours to choose.
Source: RPG, ACL 2025 (arXiv 2505.10402), as design card 6.4 has it; its rules come from a pushdown automaton, ours
are kinds of lexemes, and the paper's constant is not known to us: 1.2 is the usual penalty for repeated tokens.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from treadle.decoding.protocols import Logits
from treadle.errors import InvalidConstraint
from treadle.vocabulary import Vocabulary

#: (kind, offset of its first byte)
Unit = tuple[Hashable, int]
_LEXEME = re.compile(
    rb"""(?P<string>"[^"\n]*"|'[^'\n]*')|(?P<number>[0-9][0-9_.eExXa-fA-F]*)|(?P<word>[^\W\d]\w*)"""
    rb"""|(?P<line>\n[ \t]*)|(?P<mark>[^\s\w])"""
)
_KEYWORDS = frozenset(word.encode() for word in keyword.kwlist)


def lexeme_kinds(data: bytes) -> list[Unit]:
    """Strings, numbers and names by kind; keywords, marks and line beginnings as they are; other space not at all."""
    units: list[Unit] = []
    for found in _LEXEME.finditer(data):
        kind, spelled = found.lastgroup, found.group()
        is_kind = kind in ("string", "number") or (kind == "word" and spelled not in _KEYWORDS)
        units.append((kind if is_kind else spelled, found.start()))
    return units


def repetitions(kinds: Sequence[Hashable], least: int = 2) -> list[tuple[int, int]]:
    """(length, count) of the blocks that end the sequence `count` >= `least` times in a row, shortest first."""
    found = []
    for length in range(1, len(kinds) // least + 1):
        same = 0
        while same + length < len(kinds) and kinds[-1 - same] == kinds[-1 - same - length]:
            same += 1
        if same // length + 1 >= least:
            found.append((length, same // length + 1))
    return found


@dataclass(frozen=True)
class RepetitionPenalty:
    """A Reweighting: logits of critical tokens minus (count - 1) log penalty.

    penalty   1: no change
    window    units that are looked back at
    shortest  units of a block: shorter ones (a comma, a name) repeat in any text
    """

    vocabulary: Vocabulary
    penalty: float = 1.2
    window: int = 64
    shortest: int = 3
    least: int = 2
    units: Callable[[bytes], Sequence[Unit]] = lexeme_kinds

    def __post_init__(self) -> None:
        if not self.penalty >= 1:
            raise InvalidConstraint(
                "penalty is out of range", found=str(self.penalty), expected="a number from 1 on"
            )
        if self.least < 2 or self.shortest < 1 or self.window < 2:
            raise InvalidConstraint(
                "a repetition is a block that stands there twice",
                found=f"least={self.least}, shortest={self.shortest}, window={self.window}",
                expected="least >= 2, shortest >= 1, window >= 2",
            )

    def __call__(self, tokens: Sequence[int], logits: Logits) -> Logits:
        """New logits."""
        loss: dict[int, float] = {}
        for token, count in self.critical(tokens):
            loss[token] = max(loss.get(token, 0.0), (count - 1) * math.log(self.penalty))
        if not any(loss.values()):
            return logits
        changed = logits.copy()
        for token, amount in loss.items():
            changed[token] -= np.float32(amount)
        return changed

    def critical(self, tokens: Sequence[int]) -> list[tuple[int, int]]:
        """(token that began a copy, how many copies there are)"""
        parts = [self.vocabulary.decode_bytes([token]) for token in tokens]
        ends = np.cumsum([len(part) for part in parts]) if parts else np.zeros(0, np.int64)
        units = self.units(b"".join(parts))[-self.window :]
        found = []
        for length, count in repetitions([kind for kind, _ in units], self.least):
            if length >= self.shortest:
                starts = [units[-copy * length][1] for copy in range(1, count + 1)]
                places = np.searchsorted(ends, starts, side="right")
                found += [(int(tokens[place]), count) for place in places]
        return found
