"""Ratchets: what is not right yet, written down, so that a case may only get better.

A record (ratchet/*.json) holds the cases that are not right with their outcomes, a digest of all cases that it speaks
of, how many are right of how many, by part, and the schemas without instances that are refused as unsatisfiable, with
the reason. A case that is not listed is right.

    PYTHONPATH=engine:tests python -m conformance.ratchet [official_suite] [maskbench_dev]

judges again (seconds, a minute) and writes the records unless something got worse; `--even-if-worse` writes them all
the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from conformance import maskbench, official_suite
from conformance.judging import RIGHT, Grade, Group, Outcome, judge

FOLDER = Path(__file__).resolve().parent / "ratchet"
SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
COMMAND = "PYTHONPATH=engine:tests python -m conformance.ratchet"


@dataclass(frozen=True, slots=True)
class DataSet:
    """Where the groups of a record come from. `part` names the part that a case is counted in."""

    folder: str
    groups: Callable[[Path], Iterator[Group]]
    part: Callable[[str], str]


def _suite(folder: Path) -> Iterator[Group]:
    for draft in official_suite.DRAFTS:
        yield from official_suite.required(folder, draft)
        yield from official_suite.optional(folder, draft)


def part_of_the_suite(name: str) -> str:
    """draft7/optional/format/date.json: ... -> "draft7 formats"."""
    draft, file = name.split(": ", maxsplit=1)[0].split("/", maxsplit=1)
    if not file.startswith("optional/"):
        return f"{draft} required"
    return f"{draft} formats" if file.startswith("optional/format") else f"{draft} other optional"


def origin(name: str) -> str:
    """Github_hard---o1.json: 0 -> "Github_hard"; BFCL_sql_2.json: 0 -> "BFCL"."""
    return name.split("---", maxsplit=1)[0] if "---" in name else name.split("_", maxsplit=1)[0]


DATA_SETS = {
    "official_suite": DataSet("json-schema-test-suite", _suite, part_of_the_suite),
    "maskbench_dev": DataSet("maskbench", maskbench.groups, origin),
}


@dataclass(frozen=True, slots=True)
class Findings:
    """All that judging groups has found. `cases`: name and validity, one a line."""

    outcomes: dict[str, Outcome]
    cases: tuple[str, ...]
    unsatisfiable: dict[str, str]

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(sorted(self.cases)).encode()).hexdigest()

    @property
    def not_right(self) -> dict[str, Outcome]:
        return {name: found for name, found in self.outcomes.items() if found.grade is not Grade.RIGHT}


def find(groups: Iterable[Group]) -> Findings:
    outcomes: dict[str, Outcome] = {}
    cases: list[str] = []
    unsatisfiable: dict[str, str] = {}
    for group in groups:
        judged = judge(group)
        outcomes.update(judged.outcomes)
        cases.append(group.name)
        cases.extend(f"{case.name} {case.valid}" for case in group.cases)
        if judged.unsatisfiable and not group.cases:
            unsatisfiable[group.name] = judged.unsatisfiable
    return Findings(outcomes, tuple(cases), unsatisfiable)


@dataclass(frozen=True, slots=True)
class Record:
    """A ratchet file."""

    digest: str
    not_right: dict[str, Outcome]
    unsatisfiable: tuple[str, ...]

    @classmethod
    def read(cls, name: str) -> Record:
        content = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
        outcomes = {case: Outcome.parse(text) for case, text in content["not right"].items()}
        return cls(content["digest"], outcomes, tuple(content["unsatisfiable"]))

    def worse(self, found: Findings) -> list[str]:
        """A line for each case that is worse than recorded, and each schema that has become unsatisfiable."""
        lines = [
            f"{name}: {outcome} (was: {self._before(name)})"
            for name, outcome in found.outcomes.items()
            if outcome.grade > self._before(name).grade
        ]
        new = found.unsatisfiable.keys() - set(self.unsatisfiable)
        return lines + [f"{name}: unsatisfiable: {found.unsatisfiable[name]}" for name in sorted(new)]

    def better(self, found: Findings) -> list[str]:
        """A line for each case that is better than recorded."""
        return [
            f"{name}: {outcome} (was: {self._before(name)})"
            for name, outcome in found.outcomes.items()
            if outcome.grade < self._before(name).grade
        ]

    def _before(self, name: str) -> Outcome:
        return self.not_right.get(name, RIGHT)


def totals(found: Findings, part: Callable[[str], str]) -> dict[str, str]:
    """Part -> "right/all"."""
    every = Counter(part(name) for name in found.outcomes)
    wrong = Counter(part(name) for name in found.not_right)
    return {name: f"{count - wrong[name]}/{count}" for name, count in sorted(every.items())}


def write(name: str, found: Findings) -> None:
    content = {
        "written by": COMMAND,
        "digest": found.digest,
        "cases": len(found.outcomes),
        "right of all": totals(found, DATA_SETS[name].part),
        "not right": {case: str(outcome) for case, outcome in sorted(found.not_right.items())},
        "unsatisfiable": dict(sorted(found.unsatisfiable.items())),
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n", "utf-8")


def regenerate(name: str, *, even_if_worse: bool) -> bool:
    """Judge a data set and write its record. False, and nothing is written, where something got worse."""
    data = DATA_SETS[name]
    found = find(data.groups(SHARED_DATA / data.folder))
    lines = Record.read(name).worse(found) if (FOLDER / f"{name}.json").is_file() else []
    if lines and not even_if_worse:
        print(f"{name}: {len(lines)} cases got worse, nothing is written", *lines, sep="\n  ")
        return False
    write(name, found)
    print(f"{name}: {len(found.outcomes) - len(found.not_right)} of {len(found.outcomes)} cases are right")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(
        prog=COMMAND, description="Judge the data sets and write their ratchets."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(DATA_SETS)}; all if none")
    parser.add_argument("--even-if-worse", action="store_true")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - DATA_SETS.keys()
    if unknown:
        parser.error(f"no data set {', '.join(sorted(unknown))}")
    done = [regenerate(name, even_if_worse=chosen.even_if_worse) for name in chosen.names or DATA_SETS]
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
