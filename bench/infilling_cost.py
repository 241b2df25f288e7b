"""What exact infilling costs: beside the published method, beside no constraint, and as the canvas grows.

    python -m bench.infilling_cost                            # all three parts
    python -m bench.infilling_cost --parts method --grammars json --cells 256 --seconds 60 --out cost.jsonl

method     seconds per committed token of treadle and of the published method (bench/completion_baseline, our
           re-implementation, which builds everything anew for each proposal): same grammar, same canvas, same
           synthetic logits, in turns in one run. The logits lean towards a text of the grammar and are noise else, so
           some proposals are refused. Logits count for nobody. The sampler's share is left out of the last line: for
           treadle it is what a run without a constraint ("free") takes, for the method it is all but its checks. Each
           engine stops after `--seconds`; what it committed until then is what it is measured by. All times are CPU
           times of this one process; loading compiled kernels is in none of them (both engines do something small
           before: treadle a canvas of another grammar), nor is reading the grammar.
overhead   a whole decode of the bundled masked model with and without a constraint: seconds, and the share above.
growth     a whole decode from 64 to 1,024 cells: seconds, and the factor for each doubling.

Rows that `--out` holds already are not measured again.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import treadle
from bench.completion_baseline.method import PublishedCheck, fill
from bench.infilling import with_mask
from bench.material import vocabulary_of
from treadle.diffusion.decoding import decode
from treadle.diffusion.protocols import MaskedTable
from treadle.diffusion.samplers import Llada
from treadle.diffusion.steps import Row
from treadle.infilling.limits import Limits
from treadle.vocabulary import Vocabulary

GRAMMARS = Path(__file__).resolve().parents[1] / "grammars"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default="method,overhead,growth")
    parser.add_argument("--grammars", default="json,arithmetic")
    parser.add_argument("--cells", type=int, default=256, help="of the parts method and overhead")
    parser.add_argument("--sizes", default="64,128,256,512,1024", help="cells of the part growth")
    parser.add_argument("--block", type=int, default=32, help="cells of a block; 0: the whole canvas is one")
    parser.add_argument(
        "--lean", type=float, default=12.0, help="how far the logits lean to a text of the grammar"
    )
    parser.add_argument("--seconds", type=float, default=120, help="for each engine and canvas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--vocab", default=None, help="a tokenizer's folder; the bundled causal model's by default"
    )
    parser.add_argument("--nodes", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    book = Book(given.out)
    vocabulary = with_mask(vocabulary_of(given.vocab))
    parts = given.parts.split(",")
    for name in given.grammars.split(","):
        if "method" in parts:
            for engine in ("free", "treadle", "published"):
                book.note(
                    {
                        "part": "method",
                        "grammar": name,
                        "engine": engine,
                        "cells": given.cells,
                        "block": given.block,
                    },
                    lambda name=name, engine=engine: _method(engine, name, vocabulary, given),
                )
        if "growth" in parts:
            for cells in map(int, given.sizes.split(",")):
                book.note(
                    {"part": "growth", "grammar": name, "cells": cells, "block": given.block},
                    lambda name=name, cells=cells: _ours(name, cells, vocabulary, given),
                )
    if "overhead" in parts:
        book.note({"part": "overhead", "cells": given.cells, "block": given.block}, lambda: _overhead(given))
    print_conclusions(book.rows)


class Book:
    """Rows that are measured once, and kept in a file where one is given."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        known = path.read_text("utf-8").splitlines() if path is not None and path.is_file() else []
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in known]

    def note(self, key: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> None:
        if any(key.items() <= row.items() for row in self.rows):
            return
        self.rows.append({**key, **measure()})
        print(json.dumps(self.rows[-1]), flush=True)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self.rows[-1]) + "\n")


# -- synthetic logits ---------------------------------------------------------------------------------


def logits_of(name: str, cells: int, vocabulary: Vocabulary, lean: float, seed: int) -> np.ndarray:
    """float32[cells, V]: noise, leaning towards a text of the grammar that nearly fills the canvas."""
    tokens = reference(name, cells, vocabulary, seed)
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (cells, len(vocabulary))).astype(np.float32)
    logits[np.arange(cells), tokens] += lean
    return logits


def reference(name: str, cells: int, vocabulary: Vocabulary, seed: int) -> list[int]:
    """Tokens of a generated text of the grammar, with ends of text up to the last cell."""
    rng = random.Random(seed)
    parts: list[str] = []
    whole = {
        "json": lambda: json.dumps([json.loads(p) for p in parts]),
        "arithmetic": lambda: " + ".join(parts),
    }
    tokens: list[int] = []
    while True:
        parts.append(_record(rng) if name == "json" else _term(rng, 2))
        longer = vocabulary.encode(whole[name]())
        if len(longer) > cells:
            return [*tokens, *[vocabulary.eos_ids[0]] * (cells - len(tokens))]
        tokens = longer


def _record(rng: random.Random) -> str:
    words = ("river", "stone", "cloud", "maple", "tiger", "violin")
    value: dict[str, Any] = {"id": rng.randint(1, 999), "name": rng.choice(words)}
    if rng.random() < 0.7:
        value["tags"] = rng.sample(words, rng.randint(1, 3))
    if rng.random() < 0.5:
        value["open"] = rng.random() < 0.5
    return json.dumps(value)


def _term(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.3:
        return rng.choice(["x", "y", "rate", str(rng.randint(2, 99)), "0.5"])
    left, right = _term(rng, depth - 1), _term(rng, depth - 1)
    return rng.choice(
        [f"({left} + {right})", f"{left} * {right}", f"max({left}, {right})", f"({left} - {right}) ^ 2"]
    )


# -- the parts ----------------------------------------------------------------------------------------


def _sampler(cells: int, block: int) -> Llada:
    """A token a step."""
    return Llada(steps=cells, block_length=block or None)


def _method(engine: str, name: str, vocabulary: Vocabulary, given: Any) -> dict[str, Any]:
    if engine != "published":
        return _ours(name, given.cells, vocabulary, given, bound=engine == "treadle")
    logits = logits_of(name, given.cells, vocabulary, given.lean, given.seed)
    check = PublishedCheck.of((GRAMMARS / f"{name}.lark").read_text("utf-8"))
    # Compiling the worklist is no part of the method's time.
    check.completable([None], vocabulary)
    check.checks, check.building, check.searching = 0, 0.0, 0.0
    mask = len(vocabulary) - 1
    last = None
    for last in fill(
        lambda tokens: logits,
        given.cells,
        _sampler(given.cells, given.block),
        check,
        vocabulary,
        mask,
        given.seed,
    ):
        if last.seconds and last.seconds[-1] > given.seconds:
            break
    assert last is not None
    spent = last.seconds[-1] if last.seconds else 0.0
    return {
        "commits": last.commits, "refused": last.refused, "seconds": round(spent, 3),
        "ms_per_commit": round(1000 * spent / max(1, last.commits), 3), "checks": check.checks,
        "building_s": round(check.building, 4), "searching_s": round(check.searching, 4), "states": check.states,
        "whole": all(token is not None for token in last.tokens), "stuck": last.stuck,
    }  # fmt: skip


class _TimeOver(Exception):
    """The seconds of an engine are over."""


def _ours(name: str, cells: int, vocabulary: Vocabulary, given: Any, *, bound: bool = True) -> dict[str, Any]:
    logits = logits_of(name, cells, vocabulary, given.lean, given.seed)
    _load_kernels(name, vocabulary)
    automaton = treadle.compile(treadle.Grammar(name), vocabulary).automaton if bound else None
    seen: list[Row] = []
    started = time.process_time()

    def watch(row: Row) -> None:
        seen[:] = [row]
        if time.process_time() - started > given.seconds:
            raise _TimeOver

    model = MaskedTable(vocabulary, len(vocabulary) - 1, lambda row: logits)
    failed = None
    try:
        decode(
            model, [], cells, _sampler(cells, given.block), automaton, seed=given.seed, watch=watch,
            limits=Limits(given.nodes, given.nodes), undecided="defer",
        )  # fmt: skip
    except _TimeOver:
        pass
    except treadle.LimitExceeded as error:
        failed = str(error)
    spent = time.process_time() - started
    commits = seen[0].commits if seen else []
    return {
        "commits": len(commits), "refused": sum(commit.refused for commit in commits), "seconds": round(spent, 3),
        "ms_per_commit": round(1000 * spent / max(1, len(commits)), 3),
        "undecided": seen[0].undecided if seen else 0, "whole": len(commits) == cells, "failed": failed,
    }  # fmt: skip


def _load_kernels(name: str, vocabulary: Vocabulary) -> None:
    """Fill a small canvas of another grammar: numba reads what it has compiled at first use."""
    other = next(each for each in ("json", "arithmetic") if each != name)
    logits = logits_of(other, 16, vocabulary, 12.0, 0)
    automaton = treadle.compile(treadle.Grammar(other), vocabulary).automaton
    model = MaskedTable(vocabulary, len(vocabulary) - 1, lambda row: logits)
    decode(model, [], 16, _sampler(16, 0), automaton)


def _overhead(given: Any) -> dict[str, Any]:
    """The bundled model over a record's prompt, free and bound, by turns; the first turn only warms up."""
    from bench.masked_material import tasks
    from treadle.integrations.bundled_masked import text_model

    model = text_model()
    some = (task for task in tasks(11, held_out=True) if task.schema is not None)
    times: dict[str, list[float]] = {"free": [], "bound": []}
    for turn in range(4):
        task = next(some)
        automaton = treadle.compile(treadle.JsonSchema(task.schema), model.vocabulary).automaton
        for kind, chosen in (("free", None), ("bound", automaton)):
            started = time.process_time()
            decode(
                model, model.vocabulary.encode(task.prompt), given.cells, _sampler(given.cells, given.block), chosen,
                undecided="defer", limits=Limits(given.nodes, given.nodes),
            )  # fmt: skip
            if turn:
                times[kind].append(time.process_time() - started)
    free, bound = sum(times["free"]), sum(times["bound"])
    return {"free_s": round(free, 3), "bound_s": round(bound, 3), "overhead": round(bound / free - 1, 4)}


# -- what follows -------------------------------------------------------------------------------------


def print_conclusions(rows: list[dict[str, Any]]) -> None:
    for line in conclusions(rows):
        print(line)


def conclusions(rows: list[dict[str, Any]]) -> Iterator[str]:
    by = {(r["grammar"], r["cells"], r["block"], r["engine"]): r for r in rows if r["part"] == "method"}
    for (name, cells, block, engine), row in by.items():
        other, free = (by.get((name, cells, block, each)) for each in ("published", "free"))
        if engine == "treadle" and other is not None and free is not None:
            ours = max(0.0, row["ms_per_commit"] - free["ms_per_commit"])
            theirs = 1000 * (other["building_s"] + other["searching_s"]) / max(1, other["commits"])
            yield (
                f"{name}, {cells} cells, blocks of {block}: {ours:.2f} ms a commit beside {theirs:.2f} ms of the "
                f"published method: {ours / max(1e-9, theirs):.3f} x (samplers left out; with them "
                f"{row['ms_per_commit']:.2f} beside {other['ms_per_commit']:.2f} ms)"
            )
    growth = [row for row in rows if row["part"] == "growth"]
    for small, large in zip(growth, growth[1:], strict=False):
        if small["grammar"] == large["grammar"] and large["cells"] == 2 * small["cells"]:
            if small["whole"] and large["whole"]:
                factor = large["seconds"] / small["seconds"]
                yield f"{small['grammar']}, {small['cells']} to {large['cells']} cells: x {factor:.2f}"
    for row in rows:
        if row["part"] == "overhead":
            yield f"bundled model, {row['cells']} cells: {100 * row['overhead']:.1f} % above no constraint"


if __name__ == "__main__":
    main()
