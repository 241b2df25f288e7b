"""One schema on one engine: is it taken, how long does each mask take, are the instances judged rightly.

The measure of MaskBench, with the end of each instance judged as well: an instance is tokenised as a model would see
it and fed token by token; a mask is computed before each token. Passed: compiled, every valid instance accepted up
to an end that is allowed there, every invalid one refused somewhere.
Every time is wall time, or this process's processor time where that is less: what somebody else did with the core is
nobody's mask. The processor's clock is read outside of the wall clock, so that reading it (0.5 us) is in neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from treadle.bench.adapters.protocol import Engine, allows
from treadle.bench.tasks import Instance, Task

Encode = Callable[[str], list[int]]
#: Tells the watching process (phase, microseconds to the first mask), in case this one is killed.
Note = Callable[[int, float], None]

PHASES = ("load", "compile", "instances")
PASSED, REFUSED, FAILED, TIMEOUT, CRASH = STATUSES = ("passed", "refused", "failed", "timeout", "crash")

#: Kinds of objections to an instance: a valid one refused, an invalid one accepted, the engine raised, and an invalid
#: one refused by nothing but its end, which MaskBench's own runner does not look at.
OVER, UNDER, RAISED, ONLY_END = "over", "under", "raised", "only end"
END = "the end is not allowed"

_wall, _processor = time.perf_counter_ns, time.process_time_ns


class OutOfTime(Exception):
    pass


class Stopwatch:
    """Starts when made; `microseconds()` is the lesser of wall and processor time since."""

    __slots__ = ("processor", "wall")

    def __init__(self) -> None:
        self.processor = _processor()
        self.wall = _wall()

    def microseconds(self) -> float:
        wall = _wall() - self.wall
        return min(wall, _processor() - self.processor) / 1000


def measure(engine: Engine, encode: Encode, task: Task, seconds: float, note: Note) -> dict[str, Any]:
    """The record of one schema. Memory and hangs are the business of whoever started this process."""
    deadline = _processor() + int(seconds * 1e9)
    record: dict[str, Any] = {
        "status": PASSED,
        "instances": len(task.instances),
        "mask_us": [],
        "accept_us": [],
    }
    note(1, 0.0)
    watch = Stopwatch()
    try:
        compiled = engine.compile(task.schema)
        record["compile_us"] = round(watch.microseconds(), 1)
        engine.mask(engine.start(compiled))
        record["first_us"] = round(watch.microseconds(), 1)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever an engine raises here is its refusal
        return {
            **record,
            "status": REFUSED,
            "why": _line(error),
            "refused_us": round(watch.microseconds(), 1),
        }
    note(2, record["first_us"])
    record["objections"] = []
    try:
        for number, instance in enumerate(task.instances):
            kind, why = _judge(engine, compiled, encode(instance.text), instance, record, deadline)
            if kind:
                record["objections"].append([number, kind, why])
    except OutOfTime:
        return {**record, "status": TIMEOUT, "phase": PHASES[2]}
    kinds = [kind for _, kind, _ in record["objections"]]
    record["over"] = kinds.count(OVER) + kinds.count(RAISED)
    record["under"] = kinds.count(UNDER)
    record["status"] = FAILED if record["over"] or record["under"] else PASSED
    return record


def _judge(
    engine: Engine,
    compiled: Any,
    tokens: list[int],
    instance: Instance,
    record: dict[str, Any],
    deadline: int,
) -> tuple[str, str]:
    """(kind, why) of the objection; ("", "") for none."""
    try:
        matcher = engine.start(compiled)
        refusal = _feed(engine, matcher, tokens, record["mask_us"], record["accept_us"], deadline)
        if not refusal and not engine.may_end(matcher):
            refusal = END
    except (OutOfTime, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  # booked to the engine
        return RAISED, _line(error)
    if instance.valid:
        return (OVER, refusal) if refusal else ("", "")
    if not refusal:
        return UNDER, instance.description[:200]
    return (ONLY_END, "") if refusal == END else ("", "")


def _feed(
    engine: Engine, matcher: Any, tokens: list[int], masks: list[float], accepts: list[float], deadline: int
) -> str:
    """Why the tokens are refused, "" where they are not. Times go into the two lists, one of each for each token."""
    for place, token in enumerate(tokens):
        # Written out, not with Stopwatch: this is the loop that is measured, and a call costs what some masks do.
        processor = _processor()
        wall = _wall()
        row = engine.mask(matcher)
        elapsed = _wall() - wall
        now = _processor()
        masks.append(round(min(elapsed, now - processor) / 1000, 1))
        if not allows(row, token):
            accepts.append(0.0)
            return f"token {token} at {place} of {len(tokens)} is not in the mask"
        processor = _processor()
        wall = _wall()
        accepted = engine.accept(matcher, token)
        elapsed = _wall() - wall
        now = _processor()
        accepts.append(round(min(elapsed, now - processor) / 1000, 1))
        if not accepted:
            return f"token {token} at {place} is in the mask and not accepted"
        if now > deadline:
            raise OutOfTime
    return ""


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:1000]


#: Read before anything is measured, so that what an engine loads or compiles lazily is there.
WARM_UP = (
    Task(
        "warm-up: object",
        {
            "type": "object",
            "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
            "required": ["name", "size"],
        },
        "",
        (Instance(valid=True, data={"name": "a b c", "size": 12}),),
    ),
    Task(
        "warm-up: array",
        {"type": "array", "items": {"enum": ["north", "south"]}, "maxItems": 4},
        "",
        (Instance(valid=True, data=["north", "south"]),),
    ),
    Task(
        "warm-up: map",
        {"type": "object", "additionalProperties": {"type": "number"}},
        "",
        (Instance(valid=True, data={"one": 1.5, "two": 2}),),
    ),
)


def warm_up(engine: Engine, encode: Encode) -> None:
    for task in WARM_UP:
        measure(engine, encode, task, 60.0, lambda phase, microseconds: None)
