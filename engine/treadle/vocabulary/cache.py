"""Where treadle keeps what it can compute again: a folder per user, and atomic writes into it.

`TREADLE_CACHE` names the folder; unset, it is the platform's cache directory. An install that cannot write there
works all the same: `store` reports False and nothing is remembered. Leaves out: eviction (entries are few and small).
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


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


def load(name: str) -> dict[str, NDArray] | None:  # type: ignore[type-arg]
    """The arrays stored under `name`, or None when there are none that can be read."""
    try:
        # Opened here: np.load forgets to close a file that it cannot read.
        with (cache_directory() / name).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except Exception:  # noqa: BLE001 - a truncated or foreign file raises almost anything; it only costs a rebuild
        return None


def store(name: str, arrays: dict[str, NDArray]) -> bool:  # type: ignore[type-arg]
    """Write the arrays under `name`, whole or not at all; False when the folder cannot be written."""
    target = cache_directory() / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError:
        return False
    return True
