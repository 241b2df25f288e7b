"""A tuning as one HTML file: what was found, how the search went, what each trial cost. No scripts, nothing loaded.

Plots are by matplotlib, as SVG inside of the page, the same bytes for the same tuning.
"""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from treadle.integrations.packages import require

if TYPE_CHECKING:
    from treadle.tuning.tuner import Trial, Tuned

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:62em;color:#222}"
    "table{border-collapse:collapse;font-size:13px}"
    "td,th{border-bottom:1px solid #ddd;padding:.25em .7em;text-align:left}"
    "code{font-size:12px}.pruned{color:#888}.best{background:#e8f3e8}svg{max-width:100%;height:auto}"
)


def page(tuned: Tuned) -> str:
    """The whole file."""
    require("matplotlib", "plots", "pip install 'treadle[tune]'")
    name = html.escape(tuned.task)
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}</title><style>{_STYLE}</style>",
        f"<h1>Tuning of {name}</h1>",
        _summary(tuned),
        *(f"<h2>{title}</h2>{svg}" for title, svg in plots(tuned.trials)),
        "<h2>Trials</h2>",
        _table(tuned),
        "</html>\n",
    ]
    return "\n".join(parts)


def _summary(tuned: Tuned) -> str:
    calls = sum(trial.model_calls for trial in tuned.trials)
    checks = sum(trial.constraint_calls for trial in tuned.trials)
    head = (
        f"<p>{len(tuned.trials)} trials, {calls} model calls, {checks} constraint calls; seed {tuned.seed}; "
        f"{len(tuned.dev)} examples tuned on, {len(tuned.held_out)} held out; ended by: {tuned.ended}.</p>"
    )
    if tuned.best is None:
        return head + "<p>No trial was completed.</p>"
    held = "not measured" if tuned.held_out_score is None else f"{tuned.held_out_score:.4f}"
    return (
        f"{head}<p>Best: <code>{html.escape(tuned.best.configuration.key)}</code></p>"
        f"<p>Score on what was tuned on {tuned.best.score:.4f}, on what was held out <b>{held}</b>.</p>"
    )


def _table(tuned: Tuned) -> str:
    rows = "".join(_row(trial, trial is tuned.best) for trial in tuned.trials)
    heads = ("trial", "state", "score", "model calls", "constraint calls", "configuration")
    return f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>{rows}</table>"


def _row(trial: Trial, best: bool) -> str:
    cells = (
        trial.number,
        trial.state,
        f"{trial.score:.4f}",
        trial.model_calls,
        trial.constraint_calls,
        f"<code>{html.escape(trial.configuration.key)}</code>",
    )
    kind = "best" if best else trial.state
    return f'<tr class="{kind}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def plots(trials: Sequence[Trial]) -> list[tuple[str, str]]:
    """(title, SVG) of each plot; none where nothing was completed."""
    whole = [trial for trial in trials if trial.state == "complete"]
    if not whole:
        return []
    return [
        ("Score by trial", _svg(_history, whole)),
        ("Score and cost", _svg(_costs, whole)),
        ("Score by strategy", _svg(_strategies, whole)),
    ]


def _history(axes: Any, trials: Sequence[Trial]) -> None:
    numbers, scores = [trial.number for trial in trials], [trial.score for trial in trials]
    best = [max(scores[: k + 1]) for k in range(len(scores))]
    axes.plot(numbers, scores, "o", color="#4477aa", label="trial")
    axes.step(numbers, best, where="post", color="#228833", label="best so far")
    axes.set(xlabel="trial", ylabel="score on dev")
    axes.legend(frameon=False)


def _costs(axes: Any, trials: Sequence[Trial]) -> None:
    for name in sorted({trial.configuration.strategy for trial in trials}):
        some = [trial for trial in trials if trial.configuration.strategy == name and trial.model_calls]
        axes.plot([trial.model_calls for trial in some], [trial.score for trial in some], "o", label=name)
    axes.set(xlabel="model calls", ylabel="score on dev")
    axes.legend(frameon=False)


def _strategies(axes: Any, trials: Sequence[Trial]) -> None:
    names = sorted({trial.configuration.strategy for trial in trials})
    groups = [[t.score for t in trials if t.configuration.strategy == name] for name in names]
    axes.boxplot(groups)
    axes.set_xticks(range(1, len(names) + 1), names)
    axes.set(ylabel="score on dev")


def _svg(draw: Any, trials: Sequence[Trial]) -> str:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    out = io.StringIO()
    # Without these two the bytes would differ from one run to the next.
    with mpl.rc_context({"svg.hashsalt": "treadle"}):
        figure = Figure(figsize=(8, 3.2), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot(), trials)
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
