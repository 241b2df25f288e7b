"""A canvas filling up, as a page that plays: holes are shaded by how many tokens are allowed in them.

In: a `Film`, which watches a decode (diffusion/decoding.py) or is made from the gaps that an autoregressive model wrote
(decoding/regions.py has them). Out: one HTML file without any outside resource. Each frame is a list of cells; a cell
is a text, a kind ("given", "old", "new", "hole", "end") and, for a hole, the logarithm of its number of allowed tokens.
Where a limit ends the count is left out, and the hole is hatched.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from treadle.errors import LimitExceeded
from treadle.masks import bitset
from treadle.vocabulary import Vocabulary

Cell = tuple[str, str, "float | None"]


class Shown(Protocol):
    """What a film needs of a row (diffusion/steps.py has it)."""

    tokens: list[int]
    mask_id: int
    canvas: Any
    first: int


@dataclass
class Film:
    """Frames of one decode. `counts`: whether allowed tokens are counted, which asks for every mask."""

    title: str = ""
    #: Bytes by token; only `watch` needs it.
    vocabulary: Vocabulary | None = None
    counts: bool = True
    frames: list[list[Cell]] = field(default_factory=list)
    _before: list[int] = field(default_factory=list)

    def watch(self, row: Shown) -> None:
        """Take a frame; to be handed to `decode`."""
        tokens = row.tokens[row.first :]
        before = self._before or [row.mask_id] * len(tokens)
        self.frames.append([self._cell(row, i, token, before[i]) for i, token in enumerate(tokens)])
        self._before = list(tokens)

    def _cell(self, row: Shown, i: int, token: int, before: int) -> Cell:
        if token == row.mask_id:
            return "", "hole", self._allowed(row, i)
        assert self.vocabulary is not None
        if token in self.vocabulary.eos_ids:
            return "∎", "end", None
        text = (self.vocabulary.token_bytes(token) or b"").decode("utf-8", "replace")
        return text, "new" if before == row.mask_id else "old", None

    def _allowed(self, row: Shown, i: int) -> float | None:
        if row.canvas is None or not self.counts or self.vocabulary is None:
            return None
        try:
            return _share(bitset.count(row.canvas.mask(i)), len(self.vocabulary))
        except LimitExceeded:
            return None

    def write_gaps(self, parts: Sequence[str], written: Sequence[tuple[int, bytes, int]], size: int) -> None:
        """Frames of gaps written from left to right: parts that stand, and (gap, bytes, allowed tokens) in order.

        `size`: tokens of the vocabulary.
        """
        texts: list[list[str]] = [[] for _ in parts[1:]]
        for step in range(len(written) + 1):
            frame: list[Cell] = [(parts[0], "given", None)] if parts[0] else []
            for number, part in enumerate(parts[1:]):
                new = step > 0 and written[step - 1][0] == number
                last = len(texts[number]) - 1
                frame += [
                    (text, "new" if new and k == last else "old", None)
                    for k, text in enumerate(texts[number])
                ]
                if any(gap == number for gap, _, _ in written[step:]):
                    ahead = written[step]
                    frame.append(("", "hole", _share(ahead[2], size) if ahead[0] == number else None))
                if part:
                    frame.append((part, "given", None))
            self.frames.append(frame)
            if step < len(written):
                gap, data, _ = written[step]
                texts[gap].append(data.decode("utf-8", "replace"))

    def terminal(self) -> list[str]:
        """The frames as lines: a hole is a block, the darker the more is allowed in it; `?`: that was not counted."""
        return ["".join(_drawn(text, kind, share) for text, kind, share in frame) for frame in self.frames]

    def html(self) -> str:
        """The page."""
        frames = json.dumps(self.frames, ensure_ascii=False).replace("<", "\\u003c")
        title = _escape(self.title or "canvas")
        return _PAGE.replace("@TITLE@", title).replace("@FRAMES@", frames)


_SHADES = "\u00b7\u2591\u2592\u2593\u2588"


def _drawn(text: str, kind: str, share: float | None) -> str:
    if kind == "hole":
        return "?" if share is None else _SHADES[min(int(share * len(_SHADES)), len(_SHADES) - 1)]
    return text.replace("\n", "\u23ce")


def _share(count: int, size: int) -> float:
    """0 for one token, 1 for all of a vocabulary, in between by the logarithm."""
    return round(math.log(max(count, 1)) / math.log(max(size, 2)), 3)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>@TITLE@</title>
<style>
body { font: 15px/1.9 ui-monospace, monospace; margin: 2em auto; max-width: 70em; background: #fbfaf7; color: #222 }
#canvas { white-space: pre-wrap; overflow-wrap: anywhere; min-height: 6em }
#canvas span { border-radius: 3px; padding: 1px 2px; margin: 0 1px; transition: background .3s }
.given { color: #888 } .old { background: #eef2ee } .new { background: #ffd97a } .end { color: #bbb }
.hole { display: inline-block; width: 1.3em; height: 1.1em; vertical-align: -2px; border: 1px solid #9ab }
.unknown { background: repeating-linear-gradient(45deg, #eee 0 3px, #ccc 3px 6px) }
#bar { display: flex; gap: 1em; align-items: center } input { flex: 1 }
</style>
<h1>@TITLE@</h1>
<div id="bar"><button id="play">play</button><input id="at" type="range" min="0" value="0"><span id="step"></span></div>
<p id="canvas"></p>
<p>Pale holes: few tokens are allowed; dark ones: many; hatched: not counted.</p>
<script>
const frames = @FRAMES@, at = document.getElementById("at"), canvas = document.getElementById("canvas");
at.max = Math.max(frames.length - 1, 0);
function draw() {
  canvas.replaceChildren(...(frames[at.value] || []).map(([text, kind, share]) => {
    const cell = document.createElement("span");
    cell.className = kind; cell.textContent = text;
    if (kind === "hole") {
      if (share === null) cell.classList.add("unknown");
      else { cell.style.background = `hsl(205 60% ${95 - 55 * share}%)`; cell.title = `log share ${share}`; }
    }
    return cell;
  }));
  document.getElementById("step").textContent = `${at.value} / ${at.max}`;
}
let timer = null;
document.getElementById("play").onclick = () => {
  if (timer) { clearInterval(timer); timer = null; return; }
  if (at.value === at.max) at.value = 0;
  timer = setInterval(() => {
    if (+at.value >= +at.max) { clearInterval(timer); timer = null; return; }
    at.value++; draw();
  }, 350);
};
at.oninput = draw; draw();
</script>
</html>
"""
