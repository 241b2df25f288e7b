"""`treadle generate`: a prompt and a constraint in; texts that satisfy it out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

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
    PredicateOption,
    PredicateUnsoundOption,
    PredicateWhenOption,
    RegexOption,
    ResourceOption,
    SchemaOption,
    StartOption,
    When,
    Whitespace,
    WhitespaceOption,
    constraint_of,
    only_one,
    policies_of,
    predicate_of,
    text_given,
)
from treadle.commands.reporting import progress
from treadle.errors import UnsatisfiableConstraint
from treadle.inputs import WrongArgument

PromptArgument = Annotated[
    str | None, typer.Argument(help="The prompt, or - to read it from standard input; none with --input.")
]
ChoicesOption = Annotated[list[str] | None, typer.Option(help="One allowed text; give it several times.")]
TypeOption = Annotated[str | None, typer.Option("--type", help="int, float, bool, str, or module:Class.")]
MaxTokensOption = Annotated[
    int, typer.Option(min=1, help="Token budget; the text is complete and valid within it.")
]
TemperatureOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="0 takes the likeliest token, 1 samples as the model says (default: 0; 1 with -n, --top-k ...)",
    ),
]
TopKOption = Annotated[int | None, typer.Option(min=1, help="Sample among the k likeliest tokens.")]
TopPOption = Annotated[
    float | None, typer.Option(min=0, max=1, help="Sample among the likeliest tokens that sum up to p.")
]
MinPOption = Annotated[
    float | None, typer.Option(min=0, max=1, help="Leave out tokens below min_p times the likeliest.")
]
SeedOption = Annotated[int | None, typer.Option(help="Makes sampling repeatable.")]
CountOption = Annotated[int, typer.Option("-n", "--n", min=1, help="How many texts.")]
StrategyOption = Annotated[
    str | None,
    typer.Option(help="beam, smc, cars, ... with options if wanted: beam:width=8. See docs/generate.md."),
]
MustIncludeOption = Annotated[
    list[str] | None,
    typer.Option(help="A phrase that the text has to contain; give it several times."),
]
ExpansionsOption = Annotated[
    int | None, typer.Option(min=1, help="Most hypotheses that a search may expand.")
]
ForcedRunsOption = Annotated[
    bool,
    typer.Option(
        "--forced-runs/--no-forced-runs",
        help="Write what the constraint forces in the tokenizer's own spelling, without asking the model.",
    ),
]
ExactBudgetOption = Annotated[
    bool,
    typer.Option(
        "--exact-budget", help="Local scores without the choices that do not fit --max-tokens; slower."
    ),
]
InputOption = Annotated[
    Path | None,
    typer.Option("--input", help="JSON lines {prompt, id, schema | regex | ...}; see docs/batches.md."),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(help="With --input: where answers go, a line each; gone on with if it is there."),
]
WorkersOption = Annotated[
    int, typer.Option(min=1, help="With --input: processes, each with a CPU and a model.")
]
TimeoutOption = Annotated[float, typer.Option(min=0.1, help="With --input: processor seconds for a line.")]
RayOption = Annotated[bool, typer.Option("--ray", help="With --input: on a Ray cluster that is running.")]
AddressOption = Annotated[str, typer.Option(help="Of the Ray cluster; auto finds the one of this machine.")]
StreamOption = Annotated[bool, typer.Option("--stream", help="Print the text as it is written.")]


def generate(
    prompt: PromptArgument = None,
    schema: SchemaOption = None,
    regex: RegexOption = None,
    grammar: GrammarOption = None,
    choices: ChoicesOption = None,
    type_: TypeOption = None,
    predicate: PredicateOption = None,
    predicate_when: PredicateWhenOption = When.final,
    predicate_unsound: PredicateUnsoundOption = False,
    model: ModelOption = None,
    max_tokens: MaxTokensOption = 256,
    temperature: TemperatureOption = None,
    top_k: TopKOption = None,
    top_p: TopPOption = None,
    min_p: MinPOption = None,
    seed: SeedOption = None,
    n: CountOption = 1,
    strategy: StrategyOption = None,
    must_include: MustIncludeOption = None,
    expansions: ExpansionsOption = None,
    forced_runs: ForcedRunsOption = True,
    exact_budget: ExactBudgetOption = False,
    stream: StreamOption = False,
    property_order: OrderOption = Order.declared,
    whitespace: WhitespaceOption = Whitespace.flexible,
    escapes: EscapesOption = Escapes.any,
    formats: FormatsOption = Formats.asserted,
    lenient: LenientOption = False,
    resource: ResourceOption = None,
    start: StartOption = None,
    lexing: LexingOption = Lexing.auto,
    as_json: JsonOption = False,
    input_: InputOption = None,
    output: OutputOption = None,
    workers: WorkersOption = 1,
    timeout: TimeoutOption = 600.0,
    ray: RayOption = False,
    ray_address: AddressOption = "auto",
) -> None:
    """Let a model write text that satisfies a constraint."""
    given = {"schema": schema, "regex": regex, "grammar": grammar, "choices": choices, "type": type_}
    sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p, "seed": seed}
    search = {"expansions": expansions, "forced_runs": forced_runs, "exact_budget": exact_budget}
    policies: dict[str, Any] = {
        "property_order": property_order, "whitespace": whitespace, "escapes": escapes, "formats": formats,
        "lenient": lenient, "start": start, "lexing": lexing,
    }  # fmt: skip
    asked = predicate_of(predicate, predicate_when, predicate_unsound)
    if (input_ is None) != (output is None):
        raise WrongArgument("--input and --output go together")
    if input_ is not None and output is not None:
        if prompt is not None or stream or as_json or must_include or asked is not None:
            raise WrongArgument(
                "--input goes with none of a prompt, --stream, --json, --must-include and --predicate"
            )
        _answer_lines(
            input_, output, workers, timeout, ray_address if ray else None,
            model=model, default=_default(given), policies=policies_of(**policies), resource=resource,
            options={"max_tokens": max_tokens, "n": n, "strategy": strategy, **sampling, **search},
        )  # fmt: skip
        return
    if prompt is None:
        raise WrongArgument("give a prompt, or --input and --output")
    kind = None if asked is not None and not any(given.values()) else only_one(given)
    if stream:
        _refuse_with_stream(several=as_json or n > 1, searching=exact_budget or not forced_runs)
    text = text_given(prompt, "the prompt", schema, grammar)
    constraint = None if kind is None else constraint_of(kind, given[kind], resource=resource, **policies)[0]
    options: dict[str, Any] = {
        "predicate": asked,
        "model": model,
        "max_tokens": max_tokens,
        **sampling,
        "strategy": _strategy(strategy, must_include),
    }
    if stream:
        _stream(text, constraint, options)
        return
    _show(_write(text, constraint, {**options, **search, "n": n}), as_json=as_json)


def _answer_lines(
    lines: Path, output: Path, workers: int, timeout: float, cluster: str | None, **answering: Any
) -> None:
    """Answer every line of a file; `answering`: as `Answering`, for what a line does not say itself."""
    from treadle.bench.answering import Answering
    from treadle.bench.prompts import Batch, answer_all

    answer_all(Batch(lines, output, Answering(**answering), workers, timeout, ray=cluster))


def _refuse_with_stream(*, several: bool, searching: bool) -> None:
    if several:
        raise WrongArgument("--stream goes with neither --json nor -n")
    if searching:
        raise WrongArgument("--stream goes with neither --exact-budget nor --no-forced-runs")


def _default(given: dict[str, Any]) -> tuple[str, Any] | None:
    """The constraint of lines that have none, as it can be told to other processes."""
    if not any(given.values()):
        return None
    kind = only_one(given)
    value = given[kind]
    if kind == "schema":
        return kind, inputs.schema(value)
    if kind == "grammar":
        grammar = inputs.grammar(value)
        return kind, str(grammar.resolve()) if isinstance(grammar, Path) else grammar
    return kind, value


def _write(prompt: str, constraint: Any, options: dict[str, Any]) -> list[Any]:
    with progress("writing"):
        results: list[Any] = treadle.generate(prompt, constraint, return_results=True, **options)
    if not results:
        raise UnsatisfiableConstraint(
            "the search ended without a text", expected="a larger width, or more expansions"
        )
    return results


def _show(results: list[Any], *, as_json: bool) -> None:
    if as_json:
        answers.print_json({"results": [answers.result(result) for result in results]})
        return
    for result in results:
        typer.echo(str(result))


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


def _stream(prompt: str, constraint: Any, options: dict[str, Any]) -> None:
    for piece in treadle.stream(prompt, constraint, **options):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
