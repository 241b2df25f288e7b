"""Which keywords of an unsatisfiable schema contradict each other.

In: a compilation whose root nothing satisfies. Out: the error, with the pointers of keywords that admit nothing
together although they would without any one of them. Found by deletion: parts of the schema are left out, halves
first, and stay out where the rest is a contradiction still (Zeller & Hildebrandt 2002, "Simplifying and isolating
failure-inducing input"), from the root inwards, so that most of a large schema goes in the first steps (hierarchical
delta debugging, Misherghi & Su 2006). QuickXplain needs fewer tests, but trusts that fewer keywords never admit less;
`oneOf` and `unevaluatedProperties` break that, and deletion keeps a contradiction at every step all the same.

Leaving out weakens: a member of `properties` keeps its name and loses its schema, since without the name
`additionalProperties` would speak about it. What stands inside of `not` and `if` is left as it is.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from treadle.errors import ConstraintError, UnsatisfiableConstraint
from treadle.frontends.json_schema.schema import Pointers, Schema

if TYPE_CHECKING:
    from treadle.frontends.json_schema.compilation import Compilation, Without

#: Schemas that are tried for one explanation, seconds that this may take (looked at between two of them), and what
#: the search may spend on one (`Search.budget`).
_TRIES = 400
_SECONDS = 2.0
_BUDGET = 4_000
#: Pointers that a message names.
_NAMED = 6

#: A schema that every value satisfies; an object, since draft 3 looks for `required` in it.
_ANYTHING: dict[str, Any] = {}

_MAPS = frozenset(("properties", "patternProperties"))
_DEPENDENCIES = frozenset(("dependencies", "dependentSchemas", "dependentRequired"))
_LISTS = frozenset(("allOf", "prefixItems", "items", "extends"))
_BRANCHES = frozenset(("anyOf", "oneOf"))
#: Keywords that evaluate members or items also where they ask nothing of them.
_EVALUATING = frozenset(
    ("items", "additionalItems", "additionalProperties", "unevaluatedItems", "unevaluatedProperties")
)
_INNER = _EVALUATING | {"contains", "propertyNames", "then", "else", "extends"}
_REFERENCES = frozenset(("$ref", "$dynamicRef", "$recursiveRef"))


@dataclass(eq=False)
class Part:
    """A keyword, or one entry of a keyword, that may be left out."""

    owner: Schema
    keyword: str
    #: Name or index of the entry; None = the whole keyword.
    entry: str | int | None = None
    kept: bool = True
    inner: list[Part] = field(default_factory=list)

    @property
    def value(self) -> Any:
        """What is left out."""
        whole = self.owner.contents[self.keyword]
        return whole if self.entry is None else whole[self.entry]

    def needed(self) -> Iterator[Part]:
        """The innermost parts that were kept, in the order of the document."""
        kept = [part for part in self.inner if part.kept]
        if not kept:
            yield self
        for part in kept:
            yield from part.needed()


def unsatisfiable(compilation: Compilation) -> UnsatisfiableConstraint:
    """The error for a compilation whose root is empty."""
    isolation = _Isolation(compilation)
    pointers = isolation.conflict()
    return UnsatisfiableConstraint(
        f"nothing satisfies the schema{_in_words(pointers)}",
        where="#" if pointers else _common(isolation.left()),
        conflict=pointers,
    )


def _common(pointers: list[str]) -> str:
    """The place that all the pointers are in."""
    split = [pointer.split("/") for pointer in pointers]
    shared = itertools.takewhile(lambda tokens: len(set(tokens)) == 1, zip(*split, strict=False))
    return "/".join(tokens[0] for tokens in shared) or "#"


def _in_words(pointers: tuple[str, ...]) -> str:
    if not pointers:
        return ""
    if len(pointers) == 1:
        return f": {pointers[0]} admits nothing"
    if len(pointers) == 2:
        return f": {pointers[0]} conflicts with {pointers[1]}"
    shown = pointers[:_NAMED]
    more = len(pointers) - len(shown)
    last = f"{more} more" if more else shown[-1]
    return f": {', '.join(shown if more else shown[:-1])} and {last} conflict"


class _Isolation:
    """One search for a conflict."""

    def __init__(self, compilation: Compilation) -> None:
        self._compilation = compilation
        self._schemas: dict[int, Schema] = {}
        for schema in compilation.schemas.values():
            self._schemas.setdefault(id(schema.contents), schema)
        #: Schemas that have been entered, since references may come back to them.
        self._entered: set[int] = set()
        self._first: list[Part] = []
        self._dropped: list[Part] = []
        self._tries = 0
        self._until = time.monotonic() + _SECONDS

    def conflict(self) -> tuple[str, ...]:
        """The pointers; () where the limits ran out before the smallest conflict was found."""
        source = self._compilation.source
        if source is False:
            return ("#",)
        level = self._first = self._keywords(source)
        while level and not self._is_spent:
            self._shrink(level)
            level = [inner for part in level if part.kept for inner in self._enter(part)]
        if self._is_spent:
            return ()
        return tuple(dict.fromkeys(self.left()))

    def left(self) -> list[str]:
        """Pointers of what was not left out."""
        pointers = Pointers(self._compilation.source)
        needed = (part for outer in self._first if outer.kept for part in outer.needed())
        return [
            pointers.of(part.owner, part.keyword, *(() if part.entry is None else (part.entry,)))
            for part in needed
        ]

    @property
    def _is_spent(self) -> bool:
        return self._tries >= _TRIES or time.monotonic() > self._until

    def _shrink(self, parts: list[Part]) -> None:
        """Leave out what is not needed: halves, quarters and so on down to single parts, from the back."""
        size = len(parts)
        while size:
            kept = [part for part in parts if part.kept]
            for end in range(len(kept), 0, -size):
                self._try_without(kept[max(end - size, 0) : end])
                if self._is_spent:
                    return
            size = min(size, len(kept)) // 2

    def _try_without(self, parts: list[Part]) -> None:
        self._dropped.extend(parts)
        if self._is_contradiction():
            for part in parts:
                part.kept = False
        else:
            del self._dropped[-len(parts) :]

    def _is_contradiction(self) -> bool:
        self._tries += 1
        whole = self._compilation
        without: Without = {}
        for part in self._dropped:
            without.setdefault(id(part.owner.contents), []).append((part.keyword, part.entry))
        try:
            rest = type(whole)(
                whole.source,
                declared_order=whole.declared_order,
                assert_formats=whole.assert_formats,
                lenient=whole.lenient,
                registry=whole.documents.registry,
                without=without,
            )
            rest.search.budget = _BUDGET
            return rest.root.is_empty()
        except (ConstraintError, RecursionError):
            # Not known to be one, which keeps the parts.
            return False

    def _enter(self, part: Part) -> list[Part]:
        part.inner = list(self._inside(part))
        return part.inner

    def _keywords(self, contents: Any) -> list[Part]:
        schema = self._schemas.get(id(contents))
        if schema is None or id(contents) in self._entered:
            return []
        self._entered.add(id(contents))
        names = ["$ref"] if "$ref" in schema.targets and not schema.draft.ref_siblings else schema.contents
        keywords = schema.draft.keywords
        return [Part(schema, name) for name in names if name in keywords and keywords[name].group]

    def _inside(self, part: Part) -> list[Part]:
        keyword, value = part.keyword, part.value
        if part.entry is not None:
            return self._keywords(value)
        if keyword in _REFERENCES:
            return self._keywords(part.owner.targets[keyword][0])
        if keyword in _BRANCHES:
            return [inner for branch in value for inner in self._keywords(branch)]
        if (keyword in _MAPS or keyword in _DEPENDENCIES) and isinstance(value, dict):
            return [Part(part.owner, keyword, name) for name in value]
        if keyword in _LISTS and isinstance(value, list):
            return [Part(part.owner, keyword, index) for index in range(len(value))]
        return self._keywords(value) if keyword in _INNER else []


def leave_out(contents: dict[str, Any], parts: list[tuple[str, str | int | None]]) -> dict[str, Any]:
    """The schema without these parts."""
    by_keyword: dict[str, set[str | int | None]] = {}
    for keyword, entry in parts:
        by_keyword.setdefault(keyword, set()).add(entry)
    found = dict(contents)
    for keyword, entries in by_keyword.items():
        left = _left_of(keyword, contents[keyword], entries)
        if left is None:
            del found[keyword]
        else:
            found[keyword] = left
    return found


def _left_of(keyword: str, value: Any, entries: set[str | int | None]) -> Any:
    """What stays of a keyword's value; None = not even the keyword."""
    whole = None in entries
    if keyword in _MAPS:
        return {name: _ANYTHING if whole or name in entries else inner for name, inner in value.items()}
    if isinstance(value, list) and (not whole or keyword in ("items", "prefixItems")):
        return [_ANYTHING if whole or index in entries else inner for index, inner in enumerate(value)]
    if keyword in _EVALUATING:
        return _ANYTHING
    return None if whole else {name: needed for name, needed in value.items() if name not in entries}
