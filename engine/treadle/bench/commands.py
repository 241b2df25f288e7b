"""`treadle bench ...`: reading arguments; the work is in the other files of this folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from treadle.bench.tasks import Task
from treadle.inputs import WrongArgument

app = typer.Typer(
    name="bench", help="Measure treadle and other engines over collections of schemas.", no_args_is_help=True
)

#: Exit status of a comparison that found what it was told to fail for.
WORSE = 1

DataOption = Annotated[
    list[str],
    typer.Option(
        help="MaskBench's .jsonl(.gz), a folder of schemas, a checkout, a test suite, or hub:NAME; several times."
    ),
]
ListOption = Annotated[Path | None, typer.Option("--list", help="File of the ids to measure, one a line.")]
RayOption = Annotated[bool, typer.Option("--ray", help="Slots are actors of a Ray cluster that is running.")]
AddressOption = Annotated[str, typer.Option(help="Of the Ray cluster; auto finds the one of this machine.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only so many of them, evenly spread.")]


@app.command()
def mask(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder of the run; one that is there is gone on with.")],
    tokenizer: Annotated[
        Path | None, typer.Option(help="Folder of a tokenizer (default: the bundled model's).")
    ] = None,
    list_: ListOption = None,
    engines: Annotated[
        str, typer.Option(help="Names, separated by commas; see docs/benchmark.md.")
    ] = "treadle,llguidance,xgrammar-compliant",
    workers: Annotated[
        int, typer.Option(min=1, help="Slots: each has a CPU and a process of each engine.")
    ] = 1,
    timeout: Annotated[float, typer.Option(min=0.1, help="Processor seconds for a schema.")] = 30.0,
    memory: Annotated[float, typer.Option(min=0, help="GiB that a schema may take; 0 for no limit.")] = 8.0,
    limit: LimitOption = None,
    ray: RayOption = False,
    ray_address: AddressOption = "auto",
) -> None:
    """Masks without a model: times, and coverage by instances, of several engines in turns on one CPU."""
    from treadle.bench import page, reporting
    from treadle.bench.driving import Plan, execute
    from treadle.bench.tokenizer_folder import TokenizerFolder

    names = _engines(engines)
    tasks = _tasks(data, list_, limit)
    folder = TokenizerFolder(tokenizer or _bundled()).path
    cluster = ray_address if ray else None
    execute(Plan(tasks, names, [*map(_whole, data)], folder, out, workers, timeout, memory, ray=cluster))
    reporting.show(out)
    typer.echo(f"page: {page.write(out)}")


@app.command()
def generate(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder of the run; one that is there is gone on with.")],
    model: Annotated[
        Path | None, typer.Option(help="Folder of a transformers model (default: the bundled one).")
    ] = None,
    list_: ListOption = None,
    engines: Annotated[
        str, typer.Option(help="Names, separated by commas.")
    ] = "treadle,treadle-budget,llguidance,xgrammar-compliant,unconstrained",
    workers: Annotated[int, typer.Option(min=1, help="Slots, as in `mask`.")] = 1,
    timeout: Annotated[float, typer.Option(min=0.1, help="Processor seconds for a schema.")] = 120.0,
    memory: Annotated[float, typer.Option(min=0, help="GiB that a schema may take; 0 for no limit.")] = 8.0,
    limit: LimitOption = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a text at most.")] = 128,
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the likeliest token.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the draws; each schema has its own.")] = 0,
    ray: RayOption = False,
    ray_address: AddressOption = "auto",
) -> None:
    """A model writes under each engine's masks: declared, empirical and true coverage, time of a token."""
    written = Written(max_tokens, temperature, seed, model)
    _write(
        _tasks(data, list_, limit),
        engines,
        data,
        written,
        out,
        workers,
        timeout,
        memory,
        ray_address if ray else None,
    )


@app.command()
def quality(
    data: Annotated[
        list[str], typer.Option(help="GSM8K's .jsonl(.gz), or lines {id, prompt, schema, answer}.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run; one that is there is gone on with.")],
    model: Annotated[
        Path | None, typer.Option(help="Folder of a transformers model (default: the bundled one).")
    ] = None,
    engines: Annotated[
        str, typer.Option(help="Names, separated by commas.")
    ] = "treadle-declared,treadle-budget,llguidance,unconstrained",
    workers: Annotated[int, typer.Option(min=1, help="Slots, as in `mask`.")] = 1,
    timeout: Annotated[float, typer.Option(min=0.1, help="Processor seconds for a question.")] = 300.0,
    memory: Annotated[float, typer.Option(min=0, help="GiB that a question may take; 0 for no limit.")] = 8.0,
    limit: LimitOption = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a text at most.")] = 256,
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the likeliest token.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the draws; each question has its own.")] = 0,
    ray: RayOption = False,
    ray_address: AddressOption = "auto",
) -> None:
    """Whether a model that writes under a mask answers questions as rightly as one that does not."""
    from treadle.bench import questions

    tasks = _spread([task for each in data for task in questions.load(Path(each))], limit)
    written = Written(max_tokens, temperature, seed, model)
    _write(tasks, engines, data, written, out, workers, timeout, memory, ray_address if ray else None)


@app.command()
def show(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    parquet: Annotated[Path | None, typer.Option(help="Write the records to this file as well.")] = None,
) -> None:
    """The tables of a run, finished or not, and its page anew."""
    from treadle.bench import page, reporting

    reporting.show(run)
    typer.echo(f"page: {page.write(run)}")
    if parquet:
        from treadle.bench import parquet as columns

        typer.echo(f"records: {columns.write(run, parquet)} in {parquet}")


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="Folder of a run.")],
    after: Annotated[Path, typer.Argument(help="Folder of a later run.")],
    relative_to: Annotated[
        str | None, typer.Option(help="Engine of both runs: ratios are divided by its own.")
    ] = None,
    engines: Annotated[
        str | None, typer.Option(help="Engines that may fail the check (default: all).")
    ] = None,
    fail_if_slower: Annotated[
        float | None, typer.Option(min=0, help="Exit status 1 if a time grew by more than this share: 0.2.")
    ] = None,
    fail_if_fewer: Annotated[
        int | None, typer.Option(min=0, help="Exit status 1 if more schemas than this are lost on balance.")
    ] = None,
) -> int:
    """Two runs side by side; as a check for CI, whether the second one is worse."""
    from treadle.bench import comparison, table

    changes = comparison.compare(before, after)
    ratios = (
        comparison.relative(changes, relative_to)
        if relative_to
        else {change.engine: change.ratios() for change in changes}
    )
    table.show_changes(changes, ratios)
    worse = comparison.regressions(
        changes,
        ratios,
        slower=fail_if_slower,
        fewer=fail_if_fewer,
        engines=_engines(engines) if engines else (),
    )
    for line in worse:
        typer.echo(line, err=True)
    return WORSE if worse else 0


@app.command()
def data(source: Annotated[list[str], typer.Argument(help="What --data takes.")]) -> None:
    """Splits of a collection, and how many schemas and instances each has."""
    from treadle.bench import loaders, table

    table.show_counts(loaders.counts(loaders.load(source)))


@dataclass(frozen=True, slots=True)
class Written:
    """How texts are written, and by which model; None is the bundled one."""

    max_tokens: int
    temperature: float
    seed: int
    model: Path | None


def _write(
    tasks: list[Task], engines: str, data: list[str], written: Written, out: Path,
    workers: int, timeout: float, memory: float, cluster: str | None,
) -> None:  # fmt: skip
    """Let a model write under each engine's masks, show the tables of the run and write its page."""
    from treadle.bench import page, reporting
    from treadle.bench.driving import Plan, execute
    from treadle.bench.tokenizer_folder import TokenizerFolder

    folder = TokenizerFolder(written.model or _bundled()).path
    writing = {**asdict(written), "model": str(folder.resolve())}
    places = [*map(_whole, data)]
    execute(Plan(tasks, _engines(engines), places, folder, out, workers, timeout, memory, writing, cluster))
    reporting.show(out)
    typer.echo(f"page: {page.write(out)}")


def _engines(given: str) -> list[str]:
    from treadle.bench.adapters import ENGINES, is_known

    names = list(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    unknown = [name for name in names if not is_known(name)]
    if unknown or not names:
        what = f"no engine {unknown[0]!r}" if unknown else "none is named"
        raise WrongArgument(f"--engines {given}: {what}; known: {', '.join(ENGINES)}, MODULE:CLASS")
    return names


def _tasks(data: list[str], list_: Path | None, limit: int | None) -> list[Task]:
    from treadle.bench import loaders

    try:
        chosen = list_.read_text("utf-8").split() if list_ else None
    except OSError as error:
        raise WrongArgument(f"--list {list_}: {error.strerror}") from None
    return _spread(loaders.load(data, chosen), limit)


def _spread(tasks: list[Task], limit: int | None) -> list[Task]:
    if limit and limit < len(tasks):
        return [tasks[place * len(tasks) // limit] for place in range(limit)]
    return tasks


def _bundled() -> Path:
    from treadle.integrations.bundled import bundled_model

    return bundled_model()


def _whole(data: str) -> str:
    """A path that means the same from every folder."""
    return str(Path(data).resolve()) if Path(data).exists() else data
