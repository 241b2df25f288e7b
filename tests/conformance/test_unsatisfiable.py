"""Evidence against the recorded unsatisfiable schemas that does not come from treadle.

For each such schema of the record there is no instance in the data; of the small instances made from its own parts,
`jsonschema` takes none; and for each of the keywords that treadle says are in conflict, it takes one as soon as that
keyword alone is removed. So the search is not blind, and the schema is refused for the reason that is given.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance import maskbench
from conformance.judging import Group
from conformance.ratchet import Record
from treadle.errors import UnsatisfiableConstraint

jsonschema = pytest.importorskip("jsonschema")

#: A value of each type, for where a schema does not say or says something else.
ANYTHING = (None, True, 0, "", [], {})
BY_TYPE = {"null": None, "boolean": True, "integer": 0, "number": 0, "string": "", "array": [], "object": {}}


def small_instances(schema: Any) -> Iterator[Any]:
    """Listed values; objects with every choice of the members that are described; a value of the type."""
    if not isinstance(schema, dict):
        yield from ANYTHING
    elif "enum" in schema:
        yield from schema["enum"]
    elif isinstance(schema.get("properties"), dict):
        members = schema["properties"]
        for count in range(len(members) + 1):
            for names in itertools.combinations(members, count):
                for values in itertools.product(*(tuple(small_instances(members[name])) for name in names)):
                    yield dict(zip(names, values, strict=True))
    elif isinstance(schema.get("type"), str):
        yield BY_TYPE[schema["type"]]
    else:
        yield from ANYTHING


def one_is_valid(schema: Any) -> bool:
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    validator = kind(schema)
    return any(validator.is_valid(value) for value in itertools.chain(ANYTHING, small_instances(schema)))


def without(schema: Any, pointer: str) -> Any:
    """A copy without the keyword at the pointer."""
    *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    changed = place = copy.deepcopy(schema)
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    del place[last]
    return changed


@pytest.fixture(scope="module")
def recorded(bench: Path) -> list[Group]:
    names = set(Record.read("maskbench_dev").unsatisfiable)
    return [group for group in maskbench.groups(bench) if group.name in names]


def test_no_instance_says_otherwise(recorded: list[Group]) -> None:
    assert len(recorded) == len(Record.read("maskbench_dev").unsatisfiable)
    assert [group.name for group in recorded if group.cases or one_is_valid(group.schema)] == []


def test_each_keyword_of_the_conflict_is_needed(recorded: list[Group]) -> None:
    for group in recorded:
        with pytest.raises(UnsatisfiableConstraint) as caught:
            group.constraint().rules()
        assert caught.value.conflict, group.name
        blind = [p for p in caught.value.conflict if not one_is_valid(without(group.schema, p))]
        assert blind == [], group.name
