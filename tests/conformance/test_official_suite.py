"""The official suite through the engine: every case of every draft, in four spellings each."""

from __future__ import annotations

import pytest

from conformance.judging import Grade, Outcome
from conformance.official_suite import DRAFTS
from conformance.ratchet import Findings, part_of_the_suite

#: File -> why some of its cases are accepted against the suite; the report of the schema says so each time.
LEFT_OUT = {
    "content.json": "contentEncoding and contentMediaType are annotations, as from draft 2019-09 on",
    "dependencies-compatibility.json": "drafts from 2019-09 on have no such keyword, where `$schema` names them",
}


def file_of(name: str) -> str:
    return name.split(": ", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]


def outcomes(found: Findings, draft: str, part: str) -> dict[str, Outcome]:
    chosen = {k: v for k, v in found.outcomes.items() if part_of_the_suite(k) == f"{draft} {part}"}
    assert chosen, "the suite has no such part"
    return chosen


def share_right(chosen: dict[str, Outcome]) -> float:
    return sum(outcome.grade is Grade.RIGHT for outcome in chosen.values()) / len(chosen)


@pytest.mark.parametrize("draft", DRAFTS)
def test_required_cases(judged_suite: Findings, draft: str) -> None:
    """None is accepted wrongly, 99 of 100 are right, and all others are refused when compiled."""
    chosen = outcomes(judged_suite, draft, "required")
    others = {k: str(v) for k, v in chosen.items() if v.grade > Grade.SCHEMA_REFUSED}
    assert others == {}
    assert share_right(chosen) >= 0.99


@pytest.mark.parametrize("draft", DRAFTS)
def test_formats(judged_suite: Findings, draft: str) -> None:
    """None is accepted wrongly, 95 of 100 are right."""
    chosen = outcomes(judged_suite, draft, "formats")
    assert {k: str(v) for k, v in chosen.items() if v.grade is Grade.WRONGLY_ACCEPTED} == {}
    assert share_right(chosen) >= 0.95


@pytest.mark.parametrize("draft", DRAFTS)
def test_other_optional_cases(judged_suite: Findings, draft: str) -> None:
    """All are right but those of files that ask for what a draft leaves open and we leave out."""
    chosen = outcomes(judged_suite, draft, "other optional")
    wrong = {name for name, outcome in chosen.items() if outcome.grade is not Grade.RIGHT}
    assert {name for name in wrong if file_of(name) not in LEFT_OUT} == set()
