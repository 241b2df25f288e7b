"""`Query`: a text as one SQL query, on a real SQLite database that it cannot change. Scored by what it answers.

Without `expected` a query scores 1 if it runs; with `expected` (another query, or rows) it scores 1 if it answers the
same rows, in any order unless `ordered`, numbers compared with a tolerance, and `ran` (0 by default) if it only runs.

What holds a query: the file is opened read-only; an authorizer lets nothing pass but reading, functions and recursion,
so no ATTACH, PRAGMA or extension; a progress handler ends it after `steps` of SQLite's machine; values are at most
`length` bytes where Python can say so (3.11 on) and answers at most `rows` rows. It runs in this process: SQLite's own
limits are what bounds it.
Source: sqlite.org/c3ref/set_authorizer.html, progress_handler.html, security.html.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from treadle.errors import InvalidConstraint

Rows = Sequence[Sequence[Any]]
_ALLOWED = frozenset(
    (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
)
#: Functions that reach out of the database, or that may take long in one step (a precision of a billion characters).
_FORBIDDEN = frozenset(
    ("load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "printf", "format")
)
_EVERY = 1000
#: SQLITE_LIMIT_LENGTH, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, which Python 3.10 does not name.
_LENGTH, _LIKE_PATTERN = 0, 8
Outcome = Literal["same", "ran", "refused", "wrong", "limit"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a query."""

    outcome: Outcome
    rows: tuple[tuple[Any, ...], ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """Executes a text on a database."""

    database: str | Path
    expected: str | Rows | None = None
    ordered: bool = False
    #: Score of a query that runs and answers something else.
    ran: float = 0.0
    steps: int = 2_000_000
    rows: int = 10_000
    length: int = 100_000

    def __call__(self, text: str) -> float:
        """From 0 to 1."""
        outcome = self.answer(text).outcome
        if outcome == "ran":
            return 1.0 if self.expected is None else self.ran
        return float(outcome == "same")

    def answer(self, text: str) -> Answer:
        """What came of it."""
        found = self.execute(text)
        if found.outcome != "ran" or self.expected is None:
            return found
        return Answer("same" if self._same(found.rows, self._expected()) else "ran", found.rows)

    def execute(self, text: str) -> Answer:
        """The rows that a query answers, and nothing compared."""
        try:
            with closing(_connect(self.database)) as connection:
                _hold(connection, self.steps, self.length)
                rows = connection.execute(text).fetchmany(self.rows + 1)
        except sqlite3.Error as error:
            return Answer(_outcome(error), (), str(error))
        except (MemoryError, ValueError, OverflowError, sqlite3.Warning) as error:
            return Answer("wrong", (), str(error))
        if len(rows) > self.rows:
            return Answer("limit", (), "too many rows")
        return Answer("ran", tuple(map(tuple, rows)))

    def _expected(self) -> Rows:
        if not isinstance(self.expected, str):
            assert self.expected is not None
            return self.expected
        found = self.execute(self.expected)
        if found.outcome != "ran":
            raise InvalidConstraint(
                "the expected query does not run", found=found.trouble, expected="a query"
            )
        return found.rows

    def _same(self, found: Rows, expected: Rows) -> bool:
        if len(found) != len(expected):
            return False
        if not self.ordered:
            found, expected = sorted(found, key=_place), sorted(expected, key=_place)
        return all(
            len(one) == len(other) and all(map(_equal, one, other))
            for one, other in zip(found, expected, strict=True)
        )


def _connect(database: str | Path) -> sqlite3.Connection:
    try:
        uri = f"{Path(database).resolve(strict=True).as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True)
    except (OSError, sqlite3.Error) as error:
        raise InvalidConstraint(
            "the database cannot be read", where=str(database), found=str(error)
        ) from None


def _hold(connection: sqlite3.Connection, steps: int, length: int) -> None:
    """Read-only, bounded."""
    limit = getattr(connection, "setlimit", None)
    if limit is not None:
        limit(_LENGTH, length)
        limit(_LIKE_PATTERN, 100)
    left = [steps // _EVERY]

    def tick() -> int:
        left[0] -= 1
        return int(left[0] < 0)

    def allow(action: int, first: str | None, second: str | None, *more: str | None) -> int:
        if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FORBIDDEN:
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY

    connection.set_progress_handler(tick, _EVERY)
    connection.set_authorizer(allow)


def _outcome(error: sqlite3.Error) -> Outcome:
    text = str(error)
    if "not authorized" in text or "prohibited" in text:
        return "refused"
    return "limit" if "interrupted" in text or "too big" in text else "wrong"


def _place(row: Sequence[Any]) -> list[tuple[str, Any]]:
    """An order of rows in which 1 and 1.0 meet."""
    return [
        ("number", round(float(value), 6)) if isinstance(value, (int, float)) else (type(value).__name__, value or "")
        for value in row
    ]  # fmt: skip


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    return bool(one == other)
