"""Questions read, answers found in texts and compared, figures of quality; records as parquet; splits as categories."""

from __future__ import annotations

import gzip
import json

import pytest

from treadle.bench import parquet, questions, reporting, summary
from treadle.bench.loaders import NoCollection
from treadle.cli import main


@pytest.mark.parametrize(
    ("text", "expected", "answer", "right"),
    [
        ('{"reasoning": "9 * 2", "answer": 18}', 18.0, 18, True),
        ('{"reasoning": "9 * 2", "answer": 18.0}', 18.0, 18.0, True),
        ('{"reasoning": "9 * 2", "answer": 17}', 18.0, 17, False),
        ('Sure!\n```json\n{"answer": "$1,250"}\n``` because 3', 1250.0, "$1,250", True),
        ('{"steps": {"answer": 3}}', 3.0, 3, True),
        ('{"answer": true}', 1.0, True, False),
        ('{"reasoning": "it is 1,250 dollars, and', 1250.0, 1250.0, True),
        ("So it is -3.5.", -3.5, -3.5, True),
        ("no idea", 18.0, None, False),
        ("", 18.0, None, False),
        ('{"answer": "Paris "}', "paris", "Paris ", True),
        ("Paris, 3", "paris", None, False),
        ('{"answer": {"a": 1}}', {"a": 1}, {"a": 1}, True),
        ('{"answer": {"a": 2}}', {"a": 1}, {"a": 2}, False),
        ("{" * 3000, 18.0, None, False),
    ],
)
def test_the_answer_of_a_text(text, expected, answer, right):
    assert questions.judged(text, expected) == {"answer": answer, "right": right}


def test_gsm8k_and_lines_of_ones_own(tmp_path):
    path = tmp_path / "gsm8k_test.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write(
            json.dumps({"question": "How many?", "answer": "3 * 500 = <<3*500=1500>>\n#### 1,500"}) + "\n"
        )
    [task] = questions.load(path)
    assert (task.id, task.split, task.answer) == ("gsm8k_test/1", "gsm8k_test", 1500.0)
    assert task.prompt.endswith("Question: How many?\n")
    assert '{"reasoning": "4 boxes' in task.prompt
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps({"id": "a", "prompt": "Capital?", "schema": {}, "answer": "Paris"}) + "\n")
    assert [(each.prompt, each.answer) for each in questions.load(own)] == [("Capital?", "Paris")]


@pytest.mark.parametrize("line", ["x", "3", "{}", '{"question": "a", "answer": "no number"}'])
def test_no_question(tmp_path, line):
    path = tmp_path / "bad.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(NoCollection, match="line 1"):
        questions.load(path)


def test_the_shared_questions(shared_data):
    path = shared_data / "reasoning" / "gsm8k_test.jsonl.gz"
    if not path.exists():
        pytest.skip("no GSM8K beside this checkout")
    found = questions.load(path)
    assert len({task.id for task in found}) == len(found) == 1319
    assert all(isinstance(task.answer, float) for task in found)


RECORDS = [
    {"engine": "treadle", "id": "a", "split": "s", "keywords": ["type"], "status": "passed", "right": True}
    | {"outcome": "valid", "tokens": 5, "objections": [], "answer": 3, "mask_us": [1.5, 2.0]},
    {"engine": "treadle", "id": "b", "split": "t", "keywords": [], "status": "failed", "right": False}
    | {
        "outcome": "unfinished",
        "tokens": 9,
        "objections": [[0, "over", "token 3"]],
        "answer": None,
        "over": 1,
    },
    {"engine": "treadle", "id": "c", "split": "t", "keywords": [], "status": "refused", "why": "no"},
]
SETTINGS = {"fixed": {"seconds": 1.0, "data": []}, "machine": {}}


def test_quality():
    assert summary.quality(RECORDS) == summary.Quality(3, right=1, valid=1, unfinished=1, tokens=14)


def test_splits_as_categories():
    found = summary.categories(summary.by_split(RECORDS), "treadle")
    assert found == summary.Categories(2, minimal=1, full=1, compile_error=1, over=1, under=0)


def test_the_table_of_quality_is_shown(tmp_path, capsys):
    _run(tmp_path)
    reporting.show(tmp_path)
    assert "right answers" in capsys.readouterr().out


def test_parquet_has_every_record_whole(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    _run(tmp_path)
    assert parquet.write(tmp_path, tmp_path / "new" / "run.parquet") == 3
    table = pq.read_table(tmp_path / "new" / "run.parquet")
    assert json.loads(table.schema.metadata[b"treadle.run"]) == SETTINGS
    names = {name for record in RECORDS for name in record}
    assert set(table.column_names) == names
    for row, record in zip(table.to_pylist(), RECORDS, strict=True):
        expected = {name: record.get(name) for name in names}
        if "answer" in record:
            expected["answer"] = json.dumps(record["answer"])
        if "objections" in record:
            expected["objections"] = [
                {"instance": number, "kind": kind, "why": why} for number, kind, why in record["objections"]
            ]
        assert row == expected


def test_parquet_without_its_package_says_so(tmp_path, monkeypatch):
    _run(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(parquet.NoParquet, match="pyarrow"):
        parquet.write(tmp_path, tmp_path / "run.parquet")


def test_unknown_run(tmp_path, capsys):
    assert main(["bench", "show", str(tmp_path / "none"), "--parquet", str(tmp_path / "x")]) == 2
    assert "not a run" in capsys.readouterr().err


def _run(folder):
    (folder / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in RECORDS))
    (folder / "run.json").write_text(json.dumps(SETTINGS))
