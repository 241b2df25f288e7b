"""Multiples of one number that are no multiples of others: what `multipleOf` and its negation ask of a value.

In: steps, the positive decimals that the keyword names. Out: `Sieve`, which says what residues have to be followed and
whether a run of consecutive values, in units of some power of ten, has one that passes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from math import gcd, lcm

from treadle.errors import InvalidConstraint, LimitExceeded
from treadle.frontends.json_schema.number_bounds import MAX_DIGITS, Number, exact


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """The positive number `mantissa` * 10**`exponent`; the mantissa does not end in zero."""

    mantissa: int
    exponent: int

    @staticmethod
    def of(mantissa: int, exponent: int) -> Step:
        digits = str(mantissa)
        stripped = digits.rstrip("0")
        return Step(int(stripped), exponent + len(digits) - len(stripped))

    def common(self, other: Step) -> Step:
        """The step whose multiples are the common multiples."""
        unit = min(self.exponent, other.exponent)
        both = lcm(self.in_units(unit), other.in_units(unit))
        if both.bit_length() > 3 * MAX_DIGITS:
            raise LimitExceeded(
                "the least common multiple is too long", limit="number digits", value=MAX_DIGITS
            )
        return Step.of(both, unit)

    def divides(self, other: Step) -> bool:
        """Whether every multiple of `other` is one of this."""
        return self.common(other) == other

    def in_units(self, unit: int) -> int:
        """The least n for which n * 10**unit is a multiple of the step: it divides all others."""
        spare = unit - self.exponent
        if spare < 0:
            return self.mantissa * int(10**-spare)
        return self.mantissa // gcd(self.mantissa, int(10**spare))

    def powers_needed(self, remainder: int) -> int | None:
        """The least t for which remainder * 10**t is a multiple of the mantissa, None if there is none."""
        return _powers_needed(self.mantissa // gcd(remainder, self.mantissa))


@lru_cache(maxsize=4096)
def _powers_needed(missing: int) -> int | None:
    counts = []
    for prime in (2, 5):
        count = 0
        while missing % prime == 0:
            missing //= prime
            count += 1
        counts.append(count)
    return max(counts) if missing == 1 else None


@dataclass(frozen=True, slots=True)
class Sieve:
    """Passes the multiples of `step` (all numbers, if None) that are no multiples of any in `without`.

    No step in `without` divides `step`, so that in a long run of values there is always one that passes.
    """

    step: Step | None
    without: tuple[Step, ...]
    #: Digits behind the point that multiples of the steps can have.
    places: int = field(compare=False)
    #: Residues modulo this decide, in units of 10**-`places`.
    modulus: int = field(compare=False)
    #: Residues modulo this decide for integers times a power of ten.
    mantissa: int = field(compare=False)

    @staticmethod
    def of(step: Step | None, without: tuple[Step, ...]) -> Sieve | None:
        return _sieve(step, without) if step is not None or without else None

    def passes(self, unit: int, value: int) -> bool:
        return self.has_between(unit, value, 0, 0)

    def has_between(self, unit: int, base: int, first: int, last: int, zeros: int | None = None) -> bool:
        """Whether base + x passes for some x from `first` to `last`, in units of 10**unit.

        The base need only be right modulo what is followed. Where `zeros` is given, it ends with that many zeros
        behind a digit that is not zero, so that steps which want more of them have no multiple here.
        """
        stride = self.step.in_units(unit) if self.step is not None else 1
        others = [
            step.in_units(unit) for step in self.without if zeros is None or step.exponent - unit <= zeros
        ]
        if any(stride % other == 0 for other in others):
            return False
        value = base + first + (-(base + first)) % stride
        last += base
        # The numbers that a few steps exclude come never more than a few in a row: this ends soon.
        while value <= last:
            if all(value % other for other in others):
                return True
            value += stride
        return False

    def first_powers(self, remainder: int, places: int) -> tuple[int | None, int | None]:
        """From which powers of ten on an integer times 10**-places is a multiple of the step, and of one in `without`.

        The integer does not end in zero and is known by its remainder modulo `mantissa`; None means never.
        """
        first = 0 if self.step is None else _first_power(self.step, remainder, places)
        excluded = [_first_power(step, remainder, places) for step in self.without]
        return first, min((power for power in excluded if power is not None), default=None)

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.without if self.step is None else (self.step, *self.without)

    def lowest(self) -> int:
        """The least power of ten in the steps."""
        return min(step.exponent for step in self.steps)

    def variety(self) -> int:
        """So many powers of ten above `lowest` another factor of ten makes no more multiples."""
        return max(step.exponent + step.mantissa.bit_length() for step in self.steps) - self.lowest() + 1


def _first_power(step: Step, remainder: int, places: int) -> int | None:
    needed = step.powers_needed(remainder)
    return None if needed is None else places + step.exponent + needed


@lru_cache(maxsize=4096)
def _sieve(step: Step | None, without: tuple[Step, ...]) -> Sieve:
    steps = without if step is None else (step, *without)
    places = max(max(0, -one.exponent) for one in steps)
    modulus = lcm(*(one.in_units(-places) for one in steps))
    return Sieve(step, without, places, modulus, lcm(*(one.mantissa for one in steps)))


def step_of(values: Iterable[Number]) -> Step | None:
    """The step whose multiples are the common multiples of `values`; None when there are none to meet."""
    common: Step | None = None
    for value in values:
        decimal = exact(value)
        if decimal <= 0:
            raise InvalidConstraint(
                "multipleOf must be positive", found=str(value), expected="a number above 0"
            )
        _, digits, exponent = decimal.as_tuple()
        step = Step.of(int("".join(map(str, digits))), int(exponent))
        common = step if common is None else common.common(step)
    return common
