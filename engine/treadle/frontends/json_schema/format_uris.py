"""Identifiers: uri, iri, their references, uri-template, json-pointer, relative-json-pointer, uuid.

URIs follow appendix A of RFC 3986, IRIs section 2.2 of RFC 3987. Rules that the grammars state twice are stated once
(an IPv4 address is also a registered name), and paths are written so that the next character tells where one is.
Templates follow section 2 of RFC 6570 without the operators that it reserves, with the apostrophe of its erratum
6937; pointers RFC 6901; relative pointers draft-handrews-relative-json-pointer-01, without index manipulation.
"""

from __future__ import annotations

from treadle.frontends.json_schema.format_hosts import ipv6
from treadle.frontends.json_schema.format_parts import (
    DIGIT,
    HEX,
    charset,
    either,
    many,
    maybe,
    one,
    seq,
)
from treadle.grammar.charset import CharSet
from treadle.grammar.expression import Expr, chars

_UNRESERVED = charset("a-zA-Z0-9._~-")
_DELIMITERS = charset("!$&'()*+,;=")
_PERCENT = seq("%", HEX, HEX)
_NOTHING_ELSE = CharSet.of(())

#: ucschar and iprivate of RFC 3987.
_UCS = CharSet.of(
    (
        (0xA0, 0xD7FF),
        (0xF900, 0xFDCF),
        (0xFDF0, 0xFFEF),
        *((p << 16, (p << 16) + 0xFFFD) for p in range(1, 14)),
        (0xE1000, 0xEFFFD),
    )
)
_PRIVATE = CharSet.of(((0xE000, 0xF8FF), (0xF0000, 0xFFFFD), (0x100000, 0x10FFFD)))


class _Syntax:
    """The rules of RFC 3986, with `others` allowed wherever letters are, and `private` in queries."""

    def __init__(self, others: CharSet, private: CharSet) -> None:
        name = _UNRESERVED | _DELIMITERS | others
        segment = name | charset(":@")
        self._name = many(_encoded(name))
        self._user = many(_encoded(name | charset(":")))
        self._no_colon = many(_encoded(name | charset("@")), 1)
        self._segment = _encoded(segment)
        self._path = many(_encoded(segment | charset("/")))
        fragment = segment | charset("/?")
        self._end = seq(maybe("?", many(_encoded(fragment | private))), maybe("#", many(_encoded(fragment))))

    def absolute(self) -> Expr:
        scheme = seq(one("a-zA-Z"), many(one("a-zA-Z0-9+.-")))
        return seq(scheme, ":", self._hierarchy(self._segment))

    def reference(self) -> Expr:
        return either(self.absolute(), self._hierarchy(self._no_colon))

    def _hierarchy(self, first: Expr) -> Expr:
        """A path with or without an authority, a query and a fragment; `first` begins a path without a slash."""
        rooted = seq(
            "/",
            maybe(
                either(seq(self._segment, self._path), seq("/", self._authority(), maybe("/", self._path)))
            ),
        )
        bare = seq(first, maybe("/", self._path)) if first is self._no_colon else seq(first, self._path)
        return seq(maybe(either(rooted, bare)), self._end)

    def _authority(self) -> Expr:
        future = seq(one("vV"), many(HEX, 1), ".", many(chars(_UNRESERVED | _DELIMITERS | charset(":")), 1))
        host = either(self._name, seq("[", either(ipv6(), future), "]"))
        address = seq(host, maybe(":", many(DIGIT)))
        return either(address, seq(self._user, "@", address))


def _encoded(allowed: CharSet) -> Expr:
    """A character of the set, or any octet written with a percent sign."""
    return either(chars(allowed), _PERCENT)


_ASCII = _NOTHING_ELSE, _NOTHING_ELSE
_INTERNATIONAL = _UCS, _PRIVATE


def uri() -> Expr:
    return _Syntax(*_ASCII).absolute()


def uri_reference() -> Expr:
    return _Syntax(*_ASCII).reference()


def iri() -> Expr:
    return _Syntax(*_INTERNATIONAL).absolute()


def iri_reference() -> Expr:
    return _Syntax(*_INTERNATIONAL).reference()


def uri_template() -> Expr:
    printable = charset("!-~") - charset('"%<>\\^`{|}')
    literal = _encoded(printable | _UCS | _PRIVATE)
    character = either(one("a-zA-Z0-9_"), _PERCENT)
    name = seq(character, many(seq(maybe("."), character)))
    modifier = maybe(either("*", seq(":", one("1-9"), many(DIGIT, 0, 3))))
    variable = seq(name, modifier)
    return many(either(literal, seq("{", maybe(one("+#./;?&")), variable, many(seq(",", variable)), "}")))


def json_pointer() -> Expr:
    plain = chars(charset("~/").complement())
    return many(seq("/", many(either(plain, seq("~", one("01"))))))


def relative_json_pointer() -> Expr:
    up = either("0", seq(one("1-9"), many(DIGIT)))
    return seq(up, either("#", json_pointer()))


def uuid() -> Expr:
    return seq(many(HEX, 8, 8), "-", many(seq(many(HEX, 4, 4), "-"), 3, 3), many(HEX, 12, 12))
