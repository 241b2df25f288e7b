"""Judges of what a text does: queries on a database, JSON values, programs; as checks and scorers of a search."""

from __future__ import annotations

import sqlite3
import sys

import pytest

from decoding.searching import find
from decoding.toys import Table, dyck
from treadle.decoding.beam import Beam
from treadle.errors import InvalidConstraint
from treadle.execution import Document, Limits, Program, Query, Sandbox, as_check, as_scorer
from treadle.execution.components import judged


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "towns.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        "create table town (name text, people integer);"
        "insert into town values ('Rome', 3), ('Oslo', 1), ('Bern', null), ('Rome', 2);"
    )
    connection.close()
    return path


def test_queries_are_compared_by_what_they_answer(database):
    judge = Query(database, "select name, people from town where people > 1", ran=0.25)
    assert judge("SELECT name, people + 0.0 FROM town WHERE people >= 2 ORDER BY people") == 1.0
    assert judge("select people, name from town where people > 1") == 0.25
    assert judge("select name, people from town") == 0.25
    assert judge("select nme from town") == 0.0
    assert Query(database)("select 1") == 1.0 and Query(database)("") == 1.0
    ordered = Query(database, [(1,), (2,), (3,)], ordered=True)
    assert ordered("select people from town where people order by people") == 1.0
    assert ordered("select people from town where people order by people desc") == 0.0
    assert Query(database, [(None,), ("x",)])("select 'x' union all select null") == 1.0


HOSTILE = {
    "write": "insert into town values ('x', 1)",
    "drop": "drop table town",
    "attach": "attach database 'more.sqlite' as more",
    "pragma": "pragma writable_schema = 1",
    "vacuum": "vacuum into 'copy.sqlite'",
    "extension": "select load_extension('x')",
    "endless": "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r",
    "endless rows": "with recursive r(n) as (select 1 union all select n + 1 from r) select n from r",
    "product": "select count(*) from " + ", ".join(f"town t{k}" for k in range(12)),
    "big value": "select zeroblob(2000000000)",
    "big text": "select printf('%.2000000000c', 'x')",
    "many at once": "select 1; drop table town",
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_query_is_cut_off_and_changes_nothing(attack, database, tmp_path, monkeypatch):
    if attack.startswith("big") and sys.version_info < (3, 11):
        pytest.skip("Python 3.10 cannot bound values")
    monkeypatch.chdir(tmp_path)
    before = database.read_bytes()
    judge = Query(database, steps=300_000)
    assert judge(HOSTILE[attack]) == 0.0
    assert judge.answer(HOSTILE[attack]).outcome != "ran"
    assert database.read_bytes() == before and list(tmp_path.iterdir()) == [database]


def test_a_missing_database_is_named(tmp_path):
    with pytest.raises(InvalidConstraint, match=r"nowhere\.sqlite"):
        Query(tmp_path / "nowhere.sqlite")("select 1")


def test_values_are_judged_from_outside():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    assert [Document(schema)(text) for text in ('{"a": 1}', '{"a": "1"}', "{", "[" * 100_000)] == [1, 0, 0, 0]
    pydantic = pytest.importorskip("pydantic")

    class Town(pydantic.BaseModel):
        people: int

    assert [Document(Town)(text) for text in ('{"people": 1}', '{"people": "x"}')] == [1, 0]
    share = Document(lambda value: len(value) / 4)
    assert (share("[1]"), share("1")) == (0.25, 0.0)
    with pytest.raises(InvalidConstraint):
        Document({"type": "nothing"})
    with pytest.raises(InvalidConstraint):
        Document(3)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="programs run on Linux only")
def test_programs_are_judged_by_the_tests_they_pass():
    box = Sandbox(Limits(seconds=2.0), isolation="process")
    judge = Program(["assert f(1) == 2", "assert f(2) == 4"], before="def f(x):\n", after="\n", sandbox=box)
    assert (judge("    return x + 1"), judge("    return 2 * x"), judge("return")) == (0.5, 1.0, 0.0)


def test_judges_are_components_of_any_search():
    toy = dyck()
    judge = lambda text: text.count("[") / 10
    table = Table(len(toy.vocabulary), 0)
    most = max(toy.texts, key=judge)
    [found] = find(toy, table, Beam(200, ends="any"), n=1, scorers=(as_scorer(judge, 1000.0),))
    assert judge(found.text) == judge(most)
    found = find(toy, table, Beam(200, ends="any"), checks=(as_check(judge, 0.2),))
    assert {one.text for one in found} == {text for text in toy.texts if judge(text) >= 0.2}


def test_a_judge_that_raises_has_judged_and_one_out_of_range_is_refused():
    assert judged(lambda text: 1 / 0, "x") == 0.0
    for value in (1.5, -0.1, float("nan")):
        with pytest.raises(InvalidConstraint):
            judged(lambda text, value=value: value, "x")
