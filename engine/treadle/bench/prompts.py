"""A file of prompts -> a file of answers: `treadle generate --input`.

In: JSON lines `{"prompt", "id", ...}`, the number of the line being the id where there is none. Out: a line for each
when it is answered, in that order; `OUTPUT.run.json` beside it says how. The machinery is the benchmark's: slots with a
process each, here or on a Ray cluster, workers that can be killed, limits of time and memory, and a file that the same
command goes on with after any kind of end. What is wrong with one line is booked to that line.
"""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from treadle.bench.answering import DONE, Answering
from treadle.bench.driving import bar, loaded_slots, say
from treadle.bench.host import Settings
from treadle.bench.measuring import REFUSED
from treadle.bench.records import Lines, WrongRun, read
from treadle.bench.slots import run
from treadle.errors import TreadleError
from treadle.inputs import WrongArgument

ENGINE = "treadle"
STATUS = "status"


@dataclass(frozen=True, slots=True)
class Prompt:
    #: The line's id as JSON: 3 and "3" are two ids.
    id: str
    row: Mapping[str, Any]
    digest: str

    def to_json(self) -> str:
        return json.dumps(self.row)

    def about(self) -> dict[str, Any]:
        return {"id": self.row["id"], "line": self.digest}


@dataclass(frozen=True, slots=True)
class Faulty:
    """A line that nobody need be asked about."""

    id: int
    digest: str
    why: str

    def record(self) -> dict[str, Any]:
        return {"id": self.id, "line": self.digest, STATUS: REFUSED, "error": self.why, "kind": "WrongLine"}


class Answers(Lines):
    """The output. What an engine's process says of itself is no business of the reader's."""

    def key(self, row: Mapping[str, Any]) -> tuple[str, str]:
        return ENGINE, json.dumps(row["id"])

    def append(self, record: Mapping[str, Any]) -> None:
        super().append({name: value for name, value in record.items() if name not in _INTERNAL})


_INTERNAL = {"engine", "wall_s", "rss_mb"}


class NotAllAnswered(TreadleError):
    """Lines without an answer: how many, and where they are."""

    def __init__(self, count: int, output: Path) -> None:
        self.count = count
        super().__init__(f'{count} lines of {output} have no text; their "error" or "status" says why')


def parse(lines: Iterable[str], place: str) -> Iterator[Prompt | Faulty]:
    """Prompts, and what is no prompt. An id that comes twice is an error of the file, not of a line."""
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        digest = f"{zlib.crc32(line.strip().encode()):08x}"
        found = _prompt(line, number, digest)
        name = json.dumps(found.id) if isinstance(found, Faulty) else found.id
        if name in seen:
            raise WrongArgument(f"{place}: lines {seen[name]} and {number} have the same id, {name}")
        seen[name] = number
        yield found


def _prompt(line: str, number: int, digest: str) -> Prompt | Faulty:
    try:
        row = json.loads(line)
    except ValueError as error:
        return Faulty(number, digest, f"line {number} is not JSON: {error}")
    if not isinstance(row, dict) or not _is_prompt(row.get("prompt")):
        return Faulty(number, digest, f"line {number} has no prompt: text, or a list of messages")
    row = {"id": number, **row}
    if not isinstance(row["id"], (str, int)):
        return Faulty(number, digest, f"line {number} has an id that is neither text nor a number")
    return Prompt(json.dumps(row["id"]), row, digest)


def _is_prompt(value: object) -> bool:
    if isinstance(value, str):
        return True
    return isinstance(value, list) and bool(value) and all(isinstance(message, dict) for message in value)


@dataclass(frozen=True, slots=True)
class Batch:
    input: Path
    output: Path
    answering: Answering
    workers: int = 1
    #: Processor seconds for a line, and GiB that a worker may add.
    seconds: float = 600.0
    memory: float = 8.0
    #: Address of a Ray cluster, None for this machine.
    ray: str | None = None


def answer_all(batch: Batch) -> None:
    """Answer what the output lacks; raises NotAllAnswered where a line has no text."""
    found = _read(batch.input)
    settings = {"fixed": {"answering": _plain(batch.answering)}, "input": str(batch.input.resolve())}
    about = batch.output.with_name(batch.output.name + ".run.json")
    with closing(Answers(batch.output, about, settings)) as output:
        _check_unchanged(batch.output, found)
        for fault in found:
            if isinstance(fault, Faulty) and (ENGINE, json.dumps(fault.id)) not in output.done:
                output.append(fault.record())
        left = [one for one in found if isinstance(one, Prompt) and (ENGINE, one.id) not in output.done]
        if left:
            _answer(batch, left, output)
    names = {json.dumps(one.id) if isinstance(one, Faulty) else one.id for one in found}
    without = sum(row[STATUS] != DONE for row in read(batch.output) if json.dumps(row["id"]) in names)
    if without:
        raise NotAllAnswered(without, batch.output)


def _read(path: Path) -> list[Prompt | Faulty]:
    try:
        with path.open(encoding="utf-8-sig") as lines:
            return list(parse(lines, str(path)))
    except (OSError, UnicodeDecodeError) as error:
        raise WrongArgument(f"--input {path}: {error}") from None


def _check_unchanged(output: Path, found: Sequence[Prompt | Faulty]) -> None:
    digests = {json.dumps(one.id) if isinstance(one, Faulty) else one.id: one.digest for one in found}
    for row in read(output):
        name = json.dumps(row["id"])
        if digests.get(name, row["line"]) != row["line"]:
            raise WrongRun(output, f"has an answer to id {name}, whose line has changed since")


def _answer(batch: Batch, left: Sequence[Prompt], output: Answers) -> None:
    engine = Settings(ENGINE, "", batch.seconds, batch.memory, answering=_plain(batch.answering))
    with (
        tempfile.TemporaryDirectory(prefix="treadle-generate-") as logs,
        loaded_slots([engine], Path(logs), batch.workers, batch.ray, output) as slots,
    ):
        for why in slots[0].missing.values():
            raise WrongArgument(why)
        with bar(len(left)) as progress:
            run(left, slots, progress)
    say(f"{len(left)} lines answered, in {batch.output}")


def _plain(answering: Answering) -> dict[str, Any]:
    """As it comes back from JSON, so that it can be compared with what was written."""
    return dict(json.loads(json.dumps(asdict(answering))))
