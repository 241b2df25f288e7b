"""The folder of a run: its settings, and one line for each engine and schema, written when it is known.

`run.json` says what was measured how; a folder is gone on with only under the same settings. `records.jsonl` grows by
whole lines, one write each, so that a driver killed at any moment leaves at most one line without its end, which
opening the folder again cuts off. Two drivers cannot write the same folder.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from treadle.errors import TreadleError

RECORDS, SETTINGS = "records.jsonl", "run.json"


class WrongRun(TreadleError):
    """A run's folder or file that cannot be read or gone on with: `folder`."""

    def __init__(self, folder: Path, why: str) -> None:
        self.folder = folder
        super().__init__(f"{folder}: {why}")


class Lines:
    """A file of JSON lines, open for writing by this process alone, and a file beside it that says how it was made."""

    def __init__(self, path: Path, about: Path, settings: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.about = about
        self.lock = Lock()
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            self._own()
            _same(about, settings)
            _cut_off_half_a_line(self.file)
            self.done = {self.key(row) for row in read(path)}
        except BaseException:
            os.close(self.file)
            raise

    def key(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """What a run must not do twice: an engine, and the id of a task."""
        return row["engine"], row["id"]

    def close(self) -> None:
        os.close(self.file)

    def append(self, record: Mapping[str, Any]) -> None:
        line = json.dumps(record).encode() + b"\n"
        with self.lock:
            written = os.write(self.file, line)
            if written != len(line):
                # The disk is full: half a line stays, and is cut off when the run goes on.
                raise WrongRun(self.path, f"only {written} of {len(line)} bytes of a record could be written")
            self.done.add(self.key(record))

    def note(self, more: Mapping[str, Any]) -> None:
        """Add to the file beside it what became known on the way, such as versions."""
        with self.lock:
            _write(self.about, {**json.loads(self.about.read_text("utf-8")), **more})

    def _own(self) -> None:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WrongRun(self.path, "another process is writing here") from None


class Records(Lines):
    """A run's folder."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        super().__init__(folder / RECORDS, folder / SETTINGS, settings)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file; a line without its end is not one yet."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield json.loads(line)
            except ValueError as error:
                raise WrongRun(path, f"line {number} is no record: {error}") from None


def read_run(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(settings, records) of a run, finished or not."""
    try:
        settings = json.loads((folder / SETTINGS).read_text("utf-8"))
        return settings, list(read(folder / RECORDS))
    except OSError as error:
        raise WrongRun(folder, f"not a run: {error.strerror}") from None
    except ValueError as error:
        raise WrongRun(folder, f"{SETTINGS} is not JSON: {error}") from None


def _same(path: Path, settings: Mapping[str, Any]) -> None:
    if not path.exists():
        _write(path, settings)
        return
    before = json.loads(path.read_text("utf-8"))
    for name, value in settings["fixed"].items():
        if before["fixed"].get(name) != value:
            raise WrongRun(
                path,
                f"a run with {name} {before['fixed'].get(name)!r}, not {value!r}: let the output go elsewhere",
            )
    _write(path, {**before, **settings})


def _write(path: Path, value: Mapping[str, Any]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(value, indent=1) + "\n", "utf-8")
    os.replace(temporary, path)


def _cut_off_half_a_line(file: int) -> None:
    size = os.fstat(file).st_size
    keep, step = size, 1 << 16
    while keep:
        begin = max(0, keep - step)
        end_of_line = os.pread(file, keep - begin, begin).rfind(b"\n")
        if end_of_line >= 0:
            keep = begin + end_of_line + 1
            break
        keep = begin
    if keep != size:
        os.ftruncate(file, keep)
