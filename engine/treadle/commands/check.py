"""`treadle check`: a constraint and a text in; accepted, or where the text leaves it and what it wants, out."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import treadle
from treadle import answers, inputs
from treadle.answers import JSON_SPACE
from treadle.commands.options import (
    Escapes,
    EscapesOption,
    Formats,
    FormatsOption,
    GrammarOption,
    JsonOption,
    LenientOption,
    Lexing,
    LexingOption,
    Order,
    OrderOption,
    ResourceOption,
    StartOption,
    Whitespace,
    WhitespaceOption,
    constraint_of,
)
from treadle.commands.reporting import REFUSED, progress
from treadle.inputs import WrongArgument


def check(
    schema: Annotated[
        str,
        typer.Argument(
            help="JSON Schema: a file, -, or the name of a shipped one. With --grammar: the text."
        ),
    ],
    instance: Annotated[
        str | None, typer.Argument(help="JSON text: a file or -. Not with --grammar.")
    ] = None,
    grammar: GrammarOption = None,
    start: StartOption = None,
    lexing: LexingOption = Lexing.auto,
    property_order: OrderOption = Order.any,
    whitespace: WhitespaceOption = Whitespace.any,
    escapes: EscapesOption = Escapes.any,
    formats: FormatsOption = Formats.asserted,
    lenient: LenientOption = False,
    resource: ResourceOption = None,
    as_json: JsonOption = False,
) -> int:
    """Say whether a text satisfies a schema or grammar and, if not, where it leaves it and what was allowed there."""
    policies: dict[str, Any] = {
        "property_order": property_order, "whitespace": whitespace, "escapes": escapes, "formats": formats,
        "lenient": lenient, "resource": resource, "start": start, "lexing": lexing,
    }  # fmt: skip
    if grammar is not None:
        if instance is not None:
            raise WrongArgument("with --grammar there is one text to check, and no schema")
        return _check_grammar(grammar, schema, policies, as_json=as_json)
    if instance is None:
        raise WrongArgument("give a schema and a JSON text, or --grammar and a text")
    if schema == "-" and instance == "-":
        raise WrongArgument("the schema and the instance cannot both be standard input")
    constraint, _ = constraint_of("schema", schema, **policies)
    data = inputs.read(instance)
    with progress("checking"):
        # A file ends with a newline, whatever the policy on white space; the place counts from its start all the same.
        start_of_text = len(data) - len(data.lstrip(JSON_SPACE))
        verdict = answers.place(treadle.check(constraint, data.strip(JSON_SPACE)), data, start_of_text)
    return _say(verdict, as_json=as_json)


def _check_grammar(grammar: str, text: str, policies: dict[str, Any], *, as_json: bool) -> int:
    if grammar == "-" and text == "-":
        raise WrongArgument("the grammar and the text cannot both be standard input")
    constraint, _ = constraint_of("grammar", grammar, **policies)
    data = inputs.read(text)
    with progress("checking"):
        verdict = treadle.check(constraint, data)
        # A file ends with a newline, which many grammars have no place for.
        if not verdict and data.endswith(b"\n"):
            verdict = treadle.check(constraint, data[:-1]) or verdict
    place = answers.place(verdict, data, 0)
    return _say(place if verdict else {**place, "pointer": ""}, as_json=as_json)


def _say(verdict: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        answers.print_json(verdict)
    elif verdict["accepted"]:
        typer.echo("accepted")
    else:
        typer.echo(answers.refusal(verdict))
    return 0 if verdict["accepted"] else REFUSED
