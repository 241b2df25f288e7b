"""A driver in a process of its own, and looking at what it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ENGINE = HERE.parents[1] / "engine"
PATIENCE = 120.0


@dataclass(frozen=True)
class Bench:
    folder: Path
    tokenizer: Path

    @property
    def out(self) -> Path:
        return self.folder / "run"

    def collection(self, schemas: dict[str, Any], instances: Sequence[Any] = ()) -> None:
        tests = [{"valid": True, "data": data, "description": ""} for data in instances]
        lines = [
            json.dumps({"id": name, "schema": schema, "tests": tests}) for name, schema in schemas.items()
        ]
        (self.folder / "schemas.jsonl").write_text("\n".join(lines) + "\n")

    def command(self, *options: str, engines: str = "faulty:Faulty,faulty:Peer") -> list[str]:
        return [
            *(sys.executable, "-m", "treadle", "bench", "mask", "--engines", engines),
            *("--data", str(self.folder / "schemas.jsonl"), "--tokenizer", str(self.tokenizer)),
            *("--out", str(self.out), *options),
        ]

    def start(self, *options: str, **more: str) -> subprocess.Popen[str]:
        path = os.pathsep.join((str(ENGINE), str(HERE)))
        return subprocess.Popen(
            self.command(*options, **more),
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=heed_interrupts,  # noqa: PLW1509  # sets a handler and nothing else
        )

    def run(self, *options: str, **more: str) -> tuple[int, str, str]:
        with self.start(*options, **more) as process:
            out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def records(self) -> list[dict[str, Any]]:
        path = self.out / "records.jsonl"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    def statuses(self, engine: str = "faulty:Faulty") -> dict[str, str]:
        return {row["id"]: row["status"] for row in self.records() if row["engine"] == engine}


def heed_interrupts() -> None:
    """Whoever runs the tests in the background may have had them ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)
    return found


def children(pid: int) -> list[int]:
    """Processes that this one started and that still run (Linux)."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
