"""What several commands are asked in the same words, and the policies and the constraint that the answers make."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import typer

import treadle
from treadle import inputs
from treadle.inputs import WrongArgument


class Order(str, Enum):
    declared = "declared"
    any = "any"


class Whitespace(str, Enum):
    flexible = "flexible"
    compact = "compact"
    python = "python"
    any = "any"


class Escapes(str, Enum):
    canonical = "canonical"
    any = "any"


class Formats(str, Enum):
    asserted = "assert"
    annotate = "annotate"


class When(str, Enum):
    final = "final"
    partial = "partial"


class Lexing(str, Enum):
    auto = "auto"
    lexical = "lexical"
    scannerless = "scannerless"


SchemaOption = Annotated[
    str | None, typer.Option(help="JSON Schema: a file, -, or the name of a shipped one.")
]
RegexOption = Annotated[
    str | None, typer.Option(help="Regular expression in Python's dialect; the whole text matches it.")
]
GrammarOption = Annotated[
    str | None,
    typer.Option(help="Grammar in Lark's language, GBNF or EBNF: a file, -, or the name of a shipped one."),
]
StartOption = Annotated[str | None, typer.Option(help="Rule that the grammar starts with.")]
LexingOption = Annotated[Lexing, typer.Option(help="How a grammar's terminals are told apart.")]
OrderOption = Annotated[Order, typer.Option(help="Order of an object's members.")]
WhitespaceOption = Annotated[Whitespace, typer.Option(help="White space between JSON tokens.")]
EscapesOption = Annotated[Escapes, typer.Option(help="Spelling of characters in JSON strings.")]
FormatsOption = Annotated[Formats, typer.Option(help="Whether `format` is enforced.")]
LenientOption = Annotated[
    bool, typer.Option("--lenient", help="Report what cannot be enforced instead of refusing it.")
]
ResourceOption = Annotated[
    list[str] | None,
    typer.Option(help="FILE or URI=FILE: a document that references may lead to; give it several times."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]
ModelOption = Annotated[
    str | None, typer.Option(help="Name or folder of a transformers model (default: the bundled one).")
]
PredicateOption = Annotated[
    str | None,
    typer.Option(
        help="file.py:function or module:function of a text that says whether it may stand; beside a constraint "
        "or alone."
    ),
]
PredicateWhenOption = Annotated[
    When, typer.Option(help="What the predicate is asked of: whole texts, or every prefix too.")
]
PredicateUnsoundOption = Annotated[
    bool,
    typer.Option(
        "--predicate-unsound", help="A prefix that the predicate refuses may have an admissible continuation."
    ),
]


def predicate_of(name: str | None, when: When, unsound: bool) -> Any:
    """The predicate that the options name; None if they name none."""
    if name is None:
        if unsound or when is not When.final:
            raise WrongArgument("--predicate-when and --predicate-unsound go with --predicate")
        return None
    function = inputs.named_object(name)
    if isinstance(function, treadle.Predicate):
        return function
    return treadle.Predicate(function, when.value, sound=not unsound)


def only_one(given: dict[str, Any]) -> str:
    named = [name for name, value in given.items() if value]
    if len(named) != 1:
        raise WrongArgument("give exactly one of --schema, --regex, --grammar, --choices, --type")
    return named[0]


def policies_of(
    *,
    property_order: Order,
    whitespace: Whitespace,
    escapes: Escapes,
    formats: Formats,
    lenient: bool,
    start: str | None,
    lexing: Lexing,
) -> dict[str, dict[str, Any]]:
    """The policies of every kind of constraint that has some, as they are reported."""
    json_policies: dict[str, Any] = {
        "property_order": property_order.value,
        "whitespace": whitespace.value,
        "escapes": escapes.value,
        "formats": formats.value,
        "lenient": lenient,
    }
    return {
        "schema": json_policies,
        "type": json_policies,
        "grammar": {"start": start, "lexing": lexing.value},
    }


def constraint_of(
    kind: str, value: Any, *, resource: list[str] | None, **policies: Any
) -> tuple[Any, dict[str, Any]]:
    """(the constraint, the policies it has been given, as they are reported); `policies` as for `policies_of`."""
    given = policies_of(**policies).get(kind, {})
    if kind == "grammar":
        if resource:
            raise WrongArgument("--resource goes with a schema")
        return constraint_from(kind, value, given), given
    return constraint_from(kind, value, {**given, "registry": inputs.registry(resource)}), given


def text_given(argument: str, what: str, *sources: str | None) -> str:
    """An argument that may be `-` for standard input, which can be read once: no source may name it as well."""
    if argument != "-":
        return argument
    if "-" in sources:
        raise WrongArgument(f"{what} and the constraint cannot both be standard input")
    return inputs.decode(inputs.read(argument), what).rstrip("\n")


def constraint_from(kind: str, value: Any, policies: dict[str, Any]) -> Any:
    if kind == "schema":
        return treadle.JsonSchema(inputs.schema(value), **policies)
    if kind == "regex":
        return treadle.Regex(value)
    if kind == "grammar":
        return treadle.Grammar(inputs.grammar(value), **policies)
    if kind == "choices":
        return treadle.Choice(value)
    return treadle.PythonType(inputs.python_type(value), policies)
