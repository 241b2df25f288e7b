"""One run: tasks and engines in, a folder of records out, with a bar that tells how long it takes."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from treadle.bench.host import Settings
from treadle.bench.processes import Here, Place
from treadle.bench.records import Lines, Records
from treadle.bench.slots import Progress, Slot, run
from treadle.bench.tasks import Task

#: Without a terminal a line is written this often, in seconds.
EVERY = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    tasks: Sequence[Task]
    engines: Sequence[str]
    data: Sequence[str]
    tokenizer: Path
    out: Path
    workers: int
    #: Processor seconds for a schema, and GiB that a worker may add.
    seconds: float
    memory: float
    #: As in `host.Settings`.
    writing: dict[str, Any] | None = None
    #: Address of a Ray cluster to run on, None for this machine.
    ray: str | None = None

    def settings(self) -> dict[str, Any]:
        """run.json. A folder is gone on with only where what is `fixed` is the same."""
        fixed = {
            "data": list(self.data),
            "tokenizer": str(self.tokenizer.resolve()),
            "seconds": self.seconds,
            "memory": self.memory,
            "writing": self.writing,
        }
        return {
            "fixed": fixed,
            "engines": list(self.engines),
            "schemas": len(self.tasks),
            "machine": _machine(),
        }


def execute(plan: Plan) -> dict[str, str]:
    """Measure what the folder lacks. Returns the engines that are missing, and why."""
    with closing(Records(plan.out, plan.settings())) as records:
        wanted = [(engine, task.id) for task in plan.tasks for engine in plan.engines]
        left = sum(pair not in records.done for pair in wanted)
        if not left:
            return {}
        with loaded_slots(_engines(plan), plan.out, plan.workers, plan.ray, records) as slots:
            missing = slots[0].missing
            records.note({"versions": slots[0].versions, "missing": missing})
            for why in missing.values():
                say(f"treadle: {why}")
            absent = sum(engine in missing and (engine, name) not in records.done for engine, name in wanted)
            with bar(left - absent) as progress:
                run(plan.tasks, slots, progress)
    return missing


def _engines(plan: Plan) -> list[Settings]:
    tokenizer = str(plan.tokenizer.resolve())
    return [
        Settings(engine, tokenizer, plan.seconds, plan.memory, writing=plan.writing)
        for engine in plan.engines
    ]


@contextmanager
def loaded_slots(
    engines: Sequence[Settings], logs: Path, workers: int, ray: str | None, records: Lines
) -> Iterator[list[Slot]]:
    """Slots whose engines have loaded; their processes end with the block."""
    with _places(engines, logs, workers, ray) as places:
        slots = [Slot(place, records) for place in places]
        try:
            for place in places:
                place.launch()
            for slot in slots:
                slot.greet()
            yield slots
        except KeyboardInterrupt:
            say(f"interrupted; the same command goes on with {records.path}")
            raise
        finally:
            for place in places:
                place.close()


@contextmanager
def _places(
    engines: Sequence[Settings], logs: Path, workers: int, ray: str | None
) -> Iterator[Sequence[Place]]:
    if ray is None:
        yield [
            Here([replace(settings, cpu=cpu) for settings in engines], logs, number)
            for number, cpu in enumerate(_cpus(workers))
        ]
        return
    from treadle.bench import cluster

    cluster.connect(ray, workers)
    try:
        yield [cluster.There(engines) for _ in range(workers)]
    finally:
        cluster.disconnect()


def _cpus(workers: int) -> list[int]:
    """A CPU for each slot, the last ones first: interrupts and everybody else like the first one."""
    free = sorted(os.sched_getaffinity(0), reverse=True)
    return [free[number % len(free)] for number in range(workers)]


def _machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }


@contextmanager
def bar(total: int) -> Iterator[Progress]:
    """A bar for a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _lines(total)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        *(TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()),
    )
    with Bar(*columns, console=Console(stderr=True)) as drawn:
        line = drawn.add_task("", total=total, rate="")

        def step(engine: str, status: str) -> None:
            speed = drawn.tasks[0].speed
            drawn.update(line, advance=1, description=engine, rate=f"{speed:.1f}/s" if speed else "")

        yield step


def _lines(total: int) -> Progress:
    began = said = time.monotonic()
    done = 0

    def step(engine: str, status: str) -> None:
        nonlocal said, done
        done += 1
        now = time.monotonic()
        if now - said > EVERY or done == total:
            said = now
            rate = done / (now - began) if now > began else 0.0
            left = (total - done) / rate if rate else 0.0
            say(f"{done:,} of {total:,}, {rate:.1f}/s, {left:,.0f} s left")

    return step


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
