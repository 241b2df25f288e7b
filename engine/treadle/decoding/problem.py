"""What is asked of a search, and what it leaves to read: `Problem`, `Statistics`, events for drawing.

A `Problem` is a prompt, a constraint, a token budget, and what else limits or steers the search. `Check` and `Scorer`
are what components.py has to offer: hard conditions and soft preferences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from treadle.decoding.prefixes import Counters
from treadle.decoding.protocols import Automaton
from treadle.decoding.scores import Reweighting
from treadle.vocabulary import Vocabulary

if TYPE_CHECKING:
    from treadle.decoding.hypotheses import Hypothesis

Ended = Literal["complete", "expansions", "interrupted", "stopped"]
Kind = Literal["born", "expanded", "kept", "pruned", "refused", "budget", "finished", "merged"]


class Check(Protocol):
    """A hard condition on the text, besides the constraint (components.py); a healed end of the prompt is no part."""

    def admits(self, text: bytes, finished: bool) -> bool:
        """Whether a prefix may go on, or a finished text may stand."""


class Scorer(Protocol):
    """A soft preference, added to the score that a strategy ranks by (components.py); it sees what a check sees."""

    def score(self, hypothesis: Hypothesis) -> float:
        """What a prefix or a finished text gets on top."""


@dataclass(frozen=True)
class Problem:
    """A prompt and a constraint, and what is asked of the search."""

    prompt: Sequence[int]
    automaton: Automaton
    vocabulary: Vocabulary
    max_tokens: int = 256
    #: How many texts are wanted.
    n: int = 1
    seed: int | None = None
    #: Whether what the constraint forces is written in the tokenizer's own spelling, without asking the model.
    forced_runs: bool = True
    #: Whether choices that do not fit the token budget are left out of `local`; costs a look at every choice.
    exact_budget: bool = False
    #: In this order, before the mask.
    reweight: tuple[Reweighting, ...] = ()
    checks: tuple[Check, ...] = ()
    scorers: tuple[Scorer, ...] = ()
    #: Most hypotheses that may be expanded; None: no limit.
    expansions: int | None = None
    #: Whether texts are JSON, and how many bytes at their beginning repeat the prompt's end.
    is_json: bool = False
    skip: int = 0
    #: Keep the events, for drawing.
    trace: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a hypothesis, for drawing."""

    turn: int
    kind: Kind
    #: The hypothesis; -1 for a child that never became one.
    number: int
    parent: int
    #: The token chosen and those forced behind it.
    tokens: tuple[int, ...]
    raw: float
    local: float
    #: What the strategy ranked it by, where that is neither.
    score: float | None = None


@dataclass
class Statistics:
    """What a search did and how it ended."""

    #: "complete", or what stopped it: its number of expansions, an interrupt, or the stop function.
    ended: Ended = "complete"
    expansions: int = 0
    #: Expanded hypotheses behind which nothing was possible: a mask without a token, or a model that excludes all.
    dead_ends: int = 0
    #: Forward passes that this search had rows in.
    forwards: int = 0
    seconds: float = 0.0
    #: Of the model, for all searches that ran together.
    counters: Counters = field(default_factory=Counters)
    #: What a strategy has to say beyond its texts: bounds, certificates, weights.
    notes: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    #: For reading the events' tokens.
    vocabulary: Vocabulary | None = None
