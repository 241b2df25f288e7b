"""Number languages against exact decimal arithmetic, and against brute force for liveness."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Hashable
from decimal import Decimal
from fractions import Fraction

import pytest

from treadle.errors import InvalidConstraint, LimitExceeded
from treadle.frontends.json_schema.numbers import (
    INTEGER,
    JSON_NUMBER,
    NUMBERS,
    PLAIN_INTEGER,
    SUPPORTED,
    above,
    at_least,
    at_most,
    below,
    equal_to,
    interval,
    meet,
    multiple_of,
    negate,
)
from treadle.grammar.derivative import matches
from treadle.grammar.emptiness import is_empty, live_transitions, shortest
from treadle.grammar.expression import NOTHING, Expr, complement, intersect

_TEXT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_SUPPORTED = re.compile(
    r"-?((0|[1-9][0-9]*)(\.[0-9]+)?|[1-9](\.[0-9]+)?[eE](\+?([0-2]?[0-9]{1,2}|30[0-8])|-([0-2]?[0-9]{1,2}|3[01][0-9]|32[0-4])))"
)

EXTREMES = [
    "0", "-0", "-0.0", "0.0", "1e-07", "1e+16", "5e-324", "1.7976931348623157e+308", "2.2250738585072014e-308",
    "1E5", "1e05", "1e-324", "9.99e308", "100", "1.0", "1.50e1", "1.5e0", "-1e0", "10.000", "0.1",
    "0.30000000000000004",
]  # fmt: skip


def _random_text(source: random.Random) -> str:
    kind = source.random()
    if kind < 0.2:
        return source.choice(EXTREMES)
    if kind < 0.4:
        return json.dumps(
            source.choice((source.uniform(-20, 20), source.gauss(0, 1) * 10 ** source.randint(-12, 25)))
        )
    if kind < 0.6:
        return str(source.randint(-120, 120))
    sign = source.choice(("", "-"))
    fraction = source.choice(("", ".", ".")) + ""
    if fraction:
        fraction += "".join(source.choice("001259") for _ in range(source.randint(1, 4)))
    if kind < 0.8:
        return sign + str(source.choice((0, source.randint(1, 9), source.randint(10, 12000)))) + fraction
    exponent = (
        source.choice("eE")
        + source.choice(("", "+", "-"))
        + str(source.randint(0, 12)).zfill(source.randint(1, 3))
    )
    return sign + str(source.randint(1, 9)) + fraction + exponent


def _random_bound(source: random.Random) -> Decimal:
    return Decimal(_random_text(source)) if source.random() < 0.7 else Decimal(source.randint(-30, 30))


def _random_condition(source: random.Random) -> dict[str, object]:
    condition: dict[str, object] = {}
    if source.random() < 0.6:
        condition |= {"low": _random_bound(source), "low_inclusive": source.random() < 0.5}
    if source.random() < 0.6:
        condition |= {"high": _random_bound(source), "high_inclusive": source.random() < 0.5}
    if source.random() < 0.5:
        steps = ["1", "2", "5", "7", "10", "0.01", "0.25", "0.3", "1e-8", "86400000", "1.5", "100", "2.5"]
        condition["multiples"] = tuple(Decimal(source.choice(steps)) for _ in range(source.randint(1, 2)))
    condition["integral"] = source.random() < 0.3
    return condition


def _meets(value: Fraction, condition: dict[str, object]) -> bool:
    low, high = condition.get("low"), condition.get("high")
    if low is not None and not (value > low or (value == low and condition["low_inclusive"])):
        return False
    if high is not None and not (value < high or (value == high and condition["high_inclusive"])):
        return False
    if condition["integral"] and value.denominator != 1:
        return False
    return all((value / Fraction(step)).denominator == 1 for step in condition.get("multiples", ()))


def _value(text: str) -> Fraction:
    return Fraction(Decimal(text))


def _after(language: Expr, text: str) -> Expr:
    for character in text:
        for charset, target in live_transitions(language):
            if charset.contains(ord(character)):
                language = target
                break
        else:
            return NOTHING
    return language


@pytest.mark.parametrize("seed", range(90))
def test_membership_is_exact_arithmetic(seed: int) -> None:
    source = random.Random(seed)
    condition = _random_condition(source)
    language = interval(**condition)
    texts = [_random_text(source) for _ in range(60)]
    for bound in (condition.get("low"), condition.get("high")):
        if bound is not None:
            texts += [
                format(bound, "f"),
                format(bound, "f") + (".0" if "." not in format(bound, "f") else "0"),
            ]
            texts += [json.dumps(float(bound)) if abs(bound) < 10**300 else "1"]
    for text in texts:
        if _SUPPORTED.fullmatch(text):
            assert matches(language, text) == _meets(_value(text), condition), (condition, text)


@pytest.mark.parametrize("seed", range(60))
def test_every_live_prefix_has_a_member_and_every_member_a_live_path(seed: int) -> None:
    source = random.Random(1000 + seed)
    condition = _random_condition(source)
    language = interval(**condition)
    for _ in range(8):
        state, text = language, ""
        for _ in range(source.randint(0, 14)):
            edges = live_transitions(state)
            if not edges:
                break
            charset, state = source.choice(edges)
            text += chr(source.choice(list(charset.codepoints())))
        if state is NOTHING:
            continue
        assert state.nullable or live_transitions(state), (condition, text)
        member = _some_member(state, text, condition)
        assert member is None or (member.startswith(text) and _meets(_value(member), condition)), (
            condition,
            text,
        )


def _some_member(state: Expr, text: str, condition: dict[str, object]) -> str | None:
    """Runs on towards acceptance; None when the search was cut off."""
    frontier = [(state, text)]
    for _ in range(3000):
        if not frontier:
            raise AssertionError(f"no member begins with {text!r} under {condition}")
        state, text = frontier.pop(0)
        if state.nullable:
            return text
        for charset, target in live_transitions(state):
            frontier.append((target, text + chr(charset.min())))
    return None


@pytest.mark.parametrize(
    "condition",
    [
        {"low": "0.5", "high": "1.5"},
        {"low": "-2", "high": "3", "integral": True},
        {"low": "0", "high": "12", "multiples": ("5",)},
        {"low": "0.9", "low_inclusive": False, "high": "1.1", "multiples": ("0.1",)},
        {"low": "-0.1", "high": "0", "high_inclusive": False},
        {"low": "99", "high": "101", "integral": True},
        {"low": "1e3", "high": "2e3", "multiples": ("700",)},
        {"low": "0", "low_inclusive": False, "high": "0.01"},
        {"multiples": ("1.5",), "high": "4", "low": "-4"},
        {"low": "10", "high": "10"},
        {"low": "150", "high": "160", "multiples": ("100",)},
        {"low": "1", "low_inclusive": False, "high": "2", "high_inclusive": False, "integral": True},
    ],
    ids=str,
)
def test_prefixes_are_live_exactly_when_brute_force_finds_an_extension(condition: dict[str, object]) -> None:
    condition = {"integral": False, "low_inclusive": True, "high_inclusive": True, **condition}
    for key in ("low", "high"):
        if key in condition:
            condition[key] = Decimal(condition[key])
    condition["multiples"] = tuple(Decimal(step) for step in condition.get("multiples", ()))
    language = interval(**condition)
    members = [text for text in _all_texts(6) if _meets(_value(text), condition)]
    prefixes = {text[:end] for text in members for end in range(len(text) + 1)}
    for length in range(4):
        for characters in itertools.product("-.e+0125", repeat=length):
            prefix = "".join(characters)
            if prefix in prefixes:
                assert _after(language, prefix) is not NOTHING, prefix
            elif _after(language, prefix) is not NOTHING:
                # Members that are longer than the brute force looks: let the automaton show one.
                member = _some_member(_after(language, prefix), prefix, condition)
                assert member is not None and _meets(_value(member), condition), prefix
    for text in _all_texts(5):
        assert matches(language, text) == _meets(_value(text), condition), text


_TEXTS: dict[int, list[str]] = {}


def _all_texts(length: int) -> list[str]:
    if length not in _TEXTS:
        words = (
            "".join(word)
            for size in range(1, length + 1)
            for word in itertools.product("-.e015", repeat=size)
        )
        _TEXTS[length] = [word for word in words if _SUPPORTED.fullmatch(word)]
    return _TEXTS[length]


@pytest.mark.parametrize(
    "bound", ["0", "1", "-1", "0.1", "-2.50", "100", "1e-7", "1e300", "-1e16", "12345.678"]
)
def test_opposite_conditions_cut_the_supported_texts_in_two(bound: str) -> None:
    value = Decimal(bound)
    pairs = [
        (at_least(value), below(value)),
        (at_most(value), above(value)),
        (equal_to(value), negate(equal_to(value))),
    ]
    pairs += [(at_least(value), negate(at_least(value)))]
    source = random.Random(bound)
    texts = [*EXTREMES, bound, *(_random_text(source) for _ in range(200))]
    for one, other in pairs:
        assert is_empty(intersect(one, other))
        assert is_empty(intersect(SUPPORTED, complement(one), complement(other)))
        for text in texts:
            assert matches(one, text) + matches(other, text) == bool(_SUPPORTED.fullmatch(text)), text


@pytest.mark.parametrize("seed", range(60))
def test_the_shortest_end_is_what_a_search_finds(seed: int) -> None:
    source = random.Random(4000 + seed)
    language = interval(**_random_condition(source), bare=source.random() < 0.2)
    if language is NOTHING:
        return
    state: Hashable = language.state  # type: ignore[attr-defined]
    for _ in range(source.randint(0, 7)):
        edges = NUMBERS.transitions(state)
        state = source.choice(edges)[1] if edges else state
    found = _length_by_search(state)
    if found is not None:
        assert NUMBERS.shortest_length(state) == len(NUMBERS.shortest(state)) == found


def _length_by_search(state: Hashable) -> int | None:
    """Breadth first; None when there are too many states."""
    seen, layer = {state}, [state]
    for length in itertools.count():
        if any(map(NUMBERS.accepting, layer)):
            return length
        layer = list({target for one in layer for _, target in NUMBERS.transitions(one)} - seen)
        seen.update(layer)
        assert layer, "a live state without a text"
        if len(seen) > 3000:
            return None
    return None


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (interval(1, multiples=(86400000,)), "2.16E9"), (interval(1, multiples=(8191**4,), bare=True), str(8191**4)),
        (at_least(Decimal("1e300")), "1E300"), (interval(1, high=10**12, multiples=(999983,)), "999983"),
    ],
)  # fmt: skip
def test_a_large_step_is_not_searched_for(language: Expr, text: str) -> None:
    assert shortest(language) == text


def test_negation_of_a_bound_is_the_opposite_bound() -> None:
    assert negate(at_least(3)) is below(3)
    assert negate(above(-3)) is at_most(-3)
    assert negate(SUPPORTED) is NOTHING
    assert negate(JSON_NUMBER) is NOTHING


@pytest.mark.parametrize("seed", range(40))
def test_negation_is_exact(seed: int) -> None:
    source = random.Random(2000 + seed)
    condition = _random_condition(source)
    language = negate(interval(**condition))
    for text in (_random_text(source) for _ in range(80)):
        if _SUPPORTED.fullmatch(text):
            assert matches(language, text) != _meets(_value(text), condition), (condition, text)


@pytest.mark.parametrize("seed", range(120))
def test_excluded_multiples_are_exact_and_known_at_once(seed: int) -> None:
    source = random.Random(5000 + seed)
    condition = _random_condition(source)
    steps = ["1", "2", "3", "5", "10", "0.01", "0.25", "0.3", "1e-8", "700", "1.5", "86400000"]
    excluded = [Decimal(source.choice(steps)) for _ in range(source.randint(1, 3))]
    language = meet(interval(**condition), *(negate(multiple_of(step)) for step in excluded))

    def meets(text: str) -> bool:
        value = _value(text)
        return _meets(value, condition) and all(
            (value / Fraction(step)).denominator != 1 for step in excluded
        )

    for text in (_random_text(source) for _ in range(60)):
        if _SUPPORTED.fullmatch(text):
            assert matches(language, text) == meets(text), (condition, excluded, text)
    if language is NOTHING:
        return
    state: Hashable = language.state  # type: ignore[attr-defined]
    text = ""
    for _ in range(source.randint(0, 9)):
        edges = NUMBERS.transitions(state)
        if edges:
            charset, state = source.choice(edges)
            text += chr(charset.min())
    ending = NUMBERS.shortest(state)
    assert meets(text + ending), (condition, excluded, text, ending)
    found = _length_by_search(state)
    assert found is None or found == len(ending)


@pytest.mark.parametrize(
    ("language", "members", "others"),
    [
        (
            meet(multiple_of(5), negate(multiple_of(3))),
            ["5", "1e1", "-25.0", "2.5e1"],
            ["0", "15", "1.5e1", "3", "5.5"],
        ),
        (negate(INTEGER), ["0.5", "1.5", "1e-1", "1.25e1"], ["1", "1.0", "1e0", "12e1"]),
        (
            meet(INTEGER, negate(equal_to(5)), negate(equal_to(7))),
            ["4", "6", "8"],
            ["5", "7.0", "5e0", "4.5"],
        ),
        (meet(at_least(3), at_most(3), negate(multiple_of(2))), ["3", "3.0", "3e0"], ["2", "4", "3.1"]),
        (meet(at_most(6), negate(multiple_of(3)), at_least(6)), [], ["6", "6.0"]),
        (meet(multiple_of(6), negate(multiple_of(3))), [], ["0", "6", "3"]),
    ],
    ids=str,
)
def test_negated_steps_and_values(language: Expr, members: list[str], others: list[str]) -> None:
    assert all(matches(language, text) for text in members)
    assert not any(matches(language, text) for text in others)
    assert is_empty(language) == (not members)


def test_conjunctions_become_one_leaf() -> None:
    joint = meet(at_least(1), at_most(100), INTEGER, multiple_of(7), JSON_NUMBER)
    assert joint is interval(1, high=100, integral=True, multiples=(7,))
    assert meet(INTEGER, multiple_of(Decimal("0.5"))) is INTEGER
    assert meet(at_least(5), below(5)) is NOTHING
    assert meet(INTEGER, above(1), below(2)) is NOTHING
    assert is_empty(meet(INTEGER, negate(INTEGER)))


@pytest.mark.parametrize("seed", range(40))
def test_digits_only_integers(seed: int) -> None:
    source = random.Random(3000 + seed)
    condition = _random_condition(source)
    language = interval(**condition, bare=True)
    assert meet(PLAIN_INTEGER, interval(**condition)) is language
    other = negate(language)
    for text in (_random_text(source) for _ in range(80)):
        if _SUPPORTED.fullmatch(text):
            expected = bool(re.fullmatch("-?[0-9]+", text)) and _meets(_value(text), condition)
            assert matches(language, text) == expected, (condition, text)
            assert matches(other, text) != expected, (condition, text)


@pytest.mark.parametrize("text", [*EXTREMES, "12.5e3", "0e1", "-12E-999", "1e999"])
def test_every_json_number_is_a_json_number(text: str) -> None:
    assert matches(JSON_NUMBER, text)
    assert matches(SUPPORTED, text) == bool(_SUPPORTED.fullmatch(text))


@pytest.mark.parametrize(
    "text", ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "1e1000", "--1", "1.e5", "NaN", "0x1", "1 "]
)
def test_other_texts_are_not(text: str) -> None:
    assert not matches(JSON_NUMBER, text)
    assert not matches(SUPPORTED, text)


def test_whatever_python_writes_is_supported() -> None:
    source = random.Random(7)
    for _ in range(250):
        value = source.choice(
            (source.randint(-(2**70), 2**70), source.uniform(-1, 1) * 10.0 ** source.randint(-320, 300))
        )
        text = json.dumps(value)
        assert matches(SUPPORTED, text), text
        assert matches(at_least(value), text) and not matches(below(value), text), text
        assert matches(equal_to(value), text), text


@pytest.mark.parametrize("bad", [float("inf"), float("nan"), Decimal("NaN")])
def test_infinite_bounds_are_refused(bad: float) -> None:
    with pytest.raises(InvalidConstraint):
        at_least(bad)


def test_steps_must_be_positive_and_numbers_of_bearable_length() -> None:
    with pytest.raises(InvalidConstraint):
        multiple_of(0)
    with pytest.raises(LimitExceeded):
        at_least(Decimal("1e100000"))
