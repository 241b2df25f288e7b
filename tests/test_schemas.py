"""Every shipped schema against its table of instances, judged twice: by jsonschema and by treadle.

The tables lie beside the schemas (`schemas/NAME.cases.json`). jsonschema judges the table itself, from outside;
`treadle.check` must then give the same answers.
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import regex

import treadle
from treadle import library


def _load(name: str) -> tuple[Any, dict[str, list[Any]]]:
    path = library.find("schemas", name)
    cases = path.with_name(name + library.CASES)
    return json.loads(path.read_text()), json.loads(cases.read_text())


CASES = [
    pytest.param(name, instance, verdict == "accept", id=f"{name}-{verdict}-{number}")
    for name in library.names("schemas")
    for verdict, instances in _load(name)[1].items()
    for number, instance in enumerate(instances)
]


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Any:
    # jsonschema searches with `re`, which knows no \p{L}; the package `regex` does.
    if validator.is_type(instance, "string") and not regex.search(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


Judge = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})


def _judge(schema: Any) -> Any:
    return Judge(schema, format_checker=Judge.FORMAT_CHECKER)


@pytest.mark.parametrize("name", library.names("schemas"))
def test_schema_is_well_formed_and_has_both_kinds_of_cases(name):
    schema, cases = _load(name)
    # Without formats: whether a pattern is one would be asked of `re`, which knows no \p{L}.
    Judge.check_schema(schema, format_checker=jsonschema.FormatChecker(formats=()))
    assert set(cases) == {"accept", "reject"}
    assert len(cases["accept"]) >= 3
    assert len(cases["reject"]) >= 8
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize(("name", "instance", "accepted"), CASES)
def test_jsonschema_agrees_with_the_table(name, instance, accepted):
    assert _judge(_load(name)[0]).is_valid(instance) == accepted


@pytest.mark.parametrize("indent", [None, 2], ids=["one-line", "indented"])
@pytest.mark.parametrize(("name", "instance", "accepted"), CASES)
def test_treadle_agrees_with_the_table(name, instance, accepted, indent):
    constraint = treadle.JsonSchema(_load(name)[0], property_order="any")
    verdict = treadle.check(constraint, json.dumps(instance, ensure_ascii=False, indent=indent))
    assert verdict.accepted == accepted, verdict


def test_every_file_belongs_to_a_schema():
    folder = library.find("schemas", "person").parent
    expected = {name + suffix for name in library.names("schemas") for suffix in (".json", library.CASES)}
    assert {path.name for path in folder.iterdir()} - {"README.md"} == expected
