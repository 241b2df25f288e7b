"""The token automaton of a grammar with guards: predicates that may veto a rule once it is complete.

Guards want to know the text, so here states are texts. A twin without guards does what does not need them: its masks
are supersets, of which the tokens that stay inside a lexeme are certain (they complete nothing), and each of the others
is spelled with the real state, so that its guards are asked.

A text behind which the guards let nothing come at all is refused with the byte that leads there, by the automaton.
Whether any other can be completed is a question that no predicate answers. The closing is searched for: along the
twin's, with the endings that guards know of (`Guard.endings`), and with words that were written before, since what a
guard wants is mostly one of them (a declared name, an open tag). A state for which none is found raises LimitExceeded,
and the decoding loop takes another token: it goes on only where it knows a completion that every guard accepts.
"""

from __future__ import annotations

import heapq
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.automata.scanner import START
from treadle.errors import ConstraintError, LimitExceeded
from treadle.masks.bitset import Row, to_tokens
from treadle.matching.closing import fewest_tokens
from treadle.matching.context_kernels import spell_each
from treadle.matching.grammar_tokens import DONE, GrammarTokenAutomaton
from treadle.vocabulary import Vocabulary

#: States that the search for a closing expands.
EXPANSIONS: Final = 200
#: How often one place of the grammar is gone on from.
TRIES: Final = 4
#: Words of the text that it tries, the last ones.
WORDS: Final = 64
#: Bytes of the text that are looked at for these at first, and for a word that is being written.
LONGEST: Final = 4096
_WORD: Final = re.compile(r"\w+")


class GuardedTokenAutomaton(GrammarTokenAutomaton):
    """States are texts; otherwise as a grammar without guards."""

    def __init__(self, automaton: ParseAutomaton, vocabulary: Vocabulary) -> None:
        super().__init__(automaton, vocabulary)
        self._plain = GrammarTokenAutomaton(ParseAutomaton(automaton.tables, asks=False), vocabulary)
        #: By the number of a text.
        self._plain_states: dict[int, int] = {0: self._plain.start}
        self._ways: dict[int, bytes | None] = {}

    def _compute(self, state: int) -> Row:
        plain = self._plain_state(state)
        possible = self._plain.mask(plain).view(np.uint32)
        row = self.pool.scratch()
        bits = row.view(np.uint32)
        self._add_certain(state, plain, bits)
        left = to_tokens((possible & ~bits & ~self.tables.eos_row.view(np.uint32)).view(np.int32))
        with self.bytes.passing():
            self._add_spelled(state, left, bits)
        if self.bytes.is_accepting(state):
            bits |= self.tables.eos_row.view(np.uint32)
        return row

    def _add_spelled(self, state: int, tokens: NDArray[np.int64], bits: NDArray[np.uint32]) -> None:
        """Tokens that end a lexeme: each is spelled, so that its guards are asked."""
        tables, k = self.tables, 0
        while (
            k := spell_each(self.bytes.memory.words, tables.blob, tables.starts, state, tokens, k, bits)
        ) < len(tokens):
            self.bytes.answer()

    def _add_certain(self, state: int, plain: int, bits: NDArray[np.uint32]) -> None:
        """Tokens that end no lexeme, from the terminals that the guards let the parser go on with.

        What a lexer makes of these is the same for the twin, which knows no texts, so each is found out once.
        """
        twin, own = self._plain, self.bytes
        alike = {
            (twin.bytes.duties(duty)[0], twin.bytes.in_brackets(bundle)): (bundle, duty)
            for bundle, _, _, duty, *_ in twin.bytes.frontier(plain).tolist()
        }
        for stacks, scan, won, duty, column, text, began in own.frontier(state).tolist():
            known = alike.get((own.duties(duty)[0], own.in_brackets(stacks)))
            if known is None or (scan == START and not own.goes_on(stacks, text)):
                continue
            accepted, shiftable = (
                twin.bytes.set_of_bits(own.bits_of(number))
                for number in own.sets_within(stacks, self.shiftable(stacks, began), scan)
            )
            bits |= twin.inside(known[0], accepted, shiftable, (scan, won, known[1], column))

    def _text(self, state: int) -> bytes:
        return self.bytes.text(self._text_number(state))

    def _text_number(self, state: int) -> int:
        return int(self.bytes.frontier(state)[0, at.CFG_TEXT])

    def _plain_state(self, state: int) -> int:
        """The twin's state: that of the nearest text in front that is known, gone on from."""
        path = bytearray()
        number = last = self._text_number(state)
        while number not in self._plain_states:
            number, byte = self.bytes.text_before(number)
            path.append(byte)
        reached = self._plain.bytes.run(self._plain_states[number], bytes(reversed(path)))
        self._plain_states[last] = reached
        return reached

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
        words = _last_words(text)
        plain = self._plain.bytes.run(self._plain.start, text)
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
            place = self._plain.bytes.run(plain, added)
            tried[place] = tried.get(place, 0) + 1
            if tried[place] > TRIES:
                continue
            rest = self._rest(place)
            if rest is None:
                continue
            here = (text + added).decode("utf-8", "ignore"), (text + added + rest).decode("utf-8", "ignore")
            ends = [ending.encode() for ending in self.bytes.endings(here[0])]
            ends += [rest, *(rest + ending.encode() for ending in self.bytes.endings(here[1]))]
            for end in ends:
                if self._completes(state, end):
                    return added + end
            others = [bytes([byte]) for byte in range(0x80)] if wide else [rest[:1]]
            for more in {*others, *_endings(text[-LONGEST:] + added, words)}:
                new = added + more
                reached = self.bytes.run(state, more) if more and new not in seen else at.DEAD
                if reached != at.DEAD:
                    seen.add(new)
                    left = self._rest(self._plain.bytes.run(plain, new))
                    heapq.heappush(queue, (len(new) + len(left or b"") + count // 8, -len(new), new, reached))
        return None

    def _completes(self, state: int, data: bytes) -> bool:
        reached = self.bytes.run(state, data)
        return reached != at.DEAD and self.bytes.is_accepting(reached)

    def _rest(self, plain: int) -> bytes | None:
        """How the twin would complete a text."""
        try:
            return self._plain.completion(plain) if plain != at.DEAD else None
        except ConstraintError:
            return None


def _last_words(text: bytes) -> list[str]:
    """The last different words of a text, looked for from its end."""
    size = LONGEST
    while True:
        words = dict.fromkeys(reversed(_WORD.findall(text[-size:].decode("utf-8", "ignore"))))
        if len(words) > WORDS or size >= len(text):
            return list(words)[:WORDS]
        size *= 4


def _endings(text: bytes, words: list[str]) -> list[bytes]:
    """What is left of earlier words behind the one that is being written."""
    begun = re.search(r"\w*\Z", text.decode("utf-8", "ignore"))
    prefix = begun.group() if begun else ""
    return [word[len(prefix) :].encode() for word in words if word.startswith(prefix) and word != prefix]
