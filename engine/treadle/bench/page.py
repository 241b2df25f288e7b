"""A run -> one HTML page that needs nothing else: curves, tables, coverage by split and by keyword, quality.

Clicking an engine in the legend hides its curves; that is all that its script does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from treadle.bench import table
from treadle.bench.curves import COLOURS, histogram, tail
from treadle.bench.records import read_run
from treadle.bench.reporting import engines_in_order, summaries
from treadle.bench.summary import (
    Coverage,
    Record,
    Summary,
    by_engine,
    by_keyword,
    by_split,
    categories,
    quality,
    written,
)

NAME = "index.html"

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem}
body{color:#1b1f24;background:#fff}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .4rem}p{margin:.3rem 0;max-width:62rem}
.pair{display:flex;flex-wrap:wrap;gap:1rem}.pair figure{flex:1 1 30rem;margin:0}
svg{width:100%;height:auto}
svg text{font-size:11px;fill:#555}.grid{stroke:#e4e7ea;fill:none}
.curve{fill:none;stroke-width:1.8;stroke-linejoin:round}
.off{opacity:.25}.hidden{display:none}button{font:inherit;border:1px solid #ccd1d6;border-radius:.4rem;
background:#fff;padding:.1rem .6rem;margin:.2rem .3rem .2rem 0;cursor:pointer}
i{display:inline-block;width:.8em;height:.8em;border-radius:50%;margin-right:.4em}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.86rem}
th,td{padding:.12rem .7rem;text-align:right;border-bottom:1px solid #eceff1;white-space:nowrap}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:#fff}
tr.part td{font-weight:600;padding-top:.5rem}
small{color:#666}
.bar b{display:inline-block;height:.9em;margin-right:.5em;border-radius:.2em;vertical-align:-.1em}
"""

_SCRIPT = """
for (const button of document.querySelectorAll("button[data-engine]")) {
  button.addEventListener("click", () => {
    const off = button.classList.toggle("off");
    button.setAttribute("aria-pressed", String(!off));
    const curves = document.querySelectorAll(".curve.e" + button.dataset.engine);
    for (const curve of curves) curve.classList.toggle("hidden", off);
  });
}
"""


def write(folder: Path) -> Path:
    """Write the page of a run into its folder."""
    settings, records = read_run(folder)
    target = folder / NAME
    target.write_text(page(settings, records), "utf-8")
    return target


def page(settings: Mapping[str, Any], records: Sequence[Record]) -> str:
    engines = engines_in_order(records)
    body = _answers(records, engines) if any("right" in row for row in records) else ""
    body = body or _written(settings, records, engines) + _masks(settings, records, engines)
    parts = [_heading(settings, records), _legend(engines, settings.get("versions", {})), body]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>treadle bench</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}<script>{_SCRIPT}</script></body></html>\n"
    )


def _answers(records: Sequence[Record], engines: Sequence[str]) -> str:
    """Of a run of questions."""
    groups = by_engine(records)
    found = {engine: quality(groups[engine]) for engine in engines}
    shares = {engine: each.right / max(1, each.questions) for engine, each in found.items()}
    return (
        f"<h2>Right answers</h2>{_bars(shares)}<h2>Questions</h2>{_lines(found, table.quality_rows(found))}"
    )


def _written(settings: Mapping[str, Any], records: Sequence[Record], engines: Sequence[str]) -> str:
    """What a model wrote, if one did."""
    if not settings["fixed"].get("writing"):
        return ""
    groups = by_engine(records)
    found = {engine: written(groups[engine]) for engine in engines}
    shares = {engine: each.valid / max(1, each.coverage.schemas) for engine, each in found.items()}
    return (
        f"<h2>Texts of a model that are valid</h2>{_bars(shares)}"
        f"<h2>What the model wrote</h2>{_lines(found, table.written_rows(found))}"
    )


def _masks(settings: Mapping[str, Any], records: Sequence[Record], engines: Sequence[str]) -> str:
    groups, splits = by_engine(records), by_split(records)
    masks = {engine: [t for row in groups[engine] for t in row.get("mask_us", ())] for engine in engines}
    first = {engine: [row["first_us"] for row in groups[engine] if row.get("first_us")] for engine in engines}
    counted = {engine: categories(splits, engine) for engine in engines}
    parts = [
        "<h2>Time of a mask</h2>",
        _pair(histogram(masks, "time of a mask"), tail(masks, "time of a mask")),
        "<h2>Time to the first mask: compile, start, mask</h2>",
        _pair(histogram(first, "time to the first mask"), tail(first, "time to the first mask")),
        "<h2>All schemas</h2>",
        _figures(summaries(settings, records)),
        "<h2>Schemas that every engine passes</h2>",
        _figures(summaries(settings, records, common=True)),
        "<h2>Coverage by split</h2>",
        _explanation(),
        _coverage(splits, engines),
        "<h2>Splits in which</h2>",
        _lines(counted, table.category_rows(counted)),
        "<h2>Coverage by keyword</h2>",
        "<p>A schema counts under each of its keywords, whichever of them is to blame.</p>",
        _coverage(by_keyword(records), engines),
    ]
    return "".join(parts)


def _bars(shares: Mapping[str, float]) -> str:
    """A bar for each engine, in its colour, as long as its share."""
    return "".join(
        f'<p class="bar"><b style="width:{40 * share:.2f}rem;background:{COLOURS[number % len(COLOURS)]}"></b>'
        f"{escape(engine)} {100 * share:.1f}%</p>"
        for number, (engine, share) in enumerate(shares.items())
    )


def _lines(columns: Mapping[str, Any], lines: Sequence[tuple[str, list[str]]]) -> str:
    cells = [
        f"<tr><td>{escape(name)}</td>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for name, row in lines
    ]
    return _table(list(columns), cells)


def _heading(settings: Mapping[str, Any], records: Sequence[Record]) -> str:
    fixed, machine = settings["fixed"], settings["machine"]
    schemas = len({row["id"] for row in records})
    sources = ", ".join(Path(name).name for name in fixed["data"])
    about = (
        f"{schemas:,} schemas of {sources}, tokenizer {Path(fixed['tokenizer']).name}; at most "
        f"{fixed['seconds']:g} s of processor time and {fixed['memory']:g} GiB for each schema. {machine['system']}, "
        f"{machine['cores']} cores, load {machine['load']} at the start. Engines took turns schema by schema on one "
        "CPU: compare columns of this page, not pages."
    )
    missing = "".join(f"<p>{escape(why)}</p>" for why in settings.get("missing", {}).values())
    return f"<h1>treadle bench</h1><p>{escape(about)}</p>{missing}"


def _legend(engines: Sequence[str], versions: Mapping[str, str]) -> str:
    return "".join(
        f'<button data-engine="{number}" aria-pressed="true"><i style="background:{COLOURS[number % len(COLOURS)]}">'
        f"</i>{escape(engine)} <small>{escape(versions.get(engine, ''))}</small></button>"
        for number, engine in enumerate(engines)
    )


def _pair(left: str, right: str) -> str:
    return f'<div class="pair"><figure>{left}</figure><figure>{right}</figure></div>'


def _figures(found: Sequence[Summary]) -> str:
    lines = []
    for name, cells in table.rows(found):
        if cells:
            lines.append(
                f"<tr><td>{escape(name)}</td>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
            )
        else:
            lines.append(f'<tr class="part"><td colspan="{len(found) + 1}">{escape(name)}</td></tr>')
    return _table([each.engine for each in found], lines)


def _explanation() -> str:
    return (
        "<p>Of each engine the share of schemas that it passes: taken, every valid instance accepted, every "
        "invalid one refused. Behind it: <b>r</b>efused, <b>o</b>ver-constrained (a valid instance refused), "
        "<b>u</b>nder-constrained (an invalid one accepted), out of <b>t</b>ime or crashed.</p>"
    )


def _coverage(groups: Mapping[str, Mapping[str, Coverage]], engines: Sequence[str]) -> str:
    lines = []
    for name, found in groups.items():
        schemas = max(each.schemas for each in found.values())
        cells = "".join(_cell(found.get(engine)) for engine in engines)
        lines.append(f"<tr><td>{escape(name)} <small>{schemas:,}</small></td>{cells}</tr>")
    return _table(engines, lines)


def _cell(found: Coverage | None) -> str:
    if found is None:
        return "<td>-</td>"
    share = found.true / found.schemas
    # From red to green in lightness as well as in hue, so that it is told apart without colours.
    shade = f"hsl({20 + 120 * share:.0f} 60% {72 + 20 * share:.0f}%)"
    faults = (
        ("r", found.refused),
        ("o", found.over),
        ("u", found.under),
        ("t", found.timeout + found.crash),
    )
    why = " ".join(f"{letter}{number:,}" for letter, number in faults if number)
    return f'<td style="background:{shade}">{100 * share:.1f}% <small>{why}</small></td>'


def _table(columns: Sequence[str], lines: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    return f'<div class="wide"><table><tr><th></th>{head}</tr>{"".join(lines)}</table></div>'
