"""Names of the `format` keyword -> languages of strings.

In: a name out of the drafts. Out: the `Expr` of the strings that have the format, or None for a name that no draft
defines, which is an annotation only. Each language follows the document that the draft names, as the module that
builds it says: `format_dates`, `format_hosts`, `format_idn`, `format_uris`, `format_regex`. Of draft 3 there are
"ip-address" and "host-name" (ipv4 and hostname under their old names) and "color" (the names of CSS 2.1, or "#" with
three or six hexadecimal digits); its "style", "phone" and "utc-millisec" never had a grammar.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from treadle.frontends.json_schema.format_dates import date, date_time, duration, time
from treadle.frontends.json_schema.format_hosts import email, hostname, idn_email, ipv4, ipv6
from treadle.frontends.json_schema.format_idn import idn_hostname
from treadle.frontends.json_schema.format_parts import HEX, either, many, one, seq
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

#: Every name that has a language.
FORMATS = frozenset(_BUILDERS)


@cache
def format_language(name: str) -> Expr | None:
    """The strings of a format; None when the name is an annotation only."""
    builder = _BUILDERS.get(name)
    return None if builder is None else builder()
