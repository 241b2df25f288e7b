"""Rules with operators, as the readers of GBNF and EBNF write them down, and what becomes of them: a scannerless
grammar.

What is regular becomes a terminal, as big as possible: a rule without recursion and every run of a sequence
that has no other rule in it is one expression, read by one automaton without a stack. A terminal is never
empty, so one that could be is a rule of two alternatives. What is left unfolds as usual: an alternation
inside is a rule, x* a left-recursive list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from treadle.errors import InvalidConstraint, LimitExceeded, UnsupportedFeature
from treadle.frontends.grammars.reading import Reading
from treadle.frontends.regex import parse_python
from treadle.grammar.analysis import productive, reachable
from treadle.grammar.cfg import Cfg, Production, Terminal
from treadle.grammar.emptiness import is_empty
from treadle.grammar.expression import (
    ANY_CHAR,
    EPSILON,
    NOTHING,
    Expr,
    alternate,
    as_words,
    complement,
    concat,
    intersect,
    repeat,
)
from treadle.grammar.rules import Node

#: Copies of something that is not regular, for x{m,n}.
COPIES = 5_000

_SOME_TEXT = repeat(ANY_CHAR, 1, None)


@dataclass(frozen=True, slots=True)
class Language:
    expr: Expr


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    where: str


@dataclass(frozen=True, slots=True)
class Row:
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Options:
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Times:
    item: Item
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class Except:
    """Texts of the first that are none of the second; both have to be regular."""

    item: Item
    excluded: Item
    where: str


@dataclass(frozen=True, slots=True)
class Embedded:
    """What rules write, as the JSON of a schema: a terminal."""

    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """A whole grammar. Scannerless, because where lexemes of another one would begin nobody could say."""

    cfg: Cfg


Item = Union[Language, Name, Row, Options, Times, Except, Embedded, Nested]


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    body: Item
    where: str


def build(rules: Sequence[Rule], start: str, guards: Sequence[str] = ()) -> Reading:
    """The grammar of some rules. Raises InvalidConstraint for names that are undefined, twice there, or without end."""
    by_name: dict[str, Rule] = {}
    for rule in rules:
        if rule.name in by_name:
            raise InvalidConstraint(f"{rule.name} is defined more than once", where=rule.where)
        by_name[rule.name] = rule
    if not rules:
        raise InvalidConstraint("a grammar without rules")
    start = start or rules[0].name
    if start not in by_name:
        raise InvalidConstraint(
            "there is no start rule of this name", found=repr(start), expected=", ".join(list(by_name)[:8])
        )
    for name in guards:
        if name not in by_name:
            raise InvalidConstraint("a guard for a rule that is not there", found=repr(name))
    for rule in rules:
        for used in _names(rule.body):
            if used.name not in by_name:
                raise InvalidConstraint(f"{used.name} is used but not defined", where=used.where)
    cfg = _Unfolding(by_name, start, guards).cfg()
    _check_ends(cfg)
    return Reading(cfg, tuple(_unused(by_name, start)))


def _names(item: Item) -> Iterator[Name]:
    pending = [item]
    while pending:
        match pending.pop():
            case Name() as name:
                yield name
            case Row(items) | Options(items):
                pending.extend(reversed(items))
            case Times(inner):
                pending.append(inner)
            case Except(inner, excluded):
                pending += [excluded, inner]
            case _:
                pass


def _unused(rules: Mapping[str, Rule], start: str) -> Iterator[tuple[str, str]]:
    seen = {start}
    pending = [start]
    while pending:
        fresh = {name.name for name in _names(rules[pending.pop()].body)} - seen
        seen |= fresh
        pending.extend(fresh)
    for name, rule in rules.items():
        if name not in seen:
            yield rule.where, f"rule {name} is never used"


def _check_ends(cfg: Cfg) -> None:
    finite = productive(cfg)
    for symbol in sorted(reachable(cfg)):
        if symbol not in finite and symbol >= len(cfg.terminals):
            index = symbol - len(cfg.terminals)
            raise InvalidConstraint(
                f"rule {cfg.rule_names[index]} has no end: every alternative of it needs itself",
                where=cfg.rule_places[index],
            )


def _language(terminal: Terminal) -> Expr:
    if terminal.language is not None:
        return terminal.language
    return NOTHING if terminal.source is None else parse_python(terminal.source)


def _terminal(index: int, expr: Expr | Embedded) -> Terminal:
    """A terminal, which is named after its text where it has just one."""
    if isinstance(expr, Embedded):
        return Terminal(f"T{index}", rules=expr.node)
    words = as_words(expr, 1) if expr.max_length is not None and expr.max_length <= 100 else None
    only = words[0] if words is not None and len(words) == 1 else None
    return Terminal(f"T{index}" if only is None else repr(only), language=expr, text=only)


class _Unfolding:
    def __init__(self, rules: Mapping[str, Rule], start: str, guards: Sequence[str]) -> None:
        self.rules = rules
        self.start = start
        self.guards = guards
        self.regular: dict[str, Expr | None] = {}
        self._find_regular()
        #: Rules are counted from -1 downwards until the number of terminals is known.
        self.rule_numbers: dict[str, int] = {}
        self.names: list[tuple[str, str]] = []
        self.terminals: dict[Expr | Embedded, int] = {}
        self.productions: dict[Production, None] = {}
        self.known: dict[tuple[object, ...], int] = {}
        self.pending: list[str] = []

    def cfg(self) -> Cfg:
        self._rule_symbol(self.start)
        while self.pending:
            name = self.pending.pop(0)
            rule = self.rules[name]
            guard = name if name in self.guards else ""
            for body in self._bodies(rule.body, rule):
                self.productions[Production(self.rule_numbers[name], body, guard)] = None
        base = len(self.terminals)

        def number(symbol: int) -> int:
            return symbol if symbol >= 0 else base - 1 - symbol

        return Cfg(
            terminals=tuple(map(_terminal, range(base), self.terminals)),
            rule_names=tuple(name for name, _ in self.names),
            productions=tuple(
                Production(number(p.head), tuple(map(number, p.body)), p.guard) for p in self.productions
            ),
            start=base,
            lexing="scannerless",
            # A language without texts, as an exception of everything, never comes.
            declared=frozenset(
                index
                for index, expr in enumerate(self.terminals)
                if isinstance(expr, Expr) and is_empty(expr)
            ),
            rule_places=tuple(where for _, where in self.names),
        )

    # ---- what is regular

    def _find_regular(self) -> None:
        """The expression of each rule without recursion and guards, innermost first."""
        opened: set[str] = set()
        pending = [(name, False) for name in self.rules]
        while pending:
            name, done = pending.pop()
            if name in self.regular:
                continue
            if done:
                self.regular[name] = self._expr(self.rules[name].body) if name not in self.guards else None
            elif name in opened:
                self.regular[name] = None  # on a circle, through the names between
            else:
                opened.add(name)
                pending.append((name, True))
                inner = dict.fromkeys(used.name for used in _names(self.rules[name].body))
                pending.extend((used, False) for used in inner if used not in self.regular)

    def _expr(self, item: Item) -> Expr | None:
        """The language of an item; None where it is not regular, as far as is seen."""
        match item:
            case Language(expr):
                return expr
            case Name(name):
                return self.regular.get(name)
            case Times(inner, low, high):
                body = self._expr(inner)
                return None if body is None else repeat(body, low, high)
            case Except():
                return self._difference(item)
            case Embedded() | Nested():
                return None
            case Row(items) | Options(items):
                parts = [self._expr(each) for each in items]
                exprs = [part for part in parts if part is not None]
                if len(exprs) < len(parts):
                    return None
                return concat(*exprs) if isinstance(item, Row) else alternate(*exprs)

    def _difference(self, item: Except) -> Expr:
        first, second = self._expr(item.item), self._expr(item.excluded)
        if first is None or second is None:
            raise UnsupportedFeature(
                "an exception from or of something that is not regular", where=item.where
            )
        return intersect(first, complement(second))

    # ---- symbols and productions

    def _rule_symbol(self, name: str) -> int:
        if name not in self.rule_numbers:
            self.rule_numbers[name] = self._new_rule(name, self.rules[name].where)
            self.pending.append(name)
        return self.rule_numbers[name]

    def _new_rule(self, name: str, where: str) -> int:
        self.names.append((name, where))
        return -len(self.names)

    def _terminal(self, expr: Expr, rule: Rule) -> tuple[int, ...]:
        """A regular language as one symbol, or none where it is just the empty text."""
        if expr is EPSILON:
            return ()
        if not expr.nullable:
            return (self.terminals.setdefault(expr, len(self.terminals)),)
        written = intersect(expr, _SOME_TEXT)
        if is_empty(written):
            return ()
        return (self._helper("optional", (written,), rule, [(), self._terminal(written, rule)]),)

    def _helper(
        self, kind: str, key: tuple[object, ...], rule: Rule, bodies: Sequence[tuple[int, ...]]
    ) -> int:
        """A rule for a part of another; the same part again is the same rule."""
        full = (kind, *key)
        if full not in self.known:
            symbol = self.known[full] = self._new_rule(f"{rule.name}.{kind}{len(self.names)}", rule.where)
            for body in bodies:
                self.productions[Production(symbol, body)] = None
        return self.known[full]

    def _bodies(self, item: Item, rule: Rule) -> list[tuple[int, ...]]:
        """An item as alternatives."""
        expr = self._expr(item)
        if expr is not None:
            return [] if expr is NOTHING else [self._terminal(expr, rule)]
        if isinstance(item, Options):
            regular = [expr for expr in map(self._expr, item.items) if expr is not None]
            bodies = [self._terminal(alternate(*regular), rule)] if regular else []
            for option in item.items:
                if self._expr(option) is None:
                    bodies += self._bodies(option, rule)
            return bodies
        return [self._row(item, rule)]

    def _row(self, item: Item, rule: Rule) -> tuple[int, ...]:
        """An item as one sequence of symbols."""
        match item:
            case Name(name):
                return (self._rule_symbol(name),)
            case Row(items):
                return self._sequence(items, rule)
            case Times(inner, low, high):
                return self._times(inner, low, high, rule)
            case Embedded():
                return (self.terminals.setdefault(item, len(self.terminals)),)
            case Nested(cfg):
                return (self._nested(cfg, rule),)
            case _:
                bodies = self._bodies(item, rule)
                return (
                    bodies[0] if len(bodies) == 1 else (self._helper("part", (tuple(bodies),), rule, bodies),)
                )

    def _sequence(self, items: Sequence[Item], rule: Rule) -> tuple[int, ...]:
        """Runs of what is regular as one terminal each."""
        symbols: list[int] = []
        run: Expr = EPSILON
        for item in items:
            expr = self._expr(item)
            if expr is not None:
                run = concat(run, expr)
            else:
                symbols += (*self._terminal(run, rule), *self._row(item, rule))
                run = EPSILON
        return (*symbols, *self._terminal(run, rule))

    def _nested(self, cfg: Cfg, rule: Rule) -> int:
        """The start of another grammar, whose rules come with it under their names.

        What it ignores may stand before its text and behind each of its terminals, which is to say between any two.
        """
        key = ("nested", id(cfg))
        if key in self.known:
            return self.known[key]
        whole = self.known[key] = self._new_rule(f"{rule.name}.grammar{len(self.names)}", rule.where)
        gap = repeat(alternate(*(_language(cfg.terminals[one]) for one in sorted(cfg.ignored))), 0, None)
        symbols: dict[int, tuple[int, ...]] = {}
        for index, terminal in enumerate(cfg.terminals):
            if index in cfg.declared:
                continue
            if terminal.rules is None:
                symbols[index] = self._terminal(concat(_language(terminal), gap), rule)
            else:
                embedded = self.terminals.setdefault(Embedded(terminal.rules), len(self.terminals))
                symbols[index] = (embedded, *self._terminal(gap, rule))
        places = cfg.rule_places or ("",) * len(cfg.rule_names)
        for index, name in enumerate(cfg.rule_names):
            symbols[len(cfg.terminals) + index] = (self._new_rule(name, places[index]),)
        for production in cfg.productions:
            if all(symbol in symbols for symbol in production.body):
                body = tuple(one for symbol in production.body for one in symbols[symbol])
                (head,) = symbols[production.head]
                self.productions[Production(head, body, production.guard)] = None
        before = self._terminal(gap, rule)
        self.productions[Production(whole, (*before, *symbols[cfg.start]))] = None
        if cfg.nullable:
            self.productions[Production(whole, before)] = None
        return whole

    def _times(self, inner: Item, low: int, high: int | None, rule: Rule) -> tuple[int, ...]:
        if max(low, high or 0) > COPIES:
            raise LimitExceeded(
                "too many repetitions of something that is not regular",
                limit="COPIES", value=COPIES, where=rule.where,
            )  # fmt: skip
        row = self._row(inner, rule)
        one = row[0] if len(row) == 1 else self._helper("item", (row,), rule, [row])
        if high is None:
            key = ("list", one)
            if key not in self.known:
                symbol = self.known[key] = self._new_rule(f"{rule.name}.list{len(self.names)}", rule.where)
                self.productions[Production(symbol, (one,))] = None
                self.productions[Production(symbol, (symbol, one))] = None
            some = self.known[key]
            if low > 0:
                return (*(one,) * (low - 1), some)
            return (self._helper("optional", (some,), rule, [(), (some,)]),)
        rest: tuple[int, ...] = ()
        for _ in range(high - low):
            rest = (self._helper("more", (one, rest), rule, [(), (one, *rest)]),)
        return (*(one,) * low, *rest)
