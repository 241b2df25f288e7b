"""Slots on a Ray cluster of two nodes, both on this machine: the records of a run here; whoever is killed, complete."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from benchmarking.drivers import ENGINE, HERE, PATIENCE, Bench, alive, children, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="ray is missing (pip install 'treadle[bench]')"
    ),
]

COUNT = 40
SLOW = {f"s{number}": {"x-do": "sleep 0.05"} for number in range(COUNT)}
EVERYTHING = Counter((engine, name) for engine in ("faulty:Faulty", "faulty:Peer") for name in SLOW)
STARTED = "Ray runtime started"
ATTEMPTS = 4
PORT = 20000 + os.getpid() % 20000


def descendants(pid: int) -> list[int]:
    below = children(pid)
    return [*below, *(inner for child in below for inner in descendants(child))]


class Cluster:
    """A head node and a worker node, each a process that stays in the foreground."""

    def __init__(self, folder: Path) -> None:
        self.address = f"127.0.0.1:{PORT}"
        self.folder = folder
        # A socket's path must be short, and pytest's folders are not.
        self.head = self._node(
            "head", "--head", "--include-dashboard=false", f"--port={PORT}", f"--temp-dir={folder}"
        )
        try:
            self.other = self._other()
        except BaseException:
            self._end([self.head])
            raise

    def repair(self) -> None:
        if self.other.poll() is not None:
            self.other = self._other()

    def lose_a_node(self) -> None:
        family = [self.other.pid, *descendants(self.other.pid)]
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        self.other.wait()
        wait_until(lambda: not any(map(alive, family)))

    def actors(self) -> list[int]:
        return [pid for pid in descendants(self.head.pid) + descendants(self.other.pid) if is_actor(pid)]

    def close(self) -> None:
        self._end([self.other, self.head])

    def _end(self, nodes: list[subprocess.Popen[bytes]]) -> None:
        family = [inner for node in nodes for inner in [node.pid, *descendants(node.pid)]]
        for node in nodes:
            node.terminate()
            with suppress(subprocess.TimeoutExpired):
                node.wait(30)
        for node in nodes:
            with suppress(ProcessLookupError):
                os.killpg(node.pid, signal.SIGKILL)
            node.wait()
        for pid in filter(alive, family):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(map(alive, family)))

    def _other(self) -> subprocess.Popen[bytes]:
        return self._node("other", f"--address={self.address}")

    def _node(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        """On a busy machine Ray gives up after fixed waits of 15 and 30 seconds: then once more."""
        for _ in range(ATTEMPTS):
            path = self.folder / f"{name}.log"
            node = self._start(path, *options)
            with suppress(AssertionError):
                wait_until(
                    lambda path=path, node=node: STARTED in path.read_text() or node.poll() is not None
                )
            if node.poll() is None and STARTED in path.read_text():
                return node
            with suppress(ProcessLookupError):
                os.killpg(node.pid, signal.SIGKILL)  # what it started is in its session, and outlives it
            node.wait()
        pytest.skip(f"Ray does not start here: {path.read_text()[-500:]}")

    def _start(self, path: Path, *options: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ENGINE), str(HERE))),
            "RAY_raylet_start_wait_time_s": "60",
        }
        with path.open("wb") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"),
                    *("--object-store-memory=80000000", "--disable-usage-stats"),
                    *fewest_processes(),
                    *("--node-ip-address=127.0.0.1", *options),
                ],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@cache
def fewest_processes() -> tuple[str, ...]:
    """The options against what no test needs, as far as this Ray knows them (2.40 has no --include-log-monitor)."""
    asked = [sys.executable, "-m", "ray.scripts.scripts", "start", "--help"]
    known = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return tuple(o for o in ("--no-monitor", "--include-log-monitor=false") if o.partition("=")[0] in known)


def is_actor(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::Keeper")
    except OSError:
        return False


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder))
        try:
            yield cluster
        finally:
            cluster.close()


@pytest.fixture
def cluster(two_nodes) -> Cluster:
    two_nodes.repair()
    return two_nodes


@pytest.fixture
def slow(bench) -> Bench:
    bench.collection(SLOW, [1])
    return bench


def on(cluster: Cluster) -> list[str]:
    return ["--ray", "--ray-address", cluster.address, "--workers", "2"]


def pairs(bench: Bench) -> Counter[tuple[str, str]]:
    return Counter((row["engine"], row["id"]) for row in bench.records())


def in_the_middle(bench: Bench) -> None:
    wait_until(lambda: len(bench.records()) > COUNT // 3)


def complete(bench: Bench) -> None:
    assert pairs(bench) == EVERYTHING
    assert {row["status"] for row in bench.records()} == {"passed"}


def untimed(bench: Bench) -> dict[tuple[str, str], dict[str, object]]:
    """Records without what no two runs have in common."""
    varying = {"mask_us", "accept_us", "compile_us", "first_us", "refused_us", "wall_s", "cpu_s", "rss_mb"}
    return {
        (row["engine"], row["id"]): {name: value for name, value in row.items() if name not in varying}
        for row in bench.records()
    }


def test_same_records_as_here(cluster, bench):
    bench.collection(
        {**{f"s{number}": {} for number in range(8)}, "no": {"x-do": "refuse"}, "crash": {"x-do": "crash"}},
        [1, "a"],
    )
    status, _, err = bench.run(*on(cluster))
    assert status == 0, err
    there = untimed(bench)
    shutil.rmtree(bench.out)
    assert bench.run()[0] == 0
    assert there == untimed(bench)
    assert len(there) == 20


@pytest.mark.parametrize("generation", ["actor", "host", "worker", "node"])
def test_something_killed(cluster, slow, generation):
    with slow.start(*on(cluster)) as driver:
        in_the_middle(slow)
        actors = cluster.actors()
        assert len(actors) == 2
        victim = actors[-1]
        if generation == "node":
            cluster.lose_a_node()
        else:
            for _ in range(["actor", "host", "worker"].index(generation)):
                victim = wait_until(lambda above=victim: children(above))[0]
            os.kill(victim, signal.SIGKILL)
        _, err = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 0, err
    complete(slow)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_driver_ended(cluster, slow, ending):
    with slow.start(*on(cluster)) as driver:
        in_the_middle(slow)
        family = [pid for actor in cluster.actors() for pid in (actor, *descendants(actor))]
        driver.send_signal(ending)
        driver.communicate()
    assert len(family) >= 6
    wait_until(lambda: not any(map(alive, family)))
    assert len(slow.records()) < len(EVERYTHING)
    status, _, err = slow.run(*on(cluster))
    assert status == 0, err
    complete(slow)


@pytest.mark.model
def test_prompts_have_the_same_answers_as_here(cluster, tmp_path):
    lines = [{"id": f"p{n}", "prompt": f"Word {n}:", "regex": "[a-z]{3,6}"} for n in range(4)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def answers(name: str, *options: str) -> dict[str, tuple[str, str]]:
        command = [sys.executable, "-m", "treadle", "generate", "--input", "in.jsonl", "--output", name]
        subprocess.run(
            [*command, "--max-tokens", "8", "--temperature", "1", "--seed", "5", *options],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ENGINE)},
            check=True,
            timeout=3 * PATIENCE,
        )
        rows = [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        return {row["id"]: (row["status"], row["text"]) for row in rows}

    there = answers("there.jsonl", *on(cluster))
    assert there == answers("here.jsonl")
    assert len(there) == len(lines)


def test_more_slots_than_the_cluster_has_room_for(cluster, slow):
    status, _, err = slow.run(*on(cluster)[:-1], "9")
    assert status == 2
    assert "--workers asks for 9 slots" in err


def test_no_cluster_there(slow):
    status, _, err = slow.run("--ray", "--ray-address", "127.0.0.1:9")
    assert status == 2
    assert "cannot be reached" in err
