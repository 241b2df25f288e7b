"""Byte automata of single rules: which texts are in, which beginnings lead on, what is asked for too much."""

from __future__ import annotations

import pytest

from oracles.spellings import plain, quoted, spellings
from treadle.automata.byte_automaton import DEAD, ByteAutomaton
from treadle.errors import LimitExceeded
from treadle.frontends.regex import parse_ecma
from treadle.grammar import rules
from treadle.grammar.expression import ANY_TEXT, words

CHARACTERS = (
    "\0",
    "\x1f",
    " ",
    '"',
    "\\",
    "/",
    "\x7f",
    "\x80",
    "é",
    "\u07ff",
    "\u0800",
    "\ud7ff",
    "\ue000",
    "\uffff",
    "\U00010000",
    "😀",
    "\U0010ffff",
)


def accepts(node: rules.Node, data: bytes) -> bool:
    automaton = ByteAutomaton(node)
    state = automaton.run(automaton.start, data)
    return state != DEAD and automaton.is_accepting(state)


def leads_on(node: rules.Node, data: bytes) -> bool:
    automaton = ByteAutomaton(node)
    return automaton.run(automaton.start, data) != DEAD


ONE = rules.Text(parse_ecma(r"^[^]$"))


@pytest.mark.parametrize("char", CHARACTERS, ids=ascii)
def test_every_character_is_text(char):
    assert accepts(ONE, char.encode())


@pytest.mark.parametrize(
    "data",
    [b"\x80", b"\xbf", b"\xc0", b"\xc1", b"\xe0\x9f", b"\xed\xa0", b"\xf0\x8f", b"\xf4\x90", b"\xf5", b"\xff",
    b"\xc3a", b"\xe6\x97a"],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_utf8_leads_nowhere(data):
    assert not leads_on(rules.Text(ANY_TEXT), data)
    assert not leads_on(rules.Quoted(ANY_TEXT), data)
    assert plain(data) is None


def test_no_text_ends_inside_a_character():
    for cut in range(1, 4):
        data = "😀".encode()[:cut]
        assert leads_on(rules.Text(ANY_TEXT), data) and not accepts(rules.Text(ANY_TEXT), data)


@pytest.mark.parametrize("canonical", [False, True])
@pytest.mark.parametrize("char", CHARACTERS, ids=ascii)
def test_every_spelling_of_a_character_means_it(char, canonical):
    only = rules.Quoted(words((char,)), canonical=canonical)
    allowed = set(spellings(char, canonical))
    for data in spellings(char):
        assert accepts(only, data + b'"') == (data in allowed), data


@pytest.mark.parametrize(
    ("data", "any_spelling", "canonical"),
    [
        (b"\\u00e9", True, False), (b"\\u00E9", True, False), (b"\\/", True, False), (b"\\n", True, True),
        (b"\\u000a", True, False),
        (b"\\u001f", True, True), (b"\\u001F", True, False), (b"\\ud83d\\ude00", True, False),
        (b"\\uD83D\\uDE00", True, False),
        (b"\\ud83d", False, False), (b"\\ud83dx", False, False), (b"\\ude00", False, False), (b"\\ud83d\\u0041",
        False, False),
        (b"\\ud83d\\ud83d", False, False), (b"\\x41", False, False), (b"\\u12g4", False, False), (b"\n", False,
        False), (b"\x00", False, False),
        (b"\x7f", True, True), (b"\\", False, False), (b'\\"', True, True), (b"\\u0022", True, False), (b"\\\\",
        True, True),
    ],
    ids=ascii,
)  # fmt: skip
def test_escapes_in_strings(data, any_spelling, canonical):
    assert accepts(rules.Quoted(ANY_TEXT), data + b'"') == any_spelling
    assert accepts(rules.Quoted(ANY_TEXT, canonical=True), data + b'"') == canonical


def test_the_oracle_reads_spellings_as_written():
    for char in CHARACTERS:
        for canonical in (False, True):
            for data in spellings(char, canonical):
                possible, whole = quoted(data, canonical)
                assert whole and possible.only() == ord(char)
                for cut in range(1, len(data)):
                    partly = quoted(data[:cut], canonical)
                    assert partly is not None and not partly[1] and partly[0].contains(ord(char))


@pytest.mark.parametrize(
    ("indent", "data", "expected"),
    [
        (64, b"", True), (64, b" ", True), (64, b"\n", True), (64, b"\n    ", True), (64, b"\n\t", True), (64,
        b"\n" + b" " * 64, True),
        (64, b"\n" + b" " * 65, False), (64, b"  ", False), (64, b"\n\n", False), (64, b"\t", False), (64,
        b" \n", False), (64, b"\r\n", False),
        (None, b" \t\r\n \n", True), (None, b"", True), (None, b"\x0b", False), (0, b"\n", True), (0, b"\n ", False),
    ],
)  # fmt: skip
def test_space(indent, data, expected):
    node = rules.Sequence((rules.Literal(b"["), rules.Space(indent), rules.Literal(b"]")))
    assert accepts(node, b"[" + data + b"]") == expected


@pytest.mark.parametrize(
    ("node", "inside", "outside"),
    [
        (rules.Choice((rules.Literal(b"true"), rules.Literal(b"try"))), [b"true", b"try"], [b"tr", b"", b"truey"]),
        (rules.Text(words(("", "a", "abc"))), [b"", b"a", b"abc"], [b"ab", b"b"]),
        (rules.Text(ANY_TEXT, 2, 3), [b"ab", "日本語".encode()], [b"a", b"abcd"]),
        (rules.Quoted(ANY_TEXT, 1, 2), [b'a"', '日😀"'.encode(), b'\\n\\""'], [b'"', b'abc"', b"ab"]),
        (rules.Quoted(parse_ecma("^(ab)*$"), 0, 5), [b'"', b'abab"'], [b'ababab"', b'a"']),
        (rules.EMPTY, [b""], [b"a"]),
    ],
)  # fmt: skip
def test_words_of_a_rule(node, inside, outside):
    assert all(accepts(node, data) for data in inside)
    assert not any(accepts(node, data) for data in outside)


def test_a_bound_is_known_before_it_is_reached():
    """Nothing is begun that cannot end in time: (abc)* of at most five characters is abc or nothing."""
    node = rules.Quoted(parse_ecma("^(abc)*$"), 0, 5)
    assert leads_on(node, b"abc") and not leads_on(node, b"abca")


def test_long_bounds_cost_nothing():
    automaton = ByteAutomaton(rules.Quoted(ANY_TEXT, 0, 100_000))
    assert automaton.state_count < 10
    assert (
        automaton.run(automaton.start, b"x" * 100_000) != DEAD
        and automaton.run(automaton.start, b"x" * 100_001) == DEAD
    )


def test_right_recursion_runs_in_constant_stack():
    again = rules.Call(
        "list", lambda: rules.Choice((rules.EMPTY, rules.Sequence((rules.Literal(b","), again))))
    )
    automaton = ByteAutomaton(again)
    automaton.run(automaton.start, b"," * 10)
    states = automaton.state_count
    automaton.run(automaton.start, b"," * 1_000)
    assert automaton.state_count == states


def test_equal_calls_are_unfolded_once():
    seen = []
    body = lambda: seen.append(1) or rules.Literal(b"x")
    calls = [rules.Call("same", body) for _ in range(3)]
    assert accepts(rules.Sequence(tuple(calls)), b"xxx") and len(seen) == 1


def test_nothing_is_dead():
    assert ByteAutomaton(rules.NOTHING).start == DEAD
    assert not leads_on(
        rules.Sequence((rules.Literal(b"a"), rules.Call("never", lambda: rules.NOTHING))), b"a"
    )


def test_refusal_says_where():
    automaton = ByteAutomaton(rules.Literal(b"abc"))
    assert automaton.run_to(automaton.start, b"abx") == (DEAD, 2)
    assert automaton.run_to(automaton.start, b"abc")[1] == 3
    assert automaton.allowed_bytes(automaton.run(automaton.start, b"ab")) == [ord("c")]


def test_too_many_alternatives_are_a_named_limit():
    options = (rules.Text(parse_ecma(f"^[ab]*{i}$"), 0, 50) for i in range(5_000))
    with pytest.raises(LimitExceeded) as caught:
        ByteAutomaton(rules.Choice(tuple(options)))
    assert caught.value.limit == "frontier"
