"""How much memory a server's process takes: many schemas compiled and walked, all kept.

    python -m bench.memory --data ../shared/data/maskbench/dev.jsonl.gz --count 1000

Every schema is compiled and its first valid instance walked with masks. Then it is let go, as in a server whose cache
of constraints is bounded, or with `--keep` held with all its states and masks. Printed is the resident memory as it
grows. Bar: 1.5 GB for 1,000 schemas.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
from pathlib import Path
from statistics import median
from typing import Any

import treadle
from bench.material import cases_of_maskbench, vocabulary_of


def main() -> int:
    arguments = _arguments()
    vocabulary = vocabulary_of(arguments.tokenizer)
    cases = list(cases_of_maskbench(arguments.data))
    random.Random(arguments.seed).shuffle(cases)
    kept: list[Any] = []
    states: list[int] = []
    refused = peak = 0
    print(f"before the first schema: {resident() / 2**20:.0f} MiB")
    for schema, text in cases:
        try:
            compiled = walked(schema, vocabulary, text)
        except treadle.TreadleError:
            refused += 1
            continue
        if arguments.keep:
            kept.append(compiled)
        states.append(compiled.automaton.bytes.state_count)
        del compiled
        peak = max(peak, resident())
        if len(states) % max(1, arguments.count // 10) == 0:
            print(f"{len(states):6} schemas: {resident() / 2**20:7.0f} MiB", flush=True)
        if len(states) == arguments.count:
            break
    kept.clear()
    gc.collect()
    print(
        f"{refused} schemas were refused; states: {sum(states)}, at most {max(states)}, median {median(states):.0f}"
    )
    print(f"all let go: {resident() / 2**20:.0f} MiB")
    print(f"peak {peak / 1e9:.2f} GB for {len(states)} schemas; bar 1.5 GB")
    return 0 if peak < 1.5e9 else 1


def walked(schema: Any, vocabulary: treadle.Vocabulary, text: str) -> Any:
    """The schema compiled, with the states of a text visited."""
    compiled = treadle.compile(treadle.JsonSchema(schema), vocabulary)
    matcher = compiled.matcher()
    for token in vocabulary.encode(text):
        matcher.mask()
        if not matcher.accept_token(token):
            break
    return compiled


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokenizer", help="folder or tokenizer.json; the bundled model's by default")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--keep", action="store_true", help="hold every compiled schema")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
