"""normal_form keeps the language: by enumeration of all short texts of random grammars, before and after."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from treadle.errors import UnsupportedFeature
from treadle.frontends.grammars.lark_syntax import read_lark
from treadle.grammar import normal_form as module
from treadle.grammar.analysis import nullable, productive, reachable
from treadle.grammar.cfg import Cfg, Production, Terminal
from treadle.grammar.normal_form import (
    normal_form,
    with_operator_lists,
    without_empty,
    without_unit_cycles,
    without_useless,
)

LONGEST = 5


def language(cfg: Cfg, longest: int = LONGEST) -> set[tuple[int, ...]]:
    """All texts of at most so many terminals: a fixed point of sets of texts."""
    texts: dict[int, set[tuple[int, ...]]] = {t: {(t,)} for t in range(len(cfg.terminals))}
    texts |= {len(cfg.terminals) + r: set() for r in range(len(cfg.rule_names))}
    grown = True
    while grown:
        grown = False
        for production in cfg.productions:
            found: set[tuple[int, ...]] = {()}
            for symbol in production.body:
                found = {a + b for a in found for b in texts[symbol] if len(a) + len(b) <= longest}
            if not found <= texts[production.head]:
                texts[production.head] |= found
                grown = True
    return texts[cfg.start] | ({()} if cfg.nullable else set())


def random_cfg(rng: random.Random) -> Cfg:
    terminals = rng.randint(1, 3)
    rules = rng.randint(1, 4)
    symbols = range(terminals + rules)
    productions = [
        Production(
            terminals + rng.randrange(rules), tuple(rng.choices(symbols, k=rng.choice([0, 1, 1, 2, 2, 3, 4])))
        )
        for _ in range(rng.randint(1, 8))
    ]
    return Cfg(
        tuple(Terminal(name, name, text=name) for name in "abc"[:terminals]),
        tuple(f"r{index}" for index in range(rules)),
        tuple(productions),
        start=terminals,
    )


def operators_cfg(rng: random.Random) -> Cfg:
    """An expression without levels, with other rules on the way."""
    base = random_cfg(rng)
    rule = base.start
    others = range(len(base.terminals) + len(base.rule_names))
    bodies = []
    for shape in rng.choices(["infix", "prefix", "postfix", "operand", "unit"], k=rng.randint(2, 6)):
        inner = tuple(rng.choices(others, k=rng.choice([0, 1, 1, 2])))
        bodies.append(
            {
                "infix": (rule, *inner, rule),
                "prefix": (*inner, rule),
                "postfix": (rule, *inner),
                "operand": inner,
                "unit": (rng.choice(others),),
            }[shape]
        )
    heads = [rng.choice([rule, rule, *range(len(base.terminals), len(others))]) for _ in bodies]
    return replace(base, productions=base.productions + tuple(map(Production, heads, bodies)))


def cfgs(count: int) -> list[Cfg]:
    rng = random.Random(5)
    return [(random_cfg, operators_cfg)[number % 2](rng) for number in range(count)]


@pytest.mark.parametrize("run", [without_useless, without_empty, without_unit_cycles, normal_form])
def test_a_pass_keeps_the_language(run):
    for cfg in cfgs(600):
        assert language(run(cfg)) == language(cfg), cfg


def test_operator_lists_keep_the_language():
    changed = 0
    for cfg in cfgs(1200):
        before = without_unit_cycles(without_empty(cfg))
        after = with_operator_lists(before)
        changed += after.productions != before.productions
        assert language(after) == language(before), cfg
    assert changed > 100


def test_nothing_useless_or_empty_or_cyclic_is_left():
    for cfg in cfgs(600):
        result = normal_form(cfg)
        assert not nullable(result)
        assert all(len(p.body) for p in result.productions)
        rules = set(range(len(cfg.terminals), len(cfg.terminals) + len(result.rule_names)))
        assert rules - {result.start} <= productive(result)
        assert rules <= reachable(result)
        assert len(set(result.productions)) == len(result.productions)
        assert without_unit_cycles(result) == result
        assert normal_form(result).productions == result.productions or language(result) == language(cfg)


def derivations(cfg: Cfg, length: int) -> int:
    """The number of derivation trees of the texts of one length, for grammars without empty and cyclic derivations."""
    known: dict[tuple[int, int], int] = {}

    def of_symbol(symbol: int, n: int) -> int:
        if symbol < len(cfg.terminals):
            return n == 1
        if (symbol, n) not in known:
            known[symbol, n] = sum(of_body(p.body, n) for p in cfg.productions if p.head == symbol)
        return known[symbol, n]

    def of_body(body: tuple[int, ...], n: int) -> int:
        if len(body) == 1:
            return of_symbol(body[0], n)
        return sum(of_symbol(body[0], k) * of_body(body[1:], n - k) for k in range(1, n))

    return of_symbol(cfg.start, length)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ('start: start start | "a" |', 12),
        ('start: start "+" start | start "*" start | "a"', 13),
        ('start: start start | "a"', 12),
        ('?start: add | "a"\nadd: start "+" start', 13),
        ('?start: term | start "+" start\n?term: start "*" start | "a"', 13),
    ],
)
def test_expressions_without_levels_have_one_derivation_each(text, length):
    cfg = normal_form(read_lark(text).cfg)
    texts = [word for word in language(cfg, length) if len(word) == length]
    assert derivations(cfg, length) == len(texts) > 0


def test_levels_written_out_stay_as_they_are():
    text = 'start: start "+" term | term\nterm: term "*" factor | factor\nfactor: "a" | "(" start ")" | "-" factor'
    cfg = read_lark(text).cfg
    assert normal_form(cfg) == cfg


def test_many_optional_parts_do_not_multiply_out():
    rules = "\n".join(f"r{n}: X{n} |\nX{n}: /x{n}/" for n in range(40))
    cfg = read_lark("start: " + " ".join(f"r{n}" for n in range(40)) + "\n" + rules.replace("r", "r")).cfg
    result = normal_form(cfg)
    assert result.nullable
    assert len(result.productions) < 400


def test_guarded_productions_are_kept():
    cfg = read_lark('start: start "+" start | name\nname: /[a-z]+/', guards=["name"]).cfg
    assert [p.guard for p in normal_form(cfg).productions].count("name") == 1
    cfg = read_lark('start: start "+" start | name\nname: /[a-z]+/', guards=["start"]).cfg
    assert normal_form(cfg) == cfg


@pytest.mark.parametrize(
    ("text", "guard"), [('start: "x" name\nname: "a"?', "name"), ('start: name | "x"\nname: start', "name")]
)
def test_guards_that_no_parser_could_ask_are_refused(text, guard):
    with pytest.raises(UnsupportedFeature) as caught:
        normal_form(read_lark(text, guards=[guard]).cfg)
    assert caught.value.where == "line 2 column 1" or guard == "name"


@pytest.mark.parametrize(
    ("place", "mutant"),
    [
        ("_Expression._with_postfix", lambda self, growing, operands: operands),
        ("_Expression._with_prefix", lambda self, growing: self.operands),
        ("nullable", lambda cfg: frozenset()),
        ("_lifted", lambda rule, of_rule, terminals: [p.body for p in of_rule[rule]][:-1]),
    ],
)
def test_the_enumeration_notices_what_is_lost(monkeypatch, place, mutant):
    owner, _, name = place.rpartition(".")
    monkeypatch.setattr(getattr(module, owner) if owner else module, name, mutant)
    assert any(language(normal_form(cfg)) != language(cfg) for cfg in cfgs(600))
