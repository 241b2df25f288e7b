"""The cells of a canvas: what is known of a text from left to right.

Fixed   a token that stands
HOLE    exactly one token, any; with a tail, also the end of the text and, behind that, padding
GAP     any number of tokens, none included
Text    bytes that stand, in whatever tokens they are spelled (between the gaps of a template)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Union

from treadle.errors import InvalidConstraint


@dataclass(frozen=True, slots=True)
class Fixed:
    """A token that stands."""

    token: int


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes that stand."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Hole:
    """Exactly one token."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Any number of tokens."""


HOLE: Final = Hole()
GAP: Final = Gap()
Cell = Union[Fixed, Text, Hole, Gap]


def canvas_of(tokens: Sequence[int], mask: int) -> tuple[Cell, ...]:
    """A row of a masked-diffusion model: `mask` stands for a hole."""
    return tuple(HOLE if token == mask else Fixed(int(token)) for token in tokens)


def template(text: str, gap: str = "<gap>") -> tuple[Cell, ...]:
    """A text in which `gap` stands for any text at all, e.g. '{"name": "<gap>"}'."""
    if not gap:
        raise InvalidConstraint("an empty mark for gaps")
    cells: list[Cell] = []
    for number, part in enumerate(text.split(gap)):
        if number:
            cells.append(GAP)
        if part:
            cells.append(Text(part.encode()))
    return tuple(cells)
