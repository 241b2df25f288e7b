"""`treadle tune`: a task and a space of configurations in; the one that does best, and all that was measured, out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from treadle import answers, inputs
from treadle.commands.options import (
    JsonOption,
)
from treadle.commands.reporting import INTERRUPTED, WRONG, complain


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
        return complain(f"interrupted after {len(found.trials)} trials; {kept}", INTERRUPTED)
    if out is not None:
        found.save(out)
    if found.best is not None and configuration is not None:
        found.best.configuration.save(configuration)
    if report is not None:
        found.report(report)
    if as_json:
        answers.print_json(found.to_dict())
    elif found.best is None:
        return complain(f"no trial was completed within the budget of {found.ended}", WRONG)
    else:
        held = "" if found.held_out_score is None else f", {found.held_out_score:.4f} on what was held out"
        typer.echo(f"{found.best.score:.4f} on what was tuned on{held}: {found.best.configuration.key}")
    return 0
