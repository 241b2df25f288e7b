"""ECMA-262 patterns -> syntax trees.

In: a pattern as JSON Schema writes it. Out: a tree. Recursive descent over the grammar of ECMA-262 (2024), section
22.2.1, as with the u flag (characters are code points, \\p{...}), relaxed as by Annex B for real schemas: unknown
escapes stand for themselves, `{` and `]` are literal where they open or close nothing, surrogate escapes pair up.
Lazy quantifiers match the same texts as greedy ones and are read as those. Back-references are refused, as they are
not regular. There are no flags: `^` and `$` are the ends of the text, case counts.
"""

from __future__ import annotations

import re
from functools import lru_cache

from treadle.errors import InvalidConstraint, LimitExceeded, UnsupportedFeature
from treadle.frontends.regex import unicode_classes as classes
from treadle.frontends.regex.syntax import (
    EMPTY,
    Atom,
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
from treadle.frontends.regex.translate import search_language
from treadle.grammar.charset import CharSet, Range
from treadle.grammar.expression import Expr

#: Groups inside of groups.
NESTING = 100
_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D}
_ORDINARY = re.compile(r"[^\\^$.*+?()\[\]{}|]+")
_HEX = "0123456789abcdefABCDEF"


def parse_ecma(pattern: str) -> Expr:
    """All texts in which the pattern finds something: the search semantics of JSON Schema."""
    return search_language(read_ecma(pattern))


def read_ecma(pattern: str) -> Tree:
    """The tree of a pattern; InvalidConstraint, UnsupportedFeature or LimitExceeded with the column."""
    reader = _Reader(pattern)
    tree = reader.disjunction(0)
    if not reader.at_end():
        raise reader.invalid("an unmatched group end", expected="the end of the pattern")
    return tree


class _Reader:
    """The place in the pattern, and one method per production."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0
        self.groups, self.names = _capture_groups(pattern)

    # Characters

    def at_end(self) -> bool:
        return self.position >= len(self.pattern)

    def ahead(self, literal: str) -> bool:
        return self.pattern.startswith(literal, self.position)

    def skip(self, literal: str) -> bool:
        if not self.ahead(literal):
            return False
        self.position += len(literal)
        return True

    def take(self, what: str) -> str:
        if self.at_end():
            raise self.invalid("the pattern ends too early", expected=what)
        self.position += 1
        return self.pattern[self.position - 1]

    def where(self, position: int | None = None) -> str:
        return f"column {(self.position if position is None else position) + 1}"

    def invalid(self, message: str, *, expected: str = "", at: int | None = None) -> InvalidConstraint:
        place = self.position if at is None else at
        found = repr(self.pattern[place : place + 10]) if place < len(self.pattern) else "the end"
        return InvalidConstraint(message, where=self.where(place), found=found, expected=expected)

    # Structure

    def disjunction(self, depth: int) -> Tree:
        if depth > NESTING:
            raise LimitExceeded(
                "groups nested too deeply", limit="nesting", value=NESTING, where=self.where()
            )
        options = [self.alternative(depth)]
        while self.skip("|"):
            options.append(self.alternative(depth))
        return choice(options)

    def alternative(self, depth: int) -> Tree:
        items: list[Tree] = []
        while not (self.at_end() or self.ahead("|") or self.ahead(")")):
            literals = self.literal_run()
            if literals:
                items.extend(_literal(character) for character in literals)
            else:
                items.append(self.term(depth))
        return sequence(items)

    def literal_run(self) -> str:
        """Ordinary characters of which none is repeated. PERF: most of most patterns, ten times as fast as terms."""
        found = _ORDINARY.match(self.pattern, self.position)
        if found is None:
            return ""
        end = found.end()
        if self.pattern[end : end + 1] in ("*", "+", "?", "{"):
            end -= 1
        literals = self.pattern[self.position : end]
        self.position = end
        return literals

    def term(self, depth: int) -> Tree:
        at = self.position
        if self.skip("^"):
            return start()
        if self.skip("$"):
            return end()
        if self.skip("\\b"):
            return boundary(classes.WORD, negated=False)
        if self.skip("\\B"):
            return boundary(classes.WORD, negated=True)
        if self.skip("("):
            return self.quantified(self.group(at, depth))
        return self.quantified(Atom(self.character_set()))

    def group(self, at: int, depth: int) -> Tree:
        if self.skip("?="):
            return look_ahead(self.group_body(at, depth), negated=False)
        if self.skip("?!"):
            return look_ahead(self.group_body(at, depth), negated=True)
        if self.skip("?<="):
            return LookBehind(self.group_body(at, depth), False, at + 1)
        if self.skip("?<!"):
            return LookBehind(self.group_body(at, depth), True, at + 1)
        if self.skip("?<"):
            self.group_name()
        elif self.ahead("?") and not self.skip("?:"):
            raise self.invalid(
                "an unknown kind of group", expected="(?: (?= (?! (?<= (?<! or (?<name>", at=at
            )
        return self.group_body(at, depth)

    def group_body(self, at: int, depth: int) -> Tree:
        body = self.disjunction(depth + 1)
        if not self.skip(")"):
            raise self.invalid("a group that is not closed", expected="')'", at=at)
        return body

    def group_name(self) -> str:
        closed = self.pattern.find(">", self.position)
        name = self.pattern[self.position : closed]
        if closed < 0 or not name.replace("$", "_").isidentifier():
            raise self.invalid("a bad group name", expected="an identifier and '>'")
        self.position = closed + 1
        return name

    def quantified(self, body: Tree) -> Tree:
        at = self.position
        bounds = self.quantifier()
        if bounds is None:
            return body
        self.skip("?")
        low, high = bounds
        if high is not None and high < low:
            raise self.invalid("numbers out of order in a quantifier", expected="low before high", at=at)
        return EMPTY if high == 0 else loop(body, low, high)

    def quantifier(self) -> tuple[int, int | None] | None:
        if self.skip("*"):
            return 0, None
        if self.skip("+"):
            return 1, None
        if self.skip("?"):
            return 0, 1
        return self.counts() if self.ahead("{") else None

    def counts(self) -> tuple[int, int | None] | None:
        """{a}, {a,} or {a,b}; None, and nothing read, when the brace is literal."""
        closed = self.pattern.find("}", self.position)
        low, comma, high = self.pattern[self.position + 1 : max(closed, 0)].partition(",")
        if not _is_number(low) or not (high == "" or _is_number(high)):
            return None
        self.position = closed + 1
        if not comma:
            return int(low), int(low)
        return int(low), int(high) if high else None

    # Sets

    def character_set(self) -> CharSet:
        at = self.position
        if self.skip("\\"):
            return self.atom_escape(at)
        if self.skip("["):
            return self.character_class(at)
        if self.skip("."):
            return classes.LINE_TERMINATOR.complement()
        if self.pattern[at] in "*+?":
            raise self.invalid("nothing to repeat", expected="something before the quantifier")
        if self.counts() is not None:
            raise self.invalid("nothing to repeat", expected="something before the quantifier", at=at)
        return CharSet.single(ord(self.take("a character")))

    def atom_escape(self, at: int) -> CharSet:
        following = self.pattern[self.position : self.position + 1]
        if following in "123456789" and following:
            return self.back_reference(at)
        if following == "k" and self.names:
            raise UnsupportedFeature("back-references, which are not regular", where=self.where(at))
        return self.escape(at)

    def back_reference(self, at: int) -> CharSet:
        """\\1 refers to a group when there are that many, otherwise it is an octal escape (Annex B)."""
        digits = self.digits()
        if int(digits) <= self.groups:
            raise UnsupportedFeature("back-references, which are not regular", where=self.where(at))
        self.position -= len(digits)
        return self.octal()

    def digits(self) -> str:
        begin = self.position
        while not self.at_end() and self.pattern[self.position] in "0123456789":
            self.position += 1
        return self.pattern[begin : self.position]

    def octal(self) -> CharSet:
        begin = self.position
        while self.position < begin + 3 and self.pattern[self.position : self.position + 1] in tuple(
            "01234567"
        ):
            if int(self.pattern[begin : self.position + 1], 8) > 0xFF:
                break
            self.position += 1
        if self.position == begin:
            return CharSet.single(ord(self.take("a character")))
        return CharSet.single(int(self.pattern[begin : self.position], 8))

    def escape(self, at: int) -> CharSet:
        """What follows a backslash, inside and outside of classes."""
        letter = self.take("an escape")
        if letter in "dDwWsS":
            base = {"d": classes.DIGIT, "w": classes.WORD, "s": classes.SPACE}[letter.lower()]
            return base if letter.islower() else base.complement()
        if letter in "pP":
            found = self.unicode_property(at)
            return found if letter == "p" else found.complement()
        if letter in "01234567":
            self.position -= 1
            return self.octal()
        if letter in _CONTROLS:
            return CharSet.single(_CONTROLS[letter])
        if letter == "c":
            return CharSet.single(self.control())
        if letter == "x":
            return CharSet.single(self.hexadecimal(2, ord("x")))
        return CharSet.single(self.unicode_escape() if letter == "u" else ord(letter))

    def unicode_property(self, at: int) -> CharSet:
        closed = self.pattern.find("}", self.position)
        if not self.ahead("{") or closed < 0:
            raise self.invalid("a Unicode property without a name", expected="\\p{Name}", at=at)
        name, equals, value = self.pattern[self.position + 1 : closed].partition("=")
        self.position = closed + 1
        found = classes.property_set(name, value if equals else None)
        if found is None:
            raise self.invalid(
                "an unknown Unicode property", expected="a category, script or property", at=at
            )
        return found

    def control(self) -> int:
        letter = self.pattern[self.position : self.position + 1]
        if not (letter.isascii() and letter.isalpha()):
            # Annex B: the backslash stands for itself, and the c is read again.
            self.position -= 1
            return ord("\\")
        self.position += 1
        return ord(letter) % 32

    def hexadecimal(self, length: int, otherwise: int) -> int:
        digits = self.pattern[self.position : self.position + length]
        if len(digits) < length or any(digit not in _HEX for digit in digits):
            return otherwise
        self.position += length
        return int(digits, 16)

    def unicode_escape(self) -> int:
        if self.ahead("{"):
            closed = self.pattern.find("}", self.position)
            digits = self.pattern[self.position + 1 : max(closed, 0)]
            if digits and all(digit in _HEX for digit in digits) and int(digits, 16) <= 0x10FFFF:
                self.position = closed + 1
                return int(digits, 16)
            raise self.invalid("a bad code point", expected="\\u{hexadecimal digits}")
        first = self.hexadecimal(4, ord("u"))
        if 0xD800 <= first <= 0xDBFF and self.ahead("\\u"):
            return self.surrogate_pair(first)
        return first

    def surrogate_pair(self, first: int) -> int:
        begin = self.position
        self.position += 2
        second = self.hexadecimal(4, 0)
        if 0xDC00 <= second <= 0xDFFF:
            return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        self.position = begin
        return first

    def character_class(self, at: int) -> CharSet:
        negated = self.skip("^")
        ranges: list[Range] = []
        while not self.skip("]"):
            if self.at_end():
                raise self.invalid("a character class that is not closed", expected="']'", at=at)
            ranges.extend(self.class_range())
        found = CharSet.of(ranges)
        return found.complement() if negated else found

    def class_range(self) -> tuple[Range, ...]:
        at = self.position
        first, low = self.class_atom()
        if not self.ahead("-") or self.pattern[self.position + 1 : self.position + 2] in ("]", ""):
            return first
        self.position += 1
        last, high = self.class_atom()
        if low is None or high is None:
            # Annex B: beside a class like \d the hyphen is literal.
            return (*first, (0x2D, 0x2D), *last)
        if low > high:
            raise self.invalid("a range out of order", expected="low before high", at=at)
        return ((low, high),)

    def class_atom(self) -> tuple[tuple[Range, ...], int | None]:
        """The ranges of one member, and its code point if it is a single character (surrogates included)."""
        at = self.position
        character = self.take("a character or ']'")
        if character != "\\":
            return _alone(ord(character))
        if self.skip("b"):
            return _alone(0x08)
        if self.skip("-"):
            return _alone(0x2D)
        if self.ahead("u"):
            self.position += 1
            return _alone(self.unicode_escape())
        following = self.pattern[self.position : self.position + 1]
        ranges = self.escape(at).ranges
        is_set = following in tuple("dDwWsSpP")
        return ranges, None if is_set else ranges[0][0]


@lru_cache(maxsize=1024)
def _literal(character: str) -> Tree:
    return Atom(CharSet.single(ord(character)))


def _alone(codepoint: int) -> tuple[tuple[Range, ...], int]:
    return ((codepoint, codepoint),), codepoint


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _capture_groups(pattern: str) -> tuple[int, int]:
    """How many capturing groups there are, and how many of them have a name."""
    groups = names = 0
    in_class = escaped = False
    for position, character in enumerate(pattern):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
        elif character == "(":
            named = pattern.startswith("(?<", position) and pattern[position + 3 : position + 4] not in (
                "=",
                "!",
            )
            names += named
            groups += named or not pattern.startswith("(?", position)
    return groups, names
