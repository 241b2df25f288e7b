"""`treadle generate --input`: files of prompts read, what is wrong with them, and the command on the bundled model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from benchmarking.drivers import ENGINE, PATIENCE, alive, children, heed_interrupts, wait_until
from treadle.bench import prompts
from treadle.bench.answering import Answering, answer
from treadle.bench.prompts import Answers, Batch, Faulty, Prompt, parse
from treadle.bench.records import WrongRun
from treadle.errors import TreadleError
from treadle.inputs import WrongArgument


def line(**row: object) -> str:
    return json.dumps(row) + "\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (line(prompt="a"), "1"),
        (line(prompt="a", id="x"), '"x"'),
        (line(prompt="a", id=7), "7"),
        (line(prompt=[{"role": "user", "content": "a"}]), "1"),
        ("nonsense", "is not JSON"),
        ("3", "has no prompt"),
        (line(prompt=3), "has no prompt"),
        (line(prompt=[]), "has no prompt"),
        (line(id="x"), "has no prompt"),
        (line(prompt="a", id=[1]), "neither text nor a number"),
    ],
)
def test_a_line(text, expected):
    [found] = parse([text], "file")
    if isinstance(found, Prompt):
        assert found.id == expected
    else:
        assert expected in found.why
        assert "line 1" in found.why


def test_lines_without_anything_are_no_lines_but_count():
    assert [one.id for one in parse(["\n", line(prompt="a"), " \n", "x"], "file")] == ["2", 4]


@pytest.mark.parametrize(
    "lines",
    [
        [line(prompt="a", id="x"), line(prompt="b", id="x")],
        [line(prompt="a"), line(prompt="b", id=1)],
        [line(prompt="a", id=2), "nonsense"],
    ],
)
def test_an_id_that_comes_twice(lines):
    with pytest.raises(WrongArgument, match="lines 1 and 2 have the same id"):
        list(parse(lines, "file"))


def answered(row: dict[str, object], **more: object) -> dict[str, object]:
    return answer(json.dumps({"id": 1, "prompt": "x", **row}), None, Answering(**more))


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({}, "no constraint"),
        ({"regex": "a", "choices": ["b"]}, "regex and choices"),
        ({"schema": 3}, "not a schema"),
        ({"schema": "nowhere.json"}, "nowhere.json"),
        ({"regex": 3}, "not a regex"),
        ({"choices": "yes"}, "not a choices"),
        ({"grammar": "start: ("}, "line 1"),
        ({"grammar": "x" * 400}, "expected"),
    ],
)
def test_what_is_wrong_with_a_constraint_is_said_of_its_line(row, what):
    found = answered(row)
    assert found["status"] == "refused"
    assert what in found["error"], found


def test_answers_are_refused_for_a_line_that_changed(tmp_path):
    settings = {"fixed": {}}
    [first] = parse([line(prompt="a")], "file")
    [changed] = parse([line(prompt="b")], "file")
    output = tmp_path / "out.jsonl"
    with closing(Answers(output, tmp_path / "out.run.json", settings)) as answers:
        answers.append({"engine": "treadle", **first.about(), "status": "done"})
    assert json.loads(output.read_text()) == {"id": 1, "line": first.digest, "status": "done"}
    prompts._check_unchanged(output, [first])
    with pytest.raises(WrongRun, match="line has changed since"):
        prompts._check_unchanged(output, [changed])


def test_a_file_of_faults_alone_needs_no_model(tmp_path):
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("x\n{}\n")
    for _ in range(2):
        with pytest.raises(TreadleError, match="2 lines"):
            prompts.answer_all(Batch(source, output, Answering()))
    assert [json.loads(row)["id"] for row in output.read_text().splitlines()] == [1, 2]
    assert all(isinstance(one, Faulty) for one in parse(source.read_text().splitlines(), "in"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--input", "in.jsonl"],
        ["--output", "out.jsonl"],
        ["a prompt", "--input", "in.jsonl", "--output", "out.jsonl"],
        ["--input", "in.jsonl", "--output", "out.jsonl", "--stream"],
        ["--input", "missing.jsonl", "--output", "out.jsonl"],
        [],
    ],
)
def test_arguments_that_do_not_go_together(arguments, tmp_path, monkeypatch, capsys):
    from treadle.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["generate", *arguments]) == 2
    assert "--input" in capsys.readouterr().err


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "treadle", "generate", "--input", "in.jsonl", "--output", "out.jsonl"),
            *("--max-tokens", "12", "--regex", "[a-z]{4,8}", "--temperature", "1", "--seed", "3", *options),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ENGINE), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  # sets a handler and nothing else
    )


def rows(folder: Path) -> list[dict[str, object]]:
    path = folder / "out.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(one) for one in lines]


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_run_goes_on_where_it_ended(tmp_path, ending):
    count = 12
    (tmp_path / "in.jsonl").write_text("".join(line(prompt=f"Word {n}:") for n in range(count)) + "x\n")
    with start(tmp_path) as driver:
        wait_until(lambda: len(rows(tmp_path)) > 3)
        family = [inner for child in children(driver.pid) for inner in (child, *children(child))]
        driver.send_signal(ending)
        driver.communicate()
    wait_until(lambda: not any(map(alive, family)))
    before = (tmp_path / "out.jsonl").read_bytes()
    assert len(rows(tmp_path)) < count
    with start(tmp_path) as driver:
        _, err = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 2, err  # a line of the input is no JSON
    assert "1 lines of out.jsonl have no text" in err
    assert (tmp_path / "out.jsonl").read_bytes().startswith(before)
    assert Counter(row["id"] for row in rows(tmp_path)) == Counter(range(1, count + 2))
    texts = {row["id"]: row["text"] for row in rows(tmp_path) if row["status"] == "done"}
    assert len(texts) == count

    (tmp_path / "out.jsonl").unlink()
    with start(tmp_path, "--workers", "2") as driver:
        driver.communicate(timeout=PATIENCE)
    assert {row["id"]: row["text"] for row in rows(tmp_path) if row["status"] == "done"} == texts
