"""How different are several answers to one prompt? Beam search, diverse beam search, stochastic beam search.

    python bench/diversity.py [PROMPTS]

Each strategy writes 6 objects of two string fields for each of 20 prompts with the bundled model. Printed as a table in
Markdown: distinct values of a field and distinct objects per prompt, mean raw score (log p of the model), and forward
passes. The numbers in docs/search.md are from this file.
"""

from __future__ import annotations

import json
import sys

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


def measure(strategy: object, topics: tuple[str, ...]) -> list[float]:
    """(distinct names, distinct reasons, distinct objects, raw score, forward passes), means over the prompts."""
    rows = []
    for seed, topic in enumerate(topics):
        found = treadle.generate(
            f"Recommend {topic}. Answer as JSON with a name and a short reason.",
            schema=SCHEMA, strategy=strategy, n=N, max_tokens=48, seed=seed, return_results=True,
        )  # fmt: skip
        values = [one.value for one in found]
        distinct = [len({value[field] for value in values}) for field in ("name", "reason")]
        objects = len({json.dumps(value, sort_keys=True) for value in values})
        raw = sum(one.scores.raw for one in found) / len(found)
        rows.append((*distinct, objects, raw, found[0].search.forwards))
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def main(prompts: int) -> None:
    print(
        f"| strategy | distinct names of {N} | distinct reasons | distinct objects | mean log p | forward passes |"
    )
    print("|---|---|---|---|---|---|")
    for name, strategy in STRATEGIES.items():
        names, reasons, objects, raw, forwards = measure(strategy, TOPICS[:prompts])
        print(
            f"| {name} | {names:.1f} | {reasons:.1f} | {objects:.1f} | {raw:.1f} | {forwards:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else len(TOPICS))
