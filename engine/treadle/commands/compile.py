"""`treadle compile`, `treadle warmup`: what is enforced and what it took; kernels made before they are needed."""

from __future__ import annotations

import time
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
    Order,
    OrderOption,
    ResourceOption,
    StartOption,
    Whitespace,
    WhitespaceOption,
    constraint_of,
)
from treadle.commands.reporting import progress
from treadle.inputs import WrongArgument


def compile(
    schema: Annotated[
        str | None, typer.Argument(help="JSON Schema: a file, -, or the name of a shipped one.")
    ] = None,
    grammar: GrammarOption = None,
    start: StartOption = None,
    lexing: LexingOption = Lexing.auto,
    vocab: Annotated[Path | None, typer.Option(help="Folder of a tokenizer, or its tokenizer.json.")] = None,
    property_order: OrderOption = Order.declared,
    whitespace: WhitespaceOption = Whitespace.flexible,
    escapes: EscapesOption = Escapes.any,
    formats: FormatsOption = Formats.asserted,
    lenient: LenientOption = False,
    resource: ResourceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compile a schema or grammar and report what is enforced, what is not, and what it took."""
    from treadle.survey import (  # loads the engine, which --help and wrong arguments can do without
        survey,
        survey_grammar,
    )

    kind = "schema" if grammar is None else "grammar"
    if (schema is None) == (grammar is None):
        raise WrongArgument("give a schema or --grammar")
    constraint, policies = constraint_of(
        kind, schema or grammar, property_order=property_order, whitespace=whitespace, escapes=escapes,
        formats=formats, lenient=lenient, resource=resource, start=start, lexing=lexing,
    )  # fmt: skip
    with progress("reading the vocabulary"):
        vocabulary = inputs.vocabulary(vocab)
    started = time.perf_counter()
    with progress("compiling"):
        compiled = treadle.compile(constraint, vocabulary)
        compiled.matcher().mask()
        seconds = time.perf_counter() - started
        enforced, notes = survey_grammar(constraint) if kind == "grammar" else survey(constraint)
    rows = {
        "enforced": enforced,
        "policies": policies,
        "notes": sorted({str(note) for note in (*notes, *compiled.report)}),
        "vocabulary": len(vocabulary),
        "states": compiled.automaton.bytes.state_count,
        "seconds": round(seconds, 4),
    }
    if as_json:
        answers.print_json(rows)
        return
    for name, value in rows.items():
        for number, line in enumerate(answers.lines(value) or ["none"]):
            typer.echo(f"{'' if number else name:<12} {line}")


def warmup(
    vocab: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of a tokenizer to prepare as well; give it several times."),
    ] = None,
) -> None:
    """Compile every kernel once for this machine, so that the first start is as fast as every other."""
    from treadle.matching.grammar_warmup import load_grammar_kernels
    from treadle.matching.token_tables import token_tables  # loads the engine
    from treadle.matching.warmup import load_kernels

    started = time.perf_counter()
    with progress("compiling the kernels"):
        load_kernels()
        load_grammar_kernels()
    typer.echo(f"kernels      {time.perf_counter() - started:.1f} s")
    for folder in vocab or ():
        started = time.perf_counter()
        with progress("preparing the vocabulary"):
            token_tables(inputs.vocabulary(folder))
        typer.echo(f"{folder}  {time.perf_counter() - started:.1f} s")
