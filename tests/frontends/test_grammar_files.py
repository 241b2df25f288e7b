"""Grammars by name, path and text, and what is kept of them on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from treadle import Grammar, grammar_files
from treadle.errors import InvalidConstraint
from treadle.frontends.grammars import stored
from treadle.frontends.grammars.lark_syntax import read_lark

TEXT = """
// indentation: newline=_NEWLINE indent=_INDENT dedent=_DEDENT opening=LPAR closing=RPAR tab=4
%import common.CNAME -> NAME
start: (_NEWLINE | line)*
line: "if"i NAME ":" _NEWLINE _INDENT line+ _DEDENT | NAME "(" ")" _NEWLINE
_NEWLINE: /(\\r?\\n[\\t ]*)+/
%declare _INDENT _DEDENT
%ignore /[ \\t]+/
LOST: "lost"
"""
IN_PROCESS = """
import sys
from treadle.constraints import Grammar
grammar = Grammar(sys.argv[1], imports=[sys.argv[2]])
print(len(grammar.cfg().productions), "lark" in sys.modules)
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(grammar_files, "_RECENT", {})
    return tmp_path / "cache"


def test_what_is_stored_is_what_was_read():
    reading = read_lark(TEXT, guards=["line"])
    assert reading.cfg.keywords
    assert reading.cfg.also_scanned
    assert reading.cfg.indentation is not None
    again = stored.load(stored.dump(reading))
    assert again == reading
    assert again.cfg.rule_places == reading.cfg.rule_places


def in_process(text: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", IN_PROCESS, text, str(folder)],
        capture_output=True, text=True, timeout=120, check=True, env=dict(os.environ),
    )  # fmt: skip
    return done.stdout.strip()


def test_a_second_start_reads_no_lark_until_an_import_changes(tmp_path):
    (tmp_path / "inner.lark").write_text('word: "a"')
    text = "%import inner.word\nstart: word word"
    assert in_process(text, tmp_path) == "2 True"
    assert in_process(text, tmp_path) == "2 False"
    (tmp_path / "inner.lark").write_text('word: "a" | "b"')
    assert in_process(text, tmp_path) == "3 True"


@pytest.mark.parametrize("damage", [b"", b"treadle arrays 1 {}", b"nonsense"])
def test_a_damaged_file_is_read_anew(own_cache, monkeypatch, damage):
    before = Grammar(TEXT).cfg()
    (path,) = (own_cache / "grammars").iterdir()
    path.write_bytes(damage)
    monkeypatch.setattr(grammar_files, "_RECENT", {})
    assert Grammar(TEXT).cfg() == before


def test_options_are_part_of_the_name(own_cache):
    Grammar('start: a\na: "x"').cfg()
    Grammar('start: a\na: "x"', start="a").cfg()
    Grammar('start: a\na: "x"', lexing="scannerless").cfg()
    assert len(list((own_cache / "grammars").iterdir())) == 3


def test_a_file_is_known_by_its_suffix_and_imports_what_lies_beside_it(tmp_path):
    (tmp_path / "inner.lark").write_text('word: "a"')
    path = tmp_path / "outer.lark"
    path.write_text("%import .inner.word\nstart: word")
    assert Grammar(path).cfg().productions == Grammar(str(path)).cfg().productions
    gbnf = tmp_path / "some.gbnf"
    gbnf.write_text('root ::= "x"')
    assert Grammar(gbnf).source.syntax == "gbnf"


@pytest.mark.parametrize("grammar", ["no-such-grammar", Path("missing.lark"), "missing.gbnf", 3])
def test_what_is_no_grammar_is_refused(grammar):
    with pytest.raises(InvalidConstraint):
        Grammar(grammar).cfg()


def test_relative_imports_of_a_text_lead_nowhere(tmp_path, monkeypatch):
    (tmp_path / "secret.lark").write_text('word: "a"')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidConstraint, match="no grammar of this name"):
        Grammar("%import .secret.word\nstart: word").cfg()
