"""The command line: `treadle generate`, `treadle infill`, `treadle check`, `treadle compile`.

In: files, `-` for standard input, or the name of a schema that ships with treadle. Out: the result on standard
output, for people or (`--json`) for programs; anything that went wrong as one line on standard error. Exit status 0:
done, accepted; 1: the instance is refused; 2: the constraint, the files or the arguments are wrong; 3: a mistake of
treadle's own.
Reading arguments is all that happens here; the commands call the same functions as `import treadle`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

import treadle
from treadle import answers, inputs
from treadle.answers import JSON_SPACE
from treadle.bench.commands import app as bench_app
from treadle.errors import TreadleError, UnsatisfiableConstraint
from treadle.inputs import WrongArgument

REFUSED, WRONG, BROKEN, INTERRUPTED = 1, 2, 3, 130
DEBUG = "TREADLE_DEBUG"
#: The class of all usage errors has moved between typer's releases, so it is taken from a public subclass of it:
#: a BadParameter is a UsageError is a ClickException.
USAGE_ERROR: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="treadle",
    help="What a language model writes satisfies a JSON Schema, a regular expression or a type, always.",
    epilog="Exit status: 0 done or accepted, 1 refused, 2 wrong constraint, file or argument.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(bench_app)


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. Never raises, unless TREADLE_DEBUG is set."""
    try:
        return _run(arguments)
    except TreadleError as error:
        return _complain(error, WRONG)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone. Python would complain once more when it flushes at exit, so give it a sink.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        return _complain(
            f"internal error: {type(error).__name__}: {error} (set {DEBUG}=1 for the traceback)", BROKEN
        )


def _run(arguments: Sequence[str] | None) -> int:
    # typer prints usage errors as a box of several lines; without its standalone mode they come to us instead.
    try:
        status = app(args=arguments, prog_name="treadle", standalone_mode=False)
    except typer.Exit as leave:
        return leave.exit_code
    except typer.Abort:
        return INTERRUPTED
    except USAGE_ERROR as error:
        # The one class without a message of its own: no arguments at all. Its text is the help.
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            return WRONG
        return _complain(error.format_message(), WRONG)
    return status if isinstance(status, int) else 0


def _complain(error: object, status: int) -> int:
    line = " ".join(str(error).split())
    print(f"treadle: {line}", file=sys.stderr)
    return status


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"treadle {treadle.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which version.")
    ] = False,
) -> None:
    """What a language model writes satisfies a JSON Schema, a regular expression or a type, always."""


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="The prompt, or - to read it from standard input.")],
    schema: Annotated[
        str | None, typer.Option(help="JSON Schema: a file, -, or the name of a shipped one.")
    ] = None,
    regex: Annotated[
        str | None, typer.Option(help="Regular expression in Python's dialect; the whole text matches it.")
    ] = None,
    grammar: GrammarOption = None,
    choices: Annotated[
        list[str] | None, typer.Option(help="One allowed text; give it several times.")
    ] = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="int, float, bool, str, or module:Class.")
    ] = None,
    model: ModelOption = None,
    max_tokens: Annotated[
        int, typer.Option(min=1, help="Token budget; the text is complete and valid within it.")
    ] = 256,
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="0 takes the likeliest token, 1 samples as the model says (default: 0; 1 with -n, --top-k ...)",
        ),
    ] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="Sample among the k likeliest tokens.")] = None,
    top_p: Annotated[
        float | None, typer.Option(min=0, max=1, help="Sample among the likeliest tokens that sum up to p.")
    ] = None,
    min_p: Annotated[
        float | None, typer.Option(min=0, max=1, help="Leave out tokens below min_p times the likeliest.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Makes sampling repeatable.")] = None,
    n: Annotated[int, typer.Option("-n", "--n", min=1, help="How many texts.")] = 1,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="beam, smc, cars, ... with options if wanted: beam:width=8 (see docs/generate.md)."
        ),
    ] = None,
    must_include: Annotated[
        list[str] | None,
        typer.Option(help="A phrase that the text has to contain; give it several times."),
    ] = None,
    expansions: Annotated[
        int | None, typer.Option(min=1, help="Most hypotheses that a search may expand.")
    ] = None,
    forced_runs: Annotated[
        bool,
        typer.Option(
            "--forced-runs/--no-forced-runs",
            help="Write what the constraint forces in the tokenizer's own spelling, without asking the model.",
        ),
    ] = True,
    exact_budget: Annotated[
        bool,
        typer.Option(
            "--exact-budget", help="Local scores without the choices that do not fit --max-tokens; slower."
        ),
    ] = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print the text as it is written.")] = False,
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
    """Let a model write text that satisfies a constraint."""
    given = {"schema": schema, "regex": regex, "grammar": grammar, "choices": choices, "type": type_}
    kind = _only_one(given)
    if stream and (as_json or n > 1):
        raise WrongArgument("--stream goes with neither --json nor -n")
    if stream and (exact_budget or not forced_runs):
        raise WrongArgument("--stream goes with neither --exact-budget nor --no-forced-runs")
    if prompt == "-" and "-" in {schema, grammar}:
        raise WrongArgument(f"the prompt and the {kind} cannot both be standard input")
    policies = _policies(property_order, whitespace, escapes, formats, lenient)
    policies = {"start": start, "lexing": lexing.value} if kind == "grammar" else policies
    constraint = _constraint(kind, given[kind], _with_resources(kind, policies, resource))
    text = inputs.decode(inputs.read(prompt), "the prompt").rstrip("\n") if prompt == "-" else prompt
    options: dict[str, Any] = {
        "model": model,
        "max_tokens": max_tokens,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "seed": seed,
        "strategy": _strategy(strategy, must_include),
    }
    if stream:
        _stream(text, constraint, options)
        return
    with _progress("writing"):
        results = treadle.generate(
            text,
            constraint,
            n=n,
            return_results=True,
            expansions=expansions,
            forced_runs=forced_runs,
            exact_budget=exact_budget,
            **options,
        )
    if not results:
        raise UnsatisfiableConstraint(
            "the search ended without a text", expected="a larger width, or more expansions"
        )
    if as_json:
        answers.print_json({"results": [answers.result(result) for result in results]})
        return
    for result in results:
        typer.echo(str(result))


@app.command()
def infill(
    text: Annotated[str, typer.Argument(help="A text with gaps, or - to read it from standard input.")],
    schema: Annotated[
        str | None, typer.Option(help="JSON Schema: a file, -, or the name of a shipped one.")
    ] = None,
    regex: Annotated[
        str | None, typer.Option(help="Regular expression in Python's dialect; the whole text matches it.")
    ] = None,
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
    kind = _only_one(given)
    if text == "-" and "-" in {schema, grammar}:
        raise WrongArgument(f"the text and the {kind} cannot both be standard input")
    policies = _policies(property_order, whitespace, escapes, formats, lenient)
    policies = {"start": start, "lexing": lexing.value} if kind == "grammar" else policies
    constraint = _constraint(kind, given[kind], _with_resources(kind, policies, resource))
    template = inputs.decode(inputs.read(text), "the text").rstrip("\n") if text == "-" else text
    with _progress("writing"):
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


@app.command()
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
    if grammar is not None:
        if instance is not None:
            raise WrongArgument("with --grammar there is one text to check, and no schema")
        return _check_grammar(grammar, schema, {"start": start, "lexing": lexing.value}, as_json=as_json)
    if instance is None:
        raise WrongArgument("give a schema and a JSON text, or --grammar and a text")
    if schema == "-" and instance == "-":
        raise WrongArgument("the schema and the instance cannot both be standard input")
    policies = _policies(property_order, whitespace, escapes, formats, lenient)
    constraint = _constraint("schema", schema, {**policies, "registry": inputs.registry(resource)})
    data = inputs.read(instance)
    with _progress("checking"):
        # A file ends with a newline, whatever the policy on white space; the place counts from its start all the same.
        start_of_text = len(data) - len(data.lstrip(JSON_SPACE))
        verdict = answers.place(treadle.check(constraint, data.strip(JSON_SPACE)), data, start_of_text)
    return _say(verdict, as_json=as_json)


def _check_grammar(grammar: str, text: str, policies: dict[str, Any], *, as_json: bool) -> int:
    if grammar == "-" and text == "-":
        raise WrongArgument("the grammar and the text cannot both be standard input")
    constraint = _constraint("grammar", grammar, policies)
    data = inputs.read(text)
    with _progress("checking"):
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


@app.command()
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
    policies = _policies(property_order, whitespace, escapes, formats, lenient)
    policies = {"start": start, "lexing": lexing.value} if kind == "grammar" else policies
    constraint = _constraint(kind, schema or grammar, _with_resources(kind, policies, resource))
    with _progress("reading the vocabulary"):
        vocabulary = inputs.vocabulary(vocab)
    started = time.perf_counter()
    with _progress("compiling"):
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


@app.command()
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
    with _progress("compiling the kernels"):
        load_kernels()
        load_grammar_kernels()
    typer.echo(f"kernels      {time.perf_counter() - started:.1f} s")
    for folder in vocab or ():
        started = time.perf_counter()
        with _progress("preparing the vocabulary"):
            token_tables(inputs.vocabulary(folder))
        typer.echo(f"{folder}  {time.perf_counter() - started:.1f} s")


@app.command()
def tune(
    task: Annotated[
        str, typer.Argument(help="The task: file.py:name or module:name (see docs/tree-search.md).")
    ],
    space: Annotated[
        Path | None, typer.Option(help="Configuration space, .json or .toml (default: the usual strategies).")
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials at most.")] = 30,
    model_calls: Annotated[int | None, typer.Option(min=1, help="Model calls at most.")] = None,
    constraint_calls: Annotated[int | None, typer.Option(min=1, help="Constraint calls at most.")] = None,
    seed: Annotated[int, typer.Option(help="Decides split, proposals and draws.")] = 0,
    held_out: Annotated[float, typer.Option(help="Share of examples that nothing is chosen by.")] = 0.5,
    study: Annotated[
        Path | None, typer.Option(help="SQLite file to keep trials in, and to go on from.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write all that was measured, as JSON.")] = None,
    configuration: Annotated[
        Path | None, typer.Option(help="Write the best configuration, .json or .toml.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML page with plots.")] = None,
    as_json: JsonOption = False,
) -> int:
    """Find the strategy, constraints and parameters that do best on a task. Ctrl-C keeps what --study has."""
    from treadle.tuning import Budget, Space
    from treadle.tuning import tune as search

    def say(trial: Any) -> None:
        typer.echo(
            f"{trial.number:>4}  {trial.state:<8}  {trial.score:.4f}  {trial.configuration.key}", err=True
        )

    found = search(
        inputs.named_object(task),
        None if space is None else Space.load(space),
        Budget(trials, model_calls, constraint_calls),
        seed=seed,
        study=study,
        held_out=held_out,
        progress=say,
    )
    if found.ended == "interrupted":
        kept = "call again to go on" if study else "nothing is kept without --study"
        return _complain(f"interrupted after {len(found.trials)} trials; {kept}", INTERRUPTED)
    if out is not None:
        found.save(out)
    if found.best is not None and configuration is not None:
        found.best.configuration.save(configuration)
    if report is not None:
        found.report(report)
    if as_json:
        answers.print_json(found.to_dict())
    elif found.best is None:
        return _complain(f"no trial was completed within the budget of {found.ended}", WRONG)
    else:
        held = "" if found.held_out_score is None else f", {found.held_out_score:.4f} on what was held out"
        typer.echo(f"{found.best.score:.4f} on what was tuned on{held}: {found.best.configuration.key}")
    return 0


# ---- constraints from arguments


def _only_one(given: dict[str, Any]) -> str:
    named = [name for name, value in given.items() if value]
    if len(named) != 1:
        raise WrongArgument("give exactly one of --schema, --regex, --grammar, --choices, --type")
    return named[0]


def _strategy(strategy: str | None, phrases: list[str] | None) -> Any:
    if not phrases:
        return strategy
    name, _, options = (strategy or "phrase_beam").partition(":")
    if name not in ("phrase_beam", "beam"):
        raise WrongArgument("--must-include goes with --strategy beam only")
    width = options.removeprefix("width=")
    if options and not (options.startswith("width=") and width.isdigit()):
        raise WrongArgument(f"--must-include goes with one option, width=N, and not with {options}")
    return treadle.PhraseBeam(phrases, int(width) if width else None)


def _policies(
    order: Order, space: Whitespace, escapes: Escapes, formats: Formats, lenient: bool
) -> dict[str, Any]:
    return {
        "property_order": order.value,
        "whitespace": space.value,
        "escapes": escapes.value,
        "formats": formats.value,
        "lenient": lenient,
    }


def _with_resources(kind: str, policies: dict[str, Any], resource: list[str] | None) -> dict[str, Any]:
    if kind == "grammar" and resource:
        raise WrongArgument("--resource goes with a schema")
    return policies if kind == "grammar" else {**policies, "registry": inputs.registry(resource)}


def _constraint(kind: str, value: Any, policies: dict[str, Any]) -> Any:
    if kind == "schema":
        return treadle.JsonSchema(inputs.schema(value), **policies)
    if kind == "regex":
        return treadle.Regex(value)
    if kind == "grammar":
        return treadle.Grammar(inputs.grammar(value), **policies)
    if kind == "choices":
        return treadle.Choice(value)
    return treadle.PythonType(inputs.python_type(value), policies)


# ---- writing


def _stream(prompt: str, constraint: Any, options: dict[str, Any]) -> None:
    for piece in treadle.stream(prompt, constraint, **options):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")


@contextmanager
def _progress(what: str) -> Iterator[None]:
    """A moving line on standard error while something takes long, for people only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} ..."):
        yield
