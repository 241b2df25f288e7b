"""Sequential Monte Carlo with rejection, beside genlm-control: same model, prompt, condition, particles, runs.

    python -m venv ../venv_genlm; ../venv_genlm/bin/pip install torch genlm-control
    python -m bench.genlm --peer ../venv_genlm/bin/python --runs 50 --particles 5

Five ways for each task of bench/conditions.py:

    peer     genlm-control's SMC with AWRS
    awrs     ours, the condition being a predicate of prefixes beside any text
    no head  the same without testing the likeliest tokens first: the estimators of the peer
    masked   ours, the pattern being a constraint; whether a sum is right is a predicate that is asked on top
    forced   the same with runs that the pattern forces written in one spelling, without asking the model for choices

Runs come one after the other, each with empty caches; with --together all in one call, each side sharing forward passes
as it does by itself. Times of few seconds stray: --repeat 3 runs both sides three times and takes the middle one.

Reported: tests of the condition for each token drawn; seconds by the clock, of the processor, of these in the model
and the rest; calls of the model; the variance of exp(log marginal) relative to the square of its mean (that of the log
marginal is infinite as soon as one population dies; it is given beside it, over the populations that live); and the
mean of the estimates with its error. These have to agree: all but "forced", which leaves out other spellings, are
unbiased for the same number, up to tokens that only one side counts as text.

The peer runs in its own process and environment; without one its column is left out, and said to be.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import treadle
from bench.conditions import TASKS, Clock, Condition, Task, middle
from treadle.decoding.problem import Check, Problem
from treadle.decoding.proposals import Masked
from treadle.decoding.search import Asking, Search
from treadle.decoding.smc import AWRS, SMC
from treadle.decoding.solving import solve
from treadle.integrations.bundled import bundled_model
from treadle.integrations.models import load

#: log marginal, tests, tokens, seconds, seconds of the processor, of these in the model, calls of the model.
Run = tuple[float, float, int, float, float, float, float]
#: Our ways, in the order of the table.
WAYS = ("awrs", "no head", "masked", "forced")


class BytesCheck:
    """The condition as a check of prefixes, on the same bytes that the peer sees."""

    #: As the peer requires of every potential: no admissible text begins with a refused prefix.
    sound = True

    def __init__(self, condition: Condition) -> None:
        self.condition = condition

    def admits(self, text: bytes, finished: bool) -> bool:
        return self.condition.whole(text) if finished else self.condition.prefix(text)


class Watched:
    """A strategy whose notes are kept when no text is left, too: one for each problem, in their order."""

    def __init__(self, strategy: SMC) -> None:
        self.strategy = strategy
        self.notes: list[dict[str, Any]] = []

    def search(self, search: Search) -> Asking:
        self.notes.append(search.statistics.notes)
        return (yield from self.strategy.search(search))


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore", RuntimeWarning)
    model: Any = load()
    clock = Clock(model.model)
    for name in arguments.tasks:
        task = TASKS[name]
        prompt = model.encode(task.prompt)
        columns = {"peer": peer(arguments, name, prompt, model)}
        for way in arguments.ways:
            columns[way] = ours(model, clock, task, prompt, way, arguments)
        for way, runs in columns.items():
            if runs:
                print(json.dumps({"task": name, "way": way, **summary(runs)}), flush=True)


def ours(
    model: Any, clock: Clock, task: Task, prompt: list[int], way: str, arguments: argparse.Namespace
) -> list[Run]:
    """One run after the other, each with a cache of its own; or all in one call."""
    condition = task.condition()
    tested = way in ("awrs", "no head")
    pattern = r"(?s:.*)" if tested else task.pattern
    automaton = treadle.compile(treadle.Regex(pattern), model.vocabulary).automaton
    checks: tuple[Check, ...] = (BytesCheck(condition),) if tested or task.right_sum else ()
    proposal = AWRS(head=0) if way == "no head" else AWRS() if checks else Masked()

    def run(seeds: Sequence[int]) -> list[Run]:
        condition.calls, clock.seconds, clock.passes = 0, 0.0, 0
        began, used = time.perf_counter(), time.process_time()
        watched = Watched(SMC(arguments.particles, arguments.threshold, "multinomial", proposal))
        problems = [
            Problem(
                prompt, automaton, model.vocabulary, task.max_tokens, arguments.particles, seed, checks=checks,
                forced_runs=way == "forced",
            )
            for seed in seeds
        ]  # fmt: skip
        solve(model, problems, watched)
        costs = (time.perf_counter() - began, time.process_time() - used, clock.seconds, clock.passes)
        each = [cost / len(seeds) for cost in costs]
        return [
            (notes["log_marginal"], condition.calls / len(seeds), notes["drawn"], *each)
            for notes in watched.notes
        ]

    # The first run fills the memo of masks; it is the peer's loading of the model that is not timed either.
    run([0])
    seeds = range(1, arguments.runs + 1)
    return middle([
        run(seeds) if arguments.together else [one for seed in seeds for one in run([seed])]
        for _ in range(arguments.repeat)
    ])  # fmt: skip


def peer(arguments: argparse.Namespace, name: str, prompt: list[int], model: Any) -> list[Run]:
    """The same of genlm-control; nothing where it is not installed."""
    if arguments.peer is None or not Path(arguments.peer).exists():
        print("no peer: give --peer the python of an environment with genlm-control", flush=True)
        return []
    given = {
        "model": str(bundled_model()), "prompt_ids": prompt, "task": name, "runs": arguments.runs,
        "eos": [model.tokenizer.convert_ids_to_tokens(one).encode().hex() for one in model.vocabulary.eos_ids],
        "together": arguments.together, "particles": arguments.particles, "threshold": arguments.threshold,
        "threads": arguments.threads, "repeat": arguments.repeat,
    }  # fmt: skip
    # As a module: a script's own folder comes first in the path, and bench/genlm.py would hide the peer's package.
    done = subprocess.run(
        [arguments.peer, "-m", "bench.genlm_peer", json.dumps(given)], cwd=Path(__file__).parents[1],
        capture_output=True, text=True, timeout=arguments.limit, check=False,
    )  # fmt: skip
    if done.returncode:
        print(f"the peer failed: {done.stderr[-2000:]}", flush=True)
        return []
    return [tuple(run) for run in json.loads(done.stdout.strip().splitlines()[-1])]


def summary(runs: list[Run]) -> dict[str, float]:
    logs, calls, tokens, seconds, used, inside, passes = (
        np.array(column, float) for column in zip(*runs, strict=True)
    )
    living = logs[np.isfinite(logs)]
    masses = np.exp(logs)
    return {
        "runs": len(runs),
        "dead": int(len(logs) - len(living)),
        "mean": float(masses.mean()),
        "error": float(masses.std(ddof=1) / math.sqrt(len(runs))),
        "relative_variance": float(masses.var(ddof=1) / masses.mean() ** 2),
        "relative_variance_90": interval(masses),
        "variance_of_log": float(living.var(ddof=1)),
        "tests_per_token": float(calls.sum() / tokens.sum()),
        "tokens": float(tokens.mean()),
        "seconds": float(np.median(seconds)),
        "cpu_seconds": float(np.median(used)),
        "model_cpu_seconds": float(np.median(inside)),
        "other_cpu_seconds": float(np.median(used - inside)),
        "passes": float(passes.mean()),
    }


def interval(masses: np.ndarray) -> list[float]:
    """Of the relative variance: 5 % and 95 % of its values over runs drawn with replacement."""
    drawn = masses[np.random.default_rng(0).integers(len(masses), size=(4000, len(masses)))]
    found = drawn.var(axis=1, ddof=1) / np.maximum(drawn.mean(axis=1), 1e-300) ** 2
    return [round(float(one), 2) for one in np.quantile(found, [0.05, 0.95])]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", help="the python of an environment with genlm-control")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument(
        "--together", action="store_true", help="all runs in one call, each side batching as it can"
    )
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument(
        "--repeat",
        type=int,
        default=1,
        help="all of it so often, with the same seeds; times are of the middle one",
    )
    parser.add_argument("--particles", type=int, default=5)
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--limit", type=float, default=3600, help="seconds that the peer may take for one task"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
