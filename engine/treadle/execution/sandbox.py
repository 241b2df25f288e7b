"""`Sandbox`: a Python program that nobody trusts, run in a process of its own with limits; what came of it.

    verdict = Sandbox().run("def f(x): return x + 1", ["assert f(1) == 2", "assert f(0) == 0"])
    verdict.score   # 0.5

The caller's half: starts the jail (jail.py), reads what it says under limits of its own, and leaves no process, file or
socket behind, whatever the program does. What ends before its tests are through scores 0.

Guaranteed by the kernel with isolation="namespaces", the default: no network; no other process to be seen or
signalled; no file outside of the working folder, which lies in memory and goes with the program, is changed; memory of
each process and of all together, number of processes, size of files and processor time are bounded; everything has
ended when `run` returns. Where the kernel refuses that, `run` raises UnsupportedFeature. isolation="process" has to be
asked for: limits and cleaning up stay, but a program of the same user could signal processes, write files and use the
network if it gets past the audit hook, which is a fence and no wall.

Files that are neither the interpreter's nor the program's own cannot be read where the kernel has Landlock (Linux 5.13,
switched on); where not, `Verdict.unconfined` says why, and what "nobody", or the caller if not root, may read is
readable, except for home and temporary folders.

Not guaranteed: that a program which looks for its own grader in the interpreter's memory cannot lie about its score.
Linux only.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from treadle.errors import InvalidConstraint, UnsupportedFeature

Isolation = Literal["namespaces", "process"]
Outcome = Literal["passed", "failed", "timeout", "memory", "refused", "crashed", "output"]
_JAIL = Path(__file__).with_name("jail.py")
_MEBIBYTE = 1 << 20
#: Seconds that the jail has for ending everything, on top of the program's.
_GRACE = 5.0

#: Modules that compute and touch nothing else. `sys` is among them because programs ask it for sys.maxsize.
COMPUTING = (
    "array", "bisect", "calendar", "cmath", "collections", "copy", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "hashlib", "heapq", "itertools", "json", "math", "numbers", "operator", "random", "re",
    "statistics", "string", "sys", "textwrap", "time", "typing", "unicodedata",
)  # fmt: skip
#: What those load only when a function is called.
_LATE = (
    "_strptime",
    "encodings.idna",
    "encodings.latin_1",
    "encodings.ascii",
    "linecache",
    "keyword",
    "colorsys",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use."""

    #: Of the clock, and of the processor.
    seconds: float = 5.0
    cpu_seconds: int = 4
    #: Address space of each process, what all hold in memory together (looked at every 0.1 s), and what the working
    #: folder holds.
    memory: int = 512 * _MEBIBYTE
    disk: int = 16 * _MEBIBYTE
    #: Processes and threads, and open files of each.
    processes: int = 8
    files: int = 64
    #: Bytes of output that are read.
    output: int = _MEBIBYTE

    def __post_init__(self) -> None:
        for name in ("seconds", "cpu_seconds", "memory", "disk", "processes", "files", "output"):
            if not getattr(self, name) > 0:
                raise InvalidConstraint(
                    f"{name} is out of range", found=str(getattr(self, name)), expected="a number above 0"
                )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a program."""

    outcome: Outcome
    #: For each test whether it passed; empty where it did not come to that.
    passed: tuple[bool, ...] = ()
    #: How many tests there were.
    tests: int = 0
    #: The first thing that went wrong.
    trouble: str = ""
    #: What it wrote to standard output and error.
    output: str = ""
    seconds: float = 0.0
    #: Why the program could read files that are neither its own nor the interpreter's; empty: it could not.
    unconfined: str = ""

    @property
    def score(self) -> float:
        """The share of tests passed; without tests, whether it ran through."""
        if self.outcome not in ("passed", "failed"):
            return 0.0
        return sum(self.passed) / self.tests if self.tests else float(self.outcome == "passed")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs programs, one process each."""

    limits: Limits = field(default_factory=Limits)
    isolation: Isolation = "namespaces"
    #: Modules that a program may import; None: all that the interpreter finds.
    imports: tuple[str, ...] | None = COMPUTING
    #: Whether the audit hook ends a program that tries what the walls would refuse.
    fence: bool = True

    def __post_init__(self) -> None:
        if self.isolation not in ("namespaces", "process"):
            raise InvalidConstraint(
                "no such isolation", found=repr(self.isolation), expected="'namespaces' or 'process'"
            )

    def run(self, program: str, tests: Sequence[str] = ()) -> Verdict:
        """Execute the program, then each test (statements that raise if it fails) where the program left off."""
        _check_platform()
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="treadle-", ignore_cleanup_errors=True) as work:
            nonce = secrets.token_hex(16)
            ended = _Jailed(self._order(program, tests, work, nonce), self.limits).run()
        verdict = _verdict(ended, nonce, tests)
        unconfined = str(_said(ended.result).get("unconfined", ""))
        return Verdict(
            *verdict, output=ended.output, seconds=time.perf_counter() - started, unconfined=unconfined
        )

    def _order(self, program: str, tests: Sequence[str], work: str, nonce: str) -> dict[str, Any]:
        limits = self.limits
        own = [path for path in sys.path if path and Path(path).is_dir()]
        return {
            "program": program,
            "tests": list(tests),
            "nonce": nonce,
            "caller": os.getpid(),
            "work": os.path.realpath(work),
            "isolation": self.isolation,
            "imports": self.imports,
            "preload": [*(self.imports or ()), *_LATE],
            # The standard library is found without; the rest is needed only for modules of others.
            "paths": [] if self.imports is not None and set(self.imports) <= sys.stdlib_module_names else own,
            "fence": self.fence,
            "seconds": limits.seconds,
            "cpu": limits.cpu_seconds,
            "memory": limits.memory,
            "disk": limits.disk,
            "processes": limits.processes,
            "files": limits.files,
        }


@dataclass(frozen=True, slots=True)
class _Ended:
    """What the jail left."""

    code: int
    result: bytes
    output: str
    flooded: bool


class _Jailed:
    """One jail: started, read under limits, ended."""

    def __init__(self, order: dict[str, Any], limits: Limits) -> None:
        self.order = json.dumps(order).encode()
        self.limits = limits
        self.parts: dict[str, bytearray] = {"output": bytearray(), "result": bytearray()}
        self.flooded = False

    def run(self) -> _Ended:
        reading, writing = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", str(_JAIL), str(writing)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(writing,),
                start_new_session=True,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        try:
            self._read(process, reading)
        except BaseException:
            # An interrupt: nobody waits for the program any more.
            process.terminate()
            raise
        finally:
            os.close(reading)
            self._end(process)
        output = self.parts["output"].decode("utf-8", "replace")
        return _Ended(process.returncode, bytes(self.parts["result"]), output, self.flooded)

    def _read(self, process: subprocess.Popen[bytes], reading: int) -> None:
        """Hand the order over and collect what comes, until both ends are closed or the time is up."""
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(self.order)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        deadline = time.monotonic() + self.limits.seconds + _GRACE
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, "output")
            selector.register(reading, selectors.EVENT_READ, "result")
            while selector.get_map() and not self.flooded and (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        selector.unregister(key.fileobj)
                    self._take(key.data, data)

    def _take(self, name: str, data: bytes) -> None:
        part = self.parts[name]
        part += data
        # A jail that floods either pipe is ended at once.
        self.flooded = self.flooded or len(part) > self.limits.output
        del part[self.limits.output :]

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """The keeper ends all that it has started; if it does not, the kernel does at the keeper's own end."""
        if self.flooded and process.poll() is None:
            process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        assert process.stdout is not None
        process.stdout.close()


def _verdict(ended: _Ended, nonce: str, tests: Sequence[str]) -> tuple[Outcome, tuple[bool, ...], int, str]:
    """(outcome, passed, number of tests, trouble)"""
    from treadle.execution.jail import NO_WALL, TIMED_OUT, TOO_MUCH_MEMORY  # which loads on Linux only

    said = _said(ended.result)
    if ended.code == NO_WALL and "wall" in said:
        raise UnsupportedFeature(
            "the kernel does not let this process build a sandbox",
            found=str(said["wall"]),
            expected="unprivileged user namespaces, or isolation='process', which is weaker",
        )
    count = len(tests)
    if ended.flooded:
        return "output", (), count, "too much output"
    if ended.code == TOO_MUCH_MEMORY:
        return "memory", (), count, "all processes together held too much memory"
    if ended.code == TIMED_OUT:
        return "timeout", (), count, "out of time"
    if ended.code == 128 + signal.SIGXCPU:
        return "timeout", (), count, "out of processor time"
    if said.get("nonce") != nonce:
        return "crashed", (), count, f"ended without a verdict, exit status {ended.code}"
    if "refused" in said:
        return "refused", (), count, str(said["refused"])
    passed, trouble = tuple(map(bool, said["passed"])), str(said["trouble"])
    if trouble.startswith("MemoryError"):
        return "memory", passed, count, trouble
    return ("failed" if trouble else "passed"), passed, count, trouble


def _said(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _check_platform() -> None:
    if not sys.platform.startswith("linux"):
        raise UnsupportedFeature(
            "programs are executed on Linux only", found=sys.platform, expected="namespaces of Linux"
        )
