"""Language-preserving simplifications of a context-free grammar, so that a parser over its tables terminates and
stays narrow.

In: any grammar. Out: one with the same texts that has no useless rule, no empty production (`Cfg.nullable`
says whether the empty text belongs to it), no rule that derives just itself, no production twice; and in
which expressions written without levels, as E -> E "+" E | "-" E | E "!" | N or S -> S S | "a", are lists,
which have one derivation for each text where the original has exponentially many. Each pass is a function
with the argument why it keeps the language.

Guards: a guarded production is never merged, lifted or rewritten to a list. A guarded rule that could be
empty, or that derives just itself, is refused.

N.B. The tables of the result are not those of the original. The *language* is the same; but the terminals
that an LALR(1) row lists may differ by some that cannot really follow, and a lexical grammar asks the row
what to look for. Where lark's own rows are wanted, tables are to be made of the grammar as read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from treadle.errors import UnsupportedFeature
from treadle.grammar.analysis import nullable, productive, reachable
from treadle.grammar.cfg import Cfg, Production

Body = tuple[int, ...]

#: Symbols of one body that may be left out, before the body is cut in two: 2^k productions come of it.
_OPTIONAL = 3


def normal_form(cfg: Cfg) -> Cfg:
    """All passes, in the order in which each leaves nothing for the ones before it."""
    cfg = without_useless(cfg)
    cfg = without_empty(cfg)
    cfg = without_unit_cycles(cfg)
    cfg = without_useless(cfg)
    cfg = without_powers(cfg)
    cfg = with_operator_lists(cfg)
    return without_useless(cfg)


def without_useless(cfg: Cfg) -> Cfg:
    """No rule that is not reached or has no text, no production twice; rules are numbered anew, terminals are not.

    A production with a symbol that has no text is part of no derivation of a text, nor is one that is not reached.
    """
    finite = productive(cfg)
    cfg = replace(cfg, productions=tuple(p for p in cfg.productions if finite.issuperset(p.body)))
    reached = reachable(cfg)
    return _numbered(cfg, (p for p in cfg.productions if p.head in reached), reached)


def _numbered(cfg: Cfg, productions: Iterable[Production], kept: frozenset[int]) -> Cfg:
    """A grammar with the rules of `kept` only."""
    base = len(cfg.terminals)
    rules = [base + index for index in range(len(cfg.rule_names)) if base + index in kept]
    number = {rule: base + index for index, rule in enumerate(rules)}
    number.update((terminal, terminal) for terminal in range(base))
    renamed = (
        Production(number[p.head], tuple([number[symbol] for symbol in p.body]), p.guard) for p in productions
    )
    places = [cfg.rule_places[rule - base] for rule in rules] if cfg.rule_places else []
    return replace(
        cfg,
        rule_names=tuple(cfg.rule_names[rule - base] for rule in rules),
        productions=tuple(_distinct(renamed)),
        start=number[cfg.start],
        rule_places=tuple(places),
    )


def _distinct(productions: Iterable[Production]) -> Iterator[Production]:
    """Each production once; A -> A, which derives nothing new, and a guarded twin of an unguarded one not at all."""
    found = list(dict.fromkeys(productions))
    unguarded = {(p.head, p.body) for p in found if not p.guard}
    return (
        p for p in found if p.body != (p.head,) and not (p.guard and (p.head, p.body) in unguarded)
    )  # fmt: skip


# ---- empty productions


def without_empty(cfg: Cfg) -> Cfg:
    """No empty production: every choice of symbols that may be empty is left out instead.

    The classic construction (Bar-Hillel, Perles & Shamir 1961): a subtree that derives the empty text can be cut out of
    a derivation, and what is cut out here can be put back, so the languages are equal up to the empty text itself. A
    body with many such symbols is first cut: A -> x y z becomes A -> x R, R -> y z, which keeps the language and, with
    R at the end, the determinism of an LR parser.
    """
    empty = nullable(cfg)
    growing = _Growing(cfg)
    for production in cfg.productions:
        if production.guard and empty.issuperset(production.body):
            raise UnsupportedFeature(
                "a guarded rule that may be empty", where=_place(cfg, production.head), found=production.guard
            )
        growing.add_with_omissions(production, empty)
    return replace(growing.grammar(), nullable=cfg.nullable or cfg.start in empty)


class _Growing:
    """A grammar in the making: productions, and rules that are added to those of another grammar."""

    def __init__(self, cfg: Cfg) -> None:
        self.cfg = cfg
        self.names = list(cfg.rule_names)
        self.places = list(cfg.rule_places)
        self.productions: dict[Production, None] = {}
        self._tails: dict[Body, int] = {}

    def grammar(self) -> Cfg:
        return replace(
            self.cfg,
            rule_names=tuple(self.names),
            productions=tuple(_distinct(self.productions)),
            rule_places=tuple(self.places),
        )

    def rule(self, origin: int, what: str) -> int:
        """A new rule that came of another one."""
        index = origin - len(self.cfg.terminals)
        self.names.append(f"{self.names[index]}.{what}{len(self.names)}")
        if self.places:
            self.places.append(self.places[index])
        return len(self.cfg.terminals) + len(self.names) - 1

    def add(self, head: int, body: Body, guard: str = "") -> None:
        if body != (head,):
            self.productions[Production(head, body, guard)] = None

    def add_with_omissions(self, production: Production, empty: frozenset[int]) -> None:
        body, rest = _cut(production.body, empty)
        options = [((symbol,), ()) if symbol in empty else ((symbol,),) for symbol in body]
        if rest:
            tail = (self._tail(production.head, rest, empty),)
            options.append((tail, ()) if empty.issuperset(rest) else (tail,))
        for choice in product(*options):
            if kept := tuple(symbol for part in choice for symbol in part):
                self.add(production.head, kept, production.guard)

    def _tail(self, head: int, rest: Body, empty: frozenset[int]) -> int:
        if rest not in self._tails:
            rule = self._tails[rest] = self.rule(head, "rest")
            self.add_with_omissions(Production(rule, rest), empty)
        return self._tails[rest]


def _cut(body: Body, empty: frozenset[int]) -> tuple[Body, Body]:
    """The body in two parts, of which the first has few symbols that may be left out."""
    places = [index for index, symbol in enumerate(body) if symbol in empty]
    if len(places) <= _OPTIONAL:
        return body, ()
    cut = places[_OPTIONAL - 1]
    return body[:cut], body[cut:]


# ---- unit cycles


def without_unit_cycles(cfg: Cfg) -> Cfg:
    """Rules that derive each other through productions of one symbol are one rule.

    A =>+ B =>+ A without guards means that A and B have the same texts, so one may stand for the other everywhere; what
    is left of the cycle is A -> A, which derives nothing new.
    """
    one_of = {rule: group[0] for group in _unit_groups(cfg, guarded=False) for rule in group}
    merged = [
        Production(one_of.get(p.head, p.head), tuple([one_of.get(s, s) for s in p.body]), p.guard)
        for p in cfg.productions
    ]
    cfg = replace(cfg, productions=tuple(_distinct(merged)), start=one_of.get(cfg.start, cfg.start))
    for group in _unit_groups(cfg, guarded=True):
        raise UnsupportedFeature("a guarded rule that derives just itself", where=_place(cfg, group[0]))
    return cfg


def _unit_groups(cfg: Cfg, *, guarded: bool) -> list[list[int]]:
    """Strongly connected rules of more than one (Tarjan 1972, with a stack of our own) by unit productions."""
    edges: dict[int, list[int]] = defaultdict(list)
    for production in cfg.productions:
        if len(production.body) == 1 and production.body[0] >= len(cfg.terminals):
            if guarded or not production.guard:
                edges[production.head].append(production.body[0])
    return [sorted(group) for group in _strongly_connected(edges) if len(group) > 1]


def _strongly_connected(edges: dict[int, list[int]]) -> Iterator[list[int]]:
    low: dict[int, int] = {}
    entered: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    work: list[tuple[int, Iterator[int]]] = []

    def enter(rule: int) -> None:
        low[rule] = entered[rule] = len(low)
        stack.append(rule)
        on_stack.add(rule)
        work.append((rule, iter(edges.get(rule, ()))))

    for root in list(edges):
        if root not in low:
            enter(root)
        while work:
            rule, targets = work[-1]
            fresh = next((target for target in targets if target not in low), None)
            if fresh is not None:
                enter(fresh)
                continue
            work.pop()
            low[rule] = min(
                [low[rule], *(low[target] for target in edges.get(rule, ()) if target in on_stack)]
            )
            if low[rule] == entered[rule]:
                start = stack.index(rule)
                group, stack[start:] = stack[start:], []
                on_stack.difference_update(group)
                yield group


# ---- expressions without levels


def without_powers(cfg: Cfg) -> Cfg:
    """No A -> A A A beside A -> A A: what is closed under concatenation of two texts is so of any number."""
    closed = {p.head for p in cfg.productions if p.body == (p.head, p.head) and not p.guard}

    def is_power(production: Production) -> bool:
        return len(production.body) > 2 and set(production.body) == {production.head} <= closed

    return replace(cfg, productions=tuple(p for p in cfg.productions if p.guard or not is_power(p)))


def with_operator_lists(cfg: Cfg) -> Cfg:
    """A -> A a A | g A | A d | b becomes A -> X | A a X,  X -> P | X d,  P -> b | g P.

    (a, g, d, b stand for any number of bodies; a may be empty; b neither begins nor ends with A.) By induction on
    derivations the texts of A are X (a X)* with X = g* b d*: each production on the left turns texts of this form
    into one of it (g goes to the first X, d to the last), and each text of the form is derived on the left. Texts of A
    inside of a, g, d and b are the same texts by the same induction. On the right each text of that form, split into
    the bodies' texts, has one derivation; on the left it has as many as there are binary trees.

    A production A -> B is first replaced by the bodies of B where B begins or ends with A (E -> sum, sum -> E "+" E),
    which keeps the language: a derivation through B goes the same way without it.

    Only where there is an `a`, or both `g` and `d`: plain left or right recursion is not ambiguous, and levels written
    out by the author stay as they are.
    """
    growing = _Growing(cfg)
    of_rule: dict[int, list[Production]] = defaultdict(list)
    for production in cfg.productions:
        of_rule[production.head].append(production)
    for rule, productions in of_rule.items():
        bodies = _lifted(rule, of_rule, len(cfg.terminals))
        expression = _Expression(rule, bodies)
        if any(p.guard for p in productions) or not expression.is_ambiguous:
            for production in productions:
                growing.productions[production] = None
        else:
            expression.write(growing)
            # What is lifted into a later rule is as it was read: equal languages, whatever has been written here.
    return growing.grammar()


def _lifted(rule: int, of_rule: dict[int, list[Production]], terminals: int) -> list[Body]:
    """The bodies of a rule, with the bodies of those of its alternatives in place that it is an operand of."""
    bodies: dict[Body, None] = {}
    pending = [p.body for p in reversed(of_rule[rule])]
    while pending:
        body = pending.pop()
        if body in bodies:
            continue
        if len(body) == 1 and body[0] >= terminals:
            inner = of_rule.get(body[0], [])
            touches = any(rule in {p.body[0], p.body[-1]} for p in inner)
            if touches and not any(p.guard for p in inner):
                pending.extend(p.body for p in reversed(inner))
                continue
        bodies[body] = None
    return list(bodies)


class _Expression:
    """The bodies of a rule, sorted by where the rule itself stands in them."""

    def __init__(self, rule: int, bodies: Sequence[Body]) -> None:
        self.rule = rule
        infix, prefix, postfix, operands = [], [], [], []
        for body in bodies:
            first, last = body[0] == rule, body[-1] == rule
            if first and last:
                infix.append(body[1:-1])
            elif last:
                prefix.append(body[:-1])
            elif first:
                postfix.append(body[1:])
            else:
                operands.append(body)
        self.infix, self.prefix, self.postfix, self.operands = infix, prefix, postfix, operands

    @property
    def is_ambiguous(self) -> bool:
        return bool(self.infix or (self.prefix and self.postfix)) and bool(self.operands)

    def write(self, growing: _Growing) -> None:
        with_postfix = self._with_postfix(growing, self._with_prefix(growing))
        for body in with_postfix:
            growing.add(self.rule, body)
            for operator in self.infix:
                growing.add(self.rule, (self.rule, *operator, *body))
        if not self.infix:
            for operator in self.postfix:
                growing.add(self.rule, (self.rule, *operator))

    def _with_prefix(self, growing: _Growing) -> list[Body]:
        """P, as one body unless there are no prefix operators and one operand."""
        if not self.prefix and len(self.operands) == 1:
            return self.operands
        operand = growing.rule(self.rule, "operand")
        for body in self.operands:
            growing.add(operand, body)
        for operator in self.prefix:
            growing.add(operand, (*operator, operand))
        return [(operand,)]

    def _with_postfix(self, growing: _Growing, operands: list[Body]) -> list[Body]:
        """X, which is P without postfix operators. Without infix operators the rule itself is the list of them."""
        if not self.postfix or not self.infix:
            return operands
        item = growing.rule(self.rule, "item")
        for body in operands:
            growing.add(item, body)
        for operator in self.postfix:
            growing.add(item, (item, *operator))
        return [(item,)]


def _place(cfg: Cfg, rule: int) -> str:
    return cfg.rule_places[rule - len(cfg.terminals)] if cfg.rule_places else ""
