"""What one question about a canvas may look at before it is given up with LimitExceeded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Nodes that are looked at before the states in front of a hole are worth knowing all.
QUICK: Final = 2_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Named limits; each is the `limit` of the error that it ends in."""

    #: Nodes (boundary, state).
    nodes: int = 500_000
    #: States inside a gap of any length.
    gap_states: int = 50_000
    #: Nodes of an exact question that a decode which may defer it asks (then the witness's token is taken).
    deferred: int = 400
    #: States of the language that are looked behind, once for an automaton, for exact sets (state_sets.py); 0: none.
    universe: int = 8_192
    #: States whose tokens one local search for a witness looks at, and nodes that it passes.
    local: int = 24
    local_nodes: int = 1_500
