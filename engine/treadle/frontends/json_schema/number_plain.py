"""Magnitudes written plainly, digit by digit: "0", "12", "12.50"; no sign, no exponent.

In: `Limits` and a `Sieve`. Out: residual states, each of which knows all that is still to be decided and nothing
else, so that equal futures are equal values whatever bound they came from.

A longer whole part is a greater one, and whole parts of one length compare like strings: a bound is decided by the
number of digits and by the order of the digits read against as many digits of the bound. The sieve is followed as
a remainder. Whether a prefix can still become a member is not searched for but computed: the values that begin
with it form windows of consecutive multiples of a power of ten, and a window meets the residue class or not.
"""

from __future__ import annotations

from dataclasses import dataclass

from treadle.frontends.json_schema.number_bounds import Edge, Limits
from treadle.frontends.json_schema.number_sieve import Sieve

DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class Whole:
    """In the whole part, after at least one digit."""

    #: Digits read; 0 once no bound depends on it.
    count: int
    #: None when nothing that follows can fall below.
    low: Edge | None
    #: The digits read against as many of the bound's: -1, 0, 1.
    low_order: int
    high: Edge | None
    high_order: int
    sieve: Sieve | None
    #: The digits read modulo the sieve's modulus.
    remainder: int
    #: The whole part is "0": no digit may follow.
    zero: bool
    #: No point may follow; the sieve then has integers only.
    bare: bool

    @property
    def accepting(self) -> bool:
        edges = self._edges_at_point()
        if edges is None:
            return False
        low, high = edges
        if (low and not low.settles_low(0)) or (high and not high.settles_high(0)):
            return False
        return self._passes(0)

    def _passes(self, more: int) -> bool:
        """Whether the value with `more` zeros behind it, and nothing else, passes the sieve."""
        return self.sieve is None or self.sieve.passes(0, self.remainder * 10**more)

    def after(self, character: str) -> PlainState | None:
        if character == ".":
            if self.bare:
                return None
            edges = self._edges_at_point()
            return edges and fraction(0, *edges, self.sieve, self.remainder)
        if self.zero or character not in DIGITS:
            return None
        return _extended(self, character)

    def _edges_at_point(self) -> tuple[Edge | None, Edge | None] | None:
        """The bounds left to compare when the whole part ends here; None when one of them is broken."""
        low, high = self.low, self.high
        if low is not None and (self.count < len(low.whole) or self.low_order < 0):
            return None
        if high is not None and (self.count < len(high.whole) or self.high_order < 0):
            high = None
        return low, high

    def lives(self) -> bool:
        """Whether some text goes on from here."""
        if self.zero:
            return self._window_has_member(0)
        if self.high is None:
            return True
        return any(self._window_has_member(more) for more in range(len(self.high.whole) - self.count, -1, -1))

    def _window_has_member(self, more: int) -> bool:
        """Whether a member has `more` further digits in its whole part, and any fraction."""
        ends = self.ends_of_window(more)
        if ends is None:
            return False
        low, high = ends
        sieve = self.sieve
        if sieve is None or sieve.step is None:
            if low is None and high is not None and not _rest(high, self.count):
                return high.inclusive and self._passes(more)
            # Otherwise there is room for a fraction as long as one likes: no sieve without a step excludes that.
            return True
        width = more + sieve.places
        first, last = window(low, high, self.count, width, sieve.places)
        return sieve.has_between(-sieve.places, self.remainder * 10**width, first, last)

    def ends_of_window(self, more: int) -> tuple[Edge | None, Edge | None] | None:
        """The bounds that cut the values with `more` further digits in the whole part; None if they leave nothing."""
        total = self.count + more
        low, high = self.low, self.high
        if low is not None:
            if total < len(low.whole) or (total == len(low.whole) and self.low_order < 0):
                return None
            if total > len(low.whole) or self.low_order > 0:
                low = None
        if high is not None:
            if total > len(high.whole) or (total == len(high.whole) and self.high_order > 0):
                return None
            if total < len(high.whole) or self.high_order < 0:
                high = None
        return low, high


def _rest(edge: Edge, count: int) -> bool:
    """Whether a digit of the bound after the first `count` is not zero."""
    return bool(edge.fraction) or bool(edge.whole[count:].strip("0"))


def window(low: Edge | None, high: Edge | None, count: int, width: int, places: int) -> tuple[int, int]:
    """Which of the values made by `width` more digits, in units of 10**-places, the bounds leave: the first and last.

    The first `count` digits of `low` and `high`, where given, are the digits read, so that the window is cut there.
    """
    first, last = 0, 10**width - 1
    if low is not None:
        first = max(first, low.least(places) - _prefix(low, count) * 10**width)
    if high is not None:
        last = min(last, high.greatest(places) - _prefix(high, count) * 10**width)
    return first, last


def _prefix(edge: Edge, count: int) -> int:
    return int((edge.whole + edge.fraction)[:count].ljust(count, "0"))


def whole(limits: Limits, sieve: Sieve | None, digit: str, *, bare: bool) -> Whole | None:
    """After the first digit of a magnitude."""
    return _extended(Whole(0, limits.low, 0, limits.high, 0, sieve, 0, False, bare), digit, zero=digit == "0")


def _extended(before: Whole, digit: str, *, zero: bool = False) -> Whole | None:
    """After one more digit of the whole part; None when nothing can follow it."""
    count, sieve = before.count + 1, before.sieve
    low, low_order = before.low, 0
    if low is not None:
        low_order = before.low_order or compare(digit, low.whole, count - 1)
        if count > len(low.whole) or (count == len(low.whole) and low_order > 0):
            low, low_order = None, 0
    high, high_order = before.high, 0
    if high is not None:
        high_order = before.high_order or compare(digit, high.whole, count - 1)
        if count > len(high.whole) or (count == len(high.whole) and high_order > 0):
            return None
    if low is None and high is None:
        count = 0
    remainder = (before.remainder * 10 + int(digit)) % sieve.modulus if sieve is not None else 0
    after = Whole(count, low, low_order, high, high_order, sieve, remainder, zero, before.bare)
    return after if after.lives() else None


def compare(digit: str, digits: str, position: int) -> int:
    """The order of a digit and the one at `position`; zeros go on for ever after the last."""
    other = digits[position] if position < len(digits) else "0"
    return (digit > other) - (digit < other)


@dataclass(frozen=True, slots=True)
class Fraction:
    """After the point, where digits other than zero may still follow."""

    #: Digits read after the point, counted no further than anything depends on.
    position: int
    #: A bound whose digits are those read so far; None when it is decided.
    low: Edge | None
    high: Edge | None
    #: Once it counts no further digits, one other than zero passes it, and so far it is not passed.
    sieve: Sieve | None
    #: All digits read, modulo the sieve's modulus.
    remainder: int

    @property
    def accepting(self) -> bool:
        if self.position == 0:
            return False
        if self.low and not self.low.settles_low(self.position):
            return False
        if self.high and not self.high.settles_high(self.position):
            return False
        return self._passes()

    @property
    def sieved(self) -> bool:
        """Whether all digits that the sieve counts are read."""
        return self.sieve is not None and self.position >= self.sieve.places

    def _passes(self) -> bool:
        if self.sieve is None:
            return True
        return not self.sieved and self.sieve.passes(-self.position, self.remainder)

    def after(self, character: str) -> PlainState | None:
        if character not in DIGITS:
            return None
        low, high, sieve = self.low, self.high, self.sieve
        if low is not None:
            order = compare(character, low.fraction, self.position)
            if order < 0:
                return None
            low = None if order > 0 else low
        if high is not None:
            order = compare(character, high.fraction, self.position)
            if order > 0:
                return None
            high = None if order < 0 else high
        remainder = self.remainder
        if self.sieved and character != "0":
            sieve, remainder = None, 0
        elif sieve is not None and not self.sieved:
            remainder = (remainder * 10 + int(character)) % sieve.modulus
        return fraction(self.position + 1, low, high, sieve, remainder)

    def lives(self) -> bool:
        low, high, sieve = self.low, self.high, self.sieve
        if sieve is None or sieve.step is None:
            if low is None and high is not None and self.position >= len(high.fraction):
                return high.inclusive and self._passes()
            # Otherwise the fraction can be made longer and is then neither too low nor too high nor excluded.
            return True
        width = sieve.places - self.position
        first, last = window(low, high, self.digits, width, sieve.places)
        return sieve.has_between(-sieve.places, self.remainder * 10**width, first, last)

    @property
    def digits(self) -> int:
        """How many digits of an open bound are read."""
        edge = self.low or self.high
        return len(edge.whole) + self.position if edge is not None else 0


@dataclass(frozen=True, slots=True)
class Zeros:
    """After the point, where only zeros may follow and no bound is open."""

    started: bool

    @property
    def accepting(self) -> bool:
        return self.started

    def after(self, character: str) -> PlainState | None:
        return Zeros(True) if character == "0" else None


PlainState = Whole | Fraction | Zeros


def fraction(
    position: int, low: Edge | None, high: Edge | None, sieve: Sieve | None, remainder: int
) -> Fraction | Zeros | None:
    """After `position` digits of the fraction, in normal form; None when nothing can follow."""
    if sieve is not None and position >= sieve.places:
        passed = sieve.passes(-sieve.places, remainder)
        if sieve.step is not None:
            low_enough = high is None or high.settles_high(position)
            high_enough = low is None or low.settles_low(position)
            return Zeros(position > 0) if passed and low_enough and high_enough else None
        if passed:
            sieve, remainder = None, 0
    horizon = max(
        1,
        len(low.fraction) if low is not None else 0,
        len(high.fraction) if high is not None else 0,
        sieve.places if sieve is not None else 0,
    )
    after = Fraction(min(position, horizon), low, high, sieve, remainder)
    return after if after.lives() else None
