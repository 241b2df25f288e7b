"""What a decoding leaves behind: `Result`, and `TextStream`, which turns pieces of tokens into pieces of text."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from treadle.decoding.loop import FinishReason, Scores

if TYPE_CHECKING:
    from treadle.decoding.problem import Statistics


@dataclass(frozen=True, slots=True)
class Result:
    """One generated text."""

    text: str
    #: Its token ids, without end of text. With prompt healing they begin inside of the prompt.
    tokens: tuple[int, ...]
    #: The parsed JSON value where the constraint is about JSON, else None.
    value: Any
    scores: Scores
    #: "budget" when max_tokens had a say in the text, "stop" when it ended by itself.
    finish_reason: FinishReason
    seconds: float
    #: Forward passes of the model for this text, the prompt's included.
    model_calls: int
    #: What the search behind it did (decoding/search.py), None where nothing was searched.
    search: Statistics | None = None
    #: What a strategy has to say of this text: a weight, a share of votes.
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text


class TextStream:
    """Bytes in, whole characters out; what comes before `skip` bytes is dropped (a healed prompt's end)."""

    def __init__(self, skip: int = 0) -> None:
        self._skip = skip
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes, final: bool = False) -> str:
        """The characters that `data` completes."""
        dropped = min(self._skip, len(data))
        self._skip -= dropped
        return self._decoder.decode(data[dropped:], final)


def parsed(text: str) -> Any:
    """The value of a JSON text. None for a text that is none: a caller asks only where it has to be one."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
