"""Where treadle keeps what it can compute again: a folder per user, atomic writes into it, and reads that map files.

`TREADLE_CACHE` names the folder; unset, it is the platform's cache directory. An install that cannot write there
works all the same: `store` reports False and nothing is remembered.

A file is a line of JSON (names, types, shapes, offsets, total size) and then the arrays, each at a multiple of 64.
Reading one maps it into memory (copy on write): a start pays for the pages that it touches, and processes share them.
Leaves out: eviction by age; what replaces an entry under a new name removes the old one (`store(..., instead_of=)`).
"""

from __future__ import annotations

import json
import mmap
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

_MAGIC = b"treadle arrays 1 "
_ALIGNMENT = 64


def cache_directory() -> Path:
    """The user's cache folder for treadle (not created here)."""
    if chosen := os.environ.get("TREADLE_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "treadle"


def load(name: str) -> Arrays | None:
    """The arrays stored under `name`, or None when there are none that can be read."""
    try:
        with (cache_directory() / name).open("rb") as file:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        return _arrays_of(memory)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
    ):  # missing, truncated or foreign: it only costs a rebuild
        return None


def _arrays_of(memory: mmap.mmap) -> Arrays:
    head = memory.readline()
    if not head.startswith(_MAGIC):
        raise ValueError("not a file of arrays")
    header = json.loads(head[len(_MAGIC) :])
    if header["size"] != len(memory):
        raise ValueError("a truncated file of arrays")
    return {
        name: np.frombuffer(memory, dtype, int(np.prod(shape)), offset).reshape(shape)
        for name, (dtype, shape, offset) in header["arrays"].items()
    }


def store(name: str, arrays: Arrays, *, instead_of: str = "") -> bool:
    """Write the arrays under `name`, whole or not at all; False when the folder cannot be written.

    `instead_of`: a pattern (glob) of names whose files this one replaces.
    """
    target = cache_directory() / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                _write(file, arrays)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
        if instead_of:
            for old in cache_directory().glob(instead_of):
                if old != target:
                    old.unlink()
    except OSError:
        return False
    return True


def _write(file: BinaryIO, arrays: Arrays) -> None:
    # Offsets stand in the header, whose length depends on them: they count from a place that is surely behind it.
    place = start = _aligned(256 + sum(len(name) + 128 for name in arrays))
    described = {}
    for name, array in arrays.items():
        described[name] = (array.dtype.str, array.shape, place)
        place = _aligned(place + array.nbytes)
    head = _MAGIC + json.dumps({"size": place, "arrays": described}).encode() + b"\n"
    file.write(head.ljust(start, b"\0"))
    for array in arrays.values():
        file.write(np.ascontiguousarray(array).tobytes())
        file.write(bytes(_aligned(file.tell()) - file.tell()))


def _aligned(place: int) -> int:
    return -(-place // _ALIGNMENT) * _ALIGNMENT
