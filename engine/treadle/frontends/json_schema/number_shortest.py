"""How long is the shortest text that a number state still accepts?

In: the residual states of `number_plain` and `number_scientific`. Out: the exact number of characters, by arithmetic:
for a number of further digits it is known which window of values they reach, and whether a member is in it. Searching
instead would visit a state for each remainder. Nothing here is asked while tokens are masked, only when a text has
to be brought to its end.
"""

from __future__ import annotations

from collections.abc import Iterable

from treadle.frontends.json_schema.number_bounds import Edge
from treadle.frontends.json_schema.number_plain import Fraction, PlainState, Whole, Zeros, window
from treadle.frontends.json_schema.number_scientific import (
    MAX_EXPONENT,
    MIN_EXPONENT,
    Exponent,
    ExponentSign,
    Mantissa,
    ScientificState,
)
from treadle.frontends.json_schema.number_sieve import Sieve

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
    """Fewest further digits before the point, then behind it."""
    best = _NONE
    more = 0
    while more < best:
        ends = state.ends_of_window(more)
        places = None if ends is None else _fewest_places(state, *ends, more)
        if places is not None:
            best = min(best, more + (places + 1 if places else 0))
        more += 1
        if state.zero or (state.high is not None and state.count + more > len(state.high.whole)):
            break
    return best


def _fewest_places(state: Whole, low: Edge | None, high: Edge | None, more: int) -> int | None:
    """Digits behind the point that a member with `more` further digits before it needs; None if there is none."""

    def is_enough(places: int) -> bool:
        width = more + places
        first, last = window(low, high, state.count, width, places)
        return _has_between(state.sieve, -places, state.remainder * 10**width, first, last)

    # A digit zero can always be added: if some number of places does, so do all above it.
    least, most = 0, 0 if state.bare else _most_places(low, high, state.sieve)
    if not is_enough(most):
        return None
    while least < most:
        middle = (least + most) // 2
        if is_enough(middle):
            most = middle
        else:
            least = middle + 1
    return most


def _has_between(sieve: Sieve | None, unit: int, base: int, first: int, last: int) -> bool:
    return first <= last if sieve is None else sieve.has_between(unit, base, first, last)


def _most_places(low: Edge | None, high: Edge | None, sieve: Sieve | None) -> int:
    """With so many digits behind the point there is a member, if there is one at all."""
    if sieve is not None and sieve.step is not None:
        return sieve.places
    counts = [len(edge.fraction) for edge in (low, high) if edge is not None]
    return max(*counts, 0, 0 if sieve is None else sieve.places) + 1


def _shortest_fraction(state: Fraction) -> int:
    most = _most_places(state.low, state.high, state.sieve)
    for more in range(0 if state.position else 1, max(1, most - state.position) + 1):
        first, last = window(state.low, state.high, state.digits, more, state.position + more)
        if state.sieved:
            # Not all zeros: see `Fraction.sieve`.
            if max(first, 1) <= last:
                return more
        elif _has_between(state.sieve, -state.position - more, state.remainder * 10**more, first, last):
            return more
    raise AssertionError("a live fraction has an end")


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
    best = state.needs_digit + 1 + _shortest_exponent(max(least, MIN_EXPONENT), min(most, MAX_EXPONENT))
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
        exponents = _telling(state, range(max(low, state.least), min(high, state.most) + 1), more)
        if any(state.has_member(exponent, more) for exponent in exponents):
            return length
    return None


def _telling(state: Mantissa, exponents: range, more: int) -> Iterable[int]:
    """Exponents of the range of which one does if any does."""
    # Away from the bounds a greater exponent makes multiples of more mantissas: two, since the last may meet a bound.
    if state.sieve is None or not state.sieve.without:
        return exponents[-2:]
    if state.sieve.step is None:
        return exponents[:2]
    # With multiples of both kinds, those that are wanted and those that are not, none is best; but from some
    # exponent on nothing changes any more.
    digits = state.places + state.zeros + more
    first = max(exponents.start, digits + state.sieve.lowest())
    return *exponents[:2], *range(first, min(exponents.stop, first + state.sieve.variety())), *exponents[-2:]
