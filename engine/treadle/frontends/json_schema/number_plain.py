"""Magnitudes written plainly, digit by digit: "0", "12", "12.50"; no sign, no exponent.

In: `Limits` and a `Step`. Out: residual states, each of which knows all that is still to be decided and nothing
else, so that equal futures are equal values whatever bound they came from.

A longer whole part is a greater one, and whole parts of one length compare like strings: a bound is decided by the
number of digits and by the order of the digits read against as many digits of the bound. The step is followed as
a remainder. Whether a prefix can still become a member is not searched for but computed: the values that begin
with it form windows of consecutive multiples of a power of ten, and a window meets the residue class or not.
"""

from __future__ import annotations

from dataclasses import dataclass

from treadle.frontends.json_schema.number_bounds import Edge, Limits, Step

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
    step: Step | None
    #: The digits read modulo the step's modulus.
    remainder: int
    #: The whole part is "0": no digit may follow.
    zero: bool
    #: No point may follow; the step is then an integer.
    bare: bool

    @property
    def accepting(self) -> bool:
        edges = self._edges_at_point()
        if edges is None:
            return False
        low, high = edges
        if (low and not low.settles_low(0)) or (high and not high.settles_high(0)):
            return False
        return self.step is None or self.remainder * 10**self.step.places % self.step.modulus == 0

    def after(self, character: str) -> PlainState | None:
        if character == ".":
            if self.bare:
                return None
            edges = self._edges_at_point()
            return edges and fraction(0, *edges, self.step, self.remainder)
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
        step = self.step
        if step is None:
            # Cut at both ends, the window holds the whole range, which is not empty.
            return low is not None or high is None or high.inclusive or _rest(high, self.count)
        width = more + step.places
        return holds_multiple(low, high, self.count, step.modulus, self.remainder, width, step.places)

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


def holds_multiple(
    low: Edge | None, high: Edge | None, count: int, modulus: int, remainder: int, width: int, places: int
) -> bool:
    """Whether a multiple of the modulus is among the numbers made by `width` more digits, in units of 10**-places.

    The first `count` digits of `low` and `high`, where given, are the digits read, so that the window is cut there.
    """
    first, last = 0, 10**width - 1
    if low is not None:
        first = max(first, low.least(places) - _prefix(low, count) * 10**width)
    if high is not None:
        last = min(last, high.greatest(places) - _prefix(high, count) * 10**width)
    return bool(first + (-(remainder * 10**width + first)) % modulus <= last)


def _prefix(edge: Edge, count: int) -> int:
    return int((edge.whole + edge.fraction)[:count].ljust(count, "0"))


def whole(limits: Limits, step: Step | None, digit: str, *, bare: bool) -> Whole | None:
    """After the first digit of a magnitude."""
    return _extended(Whole(0, limits.low, 0, limits.high, 0, step, 0, False, bare), digit, zero=digit == "0")


def _extended(before: Whole, digit: str, *, zero: bool = False) -> Whole | None:
    """After one more digit of the whole part; None when nothing can follow it."""
    count, step = before.count + 1, before.step
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
    remainder = (before.remainder * 10 + int(digit)) % step.modulus if step is not None else 0
    after = Whole(count, low, low_order, high, high_order, step, remainder, zero, before.bare)
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
    step: Step | None
    remainder: int

    @property
    def accepting(self) -> bool:
        if self.position == 0:
            return False
        if self.low and not self.low.settles_low(self.position):
            return False
        if self.high and not self.high.settles_high(self.position):
            return False
        return self.step is None or self.remainder * self._missing_power(self.step) % self.step.modulus == 0

    def _missing_power(self, step: Step) -> int:
        power: int = 10 ** (step.places - self.position)
        return power

    def after(self, character: str) -> PlainState | None:
        if character not in DIGITS:
            return None
        low, high, step = self.low, self.high, self.step
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
        remainder = (self.remainder * 10 + int(character)) % step.modulus if step is not None else 0
        return fraction(self.position + 1, low, high, step, remainder)

    def lives(self) -> bool:
        low, high, step = self.low, self.high, self.step
        if step is None:
            # A decimal above `low` can always be made longer without passing anything else.
            return low is not None or high is None or high.settles_high(self.position)
        digits = len((low or high).whole) + self.position if low or high else 0  # type: ignore[union-attr]
        width = step.places - self.position
        return holds_multiple(low, high, digits, step.modulus, self.remainder, width, step.places)


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
    position: int, low: Edge | None, high: Edge | None, step: Step | None, remainder: int
) -> Fraction | Zeros | None:
    """After `position` digits of the fraction, in normal form; None when nothing can follow."""
    if step is not None and position >= step.places:
        settled = (
            remainder == 0
            and (low is None or low.settles_low(position))
            and (high is None or high.settles_high(position))
        )
        return Zeros(position > 0) if settled else None
    horizon = max(
        1,
        len(low.fraction) if low is not None else 0,
        len(high.fraction) if high is not None else 0,
        step.places if step is not None else 0,
    )
    after = Fraction(min(position, horizon), low, high, step, remainder)
    return after if after.lives() else None
