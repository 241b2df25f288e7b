"""Fragments of text -> their lexings over a grammar's terminals, with partial lexemes where a gap is beside them.

Terminals are automata over characters (interegular's, in dense tables). At a position the longest match of each
terminal counts, as published; all terminals that match are followed. A fragment's first lexeme may have begun in front
of the gap, its last may go on behind the next: `runs` follows a set of states of one terminal into a fragment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import interegular
import lark

#: Columns of a table: ASCII, and one for every other character.
OTHER = 128
States = frozenset[int]


@dataclass(frozen=True)
class Terminal:
    """A terminal's automaton without dead states: `table[state][character]` is a state or -1; state 0 is the start."""

    name: str
    ignored: bool
    table: tuple[tuple[int, ...], ...]
    accepting: States

    @cached_property
    def onward(self) -> tuple[States, ...]:
        """The states that any text leads to, by state, itself included."""
        return tuple(frozenset(_reachable(self.table, state)) for state in range(len(self.table)))

    def closure(self, states: States) -> States:
        return frozenset().union(*(self.onward[state] for state in states))


def terminals_of(grammar: lark.Lark) -> list[Terminal]:
    """A grammar's terminals, in the order of `grammar.terminals`."""
    return [
        _terminal(each.name, each.pattern.to_regexp(), each.name in grammar.ignore_tokens)
        for each in grammar.terminals
    ]


def _terminal(name: str, pattern: str, ignored: bool) -> Terminal:
    machine = interegular.parse_pattern(pattern).to_fsm().reduce()
    live = [state for state in machine.states if machine.islive(state)]
    # The start first.
    live.sort(key=lambda state: state != machine.initial)
    number = {state: k for k, state in enumerate(live)}
    columns = [machine.alphabet[chr(code)] for code in range(OTHER)] + [machine.alphabet["\u0416"]]
    table = tuple(
        tuple(number.get(machine.map.get(state, {}).get(column), -1) for column in columns) for state in live
    )
    return Terminal(name, ignored, table, frozenset(number[s] for s in machine.finals if s in number))


def _reachable(table: tuple[tuple[int, ...], ...], start: int) -> set[int]:
    seen, ahead = {start}, [start]
    while ahead:
        for state in set(table[ahead.pop()]) - seen - {-1}:
            seen.add(state)
            ahead.append(state)
    return seen


@dataclass
class Fragment:
    """A text between gaps."""

    text: str
    terminals: list[Terminal]
    _runs: dict[tuple[int, States], tuple[tuple[int, ...], States]] = field(default_factory=dict)

    @cached_property
    def codes(self) -> list[int]:
        return [min(ord(character), OTHER) for character in self.text]

    def whole(self, start: int) -> list[tuple[int, int]]:
        """(terminal, end) of the lexemes that begin at a position and end within the fragment."""
        return self._lexemes[0][start]

    def hanging(self, start: int) -> list[tuple[int, int]]:
        """(terminal, state) of the lexemes that begin at a position and may go on behind the fragment."""
        return self._lexemes[1][start]

    @cached_property
    def _lexemes(self) -> tuple[list[list[tuple[int, int]]], list[list[tuple[int, int]]]]:
        count = len(self.text)
        whole: list[list[tuple[int, int]]] = [[] for _ in range(count)]
        hanging: list[list[tuple[int, int]]] = [[] for _ in range(count)]
        for start in range(count):
            for k, terminal in enumerate(self.terminals):
                longest, state, at = 0, 0, start
                while at < count and (state := terminal.table[state][self.codes[at]]) >= 0:
                    at += 1
                    if state in terminal.accepting:
                        longest = at
                if longest:
                    whole[start].append((k, longest))
                if state >= 0:
                    hanging[start].append((k, state))
        return whole, hanging

    def runs(self, terminal: int, states: States) -> tuple[tuple[int, ...], States]:
        """From states of a terminal into the fragment: where it may end, and the states behind the whole fragment."""
        key = terminal, states
        if key not in self._runs:
            machine, here, ends = self.terminals[terminal], states, []
            for at, code in enumerate(self.codes):
                here = frozenset({machine.table[state][code] for state in here} - {-1})
                if not here:
                    break
                if here & machine.accepting:
                    ends.append(at + 1)
            self._runs[key] = tuple(ends), here
        return self._runs[key]


@dataclass
class Lexer:
    """Fragments by their text: what was lexed once is not lexed again."""

    terminals: list[Terminal]
    memo: dict[str, Fragment] = field(default_factory=dict)

    def fragment(self, text: str) -> Fragment:
        if text not in self.memo:
            self.memo[text] = Fragment(text, self.terminals)
        return self.memo[text]
