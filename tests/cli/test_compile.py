"""`treadle compile`: the report."""

from __future__ import annotations

import json

import pytest

from treadle import library

MEMBER = {"type": "string", "format": "loom-number", "maxLength": 9}
#: The unknown format lies where no automaton looks before something is written.
FORMAT_OF_NOBODY = {"properties": {"a": {"items": {"properties": {"b": MEMBER}}}}}


def test_report_for_people(treadle_command):
    done = treadle_command("compile", "person")
    assert (done.status, done.err) == (0, "")
    labels = [line.split()[0] for line in done.out.splitlines() if not line.startswith(" ")]
    assert labels == ["enforced", "policies", "notes", "vocabulary", "states", "seconds"]


def test_report_for_programs(treadle_command, file):
    report = treadle_command("compile", file(FORMAT_OF_NOBODY), "--json").json
    assert report["policies"]["property_order"] == "declared"
    assert len(report["notes"]) == 1
    assert "#/properties/a/items/properties/b/format" in report["notes"][0]
    assert report["enforced"] == {"properties": 2, "type": 1, "items": 1, "maxLength": 1}
    assert report["vocabulary"] == 257
    assert report["states"] > 0
    assert report["seconds"] >= 0


@pytest.mark.parametrize("name", library.names("schemas"))
def test_every_shipped_schema_compiles_with_an_empty_report(treadle_command, name):
    assert treadle_command("compile", name, "--json").json["notes"] == []


def test_vocabulary_of_a_tokenizer(treadle_command, tmp_path):
    words = {"{": 0, "}": 1, '"': 2, "a": 3, ":": 4, "<eos>": 5}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [{"id": 5, "content": "<eos>", "special": True}],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": words, "merges": []},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    done = treadle_command("compile", tmp_path / "schema.json", "--vocab", tmp_path, "--json")
    assert done.status == 0, done.err
    assert done.json["vocabulary"] == 6


def test_what_asserts_nothing_is_printed(treadle_command, file):
    done = treadle_command("compile", file({"type": "string", "nullable": True, "divisibleBy": 2}))
    assert done.status == 0
    assert "#/nullable: nullable asserts nothing" in done.out
    assert "#/divisibleBy: divisibleBy asserts nothing" in done.out
