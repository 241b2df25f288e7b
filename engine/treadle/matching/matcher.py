"""The matcher: one sequence's place in a token automaton, the only object here that changes.

It holds the states behind every token accepted so far, so rollback forgets and fork copies a list of ints.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from treadle.errors import TokenRejected, VocabularyMismatch
from treadle.masks.bitset import Row
from treadle.matching.grammar_tokens import GrammarTokenAutomaton
from treadle.matching.token_automaton import DONE, REFUSED, TokenAutomaton


class Matcher:
    """Where a sequence is. Not to be shared between threads; fork it instead."""

    __slots__ = ("_states", "automaton", "state")

    def __init__(
        self, automaton: TokenAutomaton | GrammarTokenAutomaton, states: list[int] | None = None
    ) -> None:
        #: Where its states belong.
        self.automaton = automaton
        self._states = [automaton.start] if states is None else states
        #: The state behind the last token: equal ints mean equal futures.
        self.state: int = self._states[-1]

    def mask(self) -> Row:
        """Row of the allowed tokens, int32[ceil(V / 32)], bit t % 32 of word t // 32; read-only, not a copy."""
        return self.automaton.mask(self.state)

    def fill_bitmask(self, row: Any) -> None:
        """Copy the mask into the caller's int32 row (numpy, or a torch tensor on the CPU); spare words become 0.

        Raises VocabularyMismatch when the row is too narrow.
        """
        mask = self.automaton.mask(self.state)
        target = row if isinstance(row, type(mask)) else row.numpy()
        if target.ndim == 2 and len(target) == 1:
            target = target[0]
        words = len(mask)
        if len(target) == words:
            target[:] = mask
        elif len(target) > words:
            target[:words] = mask
            target[words:] = 0
        else:
            raise VocabularyMismatch(
                "the row is too narrow", found=f"{len(target)} words", expected=f"{words} words"
            )

    def accept_token(self, token: int) -> bool:
        """Take a token. False, and nothing changes, when it is not allowed."""
        reached = self.automaton.advance(self.state, token)
        if reached == REFUSED:
            return False
        self._states.append(reached)
        self.state = reached
        return True

    def accept_tokens(self, tokens: Iterable[int]) -> int:
        """Take tokens up to the first that is not allowed; how many were taken."""
        taken = 0
        for token in tokens:
            if not self.accept_token(token):
                break
            taken += 1
        return taken

    def validate_tokens(self, tokens: Iterable[int]) -> int:
        """How many of these tokens would be taken; nothing changes."""
        return self.fork().accept_tokens(tokens)

    def consume(self, tokens: Iterable[int]) -> None:
        """Take all tokens. Raises TokenRejected, and nothing changes, when one is not allowed."""
        fork = self.fork()
        for position, token in enumerate(tokens):
            if not fork.accept_token(token):
                raise TokenRejected(token, position)
        self._states, self.state = fork._states, fork.state

    def rollback(self, count: int) -> None:
        """Forget the last `count` tokens. Raises ValueError when fewer were taken."""
        if not 0 <= count < len(self._states):
            raise ValueError(f"cannot roll back {count} of {len(self._states) - 1} tokens")
        if count:
            del self._states[-count:]
            self.state = self._states[-1]

    def fork(self) -> Matcher:
        """An independent matcher at the same place."""
        return Matcher(self.automaton, self._states.copy())

    def reset(self) -> None:
        """Back to the start."""
        del self._states[1:]
        self.state = self._states[0]

    @property
    def is_accepting(self) -> bool:
        """May the text end here?"""
        return self.automaton.is_accepting(self.state)

    @property
    def is_terminated(self) -> bool:
        """Was an end-of-text token taken?"""
        return self.state == DONE

    def forced_tokens(self) -> list[int]:
        """The run of tokens that has no alternative, as the tokenizer would spell it; not taken."""
        return self.automaton.forced(self.state)
