"""Host names decided one string at a time: A-labels are decoded, encoded lengths counted, normal forms computed.

In: a string that is given, in an `enum` for instance. Out: whether it is a `hostname` or an `idn-hostname` from draft 7
on. Punycode is RFC 3492, as Python has it; an A-label has to be what its decoded form encodes to (RFC 5891, section
5.4), in lower case, since that is how names are compared. An A-label in a `hostname` is judged by itself; in an
`idn-hostname` it takes part in the Bidi rule like any other label.
"""

from __future__ import annotations

import re
import unicodedata

from treadle.frontends.json_schema.format_hosts import plain_hostname
from treadle.frontends.json_schema.format_idn import DOTS, label_after
from treadle.grammar.derivative import matches

_LABEL = 63
_NAME = 253
_PREFIX = "xn--"
_SEPARATOR = re.compile(f"[{DOTS}]")


def is_hostname(text: str) -> bool:
    """Letters, digits, hyphens; every A-label stands for something."""
    if not matches(plain_hostname(), text):
        return False
    a_labels = [label.lower() for label in text.split(".") if label.lower().startswith(_PREFIX)]
    return all(_stands_for_a_label(label) for label in a_labels)


def _stands_for_a_label(a_label: str) -> bool:
    decoded = _decoded(a_label)
    return decoded is not None and label_after(decoded) is not None


def is_idn_hostname(text: str) -> bool:
    """Labels of either form, in one name that keeps the Bidi rule."""
    state = None
    encoded = []
    for label in _SEPARATOR.split(text):
        a_label = label.lower().startswith(_PREFIX)
        decoded = _decoded(label.lower()) if a_label else label
        if not decoded or not unicodedata.is_normalized("NFC", decoded):
            return False
        state = label_after(decoded, state)
        if state is None:
            return False
        encoded.append(label if a_label or label.isascii() else _PREFIX + _punycode(label))
    return all(len(label) <= _LABEL for label in encoded) and len(".".join(encoded)) <= _NAME


def _decoded(a_label: str) -> str | None:
    """What an A-label in lower case stands for; None where it is not the encoding of anything beyond ASCII."""
    digits = a_label.removeprefix(_PREFIX)
    try:
        decoded = digits.encode("ascii").decode("punycode")
        canonical = _punycode(decoded) == digits
    except UnicodeError:
        return None
    if not canonical or decoded.isascii():
        return None
    return decoded if unicodedata.is_normalized("NFC", decoded) else None


def _punycode(label: str) -> str:
    return label.encode("punycode").decode("ascii")
