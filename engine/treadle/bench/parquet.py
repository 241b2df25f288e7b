"""The records of a run -> one parquet file, a row for each engine and schema; for pandas, DuckDB and the like.

Lists of times stay lists. An objection, a list of three things in records.jsonl, is a struct. What an engine's record
lacks (a refused schema has no times) is null. Needs pyarrow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from treadle.bench.records import read_run
from treadle.errors import TreadleError

OBJECTION = ("instance", "kind", "why")
#: Members that hold any JSON, which a column cannot: written as text.
ANY_JSON = ("answer",)


class NoParquet(TreadleError):
    """The package that writes parquet is missing."""


def write(folder: Path, target: Path) -> int:
    """Returns the number of rows."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise NoParquet("parquet needs the package pyarrow (pip install 'treadle[bench]')") from None
    settings, records = read_run(folder)
    rows = [_row(record) for record in records]
    # Every column that any record has: from_pylist alone takes those of the first row.
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: pa.array([row.get(name) for row in rows]) for name in names}
    table = pa.table(columns).replace_schema_metadata({"treadle.run": _json(settings)})
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, target, compression="zstd")
    return len(rows)


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: _json(value) if name in ANY_JSON else value for name, value in record.items()}
    if "objections" in row:
        row["objections"] = [dict(zip(OBJECTION, each, strict=True)) for each in row["objections"]]
    return row


def _json(value: Any) -> str:
    return json.dumps(value)
