"""The other side of bench/genlm.py, run in an environment that has genlm-control. Prints one line of JSON.

    python -m bench.genlm_peer '{"model": ..., "prompt_ids": [...], "eos": [...], "task": "date", "runs": 50, ...}'

The peer as its documentation sets it up: an `AsyncTransformer` (backend "hf") with the prompt's keys and values
cached, a `Potential` for the condition, `AWRS`, `SMC` with multinomial resampling. What it keeps of earlier runs is
cleared, as each of treadle's runs begins with an empty cache; batches are sent off as soon as all particles wait.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import numpy as np
import torch
from genlm.control import AWRS, SMC, Potential, PromptedLLM

from bench.conditions import TASKS, Clock, middle


class Asked(Potential):
    """A condition as a potential: log 1 or log 0."""

    def __init__(self, vocabulary, condition):
        super().__init__(vocabulary)
        self.condition = condition

    async def prefix(self, context):
        return 0.0 if self.condition.prefix(b"".join(context)) else -np.inf

    async def complete(self, context):
        return 0.0 if self.condition.whole(b"".join(context)) else -np.inf


async def measure(given):
    torch.set_num_threads(given["threads"])
    task = TASKS[given["task"]]
    llm = PromptedLLM.from_name(
        given["model"],
        backend="hf",
        eos_byte_strings=[bytes.fromhex(one) for one in given["eos"]],
        batch_size=64 if given["together"] else given["particles"],
        timeout=0.001,
        hf_opts={"torch_dtype": "float32"},
    )
    llm.prompt_ids = given["prompt_ids"]
    condition = task.condition()
    potential = Asked(llm.vocab, condition)
    clock = Clock(llm.model.model)
    sequence_cap = task.max_tokens + 1

    async def run(seeds):
        """The populations of some runs, side by side, and what one of them cost on average."""
        llm.model.clear_cache()
        torch.manual_seed(seeds[0])
        np.random.seed(seeds[0])  # noqa: NPY002 - the peer resamples from numpy's global generator
        condition.calls, clock.seconds, clock.passes = 0, 0.0, 0
        began, used = time.perf_counter(), time.process_time()
        llm.model.cache_kv(given["prompt_ids"])
        samplers = [AWRS(llm, potential, seed=seed) for seed in seeds]
        found = await asyncio.gather(
            *(
                SMC(sampler)(
                    n_particles=given["particles"], ess_threshold=given["threshold"], max_tokens=sequence_cap
                )
                for sampler in samplers
            )
        )
        costs = (time.perf_counter() - began, time.process_time() - used, clock.seconds, clock.passes)
        for sampler in samplers:
            await sampler.cleanup()
        each = [cost / len(seeds) for cost in costs]
        return [
            [float(one.log_ml), condition.calls / len(seeds), sum(map(len, one.contexts)), *each]
            for one in found
        ]

    seeds = range(given["runs"])
    return middle([
        await run(seeds) if given["together"] else [one for seed in seeds for one in await run([seed])]
        for _ in range(given["repeat"])
    ])  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(json.loads(sys.argv[1])))))
