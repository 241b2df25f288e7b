"""Machines of ordered threads find the match that `re.match` prefers."""

from __future__ import annotations

import random
import re

import pytest

from treadle.errors import ConstraintError, UnsupportedFeature
from treadle.frontends.regex.preferred import read_preferred
from treadle.grammar.preferred import Machine

TABLE = [
    ("a|ab", "ab"),
    ("ab|a", "ab"),
    ('".*?"', '"a" "b"'),
    ('".*"', '"a" "b"'),
    (r'".*?(?<!\\)(\\\\)*?"', r'"a\" b" c"'),
    (r'"(?!"").*?(?<!\\)(\\\\)*?"', '""'),
    (r'"(?!"").*?(?<!\\)(\\\\)*?"', '"""'),
    (r"[?](?![a-z])", "?a"),
    (r"[?](?![a-z])", "?"),
    (r"\d+\b", "12a"),
    (r"\d+\b", "12 "),
    ("(?i:select)", "SELECT"),
    ("a{2,4}?b?", "aaaab"),
    ("x*", "y"),
    (r"/\*(.|\n)*?\*/", "/* a */ */"),
    (r"(?s:\#\|.*?\|\#)", "#| \n |# |#"),
    ("é+", "ééa"),
]


@pytest.mark.parametrize(("pattern", "text"), TABLE)
def test_table(pattern: str, text: str) -> None:
    assert preferred_end(pattern, text) == end(pattern, text)


@pytest.mark.parametrize("seed", range(4))
def test_random_patterns(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(300):
        pattern = random_pattern(rng, 4)
        for _ in range(6):
            text = "".join(rng.choice("abc ") for _ in range(rng.randrange(7)))
            try:
                found = preferred_end(pattern, text)
            except UnsupportedFeature:
                break
            assert found == end(pattern, text), (pattern, text)


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "(?<=ab)c", "^a", "a(?>b)", "a(?!bc)", "(?P<n>a)(?(n)b|c)", "("]
)
def test_refused(pattern: str) -> None:
    with pytest.raises(ConstraintError):
        explore(read_preferred(pattern))


def explore(program: object) -> None:
    machine = Machine(program)  # type: ignore[arg-type]
    state = 0
    while state < machine.states:
        machine.edges(state)
        state += 1


def end(pattern: str, text: str) -> int | None:
    match = re.match(pattern, text)
    return match.end() if match else None


def preferred_end(pattern: str, text: str) -> int | None:
    machine = Machine(read_preferred(pattern))
    state, last = 0, 0 if machine.flag[0] else None
    for index, character in enumerate(text):
        condition = machine.condition[state]
        if condition is not None and condition.charset.contains(ord(character)):
            last = index
        for low, high, target in machine.edges(state):
            if low <= ord(character) <= high:
                state = target
                break
        else:
            return last
        if machine.flag[state]:
            last = index + 1
    condition = machine.condition[state]
    return len(text) if condition is not None and condition.at_end else last


def random_pattern(rng: random.Random, depth: int) -> str:
    """N.B. loops around what may be empty are left out: there `re` has customs of its own."""
    kind = rng.random()
    if depth == 0 or kind < 0.25:
        return rng.choice(["a", "b", "[ab]", ".", "c", "[^a]"])
    if kind < 0.45:
        return random_pattern(rng, depth - 1) + random_pattern(rng, depth - 1)
    if kind < 0.6:
        return f"(?:{random_pattern(rng, depth - 1)}|{random_pattern(rng, depth - 1)})"
    if kind < 0.85:
        body = random_pattern(rng, depth - 1)
        if re.fullmatch(body, "") or any(sign in body for sign in ("(?<", "(?!", "(?=", "\\b")):
            return body
        return f"(?:{body}){rng.choice(['*', '+', '?', '*?', '+?', '??', '{1,2}', '{2}', '{0,2}?'])}"
    if kind < 0.9:
        return rng.choice(["(?<!a)", "(?<=b)", "\\b"]) + random_pattern(rng, depth - 1)
    if kind < 0.95:
        return rng.choice(["(?!ab)", "(?=a|bc)", "(?!a*b)"]) + "[abc ]" + random_pattern(rng, depth - 1)
    return random_pattern(rng, depth - 1) + rng.choice(["(?!a)", "(?=[bc])", "(?!b|c)", "\\b"])
