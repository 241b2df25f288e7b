"""Does a completion fit into the tokens that are left? The invariant that makes every text end within max_tokens.

A state is gone on to only if a completion of it is known that fits. A cheap bound answers nearly always; near the end
the completion itself is looked at, and kept, because finding one again from the next state need not find the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from treadle.decoding.protocols import Automaton
from treadle.errors import LimitExceeded, UnsatisfiableConstraint, VocabularyMismatch

#: Tokens of a known completion; None while the cheap bound says that one fits.
Plan = tuple[int, ...] | None


def fitting(
    automaton: Automaton, state: int, left: int, before: Plan = None, run: Sequence[int] = ()
) -> Plan | Literal[False]:
    """A completion of `state` within `left` tokens; None if surely one fits; False if none is known.

    `before`: the completion known where `run` began; `run`: the tokens that led from there to `state`.
    """
    if left < 0:
        return False
    try:
        if automaton.closing_bound(state) <= left:
            return None
        plan: Plan = tuple(automaton.closing(state))
    except (LimitExceeded, UnsatisfiableConstraint, VocabularyMismatch):
        # No completion was found, there is none, or no tokens spell it: go elsewhere.
        plan = None
    if plan is not None and len(plan) <= left:
        return plan
    # `closing` need not be consistent from state to state: the rest of our own plan is as good.
    if before is not None and before[: len(run)] == tuple(run):
        return before[len(run) :]
    return False


def first_plan(automaton: Automaton, left: int) -> Plan:
    """The plan for the empty text; raises where max_tokens is below the shortest text found."""
    plan = fitting(automaton, automaton.start, left)
    if plan is False:
        needed = len(automaton.closing(automaton.start))
        raise UnsatisfiableConstraint(
            "the token budget is too small for the shortest text found",
            found=f"max_tokens={left}",
            expected=f"max_tokens={needed} or more",
        )
    return plan
