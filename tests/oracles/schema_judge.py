r"""The outside judge of JSON Schema: `jsonschema`, told what it needs to be exact.

In: a schema of any draft, and JSON texts. Out: verdicts. Told is:
    numbers    read as fractions, so that no bound or multiple is blurred by floating point
    patterns   in Python's dialect: `re` takes a `$` to match before a final newline, and more for `\d`, `\w`
    formats    asserted whatever the draft, by the checkers of all drafts together
    equality   `uniqueItems` by comparing every pair: sorting, which jsonschema does, leaves [1], [true], [1] unnoticed
    2019-09    `unevaluatedProperties` as in 2020-12: jsonschema's older function takes the keywords of the subschema of
               `additionalProperties` for names of members
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import jsonschema
from jsonschema import validators
from jsonschema._utils import equal
from jsonschema.exceptions import SchemaError, ValidationError

#: Patterns of ECMA-262 and what they are to `re`.
PATTERNS = {
    "^a": "^a", "b$": r"b\Z", "a": "a", "^[ab]+$": r"^[ab]+\Z", "^[a-z]{2}$": r"^[a-z]{2}\Z", "^x": "^x", "1": "1",
    "^(a|dd)$": r"^(a|dd)\Z", "[^a]": "[^a]", "^.{1,2}$": r"^[^\n\r\u2028\u2029]{1,2}\Z", r"^\d+$": r"^[0-9]+\Z",
    "^(a|é)*$": r"^(a|é)*\Z", r"^\w": "^[A-Za-z0-9_]", "^x[0-9]?$": r"^x[0-9]?\Z",
}  # fmt: skip

#: Formats of which jsonschema's checkers decide exactly what the documents say, at least for these examples.
FORMATS: dict[str, tuple[str, ...]] = {
    "date": ("2024-02-29", "2023-02-29", "20240229", "2024-1-1"),
    "date-time": (
        "2024-02-29T12:00:00Z",
        "2024-02-29T12:00:00.5+01:00",
        "2024-02-29 12:00",
        "2024-02-30T12:00:00Z",
    ),
    "time": ("12:00:00Z", "12:00:00", "24:00:00Z", "09:59:59.25-07:30"),
    "ipv4": ("127.0.0.1", "1.2.3", "256.0.0.1", "01.2.3.4"),
    "ipv6": ("::1", "1::2::3", "fe80::1%a", "1:2:3:4:5:6:7:8"),
    "uuid": ("2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08aa9811eab4aa73b441d16380"),
    "hostname": ("example.com", "-a.b", "a_b", "x1"),
    "uri": ("http://example.com/a?b#c", "//a/b", "a b"),
    "uri-reference": ("//a/b", "#a", "a\\b", "é"),
    "json-pointer": ("/a/~1b", "", "a", "/~2"),
    "relative-json-pointer": ("0", "1/a", "/a", "0#"),
    "duration": ("P1D", "PT1M", "P1", "1D"),
    "ip-address": ("127.0.0.1",),
    "host-name": ("example.com",),
    "color": ("red", "#00ff00", "#00f", "rot"),
}


def _unique(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if wanted and validator.is_type(instance, "array"):
        for at, item in enumerate(instance):
            if any(equal(item, other) for other in instance[:at]):
                yield ValidationError(f"{item!r} comes twice")


def _integer(_: Any, instance: Any) -> bool:
    if isinstance(instance, bool):
        return False
    return isinstance(instance, int) or (isinstance(instance, Fraction) and instance.denominator == 1)


def _exact(plain: Any) -> Any:
    """A draft's validator with what is put right; drafts 3 and 4 know an integer by its spelling."""
    told: dict[str, Any] = {"uniqueItems": _unique}
    checker = plain.TYPE_CHECKER
    if plain not in (jsonschema.Draft3Validator, jsonschema.Draft4Validator):
        checker = checker.redefine("integer", _integer)
    if plain is jsonschema.Draft201909Validator:
        newer = jsonschema.Draft202012Validator.VALIDATORS
        told["unevaluatedProperties"] = newer["unevaluatedProperties"]
    return validators.extend(plain, told, type_checker=checker)


def _all_formats() -> jsonschema.FormatChecker:
    """Every name by its newest meaning."""
    oldest, newest = jsonschema.Draft3Validator.FORMAT_CHECKER, jsonschema.Draft202012Validator.FORMAT_CHECKER
    checker = jsonschema.FormatChecker()
    checker.checkers = {**oldest.checkers, **newest.checkers}
    # jsonschema's own takes a zero inside of the number for a leading one: "400/a" is no pointer to it.
    checker.checks("relative-json-pointer")(_is_relative_pointer)
    return checker


def _is_relative_pointer(value: Any) -> bool:
    return not isinstance(value, str) or _RELATIVE_POINTER.fullmatch(value) is not None


_RELATIVE_POINTER = re.compile(r"(0|[1-9][0-9]*)(#|(/([^~/]|~[01])*)*)")
_CHECKER = _all_formats()
_JUDGES: dict[Any, Any] = {}


def read(text: str) -> Any:
    """The value of a JSON text, its numbers exact. Raises ValueError where a name comes twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError(f"a name comes twice in {text}")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=unique, parse_float=Fraction)


class Judge:
    """What jsonschema says of texts."""

    def __init__(self, schema: Any) -> None:
        """Raises SchemaError where jsonschema calls the schema malformed."""
        plain = validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        plain.check_schema(schema, format_checker=jsonschema.FormatChecker(formats=()))
        if plain not in _JUDGES:
            _JUDGES[plain] = _exact(plain)
        told = _translated(schema)
        # Without it, since the validator of a subschema that names a draft is that draft's plain one again.
        told.pop("$schema", None)
        self._validator = _JUDGES[plain](told, format_checker=_CHECKER)

    def accepts(self, text: str) -> bool:
        return bool(self._validator.is_valid(read(text)))


def judge_of(schema: Any) -> Judge | None:
    """None where the judge calls the schema malformed."""
    try:
        return Judge(schema)
    except SchemaError:
        return None


def _translated(schema: Any, keyword: str = "") -> Any:
    """The schema for the judge: patterns in its dialect, numbers as fractions."""
    if isinstance(schema, list):
        return [_translated(part) for part in schema]
    if isinstance(schema, float):
        return Fraction(schema)
    if keyword == "pattern" and isinstance(schema, str):
        return PATTERNS.get(schema, schema)
    if not isinstance(schema, dict):
        return schema
    if keyword == "patternProperties":
        return {PATTERNS.get(name, name): _translated(part) for name, part in schema.items()}
    return {name: _translated(part, name) for name, part in schema.items()}
