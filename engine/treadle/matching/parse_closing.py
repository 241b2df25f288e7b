"""A short way to the end of a parse: lexeme by lexeme along exact costs of stacks, checked by reading it.

What a stack still needs is a sum over what is open on it: the cheapest way to finish one of its items, then the rule
that was waiting for it, and so on down to the bottom. Those costs are exact in the grammar's terms (least bytes of
every terminal, Knuth's generalisation of Dijkstra's algorithm for rules, 1977), kept for every stack, and followed
greedily. What they leave out is the lexer: two lexemes that would melt into one get an ignored lexeme between them.
The text found is read by the automaton before it is believed; where that fails, A* over bytes with the same costs
takes over.
"""

from __future__ import annotations

import heapq
from typing import Final

import numpy as np

from treadle.automata import parse_kernels as kernels
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.automata.scanner import START
from treadle.errors import LimitExceeded, UnsatisfiableConstraint

#: Most states that the search over bytes expands.
EXPANSIONS: Final = 5_000
#: Most lexemes of a completion.
LEXEMES: Final = 100_000
NEVER: Final = 1 << 30


class ParseCloser:
    """Short completions of states, in bytes. Shares the automaton's lock."""

    def __init__(self, automaton: ParseAutomaton, limit: int = EXPANSIONS) -> None:
        self._automaton = automaton
        self._limit = limit
        self._known: dict[int, bytes] = {}
        lr, cfg = automaton.tables.lr, automaton.tables.cfg
        self._cfg = cfg
        self._bodies = [production.body for production in cfg.productions]
        self._heads = lr.head.tolist()
        self._items = [
            [tuple(item) for item in lr.items[lr.item_row[s] : lr.item_row[s + 1]].tolist()]
            for s in range(lr.states)
        ]
        self._moves: list[dict[int, int]] | None = None
        self._texts: list[bytes | None] | None = None
        self._least: list[int] = []
        #: Stack -> cost of each state on top of it.
        self._levels: dict[int, dict[int, int]] = {}

    def closing(self, state: int) -> bytes:
        """Bytes that complete a state. Raises LimitExceeded or UnsatisfiableConstraint."""
        with self._automaton.lock:
            known = self._known.get(state)
            if known is None:
                self._prepare()
                known = self._along_costs(state)
                if known is None:
                    known = self._search(state)
                self._remember(state, known)
            return known

    def _remember(self, state: int, data: bytes) -> None:
        """Every state on the way has the rest of the way."""
        self._known[state] = data
        for k, byte in enumerate(data):
            state = self._automaton.step(state, byte)
            if self._automaton.is_accepting(state) and k + 1 < len(data):
                break
            self._known.setdefault(state, data[k + 1 :])

    # -- costs -------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        if self._texts is not None:
            return
        lr, cfg = self._automaton.tables.lr, self._cfg
        self._texts = [self._shortest_lexeme(t) for t in range(len(cfg.terminals))]
        if cfg.indentation:
            self._texts[cfg.indentation.indent] = self._texts[cfg.indentation.dedent] = b""
            self._texts[cfg.indentation.newline] = b"\n"
        least = [NEVER if text is None else len(text) for text in self._texts]
        if cfg.indentation:
            # A deeper line takes a column at least.
            least[cfg.indentation.indent] = 1
        least += [NEVER] * len(cfg.rule_names)
        changed = True
        while changed:
            changed = False
            for production in cfg.productions:
                cost = min(NEVER, sum(least[s] for s in production.body))
                if cost < least[production.head]:
                    least[production.head] = cost
                    changed = True
        self._least = least
        self._moves = []
        rules = len(cfg.terminals)
        for s in range(lr.states):
            moves = {}
            for e in range(lr.row[s], lr.row[s + 1]):
                for action in lr.action[lr.first_action[e] : lr.first_action[e + 1]].tolist():
                    if 0 <= action < 1 << 30:
                        moves[int(lr.terminal[e])] = action
            for e in range(lr.goto_row[s], lr.goto_row[s + 1]):
                moves[rules + int(lr.goto_rule[e])] = int(lr.goto_state[e])
            self._moves.append(moves)

    def _shortest_lexeme(self, terminal: int) -> bytes | None:
        """The shortest lexeme of a terminal that the scanner takes for it, whatever else could come."""
        if terminal in self._cfg.declared:
            return None
        return self._shortest_from(START, 1 << terminal, terminal)

    def _shortest_from(self, scan: int, wanted: int, terminal: int) -> bytes | None:
        """The shortest bytes from a scanner state to one that flags `terminal`: breadth first over the scanner."""
        scanner = self._automaton._scanner
        seen = {scan}
        queue = [(scan, b"")]
        covered = [k for k, r in self._cfg.keywords if r == terminal]
        index = 0
        while index < len(queue) and index < self._limit:
            q, path = queue[index]
            index += 1
            for byte in _BYTES:
                target = scanner.next(q, byte)
                if target in seen or target <= 1:
                    continue
                seen.add(target)
                ended = scanner.flags[target] | scanner.conditional(target)
                if ended & wanted and not any(ended >> k & 1 for k in covered):
                    return path + bytes([byte])
                if scanner.live[target] & wanted:
                    queue.append((target, path + bytes([byte])))
        return None

    def _row(self, n: int) -> list[int]:
        """A row of the automaton's stacks: state, what is below, and a third column."""
        row: list[int] = self._automaton.memory.rows(at.AT_NODES, n, 1)[0].tolist()
        return row

    def _stacks(self, ground: int) -> list[int]:
        """Every stack of a ground (automata/ground_kernels.py)."""
        found = []
        pending = [ground] if ground else []
        while pending:
            state, first, others = self._row(n := pending.pop())
            if state >= 0:
                found.append(n)
            else:
                pending += [first] if others == 0 else [others, first]
        return found

    def _below(self, stacks: list[int]) -> list[int]:
        grounds = dict.fromkeys(self._row(n)[at.NODE_BELOW] for n in stacks)
        return list(dict.fromkeys(n for ground in grounds for n in self._stacks(ground)))

    def _cost(self, n: int) -> int:
        """Least bytes that stack n needs to be complete."""
        bases = self._below([n])
        if not bases:
            return self._least[self._cfg.start]
        unknown, pending = set(), bases.copy()
        while pending:
            base = pending.pop()
            if base not in self._levels and base not in unknown:
                unknown.add(base)
                pending += self._below([base])
        # What is below a stack was made before it.
        for base in sorted(unknown):
            self._levels[base] = self._level(base)
        state = self._row(n)[at.NODE_STATE]
        return min(self._levels[base].get(state, NEVER) for base in bases)

    def _level(self, base: int) -> dict[int, int]:
        """Cost of every state that can stand on stack `base`."""
        assert self._moves is not None
        here = self._row(base)[at.NODE_STATE]
        costs = dict.fromkeys(self._moves[here].values(), NEVER)
        fixed: dict[int, list[tuple[int, int]]] = {s: [] for s in costs}
        best = costs.copy()
        for s in costs:
            for production, dot in self._items[s]:
                if production < 0:
                    best[s] = 0
                    continue
                tail = min(NEVER, sum(self._least[x] for x in self._bodies[production][dot:]))
                symbol = len(self._cfg.terminals) + self._heads[production]
                if dot == 1:
                    fixed[s].append((tail, self._moves[here].get(symbol, -1)))
                    continue
                below = [base]
                for _ in range(dot - 1):
                    below = self._below(below)
                for stack in below:
                    target = self._moves[self._row(stack)[at.NODE_STATE]].get(symbol, -1)
                    if target >= 0:
                        best[s] = min(best[s], tail + self._levels[stack].get(target, NEVER))
        changed = True
        while changed:
            changed = False
            for s, ways in fixed.items():
                for tail, target in ways:
                    if tail + best.get(target, NEVER) < best[s]:
                        best[s] = tail + best[target]
                        changed = True
        return best

    def _bundle_cost(self, bundle: int) -> int:
        found = NEVER
        while bundle:
            n, bundle = self._automaton.memory.rows(at.AT_BUNDLES, bundle, 1)[0, :2].tolist()
            found = min(found, self._cost(n))
        return found

    # -- along the costs ---------------------------------------------------------------------------------

    def _along_costs(self, state: int) -> bytes | None:
        """The completion that the costs lead to, if reading it agrees."""
        frontier = self._automaton.frontier(state).tolist()
        options = []
        for config in frontier:
            if config[at.CFG_SCAN] == START:
                options.append((self._bundle_cost(config[at.CFG_BUNDLE]), b"", config[at.CFG_BUNDLE]))
                continue
            options += self._lexeme_ends(config)
        for _, data, bundle in sorted(options)[:8]:
            found = self._go_on(state, data, bundle)
            if found is not None:
                return found
        return None

    def _lexeme_ends(self, config: list[int]) -> list[tuple[int, bytes, int]]:
        """(cost, bytes to the end of the lexeme, bundle behind it) for the terminals that a lexeme may become."""
        scan, bundle, won = config[at.CFG_SCAN], config[at.CFG_BUNDLE], config[at.CFG_WON]
        found = []
        live = self._automaton._scanner.live[scan]
        looked_for = self._automaton._set_bits[
            int(self._automaton.memory.rows(at.AT_BUNDLES, bundle, 1)[0, at.BND_SET])
        ][1]
        bits = live & looked_for
        while bits:
            terminal = (bits & -bits).bit_length() - 1
            bits &= bits - 1
            if 0 <= won < terminal:
                break
            rest = self._shortest_from(scan, 1 << terminal, terminal)
            if rest is None:
                continue
            for data, behind in self._behind(bundle, terminal, rest, config[at.CFG_COLUMN]):
                found.append((len(data) + self._bundle_cost(behind), data, behind))
        return found

    def _behind(self, bundle: int, terminal: int, data: bytes, column: int) -> list[tuple[bytes, int]]:
        """A lexeme and the bundle behind it; for the end of a line, one for each sensible column of the next."""
        indentation = self._cfg.indentation
        if indentation is None or terminal != indentation.newline:
            reached = self._shift(bundle, terminal, 0)
            return [(data, reached)] if reached >= at.FIRST else []
        block = int(self._automaton.memory.rows(at.AT_BUNDLES, bundle, 1)[0, at.BND_BLOCK])
        width, brackets, outer = self._automaton.memory.rows(at.AT_BLOCKS, block, 1)[0].tolist()
        if brackets:
            return [(data, bundle)]
        columns = [width + 1, width]
        while outer:
            width, _, outer = self._automaton.memory.rows(at.AT_BLOCKS, outer, 1)[0].tolist()
            columns.append(width)
        found = []
        for wanted in columns:
            reached = self._shift(bundle, terminal, wanted)
            if reached < at.FIRST:
                continue
            if b"\n" not in data and wanted >= column:
                found.append((data + b" " * (wanted - column), reached))
            # What ends a line may be a comment, behind which a line has to begin all the same.
            line = data if b"\n" in data else data + b"\n"
            found.append((line + b" " * wanted, reached))
        return found

    def _shift(self, bundle: int, terminal: int, column: int) -> int:
        return self._automaton.complete(lambda m: int(kernels.behind_bundle(m, bundle, terminal, column)))

    def _go_on(self, state: int, data: bytes, bundle: int) -> bytes | None:
        assert self._texts is not None
        out = bytearray(data)
        reached = self._automaton.run(state, data) if data else state
        for _ in range(LEXEMES):
            if reached == at.DEAD:
                return None
            if self._automaton.is_accepting(reached):
                return bytes(out)
            best: tuple[int, bytes, int] | None = None
            for terminal in self._shiftable(bundle):
                text = self._texts[terminal]
                if text is None:
                    continue
                for lexeme, behind in self._behind(bundle, terminal, text, 0):
                    cost = len(lexeme) + self._bundle_cost(behind)
                    if behind != bundle and (best is None or cost < best[0]):
                        best = (cost, lexeme, behind)
            if best is None:
                return None
            _, lexeme, bundle = best
            for between in (b"", *self._ignorable()):
                after = self._automaton.run(reached, between + lexeme)
                if after != at.DEAD and self._leads_to(after, bundle):
                    out += between + lexeme
                    reached = after
                    break
            else:
                return None
        return None

    def _ignorable(self) -> list[bytes]:
        assert self._texts is not None
        found = (self._texts[t] for t in sorted(self._cfg.ignored))
        return sorted({text for text in found if text is not None}, key=len)

    def _leads_to(self, state: int, bundle: int) -> bool:
        return any(config[at.CFG_BUNDLE] == bundle for config in self._automaton.frontier(state).tolist())

    def _shiftable(self, bundle: int) -> list[int]:
        accepted = int(self._automaton.memory.rows(at.AT_BUNDLES, bundle, 1)[0, at.BND_SET])
        bits = self._automaton._set_bits[accepted][0]
        return [t for t in range(len(self._cfg.terminals)) if bits >> t & 1 and t not in self._cfg.ignored]

    # -- the search over bytes -----------------------------------------------------------------------------

    def _search(self, start: int) -> bytes:
        """Best first over bytes, by the cost of bundles: finds what lies beside the cheapest way."""
        parents: dict[int, tuple[int, int]] = {}
        cost = {start: 0}
        queue = [(0, 0, start)]
        successors = np.empty(256, np.int64)
        expanded = 0
        while queue and expanded < self._limit:
            _, negative, state = heapq.heappop(queue)
            if self._automaton.is_accepting(state):
                path = bytearray()
                while state != start:
                    state, byte = parents[state]
                    path.append(byte)
                return bytes(reversed(path))
            if -negative > cost[state]:
                continue
            expanded += 1
            self._automaton.successors(state, successors)
            targets, first = np.unique(successors, return_index=True)
            for target, byte in zip(targets.tolist(), first.tolist(), strict=True):
                new = cost[state] + 1
                if target != at.DEAD and new < cost.get(target, NEVER):
                    cost[target] = new
                    parents[target] = state, byte
                    left = min(
                        self._bundle_cost(c[at.CFG_BUNDLE]) for c in self._automaton.frontier(target).tolist()
                    )
                    heapq.heappush(queue, (new + 2 * left, -new, target))
        if not queue:
            raise UnsatisfiableConstraint("nothing completes this text: it came to a dead end")
        raise LimitExceeded("no completion was found", limit="closing", value=self._limit)


#: Bytes in the order in which a completion prefers them: letters, digits, what else is printed, the rest.
_BYTES: Final = (
    *range(0x61, 0x7B), *range(0x30, 0x3A), 0x20, *range(0x21, 0x30), *range(0x3A, 0x61), *range(0x7B, 0x7F), 0x0A,
    *range(0x20), *range(0x7F, 0x100),
)  # fmt: skip
