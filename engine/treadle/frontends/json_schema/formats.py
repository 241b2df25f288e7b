"""Names of the `format` keyword -> languages of strings.

In: a name out of the drafts. Out: the `Expr` of the strings that have the format, or None for a name that no draft
defines, which is an annotation only. Each language follows the document that the draft names, as the module that
builds it says: `format_dates`, `format_hosts`, `format_idn`, `format_punycode`, `format_uris`, `format_regex`. Of
draft 3 there are "ip-address" and "host-name" (ipv4 and hostname under their old names) and "color" (the names of CSS
2.1, or "#" with three or six hexadecimal digits); its "style", "phone" and "utc-millisec" never had a grammar. Where
drafts differ, each has its own: a time of draft 3 has no offset, a host name up to draft 6 knows nothing of
internationalised ones.

Two formats of the later drafts are no matter of finite memory, `hostname` and `idn-hostname`. They are held between two
languages and decided exactly where there is a string to decide: see `Format`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from treadle.frontends.json_schema.format_dates import clock_time, date, date_time, duration, time
from treadle.frontends.json_schema.format_hosts import email, hostname, idn_email, ipv4, ipv6, plain_hostname
from treadle.frontends.json_schema.format_idn import any_idn_hostname, idn_hostname
from treadle.frontends.json_schema.format_parts import HEX, either, many, one, seq
from treadle.frontends.json_schema.format_punycode import is_hostname, is_idn_hostname
from treadle.frontends.json_schema.format_regex import regex
from treadle.frontends.json_schema.format_uris import (
    iri,
    iri_reference,
    json_pointer,
    relative_json_pointer,
    uri,
    uri_reference,
    uri_template,
    uuid,
)
from treadle.grammar.expression import Expr

_COLORS = (
    "aqua", "black", "blue", "fuchsia", "gray", "green", "lime", "maroon", "navy", "olive", "orange", "purple", "red",
    "silver", "teal", "white", "yellow",
)  # fmt: skip


def _color() -> Expr:
    names = (seq(*(one(letter + letter.upper()) for letter in name)) for name in _COLORS)
    return either(*names, seq("#", many(HEX, 3, 3)), seq("#", many(HEX, 6, 6)))


_BUILDERS: dict[str, Callable[[], Expr]] = {
    "date": date,
    "time": time,
    "date-time": date_time,
    "duration": duration,
    "ipv4": ipv4,
    "ip-address": ipv4,
    "ipv6": ipv6,
    "hostname": hostname,
    "host-name": hostname,
    "idn-hostname": idn_hostname,
    "email": email,
    "idn-email": idn_email,
    "uri": uri,
    "uri-reference": uri_reference,
    "iri": iri,
    "iri-reference": iri_reference,
    "uri-template": uri_template,
    "json-pointer": json_pointer,
    "relative-json-pointer": relative_json_pointer,
    "uuid": uuid,
    "regex": regex,
    "color": _color,
}

#: What was different before a draft, by the names of the drafts that have it so.
_OF_OLD: dict[str, dict[str, Callable[[], Expr]]] = {
    "draft 3": {"time": clock_time, "hostname": plain_hostname, "host-name": plain_hostname},
    "draft 4": {"hostname": plain_hostname},
    "draft 6": {"hostname": plain_hostname},
}

#: Every name that has a language.
FORMATS = frozenset(_BUILDERS)


@dataclass(frozen=True, slots=True)
class Format:
    """A format between two languages; both are the format itself where that is regular.

    What is written comes from `language`; what must *not* have the format stays outside of `outer`; a string that
    is given, in an `enum` for instance, is judged by `decides` where the languages differ about it.
    """

    #: All of these strings have the format.
    language: Expr
    #: No other strings have it.
    outer: Expr
    decides: Callable[[str], bool] | None = None


@cache
def format_of(name: str, draft: str = "") -> Format | None:
    """The format of a name in a draft ("draft 7"; the newest if none is given); None for an annotation only."""
    old = _OF_OLD.get(draft, {}).get(name)
    if old is not None:
        language = old()
        return Format(language, language)
    builder = _BUILDERS.get(name)
    if builder is None:
        return None
    if builder is hostname:
        return Format(hostname(), plain_hostname(), is_hostname)
    if builder is idn_hostname:
        return Format(idn_hostname(), any_idn_hostname(), is_idn_hostname)
    language = builder()
    return Format(language, language)


def format_language(name: str, draft: str = "") -> Expr | None:
    """Strings that have the format, all of them where it is regular; None when the name is an annotation only."""
    found = format_of(name, draft)
    return None if found is None else found.language
