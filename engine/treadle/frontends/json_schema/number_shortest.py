"""How long is the shortest text that a number state still accepts?

In: the residual states of `number_plain` and `number_scientific`. Out: the exact number of characters, by arithmetic:
for a number of further digits it is known which window of values they reach, and whether a member is in it. Searching
instead would visit a state for each remainder. Nothing here is asked while tokens are masked, only when a text has
to be brought to its end.
"""

from __future__ import annotations

from math import gcd

from treadle.frontends.json_schema.number_bounds import Edge, Step
from treadle.frontends.json_schema.number_plain import Fraction, PlainState, Whole, Zeros, holds_multiple
from treadle.frontends.json_schema.number_scientific import (
    MAX_EXPONENT,
    Exponent,
    ExponentSign,
    Mantissa,
    ScientificState,
)

#: Longer than any text that is asked for.
_NONE = 1 << 30
#: Ranges of exponents by the characters that write one.
_EXPONENTS_BY_LENGTH = ((1, 0, 9), (2, 10, 99), (2, -9, -1), (3, 100, 999), (3, -99, -10), (4, -999, -100))


def shortest_plain(state: PlainState) -> int:
    if state.accepting:
        return 0
    if isinstance(state, Zeros):
        return 1
    return _shortest_fraction(state) if isinstance(state, Fraction) else _shortest_whole(state)


def _shortest_whole(state: Whole) -> int:
    """Fewest further digits before the point, then behind it. The lengths fall and rise only once."""
    best = _NONE
    more = 0
    while more < best:
        ends = state.ends_of_window(more)
        if ends is not None and not (state.zero and more):
            low, high = ends
            places = _fewest_places(low, high, state.count, state.step, state.remainder, more, state.bare)
            if places is not None:
                best = min(best, more + (places + 1 if places else 0))
        more += 1
        if state.zero or (state.high is not None and state.count + more > len(state.high.whole)):
            break
    return best


def _fewest_places(
    low: Edge | None, high: Edge | None, count: int, step: Step | None, remainder: int, more: int, bare: bool
) -> int | None:
    """Digits behind the point that a member with `more` further digits before it needs; None if there is none."""
    most = 0 if bare else step.places if step is not None else _fraction_digits(low, high) + 1
    if not _window_at(low, high, count, step, remainder, more, most):
        return None
    # A digit zero can always be added: if some number of places does, so do all above it.
    least = 0
    while least < most:
        middle = (least + most) // 2
        if _window_at(low, high, count, step, remainder, more, middle):
            most = middle
        else:
            least = middle + 1
    return most


def _fraction_digits(low: Edge | None, high: Edge | None) -> int:
    return max(len(edge.fraction) if edge is not None else 0 for edge in (low, high))


def _window_at(
    low: Edge | None, high: Edge | None, count: int, step: Step | None, remainder: int, more: int, places: int
) -> bool:
    modulus = 1 if step is None else step.modulus // gcd(step.modulus, 10 ** max(0, step.places - places))
    return holds_multiple(low, high, count, modulus, remainder, more + places, places)


def _shortest_fraction(state: Fraction) -> int:
    step, edge = state.step, state.low or state.high
    count = len(edge.whole) + state.position if edge is not None else 0
    most = step.places - state.position if step is not None else _fraction_digits(state.low, state.high) + 1
    for more in range(0 if state.position else 1, most + 1):
        places = state.position + more
        modulus = 1 if step is None else step.modulus // gcd(step.modulus, 10 ** (step.places - places))
        if holds_multiple(state.low, state.high, count, modulus, state.remainder, more, places):
            return more
    # N.B. a fraction whose bounds are settled counts its position no further than it matters.
    return most + 1


def shortest_scientific(state: ScientificState) -> int:
    if state.accepting:
        return 0
    if isinstance(state, Mantissa):
        return _shortest_mantissa(state)
    if isinstance(state, ExponentSign):
        return _shortest_exponent(state.least, state.most)
    return _digits_missing(state)


def _shortest_exponent(least: int, most: int) -> int:
    for length, low, high in _EXPONENTS_BY_LENGTH:
        if max(low, least) <= min(high, most):
            return length
    return _NONE


def _digits_missing(state: Exponent) -> int:
    for more in range(0 if state.count else 1, 4 - state.count):
        size = 10**more
        if state.value * size <= state.most and state.least < (state.value + 1) * size:
            return more
    return _NONE


def _shortest_mantissa(state: Mantissa) -> int:
    # As it stands; after a point with a zero, which changes nothing.
    least, most = state.exponents()
    best = state.needs_digit + 1 + _shortest_exponent(max(least, -MAX_EXPONENT), min(most, MAX_EXPONENT))
    more = 1
    while more + 2 < best:
        exponent = _shortest_exponent_after(state, more)
        if exponent is not None:
            best = min(best, state.needs_point + more + 1 + exponent)
        more += 1
    return best


def _shortest_exponent_after(state: Mantissa, more: int) -> int | None:
    """The shortest exponent that some mantissa with `more` further digits can have."""
    for length, low, high in _EXPONENTS_BY_LENGTH:
        greatest = min(high, state.most)
        # Away from the bounds a greater exponent admits more, so that the greatest two decide for all.
        for exponent in (greatest, greatest - 1):
            if max(low, state.least) <= exponent and state.has_member(exponent, more):
                return length
    return None
