"""What a search costs: beam search here against `model.generate(num_beams=...)` of transformers, in one run.

    python -m bench.search_cost --widths 1 4 8 --tokens 32 --repeat 3

Settings: no constraint, and schemas with forced runs (their member names), where transformers runs with
treadle's LogitsProcessor: two that were written for this and a few of the shipped ones, each with a prompt of its own.
Same prompt, same width, no length penalty, early_stopping="never", as many new tokens. A last line for each width has
the median over the schemas. Runs alternate, and the median of the repeats counts; the ratio is the median of the
ratios of neighbours, which had the same other work beside them. A ratio below 1 means that treadle is faster. Behind
the times: forward passes, tokens computed, what naive re-computation (every prefix anew at every step) would have
computed, and the raw scores of both. Other strategies follow with their counts, for comparison.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
import transformers

import treadle
from treadle.decoding.problem import Problem
from treadle.decoding.results import Result
from treadle.decoding.solving import solve
from treadle.decoding.unconstrained import Unconstrained
from treadle.integrations.models import load
from treadle.library import find

PROMPT = "Describe a small town near the sea, as JSON."
SCHEMA = {
    "type": "object",
    "properties": {
        "name_of_the_town": {"type": "string", "maxLength": 20},
        "population_in_thousands": {"type": "integer", "minimum": 1, "maximum": 99},
        "has_a_lighthouse": {"type": "boolean"},
        "best_season_to_visit": {"enum": ["spring", "summer", "autumn", "winter"]},
    },
    "required": ["name_of_the_town", "population_in_thousands", "has_a_lighthouse", "best_season_to_visit"],
    "additionalProperties": False,
}
NESTED = {
    "type": "object",
    "properties": {
        "identifier": {"type": "integer", "minimum": 1, "maximum": 999},
        "opening_hours": {
            "type": "object",
            "properties": {
                "monday_to_friday": {"enum": ["8-17", "9-18", "closed"]},
                "weekend": {"type": "boolean"},
            },
            "required": ["monday_to_friday", "weekend"],
            "additionalProperties": False,
        },
        "languages_spoken": {
            "type": "array",
            "items": {"enum": ["English", "French", "Greek"]},
            "maxItems": 2,
        },
    },
    "required": ["identifier", "opening_hours", "languages_spoken"],
    "additionalProperties": False,
}
SCHEMAS: dict[str, tuple[str, Any]] = {"schema": (PROMPT, SCHEMA), "nested schema": (PROMPT, NESTED)}
#: Shipped schemas, each with a prompt that calls for it.
SHIPPED = {
    "person": "Write down Ada Lovelace, born on 10 December 1815, as JSON.",
    "ticket": "Turn this into a ticket, as JSON: the login page shows an error since Monday.",
    "calendar_event": "Put a meeting with Ann about the budget into my calendar, as JSON.",
    "product": "Describe a red cotton shirt for 20 euros, as JSON.",
    "geometry": "Give a point in Rome, as GeoJSON.",
}
#: The policies of treadle.generate: a model that may spell any character as an escape does so.
WRITING: dict[str, Any] = {"whitespace": "compact", "escapes": "canonical"}
STRATEGIES = ("best_of:samples=4", "diverse_beam:width=4,groups=2", "stochastic_beam", "astar:expansions=100")


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    model: Any = load(arguments.model)
    ratios: dict[int, list[float]] = {}
    for name, problem, processed in settings(model, arguments.tokens, set(arguments.only)):
        for width in arguments.widths:
            line = {"setting": name, "width": width}
            found = compare(model, problem, processed, width, arguments.repeat)
            print(json.dumps(line | found), flush=True)
            if processed is not None:
                ratios.setdefault(width, []).append(found["ratio"])
        if name == "schema" and arguments.others:
            for strategy in STRATEGIES:
                line = {"setting": name, "strategy": strategy}
                print(json.dumps(line | cost(model, problem, strategy)), flush=True)
    for width, several in ratios.items():
        line = {"setting": f"median of {len(several)} schemas", "width": width}
        print(json.dumps(line | {"ratio": round(statistics.median(several), 3)}), flush=True)


def settings(model: Any, tokens: int, only: set[str]) -> Iterator[tuple[str, Problem, Any]]:
    """(name, problem, the compiled schema or None); `only`: names that are wanted, all if empty."""
    if not only or "no constraint" in only:
        free = Unconstrained(model.vocabulary)
        yield "no constraint", _problem(model, PROMPT, free, tokens), None
    shipped = {name: (prompt, find("schemas", name)) for name, prompt in SHIPPED.items()}
    for name, (prompt, schema) in {**SCHEMAS, **shipped}.items():
        if not only or name in only:
            compiled = treadle.compile(treadle.JsonSchema(schema, **WRITING), model.vocabulary)
            yield name, _problem(model, prompt, compiled.automaton, 96), compiled


def _problem(model: Any, prompt: str, automaton: Any, tokens: int) -> Problem:
    return Problem(tuple(model.encode(prompt)), automaton, model.vocabulary, max_tokens=tokens)


def compare(model: Any, problem: Problem, compiled: Any, width: int, repeat: int) -> dict[str, Any]:
    """Times and counts of both."""
    results: list[Result] = []
    theirs: list[Any] = []
    ours_s, theirs_s, ratio = medians(
        lambda: results.append(solve(model, [problem], treadle.Beam(width))[0][0]),
        lambda: theirs.append(transformers_beam(model, problem, compiled, width)),
        repeat,
    )
    new = theirs[-1].sequences.shape[1] - len(problem.prompt)
    return {
        "treadle_s": round(ours_s, 2),
        "transformers_s": round(theirs_s, 2),
        "ratio": round(ratio, 3),
        **counts(results[-1]),
        "transformers_raw": _raw(theirs[-1]),
        "transformers_forwards": new,
        "transformers_tokens": width * (len(problem.prompt) + new - 1),
        "text": results[-1].text,
        "transformers_text": model.tokenizer.decode(theirs[-1].sequences[0, len(problem.prompt) :]),
    }


def medians(ours: Callable[[], None], theirs: Callable[[], None], repeat: int) -> tuple[float, float, float]:
    """Seconds of each and their ratio; one run of each beforehand, then in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeat + 1):
        for work, found in zip((ours, theirs), times, strict=True):
            started = time.perf_counter()
            work()
            found.append(time.perf_counter() - started)
    mine, other = times[0][1:], times[1][1:]
    ratios = [one / two for one, two in zip(mine, other, strict=True)]
    return statistics.median(mine), statistics.median(other), statistics.median(ratios)


def transformers_beam(model: Any, problem: Problem, compiled: Any, width: int) -> Any:
    """Beam search of transformers."""
    ids = torch.tensor([list(problem.prompt)])
    processors = transformers.LogitsProcessorList()
    if compiled is not None:
        processors.append(treadle.LogitsProcessor(compiled))
    with torch.inference_mode():
        return model.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            num_beams=width,
            do_sample=False,
            max_new_tokens=problem.max_tokens + 1,
            length_penalty=0.0,
            early_stopping="never",
            logits_processor=processors,
            return_dict_in_generate=True,
            output_scores=True,
        )


def _raw(output: Any) -> float | None:
    """The best score of a beam search; its greedy search at width 1 says none."""
    scores = getattr(output, "sequences_scores", None)
    return None if scores is None else round(float(scores[0]), 4)


def cost(model: Any, problem: Problem, strategy: str) -> dict[str, Any]:
    """Time and counts of one strategy."""
    started = time.perf_counter()
    found = treadle.generate(
        PROMPT, treadle.JsonSchema(SCHEMA, **WRITING), model=model, strategy=strategy, seed=0,
        max_tokens=problem.max_tokens, return_results=True,
    )  # fmt: skip
    return {"seconds": round(time.perf_counter() - started, 2), **(counts(found[0]) if found else {})}


def counts(result: Result) -> dict[str, Any]:
    """Of the search behind a result."""
    assert result.search is not None
    done = result.search.counters
    return {
        "forwards": done.forwards,
        "tokens_computed": done.computed,
        "tokens_naive": done.computed + done.reused,
        "raw": round(result.scores.raw, 4),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="a transformers model; the bundled one by default")
    parser.add_argument("--widths", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--only", nargs="+", default=[], help="names of settings; all of them by default")
    parser.add_argument("--tokens", type=int, default=32, help="new tokens without a constraint")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--others", action="store_true", help="the counts of other strategies too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
