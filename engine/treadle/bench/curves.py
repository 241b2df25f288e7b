"""Distributions as SVG text: one curve for each engine over a logarithmic axis of time.

In: name -> microseconds. Out: an `<svg>` element, its curves in the classes `e0`, `e1`, ... so that a page can hide
them, and no colours of its own but those of `COLOURS` (Okabe and Ito's, which colour-blind readers tell apart).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d00", "#777777")

WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 76, 26, 10, 40
#: Bins of the histogram for each factor of ten.
PER_DECADE = 12

Point = tuple[float, float]


def histogram(times: Mapping[str, Sequence[float]], label: str) -> str:
    """The share of times in each bin; bins are equally wide on the logarithmic axis."""
    low, high = _range(times.values())
    shares = {name: _shares(sorted(values), low, high) for name, values in times.items()}
    top = max((share for curve in shares.values() for _, share in curve), default=1.0) or 1.0
    marks = [(top * part / 4, f"{100 * top * part / 4:.1f}%") for part in range(5)]
    return _chart(shares, label, (low, high), lambda share: share / top, marks, "share of all")


def tail(times: Mapping[str, Sequence[float]], label: str) -> str:
    """The share of times that are longer: both axes logarithmic, so that the slowest thousandth is seen."""
    low, high = _range(times.values())
    curves = {name: _longer(sorted(values), low, high) for name, values in times.items()}
    most = max((len(values) for values in times.values()), default=1) or 1
    decades = max(1, math.ceil(math.log10(most)))

    def height(share: float) -> float:
        return 1 + max(math.log10(share), -decades) / decades if share > 0 else 0.0

    marks = [(10.0**-power, f"{100 * 10.0**-power:g}%") for power in range(decades + 1)]
    return _chart(curves, label, (low, high), height, marks, "share that takes longer")


def _range(groups: Iterable[Sequence[float]]) -> tuple[int, int]:
    """The powers of ten that all times lie between."""
    positive = [time for values in groups for time in values if time > 0]
    if not positive:
        return 0, 1
    low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
    return low, max(high, low + 1)


def _edges(low: int, high: int) -> list[float]:
    return [10 ** (low + step / PER_DECADE) for step in range((high - low) * PER_DECADE + 1)]


def _shares(ordered: Sequence[float], low: int, high: int) -> list[Point]:
    edges = _edges(low, high)
    bins = list(zip(edges, edges[1:], strict=False))
    # The last bin has its upper edge too, the others have not: a time is in one bin.
    counts = [bisect_left(ordered, right) - bisect_left(ordered, left) for left, right in bins]
    if ordered and bins:
        counts[-1] += len(ordered) - bisect_left(ordered, bins[-1][1])
    return [
        (math.sqrt(left * right), count / len(ordered) if ordered else 0.0)
        for (left, right), count in zip(bins, counts, strict=True)
    ]


def _longer(ordered: Sequence[float], low: int, high: int) -> list[Point]:
    if not ordered:
        return []
    return [(edge, 1 - bisect_right(ordered, edge) / len(ordered)) for edge in _edges(low, high)]


def _chart(
    curves: Mapping[str, Sequence[Point]],
    label: str,
    decades: tuple[int, int],
    height: Callable[[float], float],
    marks: Sequence[tuple[float, str]],
    upward: str,
) -> str:
    low, high = decades
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(time: float) -> float:
        return LEFT + wide * (math.log10(time) - low) / (high - low)

    def y(value: float) -> float:
        return TOP + tall * (1 - height(value))

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">']
    for value, text in marks:
        parts.append(
            f'<path class="grid" d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{text}</text>'
        )
    for power in range(low, high + 1):
        place = x(10.0**power)
        parts.append(
            f'<path class="grid" d="M{place:.1f} {TOP}V{TOP + tall}"/>'
            f'<text x="{place:.1f}" y="{TOP + tall + 15}" text-anchor="middle">{time_name(power)}</text>'
        )
    for number, points in enumerate(curves.values()):
        path = "L".join(f"{x(time):.1f} {y(value):.1f}" for time, value in points)
        colour = COLOURS[number % len(COLOURS)]
        if path:
            parts.append(f'<path class="curve e{number}" stroke="{colour}" d="M{path}"/>')
    parts.append(
        f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(label)}</text>'
        f'<text x="12" y="{TOP + tall / 2}" text-anchor="middle" transform="rotate(-90 12 {TOP + tall / 2})">'
        f"{escape(upward)}</text></svg>"
    )
    return "".join(parts)


def time_name(power: int) -> str:
    """10**power microseconds, as people say it."""
    for least, unit in ((6, "s"), (3, "ms"), (0, "µs")):
        if power >= least:
            return f"{10 ** (power - least)} {unit}"
    return f"{10.0**power:g} µs"
