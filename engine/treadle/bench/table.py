"""Figures in the terminal: one column for each engine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from treadle.bench.comparison import Change
from treadle.bench.summary import PERCENTILES, Categories, Coverage, Quality, Summary, Times, Written

_COVERAGE = {
    "declared": "declared",
    "empirical": "empirical, by instances",
    "true": "true (passing)",
    "without_end": "  the end not judged",
    "refused": "refused",
    "over": "over-constrained",
    "under": "under-constrained",
    "timeout": "out of time",
    "crash": "crashed",
}
_CATEGORIES = {
    "categories": "categories",
    "full": "every schema passes",
    "minimal": "at least one passes",
    "compile_error": "one is refused, or fails to compile",
    "over": "one is over-constrained",
    "under": "one is under-constrained",
}
_TIMES = {"first": "first mask", "mask": "mask", "token": "mask and accept"}


def rows(summaries: Sequence[Summary]) -> list[tuple[str, list[str]]]:
    """(name, a cell for each engine); an empty list of cells begins a part."""
    found: list[tuple[str, list[str]]] = [("schemas", [_count(each.coverage.schemas) for each in summaries])]
    for field, name in _COVERAGE.items():
        found.append((name, [_share(each.coverage, field) for each in summaries]))
    for field, name in _TIMES.items():
        found.append((f"{name}, microseconds", []))
        measured: list[Times] = [getattr(each, field) for each in summaries]
        found.append(("  mean", [microseconds(each.mean) for each in measured]))
        for place, percent in enumerate(PERCENTILES):
            label = "  max" if percent == 100 else f"  p{percent}"
            found.append((label, [microseconds(each.at[place]) for each in measured]))
        found.append(("  count", [_count(each.count) for each in measured]))
    found.append(("processor/wall time", [f"{each.quiet:.2f}" for each in summaries]))
    return found


def show(title: str, summaries: Sequence[Summary]) -> None:
    _print(title, "", [each.engine for each in summaries], rows(summaries))


def show_groups(
    title: str, groups: Mapping[str, Mapping[str, Coverage]], engines: Sequence[str], most: int
) -> None:
    """Splits or keywords: schemas, and for each engine what is passed, over- and under-constrained."""

    def cell(found: Coverage | None) -> str:
        if found is None:
            return "-"
        return f"{found.true:,} +{found.over:,} -{found.under:,}"

    lines = [
        (
            f"{name} ({max(each.schemas for each in found.values()):,})",
            [cell(found.get(engine)) for engine in engines],
        )
        for name, found in list(groups.items())[:most]
    ]
    left = len(groups) - len(lines)
    more = f"; {left} more are in the page" if left > 0 else ""
    _print(f"{title}: passed, +over-constrained, -under-constrained{more}", "", engines, lines)


def show_written(title: str, found: Mapping[str, Written]) -> None:
    _print(title, "", list(found), written_rows(found))


def written_rows(found: Mapping[str, Written]) -> list[tuple[str, list[str]]]:
    """Declared, empirical and true coverage, and what a token costs."""

    def share(number: int, each: Written) -> str:
        return f"{number:,}  {100 * number / max(1, each.coverage.schemas):5.1f}%"

    every = list(found.values())
    return [
        ("schemas", [_count(each.coverage.schemas) for each in every]),
        ("declared", [share(each.coverage.declared, each) for each in every]),
        ("empirical: the text is valid", [share(each.valid, each) for each in every]),
        ("true, by instances", [share(each.coverage.true, each) for each in every]),
        ("invalid text", [share(each.invalid, each) for each in every]),
        ("unfinished text", [share(each.unfinished, each) for each in every]),
        ("no text, or not judged", [share(each.none, each) for each in every]),
        ("tokens", [_count(each.tokens) for each in every]),
        ("mask and accept, ms/token", [_milliseconds(each.mask) for each in every]),
        ("model, ms/token", [_milliseconds(each.model) for each in every]),
        ("all, ms/token", [_milliseconds(each.mask + each.model + each.other) for each in every]),
    ]


def show_categories(title: str, found: Mapping[str, Categories]) -> None:
    _print(title, "", list(found), category_rows(found))


def category_rows(found: Mapping[str, Categories]) -> list[tuple[str, list[str]]]:
    def cells(field: str) -> list[str]:
        return [_count(getattr(each, field)) for each in found.values()]

    return [(name, cells(field)) for field, name in _CATEGORIES.items()]


def show_quality(title: str, found: Mapping[str, Quality]) -> None:
    _print(title, "", list(found), quality_rows(found))


def quality_rows(found: Mapping[str, Quality]) -> list[tuple[str, list[str]]]:
    def share(number: int, each: Quality) -> str:
        return f"{number:,}  {100 * number / max(1, each.questions):5.1f}%"

    every = list(found.values())
    return [
        ("questions", [_count(each.questions) for each in every]),
        ("right answers", [share(each.right, each) for each in every]),
        ("valid text", [share(each.valid, each) for each in every]),
        ("unfinished text", [share(each.unfinished, each) for each in every]),
        ("tokens", [_count(each.tokens) for each in every]),
    ]


def _milliseconds(microseconds: float) -> str:
    return "-" if math.isnan(microseconds) else f"{microseconds / 1000:.2f}"


def show_changes(changes: Sequence[Change], ratios: Mapping[str, Mapping[str, float]]) -> None:
    """After over before; schemas lost and gained."""
    names = list(dict.fromkeys(name for each in ratios.values() for name in each))
    lines = [
        ("schemas of both", [_count(change.schemas) for change in changes]),
        ("passing before", [_count(change.before.coverage.true) for change in changes]),
        ("passing after", [_count(change.after.coverage.true) for change in changes]),
        ("lost, gained", [f"{len(change.lost)}, {len(change.gained)}" for change in changes]),
        *(
            (f"{name}, after/before", [_ratio(ratios[change.engine].get(name)) for change in changes])
            for name in names
        ),
    ]
    _print("two runs", "", [change.engine for change in changes], lines)


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def show_counts(counts: Mapping[str, tuple[int, int, int]]) -> None:
    lines = [(split, [_count(number) for number in row]) for split, row in counts.items()]
    total = [sum(row[place] for row in counts.values()) for place in range(3)]
    lines.append(("all", [_count(number) for number in total]))
    _print("collection", "split", ["schemas", "valid", "invalid"], lines)


def show_table(title: str, columns: Sequence[str], lines: Iterable[tuple[str, list[str]]]) -> None:
    _print(title, "", columns, list(lines))


def microseconds(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _count(number: int) -> str:
    return f"{number:,}"


def _share(coverage: Coverage, field: str) -> str:
    number: int = getattr(coverage, field)
    return f"{number:,}  {100 * number / coverage.schemas:5.1f}%" if coverage.schemas else "0"


def _print(title: str, corner: str, columns: Sequence[str], lines: Sequence[tuple[str, list[str]]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    table.add_column(corner, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for name, cells in lines:
        table.add_row(name, *(cells or [""] * len(columns)))
    console = Console()
    # Not a terminal, then nobody cuts lines: rich would fold them at 80 columns.
    console.print(table) if console.is_terminal else Console(width=40 + 24 * len(columns)).print(table)
