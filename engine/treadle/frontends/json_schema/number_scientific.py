"""Magnitudes in normalised scientific form: "1e5", "1.50E-07"; one digit that is not zero, a fraction, an exponent.

In: `Limits` and a `Sieve`. Out: residual states in normal form, like those of `number_plain`.

A bound l.ll * 10**a compares first by exponent: while the digits read agree with its digits nothing is decided,
after the first that differs the bound is no more than "exponent at least a" or "a + 1". A step m * 10**s asks of the
mantissa M without trailing zeros, with p fraction digits, and the exponent e that M * 10**(e - p - s) is an integer
multiple of m; the integer needs e - p - s >= 0, because M does not end in zero; the rest is a least power of ten that
depends on M mod m alone. Multiples that are not wanted begin likewise at some exponent. So the exponents that fit a
mantissa form one range, whatever the condition.
Exponents have one to three digits.
"""

from __future__ import annotations

from dataclasses import dataclass

from treadle.frontends.json_schema.number_bounds import Edge, Limits
from treadle.frontends.json_schema.number_plain import DIGITS, compare
from treadle.frontends.json_schema.number_sieve import Sieve, Step

#: Readers turn such numbers into doubles (RFC 8259, section 6): past these exponents an integer would become infinite,
#: and a number above 0 would become 0.
MAX_EXPONENT = 308
MIN_EXPONENT = -324

#: Where in the mantissa: after its first digit, after the point, after a digit behind the point.
_FIRST, _POINT, _REST = range(3)


@dataclass(frozen=True, slots=True)
class Mantissa:
    """Before the exponent."""

    part: int
    #: Digits read, counted no further than an open bound has digits.
    count: int
    #: The exponent is at least this, and it is for the open bound to say whether that is enough.
    least: int
    #: A bound whose first digits are those read; None when `least` says all.
    low: Edge | None
    most: int
    high: Edge | None
    sieve: Sieve | None
    #: The digits without the zeros at the end, modulo the sieve's mantissa.
    remainder: int
    #: How many of those digits are in the fraction.
    places: int
    #: The zeros at the end.
    zeros: int

    accepting = False

    @property
    def needs_point(self) -> bool:
        return self.part == _FIRST

    @property
    def needs_digit(self) -> bool:
        return self.part == _POINT

    def after(self, character: str) -> ScientificState | None:
        if character in "eE":
            return None if self.part == _POINT else _exponent_sign(*self.exponents())
        if character == ".":
            return self._with_part(_POINT) if self.part == _FIRST else None
        if self.part == _FIRST or character not in DIGITS:
            return None
        return _extended(self, character, _REST)

    def _with_part(self, part: int) -> Mantissa:
        return Mantissa(
            part, self.count, self.least, self.low, self.most, self.high,
            self.sieve, self.remainder, self.places, self.zeros,
        )  # fmt: skip

    def exponents(self) -> tuple[int, int]:
        """The least and the greatest exponent for exactly this mantissa; empty when the first is greater."""
        least, most = self.least, self.most
        if self.low is not None and not (self.count >= len(self.low.significant) and self.low.inclusive):
            least += 1
        if self.high is not None and not self._ends_below(self.high):
            most -= 1
        if self.sieve is not None:
            first, excluded = self.sieve.first_powers(self.remainder, self.places)
            if self.sieve.step is not None:
                least = MAX_EXPONENT + 1 if first is None else max(least, first)
            most = most if excluded is None else min(most, excluded - 1)
        return least, most

    def _ends_below(self, high: Edge) -> bool:
        return high.inclusive or self.count < len(high.significant)

    def lives(self) -> bool:
        """Whether some mantissa that begins like this has an exponent."""
        most = self.most if self.high is None or self._ends_below(self.high) else self.most - 1
        if self.sieve is None or self.least > most:
            # Cut by both bounds at one exponent, the window holds the whole range, which is not empty.
            return self.least <= most
        if self.sieve.step is not None:
            return self._some_exponent_has_multiple(self.sieve, self.sieve.step)
        if self.least == most and self.high is not None and self.count >= len(self.high.significant):
            least, most = self.exponents()
            return least <= most
        # There is room for digits as long as one likes: no sieve without a step excludes that.
        return True

    def _some_exponent_has_multiple(self, sieve: Sieve, step: Step) -> bool:
        digits = 1 + self.places + self.zeros
        fits = self.exponents()
        for exponent in range(self.most, self.least - 1, -1):
            width = exponent - step.exponent + 1 - digits
            if width < 0:
                # The digits are too many for every exponent left, unless the last of them are zeros.
                return fits[0] <= min(fits[1], exponent)
            if self._window_has_member(sieve, exponent, digits, width):
                return True
        return False

    def _window_has_member(self, sieve: Sieve | None, exponent: int, digits: int, more: int) -> bool:
        """Whether with this exponent a mantissa with `more` further digits is in the bounds and passes the sieve."""
        unit = exponent - (digits + more - 1)
        first, last = 0, 10**more - 1
        if self.low is not None and exponent == self.low.exponent:
            first = max(first, self.low.least(-unit) - _prefix(self.low, digits) * 10**more)
        if self.high is not None and exponent == self.high.exponent:
            last = min(last, self.high.greatest(-unit) - _prefix(self.high, digits) * 10**more)
        if sieve is None:
            return bool(first <= last)
        zeros = self.zeros + more
        return sieve.has_between(unit, self.remainder * 10**zeros, first, last, zeros)

    def has_member(self, exponent: int, more: int) -> bool:
        """Whether a mantissa with `more` further digits has this exponent."""
        if self.sieve is None:
            return self._window_has_member(None, exponent, self.count, more)
        digits = 1 + self.places + self.zeros
        step = self.sieve.step
        if step is not None and exponent - (digits + more - 1) < step.exponent:
            return False
        return self._window_has_member(self.sieve, exponent, digits, more)


def _prefix(edge: Edge, count: int) -> int:
    return int(edge.significant[:count].ljust(count, "0"))


def mantissa(limits: Limits, sieve: Sieve | None, digit: str) -> Mantissa | None:
    """After the first digit of a mantissa, which must not be zero."""
    low, high = limits.low, limits.high
    if digit == "0" or (high is not None and not high.significant):
        return None
    if low is not None and not low.significant:
        low = None
    least = max(MIN_EXPONENT, low.exponent) if low is not None else MIN_EXPONENT
    most = min(MAX_EXPONENT, high.exponent) if high is not None else MAX_EXPONENT
    low = low if low is not None and low.exponent == least else None
    high = high if high is not None and high.exponent == most else None
    return _extended(Mantissa(_FIRST, 0, least, low, most, high, sieve, 0, -1, 0), digit, _FIRST)


def _extended(before: Mantissa, digit: str, part: int) -> Mantissa | None:
    """After one more digit of the mantissa; None when nothing can follow it."""
    count, least, most, low, high = before.count, before.least, before.most, before.low, before.high
    if low is not None:
        order = compare(digit, low.significant, count)
        least += order < 0
        low = low if order == 0 else None
    if high is not None:
        order = compare(digit, high.significant, count)
        most -= order > 0
        high = high if order == 0 else None
    horizon = max(len(low.significant) if low else 0, len(high.significant) if high else 0)
    sieve, *residue = _residue(before.sieve, before, digit)
    after = Mantissa(part, min(count + 1, horizon), least, low, most, high, sieve, *residue)
    return after if after.lives() else None


def _residue(sieve: Sieve | None, before: Mantissa, digit: str) -> tuple[Sieve | None, int, int, int]:
    """The sieve, as long as it matters, remainder, places and zeros after one more digit."""
    if sieve is None:
        return None, 0, 0, 0
    # With more places than this no exponent makes a multiple of anything: no need to count on.
    enough = max(0, MAX_EXPONENT - sieve.lowest())
    if digit == "0":
        return sieve, before.remainder, before.places, min(before.zeros + 1, max(0, enough - before.places))
    places = before.places + before.zeros + 1
    if sieve.step is None and places > enough:
        return None, 0, 0, 0
    shifted = before.remainder * pow(10, before.zeros + 1, sieve.mantissa)
    return sieve, (shifted + int(digit)) % sieve.mantissa, places, 0


@dataclass(frozen=True, slots=True)
class ExponentSign:
    """After the letter e."""

    least: int
    most: int

    accepting = False

    def after(self, character: str) -> ScientificState | None:
        if character == "+":
            return _exponent(0, 0, self.least, self.most)
        if character == "-":
            return _exponent(0, 0, -self.most, -self.least)
        return _exponent_digit(_exponent(0, 0, self.least, self.most), character)


@dataclass(frozen=True, slots=True)
class Exponent:
    """In the digits of the exponent, whose sign is already turned into the range."""

    value: int
    count: int
    least: int
    most: int

    @property
    def accepting(self) -> bool:
        return self.count > 0 and self.least <= self.value <= self.most

    def after(self, character: str) -> ScientificState | None:
        return _exponent_digit(self, character)


ScientificState = Mantissa | ExponentSign | Exponent


def _exponent_sign(least: int, most: int) -> ExponentSign | None:
    least, most = max(least, MIN_EXPONENT), min(most, MAX_EXPONENT)
    return ExponentSign(least, most) if least <= most else None


def _exponent_digit(before: Exponent | None, character: str) -> Exponent | None:
    if before is None or character not in DIGITS or before.count == 3:
        return None
    return _exponent(before.value * 10 + int(character), before.count + 1, before.least, before.most)


def _exponent(value: int, count: int, least: int, most: int) -> Exponent | None:
    """In normal form; None when no digits make an exponent in the range."""
    least = max(0, least)
    for more in range(0 if count else 1, 4 - count):
        size = 10**more
        if value * size <= most and least < (value + 1) * size:
            return Exponent(value, count, least, most)
    return None
