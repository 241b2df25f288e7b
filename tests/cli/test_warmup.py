"""`treadle warmup`: kernels and tables, made ahead."""

from __future__ import annotations

import json


def test_what_was_prepared_is_said(treadle_command, tmp_path, monkeypatch):
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path / "cache"))
    vocabulary = {"a": 0, "b": 1, '"': 2, "<end>": 3}
    added = [{"id": 3, "content": "<end>", "special": True}]
    tokenizer = {"model": {"type": "BPE", "vocab": vocabulary, "merges": []}, "added_tokens": added}
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    done = treadle_command("warmup", "--vocab", tmp_path)
    assert (done.status, done.err) == (0, "")
    kernels, prepared = done.out.splitlines()
    assert kernels.startswith("kernels ") and prepared.startswith(str(tmp_path))


def test_a_folder_without_a_tokenizer_is_an_error(treadle_command, tmp_path):
    assert treadle_command("warmup", "--vocab", tmp_path / "gone").status == 2
