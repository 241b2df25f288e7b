"""The driver: engines take turns schema by schema, on one CPU a slot, and every answer is a record at once.

A slot is a thread with a process for each engine. It takes the next schema and asks one engine after the other, each
schema beginning with another engine, so that none always finds the caches as its neighbour left them. Schemas and
engines that the folder already has are left out, which is how a run goes on after any kind of end.
An engine's process that is lost is started again and asked once more; then the schema is booked as its crash.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from treadle.bench.host import ONE_THREAD, Settings
from treadle.bench.keywords import keywords_of
from treadle.bench.records import Records
from treadle.bench.tasks import Task
from treadle.errors import TreadleError

ATTEMPTS = 2
#: Called after each record with (engine, status).
Progress = Callable[[str, str], None]


class HostLost(TreadleError):
    """The process of an engine ended on its own: `engine`, and where its messages are."""

    def __init__(self, engine: str, log: Path) -> None:
        self.engine = engine
        self.log = log
        super().__init__(f"the process of {engine} ended; its messages are in {log}")


class Host:
    """The process of one engine, seen from the driver."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.engine = settings.engine
        self.log = log
        environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
        with log.open("ab") as messages:
            self.process = subprocess.Popen(  # our own interpreter and module
                [sys.executable, "-m", "treadle.bench.host"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                env=environment,
                # Ctrl-C in a terminal is for the driver alone.
                start_new_session=True,
            )
        self._send(json.dumps(asdict(settings)))

    def greeting(self) -> dict[str, Any]:
        return dict(json.loads(self._receive()))

    def ask(self, task: str) -> dict[str, Any]:
        self._send(task)
        return dict(json.loads(self._receive()))

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def _send(self, line: str) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise HostLost(self.engine, self.log) from None

    def _receive(self) -> bytes:
        assert self.process.stdout
        try:
            line = self.process.stdout.readline()
        except ValueError:  # closed by another thread, which stops the run
            line = b""
        if not line.endswith(b"\n"):
            raise HostLost(self.engine, self.log)
        return line


class Slot:
    """One CPU and a process there for each engine."""

    def __init__(self, engines: Sequence[Settings], records: Records, number: int) -> None:
        self.records = records
        self.number = number
        self.settings = {settings.engine: settings for settings in engines}
        self.hosts: dict[str, Host] = {}
        #: What is missing: engine -> why.
        self.missing: dict[str, str] = {}
        self.versions: dict[str, str] = {}

    def launch(self) -> None:
        """Start all processes; they load side by side."""
        for engine in self.settings:
            self.hosts[engine] = self._new_host(engine)

    def greet(self) -> None:
        """Wait until all of them have loaded their engine, or said why not."""
        for engine in list(self.hosts):
            greeting = self.hosts[engine].greeting()
            if "missing" in greeting:
                self.missing[engine] = greeting["missing"]
                self.hosts.pop(engine).close()
            else:
                self.versions[engine] = greeting["version"]

    def turn(self, task: Task, first: int, stop: Event, progress: Progress) -> None:
        """All engines on one schema, beginning with the one at `first`."""
        engines = list(self.hosts)
        line = task.to_json()
        about = {"id": task.id, "split": task.split, "keywords": sorted(keywords_of(task.schema))}
        for offset in range(len(engines)):
            engine = engines[(first + offset) % len(engines)]
            if stop.is_set():
                return
            if (engine, task.id) in self.records.done:
                continue
            record = self._ask(engine, line, stop)
            if record is not None:
                self.records.append({"engine": engine, **about, **record})
                progress(engine, record["status"])

    def close(self) -> None:
        while self.hosts:
            self.hosts.popitem()[1].close()

    def _ask(self, engine: str, line: str, stop: Event) -> dict[str, Any] | None:
        for attempt in range(ATTEMPTS):
            try:
                return self.hosts[engine].ask(line)
            except HostLost:
                if stop.is_set():
                    return None  # we ended it; the schema is measured when the run goes on
                self.hosts[engine].close()
                self.hosts[engine] = self._new_host(engine)
                if "ready" not in self.hosts[engine].greeting():
                    raise
                if attempt + 1 == ATTEMPTS:
                    break
        return {"status": "crash", "phase": "load", "why": "the process of the engine ended, twice"}

    def _new_host(self, engine: str) -> Host:
        return Host(
            self.settings[engine], self.records.folder / f"{engine.replace(':', '.')}.{self.number}.log"
        )


def run(tasks: Sequence[Task], slots: Sequence[Slot], progress: Progress) -> None:
    """Measure everything that is not measured yet. Ctrl-C ends the processes and leaves a run that goes on later."""
    stop = Event()
    errors: list[BaseException] = []
    queue = _Queue(tasks)
    threads = [
        Thread(target=_work, args=(slot, queue, stop, progress, errors), daemon=True) for slot in slots
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)  # a join without an end would not hear Ctrl-C
    except BaseException:
        stop.set()
        raise
    finally:
        stop.set()
        for slot in slots:
            slot.close()
    if errors:
        raise errors[0]


def _work(slot: Slot, queue: _Queue, stop: Event, progress: Progress, errors: list[BaseException]) -> None:
    try:
        for number, task in queue:
            slot.turn(task, number, stop, progress)
            if stop.is_set():
                return
    except BaseException as error:  # noqa: BLE001  # raised again by the thread that waits
        errors.append(error)
        stop.set()


class _Queue:
    """Numbered tasks, for several threads."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = enumerate(tasks)
        self.lock = Lock()

    def __iter__(self) -> Iterator[tuple[int, Task]]:
        while True:
            with self.lock:
                following = next(self.tasks, None)
            if following is None:
                return
            yield following
