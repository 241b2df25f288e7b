"""The scanner over bytes against the terminals' machines over characters: every character leads where they say."""

from __future__ import annotations

import random

import numpy as np
import pytest

import treadle
from treadle.automata import utf8_tree
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.automata.scanner import DEAD, START, WHOLE, Scanner
from treadle.frontends.regex.preferred import read_preferred
from treadle.parse_tables import parse_tables

PATTERNS = [
    [r"\w+", r"[^\W\d]\w*", r"if(?!\w)"],
    [r"[\u0370-\u03ff]+", r"[^\u0391]", r"\U0001f600|\u20ac|é"],
    [r"[\u0800-\uffff]x", r"[\U00010000-\U0010ffff]+", r"[^a]b"],
    [r"a*b"],
]
#: No characters: surrogates, more bytes than needed, numbers that are too big, bytes that begin nothing.
BROKEN = [
    b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf",
    b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\x80", b"\xff",
]  # fmt: skip


def scanner_of(patterns: list[str]) -> Scanner:
    made = Scanner([read_preferred(pattern) for pattern in patterns])
    made.close(10_000)
    return made


def behind(scanner: Scanner, state: int, data: bytes) -> int:
    for byte in data:
        state = scanner.next(state, byte) if state != DEAD else DEAD
    return state


def items_behind(scanner: Scanner, state: int, character: int) -> tuple[tuple[int, int], ...]:
    """What the machines say: (terminal, state of its machine)."""
    found = []
    for t, q in scanner._keys[state][1]:
        machine = scanner._machines[t]
        assert machine is not None
        found += [(t, target) for low, high, target in machine.edges(q) if low <= character <= high]
    return tuple(found)


def characters(scanner: Scanner, state: int, rng: random.Random) -> list[int]:
    """Those around the ends of every range, and some more."""
    bounds = {0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF}
    for t, q in scanner._keys[state][1]:
        machine = scanner._machines[t]
        assert machine is not None
        bounds |= {near for low, high, _ in machine.edges(q) for near in (low - 1, low, high, high + 1)}
    bounds |= {rng.randrange(0x110000) for _ in range(200)}
    return sorted(c for c in bounds if 0 <= c < 0x110000 and not 0xD800 <= c < 0xE000)


@pytest.mark.parametrize("patterns", PATTERNS, ids=str)
def test_every_character_leads_where_the_machines_say(patterns: list[str]) -> None:
    scanner, rng = scanner_of(patterns), random.Random(1)
    for state in range(START, scanner.states):
        if scanner._keys[state][0] != WHOLE:
            continue
        for character in characters(scanner, state, rng):
            reached = behind(scanner, state, chr(character).encode())
            assert scanner._keys[reached] == (WHOLE, items_behind(scanner, state, character)), character


@pytest.mark.parametrize("patterns", PATTERNS, ids=str)
def test_what_is_no_character_leads_nowhere(patterns: list[str]) -> None:
    scanner = scanner_of(patterns)
    for state in range(START, scanner.states):
        if scanner._keys[state][0] == WHOLE:
            assert [data for data in BROKEN if behind(scanner, state, data) != DEAD] == []


@pytest.mark.parametrize("patterns", PATTERNS, ids=str)
def test_states_within_a_character_are_as_few_as_they_can_be(patterns: list[str]) -> None:
    scanner = scanner_of(patterns)
    rows = [
        scanner.next_rows[q].tobytes() for q in range(START, scanner.states) if scanner._keys[q][0] != WHOLE
    ]
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("patterns", PATTERNS, ids=str)
def test_a_state_is_live_for_what_can_still_match(patterns: list[str]) -> None:
    scanner = scanner_of(patterns)
    for state in range(START, scanner.states):
        if scanner._keys[state][0] == WHOLE:
            continue
        expected = 0
        for target in set(scanner.next_rows[state].tolist()) - {DEAD}:
            expected |= scanner.live[target] | scanner.flags[target] | scanner.conditional(target)
        assert scanner.live[state] == expected


def test_a_closed_scanner_is_asked_for_nothing() -> None:
    scanner = scanner_of(PATTERNS[0])
    states = scanner.states
    assert (scanner.next_rows[DEAD:states] != 0).all()
    scanner.close(10_000)
    assert scanner.states == states


def test_closing_stops_at_its_limit() -> None:
    scanner = Scanner([read_preferred(pattern) for pattern in PATTERNS[0]])
    scanner.close(1)
    assert scanner.states == START + 1


def test_runs_become_bytes() -> None:
    rows: dict[bytes, int] = {}
    first, places = np.array([0, 0xE9, 0xEA, 0xD800, 0xE000]), np.array([1, 7, 1, 1, 1], np.int32)
    found = utf8_tree.lead_bytes(
        first, places, 1,
        lambda left, row: 1 if set(row.tolist()) == {1} else rows.setdefault(row.tobytes(), 100 + left),
    )  # fmt: skip
    assert {byte: place for byte, place in found.items() if place != 1} == {0xC3: 101}


def test_a_machine_that_comes_back_to_its_start_is_within_a_lexeme() -> None:
    """`ba` is a lexeme and the beginning of another one, though the machine of /a*b/ is where it began."""
    made = ParseAutomaton(parse_tables(treadle.Grammar("start: A+\nA: /a*b/").cfg(), frozenset(range(256))))
    verdicts = {}
    for text in ("b", "ba", "bab", "aab", "aaba"):
        state = made.run(made.start, text.encode())
        verdicts[text] = made.is_accepting(state)
    assert verdicts == {"b": True, "ba": False, "bab": True, "aab": True, "aaba": False}
