"""Collections of schemas, from wherever they are, as tasks. Nothing of them is copied into treadle.

    maskbench   a MaskBench .jsonl or .jsonl.gz: {"id", "schema", "tests": [{"valid", "data", "description"}]} a line
    files       a folder of NAME.json, each as MaskBench's own files, {"schema", "tests"}, or beside NAME.cases.json
    checkout    a checkout of JSONSchemaBench: data/SPLIT/NAME.json, a schema each, without instances
    suite       the official JSON-Schema-Test-Suite: tests/DRAFT/KEYWORD.json; the split is DRAFT/KEYWORD
    hub         hub:NAME[/SPLIT], by the package `datasets`, as epfl-dlab/JSONSchemaBench is laid out

Which one it is, the path tells. A schema of the suite is given the `$schema` of its draft where it has none, since
engines are handed nothing but the schema.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from treadle.bench.tasks import Instance, Task
from treadle.errors import TreadleError

HUB = "hub:"
#: The collection of Geng et al. 2025 on the hub, and the parts it has there.
JSON_SCHEMA_BENCH = "epfl-dlab/JSONSchemaBench"

#: MaskBench's ids say where a schema comes from: "Github_easy---o1.json", "BFCL_java_0.json".
_SPLIT = re.compile(r"^(?P<split>.+?)(?:---|_(?=\d)|\.json$)")

_DRAFTS = {
    "draft3": "http://json-schema.org/draft-03/schema#",
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}


class NoCollection(TreadleError):
    """Data that is not there or not readable: `source`."""

    def __init__(self, source: str, why: str) -> None:
        self.source = source
        super().__init__(f"{source}: {' '.join(why.split())}")


def load(sources: Iterable[str], chosen: Iterable[str] | None = None) -> list[Task]:
    """All tasks of some collections, or those with the ids chosen, in that order."""
    source = ", ".join(sources := list(sources))
    tasks = [task for each in sources for task in _read(each)]
    by_id = {task.id: task for task in tasks}
    if len(by_id) < len(tasks):
        raise NoCollection(source, f"{len(tasks) - len(by_id)} ids come twice")
    if chosen is None:
        return tasks
    wanted = list(dict.fromkeys(chosen))
    unknown = [name for name in wanted if name not in by_id]
    if unknown:
        raise NoCollection(source, f"has no {unknown[0]!r} ({len(unknown)} of the list are not in it)")
    return [by_id[name] for name in wanted]


def _read(source: str) -> Iterator[Task]:
    if source.startswith(HUB):
        return from_hub(source.removeprefix(HUB))
    path = Path(source)
    if path.is_file():
        return from_maskbench(path)
    if (path / "tests").is_dir() and (path / "remotes").is_dir():
        return from_suite(path)
    if path.is_dir() and any((path / "data").glob("*/*.json")):
        return from_checkout(path)
    if path.is_dir() and any(path.glob("*.json")):
        return from_files(path)
    raise NoCollection(
        source, "no such collection: a .jsonl or .jsonl.gz, a folder of schemas, a checkout, or hub:NAME"
    )


def from_maskbench(path: Path) -> Iterator[Task]:
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8") as lines
        ):
            for number, line in enumerate(lines, 1):
                yield _task(_object(line, f"{path}, line {number}"), f"{path}, line {number}")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise NoCollection(str(path), str(error)) from None


def from_files(folder: Path) -> Iterator[Task]:
    """MaskBench's files, or schemas with a file of cases beside each."""
    for path in sorted(folder.glob("*.json")):
        if path.name.endswith(".cases.json"):
            continue
        contents = _object(path.read_text("utf-8"), str(path))
        cases = path.with_name(path.name.removesuffix(".json") + ".cases.json")
        if cases.exists():
            yield Task(
                path.stem, contents, folder.name, tuple(_cases(_object(cases.read_text("utf-8"), str(cases))))
            )
        elif isinstance(contents, dict) and {"schema", "tests"} <= contents.keys():
            yield _task({"id": path.name, **contents}, str(path))
        else:
            yield Task(path.stem, contents, folder.name)


def from_checkout(folder: Path) -> Iterator[Task]:
    for path in sorted((folder / "data").glob("*/*.json")):
        contents = _object(path.read_text("utf-8"), str(path))
        name = f"{path.parent.name}/{path.stem}"
        if isinstance(contents, dict) and {"schema", "tests"} <= contents.keys():
            yield Task(
                name, contents["schema"], path.parent.name, tuple(_tests(contents["tests"], str(path)))
            )
        else:
            yield Task(name, contents, path.parent.name)


def from_suite(folder: Path) -> Iterator[Task]:
    """Required tests of all drafts in the folder; `optional/` is left out."""
    for path in sorted((folder / "tests").glob("draft*/*.json")):
        draft = path.parent.name
        for number, group in enumerate(_object(path.read_text("utf-8"), str(path))):
            schema = group["schema"]
            if isinstance(schema, dict) and "$schema" not in schema and draft in _DRAFTS:
                schema = {"$schema": _DRAFTS[draft], **schema}
            yield Task(
                f"{draft}/{path.stem}/{number}",
                schema,
                f"{draft}/{path.stem}",
                tuple(_tests(group["tests"], str(path))),
            )


def from_hub(name: str) -> Iterator[Task]:
    """A data set of the hub whose rows have `json_schema` (text) and `unique_id`; `name` may end in /CONFIGURATION."""
    try:
        import datasets
    except ImportError:
        raise NoCollection(HUB + name, "needs the package datasets (pip install datasets)") from None
    owner, _, rest = name.partition("/")
    repository, _, part = rest.partition("/")
    try:
        parts = [part] if part else datasets.get_dataset_config_names(f"{owner}/{repository}")
        for each in parts:
            for split, rows in datasets.load_dataset(f"{owner}/{repository}", each).items():
                for row in rows:
                    where = f"{each}/{split}/{row['unique_id']}"
                    yield Task(where, _object(row["json_schema"], where), f"{each}/{split}")
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise NoCollection(
            HUB + name,
            f"cannot be read from the hub: {error}; where it cannot be reached, give a checkout's folder",
        ) from None


def counts(tasks: Iterable[Task]) -> dict[str, tuple[int, int, int]]:
    """split -> (schemas, valid instances, invalid instances), in order of appearance."""
    found: dict[str, list[int]] = {}
    for task in tasks:
        row = found.setdefault(task.split, [0, 0, 0])
        row[0] += 1
        for instance in task.instances:
            row[1 if instance.valid else 2] += 1
    return {split: (row[0], row[1], row[2]) for split, row in found.items()}


def _task(row: Any, where: str) -> Task:
    try:
        name = row["id"]
        found = _SPLIT.match(name)
        return Task(name, row["schema"], found["split"] if found else "", tuple(_tests(row["tests"], where)))
    except (TypeError, KeyError) as error:
        raise NoCollection(where, f"not a record of MaskBench: {error} is missing") from None


def _tests(rows: Iterable[dict[str, Any]], where: str) -> Iterator[Instance]:
    for row in rows:
        try:
            yield Instance(bool(row["valid"]), row["data"], row.get("description", ""))
        except KeyError as error:
            raise NoCollection(where, f"an instance lacks {error}") from None


def _cases(table: dict[str, list[Any]]) -> Iterator[Instance]:
    for verdict, instances in table.items():
        for data in instances:
            yield Instance(verdict == "accept", data)


def _object(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise NoCollection(where, f"not JSON: {error}") from None
