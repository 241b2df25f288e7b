"""The process of one engine: loads it once, forks a worker, hands tasks on and books what goes wrong.

In, on standard input: a line of settings, then a task a line. Out, on what was standard output: `{"ready": ...}` or
`{"missing": ...}`, then a record a line. An engine that prints does so on standard error.
A worker that somebody else killed (an operator, the kernel short of memory) is replaced and asked once more; the
second time, like any other crash, it is the engine's. When standard input ends, so does this process, in the middle of
a task too.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, TextIO

#: Engines run on one thread: they are compared, and each has one CPU.
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
ATTEMPTS = 2
STANDARD_INPUT = 0
#: A task as JSON, and what to tell phases to; the record.
Job = Callable[[str, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Settings:
    engine: str
    tokenizer: str
    seconds: float
    memory: float
    #: CPU to stay on, -1 for any.
    cpu: int = -1
    #: Arguments of `Writing` and the model's name, where a model is to write; else None.
    writing: dict[str, Any] | None = None
    #: Fields of `Answering` where prompts are answered instead of schemas measured, else None.
    answering: dict[str, Any] | None = None


class Loaded(NamedTuple):
    job: Job
    #: What a worker does first.
    prepare: Callable[[], None]
    version: str


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver, which then closes our input
    answers = _answers_to_whom_it_concerns()
    tasks = _lines(STANDARD_INPUT)
    settings = Settings(**json.loads(next(tasks)))
    _be_alone(settings.cpu)
    with suppress(BrokenPipeError):
        _serve(settings, tasks, answers)
    return 0


def _answers_to_whom_it_concerns() -> TextIO:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _lines(descriptor: int) -> Iterator[str]:
    """Lines of a pipe.

    The driver waits for each answer, so nothing lies in a buffer between lines, and what makes the pipe readable while
    a worker computes is its end.
    """
    rest = b""
    while got := os.read(descriptor, 1 << 20):
        rest += got
        while b"\n" in rest:
            line, rest = rest.split(b"\n", 1)
            yield line.decode()


def _be_alone(cpu: int) -> None:
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    os.environ.update(TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})


def _serve(settings: Settings, tasks: Iterator[str], answers: TextIO) -> None:
    from treadle.bench.adapters import EngineMissing
    from treadle.bench.worker import Limits, ParentGone, Worker, freeze

    def say(answer: str) -> None:
        answers.write(answer + "\n")
        answers.flush()

    began = time.perf_counter()
    try:
        engine = _answerer(settings) if settings.answering else _measurer(settings)
    except EngineMissing as error:
        say(json.dumps({"missing": str(error)}))
        return
    except Exception as error:  # noqa: BLE001  # a peer that does not load is left out of the run, not the end of it
        why = " ".join(str(error).split())
        say(json.dumps({"missing": f"{settings.engine} does not load: {type(error).__name__}: {why}"}))
        return
    freeze()
    limits = Limits(settings.seconds, settings.memory)

    def new_worker() -> Worker:
        return Worker(
            lambda task, note: _answer(engine.job, task, note), engine.prepare, limits, watch=STANDARD_INPUT
        )

    worker = new_worker()
    loaded = round(time.perf_counter() - began, 1)
    say(json.dumps({"ready": settings.engine, "version": engine.version, "load_s": loaded}))
    try:
        for task in tasks:
            answer, worker = _ask(worker, new_worker, task)
            say(answer)
    except ParentGone:
        return
    worker.end(kill=False)


def _ask(worker: Any, new_worker: Callable[[], Any], task: str) -> tuple[str, Any]:
    """The record of a task, and the worker for the next one."""
    from treadle.bench.measuring import CRASH, PHASES, TIMEOUT

    for attempt in range(ATTEMPTS):
        answer = worker.ask(task)
        if isinstance(answer, str):
            return answer, worker
        worker = new_worker()
        if not (answer.killed_from_outside and attempt + 1 < ATTEMPTS):
            break
    record: dict[str, Any] = {"status": TIMEOUT if answer.timed_out else CRASH, "phase": PHASES[answer.phase]}
    if answer.first_us:
        record["first_us"] = round(answer.first_us, 1)
    if not answer.timed_out:
        record["exit"] = answer.status
    return json.dumps(record), worker


def _measurer(settings: Settings) -> Loaded:
    """An engine of `adapters`: masks alone, or a model that writes under them."""
    from treadle.bench.adapters import load, version_of
    from treadle.bench.measuring import measure, warm_up
    from treadle.bench.tasks import Task
    from treadle.bench.tokenizer_folder import TokenizerFolder

    tokenizer = TokenizerFolder(settings.tokenizer)
    engine = load(settings.engine, tokenizer)
    encode = tokenizer.encode
    version = version_of(settings.engine)

    def prepare() -> None:
        warm_up(engine, encode)

    if settings.writing is None:
        prepare()
        return Loaded(
            lambda line, note: measure(engine, encode, Task.from_json(line), settings.seconds, note),
            prepare,
            version,
        )
    from treadle.bench.writing import Writing, write_and_measure

    options = dict(settings.writing)
    model = _model(options.pop("model"))
    writing = Writing(**options)
    prepare()
    return Loaded(
        lambda line, note: write_and_measure(
            engine, encode, Task.from_json(line), settings.seconds, note, model, writing
        ),
        prepare,
        version,
    )


def _answerer(settings: Settings) -> Loaded:
    """treadle itself, for prompts."""
    from treadle import __version__
    from treadle.bench.answering import Answering, answer

    assert settings.answering is not None
    answering = Answering(**settings.answering)
    model = _model(answering.model)
    return Loaded(lambda line, note: answer(line, model, answering), lambda: None, __version__)


def _model(name: str | None) -> Any:
    import torch

    from treadle.integrations.models import load as load_model

    torch.set_num_threads(1)
    return load_model(name)


def _answer(job: Job, line: str, note: Any) -> str:
    """What a worker does with a task."""
    from treadle.bench.measuring import CRASH, PHASES

    wall, processor = time.perf_counter(), time.process_time()
    reached = [0]

    def noted(phase: int, first: float) -> None:
        reached[0] = phase
        note(phase, first)

    try:
        record = job(line, noted)
    except MemoryError:
        record = {"status": CRASH, "phase": PHASES[reached[0]], "why": "MemoryError"}
    record["wall_s"] = round(time.perf_counter() - wall, 4)
    record["cpu_s"] = round(time.process_time() - processor, 4)
    record["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return json.dumps(record)


if __name__ == "__main__":
    sys.exit(main())
