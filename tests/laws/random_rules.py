"""Random languages from a seed: regexes, and rules of JSON-like texts as a frontend would build them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from treadle.frontends.regex import parse_ecma
from treadle.grammar import rules
from treadle.grammar.emptiness import is_empty
from treadle.grammar.expression import ANY_TEXT, Expr, complement, intersect, words

_ATOMS = (
    "a",
    "b",
    "c",
    "ab",
    "é",
    "日",
    "😀",
    ".",
    "[a-c]",
    "[^a]",
    r"\d",
    "[^b-é]",
    "[日-本]",
    "x",
    "0",
    r"\n",
    "[😀-😎]",
)

#: Languages of strings, as patterns of JSON Schema.
PATTERNS = (
    "^a*$", "^(ab|ba)+$", "^[a-c]{2,4}$", "^[^a]*$", "é", "^(é|日|😀)+$", r"^\d{3}-\d{2}$", '^["\\\\/\\n]*$',
    "^[\\u0000-\\u001f]+$",
    "^.{3}$", "a.b", "^[\\u0800-\\uffff]?$", "^(a|ab|abc)(c|bc)?$", "^\\u{10000}+$", "^x.*y$",
    "^[^\\x00-\\x7f]{1,3}$", "^(x.*|a)$",
)  # fmt: skip
WORD_SETS = (
    ("a", "b"), ("a", "aa", "aaa"), ("",), ("é", "ê", "e"), ("日本", "日", "本"), ('"', "\\", "/"), ("😀", "😁x",
    "\U0010ffff"),
    ("", "a", "abc", "abd", "b"), ("\n", "\x00", "\x1f", "\x7f"),
)  # fmt: skip


def random_regex(rng: random.Random, depth: int = 3) -> str:
    """A pattern that Python's `re`, the module `regex` and treadle read alike."""
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(_ATOMS)
    kind = rng.randrange(4)
    if kind == 0:
        return "".join(random_regex(rng, depth - 1) for _ in range(rng.randint(2, 3)))
    if kind == 1:
        return "(?:" + "|".join(random_regex(rng, depth - 1) for _ in range(rng.randint(2, 3))) + ")"
    if kind == 2:
        return random_regex(rng, depth - 1) + random_regex(rng, depth - 1)
    counter = rng.choice(("*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"))
    return f"(?:{random_regex(rng, depth - 1)}){counter}"


def random_string(rng: random.Random) -> rules.Quoted:
    kind = rng.randrange(4)
    canonical = rng.random() < 0.3
    if kind == 0:
        low = rng.randint(0, 2)
        return rules.Quoted(ANY_TEXT, low, rng.choice((None, low + 1, low + 3)), canonical)
    if kind == 1:
        return rules.Quoted(words(rng.choice(WORD_SETS)), canonical=canonical)
    if kind == 2:
        # No frontend offers a string that cannot be: the longest of the shortest texts has six characters.
        return rules.Quoted(parse_ecma(rng.choice(PATTERNS)), 0, rng.choice((None, 6, 7)), canonical)
    return rules.Quoted(complement(words(rng.choice(WORD_SETS))), 0, rng.choice((None, 3)), canonical)


@dataclass(frozen=True)
class Members:
    """What may still be written in an object: a small model of the algebra's object states."""

    key: int
    open: frozenset[str]
    closed: frozenset[str]
    classes: tuple[Expr, ...]
    indent: int | bool | None
    canonical: bool
    value: rules.Node

    def gap(self) -> rules.Node:
        return rules.EMPTY if self.indent is False else rules.Space(self.indent)

    def first(self) -> rules.Node:
        options: list[rules.Node] = [rules.Literal(b"}")]
        if self.can_continue():
            options.append(rules.Sequence((rules.Literal(b'"'), self.names())))
        return rules.Sequence((rules.Literal(b"{"), self.gap(), rules.Choice(tuple(options))))

    def can_continue(self) -> bool:
        unlisted = complement(words(self.open | self.closed))
        return bool(self.open) or any(
            not is_empty(intersect(language, unlisted)) for language in self.classes
        )

    def rest(self) -> rules.Node:
        return rules.Call(("rest", self), self._rest, least=1)

    def _rest(self) -> rules.Node:
        options: list[rules.Node] = [rules.Literal(b"}")]
        if self.can_continue():
            options.append(
                rules.Sequence((rules.Literal(b","), self.gap(), rules.Literal(b'"'), self.names()))
            )
        return rules.Sequence((self.gap(), rules.Choice(tuple(options))))

    def names(self) -> rules.Names:
        return rules.Names(
            names=tuple(sorted(self.open | self.closed)), allowed=self.open, after=self._after, others=self.classes,
            after_other=lambda _, name: self._after(name), canonical=self.canonical,
        )  # fmt: skip

    def _after(self, name: str | None) -> rules.Node:
        left = self if name is None else replace(self, open=self.open - {name}, closed=self.closed | {name})
        return rules.Sequence((self.gap(), rules.Literal(b":"), self.gap(), self.value, left.rest()))


_NAMES = ("a", "b", "ab", "aa", "é", "ê", "日", "", '"', "x", "\n", "abc", "😀")


def random_members(rng: random.Random, value: rules.Node, key: int) -> Members:
    names = rng.sample(_NAMES, rng.randint(0, 4))
    cut = rng.randint(0, len(names))
    classes: tuple[Expr, ...] = ()
    if rng.random() < 0.7 or cut == 0:
        classes = rng.choice((
            (ANY_TEXT,), (parse_ecma(rng.choice(PATTERNS)),), (words(rng.choice(WORD_SETS)),),
            _split(parse_ecma(rng.choice(PATTERNS))),
        ))  # fmt: skip
    indent = rng.choice((False, False, None, 4, 64))
    return Members(
        key, frozenset(names[:cut]), frozenset(names[cut:]), classes, indent, rng.random() < 0.2, value
    )


def _split(language: Expr) -> tuple[Expr, ...]:
    return (language, complement(language))


def random_rule(rng: random.Random, depth: int = 2) -> rules.Node:
    """A value: words, numbers, strings, arrays, objects, recursion."""
    kind = rng.randrange(8 if depth else 3)
    if kind <= 1:
        return rules.Sequence((rules.Literal(b'"'), random_string(rng)))
    if kind == 2:
        return rng.choice((
            rules.Choice((rules.Literal(b"true"), rules.Literal(b"null"), rules.Literal(b"nil"))),
            rules.Text(parse_ecma(r"^-?(0|[1-9]\d*)(\.\d+)?$")),
            rules.Text(words(("1", "12", "123", "1.5"))),
            rules.Text(parse_ecma("^[é日a]*$"), 0, 3),
        ))  # fmt: skip
    if kind == 3:
        return rules.Choice((random_rule(rng, depth - 1), random_rule(rng, depth - 1)))
    if kind == 4:
        return _array(rng, random_rule(rng, depth - 1))
    if kind == 5:
        return _recursive(rng, random_rule(rng, depth - 1))
    return random_members(rng, random_rule(rng, depth - 1), rng.getrandbits(60)).first()


def _array(rng: random.Random, item: rules.Node) -> rules.Node:
    gap = rng.choice((rules.EMPTY, rules.Space(None), rules.Space(3)))
    key = ("array", rng.getrandbits(60))

    def rest() -> rules.Node:
        more = rules.Sequence((rules.Literal(b","), gap, item, rules.Call(key, rest, least=1)))
        return rules.Sequence((gap, rules.Choice((rules.Literal(b"]"), more))))

    first = rules.Sequence((item, rules.Call(key, rest, least=1)))
    return rules.Sequence((rules.Literal(b"["), gap, rules.Choice((rules.Literal(b"]"), first))))


def _recursive(rng: random.Random, leaf: rules.Node) -> rules.Node:
    key = ("nest", rng.getrandbits(60))
    gap = rng.choice((rules.EMPTY, rules.Space(3)))

    def body() -> rules.Node:
        inner = rules.Sequence((rules.Literal(b"["), gap, again, gap, rules.Literal(b"]")))
        return rules.Choice((leaf, inner))

    again = rules.Call(key, body)
    return again
