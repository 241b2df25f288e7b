"""Decimal bounds, taken apart for comparison digit by digit.

In: decimal numbers of a schema. Out: `Edge` (one end of a range of magnitudes) and `Limits` (both ends). Everything
is exact; a float stands for the decimal that its shortest text names (0.1 is one tenth), because that text is what the
schema said. Signs are dealt with by the callers: here is the magnitude only, so that "-0" and "0" are alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from treadle.errors import InvalidConstraint, LimitExceeded

Number = int | float | Decimal

#: Bounds and steps of more digits are refused: Python's own conversions stop at 4,300 digits.
MAX_DIGITS = 2000


@dataclass(frozen=True, slots=True)
class Edge:
    """One end of a range of magnitudes, as the digit strings it is compared with."""

    #: Digits before the point; "0" or no leading zero.
    whole: str
    #: Digits after the point, without trailing zeros.
    fraction: str
    inclusive: bool
    #: All digits from the first that is not zero to the last; "" for zero.
    significant: str = field(compare=False)
    #: The power of ten of the first significant digit.
    exponent: int = field(compare=False)

    @staticmethod
    def at(value: Decimal, *, inclusive: bool) -> Edge:
        # N.B. `abs` and unary minus would round to the precision of the decimal context.
        text = format(value.copy_abs(), "f")
        whole, _, fraction = text.partition(".")
        fraction = fraction.rstrip("0")
        digits = (whole + fraction).lstrip("0")
        exponent = len(digits) - len(fraction) - 1
        return Edge(whole, fraction, inclusive, digits.rstrip("0"), exponent)

    def settles_low(self, position: int) -> bool:
        """Whether a magnitude that agrees up to fraction digit `position` and ends there is high enough."""
        return self.inclusive and position >= len(self.fraction)

    def settles_high(self, position: int) -> bool:
        """Whether a magnitude that agrees up to fraction digit `position` and ends there is low enough."""
        return self.inclusive or position < len(self.fraction)

    def as_integer(self) -> tuple[int, int]:
        """u and e with the edge at u * 10**e."""
        return int(self.significant or "0"), self.exponent - len(self.significant) + 1

    def least(self, shift: int) -> int:
        """The smallest integer u with u * 10**-shift on the upper side of this edge."""
        quotient, exact = _scaled(self, shift)
        return quotient if exact and self.inclusive else quotient + 1

    def greatest(self, shift: int) -> int:
        """The greatest integer u with u * 10**-shift on the lower side of this edge."""
        quotient, exact = _scaled(self, shift)
        return quotient - 1 if exact and not self.inclusive else quotient


@lru_cache(maxsize=4096)
def _scaled(edge: Edge, shift: int) -> tuple[int, bool]:
    """The edge times 10**shift, rounded down, and whether that was exact."""
    digits, unit = edge.as_integer()
    power = unit + shift
    if power >= 0:
        return digits * 10**power, True
    quotient, rest = divmod(digits, 10**-power)
    return quotient, rest == 0


@dataclass(frozen=True, slots=True)
class Limits:
    """A range of magnitudes that is not empty; a missing low end means zero, inclusive."""

    low: Edge | None
    high: Edge | None

    @staticmethod
    def between(low: Edge | None, high: Edge | None) -> Limits | None:
        """The range from `low` to `high`, None when nothing lies between."""
        if low is not None and not low.significant and low.inclusive:
            low = None
        if high is not None and _order(low, high) > 0:
            return None
        return Limits(low, high)

    def meet(self, other: Limits) -> Limits | None:
        return Limits.between(_higher(self.low, other.low), _lower(self.high, other.high))

    def is_point(self) -> bool:
        """Whether there is one magnitude only."""
        return self.high is not None and _position(self.low) == _position(self.high)

    def below(self) -> Limits | None:
        """The magnitudes under the range."""
        return None if self.low is None else Limits.between(None, _turned(self.low))

    def above(self) -> Limits | None:
        """The magnitudes over the range."""
        return None if self.high is None else Limits.between(_turned(self.high), None)


ALL_MAGNITUDES = Limits(None, None)


def _turned(edge: Edge) -> Edge:
    return Edge(edge.whole, edge.fraction, not edge.inclusive, edge.significant, edge.exponent)


def _position(edge: Edge | None) -> tuple[int, str, str]:
    """Sorts edges by value."""
    return (len(edge.whole), edge.whole, edge.fraction) if edge else (1, "0", "")


def _order(low: Edge | None, high: Edge) -> int:
    """Positive when no magnitude is above `low` and below `high`."""
    lower, upper = _position(low), _position(high)
    if lower != upper:
        return 1 if lower > upper else -1
    return 0 if high.inclusive and (low is None or low.inclusive) else 1


def _higher(first: Edge | None, second: Edge | None) -> Edge | None:
    if first is None or second is None:
        return first or second
    return max(first, second, key=lambda edge: (_position(edge), not edge.inclusive))


def _lower(first: Edge | None, second: Edge | None) -> Edge | None:
    if first is None or second is None:
        return first or second
    return min(first, second, key=lambda edge: (_position(edge), edge.inclusive))


def exact(value: Number) -> Decimal:
    """The decimal that `value` stands for."""
    decimal = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not decimal.is_finite():
        raise InvalidConstraint("a bound must be a finite number", found=str(value))
    _, digits, exponent = decimal.as_tuple()
    if len(digits) + abs(int(exponent)) > MAX_DIGITS:
        raise LimitExceeded(
            "a number is too long", limit="number digits", value=MAX_DIGITS, found=str(decimal)[:40]
        )
    return decimal
