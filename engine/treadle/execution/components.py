"""A judge as a component of any search: `as_check` makes a hard condition of it, `as_scorer` a preference.

A judge is any function of a text that gives a number from 0 to 1, or a truth value. One that raises has judged 0: what
is wrong with somebody else's text is no error of ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from treadle.decoding.components import Check, Scorer
from treadle.errors import InvalidConstraint

Judge = Callable[[str], float]


def as_check(judge: Judge, least: float = 1.0) -> Check:
    """A finished text stands if it is judged at least so."""
    return Check(lambda text: judged(judge, text) >= least, "final")


def as_scorer(judge: Judge, weight: float = 1.0) -> Scorer:
    """weight * judgement of a finished text."""
    return Scorer(lambda text: judged(judge, text), weight, "final")


def judged(judge: Judge, text: str) -> float:
    """What a judge says, 0 if it raises; anything but a number from 0 to 1 is refused."""
    try:
        value = float(judge(text))
    except InvalidConstraint:
        raise
    except Exception:  # noqa: BLE001 - see above
        return 0.0
    if math.isnan(value) or not 0.0 <= value <= 1.0:
        raise InvalidConstraint("a judge is out of range", found=str(value), expected="a number from 0 to 1")
    return value
