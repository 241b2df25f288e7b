"""Named sets of characters: \\d \\w \\s of both dialects, general categories, scripts and binary properties.

In: a name as patterns write it. Out: a CharSet, or None for a name that Unicode does not have. The properties come from
`unicode_tables.txt` beside this file (Unicode's data, run-length coded; PERF: asking `unicodedata` for the category of
every character takes 60 ms). The classes of Python's dialect come from `re`, so they are those of the interpreter.
Names are compared loosely: case, spaces, hyphens and underscores do not count.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from treadle.grammar.charset import ALL, CharSet, Range

DIGIT = CharSet.of(((0x30, 0x39),))
#: ECMA-262: [A-Za-z0-9_], also with the u flag.
WORD = CharSet.of(((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)))
#: ECMA-262 WhiteSpace and LineTerminator.
SPACE = CharSet.of(
    (
        (0x09, 0x0D),
        (0x20, 0x20),
        (0xA0, 0xA0),
        (0x1680, 0x1680),
        (0x2000, 0x200A),
        (0x2028, 0x2029),
        (0x202F, 0x202F),
        (0x205F, 0x205F),
        (0x3000, 0x3000),
        (0xFEFF, 0xFEFF),
    )
)
#: ECMA-262 LineTerminator: what `.` does not match.
LINE_TERMINATOR = CharSet.of(((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)))
NEWLINE = CharSet.single(0x0A)

#: \s of Python's dialect with re.ASCII.
ASCII_SPACE = CharSet.of(((0x09, 0x0D), (0x20, 0x20)))

_CATEGORY_NAMES = {
    "lu": "uppercaseletter", "ll": "lowercaseletter", "lt": "titlecaseletter", "lm": "modifierletter",
    "lo": "otherletter", "mn": "nonspacingmark", "mc": "spacingmark", "me": "enclosingmark",
    "nd": "decimalnumber digit", "nl": "letternumber", "no": "othernumber", "pc": "connectorpunctuation",
    "pd": "dashpunctuation", "ps": "openpunctuation", "pe": "closepunctuation", "pi": "initialpunctuation",
    "pf": "finalpunctuation", "po": "otherpunctuation", "sm": "mathsymbol", "sc": "currencysymbol",
    "sk": "modifiersymbol", "so": "othersymbol", "zs": "spaceseparator", "zl": "lineseparator",
    "zp": "paragraphseparator", "cc": "control cntrl", "cf": "format", "cs": "surrogate", "co": "privateuse",
    "cn": "unassigned", "l": "letter", "lc": "casedletter", "m": "mark combiningmark", "n": "number",
    "p": "punctuation punct", "s": "symbol", "z": "separator", "c": "other",
}  # fmt: skip
_CATEGORIES = {name: short for short, names in _CATEGORY_NAMES.items() for name in (short, *names.split())}


def property_set(name: str, value: str | None = None) -> CharSet | None:
    r"""The set of \p{name} or \p{name=value}; None when there is no such property or value."""
    key = _loose(name)
    if value is not None:
        wanted = _loose(value)
        if key in ("gc", "generalcategory"):
            return _category(wanted)
        if key in ("sc", "script"):
            return _tabled(f"sc={wanted}")
        if key in ("scx", "scriptextensions"):
            return _tabled(f"scx={wanted}") or _tabled(f"sc={wanted}")
        return None
    if key in _SPECIAL:
        return _SPECIAL[key]
    if key == "assigned":
        return general_category("cn").complement()
    return _category(key) or _tabled(f"is={key}")


_SPECIAL = {"any": ALL, "ascii": CharSet.of(((0, 0x7F),))}


def _loose(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _category(name: str) -> CharSet | None:
    short = _CATEGORIES.get(name)
    return None if short is None else general_category(short)


@cache
def general_category(short: str) -> CharSet:
    """All characters whose category is `short`, or begins with it; lower case ("lu", "l", "lc")."""
    if short == "lc":
        return general_category("lu") | general_category("ll") | general_category("lt")
    coded = [runs for key, runs in _table().items() if key.startswith(f"gc={short}")]
    return CharSet.of(bounds for runs in coded for bounds in _decoded(runs).ranges)


def _tabled(key: str) -> CharSet | None:
    coded = _table().get(key)
    return None if coded is None else _decoded(coded)


@cache
def _decoded(coded: str) -> CharSet:
    """Runs as "gap+more": the gap since the last run, and how many characters follow the first one of this run."""
    ranges: list[Range] = []
    after = 0
    for run in coded.split():
        gap, _, more = run.partition("+")
        low = after + int(gap, 16)
        high = low + int(more or "0", 16)
        ranges.append((low, high))
        after = high + 1
    return CharSet.of(ranges)


@cache
def _table() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in files(__package__).joinpath("unicode_tables.txt").read_text("ascii").splitlines():
        if line.startswith("#"):
            continue
        names, _, coded = line.partition(": ")
        kind, _, aliases = names.partition("=")
        for alias in aliases.split("|"):
            found[f"{kind}={alias}"] = coded
    return found


@cache
def python_class(escape: str, *, ascii_only: bool) -> CharSet:
    """What \\d, \\w or \\s (given as "d", "w", "s") matches in Python's `re`."""
    if ascii_only:
        return {"d": DIGIT, "w": WORD, "s": ASCII_SPACE}[escape]
    return CharSet.of(
        (match.start(), match.end() - 1) for match in re.finditer(rf"\{escape}+", _every_character())
    )


def _every_character() -> str:
    """All characters that can be in one of the classes; planes 4 and beyond have no letters, digits or spaces."""
    return "".join(map(chr, range(0x40000)))
