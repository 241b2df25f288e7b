"""What llguidance adds to Lark's language: JSON Schemas, and terminals with *and* and *not*.

    value: %json { "type": "integer" }
    NAME: /[a-z]+/ & ~RESERVED

In: a grammar's text. Out: the text that lark reads, in which such terminals are only declared, and what they
are. A `%json` becomes a terminal whose texts are the JSON of the schema. A terminal with `&` (and) or a `~`
in front (not) is taken apart: what has neither is left to lark under a name of its own, the rest is built of
these (grammar/expression.py). A terminal made of such a terminal is one as well. `~` binds closer than a
sequence, a sequence closer than `&`, and `&` than `|`.

Lines stay lines, so that places in messages are those of the text as written. Only what stands in the grammar
itself is read like this, not what it imports.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Union

from treadle.errors import ConstraintError, InvalidConstraint, UnsupportedFeature
from treadle.frontends.grammars.grammar_text import GrammarText, Token, scan
from treadle.frontends.grammars.reading import Reading
from treadle.frontends.regex import parse_python
from treadle.grammar import rules
from treadle.grammar.expression import ANY_TEXT, Expr, alternate, complement, concat, intersect, repeat


@dataclass(frozen=True, slots=True)
class Leaf:
    """A terminal of lark's, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Node:
    """`operator`: | & ~ . for one of, all of, not, one after the other; or a repetition, with `bounds`."""

    operator: str
    parts: tuple[Tree, ...]
    bounds: tuple[int, int | None] = (1, 1)


Tree = Union[Leaf, Node]


@dataclass(frozen=True, slots=True)
class Extended:
    """A grammar's text without the extensions, and what was taken out of it."""

    text: GrammarText
    #: The text as it was, for places: the lines are the same.
    original: GrammarText
    #: Terminal -> the schema, as JSON.
    schemas: Mapping[str, Any] = field(default_factory=dict)
    #: Terminal -> what it is made of.
    algebra: Mapping[str, Tree] = field(default_factory=dict)
    priorities: Mapping[str, int] = field(default_factory=dict)
    #: Terminals that are only there to be parts of others, and where these parts stand.
    leaves: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """Terminals that are not lark's."""
        return frozenset(self.schemas) | frozenset(self.algebra)

    @property
    def parts(self) -> frozenset[str]:
        """Terminals of lark's that others are made of."""
        found: set[str] = set()
        pending = list(self.algebra.values())
        while pending:
            tree = pending.pop()
            if isinstance(tree, Leaf):
                found.add(tree.name)
            else:
                pending.extend(tree.parts)
        return frozenset(found) - self.names


def extended(text: str) -> Extended:
    """Take the extensions out of a grammar. Raises InvalidConstraint with line and column."""
    scanned = scan(text)
    if "%json" not in text and "&" not in text and "~" not in text and "%llguidance" not in text:
        return Extended(scanned, scanned)
    taken, schemas = _without_schemas(scanned)
    scanned = scan(taken)
    return _Algebra(scanned, schemas).extended()


def language(tree: Tree, sources: Mapping[str, str], trees: Mapping[str, Tree]) -> Expr:
    """The language of a terminal with operators. `sources`: the patterns of lark's terminals."""
    match tree:
        case Leaf(name):
            return language(trees[name], sources, trees) if name in trees else parse_python(sources[name])
        case Node(operator, parts, (low, high)):
            found = [language(part, sources, trees) for part in parts]
            if operator == "|":
                return alternate(*found)
            if operator == "&":
                return intersect(*found)
            if operator == "~":
                return intersect(complement(found[0]), ANY_TEXT)
            return concat(*found) if operator == "." else repeat(found[0], low, high)


def filled(reading: Reading, extensions: Extended, rules_of: Callable[[Any], rules.Node]) -> Reading:
    """A reading with what lark could not say of its terminals. `rules_of`: a schema as rules."""
    terminals = []
    for terminal in reading.cfg.terminals:
        if terminal.name in extensions.schemas:
            try:
                terminal = replace(terminal, rules=rules_of(extensions.schemas[terminal.name]))
            except ConstraintError as error:
                raise error.at(terminal.where) from None
        elif terminal.name in extensions.algebra:
            tree = extensions.algebra[terminal.name]
            terminal = replace(terminal, language=language(tree, reading.sources, extensions.algebra))
        terminals.append(terminal)
    return replace(reading, cfg=replace(reading.cfg, terminals=tuple(terminals)))


# ---- %json


def _without_schemas(text: GrammarText) -> tuple[str, dict[str, Any]]:
    schemas: dict[str, Any] = {}
    pieces, behind = [], 0
    for token, after in zip(text.tokens, text.tokens[1:], strict=False):
        if token.text not in {"%json", "%llguidance"} or token.offset < behind:
            continue
        if after.text != "{":
            raise InvalidConstraint(
                "wrong syntax", where=text.where(after.offset), found=after.text, expected="{"
            )
        value, end = _json(text, after.offset)
        pieces.append(text.text[behind : token.offset])
        if token.text == "%llguidance":
            if value:
                raise UnsupportedFeature(
                    "options for llguidance", where=text.where(token.offset), found=str(value)[:80]
                )
        else:
            name = _fresh("JSON", text, schemas)
            schemas[name] = value
            pieces.append(name)
        # Lark reads on over the end of a line behind a backslash.
        lines = text.text.count("\n", token.offset, end)
        pieces.append("\\\n" * lines if token.text == "%json" else "\n" * lines)
        behind = end
    pieces.append(text.text[behind:])
    return "".join(pieces) + _declared(schemas), schemas


def _json(text: GrammarText, offset: int) -> tuple[Any, int]:
    try:
        return json.JSONDecoder().raw_decode(text.text, offset)
    except json.JSONDecodeError as error:
        raise InvalidConstraint("not JSON", where=text.where(error.pos), found=error.msg) from None
    except RecursionError:
        raise InvalidConstraint("JSON nested too deeply", where=text.where(offset)) from None


def _fresh(stem: str, text: GrammarText, taken: Mapping[str, Any]) -> str:
    number = len(taken)
    while f"{stem}_{number}" in text.places or f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"


def _declared(names: Mapping[str, Any]) -> str:
    return f"\n%declare {' '.join(names)}\n" if names else ""


# ---- & and ~


class _Algebra:
    def __init__(self, text: GrammarText, schemas: Mapping[str, Any]) -> None:
        self.text = text
        self.schemas = schemas
        self.bodies = _terminal_bodies(text)
        self.names = self._with_operators()
        self.leaves: dict[str, str] = {}
        self.places: dict[str, str] = {}

    def extended(self) -> Extended:
        trees: dict[str, Tree] = {}
        priorities: dict[str, int] = {}
        cut: list[tuple[int, int]] = []
        for name in self.names:
            head, body = self.bodies[name]
            priorities[name] = next((int(token.text) for token in head if token.kind == "number"), 0)
            trees[name] = _Parser(self, body).tree()
            begin, end = head[0].offset, body[-1].offset + len(body[-1].text)
            cut.append((begin, end))
        plain = self._cut(cut) + _declared(trees)
        plain += "".join(f"{name}: {source}\n" for name, source in self.leaves.items())
        return Extended(scan(plain), self.text, self.schemas, trees, priorities, self.places)

    def _with_operators(self) -> list[str]:
        """Terminals with operators, and those that are made of them."""
        found = {name for name, (_, body) in self.bodies.items() if _has_operators(body)}
        grown = True
        while grown:
            users = {
                name
                for name, (_, body) in self.bodies.items()
                if name not in found and any(token.text in found for token in body)
            }
            found |= users
            grown = bool(users)
        return [name for name in self.bodies if name in found]

    def _cut(self, spans: list[tuple[int, int]]) -> str:
        pieces, behind = [], 0
        for begin, end in sorted(spans):
            pieces.append(self.text.text[behind:begin])
            pieces.append("\n" * self.text.text.count("\n", begin, end))
            behind = end
        return "".join([*pieces, self.text.text[behind:]])

    def leaf(self, tokens: list[Token]) -> Leaf:
        """A terminal of lark's for a part without operators; names are terminals already."""
        if len(tokens) == 1 and tokens[0].kind == "name":
            name = tokens[0].text
            if name in self.schemas:
                raise UnsupportedFeature(
                    "a JSON Schema inside of a terminal", where=self.text.where(tokens[0].offset)
                )
            return Leaf(name)
        name = _fresh("PART", self.text, self.leaves)
        # In brackets, so that lark does not take it for the terminal that a rule means by the same string.
        self.leaves[name] = "(" + " ".join(token.text for token in tokens).replace(". .", "..") + ")~1"
        self.places[name] = self.text.where(tokens[0].offset)
        return Leaf(name)


def _terminal_bodies(text: GrammarText) -> dict[str, tuple[list[Token], list[Token]]]:
    """The tokens of each terminal's definition, in front of its colon and behind it."""
    starts = {offset: name for name, offset in text.definitions.items()}
    found: dict[str, tuple[list[Token], list[Token]]] = {}
    head: list[Token] = []
    body: list[Token] | None = None
    for token in text.tokens:
        if token.offset in starts or token.kind == "directive":
            head, body = [token], None
            if token.kind == "name" and token.text.isupper():
                found[token.text] = head, []
        elif body is None and token.text == ":" and head and head[0].text in found:
            body = found[head[0].text][1]
        elif body is None:
            head.append(token)
        else:
            body.append(token)
    return found


def _has_operators(body: list[Token]) -> bool:
    return any(token.text == "&" for token in body) or any(
        token.text == "~" and after.kind != "number" for token, after in zip(body, body[1:], strict=False)
    )


class _Parser:
    """The body of a terminal, by recursive descent. Brackets are nested at most NESTING deep (grammar_text)."""

    def __init__(self, algebra: _Algebra, tokens: list[Token]) -> None:
        self.algebra = algebra
        self.tokens = tokens
        self.at = 0

    def tree(self) -> Tree:
        found = self.options()
        if self.at < len(self.tokens):
            raise self.error()
        return found

    @property
    def next(self) -> str:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        return token.text if token is not None and token.kind == "other" else "" if token is None else " "

    def takes(self, text: str) -> bool:
        found = self.next == text
        self.at += found
        return found

    def error(self) -> InvalidConstraint:
        token = self.tokens[min(self.at, len(self.tokens) - 1)]
        where = self.algebra.text.where(token.offset)
        return InvalidConstraint(
            "wrong syntax in a terminal with & or ~", where=where, found=repr(token.text)
        )

    def options(self) -> Tree:
        return self._joined("|", lambda: self._joined("&", self.sequence))

    def _joined(self, operator: str, part: Any) -> Tree:
        parts = [part()]
        while self.takes(operator):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Node(operator, tuple(parts))

    def sequence(self) -> Tree:
        parts = []
        while self.next not in {"", "|", "&", ")", "]"}:
            parts.append(self.item())
        if not parts:
            raise self.error()
        return parts[0] if len(parts) == 1 else Node(".", tuple(parts))

    def item(self) -> Tree:
        if self.takes("~"):
            return Node("~", (self.item(),))
        tree = self.atom()
        while self.next in {"?", "*", "+"} or (self.next == "~" and self._is_count()):
            tree = Node("{}", (tree,), self.bounds())
        return tree

    def bounds(self) -> tuple[int, int | None]:
        operator = self.next
        self.at += 1
        if operator != "~":
            return {"?": (0, 1), "*": (0, None), "+": (1, None)}[operator]
        low = high = self.number()
        if self.takes("."):
            if not self.takes("."):
                raise self.error()
            high = self.number()
        if high < low:
            raise self.error()
        return low, high

    def number(self) -> int:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None or not token.text.isdecimal():
            raise self.error()
        self.at += 1
        return int(token.text)

    def atom(self) -> Tree:
        for opening, closing in ("()", "[]"):
            if self.takes(opening):
                inner = self.options()
                if not self.takes(closing):
                    raise self.error()
                return inner if opening == "(" else Node("{}", (inner,), (0, 1))
        begin = self.at
        if self.at >= len(self.tokens) or self.tokens[self.at].kind not in {"name", "string", "regexp"}:
            raise self.error()
        self.at += 1
        if self.tokens[begin].kind == "string" and self.tokens[self.at : self.at + 2] and self._is_range():
            self.at += 3
        return self.algebra.leaf(self.tokens[begin : self.at])

    def _is_count(self) -> bool:
        return any(token.kind == "number" for token in self.tokens[self.at + 1 : self.at + 2])

    def _is_range(self) -> bool:
        texts = [token.text for token in self.tokens[self.at : self.at + 2]]
        return (
            texts == [".", "."]
            and self.at + 2 < len(self.tokens)
            and self.tokens[self.at + 2].kind == "string"
        )
