"""Figures from records made by hand: coverage, percentiles, curves, the page, two runs compared."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from treadle.bench import comparison, curves, page, summary
from treadle.bench.records import WrongRun
from treadle.cli import main

SETTINGS = {
    "fixed": {"data": ["some.jsonl"], "tokenizer": "/t/llama", "seconds": 10.0, "memory": 8.0},
    "machine": {"system": "Linux", "cores": 2, "load": 0.1, "python": "3.11"},
    "versions": {"treadle": "1 <b>"},
}


def record(name: str, status: str, **more: Any) -> dict[str, Any]:
    kinds = [kind for _, kind, _ in more.get("objections", ())]
    judged = {"over": kinds.count("over"), "under": kinds.count("under"), "objections": []}
    row = {"engine": "treadle", "id": name, "split": name[0], "keywords": ["type"], "status": status}
    return {**row, **(judged if status in {"passed", "failed"} else {}), **more}


ROWS = [
    record("a1", "passed", first_us=10.0, mask_us=[1.0, 2.0, 3.0, 100.0], accept_us=[1.0, 1.0, 1.0, 1.0]),
    record("a2", "failed", first_us=20.0, objections=[[0, "over", "token 3"]]),
    record("a3", "failed", first_us=30.0, objections=[[0, "over", "the end is not allowed"]]),
    record("b1", "failed", first_us=40.0, objections=[[0, "under", ""], [1, "over", "token 1"]]),
    record("b2", "passed", first_us=50.0, objections=[[0, "only end", ""]]),
    record("b3", "refused", why="no"),
    record("b4", "timeout", phase="compile"),
    record("b5", "timeout", phase="instances", first_us=60.0, objections=[]),
    record("b6", "crash", phase="load", exit=-11),
]


def test_coverage():
    assert summary.coverage(ROWS) == summary.Coverage(
        schemas=9,
        declared=5,
        empirical=4,
        true=2,
        over=3,
        under=1,
        refused=1,
        timeout=2,
        crash=1,
        without_end=2,
    )


def test_times_count_the_limit_where_no_first_mask_came():
    found = summary.summary("treadle", ROWS, 10.0)
    assert found.first.count == 8
    assert found.first.at[-1] == 10e6
    assert found.mask.at == (3.0, 100.0, 100.0, 100.0)
    assert found.token.mean == (2 + 3 + 4 + 101) / 4


def test_groups():
    assert summary.by_split(ROWS)["a"]["treadle"].true == 1
    assert summary.by_keyword(ROWS)["type"]["treadle"].schemas == 9
    peer = [{**row, "engine": "peer", "status": "passed" if row["id"] == "a1" else "failed"} for row in ROWS]
    common = summary.in_common(summary.by_engine([*ROWS, *peer]))
    assert [row["id"] for row in common["treadle"]] == ["a1"]


def test_histogram_counts_every_time_once():
    times = [0.1, 1.0, 1.0, 3.0, 10.0, 1000.0]
    shares = curves._shares(sorted(times), -1, 3)
    assert sum(share for _, share in shares) == pytest.approx(1)


@pytest.mark.parametrize("draw", [curves.histogram, curves.tail])
@pytest.mark.parametrize("times", [{}, {"a": []}, {"a": [0.0]}, {"a": [5.0], "b": [0.3, 2e6]}])
def test_curves_are_well_formed(draw, times):
    root = ET.fromstring(draw(times, "a < b"))
    assert root.get("aria-label") == "a < b"
    assert "nan" not in ET.tostring(root, "unicode")


def test_page_is_self_contained_and_escaped():
    text = page.page(SETTINGS, ROWS)
    assert "http" not in text
    assert "1 &lt;b&gt;" in text
    assert "33.3% <small>o2</small>" in text  # split a: one of three passed, two over-constrained


def run_folder(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(SETTINGS))
    (folder / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def slower(rows: list[dict[str, Any]], factor: float) -> list[dict[str, Any]]:
    return [{**row, "mask_us": [factor * time for time in row.get("mask_us", ())]} for row in rows]


LOST = [{**ROWS[0], "status": "failed"}, *ROWS[1:]]


@pytest.mark.parametrize(
    ("after", "options", "status"),
    [
        (ROWS, "--fail-if-slower 0.1 --fail-if-fewer 0", 0),
        (slower(ROWS, 1.5), "--fail-if-slower 0.4", 1),
        (slower(ROWS, 1.5), "--fail-if-slower 0.6", 0),
        (slower(ROWS, 1.5), "--fail-if-fewer 0", 0),
        (LOST, "--fail-if-fewer 0", 1),
        (LOST, "--fail-if-fewer 1", 0),
        (LOST, "", 0),
    ],
)
def test_regression_check(tmp_path, after, options, status):
    folders = [run_folder(tmp_path / "before", ROWS), run_folder(tmp_path / "after", after)]
    assert main(["bench", "compare", *map(str, folders), *options.split()]) == status


def test_relative_ratios_take_the_machine_out(tmp_path):
    peer = [{**row, "engine": "llguidance"} for row in ROWS]
    before = run_folder(tmp_path / "before", [*ROWS, *peer])
    after = run_folder(tmp_path / "after", [*slower(ROWS, 2.0), *slower(peer, 2.0)])
    arguments = ["bench", "compare", str(before), str(after), "--fail-if-slower", "0.1"]
    assert main(arguments) == 1
    assert main([*arguments, "--relative-to", "llguidance"]) == 0


def test_runs_without_anything_in_common_are_refused(tmp_path):
    other = [{**row, "id": row["id"] + "x"} for row in ROWS]
    with pytest.raises(WrongRun, match="no engine and schema in common"):
        comparison.compare(run_folder(tmp_path / "before", ROWS), run_folder(tmp_path / "after", other))


def test_not_a_run(tmp_path, capsys):
    assert main(["bench", "show", str(tmp_path)]) == 2
    assert "not a run" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["", "nothing", "treadle,x.y"])
def test_unknown_engines_are_refused(tmp_path, capsys, given):
    arguments = ["bench", "mask", "--data", str(tmp_path), "--out", str(tmp_path / "o"), "--engines", given]
    assert main(arguments) == 2
    assert "known: treadle" in capsys.readouterr().err
