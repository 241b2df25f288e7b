"""`treadle tune` interrupted by Ctrl-C and begun again: the same best configuration as in one go."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from decoding.tuning_toys import SPACE
from treadle.tuning import Configuration

pytest.importorskip("optuna")

SCRIPT = """
import time
from decoding.tuning_toys import SPACE, toy_task, worth

def slow(example, text):
    time.sleep({pause})
    return worth(example, text)

task = toy_task(metric=slow)
"""


def command(folder: Path, *more: str) -> subprocess.Popen[str]:
    space = folder / "space.json"
    space.write_text(json.dumps(SPACE.to_dict()))
    line = [
        sys.executable,
        "-m",
        "treadle",
        "tune",
        "task.py:task",
        "--space",
        "space.json",
        "--trials",
        "10",
        *more,
    ]
    tests = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent / "engine")])}
    return subprocess.Popen(
        line, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finished_trials(study: Path) -> int:
    """How many trials the file of a study that another process is at work on holds."""
    try:
        with closing(sqlite3.connect(f"file:{study}?mode=ro", uri=True)) as known:
            return int(known.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'").fetchone()[0])
    except sqlite3.Error:  # not there, without its tables, or being written
        return 0


@pytest.mark.slow
def test_ctrl_c_on_the_command_line(tmp_path):
    results = []
    for name in ("whole", "cut"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "task.py").write_text(SCRIPT.format(pause=0.0 if name == "whole" else 0.02))
        if name == "cut":
            running = command(folder, "--study", "study.sqlite")
            deadline = time.monotonic() + 120
            while finished_trials(folder / "study.sqlite") < 1 and time.monotonic() < deadline:
                time.sleep(0.1)
            running.send_signal(signal.SIGINT)
            _, errors = running.communicate(timeout=60)
            assert running.returncode == 130 and "again" in errors, errors
        ended = command(
            folder, "--study", "study.sqlite", "--out", "tuned.json", "--configuration", "best.json"
        )
        _, errors = ended.communicate(timeout=120)
        assert ended.returncode == 0, errors
        results.append((Configuration.load(folder / "best.json"), (folder / "tuned.json").read_text()))
    assert results[0] == results[1]
