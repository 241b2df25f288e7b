"""A beam search drawn as a tree: what was tried, what it scored, what became of it.

Run by `make demo-search`. Prints the tree and writes it to search.html (or the file given), which opens anywhere.
"""

from __future__ import annotations

import sys

import treadle

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"enum": ["Paris", "Rome", "Berlin", "London", "Lisbon", "Vienna"]},
        "season": {"enum": ["spring", "summer", "autumn", "winter"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
    },
    "required": ["city", "season", "days"],
    "additionalProperties": False,
}
PROMPT = "Recommend a holiday in a European capital: which city, in which season, for how many days? Answer as JSON."


def main(file: str) -> None:
    print("Searching (the first run converts the model and compiles kernels: some minutes) ...", flush=True)
    results = treadle.generate(
        PROMPT,
        schema=SCHEMA,
        whitespace="python",
        strategy=treadle.Beam(width=3),
        n=3,
        max_tokens=60,
        return_results=True,
        trace=True,
    )
    treadle.draw(results, lost=2)
    treadle.draw(results, file, lost=2, title="Beam search, width 3: a holiday as JSON")
    print(f"\nThe same as a page: {file}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "search.html")
