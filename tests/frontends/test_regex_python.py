"""Python's dialect against `re.fullmatch`."""

from __future__ import annotations

import random
import re
import sys

import pytest

from treadle.errors import ConstraintError, InvalidConstraint, LimitExceeded, UnsupportedFeature
from treadle.frontends.regex import parse_python
from treadle.frontends.regex.case_folding import with_other_cases
from treadle.grammar.charset import CharSet
from treadle.grammar.derivative import matches
from treadle.grammar.emptiness import is_empty, shortest

TEXTS = [
    "", "a", "A", "b", "ab", "AB", "aB", "ba", "aab", "abc", "abab", "foo", "food", "a foo", "foo bar",
    "x,a", "a\n", "\n", "\na", "a\nb", "a\nb\n", "é", "É", "ß", "ẞ", "ſ", "s", "S", "K", "k", "\u212a",
    "İ", "i", "٣", "3", "_", "-", " ", "\u00a0", "\x1c", "1.5", "-1.5e10", "2024-02-30", "😀", "\r",
    "\u2028", "a-b", "a b", "]", "\\", "aXb", "axb",
]  # fmt: skip

PATTERNS = [
    "", "a", "a|b", "a*", "(ab)+", "a{2}b", "a{0,1}b?", "[abc]+", "[^abc]*", ".*", "(?s:.*)", ".", r"\d+",
    r"\w+", r"\W", r"\s", r"\S+", r"[\w-]+", r"[^\W\d]+", "^a$", "a$", r"a\Z", r"\Aa\n?",
    "(?m)a$\n^b$\n?", "(?m)^a$.*", r"(?ms)^a$.*", "(?i)ab", "(?i)É", "(?i)ß", "(?i)s", "(?i)k", "(?i)i",
    "(?i)[a-k]+", "(?i)[^a-k]", "(?ia)k", "(?a)\\w+", "(?a)\\s", "(?i:a)b", "(?i)a(?-i:b)",
    "(?x) a b # comment", r"\bfoo\b", r"a\b.*", r"\B", r"\Ba|\bb", ".*(?<=a)b", ".*(?<!a)b", "(?=a).*",
    "(?!a).*", "((?!b).)*", "(?:(?=a)a|b)*", "(?P<x>a)b", r"-?\d+(\.\d+)?(e\d+)?", r"\d{4}-\d{2}-\d{2}",
    r"[]\\]", r"\x61\u0062", r"\N{LATIN SMALL LETTER A}", "a**"[:2], "a+?b", "(a|ab)(c|bcd)?", "(a*)*",
    "(a|b|ab)*", "(|a)+b", "x{,2}", "(?i)[É-Í]", "[a-zé]", "(?!)", "(?=)a",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_full_matches_are_those_of_re(pattern: str) -> None:
    language, judge = parse_python(pattern), re.compile(pattern)
    assert [text for text in TEXTS if matches(language, text) != bool(judge.fullmatch(text))] == []


@pytest.mark.parametrize(
    "flags", [re.IGNORECASE, re.DOTALL, re.MULTILINE, re.ASCII, re.VERBOSE | re.IGNORECASE]
)
def test_flags_are_those_of_re(flags: int) -> None:
    for pattern in PATTERNS:
        if "(?" in pattern[2:] or pattern.startswith("(?i"):
            continue
        try:
            judge = re.compile(pattern, flags)
        except re.error:  # a pattern that verbose mode cuts to pieces
            continue
        language = parse_python(pattern, flags)
        for text in TEXTS:
            assert matches(language, text) == bool(judge.fullmatch(text)), (pattern, text)


@pytest.mark.parametrize("seed", range(40))
def test_random_patterns_match_as_re_does(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(8):
        pattern = _pattern(source, 3)
        flags = source.choice([0, 0, re.IGNORECASE, re.DOTALL, re.MULTILINE, re.MULTILINE | re.DOTALL])
        try:
            judge = re.compile(pattern, flags)
            language = parse_python(pattern, flags)
        except (re.error, UnsupportedFeature):
            continue
        for _ in range(20):
            text = "".join(source.choices("aabbc Ax1\n", k=source.randint(0, 7)))
            assert matches(language, text) == bool(judge.fullmatch(text)), (pattern, text)
        witness = shortest(language)
        assert is_empty(language) == (witness is None)
        if witness is not None:
            assert judge.fullmatch(witness), (pattern, witness)


def _pattern(source: random.Random, depth: int) -> str:
    sizes = [source.randint(1, 4) for _ in range(source.choice([1, 1, 2, 3]))]
    return "|".join("".join(_term(source, depth) for _ in range(size)) for size in sizes)


def _term(source: random.Random, depth: int) -> str:
    kind = source.random()
    if kind < 0.35 or depth == 0:
        return source.choice("abc")
    if kind < 0.5:
        return source.choice([".", "[ab]", "[^a]", r"\w", r"\W", "[a-c]", r"\d", r"\s", r"\n", "[^b-c\\d]"])
    if kind < 0.62:
        return source.choice(["^", "$", r"\b", r"\B", r"\A", r"\Z"])
    if kind < 0.7:
        return f"({source.choice(['?=', '?!'])}{_pattern(source, depth - 1)})"
    if kind < 0.75:
        return f"({source.choice(['?<=', '?<!'])}{source.choice(['a', '[ab]', 'ab', '^a', 'b.'])})"
    counter = source.choice(["", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?"])
    return f"({source.choice(['', '?:'])}{_pattern(source, depth - 1)}){counter}"


def test_case_is_ignored_as_re_ignores_it() -> None:
    cased = [
        chr(c)
        for c in range(0x1E944)
        if not 0xD800 <= c <= 0xDFFF and chr(c).lower() + chr(c).upper() != 2 * chr(c)
    ]
    together = "".join(cased)
    for letter in random.Random(3).sample(cased, 150) + list("iIİıſKßẞǅΐﬅ"):
        alike = set(re.findall(re.escape(letter), together, re.IGNORECASE))
        folded = with_other_cases(CharSet.from_text(letter), ascii_only=False)
        assert set(map(chr, folded.codepoints())) == alike | {letter}


REFUSED = [
    (r"(a)\1", UnsupportedFeature),
    (r"(?P<x>a)(?P=x)", UnsupportedFeature),
    (r"(a)?(?(1)b|c)", UnsupportedFeature),
    (r"a(?<=b(?=c).)", UnsupportedFeature),
    ("(", InvalidConstraint),
    ("a**", InvalidConstraint),
    ("[z-a]", InvalidConstraint),
    ("a{99999999999999999999}", InvalidConstraint),
    ("(" * 300 + ")" * 300, LimitExceeded),
    ("(" * 5000 + ")" * 5000, LimitExceeded),
]


@pytest.mark.parametrize(("pattern", "error"), REFUSED, ids=[pattern[:20] for pattern, _ in REFUSED])
def test_refusals(pattern: str, error: type[ConstraintError]) -> None:
    with pytest.raises(ConstraintError) as caught:
        parse_python(pattern)
    assert type(caught.value) is error


@pytest.mark.skipif(sys.version_info < (3, 11), reason="new in 3.11")
@pytest.mark.parametrize("pattern", ["(?>a+)b", "a++b"])
def test_atomic_groups_are_refused(pattern: str) -> None:
    with pytest.raises(UnsupportedFeature):
        parse_python(pattern)


def test_syntax_errors_name_their_column() -> None:
    with pytest.raises(InvalidConstraint, match="column 3"):
        parse_python("ab(c")
