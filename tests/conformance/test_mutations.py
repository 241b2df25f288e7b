"""Every keyword of every draft matters: with it switched off, one of our own cases fails.

A keyword is switched off where the front end learns of keywords, in the table of the draft; what else a draft decides
(siblings of references, identifiers, integers by their spelling, the shapes of draft 3) where that is decided. Each
mutation has to change a verdict of a case in `oracles.keyword_cases`, or, for annotations, to lose an entry of the
report; without it all cases are as they say (tests/frontends/test_schema_keywords.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import treadle
from laws.random_schemas import URIS
from oracles.keyword_cases import ALL, CASES, FORMATS, FROM_4, FROM_6, FROM_2019, UNNAMED, UP_TO_7, Case
from treadle.automata.byte_automaton import DEAD, ByteAutomaton
from treadle.errors import ConstraintError
from treadle.frontends.json_schema import compilation, drafts, formats, in_place, object_trackers, unevaluated

TABLES = {
    3: drafts.DRAFT3,
    4: drafts.DRAFT4,
    6: drafts.DRAFT6,
    7: drafts.DRAFT7,
    2019: drafts.DRAFT2019,
    2020: drafts.DRAFT2020,
}
ASSERTING = [
    (draft, name) for draft, table in TABLES.items() for name, word in table.keywords.items() if word.group
]
ANNOTATING = [
    (draft, name)
    for draft, table in TABLES.items()
    for name, word in table.keywords.items()
    # In draft 3 `required` belongs to the schema above; in 2020-12 `additionalItems` asserts beside a list.
    if not word.group and (draft, name) not in ((3, "required"), (2020, "additionalItems"))
]


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    compilation.forget_cases()


def fails(schema: Any, case: Case) -> bool:
    """Whether a value of the case is judged otherwise, or the schema is refused."""
    # What other compilations found out was found without the mutation.
    compilation.forget_cases()
    try:
        root, _ = treadle.JsonSchema(schema, property_order="any").rules()
    except ConstraintError:
        return True
    automaton = ByteAutomaton(root)
    return any(not accepts(automaton, value) for value in case.accepted) or any(
        accepts(automaton, value) for value in case.refused
    )


def accepts(automaton: ByteAutomaton, value: Any) -> bool:
    state = automaton.run(automaton.start, json.dumps(value, ensure_ascii=False).encode())
    return state != DEAD and automaton.is_accepting(state)


def of_draft(cases: Iterable[Case], draft: int) -> list[tuple[Any, Case]]:
    return [({"$schema": URIS[draft], **case.schema}, case) for case in cases if draft in case.drafts]


def assert_caught(cases: list[tuple[Any, Case]], mutation: Any) -> None:
    assert cases, "no case of our own"
    assert not [schema for schema, case in cases if fails(schema, case)], "fails without the mutation"
    with mutation:
        assert any(fails(schema, case) for schema, case in cases), "no case fails"


@contextmanager
def without_keyword(table: drafts.Draft, name: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(table.keywords, name)
        yield


@contextmanager
def with_field(table: drafts.Draft, name: str, value: Any) -> Iterator[None]:
    """A draft that decides otherwise. N.B. drafts are frozen."""
    before = getattr(table, name)
    object.__setattr__(table, name, value)
    try:
        yield
    finally:
        object.__setattr__(table, name, before)


@contextmanager
def patched(module: Any, name: str, value: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, value)
        yield


# -- keywords --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("draft", "keyword"), ASSERTING)
def test_a_keyword_switched_off_is_noticed(draft: int, keyword: str) -> None:
    assert_caught(of_draft(CASES[keyword], draft), without_keyword(TABLES[draft], keyword))


@pytest.mark.parametrize("keyword", drafts.GUESSED.keywords)
def test_a_keyword_switched_off_where_no_draft_is_named_is_noticed(keyword: str) -> None:
    mutation = without_keyword(drafts.GUESSED, keyword)
    if not drafts.GUESSED.keywords[keyword].group:
        assert_report_changes({keyword: ANNOTATIONS.get(keyword, "x")}, keyword, mutation)
        return
    cases = [*UNNAMED.get(keyword, ()), *(case for case in CASES.get(keyword, ()) if 2020 in case.drafts)]
    assert_caught([(case.schema, case) for case in cases], mutation)


ANNOTATIONS: dict[str, Any] = {"dependencies": {"a": ["b"]}, "additionalItems": False, "$vocabulary": {}}


@pytest.mark.parametrize(("draft", "keyword"), ANNOTATING)
def test_an_annotation_switched_off_is_no_longer_reported(draft: int, keyword: str) -> None:
    schema = {"$schema": URIS[draft], keyword: ANNOTATIONS.get(keyword, "x")}
    assert_report_changes(schema, keyword, without_keyword(TABLES[draft], keyword))


def assert_report_changes(schema: Any, keyword: str, mutation: Any) -> None:
    assert f"#/{keyword}" in reported(schema)
    with mutation:
        assert f"#/{keyword}" not in reported(schema)


def reported(schema: Any) -> set[str]:
    _, report = treadle.JsonSchema(schema).rules()
    return {note.pointer for note in report}


# -- formats ---------------------------------------------------------------------------------------------


def test_every_format_has_cases() -> None:
    assert set(FORMATS) == set(formats.FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_switched_off_is_noticed(name: str) -> None:
    known = formats.format_of
    off = patched(
        formats, "format_of", lambda asked, draft="": None if asked == name else known(asked, draft)
    )
    case = Case({"format": name}, *FORMATS[name])
    assert_caught([(case.schema, case)], off)


OLD_FORMATS = {
    ("draft 3", "time"): Case({"format": "time"}, ("12:00:00",), ("12:00:00Z",), (3,)),
    ("draft 3", "hostname"): Case({"format": "hostname"}, ("xn--X",), (), (3,)),
    ("draft 3", "host-name"): Case({"format": "host-name"}, ("xn--X",), (), (3,)),
    ("draft 4", "hostname"): Case({"format": "hostname"}, ("xn--X",), (), (4,)),
    ("draft 6", "hostname"): Case({"format": "hostname"}, ("xn--X",), (), (6,)),
}


def test_every_older_format_has_cases() -> None:
    assert set(OLD_FORMATS) == {(draft, name) for draft, names in formats._OF_OLD.items() for name in names}


@pytest.mark.parametrize(("draft", "name"), OLD_FORMATS)
def test_an_older_format_read_as_the_newest_is_noticed(draft: str, name: str) -> None:
    case, known = OLD_FORMATS[draft, name], formats.format_of
    assert_caught(
        of_draft((case,), case.drafts[0]), patched(formats, "format_of", lambda asked, draft="": known(asked))
    )


# -- what drafts decide beside their keywords --------------------------------------------------------------

SIBLINGS = {"items": {"$ref": "#/definitions/d", "maximum": 1}, "definitions": {"d": {"type": "integer"}}}
ALONE = Case(SIBLINGS, ([2],), (["a"],), UP_TO_7)
TOGETHER = Case(SIBLINGS, ([1],), ([2], ["a"]), FROM_2019)


@pytest.mark.parametrize("draft", ALL)
def test_siblings_of_references_read_otherwise_are_noticed(draft: int) -> None:
    table = TABLES[draft]
    assert_caught(
        of_draft((ALONE, TOGETHER), draft), with_field(table, "ref_siblings", not table.ref_siblings)
    )


def embedded(name: str) -> Case:
    other = {
        name: "http://example.com/other",
        "items": {"$ref": "#/definitions/d"},
        "definitions": {"d": {"type": "null"}},
    }
    schema = {
        name: "http://example.com/root", "items": {"$ref": "#/definitions/other"},
        "definitions": {"other": other, "d": {"type": "integer"}},
    }  # fmt: skip
    return Case(schema, ([[None]],), ([[1]],))


@pytest.mark.parametrize("draft", ALL)
def test_identifiers_by_another_name_are_noticed(draft: int) -> None:
    table = TABLES[draft]
    other = "$id" if table.id_keyword == "id" else "id"
    assert_caught(of_draft((embedded(table.id_keyword),), draft), with_field(table, "id_keyword", other))


LISTED_INTEGER = Case({"type": "integer", "enum": [1, 2.0]}, (1, 2), (1.0, "1"), (3, 4))
LISTED_INTEGRAL = Case({"type": "integer", "enum": [1, 2.5]}, (1, 1.0), (2.5,), FROM_6)


@pytest.mark.parametrize("draft", [3, 4])
def test_listed_integers_by_value_are_noticed(draft: int) -> None:
    """Up to draft 4 an integer is what is written as one."""
    assert_caught(of_draft((LISTED_INTEGER,), draft), with_field(TABLES[draft], "boolean_schemas", True))


def test_draft_3_without_its_own_readings_is_noticed() -> None:
    assert_caught(of_draft(CASES["required"], 3), patched(object_trackers, "DRAFT3", None))
    assert_caught(of_draft(CASES["type"], 3), patched(in_place, "DRAFT3", None))


def test_items_contained_taken_for_evaluated_in_2019_are_noticed() -> None:
    case = Case({"contains": {"type": "null"}, "unevaluatedItems": False}, ([],), ([None],), (2019,))
    loose = Case({**case.schema, "minContains": 0}, case.accepted, case.refused, case.drafts)
    assert_caught(of_draft((loose,), 2019), patched(unevaluated, "DRAFT2019", None))


@pytest.mark.parametrize("draft", ALL[:-1])
def test_a_draft_that_goes_unread_is_noticed(draft: int) -> None:
    """Each older draft decides something otherwise than 2020-12."""
    cases = of_draft(
        (*CASES["type"], *CASES["exclusiveMinimum"], *CASES["additionalItems"], ALONE, LISTED_INTEGER), draft
    )
    if draft == 2019:
        cases = of_draft((*CASES["$recursiveRef"],), draft)
    if draft in (6, 7):
        cases = of_draft((ALONE,), draft)
    assert_caught(cases, patched(compilation, "draft_of", lambda schema: None))


@pytest.mark.parametrize("draft", FROM_4)
def test_a_keyword_without_cases_would_be_seen(draft: int) -> None:
    """The check of this file itself: a case that does not depend on the keyword does not notice that it is gone."""
    idle = Case({"title": "a", "maximum": 3}, (1,), (4,))
    with pytest.raises(AssertionError, match="no case fails"):
        assert_caught(of_draft((idle,), draft), without_keyword(TABLES[draft], "minimum"))
