"""A grammar becomes what its automata run on: which form of it, its LR tables, what reads each terminal.

Which form. A lexical grammar is taken as it was read if that is LALR(1), because the rows of the tables say what the
lexer looks for, and are then those of lark's own parser. Where there are conflicts, a generalised parser follows all
ways; then empty and cyclic rules have to go, and ambiguous expressions become lists if that lessens the conflicts. A
scannerless grammar has no lexer to please and is always brought into normal form.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from itertools import count
from typing import Final

from treadle.automata import lr
from treadle.automata.byte_automaton import ByteAutomaton
from treadle.automata.parse_automaton import ParseTables
from treadle.automata.scanner import Scanner
from treadle.errors import LimitExceeded, UnsupportedFeature
from treadle.frontends.regex import parse_python
from treadle.frontends.regex.preferred import read_preferred
from treadle.grammar.analysis import nullable
from treadle.grammar.cfg import Cfg
from treadle.grammar.expression import Expr
from treadle.grammar.lookbehinds import settled
from treadle.grammar.normal_form import normal_form, without_unit_cycles, without_useless
from treadle.grammar.preferred import Look, Machine, Program
from treadle.matching import grammar_store

#: Grammars whose tables are kept: compiling one again costs nothing, and its scanner is as far as it came before.
KEPT: Final = 32
_LOOKS_BACK: Final = re.compile(r"\(\?<[=!]|\\[bB]")
_RECENT: OrderedDict[tuple[int, frozenset[int]], tuple[Cfg, ParseTables]] = OrderedDict()
_LOCK = threading.Lock()


def parse_tables(cfg: Cfg, usable: frozenset[int]) -> ParseTables:
    """`usable`: the bytes that texts may be written with. Equal objects have the same tables."""
    key = (id(cfg), usable)
    with _LOCK:
        known = _RECENT.get(key)
        if known is None:
            # The grammar is kept as well, so that its number is not given to another one.
            known = _RECENT[key] = cfg, _made(cfg, usable)
            if len(_RECENT) > KEPT:
                _RECENT.popitem(last=False)
        _RECENT.move_to_end(key)
        return known[1]


def _made(cfg: Cfg, usable: frozenset[int]) -> ParseTables:
    key = grammar_store.key_of(cfg, usable)
    made = _recalled(cfg, usable, key) if key is not None else None
    if made is not None:
        return made
    form, tables = _form(cfg)
    machines = tuple(
        None if number in form.declared else _machine(form, number, usable)
        for number in range(len(form.terminals))
    )
    made = ParseTables(form, tables, Scanner(machines))
    if key is not None:
        grammar_store.keep(made, grammar_store.Lexer(key, normal=form != without_useless(cfg)))
    return made


def _recalled(cfg: Cfg, usable: frozenset[int], key: str) -> ParseTables | None:
    """What another process found out about a grammar: its tables, and a scanner that was asked already."""

    def read(terminal: int) -> Program:
        program = _machine(form, terminal, usable)
        assert isinstance(program, Program)
        return program

    known = grammar_store.recall_lexer(key, read)
    if known is None:
        return None
    lexer, tables, kept = known
    useful = without_useless(cfg)
    form = normal_form(useful) if lexer.normal else useful
    made = ParseTables(form, tables, kept)
    grammar_store.keep(made, lexer)
    return made


def _form(cfg: Cfg) -> tuple[Cfg, lr.Tables]:
    if cfg.lexing == "scannerless":
        normal = normal_form(cfg)
        return normal, lr.tables(normal)
    useful = without_useless(cfg)
    tables = lr.tables(useful)
    if tables.conflicts == 0:
        return useful, tables
    normal = normal_form(useful)
    simpler = lr.tables(normal)
    acyclic = not nullable(useful) and without_unit_cycles(useful) == useful
    if acyclic and tables.conflicts <= simpler.conflicts:
        return useful, tables
    return normal, simpler


def _machine(cfg: Cfg, number: int, usable: frozenset[int]) -> Program | Expr | ByteAutomaton | None:
    terminal = cfg.terminals[number]
    if terminal.rules is not None:
        return ByteAutomaton(terminal.rules, usable)
    if terminal.language is not None:
        return terminal.language
    if terminal.source is None:
        return None
    if cfg.lexing == "scannerless":
        return _language(cfg, number, terminal.source)
    program = settled(cfg, number, read_preferred(terminal.source), lambda other: _read(cfg, other))
    if any(isinstance(step, Look) for step in program.code):
        # What a lookahead sees behind the end of a lexeme is found out by trying all of it.
        machine = Machine(program)
        for state in count():
            if state == machine.states:
                break
            machine.edges(state)
    return program


def _language(cfg: Cfg, number: int, source: str) -> Expr:
    """The language of a terminal, as if nothing stood in front of it; refused where that makes a difference."""
    if _LOOKS_BACK.search(source):
        try:
            program = read_preferred(source)
        except (LimitExceeded, UnsupportedFeature):
            return parse_python(source)
        if settled(cfg, number, program, lambda other: _read(cfg, other)) != program:
            one = cfg.terminals[number]
            raise UnsupportedFeature(
                f"terminal {one.name} begins with a lookbehind, in a scannerless grammar",
                where=one.where, found=repr(source)[:120],
            )  # fmt: skip
    return parse_python(source)


def _read(cfg: Cfg, number: int) -> Program | None:
    source = cfg.terminals[number].source
    return read_preferred(source) if source is not None else None
