"""The table of Unicode properties against the `regex` package and against `re`."""

from __future__ import annotations

import random
import re
import unicodedata

import pytest
import regex

from treadle.frontends.regex.unicode_classes import general_category, property_set, python_class
from treadle.grammar.charset import ALL

#: Assigned in this interpreter's Unicode, so that versions of the table and of the judge do not matter.
ASSIGNED = [chr(c) for c in range(0x32000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]

CATEGORIES = [
    "Lu",
    "Ll",
    "Lt",
    "Lm",
    "Lo",
    "Mn",
    "Mc",
    "Me",
    "Nd",
    "Nl",
    "No",
    "Pc",
    "Pd",
    "Ps",
    "Pe",
    "Pi",
    "Pf",
    "Po",
]
PROPERTIES = [
    ("Script", "Latin"), ("sc", "Grek"), ("Script", "Han"), ("Script_Extensions", "Deva"), ("scx", "Greek"),
    ("Alphabetic", None), ("Uppercase", None), ("Emoji", None), ("ID_Start", None), ("White_Space", None),
    ("Extended_Pictographic", None), ("Hex_Digit", None), ("L", None), ("Punctuation", None), ("gc", "Sm"),
    ("General_Category", "Letter"), ("Cased_Letter", None), ("Dash", None), ("Math", None),
]  # fmt: skip


@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_are_those_of_unicodedata(name: str) -> None:
    charset = general_category(name.lower())
    sample = random.Random(name).sample(ASSIGNED, 5000)
    differing = [c for c in sample if charset.contains(ord(c)) != (unicodedata.category(c) == name)]
    # Unicode moves a few characters from one category to another between versions.
    assert len(differing) < 20


@pytest.mark.parametrize(("name", "value"), PROPERTIES, ids=[f"{name}={value}" for name, value in PROPERTIES])
def test_properties_are_those_of_another_engine(name: str, value: str | None) -> None:
    charset = property_set(name, value)
    assert charset is not None
    judge = regex.compile(rf"\p{{{name if value is None else f'{name}={value}'}}}")
    sample = random.Random(name).sample(ASSIGNED, 5000)
    assert [c for c in sample if charset.contains(ord(c)) != bool(judge.match(c))] == []


@pytest.mark.parametrize("escape", ["d", "w", "s"])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_python_classes_are_those_of_re(escape: str, ascii_only: bool) -> None:
    judge = re.compile(rf"\{escape}", re.ASCII if ascii_only else 0)
    charset = python_class(escape, ascii_only=ascii_only)
    everything = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    assert [c for c in everything if charset.contains(ord(c)) != bool(judge.match(c))] == []


def test_every_category_is_in_one_place() -> None:
    assert (
        general_category("c")
        | general_category("l")
        | general_category("m")
        | general_category("n")
        | general_category("p")
        | general_category("s")
        | general_category("z")
        is ALL
    )
    assert not general_category("lu") & general_category("ll")


@pytest.mark.parametrize(
    ("name", "value"), [("Nope", None), ("Script", "Nope"), ("Nope", "Latin"), ("gc", "Latin")]
)
def test_unknown_names_are_unknown(name: str, value: str | None) -> None:
    assert property_set(name, value) is None
