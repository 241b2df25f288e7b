"""The official suite against its record, and the ratchet itself: it turns in one direction only."""

from __future__ import annotations

import pytest

from conformance.judging import RIGHT, Case, Grade, Group, Outcome, judge
from conformance.ratchet import COMMAND, Findings, Record

REFUSED = Outcome(Grade.SCHEMA_REFUSED, "UnsupportedFeature: #/x: no")
WRONG = Outcome(Grade.WRONGLY_ACCEPTED)


def test_the_official_suite_is_as_recorded(judged_suite: Findings) -> None:
    record = Record.read("official_suite")
    assert judged_suite.digest == record.digest, f"the data has changed: {COMMAND} official_suite"
    assert record.worse(judged_suite) == []
    better = record.better(judged_suite)
    assert not better, f"better than recorded, so write it down: {COMMAND} official_suite\n" + "\n".join(
        better
    )


@pytest.mark.parametrize("outcome", [RIGHT, REFUSED, WRONG])
def test_outcomes_are_read_as_they_are_written(outcome: Outcome) -> None:
    assert Outcome.parse(str(outcome)) == outcome


@pytest.mark.parametrize(
    ("before", "now", "worse", "better"),
    [
        (RIGHT, RIGHT, False, False), (RIGHT, REFUSED, True, False), (REFUSED, WRONG, True, False),
        (REFUSED, RIGHT, False, True), (WRONG, REFUSED, False, True),
        (REFUSED, Outcome(Grade.SCHEMA_REFUSED, "another reason"), False, False),
    ],
)  # fmt: skip
def test_only_a_worse_grade_is_worse(before: Outcome, now: Outcome, worse: bool, better: bool) -> None:
    record = Record("", {} if before is RIGHT else {"a": before}, ())
    found = Findings({"a": now}, ("a",), {})
    assert (bool(record.worse(found)), bool(record.better(found))) == (worse, better)


def test_a_schema_that_becomes_unsatisfiable_is_worse() -> None:
    found = Findings({"a": RIGHT}, ("a",), {"a": "#: nothing satisfies the schema"})
    assert Record("", {}, ()).worse(found) and not Record("", {}, ("a",)).worse(found)


def group(schema: object, *cases: tuple[bool, str]) -> Group:
    return Group("g", schema, tuple(Case(text, valid, (text,)) for valid, text in cases))


def test_cases_are_graded() -> None:
    grades = judge(group({"type": "integer"}, (True, "1"), (True, "true"), (False, "2"), (False, "false")))
    assert [outcome.grade for outcome in grades.outcomes.values()] == [
        Grade.RIGHT, Grade.WRONGLY_REFUSED, Grade.WRONGLY_ACCEPTED, Grade.RIGHT
    ]  # fmt: skip


def test_a_schema_that_cannot_be_read_is_refused_with_its_reason() -> None:
    found = judge(group({"type": "integre"}, (True, "1"), (False, "2"))).outcomes
    assert {outcome.grade for outcome in found.values()} == {Grade.SCHEMA_REFUSED}
    assert all(outcome.reason.startswith("InvalidConstraint: #/type") for outcome in found.values())


def test_an_unsatisfiable_schema_is_wrong_only_about_valid_instances() -> None:
    judged = judge(group(False, (False, "1"), (True, "2")))
    assert judged.unsatisfiable
    assert [outcome.grade for outcome in judged.outcomes.values()] == [Grade.RIGHT, Grade.WRONGLY_REFUSED]


def test_the_worst_spelling_counts() -> None:
    judged = judge(Group("g", {"const": 1}, (Case("a", True, ("1", "1.0", "2")),)))
    assert judged.outcomes["a"].grade is Grade.WRONGLY_REFUSED
