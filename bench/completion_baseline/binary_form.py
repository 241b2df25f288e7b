"""A grammar of lark -> rules of at most two symbols, with unit and empty rules kept (C2F + epsilon).

The steps of Lange and Leiß that are left: START is there, useless symbols go, a symbol with one rule that is used once
is put in its place, and BIN replaces the most frequent pair in long rules again and again, so that rules share
their parts. Symbols are ints: terminals first, in the order of `terminals`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import lark
import numpy as np
from numpy.typing import NDArray

Rules = list[tuple[int, tuple[int, ...]]]


@dataclass(frozen=True)
class BinaryForm:
    """Rules as arrays: `unit` is (left, right), `pair` is (left, first, second)."""

    terminals: int
    symbols: int
    start: int
    empty: NDArray[np.int32]
    unit: NDArray[np.int32]
    pair: NDArray[np.int32]


def binary_form(grammar: lark.Lark, start: str = "start") -> BinaryForm:
    names: dict[tuple[bool, str], int] = {
        (True, terminal.name): k for k, terminal in enumerate(grammar.terminals)
    }
    number = lambda symbol: names.setdefault((symbol.is_term, symbol.name), len(names))
    rules = [
        (number(rule.origin), tuple(number(symbol) for symbol in rule.expansion)) for rule in grammar.rules
    ]
    terminals, first = len(grammar.terminals), names[False, start]
    rules = _inlined(_useful(list(dict.fromkeys(rules)), terminals, first), first)
    rules, symbols = _shortened(rules, len(names))
    of = lambda length: [(left, *right) for left, right in rules if len(right) == length]
    array = lambda rows, width: np.array(rows, np.int32).reshape(-1, width)
    return BinaryForm(
        terminals, symbols, first, array(of(0), 1).reshape(-1), array(of(1), 2), array(of(2), 3)
    )


def _useful(rules: Rules, terminals: int, start: int) -> Rules:
    """Rules of symbols that generate something and that the start leads to."""
    making: set[int] = set(range(terminals))
    while more := {left for left, right in rules if making.issuperset(right)} - making:
        making |= more
    rules = [(left, right) for left, right in rules if making.issuperset(right)]
    seen = {start}
    while more := {symbol for left, right in rules if left in seen for symbol in right} - seen:
        seen |= more
    return [(left, right) for left, right in rules if left in seen]


def _inlined(rules: Rules, start: int) -> Rules:
    """Symbols of one rule and one use are put in their place."""
    while True:
        sizes = Counter(left for left, _ in rules)
        uses = Counter(symbol for _, right in rules for symbol in right)
        bodies = dict(rules)
        single = next(
            (s for s in sizes if s != start and sizes[s] == uses[s] == 1 and s not in bodies[s]), None
        )
        if single is None:
            return rules
        rules = [
            (left, tuple(x for symbol in right for x in (bodies[single] if symbol == single else (symbol,))))
            for left, right in rules
            if left != single
        ]


def _shortened(rules: Rules, symbols: int) -> tuple[Rules, int]:
    """The most frequent pair of long rules becomes a symbol, until no rule is long."""
    added: Rules = []
    while True:
        pairs = Counter(
            pair for _, right in rules if len(right) > 2 for pair in zip(right, right[1:], strict=False)
        )
        if not pairs:
            return rules + added, symbols
        pair = pairs.most_common(1)[0][0]
        rules = [
            (left, _replaced(right, pair, symbols) if len(right) > 2 else right) for left, right in rules
        ]
        added.append((symbols, pair))
        symbols += 1


def _replaced(right: tuple[int, ...], pair: tuple[int, int], by: int) -> tuple[int, ...]:
    out: list[int] = []
    for symbol in right:
        if out and (out[-1], symbol) == pair:
            out[-1] = by
        else:
            out.append(symbol)
    return tuple(out)
