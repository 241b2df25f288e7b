"""The processes of a slot's engines, seen from whoever starts them: one process (`host`) for each engine.

`Here` keeps them on this machine; `cluster.There` has a Ray actor keep them on another. Both are a `Place`, and a slot
does not know which one it has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from treadle.bench.host import ONE_THREAD, Settings
from treadle.errors import TreadleError


class HostLost(TreadleError):
    """The process of an engine ended on its own: `engine`, and where its messages are."""

    def __init__(self, engine: str, log: Path | str) -> None:
        self.engine = engine
        self.log = log
        super().__init__(f"the process of {engine} ended; its messages are in {log}")


class Place(Protocol):
    """Where the engines of a slot live."""

    def launch(self) -> None:
        """Start all processes; they load side by side."""

    def greetings(self) -> dict[str, dict[str, Any]]:
        """Wait until every engine has loaded, or has said why not; those that have not are let go."""

    def ask(self, engine: str, task: str) -> dict[str, Any]:
        """The record of a task; raises HostLost where the process of the engine ended."""

    def renew(self, engine: str) -> None:
        """Start the process of an engine again, after HostLost."""

    def close(self) -> None:
        """End the processes, in the middle of a task too, from whichever thread."""


class Host:
    """The process of one engine."""

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


class Here:
    """Processes on this machine, their messages in files of a folder."""

    def __init__(self, engines: Sequence[Settings], logs: Path, number: int) -> None:
        self.settings = {settings.engine: settings for settings in engines}
        self.logs = logs
        self.number = number
        self.hosts: dict[str, Host] = {}

    def launch(self) -> None:
        for engine in self.settings:
            self.hosts[engine] = self._new_host(engine)

    def greetings(self) -> dict[str, dict[str, Any]]:
        found = {engine: host.greeting() for engine, host in self.hosts.items()}
        for engine, greeting in found.items():
            if "missing" in greeting:
                self.hosts.pop(engine).close()
        return found

    def ask(self, engine: str, task: str) -> dict[str, Any]:
        return self.hosts[engine].ask(task)

    def renew(self, engine: str) -> None:
        self.hosts[engine].close()
        self.hosts[engine] = self._new_host(engine)
        if "ready" not in self.hosts[engine].greeting():
            raise HostLost(engine, self.hosts[engine].log)

    def close(self) -> None:
        with suppress(KeyError):  # several threads may be at it
            while True:
                self.hosts.popitem()[1].close()

    def _new_host(self, engine: str) -> Host:
        return Host(self.settings[engine], self.logs / f"{engine.replace(':', '.')}.{self.number}.log")
