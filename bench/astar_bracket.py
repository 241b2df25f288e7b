"""A* on schemas of MaskBench with the bundled model: how far apart are incumbent and bound after 500 expansions?

    python bench/astar_bracket.py SAMPLE [COUNT] [EXPANSIONS]

SAMPLE names one schema per line (shared/data/maskbench/dev_sample.txt). Each line of output: the schema, whether the
bracket closed, incumbent and bound, and the raw scores of beams of width 1, 4 and 8. Exit status 1 if a bracket is
false: a text above the bound, or a beam above a closed bracket.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import treadle
from treadle.errors import TreadleError

PROMPT = "Write an example of a JSON document for this schema:\n"
SLACK = 2e-3


def schemas(sample: Path, count: int) -> list[tuple[str, object]]:
    """The first `count` schemas that the sample names."""
    wanted = sample.read_text("utf-8").split()[:count]
    found = {}
    with gzip.open(sample.with_name("dev.jsonl.gz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            found[entry.get("name") or entry.get("id")] = entry["schema"]
    return [(name, found[name]) for name in wanted if name in found]


def main(sample: Path, count: int, expansions: int) -> int:
    wrong = closed = 0
    for name, schema in schemas(sample, count):
        options = {"schema": schema, "max_tokens": 64, "return_results": True}
        prompt = PROMPT + json.dumps(schema)[:600]
        try:
            beams = [
                treadle.generate(prompt, strategy=treadle.Beam(width=width), **options)[0].scores.raw
                for width in (1, 4, 8)
            ]
            [best] = treadle.generate(prompt, strategy=treadle.AStar(expansions=expansions), **options)
        except TreadleError as error:
            print(f"{name}: {error}", flush=True)
            continue
        notes = best.search.notes
        false = max(beams) > notes["bound"] + SLACK
        closed, wrong = closed + notes["optimal"], wrong + false
        shown = " ".join(f"{score:.2f}" for score in beams)
        print(
            f"{name}: {'closed' if notes['optimal'] else best.search.ended} incumbent {notes['incumbent']:.2f} "
            f"bound {notes['bound']:.2f} expansions {best.search.expansions} beams {shown}{' WRONG' * false}",
            flush=True,
        )
    print(f"{closed} brackets closed, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    numbers = [int(value) for value in sys.argv[2:4]]
    sys.exit(main(Path(sys.argv[1]), *(numbers + [50, 500][len(numbers) :])))
