"""Python's regular expressions -> syntax trees.

In: a pattern of the `re` module and its flags. Out: a tree. The pattern is read by the standard library's own reader
(`re._parser`), so that dialect, inline flags and error messages are those of the running interpreter by construction;
only its parse tree is translated here. Refused: back-references and conditionals (not regular), atomic groups and
possessive quantifiers (they depend on the order of attempts), re.LOCALE. Lookbehinds may have any width here.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from treadle.errors import InvalidConstraint, LimitExceeded, UnsupportedFeature
from treadle.frontends.regex import unicode_classes as classes
from treadle.frontends.regex.case_folding import with_other_cases
from treadle.frontends.regex.ecma import NESTING
from treadle.frontends.regex.syntax import (
    EMPTY,
    NEVER,
    Ahead,
    Atom,
    Behind,
    LookBehind,
    Tree,
    boundary,
    choice,
    end,
    look_ahead,
    loop,
    sequence,
    start,
)
from treadle.frontends.regex.translate import full_language
from treadle.grammar.charset import ALL, CharSet
from treadle.grammar.expression import ANY_CHAR, Expr, repeat

# The reader of `re` was a public module before 3.11; it is the same code.
_reader: Any = importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")

#: Before 3.14 "\B" matches nowhere in the empty text.
_NO_BOUNDARY_NEEDS_TEXT = sys.version_info < (3, 14)
_SOME_TEXT = choice((Behind(repeat(ANY_CHAR, 1, None)), Ahead(repeat(ANY_CHAR, 1, None))))


def parse_python(pattern: str, flags: int = 0) -> Expr:
    """All texts that the pattern matches from start to end, as `re.fullmatch` does."""
    return full_language(read_python(pattern, flags))


def read_python(pattern: str, flags: int = 0) -> Tree:
    """The tree of a pattern; InvalidConstraint, UnsupportedFeature or LimitExceeded."""
    try:
        parsed = _reader.parse(pattern, flags & ~re.DEBUG)
    except re.error as error:
        where = "" if error.pos is None else f"column {error.pos + 1}"
        raise InvalidConstraint(
            error.msg, where=where, found=repr(pattern), expected="a regular expression"
        ) from None
    except (OverflowError, ValueError) as error:
        raise InvalidConstraint(str(error), found=repr(pattern), expected="a regular expression") from None
    except RecursionError:
        raise LimitExceeded("groups nested too deeply", limit="nesting", value=NESTING) from None
    if parsed.state.flags & re.LOCALE:
        raise UnsupportedFeature("patterns that depend on the locale")
    try:
        return _Mode(parsed.state.flags, 0).sequence(parsed)
    except UnsupportedFeature as error:  # the reader of `re` keeps no columns, so the pattern has to do
        raise UnsupportedFeature(error.message, found=repr(pattern)) from None


@dataclass(frozen=True, slots=True)
class _Mode:
    """The flags in force, and how deep we are; one method per kind of parse tree node."""

    flags: int
    depth: int

    @property
    def ascii_only(self) -> bool:
        return bool(self.flags & re.ASCII)

    def sequence(self, items: Any) -> Tree:
        return sequence(self.tree(str(code), argument) for code, argument in items)

    def inside(self, items: Any, flags: int | None = None) -> Tree:
        if self.depth >= NESTING:
            raise LimitExceeded("groups nested too deeply", limit="nesting", value=NESTING)
        return _Mode(self.flags if flags is None else flags, self.depth + 1).sequence(items)

    def tree(self, code: str, argument: Any) -> Tree:
        if code in _REFUSED:
            raise UnsupportedFeature(_REFUSED[code])
        return _RULES[code](self, argument)

    def literal(self, codepoint: int) -> Tree:
        return Atom(self.folded(CharSet.single(codepoint)))

    def not_literal(self, codepoint: int) -> Tree:
        return Atom(self.folded(CharSet.single(codepoint)).complement())

    def folded(self, charset: CharSet) -> CharSet:
        if not self.flags & re.IGNORECASE:
            return charset
        return with_other_cases(charset, ascii_only=self.ascii_only)

    def any(self, _: None) -> Tree:
        return Atom(ALL if self.flags & re.DOTALL else classes.NEWLINE.complement())

    def members(self, members: Any) -> Tree:
        negated = bool(members) and str(members[0][0]) == "NEGATE"
        found = CharSet.of(
            bounds
            for code, argument in members[negated:]
            for bounds in self.member(str(code), argument).ranges
        )
        return Atom(found.complement() if negated else found)

    def member(self, code: str, argument: Any) -> CharSet:
        """N.B. \\W and its like are not folded: `re` asks them about the lower case, which is of the same class."""
        if code == "RANGE":
            return self.folded(CharSet.of((argument,)))
        if code == "LITERAL":
            return self.folded(CharSet.single(argument))
        if code == "CATEGORY":
            return self.category(str(argument))
        raise AssertionError(f"{code} in a character class")

    def category(self, name: str) -> CharSet:
        negated = "_NOT_" in name
        base = classes.python_class(name.rpartition("_")[2][0].lower(), ascii_only=self.ascii_only)
        return base.complement() if negated else base

    def branch(self, argument: Any) -> Tree:
        return choice([self.inside(option) for option in argument[1]])

    def group(self, argument: Any) -> Tree:
        _, added, removed, items = argument
        return self.inside(items, (self.flags | added) & ~removed)

    def repeated(self, argument: Any) -> Tree:
        low, high, items = argument
        unbounded = high == _reader.MAXREPEAT
        return EMPTY if high == 0 else loop(self.inside(items), low, None if unbounded else high)

    def place(self, argument: Any) -> Tree:
        multiline = classes.NEWLINE if self.flags & re.MULTILINE else None
        match str(argument):
            case "AT_BEGINNING":
                return start(lines=multiline)
            case "AT_BEGINNING_STRING":
                return start()
            case "AT_END":
                return end(lines=multiline, last_newline=classes.NEWLINE)
            case "AT_END_STRING":
                return end()
            case "AT_BOUNDARY":
                return boundary(self.word, negated=False)
            case "AT_NON_BOUNDARY":
                inside = boundary(self.word, negated=True)
                return sequence((_SOME_TEXT, inside)) if _NO_BOUNDARY_NEEDS_TEXT else inside
            case other:
                raise UnsupportedFeature(f"the position {other.lower()}")

    @property
    def word(self) -> CharSet:
        return classes.python_class("w", ascii_only=self.ascii_only)

    def asserted(self, argument: Any) -> Tree:
        return self.look(argument, negated=False)

    def denied(self, argument: Any) -> Tree:
        return self.look(argument, negated=True)

    def look(self, argument: Any, *, negated: bool) -> Tree:
        direction, items = argument
        body = self.inside(items)
        return look_ahead(body, negated=negated) if direction > 0 else LookBehind(body, negated, None)

    def failure(self, _: None) -> Tree:
        return NEVER


_RULES: dict[str, Callable[[_Mode, Any], Tree]] = {
    "LITERAL": _Mode.literal,
    "NOT_LITERAL": _Mode.not_literal,
    "ANY": _Mode.any,
    "IN": _Mode.members,
    "BRANCH": _Mode.branch,
    "SUBPATTERN": _Mode.group,
    "MAX_REPEAT": _Mode.repeated,
    "MIN_REPEAT": _Mode.repeated,
    "AT": _Mode.place,
    "ASSERT": _Mode.asserted,
    "ASSERT_NOT": _Mode.denied,
    "FAILURE": _Mode.failure,
}
_REFUSED = {
    "GROUPREF": "back-references, which are not regular",
    "GROUPREF_EXISTS": "conditional groups, which are not regular",
    "ATOMIC_GROUP": "atomic groups, which depend on the order of attempts",
    "POSSESSIVE_REPEAT": "possessive quantifiers, which depend on the order of attempts",
}
