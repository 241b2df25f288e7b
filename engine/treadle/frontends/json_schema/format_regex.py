"""Regular expressions of ECMA-262 as texts: a language that has only well-formed patterns, and most that people write.

Patterns are no regular language, so this is a part of them: groups nest `DEPTH` deep. A pattern that begins with a
named group may refer to it with \\k; no other named groups and no numbered references are here, because names must be
unique and numbers must have their group. Repetition counts have at most four digits, ranges in classes run between
two ASCII characters, or between two \\x or two \\u escapes. Punctuation may be escaped everywhere, as in Annex B;
letters only with a meaning. Lone "]", "{" and "}" must be escaped, as with the u flag.
"""

from __future__ import annotations

from treadle.frontends.json_schema.format_parts import (
    DIGIT,
    HEX,
    Dependent,
    charset,
    either,
    many,
    maybe,
    one,
    seq,
)
from treadle.frontends.json_schema.numbers import interval
from treadle.grammar.charset import ALL, CharSet
from treadle.grammar.expression import EPSILON, Expr, chars, concat

#: How deep groups nest.
DEPTH = 4

_SYNTAX = charset("^$\\.*+?()[]{}|")
_PUNCTUATION = charset("!-~") - charset("a-zA-Z0-9_")
_LITERAL = chars(ALL - _SYNTAX)
_ASCII = CharSet.of(((0, 0x7F),))
#: What may stand for itself in a class, at either end of a range.
_CLASS_ASCII = _ASCII - charset("\\]-")

_CATEGORIES = (
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "LC", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe",
    "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Co", "Cn",
)  # fmt: skip


def regex() -> Expr:
    return either(
        _branches(_term(DEPTH, EPSILON)), Dependent(seq("(?<", _name(), ">"), _after_name).language()
    )


def _name() -> Expr:
    return seq(one("a-zA-Z_$"), many(one("a-zA-Z0-9_$")))


def _after_name(opening: str) -> Expr:
    """What may follow a named group's beginning, now that its name can be referred to."""
    name = opening[3:-1]
    branches = _branches(_term(DEPTH - 1, EPSILON))
    rest = _term(DEPTH, seq(f"\\k<{name}>"))
    return seq(branches, ")", _quantifier(), _branches(rest))


def _branches(term: Expr) -> Expr:
    return many(either(term, "|"))


def _term(depth: int, reference: Expr) -> Expr:
    """An atom with its quantifier, or an assertion; `reference` is one more atom where it is not EPSILON."""
    atoms: list[Expr | str] = [_LITERAL, seq("\\", _escaped()), _class(), "."]
    if reference is not EPSILON:
        atoms.append(reference)
    assertions = [one("^$"), seq("\\", one("bB"))]
    quantifier = _quantifier()
    if depth:
        inside = seq(_branches(_term(depth - 1, reference)), ")")
        atoms.append(seq("(", maybe("?:"), inside))
        assertions.append(seq("(?", maybe("<"), one("=!"), inside))
    return either(concat(either(*atoms), quantifier), *assertions)


def _quantifier() -> Expr:
    span = Dependent(seq(_COUNT, ","), _rest_of_span).language()
    return maybe(either(one("*+?"), seq("{", either(seq(_COUNT, "}"), span))), maybe("?"))


_COUNT = either("0", seq(one("1-9"), many(DIGIT, 0, 3)))


def _rest_of_span(opening: str) -> Expr:
    """After "n," of "{n,}" or "{n,m}"."""
    return seq(maybe(interval(int(opening[:-1]), high=9999, bare=True)), "}")


def _escaped() -> Expr:
    """What may follow a backslash in an atom."""
    return either(
        one("dDsSwWfnrtv"), _code(), chars(_PUNCTUATION), seq(one("pP"), "{", either(*_CATEGORIES), "}")
    )


def _code() -> Expr:
    return either(seq("x", HEX, HEX), seq("u", many(HEX, 4, 4)), seq("c", one("a-zA-Z")))


def _class() -> Expr:
    ascii_item = Dependent(chars(_CLASS_ASCII), _range_from_character).language()
    coded = seq(
        "\\", Dependent(either(seq("x", HEX, HEX), seq("u", many(HEX, 4, 4))), _range_from_code).language()
    )
    other = either(
        chars(ALL - _ASCII),
        seq("\\", either(one("dDsSwWfnrtvb"), chars(_PUNCTUATION), seq("c", one("a-zA-Z")))),
        seq("\\", one("pP"), "{", either(*_CATEGORIES), "}"),
    )
    return seq("[", maybe("^"), maybe("-"), many(either(ascii_item, coded, other)), maybe("-"), "]")


def _range_from_character(first: str) -> Expr:
    last = CharSet.of(((ord(first), 0x7F),)) & _CLASS_ASCII
    return maybe("-", chars(last))


def _range_from_code(first: str) -> Expr:
    """After \\xHH or \\uHHHH: perhaps a range up to a code of the same kind that is not lower."""
    digits = first[1:]
    return maybe("-\\", first[0], _not_below(int(digits, 16), len(digits)))


def _not_below(value: int, width: int) -> Expr:
    """Hexadecimal numbers of `width` digits from `value` on."""
    if width == 0:
        return EPSILON
    leading, rest = divmod(value, 16 ** (width - 1))
    higher = CharSet.of(
        bounds for digit in range(leading + 1, 16) for bounds in charset(f"{digit:x}{digit:X}").ranges
    )
    same = seq(one(f"{leading:x}{leading:X}" if leading > 9 else str(leading)), _not_below(rest, width - 1))
    return either(same, seq(chars(higher), many(HEX, width - 1, width - 1))) if higher else same
