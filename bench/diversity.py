"""How different are several answers to one prompt? Beam search, diverse beam search, stochastic beam search.

    python bench/diversity.py [PROMPTS] [--record diversity.jsonl]

The record has a line for each strategy and prompt; what it has already is not run again. Each
strategy writes 6 objects of two string fields for each of 20 prompts with the bundled model. Printed as a table in
Markdown: distinct values of a field and distinct objects for a prompt, mean raw score (log p of the model), and forward
passes. The numbers in docs/search.md are from this file.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import treadle
from treadle import Beam, DiverseBeam, StochasticBeam

N = 6
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 24},
        "reason": {"type": "string", "maxLength": 40},
    },
    "required": ["name", "reason"],
    "additionalProperties": False,
}
TOPICS = (
    "a city for a holiday", "a pet for a small flat", "a book for a long journey", "a present for a child of six",
    "a sport to begin at forty", "a dish for a cold evening", "a film for a rainy day", "a tree for a garden",
    "a language to learn", "a musical instrument", "a hobby for the winter", "a name for a sailing boat",
    "a subject to study", "a drink without alcohol", "a game for four people", "a colour for a bedroom",
    "a vegetable to grow", "a museum to visit", "a job in the open air", "a river to paddle on",
)  # fmt: skip
STRATEGIES = {
    "beam, width 6": Beam(width=N),
    "diverse beam, 6 groups, strength 0.5": DiverseBeam(width=N, groups=N, strength=0.5),
    "diverse beam, 6 groups, strength 2": DiverseBeam(width=N, groups=N, strength=2.0),
    "stochastic beam": StochasticBeam(),
}


def measure(strategy: object, seed: int) -> list[float]:
    """(distinct names, distinct reasons, distinct objects, raw score, forward passes) of the answers to a prompt."""
    found = treadle.generate(
        f"Recommend {TOPICS[seed]}. Answer as JSON with a name and a short reason.",
        schema=SCHEMA, strategy=strategy, n=N, max_tokens=48, seed=seed, return_results=True,
    )  # fmt: skip
    values = [one.value for one in found]
    distinct = [len({value[field] for value in values}) for field in ("name", "reason")]
    objects = len({json.dumps(value, sort_keys=True) for value in values})
    raw = sum(one.scores.raw for one in found) / len(found)
    return [*distinct, objects, raw, found[0].search.forwards]


def main(prompts: int, record: Path) -> None:
    done = {(name, seed): row for name, seed, row in _lines(record)}
    for seed in range(prompts):
        for name, strategy in STRATEGIES.items():
            if (name, seed) not in done:
                done[name, seed] = measure(strategy, seed)
                with record.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps([name, seed, done[name, seed]]) + "\n")
    print(
        f"| strategy | distinct names of {N} | distinct reasons | distinct objects | mean log p | forward passes |"
    )
    print("|---|---|---|---|---|---|")
    for name in STRATEGIES:
        columns = zip(*(done[name, seed] for seed in range(prompts)), strict=True)
        names, reasons, objects, raw, forwards = (statistics.fmean(column) for column in columns)
        print(f"| {name} | {names:.1f} | {reasons:.1f} | {objects:.1f} | {raw:.1f} | {forwards:.0f} |")


def _lines(record: Path) -> list[tuple[str, int, list[float]]]:
    return [json.loads(line) for line in record.read_text("utf-8").splitlines()] if record.exists() else []


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "prompts", type=int, nargs="?", default=len(TOPICS), choices=range(1, len(TOPICS) + 1)
    )
    parser.add_argument("--record", type=Path, default=Path("diversity.jsonl"))
    arguments = parser.parse_args()
    main(arguments.prompts, arguments.record)
