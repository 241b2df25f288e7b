"""Searches on schemas of MaskBench with the bundled model: beams of width 1, 4 and 8, A*, transformers' beam search.

    python bench/astar_bracket.py SAMPLE [--count 50] [--expansions 500] [--record search.jsonl]

SAMPLE names one schema per line (shared/data/maskbench/dev_sample.txt); `count` of them, evenly spaced, are taken. The
record has a line for each schema; what it has already is not run again, so an interrupted run goes on where it was.
For each schema:

- beams of each width, as many texts as the width: every text is valid under jsonschema, none comes twice;
- A* with a beam's texts as first incumbents: the bracket; nothing that any strategy found is above its bound;
- transformers' beam search (never stopping early, no length penalty) with treadle's processor, and ours without
  collapsed forced runs: the same best sequence. Both have the same token budget (`Budget`).

A text has at most --tokens tokens, or the shortest of the schema and --over more where that is longer. Prefixes are
shared between our searches, logits included (`Remembered`): most of the time is the model's. The exit status is 1 if
anything of this is false. The table in docs/search.md is from this file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import torch
import transformers

import treadle
from treadle.decoding.budget import Plan, first_plan, fitting
from treadle.decoding.prefixes import Extension, PrefixTree
from treadle.decoding.problem import Problem
from treadle.decoding.results import Result
from treadle.decoding.search import TRIES
from treadle.decoding.solving import solve
from treadle.errors import TreadleError
from treadle.integrations.models import load

PROMPT = "Write an example of a JSON document for this schema:\n"
WIDTHS = (1, 4, 8)
#: Width of transformers' beam search.
THEIRS = 4
WRITING: dict[str, Any] = {"whitespace": "compact", "escapes": "canonical"}
#: Two passes of float32 arithmetic differ by less over a whole text.
SLACK = 1e-3
#: What transformers' log-softmax in float32 puts off the sum of a text, for each of its tokens.
ROUNDING = 1e-5


def main() -> int:
    arguments = _arguments()
    torch.set_num_threads(1)
    done = {line["schema"]: line for line in _lines(arguments.record)}
    model: Any = load(None)
    for name, schema in schemas(arguments.sample, arguments.count):
        if name not in done:
            done[name] = {"schema": name, **measure(model, schema, arguments)}
            with arguments.record.open("a", encoding="utf-8") as record:
                record.write(json.dumps(done[name]) + "\n")
        print(json.dumps(done[name]), file=sys.stderr, flush=True)
    rows = list(done.values())
    print(table(rows))
    return 1 if any(row.get("wrong") for row in rows) else 0


def schemas(sample: Path, count: int) -> list[tuple[str, Any]]:
    """`count` schemas of the sample, evenly spaced."""
    names = sample.read_text("utf-8").split()
    wanted = [names[k * len(names) // count] for k in range(min(count, len(names)))]
    found = {}
    with gzip.open(sample.with_name("dev.jsonl.gz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            found[entry.get("name") or entry.get("id")] = entry["schema"]
    return [(name, found[name]) for name in wanted]


# -- one schema ------------------------------------------------------------------------------------


def measure(model: Any, schema: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything that is to be known of a schema; `error` where it has no searches."""
    started = time.perf_counter()
    prompt = tuple(model.encode(PROMPT + json.dumps(schema)[: arguments.shown]))
    try:
        compiled = treadle.compile(treadle.JsonSchema(schema, **WRITING), model.vocabulary)
        shortest = len(compiled.automaton.closing(compiled.automaton.start))
    except TreadleError as error:
        return {"error": str(error), "wrong": []}
    limit = max(arguments.tokens, shortest + arguments.over)
    problem = Problem(prompt, compiled.automaton, model.vocabulary, max_tokens=limit, is_json=True)
    ours = Remembered(model)
    row: dict[str, Any] = {"limit": limit}
    beams = {width: search(ours, problem, treadle.Beam(width), n=width) for width in WIDTHS}
    strategy = treadle.AStar(
        expansions=arguments.expansions, batch=arguments.batch, first=treadle.Beam(max(WIDTHS))
    )
    [best] = search(ours, problem, strategy)
    assert best.search is not None
    notes = best.search.notes
    row |= {
        "beams": {str(width): found[0].scores.raw for width, found in beams.items()},
        "texts": {str(width): len(found) for width, found in beams.items()},
        **{name: notes[name] for name in ("incumbent", "bound", "optimal")},
        "expansions": best.search.expansions,
        "ended": best.search.ended,
        "seconds_ours": round(time.perf_counter() - started, 1),
    }
    spelled = search(ours, problem, treadle.Beam(THEIRS, distinct="tokens"), forced_runs=False)[0]
    tokens, score = transformers_beam(model, problem, compiled, THEIRS)
    row |= {"ours": spelled.scores.raw, "theirs": score, "same": spelled.tokens == tokens}
    if not row["same"]:
        row |= {"our_text": spelled.text, "their_text": model.tokenizer.decode(tokens)}
    row["seconds"] = round(time.perf_counter() - started, 1)
    return row | {"wrong": wrong(row, schema, [*beams.values(), [best], [spelled]])}


def search(model: Any, problem: Problem, strategy: Any, **changes: Any) -> list[Result]:
    """One search."""
    return solve(model, [replace(problem, **changes)], strategy)[0]


def wrong(row: dict[str, Any], schema: Any, found: Sequence[Sequence[Result]]) -> list[str]:
    """What does not hold."""
    validator = jsonschema.validators.validator_for(schema)(schema)
    faults = []
    for results in found:
        if len({one.text for one in results}) < len(results):
            faults.append("a text comes twice")
        faults += [f"invalid: {one.text}" for one in results if not validator.is_valid(one.value)]
    if max(row["beams"].values()) > row["bound"] + SLACK:
        faults.append("a beam is above the bound")
    if row["same"] and abs(row["ours"] - row["theirs"]) > SLACK + ROUNDING * row["limit"]:
        faults.append("two scores for one sequence")
    return faults


class Remembered:
    """A model whose searches share one tree of prefixes; logits of a prefix that was asked for before are kept."""

    def __init__(self, model: Any) -> None:
        self.vocabulary = model.vocabulary
        self._tree: PrefixTree = model.tree()
        self._known: dict[tuple[int, tuple[int, ...], int], Extension] = {}
        self.counters = self._tree.counters

    def tree(self, memory: int | None = None) -> Any:
        """The one tree."""
        return self

    def extend(
        self, nodes: Sequence[int], runs: Sequence[Sequence[int]], scored: Sequence[int]
    ) -> list[Extension]:
        """As PrefixTree.extend; only what is not known goes through the model."""
        asked = [(node, tuple(run), count) for node, run, count in zip(nodes, runs, scored, strict=True)]
        missing = [one for one in asked if one not in self._known]
        if missing:
            found = self._tree.extend(*([one[k] for one in missing] for k in range(3)))
            self._known |= dict(zip(missing, found, strict=True))
        return [self._known[one] for one in asked]


# -- transformers ----------------------------------------------------------------------------------


def transformers_beam(
    model: Any, problem: Problem, compiled: Any, width: int
) -> tuple[tuple[int, ...], float]:
    """(the best sequence without its end, its score) of transformers' own beam search."""
    ids = torch.tensor([list(problem.prompt)])
    processors = [treadle.LogitsProcessor(compiled), Budget(problem, 2 * width)]
    with torch.inference_mode():
        # The prompt is read once and not once for each beam: this is not about time.
        past = model.model(ids[:, :-1], use_cache=True, logits_to_keep=1).past_key_values
        past.batch_repeat_interleave(width)
        found = model.model.generate(
            ids,
            past_key_values=past,
            attention_mask=torch.ones_like(ids),
            num_beams=width,
            do_sample=False,
            max_new_tokens=problem.max_tokens + 1,
            length_penalty=0.0,
            early_stopping="never",
            logits_processor=transformers.LogitsProcessorList(processors),
            return_dict_in_generate=True,
            output_scores=True,
        )
    new = found.sequences[0, len(problem.prompt) :].tolist()
    ends = [k for k, token in enumerate(new) if token in model.vocabulary.eos_ids]
    return tuple(new[: ends[0]] if ends else new), float(found.sequences_scores[0])


class Budget(transformers.LogitsProcessor):  # type: ignore[misc]
    """Behind treadle's processor: of each row only the best `count` tokens that still fit the problem's max_tokens.

    transformers cuts texts at their longest; a treadle search does not begin what it cannot finish. For the same
    sequences both need the same budget. A beam search of width w looks at the best 2 w choices and at no others.
    """

    def __init__(self, problem: Problem, count: int) -> None:
        self.problem = problem
        self.count = count
        automaton = problem.automaton
        self.known: dict[tuple[int, ...], tuple[int, Plan]] = {
            (): (automaton.start, first_plan(automaton, problem.max_tokens))
        }

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores with everything else forbidden."""
        rows = [tuple(row) for row in input_ids[:, len(self.problem.prompt) :].tolist()]
        kept = torch.full_like(scores, -torch.inf)
        for k, written in enumerate(rows):
            tokens = self._fitting(written, scores[k]) or self._finishing(written)
            kept[k, tokens] = scores[k, tokens]
        return kept

    def _fitting(self, written: tuple[int, ...], scores: torch.Tensor) -> list[int]:
        """The best tokens that fit; all, for a row that is not alive."""
        ends = self.problem.vocabulary.eos_ids
        if written not in self.known:
            return list(range(len(scores)))
        found: list[int] = []
        refused = 0
        for token in scores.topk(self.count + TRIES).indices.tolist():
            if scores[token] == -torch.inf or len(found) == self.count or refused == TRIES:
                break
            if token in ends or self._grow(written, token):
                found.append(token)
            else:
                refused += 1
        return found

    def _grow(self, written: tuple[int, ...], token: int) -> bool:
        state, plan = self.known[written]
        after = self.problem.automaton.advance(state, token)
        left = self.problem.max_tokens - len(written) - 1
        new = fitting(self.problem.automaton, after, left, plan, (token,))
        if new is not False:
            self.known[(*written, token)] = (after, new)
        return new is not False

    def _finishing(self, written: tuple[int, ...]) -> list[int]:
        """The token that a completion known to fit goes on with."""
        automaton = self.problem.automaton
        state, plan = self.known[written]
        plan = tuple(automaton.closing(state)) if plan is None else plan
        if not plan:
            return [self.problem.vocabulary.eos_ids[0]]
        self.known[(*written, plan[0])] = (automaton.advance(state, plan[0]), plan[1:])
        return [plan[0]]


# -- the table -------------------------------------------------------------------------------------


def table(rows: Sequence[dict[str, Any]]) -> str:
    """What all rows say, in Markdown."""
    run = [row for row in rows if "error" not in row]
    closed = [row for row in run if row["optimal"]]
    gaps = [row["bound"] - row["incumbent"] for row in run if not row["optimal"]]
    beaten = sum(max(*row["beams"].values(), row["ours"]) > row["incumbent"] + SLACK for row in closed)
    texts = sum(sum(row["texts"].values()) for row in run)
    steps = statistics.median([row["expansions"] for row in closed] or [0])
    lines: dict[str, object] = {
        "schemas searched": f"{len(run)} of {len(rows)}",
        "texts of all beams": texts,
        "of these invalid or twice, or above a bound": sum(len(row["wrong"]) for row in run),
    }
    for width in WIDTHS:
        mean = statistics.fmean(row["beams"][str(width)] for row in run)
        lines[f"mean raw score of the best text, width {width}"] = f"{mean:.3f}"
    lines |= {
        "mean raw score of A*'s incumbent": f"{statistics.fmean(row['incumbent'] for row in run):.3f}",
        "brackets closed": f"{len(closed)} (median {steps:.0f} expansions)",
        "closed brackets that something beats": beaten,
        "open brackets: median of bound - incumbent": f"{statistics.median(gaps or [0]):.2f}",
        f"same best sequence as transformers' beam search, width {THEIRS}": (
            f"{sum(row['same'] for row in run)} of {len(run)}"
        ),
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in lines.items())])


def _lines(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text("utf-8").splitlines()] if record.exists() else []


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sample", type=Path)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--expansions", type=int, default=500)
    parser.add_argument("--batch", type=int, default=32, help="prefixes that A* expands in a pass")
    parser.add_argument("--tokens", type=int, default=24, help="most tokens of a text")
    parser.add_argument("--over", type=int, default=8, help="tokens beyond the shortest text")
    parser.add_argument("--shown", type=int, default=100, help="characters of the schema in the prompt")
    parser.add_argument("--record", type=Path, default=Path("search.jsonl"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
