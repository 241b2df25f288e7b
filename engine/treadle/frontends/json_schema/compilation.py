"""One schema being compiled: its documents, formulas, states, and the answers to what goals are asked.

In: a schema and options. Out: a `Compilation` whose `root` is the goal of the whole. Owns every table that interns
something, so that dropping it frees all. Everything below the root is made when it is asked for.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import suppress
from typing import Any, Final

from treadle.errors import UnsupportedFeature
from treadle.frontends.json_schema import values
from treadle.frontends.json_schema.array_state import ArrayState, FixedArray, OpenArray, fixed_array_parts
from treadle.frontends.json_schema.cases import Cases
from treadle.frontends.json_schema.copies import Copies
from treadle.frontends.json_schema.discriminate import object_alternatives
from treadle.frontends.json_schema.documents import Documents, Resource
from treadle.frontends.json_schema.drafts import (
    GUESSED,
    Draft,
    Group,
    draft_of,
    unknown_vocabularies,
    with_vocabularies,
)
from treadle.frontends.json_schema.formula import Algebra, Formula, atoms_of
from treadle.frontends.json_schema.in_place import expand, object_formula
from treadle.frontends.json_schema.least_bytes import LeastBytes
from treadle.frontends.json_schema.literals import literals
from treadle.frontends.json_schema.name_classes import NameTable, names_and_languages
from treadle.frontends.json_schema.number_keywords import number_language
from treadle.frontends.json_schema.object_state import FixedObject, Frame, ObjectState, fixed_parts
from treadle.frontends.json_schema.open_object import OpenObject
from treadle.frontends.json_schema.plainly_satisfiable import has_plain_values
from treadle.frontends.json_schema.report import Report
from treadle.frontends.json_schema.satisfiable import Search
from treadle.frontends.json_schema.schema import Link, Schema, is_reference_only
from treadle.frontends.json_schema.splitting import alternatives
from treadle.frontends.json_schema.string_keywords import StringCase, is_unwritten, string_cases
from treadle.frontends.json_schema.wellformed import DynamicReference, load
from treadle.frontends.regex import parse_ecma
from treadle.grammar.expression import ANY_TEXT, NOTHING, Expr

#: Alternatives into which an array's formula may be multiplied out; beyond, it stays one state with a formula.
_ALTERNATIVES = 12

#: Parts of schemas, by the identity of the contents: a keyword, and a name or index in it or None for all of it.
Without = dict[int, list[tuple[str, "str | int | None"]]]


#: Cases of schemas that speak of strings and numbers only, by what they say: the same in every compilation.
_CASES: Final[OrderedDict[tuple[Hashable, ...], Cases]] = OrderedDict()
_CASES_KEPT: Final = 1 << 12


def forget_cases() -> None:
    """Let go of what is kept for all compilations."""
    _CASES.clear()


class Compilation:
    """See the top of the file. Made by `compile_schema`."""

    def __init__(
        self,
        schema: Any,
        *,
        declared_order: bool,
        assert_formats: bool,
        lenient: bool,
        registry: Any = None,
        without: Without | None = None,
    ) -> None:
        #: What is left out of schemas, to find out what a contradiction needs (`conflict`).
        self.without = without
        self.declared_order = declared_order
        self.assert_formats = assert_formats
        self.lenient = lenient
        self.report = Report()
        #: Patterns that cannot be enforced, under `lenient`.
        self.relaxed_patterns: set[str] = set()
        self.algebra = Algebra()
        self.algebra.hooks = self
        self.search = Search(self)
        self.least = LeastBytes()
        self.documents = Documents(registry)
        #: Schemas read, by the identity of their contents and the dynamic scope. N.B. `source` keeps them alive.
        self.schemas: dict[tuple[int, tuple[str, ...]], Schema] = {}
        self.source = schema
        #: Schemas that are being expanded, to notice those that come back to themselves.
        self.expanding: dict[tuple[Schema, int], None] = {}
        #: How often that was noticed.
        self.loops = 0
        #: Goals that may have strings, none of which can be written (A-labels of host names).
        self.unwritten: list[Formula] = []
        self._goals: dict[tuple[int, tuple[str, ...]], Formula] = {}
        self._copies = Copies()
        self._scalars: dict[tuple[str, ...], Formula] = {}
        self._scalar_keys: dict[Formula, tuple[Hashable, ...]] = {}
        self._shared: dict[Formula, Hashable] = {self.algebra.TRUE: (declared_order,)}
        self._tables: dict[Any, NameTable] = {}
        self._frames: dict[Any, Frame] = {}
        self._objects: dict[Any, Any] = {}
        self._arrays: dict[Any, Any] = {}
        self.root = self._read(schema)

    def _read(self, schema: Any) -> Formula:
        draft = draft_of(schema) or self._draft_by_registry(schema) or GUESSED
        resource = self.documents.root(schema, draft)
        try:
            load(self, schema, "#", resource)
        except DynamicReference:
            self.schemas.clear()
            self.documents.dynamic = True
            resource = self.documents.root(schema, draft)
            load(self, schema, "#", resource)
        self._resolve_unevaluated()
        return self.goal(schema, "#", resource)

    def _resolve_unevaluated(self) -> None:
        """Now, so that a refusal comes before anything is generated."""
        for schema in list(self.schemas.values()):
            if schema.groups & Group.UNEVALUATED:
                for kind in (values.OBJECT, values.ARRAY):
                    expand(self.goal(schema.contents, schema.link, schema.resource), kind)

    def _draft_by_registry(self, schema: Any) -> Draft | None:
        """The draft of a `$schema` that only the registry knows, with the vocabularies that it has."""
        uri = schema.get("$schema") if isinstance(schema, dict) else None
        if not isinstance(uri, str):
            return None
        known = None if self.documents.registry is None else self.documents.registry.get(uri.rstrip("#"))
        draft = None if known is None else draft_of(known.contents)
        if known is None or draft is None:
            self.report.add("reading", "#/$schema", f"unknown {uri!r}, read as {GUESSED.name}")
            return None
        for unknown in unknown_vocabularies(known.contents):
            if not self.lenient:
                raise UnsupportedFeature("a vocabulary that is not known", where="#/$schema", found=unknown)
            self.report.add("relaxed", "#/$schema", f"not enforced: vocabulary {unknown!r}")
        return with_vocabularies(draft, known.contents)

    def dispose(self) -> None:
        """Let go of everything, piece by piece; nothing may be asked afterwards.

        Formulas, schemas and states refer to each other in circles, which only the garbage collector would free: in
        a server that compiles many schemas, at the price of a pause.
        """
        for schema in self.schemas.values():
            schema.dispose()
        for container in (*self._frames.values(), *self._objects.values(), *self._arrays.values()):
            container.dispose()
        self.algebra.dispose()
        vars(self.search).clear()
        vars(self).clear()

    def relax_pattern(self, pattern: str, where: str, message: str) -> None:
        """Under `lenient`: the pattern matches every text, and as a name's pattern asks nothing of the value."""
        self.relaxed_patterns.add(pattern)
        self.report.add("relaxed", where, f"not enforced: {message}")

    def pattern(self, pattern: str) -> Expr:
        """The language of the texts that the pattern matches."""
        return ANY_TEXT if pattern in self.relaxed_patterns else parse_ecma(pattern)

    # Goals.

    def goal(self, contents: Any, link: Link, resource: Resource) -> Formula:
        """The goal of a schema that was read."""
        if contents is True:
            return self.algebra.TRUE
        if contents is False:
            return self.algebra.FALSE
        key = (id(contents), resource.scope)
        known = self._goals.get(key)
        if known is None:
            known = self._goals[key] = self._goal(key, link)
        return known

    def _goal(self, key: tuple[int, tuple[str, ...]], link: Link) -> Formula:
        """Simplified where a look does: no assertions, nothing but a reference, nothing but listed values."""
        passed = {key}
        while True:
            schema = self.schemas[key]
            groups = schema.groups
            if not groups:
                return self.algebra.TRUE
            if not groups & ~(Group.TYPE | Group.STRING | Group.NUMBER):
                return self._scalar(schema)
            if not groups & ~(Group.VALUES | Group.TYPE) and not _asks_for_spelling(schema):
                return self._listed(schema)
            if groups != Group.IN_PLACE or not is_reference_only(schema):
                return self.algebra.atom(self._copies.first_like(schema))
            contents, _, resource = schema.targets["$ref"]
            if isinstance(contents, bool):
                return self.algebra.TRUE if contents else self.algebra.FALSE
            key = (id(contents), resource.scope)
            if key in passed:
                self.note_loop(schema)
                return self.algebra.FALSE
            passed.add(key)

    def note_loop(self, schema: Schema) -> None:
        """A schema applied to a value because it is applied to it: what satisfies it is what does so without that."""
        self.loops += 1
        self.report.add(
            "inexact", schema.pointer, "the schema refers to itself without entering a member or an item"
        )

    def _scalar(self, schema: Schema) -> Formula:
        """Schemas that say the same of strings and numbers are one atom, wherever they stand.

        `{"type": "string"}` stands in most schemas many times; options that share it then share their residuals too.
        """
        keywords, contents = schema.draft.keywords, schema.contents
        key = [schema.draft.name]
        for name in contents:
            keyword = keywords.get(name)
            if keyword is not None and keyword.group:
                # N.B. spelled out, since 1 == True to Python.
                key.append(f"{name} {contents[name]!r}")
        shared = tuple(key)
        known = self._scalars.get(shared)
        if known is None:
            words = _words_of(schema) if "pattern" in contents else None
            known = (
                self.algebra.atom(schema)
                if words is None
                else literals(self.algebra, words, schema.at("pattern"))
            )
            self._scalars[shared] = known
            if words is None:
                self._scalar_keys[known] = (self.assert_formats, *shared)
                if schema.groups == Group.TYPE:
                    integers = schema.only_integers and schema.draft.boolean_schemas
                    says = (self.declared_order, schema.kinds_allowed, schema.only_integers, integers)
                    self._shared[known] = says
        return known

    def _listed(self, schema: Schema) -> Formula:
        found = self.algebra.TRUE
        if schema.get("enum") is not None:
            found = literals(self.algebra, _of_type(schema, schema.contents["enum"]), schema.at("enum"))
        if "const" in schema.contents and "const" in schema.draft.keywords:
            one = literals(self.algebra, _of_type(schema, [schema.contents["const"]]), schema.at("const"))
            found = self.algebra.conjunction((found, one))
        return found

    # What goals are asked (`formula.Hooks`).

    def is_empty(self, goal: Formula) -> bool:
        return self.search.is_empty(goal)

    def cases(self, goal: Formula) -> Cases:
        known: Cases | None = goal.answers.get("cases")
        if known is None:
            key = self._scalar_keys.get(goal)
            known = goal.answers["cases"] = (
                self._cases(goal) if key is None else self._scalar_cases(goal, key)
            )
        return known

    def _scalar_cases(self, goal: Formula, key: tuple[Hashable, ...]) -> Cases:
        """`_cases` of a schema that says nothing of containers, kept for all compilations."""
        known = _CASES.get(key)
        if known is not None:
            return known
        found = self._cases(goal)
        of_containers = found.arrays or found.objects
        if not (
            of_containers
            or goal in self.unwritten
            or self.relaxed_patterns
            or self._is_noted(goal.atom.pointer)
        ):
            # Nothing is noted, so that nothing has to be noted again.
            _CASES[key] = found
            if len(_CASES) > _CASES_KEPT:
                with suppress(KeyError):  # another thread was faster
                    _CASES.popitem(last=False)
        return found

    def _is_noted(self, pointer: str) -> bool:
        """Is anything said of a schema, or of none in particular? It may have been before its cases were asked for."""
        return any(note.pointer == "#" or note.pointer.startswith(pointer) for note in self.report)

    def _cases(self, goal: Formula) -> Cases:
        possible = goal.possible
        return Cases(
            null=bool(possible & values.NULL) and expand(goal, values.NULL).is_true,
            true=bool(possible & values.TRUE) and expand(goal, values.TRUE).is_true,
            false=bool(possible & values.FALSE) and expand(goal, values.FALSE).is_true,
            number=self.numbers(goal) if possible & values.NUMBER else NOTHING,
            strings=self.strings(goal) if possible & values.STRING else (),
            arrays=self.array_states(expand(goal, values.ARRAY)) if possible & values.ARRAY else (),
            objects=self._first_objects(goal) if possible & values.OBJECT else (),
        )

    def strings(self, goal: Formula) -> tuple[StringCase, ...]:
        known: tuple[StringCase, ...] | None = goal.answers.get("strings")
        if known is None:
            formula = expand(goal, values.STRING)
            known = goal.answers["strings"] = string_cases(
                formula, lambda message: self._undecided(goal, message)
            )
            if not known and is_unwritten(formula):
                self.unwritten.append(goal)
        return known

    def is_undecided_in_part(self, goal: Formula) -> bool:
        """Are there strings of which only a decision on the whole can say whether they satisfy the goal?"""
        return any(atom.gap is not None for atom in atoms_of(expand(goal, values.STRING)))

    def numbers(self, goal: Formula) -> Expr:
        known: Expr | None = goal.answers.get("numbers")
        if known is None:
            formula = expand(goal, values.NUMBER)
            known = goal.answers["numbers"] = number_language(
                formula, lambda message: self._undecided(goal, message)
            )
        return known

    def has_numbers(self, goal: Formula) -> bool:
        return self.numbers(goal) is not NOTHING

    def _undecided(self, goal: Formula, message: str) -> None:
        self.report.add("inexact", "#", f"{message}: {goal.describe()}")

    def has_plain_values(self, contents: Any, resource: Resource) -> bool:
        return has_plain_values(self, contents, resource)

    def min_bytes(self, goal: Formula) -> int:
        return self.least.of_goal(goal)

    def shared(self, goal: Formula) -> Hashable | None:
        return self._shared.get(goal)

    # States.

    def _first_objects(self, goal: Formula) -> tuple[ObjectState, ...]:
        formula = object_formula(goal)
        found: list[ObjectState] = []
        for option in object_alternatives(formula):
            found.extend(self.object_states(option, self.table_of(option), 0, frozenset()))
        return tuple(dict.fromkeys(found))

    def object_states(
        self, formula: Formula, table: NameTable, at: int, seen: frozenset[str]
    ) -> tuple[ObjectState, ...]:
        """The formula as a union of states; those that cannot be completed left out."""
        return tuple(
            self._object_state(option, table, at, seen)
            for option in object_alternatives(formula)
            if self.search.object_is_live(option, table, at, seen)
        )

    def _object_state(self, formula: Formula, table: NameTable, at: int, seen: frozenset[str]) -> ObjectState:
        parts = fixed_parts(formula)
        if parts is not None:
            trackers, absent, missing, low, high = parts
            return self.fixed_object(self.frame(trackers, absent, table), missing, low, high, at, seen)
        return self.open_object(formula, table, at, seen)

    def open_object(self, formula: Formula, table: NameTable, at: int, seen: frozenset[str]) -> OpenObject:
        key = (formula, table, at, seen)
        known: OpenObject | None = self._objects.get(key)
        if known is None:
            known = self._objects[key] = OpenObject(self, formula, table, at, seen)
        return known

    def fixed_object(
        self, frame: Frame, missing: frozenset[str], low: int, high: int | None, at: int, seen: frozenset[str]
    ) -> FixedObject:
        key = (frame, missing, low, high, at, seen)
        known: FixedObject | None = self._objects.get(key)
        if known is None:
            known = self._objects[key] = FixedObject(frame, missing, low, high, at, seen)
        return known

    def frame(self, trackers: tuple[Any, ...], absent: frozenset[str], table: NameTable) -> Frame:
        key = (trackers, absent, table)
        known = self._frames.get(key)
        if known is None:
            known = self._frames[key] = Frame(self, trackers, absent, table)
        return known

    def table_of(self, formula: Formula) -> NameTable:
        """The names of a container formula at its start."""
        key = names_and_languages(formula)
        known = self._tables.get(key)
        if known is None:
            known = self._tables[key] = NameTable(*key)
        return known

    def array_states(self, formula: Formula) -> tuple[ArrayState, ...]:
        """The formula as a union of states; those that cannot be completed left out."""
        options = alternatives(formula, _ALTERNATIVES)
        return tuple(self.array_state(option) for option in options if self.search.array_is_live(option))

    def array_branches(self, goal: Formula, rest: Formula) -> Iterator[tuple[Formula, ArrayState]]:
        """An item of the goal and then `rest`, as (goal, state) pairs; the goals are left with what can be completed.

        Where `rest` waits for the item's value not every value may do: one that must come again must be able to.
        """
        for option in alternatives(rest, _ALTERNATIVES):
            narrowed = self.search.item_before(goal, option)
            if not narrowed.is_false:
                yield narrowed, self.array_state(option)

    def array_state(self, formula: Formula) -> ArrayState:
        parts = fixed_array_parts(formula)
        if parts is not None:
            return self.fixed_array(*parts)
        known: OpenArray | None = self._arrays.get(formula)
        if known is None:
            known = self._arrays[formula] = OpenArray(self, formula)
        return known

    def fixed_array(self, trackers: tuple[Any, ...], low: int, high: int | None) -> FixedArray:
        key = (trackers, low, high)
        known: FixedArray | None = self._arrays.get(key)
        if known is None:
            known = self._arrays[key] = FixedArray(self, trackers, low, high)
        return known


_WORDS = re.compile(r"\^(?:([\w /:@-]+)|\(([\w /:@-]+(?:\|[\w /:@-]+)*)\))\$", re.ASCII)


def _words_of(schema: Schema) -> list[str] | None:
    """The strings of a pattern like `^Point$` or `^(a|b)$`, which people write for tags; None for any other."""
    if schema.kinds_allowed != values.STRING:
        return None
    if any(keyword in schema.contents for keyword in ("format", "minLength", "maxLength")):
        return None
    match = _WORDS.fullmatch(schema.contents["pattern"])
    return None if match is None else (match[1] or match[2]).split("|")


def _asks_for_spelling(schema: Schema) -> bool:
    """Integers of drafts 3 and 4 have to be written as such, which listed values alone do not say."""
    return schema.only_integers and not schema.draft.boolean_schemas


def _of_type(schema: Schema, listed: list[Any]) -> list[Any]:
    allowed = schema.kinds_allowed
    return [
        value
        for value in listed
        if (kind := values.kind_of(value)) & allowed
        and not (kind == values.NUMBER and schema.only_integers and not values.is_integral(value))
    ]
