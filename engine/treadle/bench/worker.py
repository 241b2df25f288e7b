"""A forked process that serves one schema after the other and can be killed.

In: what answers a line (a function that the parent has already loaded everything for), limits. Out: an answer, or how
the process ended. Time is the worker's processor time, so that a busy machine takes nothing away from it (and six
times that by the clock, for a worker that sleeps); memory is what it may add to what its parent had when it forked.
Linux: fork, limits of address space, the processor clock of another process.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import resource
import select
import signal
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from treadle.bench.measuring import Note

#: Answers a task with a record, both as JSON without a newline; notes its phase meanwhile.
Serve = Callable[[str, Note], str]

READY = "ready"
#: Seconds that a worker may take to come up.
STARTING = 180.0
#: A worker gets this much more than the limit that it watches itself, before it is killed.
GRACE = 2.0
BY_THE_CLOCK = 6.0
POLL = 0.2

_PR_SET_PDEATHSIG = 1
_NOTE = struct.Struct("<id")


@dataclass(frozen=True, slots=True)
class Limits:
    #: Processor time for a schema.
    seconds: float
    #: Address space that a worker may add, GiB; 0 for no limit.
    memory: float


class Ended(NamedTuple):
    """A worker that gave no answer."""

    #: Whether we killed it because its time was up.
    timed_out: bool
    #: Minus the signal, or the exit status.
    status: int
    phase: int
    first_us: float

    @property
    def killed_from_outside(self) -> bool:
        return not self.timed_out and self.status == -signal.SIGKILL


class ParentGone(Exception):
    """Whoever asked us is gone; there is nobody to answer."""


class Worker:
    """`watch` is a descriptor that becomes readable when nobody waits for the answer any more."""

    def __init__(self, serve: Serve, prepare: Callable[[], None], limits: Limits, watch: int) -> None:
        self.limits = limits
        self.watch = watch
        self.notes = mmap.mmap(-1, _NOTE.size)
        self.rest = b""
        inward, self.to = os.pipe()
        self.back, outward = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.to)
            os.close(self.back)
            _live(serve, prepare, limits, self.notes, inward, outward, parent)
        os.close(inward)
        os.close(outward)
        if self._line(STARTING) != READY:
            ended = self.end(kill=True)
            raise RuntimeError(f"a worker did not come up: status {ended}")

    def ask(self, task: str) -> str | Ended:
        self.notes[:] = bytes(_NOTE.size)
        try:
            _write_all(self.to, task.encode() + b"\n")
            answer = self._line(self.limits.seconds + GRACE)
        except BrokenPipeError:
            answer = ""
        if answer:
            return answer
        status = self.end(kill=answer is None)
        return Ended(answer is None, status, *_NOTE.unpack(self.notes[:]))

    def end(self, *, kill: bool) -> int:
        """Let it go; minus the signal that ended it, or its exit status."""
        if kill:
            os.kill(self.pid, signal.SIGKILL)
        os.close(self.to)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.back)
        return os.waitstatus_to_exitcode(status)

    def _line(self, seconds: float) -> str | None:
        """A line; None when the time was up, "" when the worker died."""
        began, spent = time.monotonic(), self._processor_time()
        while b"\n" not in self.rest:
            readable, _, _ = select.select([self.back, self.watch], [], [], POLL)
            if self.watch in readable:
                self.end(kill=True)
                raise ParentGone
            if not readable:
                used = self._processor_time() - spent
                if used > seconds or time.monotonic() - began > BY_THE_CLOCK * seconds:
                    return None
                continue
            got = os.read(self.back, 1 << 20)
            if not got:
                return ""
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def _processor_time(self) -> float:
        try:
            # Linux numbers the processor clock of a process (~pid << 3) | 2; Python has no name for it.
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return 0.0  # it is dead, which its pipe will tell


def _live(
    serve: Serve,
    prepare: Callable[[], None],
    limits: Limits,
    notes: mmap.mmap,
    inward: int,
    outward: int,
    parent: int,
) -> None:
    """All that a worker does. Never returns: this is a copy of a process that has other things to do."""
    status = 1
    try:
        _die_with(parent)
        _limit_memory(limits.memory)
        prepare()
        _write_all(outward, READY.encode() + b"\n")
        with os.fdopen(inward, encoding="utf-8") as tasks:
            for task in tasks:
                answer = serve(task, lambda phase, first: _NOTE.pack_into(notes, 0, phase, first))
                _write_all(outward, answer.encode() + b"\n")
        status = 0
    except BrokenPipeError:
        status = 0
    except BaseException as error:  # noqa: BLE001  # a worker ends here, whatever happens
        sys.stderr.write(f"worker: {type(error).__name__}: {error}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)


def _die_with(parent: int) -> None:
    # Without this a worker that computes for ever survives a parent that was killed.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _limit_memory(gib: float) -> None:
    if gib:
        now = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
        most = now + int(gib * (1 << 30))
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def freeze() -> None:
    """Before workers are forked: what is there is nobody's garbage, and stays on shared pages."""
    gc.collect()
    gc.freeze()
