"""Shipped grammars against the parsers that their languages have: rdkit, SQLite, tree-sitter, `re`, lark.

A judge is asked about the tables of `tests/test_grammars.py` and, where there is one, about texts from the world.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sqlite3
from collections.abc import Iterator
from itertools import islice, product

import lark
import pytest
from lark import load_grammar

import treadle
from oracles.grammar_strings import Texts
from oracles.shipped_grammars import cases, judged, lark_parser, text_of, treadle_accepts
from treadle import library
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.frontends.ring_closures import GUARDS
from treadle.parse_tables import parse_tables


@pytest.fixture(scope="module")
def rdkit():
    chem = pytest.importorskip("rdkit.Chem", reason="rdkit judges molecules and is not installed")
    from rdkit import RDLogger

    RDLogger.DisableLog("rdApp.*")
    return chem


@pytest.mark.parametrize(("text", "accepted"), judged("smiles"))
def test_rdkit_agrees_about_molecules(rdkit, text, accepted):
    # What follows a blank is the name of a molecule to rdkit, and no text is a molecule without atoms.
    molecule = rdkit.MolFromSmiles(text, sanitize=False) if text and " " not in text else None
    assert (molecule is not None) == accepted


def test_every_element_is_an_atom(rdkit):
    table = rdkit.GetPeriodicTable()
    symbols = [table.GetElementSymbol(number) for number in range(1, 119)]
    assert [symbol for symbol in symbols if not treadle_accepts("smiles", f"[{symbol}]")] == []


def test_what_rdkit_writes_is_read(rdkit):
    for text in cases("smiles")["accept"]:
        molecule = rdkit.MolFromSmiles(text, sanitize=False)
        for seed in range(20):
            written = rdkit.MolToRandomSmilesVect(molecule, 1, randomSeed=seed + 1)[0]
            assert treadle_accepts("smiles", written), written


@pytest.fixture(scope="module")
def matched_rings():
    """Does the grammar with its guards accept a text?"""
    tables = parse_tables(treadle.Grammar("smiles", guards=GUARDS).cfg(), frozenset(range(256)))

    def accepts(text: str) -> bool:
        automaton = ParseAutomaton(tables, GUARDS)
        state = automaton.run(automaton.start, text.encode())
        return state != at.DEAD and automaton.is_accepting(state)

    return accepts


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("C1CC1", True), ("C1CC2C1C2", True), ("C1.C1", True), ("C1(CC1)C", True), ("C%12CC%12", True),
        ("C1CC1C1CC1", True), ("C=1CC1", True), ("C=1CC=1", True), ("C/1CC\\1", True), ("[13CH]12CC1C2", True),
        ("C1CC", False), ("C11", False), ("C1C1", False), ("C12CC12", False), ("C1(C1)", False), ("C12CC1", False),
        ("C=1CC-1", False), ("C1CC%1", False), ("C1CC%01", False), ("C(C1)C.C", False),
    ],
)  # fmt: skip
def test_ring_bonds_are_matched(matched_rings, text, accepted):
    assert matched_rings(text) == accepted


def test_rdkit_agrees_about_every_short_text_of_rings(rdkit, matched_rings):
    texts = ["C" + "".join(rest) for k in range(5) for rest in product("C12().=", repeat=k)]
    different = [
        one for one in texts if matched_rings(one) != (rdkit.MolFromSmiles(one, sanitize=False) is not None)
    ]
    assert different == []


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_rdkit_agrees_about_derivations_and_mutants(rdkit, matched_rings, count):
    accepted = 0
    for kind in ("derivations", "mutants"):
        for text in islice(getattr(Texts(lark_parser("smiles"), rng=random.Random(4)), kind)(40), count):
            ours = matched_rings(text)
            theirs = bool(text) and rdkit.MolFromSmiles(text, sanitize=False) is not None
            accepted += ours
            # rdkit reads names behind blanks, `~`, `\\\\`, charges beyond 15 and kinds of ring bonds that differ.
            more = theirs and re.search(r"[\s~]|[^ -~]|\\\\|[-+](1[6-9]|[2-9]\d|\d{3})|[-=#$:/\\][\d%]", text)
            assert ours == theirs or more, text
    assert accepted > count / 4


def test_guards_of_rings_are_asked_at_all():
    assert treadle_accepts("smiles", "C1C1")
    assert not treadle_accepts("smiles", "C(.C)")


@pytest.fixture(scope="module")
def cpp_is_well_formed():
    tree_sitter = pytest.importorskip("tree_sitter", reason="tree-sitter judges C++ and is not installed")
    cpp = pytest.importorskip("tree_sitter_cpp", reason="tree-sitter's grammar of C++ is not installed")
    parser = tree_sitter.Parser(tree_sitter.Language(cpp.language()))
    return lambda text: not parser.parse(text.encode()).root_node.has_error


@pytest.fixture(scope="module")
def humaneval_cpp(shared_data):
    with gzip.open(shared_data / "code" / "humaneval_cpp.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_tree_sitter_reads_what_the_table_of_cpp_accepts(cpp_is_well_formed):
    # It is an editor's parser and lenient, so of what the table rejects it says nothing.
    assert [text for text in cases("cpp")["accept"] if not cpp_is_well_formed(text)] == []


def test_every_solution_and_test_of_humaneval_is_read(humaneval_cpp):
    for row in humaneval_cpp:
        assert treadle_accepts("cpp", row["prompt"] + row["canonical_solution"]), row["task_id"]
        assert treadle_accepts("cpp", row["test"]), row["task_id"]


def test_damaged_solutions_that_are_read_are_so_by_tree_sitter(cpp_is_well_formed, humaneval_cpp):
    rng = random.Random(1)
    read = 0
    for row in humaneval_cpp:
        text = "void f() {\n" + row["canonical_solution"]
        if not cpp_is_well_formed(text):
            continue  # It takes `typeid(int)` for a call of a function with a type.
        damaged = list(damaged_by_a_lexeme(text, rng, 8))
        mine = [one for one in damaged if treadle_accepts("cpp", one)]
        read += len(mine)
        assert [one for one in mine if not cpp_is_well_formed(one)] == []
    assert read > 300


def damaged_by_a_lexeme(text: str, rng: random.Random, count: int) -> Iterator[str]:
    """The text with one lexeme taken out or repeated elsewhere."""
    pieces = re.findall(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|\w+|\s+|\W', text)
    for _ in range(count):
        changed, place = list(pieces), rng.randrange(len(pieces))
        if rng.random() < 0.5:
            del changed[place]
        else:
            changed.insert(rng.randrange(len(pieces)), pieces[place])
        yield "".join(changed)


@pytest.fixture(scope="module")
def database():
    connection = sqlite3.connect(":memory:")
    connection.text_factory = bytes  # a program holds blobs where EXPLAIN promises text
    connection.executescript("create table t(a primary key, b); create table u(c, a)")
    yield connection
    connection.close()


@pytest.mark.parametrize(("text", "accepted"), judged("sql"))
def test_sqlite_agrees_about_queries(database, text, accepted):
    # A text without a statement is no mistake to SQLite.
    assert (bool(text) and prepares(database, text)) == accepted


def prepares(database: sqlite3.Connection, text: str) -> bool:
    try:
        database.execute("EXPLAIN " + text).fetchall()
    except sqlite3.ProgrammingError as error:
        # It was compiled before its parameters were missed; several statements are refused before.
        return "bindings" in str(error)
    except sqlite3.Error:
        return False
    return True


@pytest.mark.parametrize(("text", "accepted"), judged("regex"))
def test_re_agrees_about_patterns(text, accepted):
    try:
        re.compile(text)
        compiles = True
    except re.error:
        compiles = False
    assert compiles == accepted


@pytest.mark.parametrize(("text", "accepted"), judged("lark"))
def test_lark_reads_the_grammars_of_the_table(text, accepted):
    try:
        load_grammar._parse_grammar(text, "<text>")
        reads = True
    except (lark.exceptions.GrammarError, lark.exceptions.UnexpectedInput):
        reads = False
    assert reads == accepted


@pytest.mark.parametrize("name", library.names("grammars"))
def test_the_grammar_of_lark_reads_every_grammar_that_ships(name):
    assert treadle_accepts("lark", text_of(name))
