"""An engine that does what a schema tells it to: `{"x-do": "hang"}`. It allows every token."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np


class Faulty:
    def __init__(self, tokenizer: Any) -> None:
        self.row = np.full(16, -1, np.int32)

    def compile(self, schema: Any) -> Any:
        action, _, detail = schema.get("x-do", "nothing").partition(" ")
        getattr(self, action)(detail)
        return self

    def start(self, compiled: Any) -> Any:
        return self

    def mask(self, matcher: Any) -> Any:
        return self.row

    def accept(self, matcher: Any, token: int) -> bool:
        return True

    def may_end(self, matcher: Any) -> bool:
        return True

    def nothing(self, detail: str) -> None:
        pass

    def refuse(self, detail: str) -> None:
        raise ValueError("not for me")

    def sleep(self, seconds: str) -> None:
        time.sleep(float(seconds))

    def hang(self, detail: str) -> None:
        while True:
            pass

    def crash(self, detail: str) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    def killed(self, detail: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def killed_once(self, marker: str) -> None:
        if not Path(marker).exists():
            Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def eat(self, detail: str) -> None:
        held = []
        while True:
            held.append(bytearray(1 << 26))

    def exhaust(self, detail: str) -> None:
        raise MemoryError

    def chatter(self, detail: str) -> None:
        print('{"status": "passed"}', flush=True)


class Peer(Faulty):
    """Another engine of the same kind, to take turns with."""


class Broken:
    def __init__(self, tokenizer: Any) -> None:
        raise RuntimeError("no licence")
