"""Two runs side by side, and whether the second one is worse.

Compared are, for each engine of both, the schemas that both runs have: an id that only one has says nothing. Times are
compared as percentiles, coverage by the ids that passed before and do not now. With a reference engine, ratios are
divided by what became of that engine meanwhile, which takes the machine out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from treadle.bench.measuring import PASSED
from treadle.bench.records import WrongRun, read_run
from treadle.bench.summary import Record, Summary, by_engine, summary

Ratios = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Change:
    engine: str
    schemas: int
    before: Summary
    after: Summary
    #: Ids that passed only before, and only after.
    lost: tuple[str, ...]
    gained: tuple[str, ...]

    def ratios(self) -> dict[str, float]:
        """After over before; what became slower is above 1."""
        pairs = {
            "mask mean": (self.before.mask.mean, self.after.mask.mean),
            "mask p50": (self.before.mask.at[0], self.after.mask.at[0]),
            "mask p99": (self.before.mask.at[2], self.after.mask.at[2]),
            "first mask p50": (self.before.first.at[0], self.after.first.at[0]),
            "first mask p99": (self.before.first.at[2], self.after.first.at[2]),
        }
        return {name: after / before for name, (before, after) in pairs.items() if before > 0}


def compare(before: Path, after: Path) -> list[Change]:
    settings, old = read_run(before)
    later, new = read_run(after)
    limits = settings["fixed"]["seconds"], later["fixed"]["seconds"]
    earlier_rows, later_rows = by_engine(old), by_engine(new)
    found = [
        _change(engine, earlier_rows[engine], later_rows[engine], limits)
        for engine in earlier_rows
        if engine in later_rows
    ]
    if not any(change.schemas for change in found):
        raise WrongRun(after, f"has no engine and schema in common with {before}")
    return found


def relative(changes: Sequence[Change], reference: str) -> dict[str, dict[str, float]]:
    """engine -> ratios, each divided by the reference's own."""
    base = next((change.ratios() for change in changes if change.engine == reference), None)
    if base is None:
        raise WrongRun(Path(reference), "is no engine of both runs")
    return {
        change.engine: {name: ratio / base[name] for name, ratio in change.ratios().items() if base.get(name)}
        for change in changes
    }


def regressions(
    changes: Sequence[Change],
    ratios: Ratios,
    *,
    slower: float | None,
    fewer: int | None,
    engines: Sequence[str],
) -> list[str]:
    """What is worse than allowed, a sentence each: a ratio above 1 + `slower`, more than `fewer` lost on balance."""
    found = []
    for change in changes:
        if engines and change.engine not in engines:
            continue
        if slower is not None:
            found += [
                f"{change.engine}: {name} is {ratio:.2f} times what it was"
                for name, ratio in ratios[change.engine].items()
                if ratio > 1 + slower
            ]
        balance = len(change.lost) - len(change.gained)
        if fewer is not None and balance > fewer:
            found.append(f"{change.engine}: passes {balance} schemas less, among them {change.lost[0]}")
    return found


def _change(engine: str, old: Sequence[Record], new: Sequence[Record], limits: tuple[float, float]) -> Change:
    both = {row["id"] for row in old} & {row["id"] for row in new}
    before = [row for row in old if row["id"] in both]
    after = [row for row in new if row["id"] in both]
    passed_before = {row["id"] for row in before if row["status"] == PASSED}
    passed_after = {row["id"] for row in after if row["status"] == PASSED}
    return Change(
        engine,
        len(both),
        summary(engine, before, limits[0]),
        summary(engine, after, limits[1]),
        tuple(sorted(passed_before - passed_after)),
        tuple(sorted(passed_after - passed_before)),
    )
