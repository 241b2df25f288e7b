"""Decoding with a masked-diffusion model: a prompt, a canvas of holes, and a sampler that fills it.

`decode` without a constraint is the sampler of its source. With one, every token is checked before it is committed,
so that the canvas stays completable with the exact number of holes that are left, and what comes out is in the
language: there is no repair step. A filling is held all the time (infilling/witness.py), so no decode comes to a dead
end; what no limit decides is put off and counted (`undecided="defer"`), or LimitExceeded (`undecided="raise"`).

`drafts` > 1 is FreeDave's lossless drafting (the self-speculation of SSD is the same chain): a step is a function of
the row, its logits and its number, so the steps that the old logits suggest are evaluated side by side in one pass and
kept as far as the new logits suggest the same. The text is that of one-step decoding, token for token; constraint and
noise are part of the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from treadle.diffusion.protocols import MaskedModel
from treadle.diffusion.samplers import Sampler
from treadle.diffusion.steps import Commit, Row, Stepper, Undecided
from treadle.errors import UnsatisfiableConstraint
from treadle.infilling.cells import canvas_of
from treadle.infilling.completability import Canvas
from treadle.infilling.limits import Limits


@dataclass(frozen=True)
class Decoded:
    """A full canvas and how it came about."""

    #: The canvas, ends of text and padding included.
    tokens: tuple[int, ...]
    text: str
    #: Forward passes; rows of one pass count once.
    forwards: int
    steps: int
    commits: tuple[Commit, ...]
    #: Tokens that the constraint refused.
    refused: int
    #: Tokens that were passed over because a limit ended before it was known whether they fit.
    undecided: int


def decode(
    model: MaskedModel,
    prompt: Sequence[int],
    cells: int | Sequence[int],
    sampler: Sampler,
    automaton: Any = None,
    *,
    seed: int = 0,
    drafts: int = 1,
    tail: bool = True,
    pads: Iterable[int] = (),
    limits: Limits | None = None,
    undecided: Undecided = "defer",
    watch: Callable[[Row], None] | None = None,
) -> Decoded:
    """Fill a canvas behind a prompt: `cells` holes, or a row of tokens in which the model's mask stands for a hole.

    `automaton`: a compiled constraint's, None for none. `tail`: may the text end before the last cell? `watch` is
    shown the row after every step. Raises UnsatisfiableConstraint where nothing fits the canvas.
    """
    given = [model.mask_id] * cells if isinstance(cells, int) else [int(t) for t in cells]
    canvas = None
    if automaton is not None:
        canvas = Canvas(automaton, canvas_of(given, model.mask_id), tail=tail, pads=pads, limits=limits)
    row = Row([*prompt, *given], model.mask_id, canvas, len(prompt))
    if canvas is not None:
        try:
            _ = row.witness
        except UnsatisfiableConstraint:
            raise UnsatisfiableConstraint(
                "no text of this constraint fits the canvas", found=f"{len(given)} cells"
            ) from None
    stepper = Stepper(sampler, seed, undecided)
    row, forwards = _fill(model, row, stepper, max(1, drafts), watch)
    tokens = tuple(row.tokens[row.first :])
    return Decoded(
        tokens, text_of(model, tokens), forwards, row.step, tuple(row.commits),
        sum(commit.refused for commit in row.commits), row.undecided,
    )  # fmt: skip


def _fill(
    model: MaskedModel, row: Row, stepper: Stepper, drafts: int, watch: Callable[[Row], None] | None
) -> tuple[Row, int]:
    """The full row, and the forward passes it took."""
    forwards = 0
    logits: Any = None
    _skip(row, stepper)
    while row.open_cells and stepper.window(row) is not None:
        if logits is None:
            logits = model.logits([row.tokens])[0]
            forwards += 1
        ahead = _drafted(row, stepper, logits, drafts)
        first = ahead[0]
        if len(ahead) == 1:
            row, logits = first, None
        else:
            # One pass says what each draft's own next step is.
            seen = model.logits([draft.tokens for draft in ahead])
            forwards += 1
            row, logits = _accepted(ahead, seen, stepper)
        if watch is not None:
            watch(row)
    return row, forwards


def _drafted(row: Row, stepper: Stepper, logits: Any, drafts: int) -> list[Row]:
    """The next rows, if the logits stayed what they are; the first is certain."""
    ahead: list[Row] = []
    here = row
    while len(ahead) < drafts and here.open_cells and stepper.window(here) is not None:
        here = here.fork() if drafts > 1 else here
        stepper.advance(here, logits)
        _skip(here, stepper)
        ahead.append(here)
    return ahead


def _accepted(ahead: list[Row], seen: Any, stepper: Stepper) -> tuple[Row, Any]:
    """The last draft that is what one-step decoding comes to, with its logits."""
    best = 0
    while best + 1 < len(ahead):
        certain = ahead[best].fork()
        stepper.advance(certain, seen[best])
        _skip(certain, stepper)
        if certain.tokens != ahead[best + 1].tokens:
            break
        # The same tokens, but this row knows what was refused on the certain way.
        ahead[best + 1] = certain
        best += 1
    return ahead[best], seen[best]


def _skip(row: Row, stepper: Stepper) -> None:
    """Steps that have nothing to look at need no logits."""
    while row.open_cells and stepper.window(row) == []:
        row.step += 1


def text_of(model: MaskedModel, tokens: Sequence[int]) -> str:
    """The text of a canvas up to its end."""
    ends = set(model.vocabulary.eos_ids)
    stop = next((i for i, token in enumerate(tokens) if token in ends), len(tokens))
    return model.vocabulary.decode(tokens[:stop])
