"""LALR(1) tables of a context-free grammar, conflicts kept: what a generalised LR parser runs on.

Construction: LR(0) item sets by kernels; lookaheads by DeRemer and Pennello, "Efficient computation of LALR(1)
look-ahead sets" (TOPLAS 4.4, 1982): `reads` and `includes` over nonterminal transitions, solved by their digraph
algorithm. Lookahead sets are Python ints used as bitsets. LALR and nothing stronger, because the rows also say what a
contextual lexer looks for, and that has to be what lark's parser would accept there.

Out: flat int32 arrays (`Tables`). A cell of the action table may hold several actions: where a grammar is not LALR(1)
the parser follows all of them, so a conflict changes the cost and never the language.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from treadle.errors import LimitExceeded
from treadle.grammar.cfg import Cfg

Int32 = NDArray[np.int32]

#: The action that ends a text.
ACCEPT: Final = 1 << 30
#: Most LR states of one grammar.
STATE_LIMIT: Final = 200_000


@dataclass(frozen=True, slots=True)
class Tables:
    """Rows of LR states. Terminal `len(terminals)` is the end of the text."""

    #: int32[states + 1]: first action entry of each state; entries are sorted by terminal.
    row: Int32
    #: int32[entries]: terminal of an entry, and int32[entries + 1]: its first action.
    terminal: Int32
    first_action: Int32
    #: int32[actions]: a state to shift to, ~production to reduce by, or ACCEPT.
    action: Int32
    #: int32[states + 1], int32[gotos], int32[gotos]: rules and the states behind them, sorted by rule.
    goto_row: Int32
    goto_rule: Int32
    goto_state: Int32
    #: int32[productions]: length of the body, and the rule (0-based).
    length: Int32
    head: Int32
    #: Kernel items of each state as (production, dot), flat: int32[states + 1], int32[items, 2].
    item_row: Int32
    items: Int32
    conflicts: int

    @property
    def states(self) -> int:
        return len(self.row) - 1


def tables(cfg: Cfg) -> Tables:
    """Raises LimitExceeded for a grammar with more than STATE_LIMIT states."""
    return _Construction(cfg).tables()


class _Construction:
    def __init__(self, cfg: Cfg) -> None:
        self.terminals = len(cfg.terminals)
        self.end = self.terminals
        self.rules = len(cfg.rule_names)
        #: Production 0 is the start: START' -> start.
        self.start_rule = self.rules
        self.heads = [self.start_rule] + [p.head - self.terminals for p in cfg.productions]
        self.bodies: list[tuple[int, ...]] = [(cfg.start,)] + [p.body for p in cfg.productions]
        self.of_rule: list[list[int]] = [[] for _ in range(self.rules + 1)]
        for number, head in enumerate(self.heads):
            self.of_rule[head].append(number)
        #: item = base[production] + dot
        self.base: list[int] = []
        self.symbol_at: list[int] = []
        self.owner: list[int] = []
        for number, body in enumerate(self.bodies):
            self.base.append(len(self.symbol_at))
            self.symbol_at += [*body, -1]
            self.owner += [number] * (len(body) + 1)
        self.nullable = self._nullable()
        self._corner: dict[int, list[int]] = {}
        self._item_sets()

    def _nullable(self) -> list[bool]:
        found = [False] * (self.rules + 1)
        changed = True
        while changed:
            changed = False
            for head, body in zip(self.heads, self.bodies, strict=True):
                if not found[head] and all(s >= self.terminals and found[s - self.terminals] for s in body):
                    found[head] = changed = True
        return found

    def _corner_items(self, rule: int) -> list[int]:
        """Items that a rule in front of the dot brings along."""
        known = self._corner.get(rule)
        if known is None:
            seen, todo, items = {rule}, [rule], []
            while todo:
                for production in self.of_rule[todo.pop()]:
                    items.append(self.base[production])
                    body = self.bodies[production]
                    if (
                        body
                        and body[0] >= self.terminals
                        and (next_rule := body[0] - self.terminals) not in seen
                    ):
                        seen.add(next_rule)
                        todo.append(next_rule)
            known = self._corner[rule] = items
        return known

    def _closure(self, kernel: tuple[int, ...]) -> Iterable[int]:
        yield from kernel
        seen: set[int] = set(kernel)
        for item in kernel:
            symbol = self.symbol_at[item]
            if symbol >= self.terminals:
                for new in self._corner_items(symbol - self.terminals):
                    if new not in seen:
                        seen.add(new)
                        yield new

    def _item_sets(self) -> None:
        start: tuple[int, ...] = (self.base[0],)
        numbers: dict[tuple[int, ...], int] = {start: 0}
        self.kernels = [start]
        self.moves: list[dict[int, int]] = []
        #: Productions that are complete in a state.
        self.complete: list[list[int]] = []
        done = 0
        while done < len(self.kernels):
            behind: dict[int, set[int]] = {}
            complete = []
            for item in self._closure(self.kernels[done]):
                symbol = self.symbol_at[item]
                if symbol < 0:
                    complete.append(self.owner[item])
                else:
                    behind.setdefault(symbol, set()).add(item + 1)
            moves = {}
            for symbol, items in behind.items():
                kernel = tuple(sorted(items))
                number = numbers.get(kernel)
                if number is None:
                    number = numbers[kernel] = len(self.kernels)
                    if number >= STATE_LIMIT:
                        raise LimitExceeded(
                            "the grammar has too many parser states", limit="states", value=STATE_LIMIT
                        )
                    self.kernels.append(kernel)
                moves[symbol] = number
            self.moves.append(moves)
            self.complete.append(complete)
            done += 1

    def _lookaheads(self) -> dict[tuple[int, int], int]:
        """(state, production) -> bitset of the terminals that may follow it there."""
        terminals = self.terminals
        number = {
            (state, symbol): k
            for k, (state, symbol) in enumerate(
                (state, symbol)
                for state, moves in enumerate(self.moves)
                for symbol in moves
                if symbol >= terminals
            )
        }
        direct = [0] * len(number)
        reads: list[list[int]] = [[] for _ in number]
        for (state, symbol), k in number.items():
            behind = self.moves[state][symbol]
            for after in self.moves[behind]:
                if after < terminals:
                    direct[k] |= 1 << after
                elif self.nullable[after - terminals]:
                    reads[k].append(number[behind, after])
            if state == 0 and symbol == self.bodies[0][0]:
                direct[k] |= 1 << self.end
        read = _digraph(direct, reads)
        includes: list[list[int]] = [[] for _ in number]
        lookback: dict[tuple[int, int], list[int]] = {}
        for (state, symbol), k in number.items():
            for production in self.of_rule[symbol - terminals]:
                body = self.bodies[production]
                tail_nullable = [True] * (len(body) + 1)
                for i in range(len(body) - 1, -1, -1):
                    s = body[i]
                    tail_nullable[i] = (
                        tail_nullable[i + 1] and s >= terminals and self.nullable[s - terminals]
                    )
                here = state
                for i, s in enumerate(body):
                    if s >= terminals and tail_nullable[i + 1]:
                        includes[number[here, s]].append(k)
                    here = self.moves[here][s]
                lookback.setdefault((here, production), []).append(k)
        follow = _digraph(read, includes)
        found: dict[tuple[int, int], int] = {}
        for place, sources in lookback.items():
            bits = 0
            for k in sources:
                bits |= follow[k]
            found[place] = bits
        return found

    def tables(self) -> Tables:
        lookaheads = self._lookaheads()
        row: list[int] = [0]
        terminal: list[int] = []
        first_action: list[int] = []
        action: list[int] = []
        goto_row, goto_rule, goto_state = [0], [], []
        item_row, items = [0], []
        conflicts = 0
        for state, moves in enumerate(self.moves):
            cells: dict[int, list[int]] = {s: [target] for s, target in moves.items() if s < self.terminals}
            for production in self.complete[state]:
                if production == 0:
                    cells.setdefault(self.end, []).append(ACCEPT)
                    continue
                bits = lookaheads.get((state, production), 0)
                while bits:
                    low = bits & -bits
                    cells.setdefault(low.bit_length() - 1, []).append(~(production - 1))
                    bits ^= low
            for t in sorted(cells):
                terminal.append(t)
                first_action.append(len(action))
                action += cells[t]
                conflicts += len(cells[t]) > 1
            row.append(len(terminal))
            for s in sorted(s for s in moves if s >= self.terminals):
                goto_rule.append(s - self.terminals)
                goto_state.append(moves[s])
            goto_row.append(len(goto_rule))
            for item in self.kernels[state]:
                production = self.owner[item]
                items.append((production - 1, item - self.base[production]))
            item_row.append(len(items))
        first_action.append(len(action))
        lists = (row, terminal, first_action, action, goto_row, goto_rule, goto_state)
        arrays = [np.array(one, np.int32) for one in lists]
        return Tables(
            arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], arrays[5], arrays[6],
            np.array([len(body) for body in self.bodies[1:]], np.int32),
            np.array(self.heads[1:], np.int32),
            np.array(item_row, np.int32),
            np.array(items, np.int32).reshape(-1, 2),
            conflicts,
        )  # fmt: skip


def _digraph(values: list[int], edges: list[list[int]]) -> list[int]:
    """Union of `values` over everything reachable (DeRemer and Pennello, figure 2), without recursion."""
    result = values.copy()
    depth = [0] * len(values)
    done = 1 << 60
    stack: list[int] = []
    for root in range(len(values)):
        if depth[root]:
            continue
        calls = [(root, 0)]
        stack.append(root)
        depth[root] = len(stack)
        entered = {root: len(stack)}
        while calls:
            node, index = calls[-1]
            if index < len(edges[node]):
                calls[-1] = (node, index + 1)
                below = edges[node][index]
                if not depth[below]:
                    stack.append(below)
                    depth[below] = entered[below] = len(stack)
                    calls.append((below, 0))
                else:
                    depth[node] = min(depth[node], depth[below])
                    result[node] |= result[below]
                continue
            calls.pop()
            if depth[node] == entered[node]:
                while True:
                    top = stack.pop()
                    depth[top] = done
                    result[top] = result[node]
                    if top == node:
                        break
            if calls:
                above = calls[-1][0]
                depth[above] = min(depth[above], depth[node])
                result[above] |= result[node]
    return result
