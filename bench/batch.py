"""A batch of sequences with schemas of their own: masks, and masks applied to logits.

    python -m bench.batch --tokenizer ../tok/llama3_1
    python -m bench.batch --data ../shared/data/maskbench/dev.jsonl.gz

64 sequences walk instances of 64 schemas, token by token. At every step the masks are applied to float32 logits[64, V],
which are far larger than the caches. Printed, as medians over the steps:

    application     of a matrix of rows that is filled already; beside llguidance's compiled torch and its numpy
    fill + apply    masks filled into that matrix, and the matrix applied
    apply_masks     masks found and applied without a matrix

over the application alone, on the first walk (states visited for the first time) and on a second one (the schemas are
known, the usual case of a server).

Bars: a row in 10 us or 0.3 x llguidance's own apply; the whole batch 1.3 x the application alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

import treadle
from bench.material import Case, cases_of_library, cases_of_maskbench, vocabulary_of
from treadle.masks import bitset
from treadle.matching.batch import apply_masks, fill_bitmasks

Tokens = list[int]


def main() -> None:
    arguments = _arguments()
    vocabulary = vocabulary_of(arguments.tokenizer)

    def cases() -> Iterable[Case]:
        return cases_of_maskbench(arguments.data) if arguments.data else cases_of_library()

    compiled, walks = compile_all(cases(), vocabulary, arguments.sequences)
    logits = np.random.default_rng(0).standard_normal((len(walks), len(vocabulary))).astype(np.float32)
    print(f"{len(walks)} sequences, {len(vocabulary)} logits, {sum(map(len, walks))} tokens")
    for at_once in (False, True):
        way = "apply_masks" if at_once else "fill + apply"
        compiled, walks = compile_all(cases(), vocabulary, arguments.sequences)
        report(f"first walk, {way}", walk(compiled, walks, logits, at_once), len(walks))
        second = walk(compiled, walks, logits, at_once)
        report(f"second walk, {way}", second, len(walks))
    peers(second["rows"], logits)


def compile_all(
    cases: Iterable[Case], vocabulary: treadle.Vocabulary, count: int
) -> tuple[list[Any], list[Tokens]]:
    """The first `count` cases that compile and whose text is accepted."""
    compiled, walks = [], []
    for schema, text in cases:
        try:
            one = treadle.compile(treadle.JsonSchema(schema, property_order="any"), vocabulary)
        except treadle.TreadleError:
            continue
        tokens = vocabulary.encode(text)
        if one.matcher().accept_tokens(tokens) == len(tokens):
            # Compiled anew: the states of the trial are not to be found again.
            compiled.append(treadle.compile(treadle.JsonSchema(schema, property_order="any"), vocabulary))
            walks.append(tokens)
        if len(walks) == count:
            break
    return compiled, walks


def walk(
    compiled: list[Any], walks: list[Tokens], logits: np.ndarray[Any, Any], at_once: bool
) -> dict[str, Any]:
    """All sequences in step, as long as the longest; a text that has ended begins again.

    `at_once`: by `apply_masks`, else filled into a matrix and that applied.
    """
    matchers = [one.matcher() for one in compiled]
    rows = np.zeros((len(matchers), bitset.words(logits.shape[1])), np.int32)
    fresh = logits.copy()
    wholes, applies, kept = [], [], []
    for step in range(max(map(len, walks))):
        np.copyto(fresh, logits)  # a forward pass writes new logits
        started = time.perf_counter()
        if at_once:
            apply_masks(matchers, fresh)
        else:
            bitset.apply_rows(fill_bitmasks(matchers, rows), fresh)
        wholes.append(time.perf_counter() - started)
        fill_bitmasks(matchers, rows)
        np.copyto(fresh, logits)
        started = time.perf_counter()
        bitset.apply_rows(rows, fresh)
        applies.append(time.perf_counter() - started)
        if step % 16 == 0 and len(kept) < 8:
            kept.append(rows.copy())
        for matcher, tokens in zip(matchers, walks, strict=True):
            if step % len(tokens) == 0:
                matcher.reset()
            matcher.accept_token(tokens[step % len(tokens)])
    return {"whole": np.array(wholes), "apply": np.array(applies), "rows": kept}


def report(name: str, times: dict[str, Any], sequences: int) -> None:
    whole, apply = times["whole"] * 1e6, times["apply"] * 1e6
    print(
        f"{name:28} {np.median(whole):6.0f} us (mean {whole.mean():.0f}), application alone {np.median(apply):5.0f} us"
        f" = {np.median(apply) / sequences:.1f} us a row;"
        f" ratio of medians {np.median(whole) / np.median(apply):.2f}, of means {whole.mean() / apply.mean():.2f}"
    )


def peers(kept: list[Any], logits: np.ndarray[Any, Any]) -> None:
    """Application of the same rows by each library; logits beyond the caches, and one line within them."""
    ways: dict[str, Callable[[Any, Any], Any]] = {
        "treadle": lambda values, rows: bitset.apply_rows(rows, values)
    }
    try:
        import torch
        from llguidance import numpy as by_numpy
        from llguidance import torch as by_torch

        torch.set_num_threads(1)
        ways["llguidance torch"] = lambda values, rows: by_torch.apply_token_bitmask_inplace(
            torch.from_numpy(values), torch.from_numpy(rows)
        )
        ways["llguidance numpy"] = by_numpy.apply_token_bitmask_inplace
        ways["treadle torch bfloat16"] = lambda values, rows: bitset.apply_rows(rows, _bfloat16(values))
    except ImportError as error:
        print(f"no llguidance to compare with: {error}")
    for name, apply in ways.items():
        batch = np.median([_time(apply, logits.copy(), rows) / len(rows) for rows in kept])
        singles = [rows[k : k + 1] for rows in kept for k in (0, len(rows) // 2)]
        single = np.median([_time(apply, logits[:1].copy(), row, 20) for row in singles])
        print(
            f"apply, {name:22}  batch {1e6 * batch:7.1f} us a row   one row in the cache {1e6 * single:7.1f} us"
        )


_TENSORS: dict[int, Any] = {}


def _bfloat16(values: np.ndarray[Any, Any]) -> Any:
    import torch

    if len(values) not in _TENSORS:
        _TENSORS[len(values)] = torch.from_numpy(values).to(torch.bfloat16)
    return _TENSORS[len(values)]


def _time(apply: Callable[[Any, Any], Any], values: Any, rows: Any, repeats: int = 5) -> float:
    apply(values, rows)
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        apply(values, rows)
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokenizer", help="folder or tokenizer.json; the bundled model's by default")
    parser.add_argument("--data", type=Path, help="MaskBench's dev.jsonl.gz instead of the shipped schemas")
    parser.add_argument("--sequences", type=int, default=64)
    return parser.parse_args()


if __name__ == "__main__":
    main()
