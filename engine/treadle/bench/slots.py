"""The driver: engines take turns schema by schema, on one CPU a slot, and every answer is a record at once.

A slot is a thread with a `Place`, where a process for each engine lives. It takes the next schema and asks one engine
after the other, each schema beginning with another engine, so that none always finds the caches as its neighbour left
them. Schemas and engines that the file already has are left out, which is how a run goes on after any kind of end.
An engine's process that is lost is started again and asked once more; then the schema is booked as its crash.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from threading import Event, Lock, Thread
from typing import Any, Protocol

from treadle.bench.measuring import CRASH
from treadle.bench.processes import HostLost, Place

ATTEMPTS = 2
#: Called after each record with (engine, status).
Progress = Callable[[str, str], None]


class Asked(Protocol):
    """What a slot works on: a schema with instances, or a prompt."""

    @property
    def id(self) -> str: ...

    def to_json(self) -> str:
        """What the engine's process is sent, in one line."""

    def about(self) -> Mapping[str, Any]:
        """What the record says of the task itself."""


class Book(Protocol):
    """The file of a run."""

    @property
    def done(self) -> Container[tuple[str, str]]:
        """(engine, id) of the records that it has."""

    def append(self, record: Mapping[str, Any]) -> None: ...


class Slot:
    def __init__(self, place: Place, records: Book) -> None:
        self.place = place
        self.records = records
        #: What is missing: engine -> why.
        self.missing: dict[str, str] = {}
        self.versions: dict[str, str] = {}

    def greet(self) -> None:
        """Wait until all engines have loaded, or have said why not."""
        for engine, greeting in self.place.greetings().items():
            if "missing" in greeting:
                self.missing[engine] = greeting["missing"]
            else:
                self.versions[engine] = greeting["version"]

    def turn(self, task: Asked, first: int, stop: Event, progress: Progress) -> None:
        """All engines on one schema, beginning with the one at `first`."""
        engines = list(self.versions)
        line, about = task.to_json(), task.about()
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

    def _ask(self, engine: str, line: str, stop: Event) -> dict[str, Any] | None:
        for _ in range(ATTEMPTS):
            try:
                return self.place.ask(engine, line)
            except HostLost:
                if stop.is_set():
                    return None  # we ended it; the schema is measured when the run goes on
                self.place.renew(engine)
        return {"status": CRASH, "phase": "load", "why": "the process of the engine ended, twice"}


def run(tasks: Sequence[Asked], slots: Sequence[Slot], progress: Progress) -> None:
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
            slot.place.close()
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
    finally:
        # At once, not when all slots are through: one whose machine was lost may be waiting for this one's CPU.
        slot.place.close()


class _Queue:
    """Numbered tasks, for several threads."""

    def __init__(self, tasks: Sequence[Asked]) -> None:
        self.tasks = enumerate(tasks)
        self.lock = Lock()

    def __iter__(self) -> Iterator[tuple[int, Asked]]:
        while True:
            with self.lock:
                following = next(self.tasks, None)
            if following is None:
                return
            yield following
