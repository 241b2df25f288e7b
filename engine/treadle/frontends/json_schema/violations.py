"""Which keywords a value violates, as the `jsonschema` package sees it, with the pointers of this compilation.

In: a compilation and a value. Out: violations, and of them the one that explains best why a text was refused at some
byte. The engine's automaton knows the byte but no longer the keyword, since keywords are merged into one language;
an outside judge of the finished value knows the keyword. Where the two readings of a draft differ the judge is bent to
ours: patterns are ECMA-262's, formats those of `formats`, `multipleOf` is exact, and where no `$schema` is given the
old spellings count that `drafts` lists.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import jsonschema
from jsonschema.exceptions import FormatError, ValidationError
from referencing.exceptions import Unresolvable

from treadle.errors import ConstraintError
from treadle.frontends.json_schema.beginning import Path
from treadle.frontends.json_schema.compilation import Compilation
from treadle.frontends.json_schema.drafts import GUESSED, Draft, draft_of
from treadle.frontends.json_schema.schema import Pointers, Schema
from treadle.grammar.derivative import matches

#: Start and end of the value under a path, in bytes of the text.
Span = Callable[[Path], tuple[int, int]]

_VALIDATORS = {
    "draft 3": jsonschema.Draft3Validator,
    "draft 4": jsonschema.Draft4Validator,
    "draft 6": jsonschema.Draft6Validator,
    "draft 7": jsonschema.Draft7Validator,
    "draft 2019-09": jsonschema.Draft201909Validator,
    "draft 2020-12": jsonschema.Draft202012Validator,
}
#: Keywords that are violated only when a container closes.
_LATE = frozenset(
    ("required", "minItems", "minProperties", "contains", "minContains", "dependentRequired", "dependencies")
)
#: Of several keywords that one value violates, the plainer explains.
_PLAIN_FIRST = ("type", "const", "enum", "additionalProperties", "required", "maxItems", "maxProperties")


@dataclass(frozen=True, slots=True)
class Violation:
    """A keyword, and the value that violates it."""

    keyword: str
    schema_pointer: str
    path: Path
    message: str
    #: Pointers of the `anyOf` and `oneOf` around the keyword that no branch of which is satisfied, outermost first.
    alternatives: tuple[str, ...] = ()


class Judge:
    """Judges values against the schema of a compilation."""

    def __init__(self, compilation: Compilation) -> None:
        self._compilation = compilation
        self._pointers = Pointers(compilation.source)
        self._schemas: dict[int, Schema] = {}
        for schema in compilation.schemas.values():
            self._schemas.setdefault(id(schema.contents), schema)
        draft = draft_of(compilation.source) or GUESSED
        self._validator = _validator_class(draft, compilation)(
            compilation.source,
            registry=compilation.documents.full_registry(),
            format_checker=_Formats(draft) if compilation.assert_formats else None,
        )

    def errors(self, value: Any) -> list[ValidationError]:
        """What is wrong with the value; () also where the judge cannot read the schema or the value."""
        try:
            return list(self._validator.iter_errors(value))
        except (Unresolvable, ConstraintError, RecursionError, ArithmeticError, ValueError, TypeError):
            # A pattern that Python does not read, a schema that is malformed only where we do not look.
            return []

    def nearest(self, errors: list[ValidationError], offset: int, span: Span) -> Violation | None:
        """The violation that explains best why a text was refused at this byte."""
        alternatives: list[str] = []
        found = _nearest(errors, offset, span)
        while found is not None and found.context:
            if found.validator in ("anyOf", "oneOf"):
                alternatives.append(self._keyword(found)[1])
            found = _nearest(_furthest(found, span), offset, span)
        return None if found is None else self._violation(found, tuple(alternatives))

    def late(self, errors: Iterable[ValidationError], paths: set[Path]) -> Iterator[Violation]:
        """What open containers still lack."""
        for error in errors:
            if tuple(error.absolute_path) in paths and error.validator in _LATE:
                yield self._violation(error, ())

    def _violation(self, error: ValidationError, alternatives: tuple[str, ...]) -> Violation:
        keyword, pointer = self._keyword(error)
        path = tuple(error.absolute_path)
        return Violation(keyword, pointer, path, _told(error), alternatives)

    def _keyword(self, error: ValidationError) -> tuple[str, str]:
        """The violated keyword and where it stands. References are followed, as the engine's own pointers do."""
        schema = self._schemas.get(id(error.schema))
        if schema is not None and error.validator is not None:
            return error.validator, self._pointers.of(schema, error.validator)
        return self._walked(error.absolute_schema_path)

    def _walked(self, tokens: Iterable[str | int]) -> tuple[str, str]:
        """The same for `false`, which is no object of its own: the way to it. Jsonschema's leaves out references."""
        contents: Any = self._compilation.source
        keyword, pointer = "", "#"
        for token in tokens:
            schema = self._schemas.get(id(contents))
            while schema is not None and token not in contents and "$ref" in schema.targets:
                contents = schema.targets["$ref"][0]
                schema = self._schemas.get(id(contents))
            if schema is not None:
                keyword, pointer = str(token), self._pointers.of(schema, token)
            else:
                pointer += "/" + str(token).replace("~", "~0").replace("/", "~1")
            try:
                contents = contents[token]
            except (KeyError, IndexError, TypeError):
                contents = None
        return keyword, pointer


def _nearest(errors: Iterable[ValidationError], offset: int, span: Span) -> ValidationError | None:
    """Of the errors about values around the byte, the one about the innermost value, then the closest.

    Where there is none the first behind it: a name is refused already if nothing satisfies the value under it.
    """
    around, behind = [], []
    for error in errors:
        path = tuple(error.absolute_path)
        start, end = span(path)
        if start <= offset <= end:
            around.append((-len(path), abs(_known_at(error, span) - offset), _rank(error), error))
        elif offset < start:
            behind.append((start, len(path), _rank(error), error))
    return min(around or behind, key=lambda entry: entry[:3])[3] if around or behind else None


def _rank(error: ValidationError) -> int:
    return _PLAIN_FIRST.index(error.validator) if error.validator in _PLAIN_FIRST else len(_PLAIN_FIRST)


def _furthest(error: ValidationError, span: Span) -> list[ValidationError]:
    """Of the branches that failed, the errors of the one that a text can follow longest."""
    branches = _branches(error)
    return max(branches, key=lambda errors: (_dead_at(errors, span), -len(errors)))


def _branches(error: ValidationError) -> list[list[ValidationError]]:
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0] if inner.schema_path else None, []).append(inner)
    return list(branches.values())


def _dead_at(errors: list[ValidationError], span: Span) -> int:
    return min(_known_at(error, span) for error in errors)


def _known_at(error: ValidationError, span: Span) -> int:
    """Where a text that is read from left to right is known to violate the keyword, about."""
    path = tuple(error.absolute_path)
    start, end = span(path)
    if error.context:
        return max(_dead_at(errors, span) for errors in _branches(error))
    value, keyword = error.instance, error.validator
    if keyword in _LATE:
        return end
    if keyword in ("additionalProperties", "unevaluatedProperties") and isinstance(value, dict):
        listed = error.schema.get("properties", {})
        return min((span((*path, name))[0] for name in value if name not in listed), default=end)
    if keyword == "maxItems":
        return span((*path, int(error.validator_value)))[0]
    if keyword in ("type", None) or isinstance(value, (dict, list)):
        return start
    return end


def _told(error: ValidationError) -> str:
    """The judge's sentence, in which values are JSON instead of Python."""
    message, shown = error.message, repr(error.instance)
    if message.startswith(shown):
        message = json.dumps(error.instance, ensure_ascii=False) + message[len(shown) :]
    return message if len(message) <= 200 else f"{message[:120]} ... {message[-70:]}"


# The judge, bent to our reading.


class _Formats(jsonschema.FormatChecker):  # type: ignore[misc]  # jsonschema has no types
    """`format` as `formats` defines it."""

    def __init__(self, draft: Draft) -> None:
        super().__init__()
        self._draft = draft.name

    def check(self, instance: object, format: str) -> None:  # noqa: A002 - the name that jsonschema gives it
        from treadle.frontends.json_schema.formats import format_of

        named = format_of(format, self._draft) if isinstance(instance, str) else None
        if named is None:
            return
        text = str(instance)
        if not (matches(named.language, text) if named.decides is None else named.decides(text)):
            raise FormatError(f"{instance!r} is not a {format!r}")


def _validator_class(draft: Draft, compilation: Compilation) -> Any:
    keywords: dict[str, Any] = {"pattern": _pattern(compilation), "multipleOf": _multiple_of}
    plain = jsonschema.Draft202012Validator.VALIDATORS
    if draft.name == "draft 2020-12":
        keywords["items"] = _items(plain["items"])
    if draft.guessed:
        keywords |= {
            "dependencies": _dependencies,
            "minimum": _bound(plain["minimum"], plain["exclusiveMinimum"], "exclusiveMinimum"),
            "maximum": _bound(plain["maximum"], plain["exclusiveMaximum"], "exclusiveMaximum"),
            "exclusiveMinimum": _unless_flag(plain["exclusiveMinimum"]),
            "exclusiveMaximum": _unless_flag(plain["exclusiveMaximum"]),
        }
    found: Any = jsonschema.validators.extend(_VALIDATORS[draft.name], keywords)
    plain_descend = found.descend

    def descend(
        self: Any, instance: Any, schema: Any, path: Any = None, schema_path: Any = None, resolver: Any = None
    ) -> Errors:
        """Jsonschema does not say where a `false` stands."""
        for error in plain_descend(self, instance, schema, path, schema_path, resolver):
            if schema is False and path is not None:
                error.path.appendleft(path)
            if schema is False and schema_path is not None:
                error.schema_path.appendleft(schema_path)
            yield error

    found.descend = descend
    return found


Errors = Iterator[ValidationError]


def _pattern(compilation: Compilation) -> Callable[..., Errors]:
    def pattern(validator: Any, given: str, instance: Any, schema: Any) -> Errors:
        if isinstance(instance, str) and not matches(compilation.pattern(given), instance):
            yield ValidationError(f"{instance!r} does not match {given!r}")

    return pattern


def _multiple_of(validator: Any, given: Any, instance: Any, schema: Any) -> Errors:
    """Exact: 0.3 is a multiple of 0.1."""
    if validator.is_type(instance, "number") and Decimal(str(instance)) % Decimal(str(given)):
        yield ValidationError(f"{instance!r} is not a multiple of {given!r}")


def _items(plain: Callable[..., Errors]) -> Callable[..., Errors]:
    """A list in `items` is what `prefixItems` is now."""

    def items(validator: Any, given: Any, instance: Any, schema: Any) -> Errors:
        if not isinstance(given, list):
            yield from plain(validator, given, instance, schema)
            return
        if not validator.is_type(instance, "array"):
            return
        for index, item in enumerate(instance):
            if index < len(given):
                yield from validator.descend(item, given[index], path=index, schema_path=index)
            elif "additionalItems" in schema:
                yield from validator.descend(item, schema["additionalItems"], path=index)

    return items


def _dependencies(validator: Any, given: Any, instance: Any, schema: Any) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    for name, needed in given.items():
        if name not in instance:
            continue
        if isinstance(needed, (list, str)):
            for other in [needed] if isinstance(needed, str) else needed:
                if other not in instance:
                    yield ValidationError(f"{other!r} is a dependency of {name!r}")
        else:
            yield from validator.descend(instance, needed, schema_path=name)


def _bound(plain: Callable[..., Errors], strict: Callable[..., Errors], flag: str) -> Callable[..., Errors]:
    def bound(validator: Any, given: Any, instance: Any, schema: Any) -> Errors:
        yield from (strict if schema.get(flag) is True else plain)(validator, given, instance, schema)

    return bound


def _unless_flag(plain: Callable[..., Errors]) -> Callable[..., Errors]:
    def bound(validator: Any, given: Any, instance: Any, schema: Any) -> Errors:
        if not isinstance(given, bool):
            yield from plain(validator, given, instance, schema)

    return bound
