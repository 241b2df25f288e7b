"""`treadle infill`: a text with gaps and a constraint in; the gaps filled so that the whole satisfies it out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import treadle
from treadle import answers, inputs
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
    ModelOption,
    Order,
    OrderOption,
    RegexOption,
    ResourceOption,
    SchemaOption,
    StartOption,
    Whitespace,
    WhitespaceOption,
    constraint_of,
    only_one,
    text_given,
)
from treadle.commands.reporting import progress


def infill(
    text: Annotated[str, typer.Argument(help="A text with gaps, or - to read it from standard input.")],
    schema: SchemaOption = None,
    regex: RegexOption = None,
    grammar: GrammarOption = None,
    gap: Annotated[str, typer.Option(help="What stands for a gap in the text.")] = "<gap>",
    prompt: Annotated[str, typer.Option(help="What the model reads in front of the text.")] = "",
    model: ModelOption = None,
    max_tokens: Annotated[
        int, typer.Option(min=1, help="Most tokens that the model writes into a gap.")
    ] = 64,
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the likeliest token.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Makes sampling repeatable.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write an animation of the gaps filling up.")] = None,
    property_order: OrderOption = Order.declared,
    whitespace: WhitespaceOption = Whitespace.flexible,
    escapes: EscapesOption = Escapes.any,
    formats: FormatsOption = Formats.asserted,
    lenient: LenientOption = False,
    resource: ResourceOption = None,
    start: StartOption = None,
    lexing: LexingOption = Lexing.auto,
    as_json: JsonOption = False,
) -> None:
    """Let a model fill the gaps of a text so that the whole satisfies a constraint."""
    given = {"schema": schema, "regex": regex, "grammar": grammar}
    kind = only_one(given)
    template = text_given(text, "the text", schema, grammar)
    constraint, _ = constraint_of(
        kind, given[kind], property_order=property_order, whitespace=whitespace, escapes=escapes,
        formats=formats, lenient=lenient, resource=resource, start=start, lexing=lexing,
    )  # fmt: skip
    with progress("writing"):
        filled = treadle.infill(
            template, constraint, model=model, gap=gap, prompt=prompt, max_tokens=max_tokens,
            temperature=temperature, seed=seed, return_result=True,
        )  # fmt: skip
        if html is not None:
            inputs.write(html, answers.film(filled, template.split(gap)))
    if as_json:
        answers.print_json({"text": filled.text, "gaps": filled.gaps, "undecided": filled.undecided})
        return
    typer.echo(filled.text)
