"""One run: tasks and engines in, a folder of records out, with a bar that tells how long it takes."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treadle.bench.host import Settings
from treadle.bench.records import Records
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
        slots = [Slot(_engines(plan, cpu), records, number) for number, cpu in enumerate(_cpus(plan.workers))]
        try:
            for slot in slots:
                slot.launch()
            for slot in slots:
                slot.greet()
            missing = slots[0].missing
            records.note({"versions": slots[0].versions, "missing": missing})
            for why in missing.values():
                _say(f"treadle: {why}")
            absent = sum(engine in missing and (engine, name) not in records.done for engine, name in wanted)
            with _bar(left - absent) as progress:
                run(plan.tasks, slots, progress)
        except KeyboardInterrupt:
            _say(f"interrupted; the same command goes on with {plan.out}")
            raise
        finally:
            for slot in slots:
                slot.close()
    return missing


def _engines(plan: Plan, cpu: int) -> list[Settings]:
    tokenizer = str(plan.tokenizer.resolve())
    return [
        Settings(engine, tokenizer, plan.seconds, plan.memory, cpu, plan.writing) for engine in plan.engines
    ]


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
def _bar(total: int) -> Iterator[Progress]:
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
    with Bar(*columns, console=Console(stderr=True)) as bar:
        line = bar.add_task("", total=total, rate="")

        def step(engine: str, status: str) -> None:
            speed = bar.tasks[0].speed
            bar.update(line, advance=1, description=engine, rate=f"{speed:.1f}/s" if speed else "")

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
            _say(f"{done:,} of {total:,}, {rate:.1f}/s, {left:,.0f} s left")

    return step


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
