"""Constraints: what a text must be. Values that do not change, and `compile`, which turns them into automata.

    JsonSchema    a JSON Schema as dict, bool, JSON text, path or pydantic class
    Regex         a regular expression in Python's dialect, matching the whole text (or ECMA-262's)
    Choice        one of some strings
    PythonType    the JSON of a Python type, as pydantic reads it
    Grammar       texts of a context-free grammar, in Lark's language, GBNF or EBNF
    Union         any of several constraints

Each knows its rules (`rules()`), a context-free one its grammar (`cfg()`), its report, and nothing of tokens. What is
composed of constraints is in `composition`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from treadle import grammar_files
from treadle.automata.byte_automaton import DEAD
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.errors import InvalidConstraint, UnsatisfiableConstraint, UnsupportedFeature
from treadle.frontends.grammars.composition import Collected, grammar_of, item_of_rules
from treadle.frontends.grammars.operators import Item, Options
from treadle.frontends.grammars.reading import Reading
from treadle.frontends.json_schema.report import Report
from treadle.frontends.json_schema.text import Escapes, Whitespace, Writer
from treadle.frontends.regex import parse_ecma, parse_python
from treadle.grammar import rules
from treadle.grammar.cfg import Cfg
from treadle.grammar.emptiness import is_empty
from treadle.grammar.expression import words
from treadle.grammar.guards import Judge
from treadle.matching.compiled import Compiled, CompiledGrammar
from treadle.matching.token_tables import token_tables
from treadle.parse_tables import parse_tables
from treadle.vocabulary import Vocabulary


class Constraint(ABC):
    """What a text must be."""

    @abstractmethod
    def rules(self) -> tuple[rules.Node, Report]:
        """The root rule and what is to be said about it. Raises a ConstraintError where that is impossible."""

    def item(self, collected: Collected) -> Item:
        """What it is as a part of a composition."""
        node, report = self.rules()
        collected.note(report)
        return item_of_rules(node)

    def __or__(self, other: Constraint) -> Union:
        return Union((self, other))


class ContextFree(Constraint):
    """A constraint that is a context-free grammar: `cfg()` says which, and there are no rules to unfold."""

    #: Predicates by the name that productions of the grammar have for them (`Production.guard`).
    guards: Mapping[str, Judge]

    @abstractmethod
    def cfg(self) -> Cfg:
        """The grammar as it is written, without any normal form. Raises a ConstraintError where it is wrong."""

    @abstractmethod
    def report(self) -> Report:
        """What is to be said about it."""

    def rules(self) -> tuple[rules.Node, Report]:
        raise UnsupportedFeature("a grammar is read from tables, and has no rules to unfold")

    def item(self, collected: Collected) -> Item:
        collected.note(self.report())
        return collected.nested(self.cfg(), self.guards)


class Composition(ContextFree):
    """A constraint made of others (`composition`), as one grammar."""

    @abstractmethod
    def item(self, collected: Collected) -> Item:
        """What of a grammar this is."""

    @cached_property
    def _composed(self) -> tuple[Cfg, Collected]:
        collected = Collected()
        return grammar_of(self.item(collected)), collected

    def cfg(self) -> Cfg:
        return self._composed[0]

    def report(self) -> Report:
        return self._composed[1].report

    @property
    def guards(self) -> Mapping[str, Judge]:  # type: ignore[override]
        return self._composed[1].guards


class JsonSchema(Constraint):
    """JSON texts whose value satisfies a schema.

    schema          dict or bool, JSON text, path of a file, or a pydantic class
    property_order  "declared": as written in the schema, unlisted members last; "any": JSON Schema's own meaning
    whitespace      "flexible", "compact", "python" or "any" (frontends/json_schema/text.py)
    escapes         "any": every legal spelling of a string; "canonical": as json.dumps(ensure_ascii=False)
    formats         "assert": `format` restricts strings; "annotate": it does not
    lenient         keywords that cannot be enforced become entries of the report instead of errors
    registry        a `referencing.Registry` for references to other documents; nothing is fetched

    Raises InvalidConstraint, UnsupportedFeature, UnsatisfiableConstraint with the JSON pointer, when compiled.
    """

    def __init__(
        self,
        schema: Any,
        *,
        property_order: Literal["declared", "any"] = "declared",
        whitespace: Whitespace = "flexible",
        escapes: Escapes = "any",
        formats: Literal["assert", "annotate"] = "assert",
        lenient: bool = False,
        registry: Any = None,
    ) -> None:
        _one_of("property_order", property_order, ("declared", "any"))
        _one_of("whitespace", whitespace, ("flexible", "compact", "python", "any"))
        _one_of("escapes", escapes, ("canonical", "any"))
        _one_of("formats", formats, ("assert", "annotate"))
        self.schema: Any = read_schema(schema)
        self.property_order = property_order
        self.whitespace = whitespace
        self.escapes = escapes
        self.formats = formats
        self.lenient = lenient
        self.registry = registry

    def rules(self) -> tuple[rules.Node, Report]:
        # The algebra: not needed by other constraints.
        from treadle.frontends.json_schema import compile_schema, dispose_with, work_behind
        from treadle.frontends.json_schema.plain_values import plain_values

        goal, report = compile_schema(
            self.schema, property_order=self.property_order, formats=self.formats, lenient=self.lenient,
            registry=self.registry,
        )  # fmt: skip
        writer = Writer(self.whitespace, self.escapes)
        # Every rule that is not unfolded yet holds the writer, and nothing else asks goals.
        dispose_with(writer, goal)
        common = plain_values(writer, self.property_order == "declared")
        return rules.Prepared(writer.document(goal), common, work_behind(goal)), report


@dataclass(frozen=True)
class Regex(Constraint):
    """Texts that a regular expression matches as a whole (dialect "python", as re.fullmatch) or finds something in
    (dialect "ecma", as JSON Schema's `pattern`).
    """

    pattern: str
    dialect: Literal["python", "ecma"] = "python"

    def rules(self) -> tuple[rules.Node, Report]:
        language = parse_python(self.pattern) if self.dialect == "python" else parse_ecma(self.pattern)
        if is_empty(language):
            raise UnsatisfiableConstraint("no text matches this pattern", found=repr(self.pattern)[:80])
        return rules.Text(language), Report()


@dataclass(frozen=True)
class Choice(Constraint):
    """One of some strings."""

    options: tuple[str, ...]

    def __init__(self, options: Iterable[str]) -> None:
        object.__setattr__(self, "options", tuple(options))

    def rules(self) -> tuple[rules.Node, Report]:
        if not self.options:
            raise UnsatisfiableConstraint("a choice without options")
        for option in self.options:
            if not isinstance(option, str):
                raise InvalidConstraint(
                    "an option that is no string", found=repr(option)[:60], expected="str"
                )
        return rules.Text(words(self.options)), Report()


@dataclass(frozen=True)
class PythonType(Constraint):
    """The JSON of a Python type: builtins, typing, dataclasses, enums, TypedDicts, pydantic models.

    Needs pydantic, which knows the JSON Schema of a type; `policies` are JsonSchema's.
    """

    type: Any
    policies: Mapping[str, Any] = field(default_factory=dict)

    def schema(self) -> JsonSchema:
        try:
            from pydantic import TypeAdapter
        except ImportError as error:
            raise UnsupportedFeature("Python types need pydantic", expected="pip install pydantic") from error
        try:
            schema = TypeAdapter(self.type).json_schema()
        except Exception as error:  # pydantic's errors have no common base for "no schema for this type"
            raise InvalidConstraint(
                "no JSON Schema for this type", found=repr(self.type), expected=str(error)[:200]
            ) from error
        return JsonSchema(schema, **self.policies)

    def rules(self) -> tuple[rules.Node, Report]:
        return self.schema().rules()


class Grammar(ContextFree):
    """Texts of a context-free grammar.

    grammar       the name of a grammar that ships with treadle, a path, or the grammar itself
    start         the rule to start with; None: "start" in Lark's language, "root" in GBNF, the first rule in EBNF
    syntax        "lark", "gbnf", "ebnf", or "auto": by the file's suffix, or by `::=`
    lexing        "lexical": the longest lexeme that the parser could go on with, keywords before names, as lark's
                  contextual lexer; "scannerless": exact over characters, all ways are followed; "auto": what a
                  comment `// lexing: ...` asks for, else lexical in Lark's language and scannerless in the others
    indentation   blocks by indentation: "python", or names of terminals as frontends/grammars/indentation.py reads them
    guards        rule -> predicate that may veto a text of this rule once it is complete, or a Guard, which also
                  knows how such texts can be ended
    imports       folders in which %import looks, before those of treadle and lark

    Raises InvalidConstraint with line and column, when compiled.
    """

    def __init__(
        self,
        grammar: str | Path,
        *,
        start: str | None = None,
        syntax: Literal["auto", "lark", "gbnf", "ebnf"] = "auto",
        lexing: Literal["auto", "lexical", "scannerless"] = "auto",
        indentation: str | None = None,
        guards: Mapping[str, Judge] | None = None,
        imports: Sequence[str | Path] = (),
    ) -> None:
        _one_of("syntax", syntax, ("auto", "lark", "gbnf", "ebnf"))
        _one_of("lexing", lexing, ("auto", "lexical", "scannerless"))
        self.source = grammar_files.find(grammar, syntax)
        self.start = start
        self.lexing = lexing
        self.indentation = indentation
        self.guards = dict(guards or {})
        self.imports = tuple(imports)

    @cached_property
    def reading(self) -> Reading:
        return grammar_files.read(
            self.source, start=self.start, imports=self.imports, lexing=self.lexing,
            indentation=self.indentation, guards=tuple(self.guards),
            rules_of=lambda schema: JsonSchema(schema).rules()[0],
        )  # fmt: skip

    def cfg(self) -> Cfg:
        return self.reading.cfg

    def report(self) -> Report:
        report = Report()
        for where, sentence in self.reading.notes:
            report.add("annotation", where, sentence)
        return report


@dataclass(frozen=True)
class Union(Constraint):
    """Texts of any of these constraints."""

    members: tuple[Constraint, ...]

    def rules(self) -> tuple[rules.Node, Report]:
        found = [member.rules() for member in self.members]
        # Calls are keyed by objects that belong to one compilation, so the members' rules cannot collide.
        joined = Report()
        for _, report in found:
            for note in report:
                joined.add(note.kind, note.pointer, note.message)
        return rules.Choice(tuple(node for node, _ in found)), joined

    def item(self, collected: Collected) -> Item:
        return Options(tuple(member.item(collected) for member in self.members))


@dataclass(frozen=True)
class _ContextFreeUnion(Composition):
    """A union of which some member is a grammar."""

    union: Union

    def item(self, collected: Collected) -> Item:
        return self.union.item(collected)


def context_free(constraint: Constraint) -> ContextFree | None:
    """The constraint as one with a grammar; None where it is one with rules."""
    if isinstance(constraint, Union) and any(map(context_free, constraint.members)):
        return _ContextFreeUnion(constraint)
    return constraint if isinstance(constraint, ContextFree) else None


def read_schema(schema: Any) -> Any:
    """A schema as JSON value: from dict or bool, pydantic class, path, or JSON text."""
    if isinstance(schema, (dict, bool)):
        return schema
    if hasattr(schema, "model_json_schema"):
        return schema.model_json_schema()
    if isinstance(schema, Path) or (
        isinstance(schema, str) and schema.lstrip()[:1] not in ("{", "t", "f", '"', "[")
    ):
        return _parse(_read(Path(schema)), str(schema))
    if isinstance(schema, str):
        path = Path(schema)
        if len(schema) < 4096 and "\n" not in schema and schema.endswith(".json") and path.is_file():
            return _parse(_read(path), schema)
        return _parse(schema, "")
    if isinstance(schema, bytes):
        return _parse(schema.decode("utf-8", "replace"), "")
    raise InvalidConstraint(
        "not a schema", found=type(schema).__name__, expected="dict, bool, JSON text, path or pydantic class"
    )


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise InvalidConstraint(f"the schema cannot be read: {why}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidConstraint("not UTF-8", where=f"{path}, byte {error.start}") from error


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise InvalidConstraint("the schema nests too deep to be read", where=where) from error
    except ValueError as error:
        place = f"line {error.lineno} column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidConstraint(
            "the schema is not JSON", where=" ".join(x for x in (where, place) if x), found=str(error)
        ) from error


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidConstraint(
            f"unknown {name}", found=repr(value), expected=" or ".join(map(repr, allowed))
        )


def compile(constraint: Constraint, vocabulary: Vocabulary) -> Compiled:
    """The token automaton of a constraint over a vocabulary, wrapped for use.

    Nothing is done over the vocabulary here beyond what its first constraint pays for, and of the constraint only what
    is needed to refuse it when it is wrong, unsupported or unsatisfiable (each a ConstraintError with its place).
    """
    grammar = context_free(constraint)
    if grammar is None:
        root, report = constraint.rules()
        return Compiled(constraint, root, report, vocabulary)
    tables = parse_tables(grammar.cfg(), token_tables(vocabulary).single_bytes)
    automaton = ParseAutomaton(tables, grammar.guards)
    if automaton.start == DEAD:
        raise UnsatisfiableConstraint("no text satisfies this grammar")
    return CompiledGrammar(constraint, automaton, grammar.report(), vocabulary)
