"""A search tree as SVG: from left to right, a box for each step, the way to the winner drawn thick.

Layout: a leaf takes a row, an inner step stands in the middle of its children, a column is as wide as its widest box.
Linear in the number of steps. No script and nothing from elsewhere: hovering shows a step's scores through <title>.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from treadle.decoding.search_tree import Fate, Step

#: fate -> (line, fill, words for the legend)
COLOURS: dict[Fate, tuple[str, str, str]] = {
    "best": ("#15803d", "#dcfce7", "best: the way to the first result"),
    "finished": ("#0f766e", "#ecfeff", "finished: the way to another complete text"),
    "expanded": ("#475569", "#f8fafc", "expanded, nothing behind it was finished"),
    "open": ("#2563eb", "#eff6ff", "open: still waiting when the search ended"),
    "merged": ("#7c3aed", "#f5f3ff", "merged into an equal state"),
    "pruned": ("#94a3b8", "#ffffff", "pruned: lost against better ones"),
    "budget": ("#c2410c", "#fff7ed", "budget: no text behind it fits"),
    "refused": ("#be123c", "#fff1f2", "refused by a check"),
}

LETTER, LINE, ROW, GAP, PAD, MARGIN = 7.3, 15, 44, 46, 9, 16
FONT = "'DejaVu Sans Mono', Menlo, Consolas, monospace"


@dataclass(frozen=True)
class Box:
    """A step with its place."""

    step: Step
    x: float
    y: float
    width: float
    parent: int


def svg(root: Step, letters: int = 34) -> str:
    """The tree as a self-contained SVG document."""
    boxes, width, height = _boxes(root, letters)
    parts = [*_edges(boxes), *(part for box in boxes for part in _box(box, letters))]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}" font-size="12">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def label(step: Step, letters: int) -> str:
    """The text of a step on one line, its middle left out where it is long."""
    text = visible(step.text) + ("∎" if step.ended else "")
    if len(text) <= letters:
        return text or "start"
    head = (letters - 1) * 2 // 3
    return f"{text[:head]}…{text[-(letters - 1 - head) :]}"


def visible(text: str) -> str:
    """White space that can be seen."""
    return text.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣" if not text.strip() else " ")


def scores(step: Step) -> str:
    """The line below the text."""
    count = len(step.spelling)
    forced = f", {step.forced} forced" if step.forced else ""
    written = f"{count} tokens{forced}" if count > 1 else ""
    return "  ".join(part for part in (f"{step.raw:.2f}", written) if part)


def _rows(root: Step) -> Iterator[tuple[Step, int, int]]:
    """Every step with its column and the number of its parent, parents first."""
    waiting, number = [(root, 0, -1)], 0
    while waiting:
        step, column, parent = waiting.pop()
        yield step, column, parent
        waiting += [(child, column + 1, number) for child in reversed(step.children)]
        number += 1


def _boxes(root: Step, letters: int) -> tuple[list[Box], float, float]:
    rows = list(_rows(root))
    widths: dict[int, float] = {}
    for step, column, _ in rows:
        widths[column] = max(widths.get(column, 0), _width(step, letters))
    lefts = [MARGIN + sum(widths[c] + GAP for c in range(column)) for column in range(len(widths))]
    heights, bottom = _heights(rows)
    boxes = [
        Box(step, lefts[column], heights[number], _width(step, letters), parent)
        for number, (step, column, parent) in enumerate(rows)
    ]
    last = len(widths) - 1
    return boxes, lefts[last] + widths[last] + MARGIN + 110, bottom + MARGIN


def _heights(rows: list[tuple[Step, int, int]]) -> tuple[list[float], float]:
    spans: list[list[float]] = [[] for _ in rows]
    heights = [0.0] * len(rows)
    bottom = float(MARGIN)
    # Parents come before children and children in order, so leaves get their rows from the top downwards ...
    for number, (step, _, _) in enumerate(rows):
        if not step.children:
            heights[number] = bottom
            bottom += ROW
    # ... and, from the back, every parent knows all of its children.
    for number in reversed(range(len(rows))):
        if spans[number]:
            heights[number] = (min(spans[number]) + max(spans[number])) / 2
        parent = rows[number][2]
        if parent >= 0:
            spans[parent].append(heights[number])
    return heights, bottom


def _width(step: Step, letters: int) -> float:
    longest = max(len(label(step, letters)), len(scores(step)) * 10 / 12, 3)
    return longest * LETTER + 2 * PAD


def _edges(boxes: list[Box]) -> Iterator[str]:
    # What matters is drawn last, on top.
    for box in sorted(boxes, key=lambda box: box.step.fate in ("best", "finished")):
        if box.parent < 0:
            continue
        source = boxes[box.parent]
        line, _, _ = COLOURS[box.step.fate]
        x0, y0, x1, y1 = source.x + source.width, source.y + ROW / 2 - 4, box.x, box.y + ROW / 2 - 4
        middle = x1 - GAP / 2
        thick = {"best": 3.0, "finished": 1.8}.get(box.step.fate, 1.0)
        dashes = ' stroke-dasharray="4 3"' if box.step.fate == "merged" else ""
        yield (
            f'<path d="M{x0:.1f},{y0:.1f} H{x1 - GAP:.1f} '
            f'C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}" '
            f'fill="none" stroke="{line}" stroke-width="{thick}"{dashes}/>'
        )


def _box(box: Box, letters: int) -> Iterator[str]:
    step = box.step
    line, fill, words = COLOURS[step.fate]
    bold = ' font-weight="bold"' if step.fate == "best" else ""
    yield (
        f'<g><title>{escape(_tooltip(step, words))}</title><rect x="{box.x:.1f}" y="{box.y + 1:.1f}" rx="5" '
        f'width="{box.width:.1f}" height="{ROW - 10}" fill="{fill}" stroke="{line}" '
        f'stroke-width="{2 if step.fate == "best" else 1}"/>'
        f'<text x="{box.x + PAD:.1f}" y="{box.y + LINE:.1f}" fill="#0f172a" xml:space="preserve"{bold}>'
        f"{escape(label(step, letters))}</text>"
        f'<text x="{box.x + PAD:.1f}" y="{box.y + LINE + 13:.1f}" fill="{line}" font-size="10">'
        f"{escape(scores(step))}</text></g>"
    )
    if step.left_out:
        what = ", ".join(f"{count} more {fate}" for fate, count in step.left_out)
        yield (
            f'<text x="{box.x + 2:.1f}" y="{box.y + ROW + 2:.1f}" fill="#64748b" font-size="9.5">'
            f"+ {escape(what)}</text>"
        )


def _tooltip(step: Step, words: str) -> str:
    ranked = "" if step.score is None else f"\nranked by {step.score:.4f}"
    return (
        f"{step.text!r}{' and end of text' if step.ended else ''}\n{words}\nlog p {step.raw:.4f}, under the mask "
        f"{step.local:.4f}{ranked}\n{len(step.spelling)} tokens, {step.forced} of them forced"
    )
