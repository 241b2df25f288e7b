"""Collections from wherever they are, as tasks; what is wrong with them, with its place."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest

from treadle.bench import loaders
from treadle.bench.keywords import keywords_of
from treadle.bench.loaders import NoCollection
from treadle.bench.tasks import Instance, Task

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
ROOT = Path(__file__).resolve().parents[2]
ROW = {"id": "Github_easy---o1.json", "schema": {"type": "integer"}, "tests": [{"valid": True, "data": 1}]}


def write(path: Path, contents: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(contents))


def test_maskbench(tmp_path):
    path = tmp_path / "some.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write(json.dumps(ROW) + "\n" + json.dumps({**ROW, "id": "BFCL_java_0.json", "tests": []}) + "\n")
    tasks = loaders.load([str(path)])
    assert tasks[0] == Task(ROW["id"], ROW["schema"], "Github_easy", (Instance(valid=True, data=1),))
    assert tasks[1].split == "BFCL_java"
    assert loaders.counts(tasks) == {"Github_easy": (1, 1, 0), "BFCL_java": (1, 0, 0)}
    assert loaders.load([str(path)], ["BFCL_java_0.json"]) == [tasks[1]]


def test_checkout_of_json_schema_bench(tmp_path):
    write(tmp_path / "data" / "Glaiveai2K" / "f_1.json", {"type": "string"})
    write(
        tmp_path / "data" / "Snowplow" / "sp.json", {"schema": True, "tests": [{"valid": True, "data": None}]}
    )
    first, second = loaders.load([str(tmp_path)])
    assert (first.id, first.split, first.instances) == ("Glaiveai2K/f_1", "Glaiveai2K", ())
    assert second.schema is True
    assert len(second.instances) == 1


def test_official_suite(tmp_path):
    group = {
        "description": "",
        "schema": {"minimum": 1},
        "tests": [{"valid": False, "data": 0, "description": "d"}],
    }
    write(tmp_path / "tests" / "draft7" / "minimum.json", [group, {**group, "schema": False}])
    (tmp_path / "remotes").mkdir()
    first, second = loaders.load([str(tmp_path)])
    assert (first.id, first.split) == ("draft7/minimum/0", "draft7/minimum")
    assert first.schema == {"$schema": "http://json-schema.org/draft-07/schema#", "minimum": 1}
    assert second.schema is False


def test_own_schemas_with_their_cases():
    tasks = {
        task.id: task for task in loaders.load([str(ROOT / "schemas"), str(ROOT / "bench/keywords.jsonl")])
    }
    assert {instance.valid for instance in tasks["person"].instances} == {True, False}
    assert len(tasks) >= 36


@pytest.mark.skipif(
    not (SHARED / "json-schema-test-suite").exists(), reason="no ../shared beside the checkout"
)
def test_the_suite_beside_the_checkout():
    found = loaders.counts(loaders.load([str(SHARED / "json-schema-test-suite")]))
    assert {split.split("/")[0] for split in found} >= {"draft4", "draft7", "draft2020-12"}


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ("{", "line 1: not JSON"),
        ('{"id": "a"}', "'schema' is missing"),
        ('{"id": "a", "schema": {}, "tests": [{"valid": true}]}', "lacks 'data'"),
        (f"{json.dumps(ROW)}\n{json.dumps(ROW)}", "1 ids come twice"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, contents, said):
    path = tmp_path / "bad.jsonl"
    path.write_text(contents + "\n")
    with pytest.raises(NoCollection, match=said):
        loaders.load([str(path)])


def test_a_list_with_unknown_ids_is_refused(tmp_path):
    (tmp_path / "one.jsonl").write_text(json.dumps(ROW))
    with pytest.raises(NoCollection, match="has no 'other'"):
        loaders.load([str(tmp_path / "one.jsonl")], ["other"])


def test_nothing_there():
    with pytest.raises(NoCollection, match="no such collection"):
        loaders.load(["/nowhere"])


@pytest.mark.skipif(importlib.util.find_spec("datasets") is not None, reason="datasets is installed")
def test_the_hub_without_its_package_says_so():
    with pytest.raises(NoCollection, match="needs the package datasets"):
        loaders.load([loaders.HUB + loaders.JSON_SCHEMA_BENCH])


class _Hub:
    """What of `datasets` the loader uses, over rows of our own."""

    class exceptions:  # noqa: N801
        class DatasetsError(Exception):
            pass

    @staticmethod
    def get_dataset_config_names(name):
        assert name == loaders.JSON_SCHEMA_BENCH
        return ["Github_easy", "Snowplow"]

    @staticmethod
    def load_dataset(name, part):
        if part == "Snowplow":
            raise ConnectionError("offline")
        return {"test": [{"unique_id": "o1", "json_schema": '{"type": "null"}'}]}


def test_the_hub(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", _Hub)
    [task] = loaders.load(["hub:epfl-dlab/JSONSchemaBench/Github_easy"])
    assert task == Task("Github_easy/test/o1", {"type": "null"}, "Github_easy/test")
    with pytest.raises(NoCollection, match="cannot be read from the hub: offline"):
        loaders.load(["hub:epfl-dlab/JSONSchemaBench"])


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, set()),
        ({"title": "x", "type": "string"}, {"type"}),
        ({"properties": {"enum": {"const": 1}}}, {"properties", "const"}),
        ({"items": [{"minimum": 1}], "default": {"maximum": 1}}, {"items", "minimum"}),
        ({"anyOf": [{"format": "date"}]}, {"anyOf", "format", "format: date"}),
        ({"$defs": {"a": {"pattern": "x"}}, "$ref": "#/$defs/a"}, {"pattern", "$ref"}),
    ],
)
def test_keywords(schema, expected):
    assert keywords_of(schema) == expected


OWN = [json.loads(line) for line in (ROOT / "bench" / "keywords.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", OWN, ids=lambda row: row["id"])
def test_jsonschema_agrees_with_our_own_instances(row):
    judge = jsonschema.Draft202012Validator(
        row["schema"], format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    assert {test["valid"] for test in row["tests"]} == {True, False}
    assert [judge.is_valid(test["data"]) for test in row["tests"]] == [test["valid"] for test in row["tests"]]
