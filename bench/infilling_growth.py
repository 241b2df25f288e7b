"""How the time of a decode grows with its canvas, and what the constraint adds to the sampler.

    python -m bench.infilling_growth --constraint cpp --cells 64,128,256,512,1024 --block 32

A table of normal logits stands for the model, LLaDA at temperature 1 takes random holes of blocks, `--parallel` a step.
Times are of the process's CPU, of one decode after a first one at the least size (edges of states are shared by all
canvases of an automaton). `bound` and `free` are a whole decode with and without the constraint; `ms/token` is their
difference by cells, `growth` the bound decode's time by that of the canvas before.
"""

from __future__ import annotations

import argparse
import gc
import time
from typing import Any

import numpy as np

import treadle
from bench.infilling import with_mask
from bench.material import vocabulary_of
from treadle.diffusion.decoding import Decoded, decode
from treadle.diffusion.protocols import MaskedTable
from treadle.diffusion.samplers import Llada

RECORDS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "tags": {"type": "array"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--constraint", default="cpp", help="a shipped grammar, or records: a JSON Schema")
    parser.add_argument("--cells", default="64,128,256,512,1024")
    parser.add_argument("--block", type=int, default=32)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--vocab", default=None)
    given = parser.parse_args()
    sizes = [int(size) for size in given.cells.split(",")]
    vocabulary = with_mask(vocabulary_of(given.vocab))
    table = np.random.default_rng(0).normal(0, 2, (max(sizes), len(vocabulary))).astype(np.float32)
    model = MaskedTable(vocabulary, len(vocabulary) - 1, lambda row: table[: len(row)])
    constraint = (
        treadle.JsonSchema(RECORDS) if given.constraint == "records" else treadle.Grammar(given.constraint)
    )
    automaton = treadle.compile(constraint, vocabulary).automaton

    def timed(cells: int, bound: Any) -> tuple[float, Decoded]:
        sampler = Llada(cells // given.parallel, given.block, 1.0, "random")
        # What earlier decodes left is not this one's to clear away.
        gc.collect()
        since = time.process_time()
        done = decode(model, [], cells, sampler, bound)
        return time.process_time() - since, done

    timed(min(sizes), automaton)
    print(f"{'cells':>6}{'bound s':>9}{'free s':>9}{'ms/token':>10}{'growth':>8}{'undecided':>11}{'text':>7}")
    before = 0.0
    for cells in sizes:
        free, _ = timed(cells, None)
        bound, done = timed(cells, automaton)
        growth = f"{bound / before:.2f}" if before else ""
        line = f"{cells:>6}{bound:>9.2f}{free:>9.2f}{1000 * (bound - free) / cells:>10.2f}{growth:>8}"
        print(f"{line}{done.undecided:>11}{len(done.text):>7}", flush=True)
        before = bound


if __name__ == "__main__":
    main()
