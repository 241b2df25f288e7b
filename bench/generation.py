"""Every output validates: schemas of MaskBench, the bundled model, sampling at temperature 1, a token budget.

    python -m bench.generation --data ../shared/data/maskbench/dev.jsonl.gz --count 200 --output generation.jsonl

One JSON line for each schema: the text and whether `jsonschema` (formats asserted) accepts it, or the refusal up front
and why. Resumable: ids that the output file has already are skipped. Exit status 1 when any text is invalid or anything
was raised but a refusal. Times are the model's, not the engine's: nothing is concluded from them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
from rich.progress import track

import treadle
from treadle.integrations.models import load

PROMPT = "Write a JSON value that satisfies this JSON Schema. Answer with the value only.\n"


def main() -> int:
    arguments = _arguments()
    output = Path(arguments.output)
    done = {record["id"]: record for record in _records(output)}
    chosen = _chosen(Path(arguments.data), arguments.count, arguments.seed)
    model = load(arguments.model)
    with output.open("a") as file:
        for item in track(chosen, "generating", disable=not sys.stderr.isatty()):
            if item["id"] not in done:
                record = done[item["id"]] = run(item, model, arguments)
                print(json.dumps(record), file=file, flush=True)
    counts = Counter(done[item["id"]]["outcome"] for item in chosen)
    print(json.dumps(counts))
    return 0 if not counts.keys() - {"valid", "budget"} else 1


def run(item: dict[str, Any], model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Generate one text and judge it."""
    schema = item["schema"]
    prompt = PROMPT + json.dumps(schema)[:1500]
    started = time.perf_counter()
    record: dict[str, Any] = {"id": item["id"]}
    try:
        [result] = treadle.generate(
            prompt, model=model, schema=schema, max_tokens=arguments.max_tokens, temperature=1.0,
            seed=arguments.seed, return_results=True,
        )  # fmt: skip
    except treadle.UnsatisfiableConstraint as error:
        record |= {"outcome": "budget" if "budget" in str(error) else "unsatisfiable", "why": str(error)}
    except Exception as error:  # noqa: BLE001  # whatever is raised is what this looks for
        record |= {"outcome": "exception", "why": f"{type(error).__name__}: {error}"}
    else:
        problem = _problem(schema, result.text)
        record |= {"outcome": "invalid" if problem else "valid", "text": result.text, "why": problem}
        record |= {"tokens": len(result.tokens), "finish": result.finish_reason}
    record["seconds"] = round(time.perf_counter() - started, 2)
    return record


def _problem(schema: Any, text: str) -> str:
    """What the outside judge objects to, "" for nothing."""
    judge = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        value = json.loads(text)
        judge(schema, format_checker=judge.FORMAT_CHECKER).validate(value)
    except ValueError as error:
        return f"not JSON: {error}"
    except jsonschema.ValidationError as error:
        return f"{error.json_path}: {error.message}"[:300]
    return ""


def _chosen(data: Path, count: int, seed: int) -> list[dict[str, Any]]:
    with gzip.open(data) as lines:
        items = [json.loads(line) for line in lines]
    return random.Random(seed).sample(items, min(count, len(items)))


def _records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default=None)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
