"""Context-free grammars: what a grammar front end hands over, before any table is made of it.

Symbols are ints: 0 .. len(terminals) - 1 are terminals, those above are rules. A terminal says what its lexemes are in
one of three ways: as a regular expression in Python's dialect, of which the *preferred* match counts when the lexer
decides where a lexeme ends (`source`); as a language, of which every member is a lexeme (`language`); or as rules of
their own, which is how a JSON Schema stands inside a grammar (`rules`).

Terminals are listed in the order in which a lexer tries them (lark: priority, greatest width, length, name).
Productions are in plain Backus-Naur form: operators of EBNF are already unfolded. See `lexing` for the two disciplines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from treadle.grammar.expression import Expr
from treadle.grammar.rules import Node

#: "lexical": at each place the lexer looks for the terminals that the parser could go on with, takes the first of them
#: that matches there, as far as Python's `re` matches it, and knows no other way (lark's contextual lexer).
#: "scannerless": a terminal is whatever it matches, at any length; all ways are followed (exact over characters).
Lexing = Literal["lexical", "scannerless"]


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a lexeme of one kind looks like; exactly one of `source`, `language`, `rules` is set."""

    name: str
    #: A pattern as `re` reads it, flags inside: "(?i:select)". Compiled to prefer what `re.match` prefers.
    source: str | None = None
    language: Expr | None = None
    rules: Node | None = None
    #: The one text of a keyword or a sign; None for all others and where case is ignored.
    text: str | None = None
    #: Line and column in the grammar, for messages.
    where: str = ""


@dataclass(frozen=True, slots=True)
class Production:
    """One way to write a rule."""

    head: int
    body: tuple[int, ...]
    #: Name of a guard that may veto this production when it is complete; "" for none.
    guard: str = ""


@dataclass(frozen=True, slots=True)
class Indentation:
    """A post-lexer as lark's `Indenter`: what lines and brackets mean for blocks. Terminals by symbol."""

    #: The lexeme that ends a line and holds the white space in front of the next one.
    newline: int
    indent: int
    dedent: int
    opening: frozenset[int]
    closing: frozenset[int]
    tab_width: int = 8


@dataclass(frozen=True, slots=True)
class Cfg:
    """A context-free grammar over terminals."""

    terminals: tuple[Terminal, ...]
    #: Names of the rules; rule r is symbol len(terminals) + r.
    rule_names: tuple[str, ...]
    productions: tuple[Production, ...]
    #: The start symbol, a rule.
    start: int
    lexing: Lexing = "lexical"
    #: Terminals that may stand between any two others and mean nothing.
    ignored: frozenset[int] = frozenset()
    #: (keyword, pattern) pairs: a lexeme of `pattern` that is just the keyword's text is the keyword (lark's
    #: `_create_unless`): where the parser could take both, the keyword is not looked for by itself.
    keywords: frozenset[tuple[int, int]] = frozenset()
    #: Those of these pairs whose keyword is looked for by itself all the same, at its own place in the order (lark:
    #: it has flags that the pattern has not, so the pattern may not match all of its spellings).
    also_scanned: frozenset[tuple[int, int]] = frozenset()
    #: Terminals that no text is scanned for: they come from the post-lexer (INDENT, DEDENT) or from nowhere.
    declared: frozenset[int] = frozenset()
    indentation: Indentation | None = None
    #: May the whole text be empty? (Only here: productions are never empty once `normal_form` was called.)
    nullable: bool = False
    #: Line and column of each rule, for messages.
    rule_places: tuple[str, ...] = field(default=(), compare=False)

    @property
    def symbol_names(self) -> tuple[str, ...]:
        """Names of all symbols, terminals first."""
        return tuple(terminal.name for terminal in self.terminals) + self.rule_names
