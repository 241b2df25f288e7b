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


def only_one(given: dict[str, Any]) -> str:
    named = [name for name, value in given.items() if value]
    if len(named) != 1:
        raise WrongArgument("give exactly one of --schema, --regex, --grammar, --choices, --type")
    return named[0]


def json_policies(
    order: Order, space: Whitespace, escapes: Escapes, formats: Formats, lenient: bool
) -> dict[str, Any]:
    return {
        "property_order": order.value,
        "whitespace": space.value,
        "escapes": escapes.value,
        "formats": formats.value,
        "lenient": lenient,
    }


def grammar_policies(start: str | None, lexing: Lexing) -> dict[str, Any]:
    return {"start": start, "lexing": lexing.value}


def with_resources(kind: str, policies: dict[str, Any], resource: list[str] | None) -> dict[str, Any]:
    if kind == "grammar" and resource:
        raise WrongArgument("--resource goes with a schema")
    return policies if kind == "grammar" else {**policies, "registry": inputs.registry(resource)}


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
