"""The token automaton of a grammar with guards: predicates that may veto a rule once it is complete.

Guards want to know the text, so here states are texts. A twin without guards does what does not need them: its masks
are supersets, of which the tokens that stay inside a lexeme are certain (they complete nothing), and each of the others
is spelled with the real state, so that its guards are asked.

Whether a text can be completed is a question that no predicate answers. The closing is searched for: along the
twin's, and with words that were written before, since what a guard wants is mostly one of them (a declared name, an
open tag). A state for which none is found raises LimitExceeded, and the decoding loop takes another token.
"""

from __future__ import annotations

import heapq
import re
from typing import Final

import numpy as np

from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.errors import ConstraintError, LimitExceeded
from treadle.masks.bitset import Row, to_tokens
from treadle.matching.closing import fewest_tokens
from treadle.matching.grammar_tokens import DONE, GrammarTokenAutomaton
from treadle.vocabulary import Vocabulary

#: States that the search for a closing expands.
EXPANSIONS: Final = 200
#: How often one place of the grammar is gone on from.
TRIES: Final = 4
#: Words of the text that it tries, the last ones.
WORDS: Final = 64
_WORD: Final = re.compile(r"\w+")


class GuardedTokenAutomaton(GrammarTokenAutomaton):
    """States are texts; otherwise as a grammar without guards."""

    def __init__(self, automaton: ParseAutomaton, vocabulary: Vocabulary) -> None:
        super().__init__(automaton, vocabulary)
        self._plain = GrammarTokenAutomaton(ParseAutomaton(automaton.tables, asks=False), vocabulary)
        self._plain_states: dict[int, int] = {}
        self._ways: dict[int, bytes | None] = {}

    def _compute(self, state: int) -> Row:
        plain = self._plain_state(state)
        possible = self._plain.mask(plain).view(np.uint32)
        same = len(self.bytes.frontier(state)) == len(self._plain.bytes.frontier(plain))
        row = self.pool.scratch()
        bits = row.view(np.uint32)
        if same:
            bits |= self._plain.inside(plain)
        with self.bytes.passing():
            for token in to_tokens((possible & ~bits).view(np.int32)).tolist():
                if token not in self._ends and self._spell(state, token) != at.DEAD:
                    bits[token >> 5] |= np.uint32(1 << (token & 31))
        if self.bytes.is_accepting(state):
            bits |= self.tables.eos_row.view(np.uint32)
        return row

    def _text(self, state: int) -> bytes:
        return self.bytes.text(int(self.bytes.frontier(state)[0, at.CFG_TEXT]))

    def _plain_state(self, state: int) -> int:
        known = self._plain_states.get(state)
        if known is None:
            known = self._plain_states[state] = self._plain.bytes.run(self._plain.start, self._text(state))
        return known

    def closing(self, state: int) -> tuple[int, ...]:
        """Tokens of a completion, without the end-of-text token. Raises LimitExceeded where none is found."""
        if state == DONE:
            return ()
        known = self._closings.get(state)
        if known is None:
            known = self._closings[state] = tuple(fewest_tokens(self.tables, self._way(state)))
        return known

    def closing_bound(self, state: int) -> int:
        """An upper bound of len(closing(state))."""
        if state == DONE:
            return 0
        known = self._closings.get(state)
        return len(known) if known is not None else len(self._way(state))

    def _way(self, state: int) -> bytes:
        if state not in self._ways:
            with self.bytes.lock:
                text = self._text(state)
                with self.bytes.passing():
                    found = self._search(state, text, wide=False)
                    self._ways[state] = self._search(state, text, wide=True) if found is None else found
        found = self._ways[state]
        if found is None:
            raise LimitExceeded(
                "no completion was found that the guards let stand", limit="closing", value=EXPANSIONS
            )
        return found

    def _search(self, start: int, text: bytes, *, wide: bool) -> bytes | None:
        """Best first: what was added, and what the twin would still add. `wide`: try every byte, too."""
        written = text.decode("utf-8", "ignore")
        words = list(dict.fromkeys(reversed(_WORD.findall(written))))[:WORDS]
        queue = [(0, 0, b"", start)]
        seen = {b""}
        tried: dict[int, int] = {}
        for count in range(EXPANSIONS * (1 + 4 * wide)):
            if not queue:
                return None
            _, _, added, state = heapq.heappop(queue)
            if self.bytes.is_accepting(state):
                return added
            # What differs by the spelling of a name is one place of the grammar.
            place = self._plain.bytes.run(self._plain.start, text + added)
            tried[place] = tried.get(place, 0) + 1
            if tried[place] > TRIES:
                continue
            rest = self._rest(text + added)
            if rest is None:
                continue
            whole = self.bytes.run(state, rest)
            if whole != at.DEAD and self.bytes.is_accepting(whole):
                return added + rest
            others = [bytes([byte]) for byte in range(0x80)] if wide else [rest[:1]]
            for more in {*others, *self._endings(written + added.decode("utf-8", "ignore"), words)}:
                new = added + more
                reached = self.bytes.run(state, more) if more and new not in seen else at.DEAD
                if reached != at.DEAD:
                    seen.add(new)
                    left = self._rest(text + new)
                    heapq.heappush(queue, (len(new) + len(left or b"") + count // 8, -len(new), new, reached))
        return None

    def _rest(self, text: bytes) -> bytes | None:
        """How the twin would complete a text."""
        plain = self._plain.bytes.run(self._plain.start, text)
        try:
            return self._plain.completion(plain) if plain != at.DEAD else None
        except ConstraintError:
            return None

    def _endings(self, text: str, words: list[str]) -> list[bytes]:
        """What is left of earlier words behind the one that is being written."""
        begun = re.search(r"\w*\Z", text)
        prefix = begun.group() if begun else ""
        return [word[len(prefix) :].encode() for word in words if word.startswith(prefix) and word != prefix]
