"""The byte automaton: rules in, numbered states out, everything computed at first use.

`step` and `run` call the kernels and answer what they ask for: a node to lower, a character state, a table to grow.
A state is an int; equal frontiers are equal ints, whatever way led there.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from treadle.automata import cell_kernels, kernels
from treadle.automata import layout as at
from treadle.automata.ahead import lower_ahead
from treadle.automata.lowering import ACCEPT, Lowering
from treadle.automata.memory import Memory
from treadle.automata.prelude import prelude_of
from treadle.automata.spelling import Spelling
from treadle.compiling import kernel
from treadle.errors import LimitExceeded
from treadle.grammar.expression import Expr
from treadle.grammar.rules import Node, Prepared

DEAD = at.DEAD
EVERY_BYTE = frozenset(range(256))
T = TypeVar("T")


class ByteAutomaton:
    """A lazily determinised automaton over bytes. Safe to share between threads."""

    def __init__(self, root: Node, usable: frozenset[int] = EVERY_BYTE, *, measured: bool = False) -> None:
        """`usable`: the bytes that texts may be written with (spelling.py); `measured`: note of every character state
        how many characters it needs, also where no bound asks for it.
        """
        #: The bytes that texts may be written with.
        self.usable = usable
        self.memory = Memory()
        self.lock = threading.RLock()
        prelude = prelude_of(root.common, usable, measured) if isinstance(root, Prepared) else None
        self._lowering = Lowering(
            self.memory, Spelling(usable), measured, prelude.lowering if prelude else None
        )
        for position, label, behind in prelude.others if prelude else ():
            _remember(self.memory.words, at.M_OTHER, position, label, -1, behind)
        self.start: int = self.entrance(root)
        weakref.finalize(self, Memory.release, self.memory)

    def entrance(self, node: Node) -> int:
        """The state in front of another node: automata of many small languages share one memory."""
        with self.lock:
            entry = self._lowering.lower(node, ACCEPT)
            return self.complete(lambda words: int(kernels.enter(words, entry, 0))) if entry else DEAD

    def lower_ahead(self, most: int) -> None:
        """Lower what will be reached soon, until there are `most` more positions (see ahead.py)."""
        with self.lock:
            lower_ahead(self._lowering, most)

    def complete(self, kernel: Callable[[np.ndarray], int]) -> int:
        """Call a kernel until it no longer asks for anything; its answer. `kernel` gets the memory's words."""
        with self.lock:
            while True:
                answer = kernel(self.memory.words)
                if answer != at.UNKNOWN:
                    return answer
                self.answer()

    def answer(self) -> None:
        """Give a stopped kernel what it asked for."""
        words = self.memory.words
        kind, a, b, c = words[at.NEED : at.NEED + 4].tolist()
        if kind == at.ASK_NODE:
            self._lowering.lower_lazy(a)
        elif kind == at.ASK_CHAR:
            self._lowering.characters.lower(a)
        elif kind == at.ASK_NAME:
            self._lowering.lower_name(a, b)
        elif kind == at.ASK_OTHER:
            target = self._lowering.lower_other(a, b, c)
            _remember(self.memory.words, at.M_OTHER, a, b, c, target)
        elif kind == at.ASK_ITEM:
            target = self._lowering.lower_item(a, b, c)
            _remember(self.memory.words, at.M_ITEM, a, b, c, target)
        elif kind == at.ASK_ROOM:
            self.memory.grow_nearly_full()
        elif kind == at.ASK_LIMIT:
            raise LimitExceeded(
                "too many alternatives are alive at once", limit="frontier", value=at.FORK_LIMIT, found=str(a)
            )
        else:
            raise AssertionError(f"unknown request {kind}")

    def step(self, state: int, byte: int) -> int:
        """The state behind one byte, DEAD if it is refused."""
        return self.complete(lambda words: int(kernels.step(words, state, byte)))

    def run(self, state: int, data: bytes) -> int:
        """The state behind all of `data`, DEAD if it is refused somewhere."""
        return self.run_to(state, data)[0]

    def run_to(self, state: int, data: bytes) -> tuple[int, int]:
        """The state behind `data` and its length; or DEAD and the offset of the first byte that is refused."""
        array = np.frombuffer(data, dtype=np.uint8)
        at_byte = 0
        with self.lock:
            while True:
                reached, index = kernels.run(self.memory.words, state, array, at_byte, len(array))
                if reached != at.UNKNOWN:
                    return int(reached), int(index)
                self.answer()
                # What was read up to `index` is in the transition table by now: start over, it costs nothing.

    def is_accepting(self, state: int) -> bool:
        # Offsets from the same array as the bit: another thread may be growing the memory.
        words = self.memory.words
        return bool(words[int(words[at.AT_STATES]) + state * at.ST_WIDTH + at.ST_ACCEPTING])

    def anonymous(self, state: int) -> int:
        """The state whose mask this state shares (see kernels.anonymous)."""
        return self.complete(lambda words: int(kernels.anonymous(words, state)))

    def frontier(self, state: int) -> np.ndarray:
        """The configurations of a state, int32[n, 8] (columns in layout.py): a copy, for oracles and search."""
        first, count = self.memory.rows(at.AT_STATES, state, 1)[0, :2]
        return self.memory.rows(at.AT_CONFIGS, int(first), int(count)).copy()

    def width(self, state: int) -> int:
        """How many configurations a state has."""
        return int(self.memory.rows(at.AT_STATES, state, 1)[0, at.ST_COUNT])

    def shortest(self, config: list[int], position: list[int]) -> int:
        """Least number of characters with which a string or text configuration can end: a lower bound."""
        low, high, read = config[at.CFG_LOW], config[at.CFG_HIGH], config[at.CFG_COUNT]
        options: list[int] = []
        if low < high:
            options.append(self._lowering.shortest_literal(position, low, high) - read)
        if config[at.CFG_Q]:
            options.append(
                max(self._lowering.characters.shortest_text(config[at.CFG_Q]), position[at.POS_B] - read)
            )
        return min(options, default=0)

    def written_names(self, state: int) -> list[str] | None:
        """What a name that is being written still lacks to be one of the unlisted names written before.

        None inside a character, where that cannot be said.
        """
        found: list[str] = []
        for config in self.frontier(state).tolist():
            position = self.memory.rows(at.AT_POSITIONS, config[at.CFG_POS], 1)[0].tolist()
            if position[at.POS_KIND] == at.P_STRING and position[at.POS_FLAGS] & at.F_OBJECT:
                if config[at.CFG_DECODE]:
                    return None
                so_far = self._lowering.name_so_far(config)
                seen = self._lowering.seen(config[at.CFG_STACK])
                found += [name[len(so_far) :] for name in seen if name.startswith(so_far)]
        return found

    def last_name(self, entry: int) -> tuple[str, int]:
        """The last of a list of unlisted names, and the list before it; lists are entries of the memo, 0 has none."""
        return self._lowering.last_name(entry)

    def languages(self, q: int) -> tuple[Expr, ...]:
        """The languages of a character state: one for each class of names, one for a value."""
        return self._lowering.characters.languages(q)

    def shortest_behind(self, config: list[int], low: int, high: int, *, greatest: bool = False) -> int:
        """Fewest characters (with `greatest`: a bound of them) that a string needs behind one of these characters."""
        found = []
        if config[at.CFG_Q]:
            row = self.memory.rows(at.AT_CHARS, config[at.CFG_Q], 1)[0].tolist()
            edges = self.memory.rows(at.AT_EDGES, row[at.CST_FIRST], row[at.CST_EDGES]).tolist()
            found = [
                self._lowering.characters.shortest_text(q) for a, b, q in edges if a <= high and b >= low
            ]
        if config[at.CFG_LOW] < config[at.CFG_HIGH]:
            read, rows = config[at.CFG_COUNT], range(config[at.CFG_LOW], config[at.CFG_HIGH])
            words = [self._lowering.listed.word(row) for row in rows]
            found += [
                len(word) - read - 1 for word in words if len(word) > read and low <= ord(word[read]) <= high
            ]
        if not found:
            return 0
        return max(found) if greatest else min(found)

    def shortest_name(self, position: int) -> int:
        """Characters of the shortest name that a position of member names allows."""
        return self._lowering.shortest_name(position)

    @property
    def remembers(self) -> bool:
        """May a token be refused for what was written before, where nothing of that is on the stack?"""
        return self._lowering.exhaustible or self._lowering.records_values

    @property
    def exhausts_names(self) -> bool:
        """Is there a class of unlisted member names that can be used up?"""
        return self._lowering.exhaustible

    @property
    def records_values(self) -> bool:
        """Does what follows some value depend on the value (uniqueItems)?"""
        return self._lowering.records_values

    @property
    def state_count(self) -> int:
        return int(self.memory.words[at.N_STATES]) - at.FIRST_STATE

    def allowed_bytes(self, state: int) -> list[int]:
        """Every byte that leads on from a state."""
        return [byte for byte in range(256) if self.step(state, byte) != DEAD]


@kernel
def _remember(m, kind, x, y, z, target):  # type: ignore[no-untyped-def]  # kernels are typed by numba
    """Write an answer into the memo, where the kernel looks for it."""
    slot = cell_kernels.memo_slot(m, kind, x, y, z)
    cell_kernels.memo_put(m, slot, kind, x, y, z, target)
