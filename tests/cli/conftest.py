"""Call the command line as a user does: arguments in; status, output and messages out."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from treadle.cli import main


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def is_one_line_error(self, *parts: str) -> bool:
        """Exit status 2, nothing on standard output, and one line with all of `parts` on standard error."""
        line = self.err.strip()
        return (
            self.status == 2 and self.out == "" and "\n" not in line and all(part in line for part in parts)
        )


@pytest.fixture
def treadle_command(capsys, monkeypatch) -> Callable[..., Outcome]:
    def call(*arguments: object, stdin: str | bytes = b"") -> Outcome:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return call


@pytest.fixture
def file(tmp_path) -> Callable[..., str]:
    """Write a file and give its path; what is no text is written as JSON."""

    def write(content: object, name: str = "schema.json") -> str:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return str(path)

    return write
