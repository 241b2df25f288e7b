"""A slot's engines on a Ray cluster that is already running: an actor for each slot, whose processes are as here.

In: the address of the cluster, settings of engines. Out: a `Place` that asks an actor. The driver stays where it was
started and writes every record to its own file when it comes, so that a run on a cluster has the same records, and
goes on in the same way, as one on this machine. An actor takes one CPU as Ray counts, and keeps its processes on one
that no other actor of its machine has. An actor that is lost (killed, or its machine gone) is nobody's crash: another
one is made, wherever there is room, and the schema is asked again; only the loss of `LOSSES` actors in a row over one
schema ends the run, which can be gone on with. Actors end with their driver, and their processes with them.
Every machine needs treadle, and data, model and tokenizer under the same paths.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from treadle.bench.host import Settings
from treadle.bench.processes import Here, HostLost
from treadle.errors import TreadleError

#: Actors that may be lost over one schema before the run is given up.
LOSSES = 5
#: Seconds to wait for a cluster's address to answer.
KNOCKING = 20.0
#: What actors are told as the driver was: where to find treadle, and that nothing is to be fetched.
PASSED_ON = ("PYTHONPATH", "HF_HUB_OFFLINE", "HF_HOME", "NUMBA_CACHE_DIR")


class NoCluster(TreadleError):
    """A cluster that cannot be used: `address`, `reason`."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = " ".join(reason.split())
        super().__init__(f"Ray cluster {address}: {self.reason}")


class Keeper:
    """What an actor is: keeps the processes of a slot on its machine."""

    def __init__(self, engines: Sequence[Settings]) -> None:
        self.logs = Path(tempfile.mkdtemp(prefix="treadle-bench-"))
        cpu, self.claim = _claim_a_cpu()
        self.here = Here([replace(settings, cpu=cpu) for settings in engines], self.logs, 0)
        self.here.launch()

    def greetings(self) -> dict[str, dict[str, Any]]:
        return self.here.greetings()

    def ask(self, engine: str, task: str) -> dict[str, Any]:
        """`{"lost": log}` where the engine's process ended: exceptions with fields do not travel well."""
        try:
            return self.here.ask(engine, task)
        except HostLost:
            return {"lost": f"{os.uname().nodename}:{self.logs}"}

    def renew(self, engine: str) -> None:
        self.here.renew(engine)


class There:
    """The actor of a slot, seen from the driver."""

    def __init__(self, engines: Sequence[Settings]) -> None:
        self.engines = engines
        self.actor: Any = None
        self.closed = False

    def launch(self) -> None:
        import ray

        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        kept = ray.remote(Keeper).options(
            num_cpus=1, max_restarts=0, scheduling_strategy="SPREAD", runtime_env={"env_vars": passed}
        )
        self.actor = kept.remote(self.engines)

    def greetings(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self._insist("greetings")
        return found

    def ask(self, engine: str, task: str) -> dict[str, Any]:
        record: dict[str, Any] = self._insist("ask", engine, task)
        if "lost" in record:
            raise HostLost(engine, record["lost"])
        return record

    def renew(self, engine: str) -> None:
        self._insist("renew", engine)

    def close(self) -> None:
        import ray

        self.closed = True
        if self.actor is not None:
            with suppress(ValueError, RuntimeError):
                ray.kill(self.actor)

    def _insist(self, method: str, *arguments: Any) -> Any:
        """Ask the actor, and a new one for each that is lost meanwhile."""
        import ray

        why = ""
        for loss in range(LOSSES):
            try:
                if loss:
                    self.launch()
                    greetings = ray.get(self.actor.greetings.remote())
                    if method == "greetings":
                        return greetings
                return ray.get(getattr(self.actor, method).remote(*arguments))
            except ray.exceptions.RayActorError as error:
                if self.closed:
                    raise HostLost("an actor", "the cluster") from None
                why = str(error)
            except ray.exceptions.RayTaskError as error:
                raise NoCluster("", f"an actor failed: {error.cause}") from None
        raise NoCluster("", f"{LOSSES} actors were lost in a row over one schema: {why}")


def connect(address: str, slots: int) -> None:
    """Make this process a driver of the cluster."""
    try:
        import ray
    except ImportError:
        raise NoCluster(address, "needs the package ray (pip install 'treadle[bench]')") from None
    _knock(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, namespace="treadle")
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise NoCluster(address, f"cannot be reached: {error}; `ray start --head` starts one") from None
    resources: Any = ray.cluster_resources  # has no types
    room = int(resources().get("CPU", 0))
    if slots > room:
        disconnect()
        raise NoCluster(address, f"has {room} CPUs, and --workers asks for {slots} slots of one CPU each")


def _knock(address: str) -> None:
    """Ray itself waits for minutes where nobody listens."""
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), KNOCKING).close()
    except OSError as error:
        raise NoCluster(address, f"cannot be reached: {error}") from None


def disconnect() -> None:
    import ray

    ray.shutdown()


def _claim_a_cpu() -> tuple[int, TextIO | None]:
    """A CPU that no other actor of this machine has, and the locked file that says so; (-1, None) if all are taken."""
    for cpu in sorted(os.sched_getaffinity(0), reverse=True):
        claim = (Path(tempfile.gettempdir()) / f"treadle-bench-{os.getuid()}-cpu{cpu}.lock").open("w")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            claim.close()
        else:
            return cpu, claim
    return -1, None
