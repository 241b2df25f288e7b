"""Lark's grammar language -> a context-free grammar, read by lark itself.

In: the text of a grammar. Out: its productions in Backus-Naur form and its terminals in the order in which
lark's lexer tries them. Lark loads the text (imports, templates, %override, %extend), unfolds the operators
and compiles the terminals, so that all of this means what it means there; `!`, `?`, aliases and underscores
only shape trees and leave no trace. Priorities of terminals count in the lexer. Priorities of *rules* rank
the parses of an ambiguous text: they change no language and are ignored.

A comment `// lexing: scannerless` (or lexical) chooses the discipline, `// indentation: ...` the post-lexer;
without one it is lexical, lark's own, except where a terminal is a JSON Schema, which has no longest match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from treadle.errors import ConstraintError, InvalidConstraint, UnsupportedFeature
from treadle.frontends.grammars.expansion import check_templates, check_terminals, name_inner_choices
from treadle.frontends.grammars.extensions import Extended, extended, language
from treadle.frontends.grammars.grammar_text import GrammarText
from treadle.frontends.grammars.indentation import Indenting, read_indenting
from treadle.frontends.grammars.lark_errors import lark_errors, unknown_import
from treadle.frontends.grammars.reading import Reading
from treadle.frontends.regex.python_dialect import parse_python, read_python
from treadle.grammar.analysis import productive, reachable
from treadle.grammar.cfg import Cfg, Indentation, Lexing, Production, Terminal
from treadle.grammar.derivative import matches
from treadle.grammar.emptiness import is_empty

if TYPE_CHECKING:
    from lark.grammar import Rule
    from lark.lexer import TerminalDef
    from lark.load_grammar import Grammar

#: (folder of the importing file, path) -> (name, text).
Finder = Callable[[Any, str], tuple[Any, str]]
#: Lark's key of a terminal: priority, greatest width, length of the pattern, each negated, and the name.
Order = tuple[int, int, int, str]
#: The width of a pattern without a bound.
_ENDLESS: Final = 1 << 64
#: Characters for which all ways to match them are soon tried.
_SOON_TRIED: Final = 12
#: The name under which lark knows a grammar that is in no file; relative imports of it lead nowhere.
_NO_FILE: Final = "<grammar>/text"


def read_lark(
    text: str,
    *,
    start: str = "start",
    source: str = "",
    imports: Sequence[str | Path] = (),
    lexing: Literal["auto", "lexical", "scannerless"] = "auto",
    indentation: Indenting | None = None,
    guards: Sequence[str] = (),
) -> Reading:
    """The grammar of a text in Lark's language. `source`: its file, from which relative imports start.

    Raises InvalidConstraint with line and column where the grammar is wrong, LimitExceeded where it is monstrous.
    """
    extensions = extended(text)
    grammar, files = _load(extensions.text, source, imports)
    indenting = indentation or read_indenting(extensions.text)
    keep = extensions.parts | ({indenting.newline} if indenting else set())
    terminals, rules = _compile(grammar, extensions, start, keep)
    building = _Building(extensions, grammar, terminals, rules, start)
    cfg = building.cfg(_discipline(lexing, extensions), indenting, guards)
    return Reading(cfg, tuple(building.notes(cfg)), bool(extensions.names), building.sources, files)


def _load(text: GrammarText, source: str, imports: Sequence[str | Path]) -> tuple[Grammar, Mapping[str, str]]:
    from lark import load_grammar as lark  # functions without types

    reader: Any = lark
    check_terminals(text)
    with lark_errors(text, lambda again: reader._parse_grammar(again, _NO_FILE)):
        finder = _finder([Path(folder) for folder in imports], reader.stdlib_loader, text)
        grammar, files = reader.load_grammar(text.text, source or _NO_FILE, [finder], False)
    for name, _, tree, _ in grammar.rule_defs:
        if tree is None:
            raise InvalidConstraint(f"rule {name} is declared and not defined", where=text.of_name(name))
    # Files of lark's own library change only with lark's version.
    return grammar, {path: digest for path, digest in files.items() if isinstance(path, str)}


def _finder(folders: Sequence[Path], library: Finder, text: GrammarText) -> Finder:
    """What lark asks for the text of an imported grammar: the folders, that of the importing file, lark's library."""

    def find(base: Any, path: str) -> tuple[Any, str]:
        for folder in (*folders, *([Path(base)] if isinstance(base, str) else [])):
            if (folder / path).is_file():
                return str(folder / path), (folder / path).read_text("utf-8")
        try:
            return library(base, path)
        except OSError:
            raise unknown_import(path, text) from None

    return find


def _compile(
    grammar: Grammar, extensions: Extended, start: str, keep: frozenset[str]
) -> tuple[list[TerminalDef], list[Rule]]:
    text = extensions.text
    if all(name != start or params for name, params, _, _ in grammar.rule_defs):
        raise InvalidConstraint(
            "there is no start rule of this name", found=repr(start), expected=_some_rules(grammar)
        )
    check_templates(grammar, text)
    with lark_errors(text, lambda _: None):
        name_inner_choices(grammar, text)
        terminals, rules, _ = grammar.compile([start], set(keep))
    for terminal in terminals:
        _check_pattern(terminal, extensions.leaves.get(terminal.name) or _where(terminal, text))
    with lark_errors(text, lambda _: None):
        return sorted(terminals, key=_order), rules


def _order(terminal: TerminalDef) -> Order:
    """Lark's key, and so the order in which its lexer tries them."""
    pattern = terminal.pattern
    return -terminal.priority, -pattern.max_width, -len(pattern.value), terminal.name


def _check_pattern(definition: TerminalDef, where: str) -> None:
    """Is it a pattern that we read? Lark's own widths come from `re`, which says nothing of the place."""
    try:
        read_python(definition.pattern.to_regexp())
    except ConstraintError as error:
        raise error.at(f"{where}: terminal {definition.name}".removeprefix(": ")) from None


def _where(definition: TerminalDef, text: GrammarText) -> str:
    """Where a terminal is defined; a nameless one, where its text first stands."""
    raw = definition.pattern.raw
    if raw is not None and definition.name not in text.definitions:
        at = text.places.get(raw)
        if at is not None:
            return text.where(at[0])
    return text.of_name(definition.name)


def _some_rules(grammar: Grammar) -> str:
    names = [str(name) for name, params, _, _ in grammar.rule_defs if not params]
    return "one of " + ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") if names else "a rule"


def _discipline(lexing: str, extensions: Extended) -> Lexing:
    usual = "scannerless" if extensions.schemas else "lexical"
    chosen = extensions.text.requests.get("lexing", usual) if lexing == "auto" else lexing
    if chosen == "lexical" and extensions.schemas:
        raise UnsupportedFeature("a JSON Schema in a grammar with a lexer", expected='lexing="scannerless"')
    if chosen == "lexical":
        return "lexical"
    if chosen == "scannerless":
        return "scannerless"
    raise InvalidConstraint("unknown lexing", found=repr(chosen), expected="'lexical' or 'scannerless'")


class _Building:
    """Lark's compiled grammar on its way to ours."""

    def __init__(
        self,
        extensions: Extended,
        grammar: Grammar,
        terminals: list[TerminalDef],
        rules: list[Rule],
        start: str,
    ) -> None:
        self.text = extensions.original
        self.grammar = grammar
        self.extensions = extensions
        self.sources = {
            one.name: one.pattern.to_regexp() for one in terminals if one.name in extensions.parts
        }
        for name in extensions.parts - set(self.sources):
            raise InvalidConstraint(f"{name} is used but not defined", where=self.text.of_use(name))
        self.patterns = [one for one in terminals if one.name not in extensions.leaves]
        self.rules = rules
        used = {symbol.name for rule in rules for symbol in rule.expansion if symbol.is_term}
        ours = {name: self._order_of_ours(name) for name in extensions.names & (used | set(grammar.ignore))}
        orders = {**{one.name: _order(one) for one in self.patterns}, **ours}
        #: Terminals that only %declare speaks of.
        self.declared = sorted(used - set(orders))
        self.terminal_names = [*sorted(orders, key=lambda name: orders[name]), *self.declared]
        self.rule_names = list(dict.fromkeys([start, *(str(rule.origin.name) for rule in rules)]))
        self.terminal_symbols = {name: index for index, name in enumerate(self.terminal_names)}
        base = len(self.terminal_names)
        self.rule_symbols = {name: base + index for index, name in enumerate(self.rule_names)}

    def cfg(self, lexing: Lexing, indenting: Indenting | None, guards: Sequence[str]) -> Cfg:
        self._check_guards(guards)
        # Without a lexer a keyword is one reading of its text and the pattern's lexeme another.
        keywords, also_scanned = self._keywords() if lexing == "lexical" else (frozenset(), frozenset())
        cfg = Cfg(
            terminals=self._terminals(),
            rule_names=tuple(self.rule_names),
            productions=tuple(self._production(rule, guards) for rule in self.rules),
            start=self.rule_symbols[self.rule_names[0]],
            lexing=lexing,
            ignored=frozenset(self.terminal_symbols[name] for name in self.grammar.ignore),
            keywords=keywords,
            also_scanned=also_scanned,
            declared=frozenset(self.terminal_symbols[name] for name in self.declared),
            indentation=self._indentation(indenting) if indenting else None,
            rule_places=tuple(map(self.text.of_name, self.rule_names)),
        )
        self._check_productive(cfg)
        return cfg

    def _order_of_ours(self, name: str) -> Order:
        """The place of a terminal that is an extension. Raises for one that no lexer could look for."""
        tree = self.extensions.algebra.get(name)
        if tree is None:
            return 0, -_ENDLESS, 0, name
        found = language(tree, self.sources, self.extensions.algebra)
        if found.nullable or is_empty(found):
            raise InvalidConstraint(
                f"terminal {name} can match {'the empty text' if found.nullable else 'nothing'}",
                where=self.text.of_name(name),
            )
        longest = _ENDLESS if found.max_length is None else found.max_length
        return -self.extensions.priorities[name], -longest, 0, name

    def _terminals(self) -> tuple[Terminal, ...]:
        patterns = {one.name: one for one in self.patterns}
        return tuple(
            self._terminal(patterns[name])
            if name in patterns
            else Terminal(name, where=self.text.of_name(name))
            for name in self.terminal_names
        )

    def _production(self, rule: Rule, guards: Sequence[str]) -> Production:
        name = str(rule.origin.name)
        body = (
            self.terminal_symbols[symbol.name] if symbol.is_term else self.rule_symbols[symbol.name]
            for symbol in rule.expansion
        )  # fmt: skip
        return Production(self.rule_symbols[name], tuple(body), name if name in guards else "")

    def _terminal(self, definition: TerminalDef) -> Terminal:
        pattern, where = definition.pattern, _where(definition, self.text)
        if pattern.min_width == 0:
            raise InvalidConstraint(
                f"terminal {definition.name} can match the empty text", where=where,
                found=_short(pattern.to_regexp()), expected="at least one character",
            )  # fmt: skip
        plain = pattern.type == "str" and not pattern.flags
        return Terminal(
            definition.name, pattern.to_regexp(), text=pattern.value if plain else None, where=where
        )

    def _keywords(self) -> tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]:
        """Lark's `_create_unless`: strings that a pattern of the same priority matches as a whole."""
        pairs, also_scanned = set(), set()
        strings = [one for one in self.patterns if one.pattern.type == "str"]
        for pattern in (one for one in self.patterns if one.pattern.type == "re"):
            compiled = re.compile(pattern.pattern.to_regexp())
            for string in strings:
                if string.priority != pattern.priority:
                    continue
                if not _takes_all(compiled, string.pattern.value):
                    continue
                pair = (self.terminal_symbols[string.name], self.terminal_symbols[pattern.name])
                pairs.add(pair)
                if not set(string.pattern.flags) <= set(pattern.pattern.flags):
                    also_scanned.add(pair)
        return frozenset(pairs), frozenset(also_scanned)

    def _indentation(self, indenting: Indenting) -> Indentation:
        def symbol(name: str) -> int:
            if name not in self.terminal_symbols:
                raise InvalidConstraint("indentation names a terminal that is not used", found=repr(name))
            return self.terminal_symbols[name]

        return Indentation(
            newline=symbol(indenting.newline),
            indent=symbol(indenting.indent),
            dedent=symbol(indenting.dedent),
            # Brackets that this grammar does not have open nothing.
            opening=frozenset(symbol(name) for name in indenting.opening if name in self.terminal_symbols),
            closing=frozenset(symbol(name) for name in indenting.closing if name in self.terminal_symbols),
            tab_width=indenting.tab_width,
        )

    def _check_guards(self, guards: Sequence[str]) -> None:
        for name in guards:
            if name not in self.rule_symbols:
                raise InvalidConstraint("a guard for a rule that is not there", found=repr(name))

    def _check_productive(self, cfg: Cfg) -> None:
        """Every rule that can be reached writes some text."""
        finite = productive(cfg)
        reached = reachable(cfg)
        for index, name in enumerate(self.rule_names):
            symbol = self.rule_symbols[name]
            if symbol in reached and symbol not in finite:
                raise InvalidConstraint(
                    f"rule {name} has no end: every alternative of it needs {self._culprit(cfg, symbol, finite)}",
                    where=cfg.rule_places[index],
                )

    def _culprit(self, cfg: Cfg, symbol: int, finite: frozenset[int]) -> str:
        bodies = [production.body for production in cfg.productions if production.head == symbol]
        missing = {one for body in bodies for one in body if one not in finite}
        names = cfg.symbol_names
        if missing <= cfg.declared:
            return "terminals that are declared and never come: " + ", ".join(
                sorted(names[one] for one in missing)
            )
        return ", ".join(sorted("itself" if one == symbol else names[one] for one in missing))

    def notes(self, cfg: Cfg) -> list[tuple[str, str]]:
        """Rules and terminals that are defined and never used."""
        names = cfg.symbol_names
        reached = {names[symbol] for symbol in reachable(cfg)}
        templates = {name.partition("{")[0] for name in reached}
        found = []
        for name in self.text.definitions:
            unused = len(self.text.places[name]) == 1 if name.isupper() else name not in reached | templates
            if unused and name not in self.grammar.ignore and name not in reached:
                kind = "terminal" if name.isupper() else "rule"
                found.append((self.text.of_name(name), f"{kind} {name} is never used"))
        return found


def _takes_all(pattern: re.Pattern[str], text: str) -> bool:
    """Is the text what `re` prefers to match at its beginning?"""
    # A hostile pattern makes `re` try exponentially many ways to match what it does not; a language is asked at once.
    if len(text) > _SOON_TRIED and not matches(parse_python(pattern.pattern), text):
        return False
    match = pattern.match(text)
    return match is not None and match.group() == text


def _short(pattern: Any) -> str:
    shown = repr(pattern)
    return shown if len(shown) <= 80 else shown[:77] + "..."
