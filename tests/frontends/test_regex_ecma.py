"""ECMA-262 patterns: what they find, as tables; refusals with their place; real patterns against other engines."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import regex

from treadle.errors import ConstraintError, InvalidConstraint, LimitExceeded, UnsupportedFeature
from treadle.frontends.regex import parse_ecma
from treadle.grammar.derivative import matches
from treadle.grammar.emptiness import is_empty, live_transitions, shortest

CASES = [
    # pattern, texts it is found in, texts it is not found in
    ("", ["", "a", "\n"], []),
    ("a", ["a", "bab", "a\n"], ["", "b", "A"]),
    ("^a", ["a", "ab"], ["", "ba", "\na"]),
    ("a$", ["a", "ba"], ["", "ab", "a\n"]),
    ("^a$", ["a"], ["", "aa", "a\n", "b"]),
    ("^a|b$", ["ax", "xb", "a", "b"], ["xa", "bx", ""]),
    ("^(a|b$|^c)", ["ax", "b", "cx"], ["bx", "xc", ""]),
    ("(^|,)a(,|$)", ["a", "x,a", "a,x", "x,a,y"], ["ba", "ab", "xa,"]),
    ("(a$)*b", ["b", "ab"], ["a", ""]),
    ("^*"[:1], ["", "x"], []),
    ("a^", [], ["a", "a\n", ""]),
    ("$a", [], ["a", ""]),
    ("^$", [""], ["a", "\n"]),
    (".", ["a", "\t", "\u0085", "😀"], ["", "\n", "\r", "\u2028", "\u2029"]),
    ("^.{2}$", ["ab", "😀é"], ["a", "abc", "a\n"]),
    ("^[^]$", ["a", "\n"], ["", "ab"]),
    ("[]", [], ["", "a"]),
    ("^[^a-c]$", ["d", "\n", "😀"], ["a", "b", ""]),
    ("^[a-]$", ["a", "-"], ["b"]),
    ("^[-a]$", ["a", "-"], ["b"]),
    (r"^[\d-x]$", ["5", "-", "x"], ["w", "y"]),
    (r"^[\w.-]+$", ["a.b-c_9"], ["a b", "é"]),
    (r"^[\b]$", ["\b"], ["b"]),
    (r"^[\]\\^]$", ["]", "\\", "^"], ["["]),
    (r"^\d$", ["0", "9"], ["٣", "a", ""]),
    (r"^\w$", ["a", "Z", "_", "7"], ["é", "-", ""]),
    (r"^\s$", [" ", "\t", "\n", "\u00a0", "\ufeff", "\u2028", "\u3000"], ["a", "", "\u200b", "\u0085"]),
    (r"^\S\D\W$", ["aa-"], [" a-", "a1-", "aaa"]),
    (r"^\t\n\v\f\r\0$", ["\t\n\v\f\r\0"], ["tnvfr0"]),
    (r"^\x41\u0042\u{43}\u{1F600}$", ["ABC😀"], ["x41u0042"]),
    (r"^\ud83d\ude00$", ["😀"], ["", "\ufffd"]),
    (r"^[\ud83d\ude00-\ud83d\ude02]$", ["😀", "😁", "😂"], ["😃"]),
    (r"^\cJ\cj$", ["\n\n"], ["cJcj"]),
    (r"^\c$", [r"\c"], ["c"]),
    (r"^\/\-\@\q\"$", ['/-@q"'], [r"\/"]),
    (r"^\xZ\u12$", ["xZu12"], []),
    (r"^\101\8$", ["A8"], ["101"]),
    ("^a{2}$", ["aa"], ["a", "aaa"]),
    ("^a{2,}$", ["aa", "aaaa"], ["a"]),
    ("^a{1,2}$", ["a", "aa"], ["", "aaa"]),
    ("^a{,2}$", ["a{,2}"], ["a", "aa", ""]),
    ("^{a}{$", ["{a}{"], ["a"]),
    ("^x{a}]}$", ["x{a}]}"], []),
    ("^(ab?){0}c$", ["c"], ["abc"]),
    ("^a+?b*?c??$", ["a", "aabc", "ac"], ["", "bc", "acc"]),
    ("^(?<year>\\d{4})-(?:0[1-9]|1[0-2])$", ["2024-12", "1999-01"], ["2024-13", "24-01"]),
    ("^(?!foo).*$", ["", "fo", "xfoo", "bar"], ["foo", "foobar"]),
    ("^(?!.*foo)", ["", "fo", "bar"], ["foo", "xfoo"]),
    (r"^(?=.*[A-Z])(?=.*\d).{8,}$", ["Abcdefg1", "1bcdefgH"], ["abcdefg1", "Ab1", "ABCDEFGH"]),
    ("^((?!foo).)*$", ["", "fofo", "barfo"], ["foo", "xfoo", "foox"]),
    ("^((?!foo).){2,4}$", ["fo", "bar", "fofo"], ["f", "foo", "xfoo", "barbar"]),
    ("^(?:(?=a)a|b)+$", ["a", "ab", "bba"], ["", "c"]),
    ("a(?=b)", ["ab", "xaby"], ["a", "ac"]),
    ("a(?!b)", ["a", "ac", "abac"], ["ab", ""]),
    ("(?<=a)b", ["ab", "xab"], ["b", "cb"]),
    ("(?<!a)b", ["b", "cb", "abb"], ["ab", ""]),
    ("(?<=^|,)b(?=,|$)", ["b", "a,b", "b,c"], ["ab", "bc"]),
    ("(?<=ab+)c", ["abc", "abbbc"], ["ac", "bc"]),
    ("(?=a$|b)..?", ["a", "bc"], ["ac", "c", ""]),
    (r"\bfoo\b", ["foo", "a foo!", "foo-"], ["food", "afoo", "fo", "_foo"]),
    (r"\Bo\b", ["foo", "foo bar"], ["o", "bar", "o1"]),
    (r"\B", ["", "ab", " "], ["a"]),
    (r"^\b", ["a"], ["", " a"]),
    (r"(\b\w+\b *){2}$", ["ab cd", "! ab cd "], ["a", "ab", "!", ""]),
    (r"^\p{L}+$", ["aéЖ漢"], ["a1", ""]),
    (r"^\p{Lu}\P{Lu}$", ["Éé", "A1"], ["éé", "ÉÉ"]),
    (r"^[\p{Zs}A-Z]+$", ["A \u00a0B"], ["a", "\n"]),
    (r"^\p{Script=Greek}\p{sc=Cyrl}\p{scx=Grek}$", ["αЖβ"], ["aЖβ"]),
    (r"^\p{General_Category=Nd}\p{ASCII}\p{Any}$", ["٣a😀"], ["aaa", "1é1"]),
    (r"^\p{Alphabetic}\p{White_Space}\p{Emoji_Presentation}$", ["a 😀"], ["1 a"]),
]


@pytest.mark.parametrize(
    ("pattern", "accepts", "rejects"), CASES, ids=[case[0] or "(empty)" for case in CASES]
)
def test_patterns_find(pattern: str, accepts: list[str], rejects: list[str]) -> None:
    language = parse_ecma(pattern)
    assert [text for text in accepts if not matches(language, text)] == []
    assert [text for text in rejects if matches(language, text)] == []
    assert is_empty(language) == (shortest(language) is None)


REFUSED = [
    ("(", InvalidConstraint, "column 1"),
    ("a)", InvalidConstraint, "column 2"),
    ("a(b|c", InvalidConstraint, "column 2"),
    ("[a", InvalidConstraint, "column 1"),
    ("[b-a]", InvalidConstraint, "column 2"),
    ("*a", InvalidConstraint, "column 1"),
    ("a**", InvalidConstraint, "column 3"),
    ("^{2}", InvalidConstraint, "column 2"),
    ("a{3,2}", InvalidConstraint, "column 2"),
    ("ab\\", InvalidConstraint, "column 4"),
    ("(?i)a", InvalidConstraint, "column 1"),
    ("(?>a)", InvalidConstraint, "column 1"),
    ("(?<9>a)", InvalidConstraint, "column 4"),
    (r"\p{Nonsense}", InvalidConstraint, "column 1"),
    (r"a\pL", InvalidConstraint, "column 2"),
    (r"\u{110000}", InvalidConstraint, "column 3"),
    (r"(a)\1", UnsupportedFeature, "column 4"),
    (r"(?<x>a)\k<x>", UnsupportedFeature, "column 8"),
    (r"a(?<=b(?=c))", UnsupportedFeature, "column 2"),
    ("(" * 500 + ")" * 500, LimitExceeded, "column 102"),
]


@pytest.mark.parametrize(("pattern", "error", "where"), REFUSED, ids=[case[0][:20] for case in REFUSED])
def test_refusals_name_their_place(pattern: str, error: type[ConstraintError], where: str) -> None:
    with pytest.raises(error) as caught:
        parse_ecma(pattern)
    assert type(caught.value) is error
    assert caught.value.where == where


HOSTILE = [
    "(a{0,1000}){0,1000}",
    "^.{0,100000}$",
    "(a|b|ab)*c{3,70}",
    "(x+x+)+y",
    "^(a{1,5}b?){0,1000}$",
    "^(a{2,3}){3,1000}(a|b){5,900}$",
    "^.{0,100}x.{0,100}$",
    "[a-f]{64}",
    r"^(?=(.*[a-z]){3})(?=(.*[A-Z]){2})(?=.*\d).{8,72}$",
    "^((?!foo).){3,500}bar$",
    r"(\b\w+\b\s*){1,100}",
    "(?=a)" * 300 + "a",
    "(a" * 90 + ")*" * 90,
    "x" * 5000,
]


@pytest.mark.parametrize("pattern", HOSTILE, ids=[pattern[:24] for pattern in HOSTILE])
def test_hostile_patterns_stay_small(pattern: str) -> None:
    pending = [parse_ecma(pattern)]
    seen = set(pending)
    for _ in range(150):
        if not pending:
            break
        for _, target in live_transitions(pending.pop(0)):
            if target not in seen:
                seen.add(target)
                pending.append(target)
    # A pattern that multiplies its counters has states by the thousand after so few steps.
    assert len(seen) < 600


def as_python(pattern: str) -> str:
    """The pattern as Python's dialect says it, for patterns made by `random_pattern`."""
    return pattern.replace("$", r"(?!.|\n)").replace(".", r"[^\n\r\u2028\u2029]").replace(r"\B", r"(?!\b)")


@pytest.mark.parametrize("seed", range(40))
def test_random_patterns_find_what_re_finds(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(8):
        pattern = random_pattern(source, 3)
        try:
            judge = re.compile(as_python(pattern), re.ASCII)
            language = parse_ecma(pattern)
        except (re.error, UnsupportedFeature):
            continue
        for _ in range(25):
            text = "".join(source.choices("aabbc x1\n", k=source.randint(0, 7)))
            assert matches(language, text) == bool(judge.search(text)), (pattern, text)


def random_pattern(source: random.Random, depth: int) -> str:
    sizes = [source.randint(1, 4) for _ in range(source.choice([1, 1, 2, 3]))]
    return "|".join("".join(random_term(source, depth) for _ in range(size)) for size in sizes)


def random_term(source: random.Random, depth: int) -> str:
    kind = source.random()
    if kind < 0.35 or depth == 0:
        return source.choice("abc")
    if kind < 0.5:
        return source.choice([".", "[ab]", "[^a]", r"\w", r"\W", "[a-c]", r"\d", r"\s", r"\n"])
    if kind < 0.62:
        return source.choice(["^", "$", r"\b", r"\B"])
    if kind < 0.7:
        return f"({source.choice(['?=', '?!'])}{random_pattern(source, depth - 1)})"
    if kind < 0.75:
        return f"({source.choice(['?<=', '?<!'])}{source.choice(['a', '[ab]', 'ab', '^a', 'b.'])})"
    counter = source.choice(["", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?"])
    return f"({random_pattern(source, depth - 1)}){counter}"


def pattern_strings(node: Any) -> Iterator[str]:
    """Every pattern of a schema."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        if isinstance(node.get("patternProperties"), dict):
            yield from node["patternProperties"]
        for value in node.values():
            yield from pattern_strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from pattern_strings(value)


def strings(node: Any) -> Iterator[str]:
    """Every string of an instance."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        yield from node
        for value in node.values():
            yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)


#: Where the judge's `$`, `.` and `\\s` are not ECMA's: a last newline, the other line ends, spaces beyond ASCII.
DIALECTS_DIFFER = re.compile(
    r"\n\Z|[\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]"
)


@pytest.mark.maskbench
def test_real_patterns_agree_with_another_engine(shared_data: Path) -> None:
    source = random.Random(5)
    judged = set()
    with gzip.open(shared_data / "maskbench" / "dev.jsonl.gz", "rt") as lines:
        for line in lines:
            task = json.loads(line)
            texts = sorted(
                {text for test in task["tests"] for text in strings(test["data"]) if len(text) < 200}
            )
            for pattern in sorted(set(pattern_strings(task["schema"])) - judged):
                judged.add(pattern)
                language = parse_ecma(pattern)
                judge = regex.compile(pattern, regex.ASCII)
                for text in [*source.sample(texts, min(len(texts), 30)), *variants(language, source)]:
                    if not DIALECTS_DIFFER.search(text):
                        assert matches(language, text) == bool(judge.search(text)), (pattern, text)
    assert len(judged) > 2000


def variants(language: Any, source: random.Random) -> Iterator[str]:
    """Texts in and about a language: random walks through its states, and the same with one character changed."""
    for _ in range(4):
        text, state = "", language
        while not (state.nullable and source.random() < 0.3) and len(text) < 60:
            edges = live_transitions(state)
            if not edges:
                break
            charset, state = source.choice(edges)
            text += charset.example()
        yield text
        if text:
            at = source.randrange(len(text))
            yield text[:at] + source.choice("aZ0 -._/é") + text[at + 1 :]
