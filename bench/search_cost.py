"""What a search costs: beam search here against `model.generate(num_beams=...)` of transformers, in one run.

    python -m bench.search_cost --widths 1 4 8 --tokens 32 --repeat 3

Settings: no constraint, and schemas, each with a prompt of its own, two of them written for this and a few of the
shipped ones. Same prompt, same width, no length penalty, early_stopping="never". `--peer` says what transformers runs:

processor  treadle's LogitsProcessor with the same schema; texts may be cut off by the limit of tokens, and beams may
           spend their places on spellings, which ours does not;
same       behind it a processor for the same token budget and the same spelling of what is forced: both search the
           same sequences, `same` says whether they found the same best one;
free       no constraint, as many new tokens as our text has.

A schema has forced runs if at least FORCED of the tokens of our best text were forced; the last lines have the median
of the ratios over those schemas, and over the others. Runs alternate, and the median of the repeats counts; the ratio
is the median of the ratios of neighbours, which had the same other work beside them; cpu_ratio is that of processor
time. A ratio below 1 means that treadle is faster. Behind the times: forward passes, tokens computed, what naive
re-computation (every prefix anew at every step) would have computed, and the raw scores of both. Other strategies
follow with their counts, for comparison. `--plain-weights` goes without packed weights.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import transformers

import treadle
from bench.astar_bracket import Budget
from treadle.decoding.problem import Problem
from treadle.decoding.results import Result
from treadle.decoding.solving import solve
from treadle.decoding.unconstrained import Unconstrained
from treadle.integrations.models import load
from treadle.integrations.packed_weights import packed_weights
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
#: Least share of forced tokens in the best text of a schema that has forced runs.
FORCED = 1 / 3
#: With and without forced runs.
KINDS = {True: "with forced runs", False: "with few forced tokens"}
STRATEGIES = ("best_of:samples=4", "diverse_beam:width=4,groups=2", "stochastic_beam", "astar:expansions=100")


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    model: Any = load(arguments.model)
    if arguments.plain_weights:
        packed_weights(model.model).limit = 0
    ratios: dict[tuple[bool, int], list[float]] = {}
    for name, problem, compiled in settings(model, arguments.tokens, set(arguments.only)):
        for width in arguments.widths:
            line = {"setting": name, "width": width, "peer": arguments.peer}
            found = compare(model, problem, compiled, width, arguments)
            print(json.dumps(line | found), flush=True)
            if compiled is not None:
                ratios.setdefault((found["forced"] >= FORCED, width), []).append(found["ratio"])
        if name == "schema" and arguments.others:
            for strategy in STRATEGIES:
                line = {"setting": name, "strategy": strategy}
                print(json.dumps(line | cost(model, problem, strategy)), flush=True)
    for (forced, width), several in sorted(ratios.items()):
        line = {"setting": f"median of {len(several)} schemas {KINDS[forced]}", "width": width}
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


def compare(
    model: Any, problem: Problem, compiled: Any, width: int, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Times and counts of both."""
    results: list[Result] = []
    theirs: list[Any] = []
    times = medians(
        lambda: results.append(solve(model, [problem], treadle.Beam(width))[0][0]),
        lambda: theirs.append(PEERS[arguments.peer](model, problem, compiled, width, results[-1])),
        arguments.repeat,
    )
    written = theirs[-1].sequences[0, len(problem.prompt) :].tolist()
    new, ends = len(written), model.vocabulary.eos_ids
    text = tuple(itertools.takewhile(lambda token: token not in ends, written))
    return {
        **{name: round(number, 3) for name, number in times.items()},
        "forced": round(forced_share(problem.automaton, results[-1].tokens), 2),
        **counts(results[-1]),
        "transformers_raw": _raw(theirs[-1]),
        "transformers_forwards": new,
        "transformers_tokens": width * (len(problem.prompt) + new - 1),
        "same": text == results[-1].tokens,
        "text": results[-1].text,
        "transformers_text": model.tokenizer.decode(text),
    }


def forced_share(automaton: Any, tokens: Sequence[int]) -> float:
    """The share of a text's tokens that stand in forced runs."""
    state, forced, at = automaton.start, 0, 0
    while at < len(tokens):
        run = tuple(automaton.forced(state))
        # A run may end with end of text, which is no token of the text; its last tokens may not have fitted.
        kept = [ours for ours, theirs in zip(tokens[at:], run, strict=False) if ours == theirs]
        for token in kept or tokens[at : at + 1]:
            state = automaton.advance(state, token)
        forced, at = forced + len(kept), at + max(len(kept), 1)
    return forced / max(len(tokens), 1)


def medians(ours: Callable[[], None], theirs: Callable[[], None], repeat: int) -> dict[str, float]:
    """Seconds of each and their ratios; one run of each beforehand, then in turn."""
    times: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for _ in range(repeat + 1):
        for work, found in zip((ours, theirs), times, strict=True):
            started, used = time.perf_counter(), time.process_time()
            work()
            found.append((time.perf_counter() - started, time.process_time() - used))
    mine, other = times[0][1:], times[1][1:]
    pairs = list(zip(mine, other, strict=True))
    return {
        "treadle_s": statistics.median(wall for wall, _ in mine),
        "transformers_s": statistics.median(wall for wall, _ in other),
        "ratio": statistics.median(one[0] / two[0] for one, two in pairs),
        "cpu_ratio": statistics.median(one[1] / two[1] for one, two in pairs),
    }


# -- transformers ----------------------------------------------------------------------------------


def with_processor(model: Any, problem: Problem, compiled: Any, width: int, ours: Result) -> Any:
    """Its beam search with treadle's processor."""
    processors = [] if compiled is None else [treadle.LogitsProcessor(compiled)]
    return transformers_beam(model, problem.prompt, processors, width, problem.max_tokens + 1)


def with_same_sequences(model: Any, problem: Problem, compiled: Any, width: int, ours: Result) -> Any:
    """The same over the sequences that ours searches."""
    processors = [] if compiled is None else [treadle.LogitsProcessor(compiled), Spelled(problem, 2 * width)]
    return transformers_beam(model, problem.prompt, processors, width, problem.max_tokens + 1)


def without_constraint(model: Any, problem: Problem, compiled: Any, width: int, ours: Result) -> Any:
    """Its beam search, writing freely for as long as our text."""
    new = len(ours.tokens) + 1
    return transformers_beam(model, problem.prompt, [], width, new, min_new_tokens=new)


PEERS = {"processor": with_processor, "same": with_same_sequences, "free": without_constraint}


class Spelled(Budget):
    """And what is forced in the tokenizer's own spelling alone, as a search of treadle writes it."""

    def __init__(self, problem: Problem, count: int) -> None:
        super().__init__(problem, count)
        #: What is left of a forced run behind each prefix that stands inside of one.
        self.inside: dict[tuple[int, ...], tuple[int, ...]] = {}

    def _fitting(self, written: tuple[int, ...], scores: torch.Tensor) -> list[int]:
        if written in self.known:
            run = self.inside.get(written) or self._run(written)
            if run and scores[run[0]] > -torch.inf and self._grow(written, run[0]):
                self.inside[(*written, run[0])] = run[1:]
                return [run[0]]
        return super()._fitting(written, scores)

    def _run(self, written: tuple[int, ...]) -> tuple[int, ...]:
        forced = self.problem.automaton.forced(self.known[written][0])
        ends = self.problem.vocabulary.eos_ids
        return tuple(itertools.takewhile(lambda token: token not in ends, forced))


def transformers_beam(
    model: Any, prompt: Sequence[int], processors: Sequence[Any], width: int, new: int, **more: Any
) -> Any:
    """Beam search of transformers."""
    ids = torch.tensor([list(prompt)])
    with torch.inference_mode():
        return model.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            num_beams=width,
            do_sample=False,
            max_new_tokens=new,
            length_penalty=0.0,
            early_stopping="never",
            logits_processor=transformers.LogitsProcessorList(processors),
            return_dict_in_generate=True,
            output_scores=True,
            **more,
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
    parser.add_argument("--peer", choices=PEERS, default="processor", help="what transformers runs")
    parser.add_argument("--plain-weights", action="store_true", help="pack no weights for passes of few rows")
    parser.add_argument("--others", action="store_true", help="the counts of other strategies too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
