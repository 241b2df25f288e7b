"""Records -> the figures of reports.

Kinds of coverage, after JSONSchemaBench (section 4): *declared*: the engine takes the schema; *empirical*: what it lets
pass is valid, here judged by the instances (no invalid one is accepted) and in `treadle bench generate` by what a model
writes; *true*: every instance is judged rightly. A schema is *over-constrained* where a valid instance is refused and
*under-constrained* where an invalid one is accepted. What ran out of time or crashed is none of it.
A first mask that never came because the time was up counts as the limit; refused schemas have no times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from treadle.bench.measuring import CRASH, END, ONLY_END, OVER, PASSED, REFUSED, TIMEOUT

Record = Mapping[str, Any]
PERCENTILES = (50, 90, 99, 100)


@dataclass(frozen=True, slots=True)
class Coverage:
    schemas: int
    declared: int
    empirical: int
    true: int
    over: int
    under: int
    refused: int
    timeout: int
    crash: int
    #: As MaskBench's own runner counts passing: the end of an instance is not looked at.
    without_end: int


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds."""

    count: int
    mean: float
    #: Aligned with PERCENTILES.
    at: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    engine: str
    coverage: Coverage
    mask: Times
    #: Mask and accept of one token.
    token: Times
    #: Compile, start, first mask.
    first: Times
    #: Processor time over wall time: 1 on a quiet machine.
    quiet: float


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote under an engine's masks."""

    coverage: Coverage
    valid: int
    invalid: int
    unfinished: int
    #: Neither: refused, out of time, or nothing that the judge can read.
    none: int
    tokens: int
    #: Microseconds of processor time a token: mask and accept; model; drawing and the rest.
    mask: float
    model: float
    other: float


def written(records: Sequence[Record]) -> Written:
    def outcomes(name: str) -> int:
        return sum(row.get("outcome") == name for row in records)

    tokens = sum(row.get("tokens", 0) for row in records)

    def mean(part: str) -> float:
        total = sum(row.get(f"{part}_us_per_token", 0.0) * row.get("tokens", 0) for row in records)
        return total / tokens if tokens else float("nan")

    valid, invalid, unfinished = outcomes("valid"), outcomes("invalid"), outcomes("unfinished")
    none = len(records) - valid - invalid - unfinished
    return Written(
        coverage(records),
        valid,
        invalid,
        unfinished,
        none,
        tokens,
        mean("mask"),
        mean("model"),
        mean("other"),
    )


@dataclass(frozen=True, slots=True)
class Quality:
    """Questions with an answer that is known."""

    questions: int
    right: int
    #: Texts that are JSON as asked for.
    valid: int
    unfinished: int
    tokens: int


def quality(records: Sequence[Record]) -> Quality:
    return Quality(
        len(records),
        right=sum(bool(row.get("right")) for row in records),
        valid=sum(row.get("outcome") == "valid" for row in records),
        unfinished=sum(row.get("outcome") == "unfinished" for row in records),
        tokens=sum(row.get("tokens", 0) for row in records),
    )


def by_engine(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record["engine"], []).append(record)
    return found


def in_common(records: Mapping[str, Sequence[Record]]) -> dict[str, list[Record]]:
    """The records of schemas that every engine passes, so that easy schemas flatter none."""
    passed = [{row["id"] for row in rows if row["status"] == PASSED} for rows in records.values()]
    common = set.intersection(*passed) if passed else set()
    return {engine: [row for row in rows if row["id"] in common] for engine, rows in records.items()}


def summary(engine: str, records: Sequence[Record], seconds: float) -> Summary:
    masks = [time for row in records for time in row.get("mask_us", ())]
    tokens = [
        mask + accept
        for row in records
        for mask, accept in zip(row.get("mask_us", ()), row.get("accept_us", ()), strict=True)
    ]
    first = [time for row in records if (time := _first(row, seconds)) is not None]
    wall = sum(row.get("wall_s", 0.0) for row in records)
    processor = sum(row.get("cpu_s", 0.0) for row in records)
    return Summary(
        engine,
        coverage(records),
        times(masks),
        times(tokens),
        times(first),
        processor / wall if wall else 1.0,
    )


def _first(row: Record, seconds: float) -> float | None:
    if row.get("first_us"):
        return float(row["first_us"])
    return seconds * 1e6 if row["status"] in {TIMEOUT, CRASH} else None


def times(values: Sequence[float]) -> Times:
    ordered = sorted(values)
    if not ordered:
        return Times(0, float("nan"), tuple(float("nan") for _ in PERCENTILES))
    last = len(ordered) - 1
    at = tuple(ordered[min(len(ordered) * percent // 100, last)] for percent in PERCENTILES)
    return Times(len(ordered), sum(ordered) / len(ordered), at)


def coverage(records: Sequence[Record]) -> Coverage:
    def with_status(status: str) -> int:
        return sum(row["status"] == status for row in records)

    return Coverage(
        schemas=len(records),
        declared=sum("objections" in row and row["status"] != TIMEOUT for row in records),
        empirical=sum("under" in row and not row["under"] for row in records),
        true=with_status(PASSED),
        over=sum(bool(row.get("over")) for row in records),
        under=sum(bool(row.get("under")) for row in records),
        refused=with_status(REFUSED),
        timeout=with_status(TIMEOUT),
        crash=with_status(CRASH),
        without_end=sum(map(_passes_without_end, records)),
    )


def _passes_without_end(row: Record) -> bool:
    """MaskBench stops looking once the last token is taken: an end refused is no objection there, and no refusal."""
    if "objections" not in row or row["status"] == TIMEOUT:
        return False
    return all(kind == OVER and why == END for _, kind, why in row["objections"]) and ONLY_END not in {
        kind for _, kind, _ in row["objections"]
    }


def by_split(records: Iterable[Record]) -> dict[str, dict[str, Coverage]]:
    """split -> engine -> coverage."""
    groups: dict[str, dict[str, list[Record]]] = {}
    for row in records:
        groups.setdefault(row["split"], {}).setdefault(row["engine"], []).append(row)
    return {
        split: {engine: coverage(rows) for engine, rows in engines.items()}
        for split, engines in sorted(groups.items())
    }


@dataclass(frozen=True, slots=True)
class Categories:
    """Splits counted as JSONSchemaBench counts the categories of the official suite."""

    categories: int
    #: At least one schema passes; all of them do.
    minimal: int
    full: int
    #: At least one schema is refused (or out of time, or a crash), over-, under-constrained.
    compile_error: int
    over: int
    under: int


def categories(groups: Mapping[str, Mapping[str, Coverage]], engine: str) -> Categories:
    """The groups of `by_split`, for one engine."""
    found = [engines[engine] for engines in groups.values() if engine in engines]

    def count(holds: Callable[[Coverage], bool]) -> int:
        return sum(map(holds, found))

    return Categories(
        len(found),
        minimal=count(lambda each: each.true > 0),
        full=count(lambda each: each.true == each.schemas),
        compile_error=count(lambda each: each.declared < each.schemas),
        over=count(lambda each: each.over > 0),
        under=count(lambda each: each.under > 0),
    )


def by_keyword(records: Iterable[Record]) -> dict[str, dict[str, Coverage]]:
    """keyword -> engine -> coverage of the schemas in which it occurs; the most frequent keyword first.

    A schema counts under each of its keywords, whichever of them is to blame.
    """
    groups: dict[str, dict[str, list[Record]]] = {}
    for row in records:
        for keyword in row["keywords"]:
            groups.setdefault(keyword, {}).setdefault(row["engine"], []).append(row)
    ordered = sorted(groups, key=lambda keyword: (-max(map(len, groups[keyword].values())), keyword))
    return {
        keyword: {engine: coverage(rows) for engine, rows in groups[keyword].items()} for keyword in ordered
    }
