"""Lookbehinds at the beginning of a terminal, which see the character in front of the lexeme, as `re.match` does.

The scanner begins each lexeme in one state and does not know what stood in front of it. Nearly always there is nothing
to know: what can stand in front of a terminal (the last characters of the terminals that the grammar lets come before
it, of what is ignored, or the beginning of the text) has one answer to what it asks. Then that answer is written into
its program. Where the answer differs from text to text, the terminal is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

from treadle.errors import UnsupportedFeature
from treadle.grammar.analysis import nullable
from treadle.grammar.cfg import Cfg
from treadle.grammar.charset import ALL, EMPTY_SET, CharSet
from treadle.grammar.preferred import After, Before, Look, Machine, Program, Split

#: The program of a terminal, by number; None where what reads it is no program.
Reader = Callable[[int], Program | None]


def settled(cfg: Cfg, terminal: int, program: Program, read: Reader) -> Program:
    """`program`, the one of a terminal, with the answers that its first lookbehinds get. Raises UnsupportedFeature."""
    asked = _asked_first(program)
    if not asked:
        return program
    before, may_be_first = _in_front(cfg, terminal)
    characters = EMPTY_SET
    for other in before:
        characters |= _last_characters(read(other) if other != terminal else program)
    code = list(program.code)
    for place in asked:
        step = code[place]
        assert isinstance(step, After)
        answers = {step.at_start} if may_be_first else set()
        answers |= {True} if characters & step.charset else set()
        answers |= {False} if characters & step.charset.complement() else set()
        if len(answers) > 1:
            one = cfg.terminals[terminal]
            raise UnsupportedFeature(
                f"terminal {one.name} begins with a lookbehind, and what stands in front of it can be either",
                where=one.where, found=repr(one.source)[:120],
            )  # fmt: skip
        code[place] = replace(step, at_start=answers.pop() if answers else step.at_start)
    return Program(tuple(code))


def _asked_first(program: Program) -> list[int]:
    """The lookbehinds that may be asked before a character of the lexeme is read."""
    found, seen, pending = [], set(), [0]
    while pending:
        place = pending.pop()
        if place in seen:
            continue
        seen.add(place)
        step = program.code[place]
        if isinstance(step, Split):
            pending += step.targets
        elif isinstance(step, After | Before | Look):
            pending.append(step.then)
            if isinstance(step, After):
                found.append(place)
            elif isinstance(step, Look):
                pending.append(step.body)
    return sorted(found)


def _in_front(cfg: Cfg, terminal: int) -> tuple[list[int], bool]:
    """The terminals behind whose lexemes one of `terminal` may come, and whether it may be the first of a text."""
    empty = nullable(cfg) | cfg.declared
    first = _edges(cfg, empty, forwards=True)
    last = _edges(cfg, empty, forwards=False)
    anywhere = set(cfg.ignored)
    if cfg.indentation is not None:
        # Within brackets an end of line means nothing.
        anywhere.add(cfg.indentation.newline)
    every = {symbol for p in cfg.productions for symbol in p.body if symbol < len(cfg.terminals)}
    if terminal in anywhere:
        return sorted((every | anywhere) - cfg.declared), True
    found = set(anywhere)
    for production in cfg.productions:
        left: set[int] = set()
        for symbol in production.body:
            if terminal in first(symbol):
                found |= left
            left = last(symbol) | (left if symbol in empty else set())
    return sorted(found - cfg.declared), terminal in first(cfg.start)


def _edges(cfg: Cfg, empty: frozenset[int], *, forwards: bool) -> Callable[[int], set[int]]:
    """Symbol -> the terminals that its texts may begin with (end with)."""
    size = len(cfg.terminals)
    found: dict[int, set[int]] = {symbol: {symbol} for symbol in range(size)}
    grown = True
    while grown:
        grown = False
        for production in cfg.productions:
            mine = found.setdefault(production.head, set())
            before = len(mine)
            for symbol in _order(production.body, forwards):
                mine |= found.get(symbol, set())
                if symbol not in empty:
                    break
            grown = grown or len(mine) > before
    return lambda symbol: found.get(symbol, set())


def _order(body: Sequence[int], forwards: bool) -> Sequence[int]:
    return body if forwards else body[::-1]


def _last_characters(program: Program | None) -> CharSet:
    """What a lexeme may end with."""
    if program is None:
        return ALL
    machine, found = Machine(program), EMPTY_SET
    for state in count():
        if state == machine.states:
            return found
        ends = [
            (low, high) for low, high, to in machine.edges(state) if machine.flag[to] or machine.condition[to]
        ]
        found |= CharSet.of(ends)
    raise AssertionError("states end")
