"""How the time for a mask and for compiling grows with the size of things: seven axes, four sizes each.

    python -m bench.scaling --tokenizer ../tok/llama3_1 [AXIS ...]

A case is a schema and a text of it. The text is tokenised and walked: mask and advance are timed together for every
token, on a first walk (states visited for the first time) and on a second one (known states). Printed are medians in
microseconds, compile times in milliseconds (median of several, the schema parsed already), and the growth for each
doubling of the size: (last / first) ** (1 / doublings). Bars: 1.10 for masks, compile at most linear (2.00).
Where a walk is longer than 20,000 tokens its last 20,000 count, so that what is measured is the far end.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import treadle
from bench.material import Case, vocabulary_of

#: Tokens at the end of a walk that count.
WINDOW = 20_000


def output_length(size: int) -> Case:
    """An array with about `size` tokens of output."""
    item = {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
        "required": ["id", "name"],
    }
    items = [{"id": i, "name": f"entry number {i}"} for i in range(size // 15)]
    return {"type": "array", "items": item}, json.dumps(items)


def optional_properties(size: int) -> Case:
    """An object with `size` optional members, of which every second one is written."""
    names = [f"field_{i}_{_word(i)}" for i in range(size)]
    schema = {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in names},
        "additionalProperties": False,
    }
    return schema, json.dumps(dict.fromkeys(names[:: max(2, size // 256)], 7))


def optional_properties_open(size: int) -> Case:
    """The same with other members allowed, in any order."""
    schema, text = optional_properties(size)
    return {**schema, "additionalProperties": True}, text


def enumeration(size: int) -> Case:
    """An array of values of an enum of `size` strings."""
    options = [f"{_word(i * 7919)}-{i}" for i in range(size)]
    return {"type": "array", "items": {"enum": options}}, json.dumps(options[:: max(1, size // 64)])


def nesting(size: int) -> Case:
    """Arrays in objects, `size` levels deep."""
    schema = {"$ref": "#/$defs/node", "$defs": {"node": {
        "type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "v": {"type": "integer"}}, "required": ["v"],
    }}}  # fmt: skip
    return schema, '{"next": ' * (size - 1) + '{"v": 1' + '}, "v": 1' * (size - 1) + "}"


def max_length(size: int) -> Case:
    """A string with maxLength `size`, of at most 60,000 characters."""
    return {"type": "string", "maxLength": size}, json.dumps(
        ("the quick brown fox. " * (size // 20 + 1))[: min(size, 60_000)]
    )


def alternatives(size: int) -> Case:
    """An anyOf of `size` similar objects, which their last member tells apart."""

    def one(i: int) -> dict[str, Any]:
        properties = {
            "name": {"type": "string"},
            "count": {"type": "integer"},
            "kind": {"const": f"kind {i}"},
        }
        return {"type": "object", "properties": properties, "required": [*properties]}

    text = json.dumps(
        [
            {"name": "a name of some length", "count": 12345, "kind": f"kind {i}"}
            for i in (0, size // 2, size - 1)
        ]
    )
    return {"type": "array", "items": {"anyOf": [one(i) for i in range(size)]}}, text


AXES: dict[str, tuple[Callable[[int], Case], tuple[int, ...]]] = {
    "output length": (output_length, (12_500, 25_000, 50_000, 100_000)),
    "optional properties": (optional_properties, (125, 250, 500, 1_000)),
    "optional, open": (optional_properties_open, (125, 250, 500, 1_000)),
    "enum size": (enumeration, (6_250, 12_500, 25_000, 50_000)),
    "nesting depth": (nesting, (125, 250, 500, 1_000)),
    "maxLength": (max_length, (1_000, 10_000, 100_000, 1_000_000)),
    "live alternatives": (alternatives, (25, 50, 100, 200)),
}


def main() -> int:
    arguments = _arguments()
    vocabulary = vocabulary_of(arguments.tokenizer)
    warm_up(vocabulary, arguments.order)
    failed = []
    for axis, (case, sizes) in AXES.items():
        if arguments.axes and not any(wanted in axis for wanted in arguments.axes):
            continue
        found = []
        titles = ("compile ms", "first us", "p99", "again us", "p99")
        print(f"{axis}\n  {'size':>9} {'tokens':>7}" + "".join(f" {title:>10}" for title in titles))
        for size in sizes:
            row = measure(*case(size), vocabulary, arguments.order)
            found.append(row)
            figures = (
                row["compile"] * 1e3,
                *(row[key] * 1e6 for key in ("first", "first p99", "again", "again p99")),
            )
            print(
                f"  {size:9} {row['tokens']:7}" + "".join(f" {figure:10.2f}" for figure in figures),
                flush=True,
            )
        doublings = math.log2(sizes[-1] / sizes[0])
        growth = {
            key: (found[-1][key] / found[0][key]) ** (1 / doublings) for key in ("compile", "first", "again")
        }
        bars = {"compile": 2.0, "first": 1.1, "again": 1.1}
        said = "  ".join(
            f"{key} {value:.2f}{'' if value <= bars[key] else ' FAILS'}" for key, value in growth.items()
        )
        print(f"  growth per doubling: {said}", flush=True)
        failed += [f"{axis}: {key}" for key, value in growth.items() if value > bars[key]]
    print("failed: " + "; ".join(failed) if failed else "every axis holds")
    return 1 if failed else 0


def measure(schema: Any, text: str, vocabulary: treadle.Vocabulary, order: str) -> dict[str, float]:
    """Medians (and 99th percentiles) of mask + advance, and of compiling."""
    tokens = vocabulary.encode(text)
    constraint = treadle.JsonSchema(schema, property_order=order)  # type: ignore[arg-type]
    gc.collect()  # the last case's automaton, so that nothing of it is taken down within the times
    compiling, compiled = [], None
    while len(compiling) < 3 or (sum(compiling) < 0.2 and len(compiling) < 20):
        # Milliseconds are long enough to be interrupted by other processes; the time of this thread alone is not.
        started = time.thread_time()
        compiled = treadle.compile(constraint, vocabulary)
        compiling.append(time.thread_time() - started)
    gc.collect()
    first = np.array(list(walk(compiled, tokens))[-WINDOW:])
    again = np.array(list(walk(compiled, tokens))[-WINDOW:])
    return {
        "tokens": len(tokens), "compile": float(np.median(compiling)),
        "first": float(np.median(first)), "first p99": float(np.percentile(first, 99)),
        "again": float(np.median(again)), "again p99": float(np.percentile(again, 99)),
    }  # fmt: skip


def walk(compiled: Any, tokens: list[int]) -> Iterator[float]:
    """Seconds for mask and advance, token by token."""
    matcher = compiled.matcher()
    row = np.zeros(len(matcher.mask()), np.int32)
    now = time.perf_counter
    for position, token in enumerate(tokens):
        started = now()
        matcher.fill_bitmask(row)
        taken = matcher.accept_token(token)
        yield now() - started
        if not taken:
            raise AssertionError(f"token {position} was refused: the case is wrong")


def warm_up(vocabulary: treadle.Vocabulary, order: str) -> None:
    """Whatever is made once for a process."""
    for case, sizes in AXES.values():
        schema, text = case(min(sizes[0] // 4, 100))
        compiled = treadle.compile(treadle.JsonSchema(schema, property_order=order), vocabulary)  # type: ignore[arg-type]
        list(walk(compiled, vocabulary.encode(text)))


def _word(seed: int) -> str:
    """A pronounceable word."""
    letters = []
    for k in range(6):
        seed = (seed * 1103515245 + 12345 + k) & 0x7FFFFFFF
        letters.append(("bdfgklmnprst" if k % 2 == 0 else "aeiou")[(seed >> 8) % (12 if k % 2 == 0 else 5)])
    return "".join(letters)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("axes", nargs="*", help="only these, by a part of their name")
    parser.add_argument("--tokenizer", help="folder or tokenizer.json; the bundled model's by default")
    parser.add_argument("--order", choices=("declared", "any"), default="declared")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
