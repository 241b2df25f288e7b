"""What a process may keep of what it has found: three named budgets, for all constraints together.

    rows         masks kept whole for each vocabulary (masks/pool.py): 16 kB each with Llama-3's
    transitions  states whose transitions are kept, 1 kB each: where more are visited, the automata that found nothing
                 new for longest forget theirs first
    states       states of one constraint, some 200 bytes each without their transitions: a constraint that has more
                 hands out matchers over a new automaton, and the old one goes with its last matcher

None of them takes anything from a live matcher. A state's number stands for its frontier, which stays; rows and
transitions are functions of it and are found again when they are asked for.

    from treadle.matching import budget
    budget.limit(rows=4096, transitions=1 << 16)
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from treadle.automata.byte_automaton import ByteAutomaton
from treadle.masks.pool import RowPool
from treadle.matching.token_tables import TokenTables


@dataclass(frozen=True)
class Budget:
    """How much may be kept; see the module."""

    rows: int = 1 << 14
    transitions: int = 1 << 17
    states: int = 1 << 19

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 2:
                raise ValueError(f"the budget of {name} is at least 2, not {value}")


#: States that an automaton may add before it says so again.
_STRIDE: Final = 256


class Ledger:
    """Which automata keep transitions, the one that grew last behind all others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sizes: OrderedDict[int, tuple[weakref.ref[ByteAutomaton], int]] = OrderedDict()
        self._total = 0

    def note(self, automaton: ByteAutomaton, noted: int) -> int:
        """An automaton may have found new states since its last call, which answered `noted` (-1: there was none).

        The caller holds the automaton's lock and runs no kernel.
        """
        memory, states = automaton.memory, automaton.state_count
        size = states - memory.forgotten
        if noted >= 0 and size - noted < min(_STRIDE, _BUDGET.transitions) and id(automaton) in self._sizes:
            return noted
        with self._lock:
            self._drop(id(automaton))
            self._sizes[id(automaton)] = weakref.ref(automaton, partial(self._gone, id(automaton))), size
            self._total += size
            while self._total > _BUDGET.transitions and len(self._sizes) > 1:
                self._forget_oldest()
            if self._total > _BUDGET.transitions:  # by itself it has too many
                memory.forget_transitions()
                memory.forgotten = states
                self._drop(id(automaton))
                return -1
            return size

    def _forget_oldest(self) -> None:
        key, (owner, _) = next(iter(self._sizes.items()))
        self._drop(key)
        automaton = owner()
        # One that is at work on something new is not waited for: it holds its lock, and may be waiting for this one.
        if automaton is not None and automaton.lock.acquire(blocking=False):
            try:
                automaton.memory.forget_transitions()
            finally:
                automaton.lock.release()

    def _drop(self, key: int) -> None:
        found = self._sizes.pop(key, None)
        if found is not None:
            self._total -= found[1]

    def _gone(self, key: int, _: object) -> None:
        # Called by the garbage collector, perhaps while this thread holds the lock.
        if self._lock.acquire(blocking=False):
            try:
                self._drop(key)
            finally:
                self._lock.release()


_BUDGET = Budget()
LEDGER: Final = Ledger()
_POOLS: Final[weakref.WeakSet[RowPool]] = weakref.WeakSet()
_LOCK: Final = threading.Lock()


def limits() -> Budget:
    """The budgets in force."""
    return _BUDGET


def limit(**changes: int) -> Budget:
    """Set some budgets by name, for all that is computed from now on; the budgets that were in force before."""
    global _BUDGET
    with _LOCK:
        before, _BUDGET = _BUDGET, replace(_BUDGET, **changes)
        for pool in _POOLS:
            pool.budget = _BUDGET.rows
    return before


def pool_of(tables: TokenTables) -> RowPool:
    """The rows of a vocabulary, kept with its tables."""
    with _LOCK:
        known: RowPool | None = vars(tables).get("pool")
        if known is None:
            known = vars(tables)["pool"] = RowPool(tables.words, _BUDGET.rows)
            _POOLS.add(known)
        return known
