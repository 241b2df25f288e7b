"""The shortest way to the end: from a state to bytes, from bytes to the fewest tokens.

`Closer` searches the byte automaton with A* (Hart, Nilsson & Raphael 1968). The estimate is the least number of bytes
that any configuration of the frontier still needs: what its own rule needs, and what every return position on its
stack needs, which is kept beside each stack node. Where that estimate is exact, which is nearly always, the search
walks straight to the end. Every state on a way found is remembered, so decoding pays for the difference only.

`fewest_tokens` spells given bytes with the fewest tokens: dynamic programming over the text, exact.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from treadle.automata import layout as at
from treadle.automata.byte_automaton import EVERY_BYTE, ByteAutomaton
from treadle.errors import LimitExceeded, UnsatisfiableConstraint, VocabularyMismatch
from treadle.matching import kernels
from treadle.matching.token_tables import TokenTables

#: Most states that one search may expand.
EXPANSIONS = 5_000
#: Expansions after which the estimate gets more weight: then any completion is better than the shortest.
_GREEDY_AFTER = 500
_GREEDY = 4
#: Expansions at one place of the rules that bring the end no nearer.
_TRIES = 12
#: States that a search expands before it leaves the way that the twin goes, and how often it does so in a row.
_NEAR = 300
_DETOURS = 64
#: Listed names that an estimate looks at.
_LISTED = 64
_WHITE = frozenset(b" \t\r\n")
_PLACE = [at.CFG_POS, at.CFG_LOW, at.CFG_HIGH, at.CFG_DECODE]


#: Bytes still to come of a character in each mode of the decoder, less the one that `shortest` may count for it.
_UNDECODED = {
    at.D_UTF2: 1,
    at.D_UTF2 + 16: 1,
    at.D_UTF3: 2,
    at.D_HEX4: 3,
    at.D_HEX3: 2,
    at.D_HEX2: 1,
    at.D_LOW_SLASH: 5,
    at.D_LOW_U: 4,
    at.D_LOW_D: 3,
    at.D_LOW_3: 2,
    at.D_LOW_2: 1,
}


@dataclass
class _Effort:
    """What a search has tried at one place of the rules."""

    #: Least bytes needed behind the place, and in all.
    nearest: tuple[int, int] = (1 << 60, 0)
    #: Visits that brought the end no nearer.
    tries: int = 0


class Closer:
    """Shortest known completions of states, in bytes. Shares the automaton's lock."""

    def __init__(self, automaton: ByteAutomaton, limit: int = EXPANSIONS) -> None:
        self._automaton = automaton
        self._limit = limit
        self._unusable = np.array(sorted(EVERY_BYTE - automaton.usable), np.int64)
        self._known: dict[int, bytes] = {}
        #: Bytes taken in a row that the twin's way does not take.
        self._detours = 0
        #: Whether the last search left out a state that might have led to the end.
        self._gave_up = False

    def closing(self, state: int) -> bytes:
        """The fewest bytes that lead from `state` to acceptance (the fewest found, in a long search).

        Raises LimitExceeded (option `closing`) where none was found, UnsatisfiableConstraint where there is none.
        """
        known = self._known.get(state)
        if known is None:
            with self._automaton.lock:
                known = self._found(state)
        return known

    def _found(self, state: int) -> bytes:
        # Where names and items are not recorded there are far fewer states, and many states share a search; what
        # is found there can only fail by repeating a name or item.
        twin = self._automaton.anonymous(state)
        found = self._known.get(twin)
        if found is None:
            found = self._search(twin)
        if not self._leads_to_an_end(state, found):
            found = self._repaired(state, found)
        self._known[state] = found
        return found

    def _leads_to_an_end(self, state: int, found: bytes) -> bool:
        end = self._automaton.run(state, found)
        return end != at.DEAD and self._automaton.is_accepting(end)

    def _repaired(self, state: int, found: bytes) -> bytes:
        """A completion that follows the twin's as far as it goes, and then another.

        An item that must equal an earlier one is where that matters: which it is, is known only behind the earlier
        one, and a search that begins in front of that would try value after value.
        """
        reached, length = state, 0
        for byte in found:
            target = self._automaton.step(reached, byte)
            if target == at.DEAD:
                break
            reached, length = target, length + 1
        if not length:
            return self._around(state)
        try:
            return found[:length] + self.closing(reached)
        except (LimitExceeded, UnsatisfiableConstraint):
            # The twin's way was wrong before it was refused.
            return self._search(state)

    def _around(self, state: int) -> bytes:
        """A completion of a state where the twin's next byte is refused: the shortest, or one behind another byte."""
        found = self._search_patiently(state, 1, _NEAR)
        if found is not None:
            return found
        if self._detours < _DETOURS:
            self._detours += 1
            try:
                successors = self._successors(state, np.empty(256, np.int64))
                byte, target = min(successors, key=lambda one: (self._left(one[1]), one))
                return bytes([byte]) + self.closing(target)
            except (LimitExceeded, UnsatisfiableConstraint):
                pass
            finally:
                self._detours -= 1
        return self._search(state)

    def _search(self, start: int) -> bytes:
        found = self._search_patiently(start, 1)
        if found is None:
            found = self._dive(start)
        if found is None:
            found = self._search_patiently(start, 10)
        if found is not None:
            return found
        raise LimitExceeded("no completion was found", limit="closing", value=10 * self._limit)

    def _search_patiently(self, start: int, patience: int, limit: int = 0) -> bytes | None:
        """The completion found, or None where the search gave up.

        Raises UnsatisfiableConstraint where there is none.
        """
        self._gave_up = False
        parents: dict[int, tuple[int, int]] = {}
        cost = {start: 0}
        queue = [(self._estimate(start), 0, start)]
        expanded = 0
        successors = np.empty(256, np.int64)
        effort: dict[bytes, _Effort] = {}
        limit = limit or patience * self._limit
        while queue and expanded < limit:
            _, negative_cost, state = heapq.heappop(queue)
            if -negative_cost > cost[state]:
                continue
            if state in self._known or self._automaton.is_accepting(state):
                return self._remember(start, state, parents)
            if self._stale(state, effort, patience):
                self._gave_up = True
                continue
            expanded += 1
            weight = 1 if expanded < _GREEDY_AFTER else _GREEDY
            for byte, target in self._successors(state, successors):
                new = cost[state] + 1
                if new < cost.get(target, 1 << 60):
                    cost[target] = new
                    parents[target] = (state, byte)
                    # Among equal sums the deeper state first: a straight walk instead of a breadth-first flood.
                    heapq.heappush(queue, (new + weight * self._left(target), -new, target))
        if not queue and not self._gave_up:
            raise UnsatisfiableConstraint(
                "nothing completes this text: it came to a dead end",
                expected="masks that lead nowhere only where compiled.report.inexact says so",
            )
        return None

    def _dive(self, start: int) -> bytes | None:
        """Some completion, depth first: where the estimate behind a value is far too low, everything in front of it
        looks better to a search that compares.

        Each state goes on with what looks nearest to the end; white space, which never brings it nearer, comes last.
        """
        parents: dict[int, tuple[int, int]] = {}
        seen: set[int] = set()
        stack = [(start, start, 0)]
        successors = np.empty(256, np.int64)
        while stack and len(seen) < self._limit:
            state, before, byte = stack.pop()
            if state in seen:
                continue
            seen.add(state)
            parents[state] = before, byte
            if state in self._known or self._automaton.is_accepting(state):
                return self._remember(start, state, parents)
            ways = self._successors(state, successors)
            white = _WHITE if self._is_gap(state) else frozenset()
            ways.sort(key=lambda way: (way[0] in white, self._left(way[1])), reverse=True)
            stack += [(target, state, byte) for byte, target in ways]
        return None

    def _is_gap(self, state: int) -> bool:
        _, kind, *_ = kernels.visit(self._automaton.memory.words, state)
        return bool(kind == kernels.GAPS)

    def _stale(self, state: int, effort: dict[bytes, _Effort], patience: int) -> bool:
        """Was this place of the rules tried often enough without getting nearer to the end?

        Where the estimate behind a value is too low, all values would be tried, nested ones too, before the search
        goes on; so a place is where the rules are, whatever is on the stack. Nearer is who needs less behind the
        place, be there more to write in it: the second of two equal members begins anew what the first one ended.
        """
        rows = self._automaton.frontier(state)
        frontier = rows[:, _PLACE]
        # A character being decoded is another place than the string it is in, wherever it comes from.
        frontier[:, -1] >>= at.DECODE_SHIFT
        known = effort.setdefault(frontier.tobytes(), _Effort())
        left = min(self._behind(stack) for stack in rows[:, at.CFG_STACK].tolist()), self._left(state)
        if left < known.nearest:
            known.nearest = left
            return False
        known.tries += 1
        return known.tries > patience * _TRIES

    def _behind(self, stack: int) -> int:
        """Least bytes that what is on the stack needs."""
        return int(self._automaton.memory.rows(at.AT_STACK, stack, 1)[0][at.STK_REST])

    def _left(self, state: int) -> int:
        known = self._known.get(state)
        return len(known) if known is not None else self._estimate(state)

    def _successors(self, state: int, out: np.ndarray) -> list[tuple[int, int]]:
        """(byte, state) for every distinct live successor, the first byte that leads there."""
        self._automaton.complete(lambda words: int(kernels.successors(words, state, out)))
        if self._unusable.size:
            # A character that some longer token began may go on with bytes that no token writes alone.
            out[self._unusable] = at.DEAD
        targets, first = np.unique(out, return_index=True)
        return [(int(b), int(t)) for t, b in zip(targets, first, strict=True) if t != at.DEAD]

    def _estimate(self, state: int) -> int:
        automaton = self._automaton
        if automaton.is_accepting(state):
            return 0
        return min(self._needs(row) for row in automaton.frontier(state).tolist())

    def _needs(self, config: list[int]) -> int:
        memory = self._automaton.memory
        position = memory.rows(at.AT_POSITIONS, config[at.CFG_POS], 1)[0].tolist()
        behind = self._behind(config[at.CFG_STACK])
        kind = position[at.POS_KIND]
        if kind not in (at.P_STRING, at.P_TEXT):
            return int(position[at.POS_REST]) + behind
        mode = config[at.CFG_DECODE] >> at.DECODE_SHIFT
        # The character that is being decoded is among the shortest completion's, or adds to it.
        left = self._automaton.shortest(config, position) + _UNDECODED.get(mode, 0)
        if position[at.POS_FLAGS] & at.F_OBJECT:
            return self._needs_in_name(config, position, left) + behind
        if position[at.POS_FLAGS] & at.F_KEYS:
            # REST is for the shortest name; what it counts behind the name is needed behind any.
            rest = position[at.POS_REST] - self._automaton.shortest_name(config[at.CFG_POS])
            return left + max(int(rest), 4) + behind
        then = int(memory.rows(at.AT_POSITIONS, position[at.POS_THEN], 1)[0][at.POS_REST])
        return left + (kind == at.P_STRING) + then + behind

    def _needs_in_name(self, config: list[int], position: list[int], left: int) -> int:
        """Least bytes of a member whose name is being written and of the bracket, less what `behind` counts of it.

        `behind` counts every required member as not begun yet.
        """
        memory = self._automaton.memory
        g = int(memory.rows(at.AT_STACK, config[at.CFG_STACK], 1)[0][at.STK_PROGRESS])
        number, count, missing = memory.rows(at.AT_PROGRESS, g, 1)[0][:3].tolist()
        _, info, _, least, _, _, fill, *_ = memory.rows(at.AT_OBJECTS, number, 1)[0].tolist()
        # Quote, colon, a byte of a value, and the bracket; a member that is to come anyway is counted with its comma.
        counted = fill + (count > 0) if least - count - missing > 0 else 0
        options = [left + 4 - counted]
        low, high = config[at.CFG_LOW], min(config[at.CFG_HIGH], config[at.CFG_LOW] + _LISTED)
        if low < high and missing:
            first = int(memory.rows(at.AT_LITERAL_SETS, position[at.POS_LITERALS], 1)[0, 0])
            offsets = memory.rows(at.AT_LITERAL_OFFSETS, low, high - low + 1)[:, 0]
            rows = memory.rows(at.AT_INFO, info + low - first, high - low)
            required = (rows[:, at.INFO_REQUIRED] > 0) & (rows[:, at.INFO_NEED] > 0)
            # Of a required member its name was counted as if nothing of it were read.
            read = config[at.CFG_COUNT] + 1 + (count > 0)
            options += [1 - read] if bool(required[np.diff(offsets) >= config[at.CFG_COUNT]].any()) else []
        return min(options)

    def _remember(self, start: int, end: int, parents: dict[int, tuple[int, int]]) -> bytes:
        path = self._known.get(end, b"")
        self._known[end] = path
        state = end
        while state != start:
            state, byte = parents[state]
            path = bytes([byte]) + path
            self._known[state] = path
        return path


def fewest_tokens(tables: TokenTables, data: bytes) -> list[int]:
    """The fewest tokens whose bytes are `data`. Raises VocabularyMismatch if no tokens spell it."""
    n = len(data)
    best: list[int | None] = [0] + [None] * n
    how: list[tuple[int, int]] = [(0, 0)] * (n + 1)
    by_bytes = tables.by_bytes
    for i in range(n):
        so_far = best[i]
        if so_far is None:
            continue
        for j in range(i + 1, min(n, i + tables.longest) + 1):
            token = by_bytes.get(data[i:j])
            known = best[j]
            if token is not None and (known is None or so_far + 1 < known):
                best[j] = so_far + 1
                how[j] = (i, token)
    if best[n] is None:
        raise VocabularyMismatch("no tokens of the vocabulary spell this completion", found=repr(data[:60]))
    tokens: list[int] = []
    while n:
        n, token = how[n]
        tokens.append(token)
    return tokens[::-1]
