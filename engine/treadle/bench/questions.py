"""Questions with an answer that is known -> tasks; a text -> whether its answer is right.

After JSONSchemaBench (section 6) and Tam et al. 2024: the same prompt, which asks for JSON with `reasoning` before
`answer`, with and without a mask. A file is GSM8K's (`{"question", "answer": "... #### 18"}` a line) or has lines
`{"id", "prompt", "schema", "answer"}`, for any other task: the prompt is the model's whole input, and the answer is
compared with the text's member `answer`.
A text is read leniently, whoever wrote it: the first JSON object in it that has an `answer`, and for a number, where
there is none, the last number of the text. So an unconstrained model is not wrong for the words around its JSON.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from treadle.bench.loaders import NoCollection
from treadle.bench.tasks import Task

NUMBER_SCHEMA = {
    "type": "object",
    "properties": {"reasoning": {"type": "string"}, "answer": {"type": "number"}},
    "required": ["reasoning", "answer"],
    "additionalProperties": False,
}
#: Two questions of our own, so that the model sees what it is to write.
PROMPT = """\
Answer the question with a JSON object that has two members: "reasoning", the steps in one short string, and then \
"answer", the number.

Question: A box holds 6 pencils. Mia buys 4 boxes and gives 5 pencils away. How many pencils has she left?
{{"reasoning": "4 boxes of 6 pencils are 24 pencils. 24 - 5 = 19.", "answer": 19}}

Question: A train covers 120 km in 2 hours. How far does it come in 5 hours?
{{"reasoning": "120 / 2 = 60 km an hour. 60 * 5 = 300.", "answer": 300}}

Question: {question}
"""
#: Numbers as they are written in prose: 1,250 and $18.50 and -3.
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_TOLERANCE = 1e-6


def load(path: Path) -> list[Task]:
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8") as lines
        ):
            return list(_tasks(lines, path))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise NoCollection(str(path), str(error)) from None


def _tasks(lines: Any, path: Path) -> Iterator[Task]:
    split = path.name.partition(".")[0]
    for number, line in enumerate(lines, 1):
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
            yield _gsm8k(row, number, split) if "question" in row else _task(row, split)
        except (ValueError, TypeError, KeyError) as error:
            raise NoCollection(where, f"no question: {type(error).__name__} {error}") from None


def _gsm8k(row: Mapping[str, Any], number: int, split: str) -> Task:
    answer = row["answer"].rpartition("####")[2]
    prompt = PROMPT.format(question=row["question"])
    return Task(
        f"{split}/{number}", NUMBER_SCHEMA, split, prompt=prompt, answer=float(answer.replace(",", ""))
    )


def _task(row: Mapping[str, Any], split: str) -> Task:
    return Task(str(row["id"]), row["schema"], split, prompt=row["prompt"], answer=row["answer"])


def judged(text: str, expected: Any) -> dict[str, Any]:
    """The answer that a text gives, and whether it is the one expected."""
    found = answer_of(text, number=_is_number(expected))
    return {"answer": found, "right": is_same(found, expected)}


def answer_of(text: str, *, number: bool) -> Any:
    """None where the text gives no answer."""
    decoder = json.JSONDecoder()
    for place in (match.start() for match in re.finditer(r"\{", text)):
        try:
            value, _ = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and "answer" in value:
            return value["answer"]
    if number and (numbers := _NUMBER.findall(text)):
        return float(numbers[-1].replace(",", ""))
    return None


def is_same(found: Any, expected: Any) -> bool:
    if _is_number(expected):
        if isinstance(found, str) and _NUMBER.fullmatch(found.strip().lstrip("$")):
            found = float(found.strip().lstrip("$").replace(",", ""))
        return _is_number(found) and abs(found - expected) <= _TOLERANCE * max(1.0, abs(expected))
    if isinstance(expected, str) and isinstance(found, str):
        return found.strip().casefold() == expected.strip().casefold()
    return bool(found == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
