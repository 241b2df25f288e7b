"""The folder of a run -> its tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from treadle.bench import table
from treadle.bench.adapters import ENGINES
from treadle.bench.records import read_run
from treadle.bench.summary import (
    Record,
    Summary,
    by_engine,
    by_keyword,
    by_split,
    categories,
    in_common,
    quality,
    summary,
    written,
)

#: Keywords in the terminal; the page has all.
KEYWORDS = 24


def engines_in_order(records: Iterable[Record]) -> list[str]:
    known = list(ENGINES)
    found = {row["engine"] for row in records}
    return sorted(found, key=lambda engine: (known.index(engine) if engine in known else len(known), engine))


def summaries(
    settings: Mapping[str, Any], records: Sequence[Record], *, common: bool = False
) -> list[Summary]:
    seconds = settings["fixed"]["seconds"]
    groups = by_engine(records)
    groups = in_common(groups) if common else groups
    return [summary(engine, groups[engine], seconds) for engine in engines_in_order(records)]


def show(folder: Path) -> None:
    """Everything; what all engines pass; by split; by keyword."""
    settings, records = read_run(folder)
    engines = engines_in_order(records)
    if settings["fixed"].get("writing"):
        groups = by_engine(records)
        table.show_written("a model writes", {engine: written(groups[engine]) for engine in engines})
    if any("right" in row for row in records):
        groups = by_engine(records)
        table.show_quality("quality", {engine: quality(groups[engine]) for engine in engines})
        return
    table.show("all schemas", summaries(settings, records))
    if len(engines) > 1:
        table.show("schemas that every engine passes", summaries(settings, records, common=True))
    splits = by_split(records)
    table.show_groups("by split", splits, engines, len(records))
    if len(splits) > 1:
        table.show_categories("splits in which", {engine: categories(splits, engine) for engine in engines})
    table.show_groups("by keyword", by_keyword(records), engines, KEYWORDS)
