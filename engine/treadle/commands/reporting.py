"""What commands tell a person on standard error, and the exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

REFUSED, WRONG, BROKEN, INTERRUPTED = 1, 2, 3, 130


def complain(error: object, status: int) -> int:
    line = " ".join(str(error).split())
    print(f"treadle: {line}", file=sys.stderr)
    return status


@contextmanager
def progress(what: str) -> Iterator[None]:
    """A moving line on standard error while something takes long, for people only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} ..."):
        yield
