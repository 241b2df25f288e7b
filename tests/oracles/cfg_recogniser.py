"""Slow, exact recognisers of context-free grammars: what the automaton over tables has to agree with.

    scannerless(cfg, text)     Earley over characters: every terminal at every length, every way
    Lexical(cfg).accepts(text) LALR(1) rows made by propagation, lexed literally as lark's contextual lexer does, all
                               actions of a conflict followed

Both take grammars as the front ends hand them over, with empty productions. Both say of a prefix whether it
can go on only by being asked about whole texts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

from oracles.byte_automaton import ACCEPT, ByteOracle
from treadle.grammar.analysis import nullable
from treadle.grammar.cfg import Cfg, Terminal
from treadle.grammar.derivative import step

END = -1


# ---- scannerless


def scannerless(cfg: Cfg, text: str) -> bool:
    """Earley (1970) with terminals of any length; columns are places between characters."""
    if cfg.nullable and not text:
        return True
    base = len(cfg.terminals)
    empty = nullable(cfg)
    heads = defaultdict(list)
    for index, production in enumerate(cfg.productions):
        heads[production.head].append(index)
    columns: list[dict[tuple[int, int, int], None]] = [{} for _ in range(len(text) + 1)]
    columns[0] = {(index, 0, 0): None for index in heads[cfg.start]}
    for place, column in enumerate(columns):
        pending = list(column)
        while pending:
            index, dot, origin = pending.pop()
            body = cfg.productions[index].body
            fresh = []
            if dot == len(body):
                head = cfg.productions[index].head
                fresh = [
                    (i, d + 1, o)
                    for i, d, o in columns[origin]
                    if d < len(cfg.productions[i].body) and cfg.productions[i].body[d] == head
                ]
            elif body[dot] >= base:
                fresh = [(i, 0, place) for i in heads[body[dot]]]
                if body[dot] in empty:
                    fresh.append((index, dot + 1, origin))
            else:
                for end in ends(cfg.terminals[body[dot]], text, place):
                    columns[end].setdefault((index, dot + 1, origin))
            for item in fresh:
                if item not in column:
                    column[item] = None
                    pending.append(item)
        for terminal in cfg.ignored if column else ():
            for end in ends(cfg.terminals[terminal], text, place):
                columns[end].update(column)
    return any((index, len(cfg.productions[index].body), 0) in columns[-1] for index in heads[cfg.start]) or (
        cfg.nullable and _is_ignored(cfg, text)
    )


def _is_ignored(cfg: Cfg, text: str) -> bool:
    """Is the text a row of ignored terminals?"""
    reached = {0}
    for place in range(len(text)):
        if place in reached:
            for terminal in cfg.ignored:
                reached.update(ends(cfg.terminals[terminal], text, place))
    return len(text) in reached


def ends(terminal: Terminal, text: str, place: int) -> list[int]:
    """Where a lexeme that begins here may end."""
    if terminal.language is not None:
        found, state = [], terminal.language
        for index in range(place, len(text)):
            state = step(state, ord(text[index]))
            if state.nullable:
                found.append(index + 1)
        return found
    if terminal.rules is not None:
        return _ends_of_rules(terminal, text, place)
    if terminal.source is None:
        return []
    pattern = compiled(terminal.source)
    return [end for end in range(place + 1, len(text) + 1) if pattern.fullmatch(text[place:end])]


def _ends_of_rules(terminal: Terminal, text: str, place: int) -> list[int]:
    oracle = _rules_oracle(id(terminal.rules), terminal)
    found, state = [], oracle.start
    for index in range(place, len(text)):
        for byte in text[index].encode():
            state = oracle.step(state, byte)
        if not state:
            break
        if ACCEPT in state:
            found.append(index + 1)
    return found


@cache
def _rules_oracle(_: int, terminal: Terminal) -> ByteOracle:
    assert terminal.rules is not None
    return ByteOracle(terminal.rules)


@cache
def compiled(source: str) -> re.Pattern[str]:
    return re.compile(source)


# ---- lexical


def first_lexeme(terminal: Terminal, text: str, place: int) -> str:
    """What a lexer takes: what `re` prefers, or the longest text of a language; "" for nothing."""
    if terminal.source is None:
        return text[place : max(ends(terminal, text, place), default=place)]
    match = compiled(terminal.source).match(text, place)
    return match.group() if match else ""


class Lalr:
    """LALR(1) by propagation of lookaheads over the LR(0) automaton until nothing changes; empty productions stay.

    `rows[state]`: terminal -> actions, which are ("shift", state), ("reduce", production) and ("accept", 0).
    """

    def __init__(self, cfg: Cfg) -> None:
        self.cfg = cfg
        self.base = len(cfg.terminals)
        self.bodies = [(cfg.start,)] + [p.body for p in cfg.productions]
        self.heads = [None] + [p.head for p in cfg.productions]
        self.of_rule = defaultdict(list)
        for index, head in enumerate(self.heads):
            if head is not None:
                self.of_rule[head].append(index)
        self.empty = nullable(cfg)
        self.first = self._first()
        self.states: dict[frozenset[tuple[int, int]], int] = {}
        self.gotos: list[dict[int, int]] = []
        self.kernels: list[dict[tuple[int, int], set[int]]] = []
        self._explore()
        self._propagate()
        self.rows = [self._row(state) for state in range(len(self.kernels))]
        self.conflicts = sum(len(actions) > 1 for row in self.rows for actions in row.values())

    def _first(self) -> dict[int, set[int]]:
        first = {t: {t} for t in range(self.base)} | {head: set() for head in self.of_rule}
        grown = True
        while grown:
            grown = False
            for head, body in zip(self.heads, self.bodies, strict=True):
                if head is None:
                    continue
                found = self.first_of(body, set(), first)
                if not found <= first[head]:
                    first[head] |= found
                    grown = True
        return first

    def first_of(self, body, behind, first=None) -> set[int]:
        first = self.first if first is None else first
        found: set[int] = set()
        for symbol in body:
            found |= first.get(symbol, set())
            if symbol not in self.empty:
                return found
        return found | behind

    def _explore(self) -> None:
        self._state(frozenset({(0, 0)}))
        for state, kernel in enumerate(self.kernels):
            targets = defaultdict(set)
            for index, dot in self._lr0(kernel):
                if dot < len(self.bodies[index]):
                    targets[self.bodies[index][dot]].add((index, dot + 1))
            self.gotos[state] = {symbol: self._state(frozenset(items)) for symbol, items in targets.items()}

    def _lr0(self, kernel) -> set[tuple[int, int]]:
        items, pending = set(kernel), list(kernel)
        while pending:
            index, dot = pending.pop()
            if dot < len(self.bodies[index]):
                for inner in self.of_rule.get(self.bodies[index][dot], ()):
                    if (inner, 0) not in items:
                        items.add((inner, 0))
                        pending.append((inner, 0))
        return items

    def _state(self, kernel: frozenset[tuple[int, int]]) -> int:
        if kernel not in self.states:
            self.states[kernel] = len(self.kernels)
            self.kernels.append({item: set() for item in kernel})
            self.gotos.append({})
        return self.states[kernel]

    def _propagate(self) -> None:
        self.kernels[0][0, 0].add(END)
        grown = True
        while grown:
            grown = False
            for state, kernel in enumerate(self.kernels):
                for (index, dot), ahead in self._closed(kernel).items():
                    if dot < len(self.bodies[index]):
                        target = self.kernels[self.gotos[state][self.bodies[index][dot]]][index, dot + 1]
                        if not ahead <= target:
                            target |= ahead
                            grown = True

    def _closed(self, kernel) -> dict[tuple[int, int], set[int]]:
        items = {item: set(ahead) for item, ahead in kernel.items()}
        grown = True
        while grown:
            grown = False
            for (index, dot), ahead in list(items.items()):
                body = self.bodies[index]
                if dot < len(body) and body[dot] >= self.base:
                    behind = self.first_of(body[dot + 1 :], ahead)
                    for inner in self.of_rule[body[dot]]:
                        known = items.setdefault((inner, 0), None)
                        if known is None or not behind <= known:
                            items[inner, 0] = behind | (known or set())
                            grown = True
        return items

    def _row(self, state: int) -> dict[int, set[tuple[str, int]]]:
        row = defaultdict(set)
        for (index, dot), ahead in self._closed(self.kernels[state]).items():
            if dot < len(self.bodies[index]):
                symbol = self.bodies[index][dot]
                if symbol < self.base:
                    row[symbol].add(("shift", self.gotos[state][symbol]))
            elif index:
                for terminal in ahead:
                    row[terminal].add(("reduce", index))
            else:
                row[END].add(("accept", 0))
        return dict(row)


class Lexical:
    """The lexical discipline, literally: sets of parser stacks, one lexeme at a time."""

    def __init__(self, cfg: Cfg) -> None:
        assert cfg.lexing == "lexical"
        self.cfg = cfg
        self.tables = Lalr(cfg)

    def accepts(self, text: str) -> bool:
        return self.lexemes(text) is not None

    def lexemes(self, text: str) -> list[tuple[str, str]] | None:
        """The lexemes that the parser was fed, ignored ones left out; None where the text is not accepted."""
        self.stacks = {(0,)}
        self.fed: list[tuple[str, str]] = []
        self.levels, self.brackets = [0], 0
        place = 0
        while place < len(text):
            found = self.next_lexeme(text, place)
            if found is None:
                return None
            terminal, lexeme, ignored = found
            place += len(lexeme)
            if not ignored and not self.post_lex(terminal, lexeme):
                return None
        if self.cfg.indentation:
            for _ in self.levels[1:]:
                self.feed(self.cfg.indentation.dedent, "")
        done = any(self._ends(stack) for stack in self._reduced(END))
        return self.fed if done or (self.cfg.nullable and not self.fed) else None

    def next_lexeme(self, text: str, place: int) -> tuple[int, str, bool] | None:
        cfg = self.cfg
        wanted = {t for stack in self.stacks for t in self.tables.rows[stack[-1]]} - {END}
        wanted = (
            wanted | cfg.ignored | ({cfg.indentation.newline} if cfg.indentation else set())
        ) - cfg.declared
        pairs = [(k, p) for k, p in cfg.keywords if k in wanted and p in wanted]
        hidden = {k for k, p in pairs if (k, p) not in cfg.also_scanned}
        for terminal in sorted(wanted - hidden):
            lexeme = first_lexeme(cfg.terminals[terminal], text, place)
            if lexeme:
                ignored = terminal in cfg.ignored
                for keyword in sorted(k for k, p in pairs if p == terminal):
                    if compiled(cfg.terminals[keyword].source).fullmatch(lexeme):
                        return keyword, lexeme, ignored
                return terminal, lexeme, ignored
        return None

    def post_lex(self, terminal: int, lexeme: str) -> bool:
        """Lark's Indenter, then the parser."""
        indentation = self.cfg.indentation
        if indentation is None:
            return self.feed(terminal, lexeme)
        if terminal == indentation.newline:
            return self.brackets > 0 or (self.feed(terminal, lexeme) and self._new_line(lexeme))
        if not self.feed(terminal, lexeme):
            return False
        self.brackets += (terminal in indentation.opening) - (terminal in indentation.closing)
        return self.brackets >= 0

    def _new_line(self, lexeme: str) -> bool:
        indentation = self.cfg.indentation
        blanks = lexeme.rsplit("\n", 1)[1]
        width = blanks.count(" ") + blanks.count("\t") * indentation.tab_width
        if width > self.levels[-1]:
            self.levels.append(width)
            return self.feed(indentation.indent, blanks)
        while width < self.levels[-1]:
            self.levels.pop()
            if not self.feed(indentation.dedent, blanks):
                return False
        return width == self.levels[-1]

    def feed(self, terminal: int, lexeme: str) -> bool:
        self.fed.append((self.cfg.terminals[terminal].name, lexeme))
        shifted = set()
        for stack in self._reduced(terminal):
            for kind, target in self.tables.rows[stack[-1]].get(terminal, ()):
                if kind == "shift":
                    shifted.add((*stack, target))
        self.stacks = shifted
        return bool(shifted)

    def _reduced(self, terminal: int) -> set[tuple[int, ...]]:
        """All stacks that reductions before this terminal lead to."""
        seen, pending = set(self.stacks), list(self.stacks)
        while pending:
            stack = pending.pop()
            for kind, index in self.tables.rows[stack[-1]].get(terminal, ()):
                if kind == "reduce":
                    rest = stack[: len(stack) - len(self.tables.bodies[index])]
                    fresh = (*rest, self.tables.gotos[rest[-1]][self.tables.heads[index]])
                    assert len(fresh) < 2000, "a grammar that reduces without end: take its normal form"
                    if fresh not in seen:
                        seen.add(fresh)
                        pending.append(fresh)
        return seen

    def _ends(self, stack: tuple[int, ...]) -> bool:
        return ("accept", 0) in self.tables.rows[stack[-1]].get(END, ())
