"""A model writes under an engine's masks: is the text valid, and what does a token cost.

One loop for all engines: logits, the engine's mask over them, a draw at a temperature from a generator seeded by the
schema, accept. End of text is offered where the engine says that the text may end. Texts stop at a budget of tokens;
one that is not complete by then is no valid text, and `unfinished`. `unconstrained` goes through the same loop
without a mask. The outside judge is `jsonschema`, formats asserted. Afterwards the instances are judged as without a
model, by a constraint compiled anew, so that the text's masks are first visits as well.
"""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import dataclass
from typing import Any

from treadle.bench.adapters.protocol import Engine
from treadle.bench.measuring import REFUSED, Encode, Note, measure
from treadle.bench.questions import judged
from treadle.bench.tasks import Task

PROMPT = "Write a JSON value that satisfies this JSON Schema. Answer with the value only.\n"
#: Characters of the schema that the prompt shows.
SHOWN = 1000
VALID, INVALID, UNFINISHED, UNJUDGED = "valid", "invalid", "unfinished", "unjudged"


@dataclass(frozen=True, slots=True)
class Writing:
    max_tokens: int = 128
    temperature: float = 1.0
    seed: int = 0


class Clock:
    """Seconds of processor time, by what they were spent on."""

    def __init__(self) -> None:
        self.spent = {"prompt": 0.0, "model": 0.0, "mask": 0.0, "other": 0.0}
        self.last = time.process_time()

    def book(self, what: str) -> None:
        now = time.process_time()
        self.spent[what] += now - self.last
        self.last = now


def write_and_measure(
    engine: Engine, encode: Encode, task: Task, seconds: float, note: Note, model: Any, writing: Writing
) -> dict[str, Any]:
    """The record of `measure`, with what the model wrote under `text`, `outcome` and the like."""
    note(1, 0.0)
    try:
        by_itself = hasattr(engine, "generate")
        written = (write_by_itself if by_itself else write)(engine, task, model, writing)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # booked to the engine, as in `measure`
        written = {"outcome": REFUSED, "why_not_written": f"{type(error).__name__}: {error}"[:500]}
    return {**measure(engine, encode, task, seconds, note), **written}


class Watched:
    """A model, or a session of it, whose forward passes are booked."""

    def __init__(self, inner: Any, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def start(self, prompt: Any) -> Watched:
        self._clock.book("other")
        session = self._inner.start(prompt)
        self._clock.book("prompt")
        return Watched(session, self._clock)

    def append(self, tokens: Any) -> Any:
        self._clock.book("other")
        rows = self._inner.append(tokens)
        self._clock.book("model")
        return rows


def write_by_itself(engine: Any, task: Task, model: Any, writing: Writing) -> dict[str, Any]:
    """By the engine's own loop. What is not the model's time is not told apart, and booked as `other`."""
    clock = Clock()
    result = engine.generate(
        task.schema,
        _prompt(task),
        Watched(model, clock),
        max_tokens=writing.max_tokens,
        temperature=writing.temperature,
        seed=writing.seed,
    )
    clock.book("other")
    return _written(task, result.text, len(result.tokens), clock, finished=True)


def _prompt(task: Task) -> str:
    return task.prompt or PROMPT + json.dumps(task.schema, separators=(",", ":"))[:SHOWN]


def write(engine: Engine, task: Task, model: Any, writing: Writing) -> dict[str, Any]:
    import numpy as np

    clock = Clock()
    matcher = engine.start(engine.compile(task.schema))
    clock.book("mask")
    session = model.start(model.encode(_prompt(task)))
    clock.book("prompt")  # is nobody's token
    generator = np.random.default_rng([writing.seed, zlib.crc32(task.id.encode())])
    ends = list(model.vocabulary.eos_ids)
    tokens: list[int] = []
    finished = False
    while len(tokens) < writing.max_tokens:
        allowed = _allowed(engine, matcher, len(session.logits), ends)
        clock.book("mask")
        token = _draw(session.logits, allowed, writing.temperature, generator)
        clock.book("other")
        if token in ends:
            finished = True
            break
        if not engine.accept(matcher, token):
            raise ValueError(f"token {token} is in the mask and not accepted")
        clock.book("mask")
        tokens.append(token)
        session.append([token])
        clock.book("model")
    return _written(task, model.vocabulary.decode(tokens), len(tokens), clock, finished=finished)


def _written(task: Task, text: str, tokens: int, clock: Clock, *, finished: bool) -> dict[str, Any]:
    outcome, why = _outcome(task.schema, text, finished=finished)
    count = max(1, tokens)
    per_token = {f"{what}_us_per_token": round(1e6 * spent / count, 1) for what, spent in clock.spent.items()}
    record = {"outcome": outcome, "objection": why, "text": text, "tokens": tokens, **per_token}
    return record if task.answer is None else {**record, **judged(text, task.answer)}


def _allowed(engine: Engine, matcher: Any, width: int, ends: list[int]) -> Any:
    """bool[width]"""
    import numpy as np

    row = np.ascontiguousarray(engine.mask(matcher)).view(np.uint8)
    bits = np.unpackbits(row, bitorder="little")[:width].astype(bool)
    allowed = np.zeros(width, bool)
    allowed[: len(bits)] = bits
    allowed[ends] = engine.may_end(matcher)
    return allowed


def _draw(logits: Any, allowed: Any, temperature: float, generator: Any) -> int:
    import numpy as np

    if not allowed.any():
        raise ValueError("no token is allowed, and the text may not end")
    weighed = np.where(allowed, logits.astype(np.float64), -np.inf)
    if temperature == 0:
        return int(weighed.argmax())
    chances = np.exp((weighed - weighed.max()) / temperature)
    return int(generator.choice(len(chances), p=chances / chances.sum()))


def _outcome(schema: Any, text: str, *, finished: bool) -> tuple[str, str]:
    import jsonschema

    try:
        value = json.loads(text)
    except ValueError as error:
        return (INVALID if finished else UNFINISHED), f"not JSON: {error}"[:300]
    judge = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        judge(schema, format_checker=judge.FORMAT_CHECKER).validate(value)
    except jsonschema.ValidationError as error:
        return INVALID, f"{error.json_path}: {error.message}"[:300]
    except Exception as error:  # noqa: BLE001  # a reference or pattern that the judge cannot read
        return UNJUDGED, f"{type(error).__name__}: {error}"[:300]
    # Complete JSON at the budget's end, though the model would have gone on: no fault is to be found with the text.
    return VALID, ""
