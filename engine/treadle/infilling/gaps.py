"""Gaps of any length: the states behind any text at all, those behind short texts first.

First along the known completion of the state, which closes what is open, then breadth first over bytes. Every text of
a language can be spelled byte by byte (automata/spelling.py), so bytes reach the states that tokens do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Union

from treadle.automata.layout import DEAD
from treadle.errors import LimitExceeded
from treadle.matching.token_automaton import DONE

#: The state before and the byte behind it; None where nothing was read.
Way = Union[tuple[int, int], None]


def texts(automaton: Any, state: int, limit: int) -> Iterator[tuple[int, Way]]:
    """States behind texts from `state` on, itself first, each once, and how it was reached.

    Raises LimitExceeded at more than `limit` states.
    """
    yield state, None
    if state == DONE:
        return
    step = automaton.bytes.step
    seen = {state}
    ahead = deque([state])
    here = state
    for byte in _closing(automaton, state):
        reached = step(here, byte)
        if reached not in seen:
            seen.add(reached)
            yield reached, (here, byte)
            ahead.append(reached)
        here = reached
    while ahead:
        here = ahead.popleft()
        for byte in range(256):
            reached = step(here, byte)
            if reached <= DEAD or reached in seen:
                continue
            seen.add(reached)
            if len(seen) > limit:
                raise LimitExceeded("too many states inside a gap", limit="gap_states", value=limit)
            yield reached, (here, byte)
            ahead.append(reached)


def _closing(automaton: Any, state: int) -> bytes:
    """The bytes of the known completion; none where it takes too long to find."""
    try:
        return bytes(automaton.vocabulary.decode_bytes(automaton.closing(state)))
    except LimitExceeded:
        return b""


def way_through(automaton: Any, state: int, alive: Callable[[int], bool], limit: int) -> tuple[bytes, int]:
    """A short text for a gap behind which `alive` holds, and the state there."""
    came: dict[int, Way] = {}
    for reached, before in texts(automaton, state, limit):
        came[reached] = before
        if alive(reached):
            data = bytearray()
            here = reached
            while (way := came[here]) is not None:
                here = way[0]
                data.append(way[1])
            return bytes(reversed(data)), reached
    raise AssertionError("a gap is alive, but nothing leads through it")
