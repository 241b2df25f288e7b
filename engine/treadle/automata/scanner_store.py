"""A scanner as arrays and back: what one process found out about the terminals of a grammar, for the next one.

What kernels read (rows, transitions, conditions) comes back as it was, with the same numbers of states. What the
scanner grows by (the terminals' machines, the key of each state) is only unpacked when something is asked that was not
known, and a machine's pattern is only read where a state of it was never read from. Such a machine is made anew and
followed along what is known, since its own numbers depend on what it is asked first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from treadle.automata import parse_layout as at
from treadle.automata.scanner import ROW, START, CharMachine, Partial, Scanner
from treadle.grammar.charset import CharSet
from treadle.grammar.preferred import Ahead, Edges, Machine, Program

Arrays = dict[str, NDArray[Any]]
#: Reads a terminal's pattern.
Reader = Callable[[int], Program]
_UNREAD: Final = -1


class KeptMachine:
    """A machine that is known in part (scanner.CharMachine)."""

    def __init__(self, read: Callable[[], Program]) -> None:
        self._read = read
        self._real: Machine | None = None
        #: States of this machine as numbers of the real one, and the other way round.
        self._real_states: list[int] = []
        self._own_states: dict[int, int] = {}
        self.known: list[Edges | None] = []
        self.flag: list[bool] = []
        self.live: list[bool] = []
        self.condition: list[Ahead | None] = []

    def edges(self, state: int) -> Edges:
        known = self.known[state]
        if known is None:
            real = self._machine()
            known = self.known[state] = tuple(
                (low, high, self._own_state(real, target))
                for low, high, target in real.edges(self._real_states[state])
            )
        return known

    def _own_state(self, real: Machine, number: int) -> int:
        own = self._own_states.get(number)
        if own is None:
            own = self._own_states[number] = len(self.known)
            self._real_states.append(number)
            self.known.append(None)
            self.flag.append(real.flag[number])
            self.live.append(real.live[number])
            self.condition.append(real.condition[number])
        return own

    def _machine(self) -> Machine:
        """The machine of the pattern, followed along the edges that are known."""
        if self._real is None:
            real = self._real = Machine(self._read())
            self._real_states = [0] * len(self.known)
            self._own_states = {0: 0}
            reached = [0]
            for own in reached:
                for (*_, target), (*_, number) in zip(
                    self.known[own] or (),
                    real.edges(self._real_states[own]) if self.known[own] else (),
                    strict=True,
                ):
                    if number not in self._own_states:
                        self._own_states[number] = target
                        self._real_states[target] = number
                        reached.append(target)
        return self._real


class KeptScanner(Scanner):
    """A scanner that unpacks what it needs to grow when it grows."""

    def __init__(self, arrays: Arrays, read: Reader) -> None:
        self.terminals, self.words = (int(x) for x in arrays["facts"])
        self._embedded = {}
        self._arrays: Arrays | None = arrays
        self._reader = read
        self._known_states = len(arrays["rows"])
        room = 64 + len(arrays["rows"]) * 3 // 2
        self.rows = np.zeros((room, at.SCAN_HEAD + 2 * self.words), np.int32)
        self.next_rows = np.zeros((room, 256), np.int32)
        self.rows[: self._known_states] = arrays["rows"]
        self.next_rows[: self._known_states] = arrays["next"]
        self.condition_rows = arrays["conditions"].tolist()
        flags = np.ascontiguousarray(arrays["rows"][:, at.SCAN_HEAD :])
        self.flags = [int.from_bytes(row.tobytes(), "little") for row in flags[:, : self.words]]
        self.live = [int.from_bytes(row.tobytes(), "little") for row in flags[:, self.words :]]

    @property
    def states(self) -> int:
        return self._known_states if self._arrays is not None else len(self._keys)

    def row(self, state: int, byte: int) -> dict[int, int]:
        self.wake()
        return super().row(state, byte)

    def close(self, most: int) -> None:
        """What was kept had been closed as far as that is allowed."""

    def wake(self) -> None:
        """Unpack what states are made of."""
        arrays = self._arrays
        if arrays is None:
            return
        self._machines = _machines(arrays, self._reader)
        self._wide, self._alike, self._led, self._ascii = {}, {}, {}, {}
        items = list(map(tuple, arrays["items"].tolist()))
        bounds = arrays["item_row"].tolist()
        partials: list[Partial] = list(map(tuple, arrays["partials"].tolist()))
        self._keys = [
            (partial, tuple(items[first:last]))
            for partial, (first, last) in zip(partials, pairwise(bounds), strict=True)
        ]
        self._numbers, self._rows = {}, {}
        for number, key in enumerate(self._keys):
            if key[0][1] == ROW:
                self._rows[self.next_rows[number, 0x80:0xC0].tobytes()] = number
            elif number > START:
                self._numbers[key] = number
        self._arrays = None


def dump(scanner: Scanner) -> Arrays | None:
    """A scanner whose machines are all of patterns; None for others."""
    if isinstance(scanner, KeptScanner):
        scanner.wake()
    if scanner._embedded or not all(
        machine is None or isinstance(machine, Machine | KeptMachine) for machine in scanner._machines
    ):
        return None
    count = scanner.states
    items = [item for _, some in scanner._keys for item in some]
    return {
        "facts": np.array([scanner.terminals, scanner.words], np.int32),
        "rows": scanner.rows[:count], "next": scanner.next_rows[:count],
        "conditions": _table(scanner.condition_rows, at.CONDITION_WIDTH),
        "partials": _table([partial for partial, _ in scanner._keys], 3),
        "items": _table(items, 2), "item_row": _bounds([len(some) for _, some in scanner._keys]),
        **_machine_arrays(scanner._machines),
    }  # fmt: skip


def _machine_arrays(machines: Sequence[CharMachine | None]) -> Arrays:
    counts: list[int] = []
    states: list[tuple[int, int, int, int, int]] = []
    edges: list[tuple[int, int, int]] = []
    ranges: list[tuple[int, int]] = []
    for machine in machines:
        known: list[Edges | None] = []
        if machine is not None:
            known = machine.known if isinstance(machine, KeptMachine) else machine._edges  # type: ignore[attr-defined]
            for state, found in enumerate(known):
                ahead = machine.condition[state]
                bounds = ahead.charset.ranges if ahead is not None else ()
                at_end = -1 if ahead is None else int(ahead.at_end)
                size = _UNREAD if found is None else len(found)
                states.append((machine.flag[state], machine.live[state], size, at_end, len(bounds)))
                edges += found or ()
                ranges += bounds
        counts.append(len(known) if machine is not None else _UNREAD)
    return {
        "machines": np.array(counts, np.int32), "machine_states": _table(states, 5), "edges": _table(edges, 3),
        "ranges": _table(ranges, 2),
    }  # fmt: skip


def _machines(arrays: Arrays, read: Reader) -> list[CharMachine | None]:
    states = iter(arrays["machine_states"].tolist())
    edges = iter(map(tuple, arrays["edges"].tolist()))
    ranges = iter(map(tuple, arrays["ranges"].tolist()))
    found: list[CharMachine | None] = []
    for terminal, count in enumerate(arrays["machines"].tolist()):
        if count == _UNREAD:
            found.append(None)
            continue
        machine = KeptMachine(lambda terminal=terminal: read(terminal))  # type: ignore[misc]
        for _ in range(count):
            flag, live, size, at_end, bounds = next(states)
            machine.flag.append(bool(flag))
            machine.live.append(bool(live))
            machine.known.append(None if size == _UNREAD else tuple(next(edges) for _ in range(size)))
            charset = CharSet.of([next(ranges) for _ in range(bounds)])
            machine.condition.append(None if at_end < 0 else Ahead(charset, bool(at_end)))
        found.append(machine)
    return found


def _table(rows: Sequence[Sequence[int]], width: int) -> NDArray[np.int32]:
    return np.array(rows, np.int32).reshape(-1, width)


def _bounds(sizes: Sequence[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *sizes])
