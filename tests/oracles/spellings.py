"""What a few bytes may become: the characters that a partly read spelling can still turn into.

In: bytes since the last character boundary. Out: None when no spelling of a character begins so, else (characters
that are still possible, whether the spelling is complete). Two ways of spelling: plain UTF-8 (RFC 3629), and the
inside of a JSON string (RFC 8259 section 7) with all its escapes or, `canonical`, only those that
json.dumps(ensure_ascii=False) writes. Made from the spelling rules of single characters, not from the engine's decoder.
"""

from __future__ import annotations

from functools import cache

from treadle.grammar.charset import ALL, CharSet

Spelling = tuple[CharSet, bool]

SHORT_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
#: What json.dumps(ensure_ascii=False) writes where it does not write the character itself.
DUMPED = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"} | {
    chr(c): f"\\u{c:04x}" for c in range(32) if chr(c) not in "\b\f\n\r\t"
}
BMP = CharSet.of([(0, 0xFFFF)])


@cache
def plain(data: bytes) -> Spelling | None:
    """UTF-8: `data` is the beginning of one character's bytes."""
    try:
        return CharSet.single(ord(data.decode())), True
    except (UnicodeDecodeError, TypeError):
        pass
    lead, rest = data[0], data[1:]
    if lead < 0xC2 or lead > 0xF4 or any(not 0x80 <= byte <= 0xBF for byte in rest):
        return None
    length, bits = (2, lead & 0x1F) if lead < 0xE0 else (3, lead & 0x0F) if lead < 0xF0 else (4, lead & 7)
    if len(data) >= length:
        return None
    for byte in rest:
        bits = bits << 6 | byte & 0x3F
    left = 6 * (length - len(data))
    least, most = {2: (0x80, 0x7FF), 3: (0x800, 0xFFFF), 4: (0x10000, 0x10FFFF)}[length]
    possible = CharSet.of([(bits << left, (bits + 1 << left) - 1)]).intersect(CharSet.of([(least, most)]))
    return (possible, False) if possible else None


@cache
def quoted(data: bytes, canonical: bool) -> Spelling | None:
    """Inside a JSON string; the closing quote is no character."""
    if data[0] != 0x5C:
        return None if data[0] < 0x20 or data[0] == 0x22 else plain(data)
    return _canonical_escape(data) if canonical else _escape(data)


def _canonical_escape(data: bytes) -> Spelling | None:
    spelled = [(char, text) for char, text in DUMPED.items() if text.encode().startswith(data)]
    if not spelled:
        return None
    return CharSet.from_text("".join(char for char, _ in spelled)), spelled[0][1].encode() == data


def _escape(data: bytes) -> Spelling | None:
    if len(data) == 1:
        return ALL, False
    kind = chr(data[1])
    if kind in SHORT_ESCAPES:
        return (CharSet.single(ord(SHORT_ESCAPES[kind])), True) if len(data) == 2 else None
    if kind != "u":
        return None
    units = _units(data)
    if units is None:
        return None
    (first, last), *low = units
    if first == last and 0xD800 <= first <= 0xDBFF:
        return _pair(first, low[0] if low else (0xDC00, 0xDFFF))
    if low:
        return None
    possible = CharSet.of([(first, last)]).intersect(BMP)
    highs = range(max(first, 0xD800), min(last, 0xDBFF) + 1)
    for high in highs:
        possible = possible.union(CharSet.of([(_joined(high, 0xDC00), _joined(high, 0xDFFF))]))
    return (possible, first == last) if possible else None


def _pair(high: int, low: tuple[int, int]) -> Spelling | None:
    first, last = max(low[0], 0xDC00), min(low[1], 0xDFFF)
    if first > last:
        return None
    return CharSet.of([(_joined(high, first), _joined(high, last))]), low[0] == low[1]


def _joined(high: int, low: int) -> int:
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)


def _units(data: bytes) -> list[tuple[int, int]] | None:
    r"""The ranges of one or two \uXXXX in which the last may be cut off. None if it is no beginning of that."""
    units = []
    for unit in (data[:6], data[6:]):
        if not unit:
            break
        if not b"\\u".startswith(unit[:2]):
            return None
        digits = unit[2:]
        if any(chr(digit) not in "0123456789abcdefABCDEF" for digit in digits):
            return None
        left = 4 * (4 - len(digits))
        value = int(digits or b"0", 16) << left
        units.append((value, value + (1 << left) - 1))
    return units


def spellings(char: str, canonical: bool = False) -> list[bytes]:
    """Some spellings of a character inside a JSON string; all of them but for the case of hex digits."""
    if canonical:
        return [DUMPED.get(char, char).encode()]
    out = [] if char in DUMPED else [char.encode()]
    out += [f"\\{kind}".encode() for kind, meant in SHORT_ESCAPES.items() if meant == char]
    units = char.encode("utf-16-be")
    pairs = [int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2)]
    return [
        *out,
        b"".join(b"\\u%04x" % unit for unit in pairs),
        b"".join(b"\\u%04X" % unit for unit in pairs),
    ]
