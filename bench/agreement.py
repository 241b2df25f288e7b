"""Does `treadle bench mask` say the same as the yardstick, ../shared/tools/maskbench?

    ../shared/tools/maskbench/run dev_sample treadle llguidance xgrammar-compliant --tok TOKENIZER --out theirs
    treadle bench mask --data ../shared/data/maskbench/dev.jsonl.gz --list ../shared/data/maskbench/dev_sample.txt \\
      --engines treadle,llguidance,xgrammar-compliant --tokenizer TOKENIZER --timeout 10 --out ours
    python bench/agreement.py ours theirs

For each engine: schemas of both, those that are judged differently, passing counts, and medians over the same schemas.
Exit status 1 where a schema is judged differently or a median differs by more than --within.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: The yardstick's words in ours.
SAME = {
    "ok": "passed", "compile_error": "refused", "validation_error": "failed", "invalidation_error": "failed",
    "timeout": "timeout", "crash": "crash",
}  # fmt: skip
Rows = dict[str, dict[str, Any]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ours", type=Path)
    parser.add_argument("theirs", type=Path)
    parser.add_argument("--within", type=float, default=0.15)
    arguments = parser.parse_args()
    agree = True
    for path in sorted(arguments.theirs.glob("*.jsonl")):
        theirs = {row["id"]: row for row in lines(path) if "id" in row}
        ours = {
            row["id"]: row for row in lines(arguments.ours / "records.jsonl") if row["engine"] == path.stem
        }
        both = sorted(ours.keys() & theirs.keys())
        if both:
            agree &= compare(path.stem, [ours[i] for i in both], [theirs[i] for i in both], arguments.within)
    return int(not agree)


def compare(engine: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]], within: float) -> bool:
    differently = [
        f"{row['id']} ({other['status']}, here {row['status']})"
        for row, other in zip(ours, theirs, strict=True)
        if SAME[other["status"]] != row["status"]
    ]
    passed = sum(row["status"] == "passed" for row in ours), sum(row["status"] == "ok" for row in theirs)
    print(f"{engine}: {len(ours)} schemas, passing {passed[0]} here and {passed[1]} there")
    print(f"  judged differently: {', '.join(differently) or 'none'}")
    agree = not differently
    for name, here, there in (
        ("mask", values(ours, "mask_us"), values(theirs, "tbm_us")),
        ("accept", values(ours, "accept_us"), values(theirs, "acc_us")),
        ("first mask", values(ours, "first_us"), values(theirs, "ttfm_us")),
    ):
        medians = statistics.median(here), statistics.median(there)
        ratio = medians[0] / medians[1]
        print(
            f"  {name:<10} median {medians[0]:,.1f} us here, {medians[1]:,.1f} there, ratio {ratio:.3f} ({len(here):,})"
        )
        agree &= abs(ratio - 1) <= within
    return agree


def values(rows: list[dict[str, Any]], name: str) -> list[float]:
    found: list[float] = []
    for row in rows:
        value = row.get(name)
        found += value if isinstance(value, list) else [value] if value else []
    return found


def lines(path: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in path.read_text("utf-8").splitlines())


if __name__ == "__main__":
    sys.exit(main())
