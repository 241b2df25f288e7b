"""Queries over the names of a database: SQLite itself says which of them prepare."""

from __future__ import annotations

import random
import sqlite3
from functools import cache

import lark
import pytest

from oracles.grammar_strings import Texts
from treadle import Grammar
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.errors import InvalidConstraint
from treadle.frontends.sql_names import Table, bound_grammar, grammar_of_tables, read_tables
from treadle.parse_tables import parse_tables

SCHEMA = r'''
CREATE TABLE yarn (id INTEGER PRIMARY KEY, colour TEXT, "twist/cm" REAL, count INTEGER, twice AS (count * 2));
CREATE TABLE "order" (id INTEGER PRIMARY KEY, yarn INTEGER REFERENCES yarn (id), "the ""date""" TEXT, größe REAL);
CREATE TABLE loom (name TEXT, width REAL);
CREATE VIEW wide AS SELECT name FROM loom WHERE width > 2;
'''

ACCEPT = r'''
SELECT id FROM yarn
select Colour, ID from Yarn;
SELECT yarn.id FROM yarn
SELECT * FROM loom WHERE name LIKE 'A%' AND width BETWEEN 1 AND 2.5
SELECT count(*), max(width) FROM loom
SELECT colour, count(DISTINCT id) FROM yarn GROUP BY colour HAVING count(*) > 2 ORDER BY count(*) DESC LIMIT 3 OFFSET 1
SELECT "the ""date""", größe FROM "order" ORDER BY größe
SELECT yarn.colour FROM yarn JOIN "order" ON yarn.id = "order".yarn WHERE "order".größe > 1
SELECT "order".id FROM "order" LEFT JOIN yarn ON "order".yarn = yarn.id
SELECT name, width FROM loom UNION SELECT colour, id FROM yarn
SELECT * FROM loom UNION ALL SELECT id, id FROM yarn
SELECT twice, count FROM yarn WHERE id IN (SELECT yarn FROM "order") OR EXISTS (SELECT * FROM wide)
SELECT CASE WHEN id > 2 THEN 'a' ELSE colour END FROM yarn
SELECT substr(colour, 1, 2) || 'x', CAST("twist/cm" AS INTEGER) FROM yarn
SELECT max(id, count) FROM yarn
INSERT INTO loom VALUES ('Jacquard', 1.5)
INSERT INTO yarn (colour, count) VALUES ('red', 3)
UPDATE loom SET width = width * 2, name = NULL WHERE name = 'Dobby'
DELETE FROM loom WHERE width < 1
'''.strip().splitlines()

REJECT = r"""
SELECT colour FROM loom
SELECT nothing FROM yarn
SELECT id FROM nothing
SELECT id FROM order
SELECT id FROM yarn JOIN "order" ON yarn.id = "order".yarn
SELECT loom.name FROM yarn
SELECT id FROM yarn WHERE count(*) > 1
SELECT id FROM yarn HAVING count(*) > 1
SELECT colour FROM yarn GROUP BY count(*)
SELECT max(count(*)) FROM yarn
SELECT id FROM yarn ORDER BY 7
SELECT id FROM yarn WHERE width > 1
SELECT abs() FROM yarn
SELECT abs(id, id) FROM yarn
SELECT name, width FROM loom UNION SELECT id FROM yarn
SELECT * FROM loom UNION SELECT * FROM "order"
SELECT id FROM yarn WHERE id IN (SELECT id, yarn FROM "order")
SELECT idFROM yarn
INSERT INTO loom VALUES ('Jacquard')
INSERT INTO loom (name) VALUES ('Jacquard', 1)
INSERT INTO yarn (twice) VALUES (1)
INSERT INTO wide VALUES ('x')
UPDATE wide SET name = 'x'
UPDATE yarn SET width = 1
DELETE FROM loom WHERE colour = 'red'
""".strip().splitlines()


def _database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    return connection


@cache
def _automaton(text: str) -> ParseAutomaton:
    return ParseAutomaton(parse_tables(Grammar(text).cfg(), frozenset(range(256))))


@cache
def _bound() -> str:
    connection = _database()
    try:
        return bound_grammar(connection, statements="all")
    finally:
        connection.close()


def _accepts(text: str) -> bool:
    automaton = _automaton(_bound())
    state = automaton.run(automaton.start, text.encode())
    return state != at.DEAD and automaton.is_accepting(state)


def _mistake(connection: sqlite3.Connection, text: str) -> str:
    try:
        connection.execute(f"EXPLAIN {text}").fetchall()
    except sqlite3.Error as error:
        return str(error)
    return ""


def test_tables_are_read_with_what_may_be_written():
    connection = _database()
    found = {table.name: table for table in read_tables(connection)}
    connection.close()
    assert set(found) == {"yarn", "order", "loom", "wide"}
    assert found["yarn"].columns == ("id", "colour", "twist/cm", "count", "twice")
    assert found["yarn"].writable == found["yarn"].columns[:-1]
    assert not found["wide"].writable
    assert found["order"].references == {"yarn"}


@pytest.mark.parametrize("text", ACCEPT)
def test_what_prepares_is_accepted(text):
    connection = _database()
    mistake = _mistake(connection, text)
    connection.close()
    assert not mistake
    assert _accepts(text)


@pytest.mark.parametrize("text", REJECT)
def test_what_does_not_prepare_is_refused(text):
    connection = _database()
    mistake = _mistake(connection, text)
    connection.close()
    assert mistake
    assert not _accepts(text)


def test_odd_names_are_quoted():
    odd = ["a\\", "\\", '\\"', "/", "//", "\t\n", "a b", "1", "select", "[x]", "{", "'", "*", "a$b", "--"]
    connection = sqlite3.connect(":memory:")
    names = ["k", "İ", *('"' + name.replace('"', '""') + '"' for name in odd)]
    connection.execute(f"CREATE TABLE odd ({', '.join(names)})")
    automaton = _automaton(bound_grammar(connection))
    for name in names:
        text = f"SELECT {name} FROM odd"
        assert not _mistake(connection, text)
        state = automaton.run(automaton.start, text.encode())
        assert state != at.DEAD, text
        assert automaton.is_accepting(state)
    # Kelvin's sign is a k to `re`, not to SQLite.
    assert automaton.run(automaton.start, "SELECT \N{KELVIN SIGN} FROM odd".encode()) == at.DEAD
    connection.close()


def _check_derivations(number: int) -> None:
    connection = _database()
    parser = lark.Lark(_bound(), parser="earley", lexer="dynamic")
    texts = Texts(parser, budget=80, rng=random.Random(5)).derivations(600)
    accepted = [text for text, _ in zip(texts, range(number), strict=False) if _accepts(text)]
    mistakes = {text: mistake for text in accepted if (mistake := _mistake(connection, text))}
    connection.close()
    assert not mistakes
    # The others ran together without a blank.
    assert len(accepted) > number / 3


def test_random_statements_prepare():
    _check_derivations(300)


@pytest.mark.slow
def test_many_random_statements_prepare():
    _check_derivations(10_000)


def test_a_grammar_without_scopes_lets_wrong_names_through():
    """The judge sees what is wrong: columns of all tables in one scope."""
    connection = _database()
    tables = read_tables(connection)
    everything = tuple(dict.fromkeys(column for table in tables for column in table.columns))
    wrong = grammar_of_tables([Table(table.name, everything) for table in tables], most_tables=1)
    parser = lark.Lark(wrong, parser="earley", lexer="dynamic")
    texts = Texts(parser, budget=40, rng=random.Random(5)).derivations(300)
    mistakes = {_mistake(connection, text) for text, _ in zip(texts, range(100), strict=False)}
    connection.close()
    assert any("no such column" in mistake for mistake in mistakes)


def test_mistakes_are_named(tmp_path):
    with pytest.raises(InvalidConstraint, match="cannot be read"):
        bound_grammar(tmp_path / "missing.sqlite")
    (tmp_path / "text.sqlite").write_text(
        "no database, but a text that is long enough to be taken for none at all"
    )
    with pytest.raises(InvalidConstraint, match="cannot be read"):
        bound_grammar(tmp_path / "text.sqlite")
    with pytest.raises(InvalidConstraint, match="without tables"):
        grammar_of_tables([])
    with pytest.raises(InvalidConstraint, match="needs a table"):
        grammar_of_tables([Table("loom", ("name",))], most_tables=0)
