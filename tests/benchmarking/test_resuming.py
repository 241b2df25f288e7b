"""Whatever is killed, the records come out complete and none twice."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter

import pytest

from benchmarking.drivers import Bench, alive, children, wait_until

COUNT = 40
SLOW = {f"s{number}": {"x-do": "sleep 0.03"} for number in range(COUNT)}
EVERYTHING = Counter((engine, name) for engine in ("faulty:Faulty", "faulty:Peer") for name in SLOW)


@pytest.fixture
def slow(bench) -> Bench:
    bench.collection(SLOW, [1])
    return bench


def pairs(bench: Bench) -> Counter[tuple[str, str]]:
    return Counter((row["engine"], row["id"]) for row in bench.records())


def finish(bench: Bench) -> None:
    assert bench.run()[0] == 0
    assert pairs(bench) == EVERYTHING
    assert {row["status"] for row in bench.records()} == {"passed"}


def in_the_middle(bench: Bench) -> None:
    wait_until(lambda: len(bench.records()) > COUNT // 3)


def test_driver_killed(slow):
    with slow.start() as driver:
        in_the_middle(slow)
        hosts = children(driver.pid)
        family = [*hosts, *(worker for host in hosts for worker in children(host))]
        os.kill(driver.pid, signal.SIGKILL)
        driver.communicate()
    assert len(family) >= 4
    wait_until(lambda: not any(map(alive, family)))
    assert len(slow.records()) < len(EVERYTHING)
    with (slow.out / "records.jsonl").open("a") as file:
        file.write('{"engine": "faulty:Faulty", "id": "s39", "sta')  # as a full disk or a power cut leaves it
    finish(slow)


def test_driver_interrupted(slow):
    with slow.start() as driver:
        in_the_middle(slow)
        driver.send_signal(signal.SIGINT)
        _, err = driver.communicate()
    assert driver.returncode == 130
    assert "interrupted" in err
    assert len(slow.records()) < len(EVERYTHING)
    finish(slow)


@pytest.mark.parametrize("generation", ["host", "worker"])
def test_process_of_an_engine_killed(slow, generation):
    with slow.start() as driver:
        in_the_middle(slow)
        victim = children(driver.pid)[0]
        if generation == "worker":
            victim = wait_until(lambda: children(victim))[0]
        os.kill(victim, signal.SIGKILL)
        driver.communicate()
    assert driver.returncode == 0
    assert pairs(slow) == EVERYTHING
    assert {row["status"] for row in slow.records()} == {"passed"}


def test_engine_and_schemas_added_later(bench):
    bench.collection({"a": {}}, [1])
    bench.run(engines="faulty:Faulty")
    first = (bench.out / "records.jsonl").read_bytes()
    bench.collection({"a": {}, "b": {}}, [1])
    assert bench.run()[0] == 0
    assert (bench.out / "records.jsonl").read_bytes().startswith(first)
    assert pairs(bench) == Counter(
        (engine, name) for engine in ("faulty:Faulty", "faulty:Peer") for name in "ab"
    )


def test_other_settings_do_not_go_on_with_a_run(bench):
    bench.collection({"a": {}})
    bench.run()
    status, _, err = bench.run("--timeout", "7")
    assert status == 2
    assert "seconds 30.0, not 7.0" in err


def test_two_drivers_cannot_write_one_folder(slow):
    with slow.start() as driver:
        in_the_middle(slow)
        status, _, err = slow.run()
        driver.kill()
        driver.communicate()
    assert status == 2
    assert "another process is writing here" in err


def test_records_judge_catches_a_record_lost_or_doubled(slow):
    """Negative control: the comparison above sees what it is there for."""
    rows = [{"engine": engine, "id": name, "status": "passed"} for engine, name in EVERYTHING]
    slow.out.mkdir()
    for wrong in (rows[1:], [*rows, rows[0]]):
        (slow.out / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in wrong))
        assert pairs(slow) != EVERYTHING


def test_two_slots_share_the_schemas(slow):
    with slow.start("--workers", "2") as driver:
        in_the_middle(slow)
        assert len(children(driver.pid)) == 4
        driver.send_signal(signal.SIGINT)
        driver.communicate()
    assert driver.returncode == 130
    assert slow.run("--workers", "2")[0] == 0
    assert pairs(slow) == EVERYTHING
