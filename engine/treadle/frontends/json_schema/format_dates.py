"""RFC 3339: date, time, date-time and duration; the time of draft 3.

Calendars are exact: days per month, leap years by the Gregorian rule. The year 0000 is left out, because hardly a
date library can hold it. A second of 60 is a leap second, so it must be 23:59 in UTC: the offset then follows from
hours and minutes (section 5.7). Durations follow appendix A, which leaves no gaps between units (no "P1Y2D").
"""

from __future__ import annotations

from treadle.frontends.json_schema.format_parts import DIGIT, Dependent, either, many, maybe, one, seq
from treadle.grammar.expression import Expr

_YEAR = either(
    seq("000", one("1-9")),
    seq("00", one("1-9"), DIGIT),
    seq("0", one("1-9"), DIGIT, DIGIT),
    seq(one("1-9"), many(DIGIT, 3, 3)),
)
_FOURTH = either(seq("0", one("48")), seq(one("2468"), one("048")), seq(one("13579"), one("26")))
_LEAP_YEAR = either(seq(DIGIT, DIGIT, _FOURTH), seq(_FOURTH, "00"))


def _up_to(last: int) -> Expr:
    """Days 01 to `last`."""
    return either(
        seq("0", one("1-9")),
        seq("1", DIGIT),
        seq("2", one(f"0-{min(last - 20, 9)}")),
        *(str(day) for day in range(30, last + 1)),
    )


_MONTH_DAY = either(
    seq(either("01", "03", "05", "07", "08", "10", "12"), "-", _up_to(31)),
    seq(either("04", "06", "09", "11"), "-", _up_to(30)),
    seq("02-", _up_to(28)),
)

_SIXTY = seq(one("0-5"), DIGIT)
_HOUR = either(seq(one("01"), DIGIT), seq("2", one("0-3")))
_PART_OF_SECOND = maybe(".", many(DIGIT, 1))
_OFFSET = either(one("Zz"), seq(one("+-"), _HOUR, ":", _SIXTY))


def date() -> Expr:
    return either(seq(_YEAR, "-", _MONTH_DAY), seq(_LEAP_YEAR, "-02-29"))


def time() -> Expr:
    ordinary = seq(_HOUR, ":", _SIXTY, ":", _SIXTY, _PART_OF_SECOND, _OFFSET)
    in_utc = seq("23:59:60", _PART_OF_SECOND, one("Zz"))
    return either(ordinary, in_utc, Dependent(seq(_HOUR, ":", _SIXTY, ":60"), _behind_leap_second).language())


def clock_time() -> Expr:
    """hh:mm:ss, which is what draft 3 means by a time."""
    return seq(_HOUR, ":", _SIXTY, ":", _SIXTY)


def _behind_leap_second(clock: str) -> Expr:
    """What may follow the leap second of an hour and minute, but for "Z"."""
    hour, minute = int(clock[:2]), int(clock[3:5])
    east = (hour * 60 + minute + 1) % (24 * 60)
    offsets = either(f"+{east // 60:02}:{east % 60:02}", f"-{23 - hour:02}:{59 - minute:02}")
    return seq(_PART_OF_SECOND, offsets)


def date_time() -> Expr:
    return seq(date(), one("Tt"), time())


def duration() -> Expr:
    count = many(DIGIT, 1)
    second = "S"
    minute = seq("M", maybe(count, second))
    hour = seq("H", maybe(count, minute))
    clock = seq("T", count, either(hour, minute, second))
    day = "D"
    month = seq("M", maybe(count, day))
    year = seq("Y", maybe(count, month))
    return seq("P", either(clock, seq(count, either("W", seq(either(year, month, day), maybe(clock))))))
