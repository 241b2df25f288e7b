"""Loading the kernels of grammars once: what `treadle warmup` compiles besides those of rules (warmup.py).

A toy grammar over the single bytes is walked through everything that a grammar's automaton does.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from treadle.automata import lr
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton, ParseTables
from treadle.automata.scanner import Scanner
from treadle.grammar.cfg import Cfg, Production, Terminal
from treadle.grammar.expression import text
from treadle.matching.grammar_tokens import GrammarTokenAutomaton
from treadle.vocabulary import Vocabulary


@cache
def load_grammar_kernels() -> None:
    """Call every kernel of grammars once. Later calls do nothing."""
    terminals = (Terminal("A", language=text("a")), Terminal("B", language=text("bb")))
    for lexing in ("scannerless", "lexical"):
        _walk_through(
            Cfg(terminals, ("start",), (Production(2, (0, 1)), Production(2, (0, 2, 1))), 2, lexing=lexing)
        )


def _walk_through(cfg: Cfg) -> None:
    scanner = Scanner([terminal.language for terminal in cfg.terminals])
    automaton = ParseAutomaton(ParseTables(cfg, lr.tables(cfg), scanner))
    vocabulary = Vocabulary([bytes([byte]) for byte in range(256)] + [b"abb", b"</s>"], eos_ids=(257,))
    tokens = GrammarTokenAutomaton(automaton, vocabulary)
    tokens.mask(tokens.start)
    tokens.mask(tokens.advance(tokens.start, ord("a")))
    tokens.closing(tokens.advance(tokens.start, ord("a")))
    tokens.forced(tokens.start)
    automaton.run_to(tokens.start, b"ab")
    automaton.successors(tokens.start, np.empty(256, np.int64))
    automaton.memory.grow(at.CAP_MEMO)
