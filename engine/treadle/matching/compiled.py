"""A compiled constraint: its automaton over one vocabulary, the matchers it hands out, and its report."""

from __future__ import annotations

from typing import Any, Final

from treadle.automata.byte_automaton import DEAD, ByteAutomaton
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.errors import UnsatisfiableConstraint, VocabularyMismatch
from treadle.grammar.rules import Node
from treadle.matching.budget import limits
from treadle.matching.grammar_tokens import GrammarTokenAutomaton
from treadle.matching.guarded_tokens import GuardedTokenAutomaton
from treadle.matching.matcher import Matcher
from treadle.matching.token_automaton import TokenAutomaton
from treadle.matching.token_tables import token_tables
from treadle.vocabulary import Vocabulary

#: Positions that are lowered when a constraint is compiled (automata/ahead.py), which first visits would have to wait
#: for: nearly all of most schemas; the outer members of one that took long already (`rules.Prepared.work`).
AHEAD: Final = 384
AHEAD_OF_LARGE: Final = 128
LARGE: Final = 260


class Compiled:
    """A constraint over a vocabulary. May be shared between threads and sequences."""

    def __init__(
        self, constraint: Any, root: Node | ParseAutomaton, report: Any, vocabulary: Vocabulary
    ) -> None:
        self.constraint = constraint
        self.vocabulary = vocabulary
        #: What is enforced in which reading, and every relaxation with its JSON pointer; grows as more of the
        #: constraint is visited.
        self.report = report
        self._build(root)

    def _build(self, root: Any) -> None:
        vocabulary, report = self.vocabulary, self.report
        usable = token_tables(vocabulary).single_bytes
        bytes_automaton = ByteAutomaton(root, usable)
        if bytes_automaton.start == DEAD:
            if ByteAutomaton(root).start != DEAD:
                raise VocabularyMismatch(
                    "the vocabulary lacks bytes that every text of this constraint needs"
                )
            undecided = "; ".join(str(note) for note in getattr(report, "inexact", ()))
            raise UnsatisfiableConstraint("no text satisfies this constraint", found=undecided[:300])
        bytes_automaton.lower_ahead(AHEAD if getattr(root, "work", 0) < LARGE else AHEAD_OF_LARGE)
        self._root = root
        self.automaton: TokenAutomaton | GrammarTokenAutomaton = TokenAutomaton(bytes_automaton, vocabulary)

    def matcher(self) -> Matcher:
        """A matcher at the start."""
        return Matcher(self.roomy_automaton())

    def roomy_automaton(self) -> TokenAutomaton | GrammarTokenAutomaton:
        """The automaton that new sequences begin with: a new one where this has more states than the budget allows.

        States of the old one mean nothing to the new one, but stay what they are: it lives as long as its matchers.
        """
        if self.automaton.bytes.state_count > limits().states:
            self.automaton = self._new_automaton()
        return self.automaton

    def _new_automaton(self) -> TokenAutomaton | GrammarTokenAutomaton:
        usable = token_tables(self.vocabulary).single_bytes
        return TokenAutomaton(ByteAutomaton(self._root, usable), self.vocabulary)

    def __repr__(self) -> str:
        return f"Compiled({self.constraint!r}, {self.automaton.bytes.state_count} states visited)"


class CompiledGrammar(Compiled):
    """A context-free grammar over a vocabulary."""

    def _build(self, root: ParseAutomaton) -> None:
        self.automaton = self._over(root)

    def _new_automaton(self) -> GrammarTokenAutomaton:
        known = self.automaton.bytes
        assert isinstance(known, ParseAutomaton)
        return self._over(known.anew())

    def _over(self, automaton: ParseAutomaton) -> GrammarTokenAutomaton:
        kind = GuardedTokenAutomaton if automaton.guarded else GrammarTokenAutomaton
        return kind(automaton, self.vocabulary)
