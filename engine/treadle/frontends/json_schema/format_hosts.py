"""Addresses of machines and of people: ipv4, ipv6, hostname, email, idn-email.

ipv4 is dotted decimal without leading zeros (RFC 2673, section 3.2), ipv6 all forms of RFC 4291, section 2.2, without
zones. A hostname has labels of letters, digits and inner hyphens, of at most 63 characters, 253 in all (RFC 1123,
section 2.1). From draft 7 on a label that begins with "xn--" must stand for a valid internationalised one (RFC 5890).
Whether it does takes decoding, where every text is a state of its own, so `hostname` leaves them out, `plain_hostname`
does not look at them, and `format_punycode` decides one string. email is "Mailbox" of RFC 5321, section 4.1.2,
idn-email what RFC 6531, section 3.3 makes of it; neither has bounds on length. Of address literals there are those
for IPv4 and IPv6, the only ones in use.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from treadle.frontends.json_schema.format_parts import (
    ALNUM,
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
from treadle.grammar.expression import EPSILON, Expr, alternate, chars, leaf

_OCTET = either(
    "0",
    seq("1", many(DIGIT, 0, 2)),
    seq("2", maybe(either(seq(one("0-4"), many(DIGIT, 0, 1)), seq("5", maybe(one("0-5"))), one("6-9")))),
    seq(one("3-9"), many(DIGIT, 0, 1)),
)
_GROUP = many(HEX, 1, 4)


def ipv4() -> Expr:
    return seq(_OCTET, ".", _OCTET, ".", _OCTET, ".", _OCTET)


def ipv6() -> Expr:
    """Eight groups, the last two also as an IPv4 address; "::" once in place of one or more."""
    tails = {7: either(_GROUP, seq(":", _at_most(0)))}
    tails[6] = either(seq(_GROUP, ":", tails[7]), ipv4(), seq(":", _at_most(1)))
    for read in range(5, 0, -1):
        tails[read] = either(seq(_GROUP, ":", tails[read + 1]), seq(":", _at_most(7 - read)))
    return either(seq(_GROUP, ":", tails[1]), seq("::", _at_most(7)))


def _at_most(groups: int) -> Expr:
    """What may follow "::" when that many groups are left to write."""
    return maybe(_list(groups)) if groups else EPSILON


def _list(groups: int) -> Expr:
    following = maybe(":", _list(groups - 1)) if groups > 1 else EPSILON
    return either(seq(_GROUP, following), *([ipv4()] if groups > 1 else []))


_LABEL = 63
_NAME = 253
_LETTERS_DIGITS = charset("a-zA-Z0-9")
#: The characters that would make a label begin with "xn--", in their order.
_ACE = (charset("xX"), charset("nN"), charset("-"), charset("-"))


@dataclass(frozen=True, slots=True)
class _Name:
    """Read so far: characters of the label and in all, whether the last is a hyphen, characters of "xn--"."""

    label: int
    total: int
    hyphen: bool
    prefix: int


@dataclass(frozen=True, slots=True)
class _HostName:
    """Host names by counting. A hand-made machine, because the product of two counters is one tuple here."""

    #: Whether labels may begin with "xn--".
    a_labels: bool

    def start(self, total: int = 0) -> _Name:
        """At the first character of a label."""
        return _Name(0, total, False, -1 if self.a_labels else 0)

    def transitions(self, state: Hashable, /) -> Sequence[tuple[CharSet, Hashable]]:
        assert isinstance(state, _Name)
        found: list[tuple[CharSet, Hashable]] = []
        if state.label < _LABEL and state.total < _NAME:
            found += self._within_label(state)
        if state.label and not state.hyphen and state.total + 1 < _NAME:
            found.append((charset("."), self.start(state.total + 1)))
        return found

    def _within_label(self, state: _Name) -> list[tuple[CharSet, Hashable]]:
        plain = replace(state, label=state.label + 1, total=state.total + 1, hyphen=False, prefix=-1)
        dashed = replace(plain, hyphen=True)
        letters = _LETTERS_DIGITS
        found: list[tuple[CharSet, Hashable]] = []
        if 0 <= state.prefix < 2:
            letters = letters - _ACE[state.prefix]
            found.append((_ACE[state.prefix], replace(plain, prefix=state.prefix + 1)))
        found.append((letters, plain))
        if state.label and state.prefix != 3 and plain.label < _LABEL and plain.total < _NAME:
            found.append((charset("-"), replace(dashed, prefix=3 if state.prefix == 2 else -1)))
        return found

    def accepting(self, state: Hashable, /) -> bool:
        assert isinstance(state, _Name)
        return state.label > 0 and not state.hyphen

    def dead(self, state: Hashable, /) -> bool:
        return False

    def shortest_length(self, state: Hashable, /) -> int:
        return 0 if self.accepting(state) else 1

    def shortest(self, state: Hashable, /) -> str:
        return "" if self.accepting(state) else "a"


def hostname() -> Expr:
    """Host names without labels that begin with "xn--"."""
    return leaf(_HOST_NAME, _HOST_NAME.start())


def plain_hostname() -> Expr:
    """Host names as up to draft 6: "xn--" is like any other beginning of a label."""
    return leaf(_PLAIN_HOST_NAME, _PLAIN_HOST_NAME.start())


_HOST_NAME = _HostName(a_labels=False)
_PLAIN_HOST_NAME = _HostName(a_labels=True)

_ATEXT = charset("a-zA-Z0-9!#$%&'*+/=?^_`{|}~-")
_QUOTABLE = charset(" -~")
_NON_ASCII = CharSet.of(((0x80, 0x10FFFF),))


def email() -> Expr:
    return _mailbox(CharSet.of(()))


def idn_email() -> Expr:
    return _mailbox(_NON_ASCII)


def _mailbox(others: CharSet) -> Expr:
    """A mailbox, in which `others` may stand where letters may."""
    atom = many(chars(_ATEXT | others), 1)
    quoted = seq(
        '"', many(either(chars(_QUOTABLE - charset('"\\') | others), seq("\\", chars(_QUOTABLE)))), '"'
    )
    local = either(seq(atom, many(seq(".", atom))), quoted)
    letter = alternate(ALNUM, chars(others)) if others else ALNUM
    label = seq(letter, many(seq(many("-"), letter)))
    literal = seq("[", either(ipv4(), seq("IPv6:", ipv6())), "]")
    return seq(local, "@", either(seq(label, many(seq(".", label))), literal))
