"""`draw`: a search as a tree, in the terminal or as one HTML or SVG file that opens anywhere.

In: a result (or the list of results of one prompt) of a search that was asked for with trace=True. Forced runs and
other chains are one box, of what led nowhere the likeliest few are shown and the others counted, the way to the first
result stands out. Files hold no script and ask nothing of a network. See search_tree.py and svg_tree.py of decoding/.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treadle.errors import InvalidConstraint

if TYPE_CHECKING:
    from treadle.decoding.results import Result
    from treadle.decoding.search_tree import Step

#: Colours of a terminal by fate.
STYLES = {
    "best": "bold green", "finished": "cyan", "expanded": "default", "open": "blue", "merged": "magenta",
    "pruned": "bright_black", "budget": "yellow", "refused": "red",
}  # fmt: skip

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 14px/1.5 system-ui, "DejaVu Sans", sans-serif; margin: 24px; color: #0f172a; background: #fff }}
h1 {{ font-size: 20px; margin: 0 0 4px }} p {{ margin: 4px 0; color: #475569 }}
.legend span {{ display: inline-block; margin: 2px 10px 2px 0; padding: 1px 8px; border: 1px solid;
border-radius: 5px }}
table {{ border-collapse: collapse; margin: 12px 0 }} td, th {{ padding: 3px 10px; text-align: left;
border-bottom: 1px solid #e2e8f0 }} td.text {{ font-family: "DejaVu Sans Mono", Menlo, monospace;
white-space: pre-wrap }}
.tree {{ overflow-x: auto; border: 1px solid #e2e8f0; border-radius: 8px; padding: 8px }}
</style></head><body>
<h1>{title}</h1><p>{summary}</p>
<p class="legend">{legend}</p>
<table><tr><th></th><th>text</th><th>log p</th><th>under the mask</th></tr>{rows}</table>
<div class="tree">{svg}</div>
</body></html>
"""


def draw(
    result: Result | Sequence[Result],
    file: str | PathLike[str] | None = None,
    *,
    lost: int = 3,
    letters: int = 34,
    title: str = "A search",
) -> None:
    """Show the search behind a result: in the terminal, or in `file` (.html or .svg).

    `lost`: how many of the steps that led nowhere are shown behind each step; `letters`: longest text of a box.
    """
    results = list(result) if isinstance(result, Sequence) else [result]
    tree = tree_behind(results, lost)
    if file is None:
        return _print(tree, results, letters)
    path = Path(file)
    if path.suffix not in (".html", ".svg"):
        raise InvalidConstraint(
            "an unknown kind of file", found=path.suffix or str(path), expected=".html or .svg"
        )
    path.write_text(
        page(tree, results, letters, title) if path.suffix == ".html" else _svg(tree, letters), "utf-8"
    )
    return None


def tree_behind(results: Sequence[Result], lost: int = 3) -> Step:
    """The thinned tree of the search that results come from."""
    from treadle.decoding.search_tree import thinned, tree_of

    search = results[0].search if results else None
    if search is None or not search.events or search.vocabulary is None:
        raise InvalidConstraint(
            "nothing to draw", found="a search without events", expected="trace=True when generating"
        )
    vocabulary = search.vocabulary
    return thinned(
        tree_of(search.events, lambda tokens: vocabulary.decode_bytes(list(tokens)), results[0].tokens), lost
    )


def page(tree: Step, results: Sequence[Result], letters: int = 34, title: str = "A search") -> str:
    """A self-contained HTML page."""
    from treadle.decoding.svg_tree import COLOURS

    fates = {step.fate for step in tree.walk()}
    legend = "".join(
        f'<span style="color:{line};background:{fill}">{escape(words)}</span>'
        for fate, (line, fill, words) in COLOURS.items()
        if fate in fates
    )
    rows = "".join(
        f'<tr><td>{place}</td><td class="text">{escape(one.text)}</td><td>{one.scores.raw:.3f}</td>'
        f"<td>{one.scores.local:.3f}</td></tr>"
        for place, one in enumerate(results, 1)
    )
    summary = escape("; ".join(_summary(results)))
    return _PAGE.format(
        title=escape(title), summary=summary, legend=legend, rows=rows, svg=_svg(tree, letters)
    )


def _svg(tree: Step, letters: int) -> str:
    from treadle.decoding.svg_tree import svg

    return svg(tree, letters)


def _summary(results: Sequence[Result]) -> Iterator[str]:
    search = results[0].search
    assert search is not None
    yield f"{search.expansions} prefixes expanded in {search.forwards} forward passes, {search.seconds:.2f} s"
    yield f"{len(results)} text{'s' * (len(results) != 1)}"
    yield f"ended: {search.ended}"
    if "bound" in search.notes:
        yield f"bracket: incumbent {search.notes['incumbent']:.3f}, bound {search.notes['bound']:.3f}"


def _print(tree: Step, results: Sequence[Result], letters: int) -> None:
    from rich.console import Console

    console = Console()
    console.print("; ".join(_summary(results)), highlight=False)
    console.print(_branch(tree, letters))


def _branch(step: Step, letters: int) -> Any:
    """The tree as rich knows it."""
    from rich.text import Text
    from rich.tree import Tree

    from treadle.decoding.svg_tree import label, scores

    line = Text(label(step, letters), style=STYLES[step.fate])
    line.append(f"  {scores(step)}", style="dim")
    if step.fate not in ("best", "expanded"):
        line.append(f"  {step.fate}", style="dim italic")
    branch = Tree(line, guide_style="bright_black")
    for child in step.children:
        branch.children.append(_branch(child, letters))
    for fate, count in step.left_out:
        branch.add(Text(f"+ {count} more {fate}", style="dim"))
    return branch
