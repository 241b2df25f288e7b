"""What the command line answers with: results and refusals as lines for people or as JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from treadle.checking import Verdict
    from treadle.decoding.regions import Filled

JSON_SPACE = b" \t\r\n"


def film(filled: Filled, parts: list[str]) -> str:
    """A page that shows how the gaps between `parts` were written."""
    from treadle.diffusion.animation import Film

    drawn = Film("treadle infill")
    written = [(one.gap, one.data, one.allowed) for one in filled.written]
    drawn.write_gaps(parts, written, filled.vocabulary_size)
    return drawn.html()


def place(verdict: Verdict, data: bytes, start: int) -> dict[str, Any]:
    """A verdict about the middle of `data`, from `start` on, as a place in all of it."""
    if verdict.accepted:
        return {"accepted": True}
    offset = verdict.offset + start
    return {
        "accepted": False,
        "offset": offset,
        "line": data.count(b"\n", 0, offset) + 1,
        "column": offset - data.rfind(b"\n", 0, offset),
        "pointer": verdict.pointer or "#",
        "found": verdict.found,
        "expected": verdict.expected,
        "reason": verdict.reason,
        "keyword": verdict.keyword,
        "schema_pointer": verdict.schema_pointer,
    }


def refusal(verdict: dict[str, Any]) -> str:
    """A refusal for people."""
    what = ": ".join(
        part for part in (verdict["pointer"] and f"at {verdict['pointer']}", verdict["reason"]) if part
    )
    lines = ["refused at byte {offset} (line {line}, column {column})".format(**verdict)]
    lines[0] += f", {what}" if what else ""
    if verdict["keyword"]:
        lines.append("  keyword   {keyword}, at {schema_pointer}".format(**verdict))
    lines += ["  found     {found}".format(**verdict), "  expected  {expected}".format(**verdict)]
    return "\n".join(lines)


def result(result: Any) -> dict[str, Any]:
    return {
        **_plain(result),
        **({"search": _search(result)} if result.search else {}),
    }


def _search(result: Any) -> dict[str, Any]:
    """What a search did, and what it has to say of this text."""
    done = result.search
    counted = {"ended": done.ended, "expansions": done.expansions, "forward_passes": done.forwards}
    tokens = {"tokens_computed": done.counters.computed, "tokens_reused": done.counters.reused}
    notes = {
        k: v for k, v in {**done.notes, **result.notes}.items() if isinstance(v, (int, float, str, bool))
    }
    return {**counted, **tokens, **({"notes": notes} if notes else {})}


def _plain(result: Any) -> dict[str, Any]:
    return {
        "text": result.text,
        "value": result.value,
        "tokens": len(result.tokens),
        "log_probability": {"model": result.scores.raw, "constrained": result.scores.local},
        "finish_reason": result.finish_reason,
        "model_calls": result.model_calls,
        "seconds": round(result.seconds, 3),
    }


def lines(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{name} {number}" for name, number in value.items()]
    return value if isinstance(value, list) else [str(value)]


def print_json(value: object) -> None:
    # Escaped, so that the line survives a pipe or a log with any encoding.
    typer.echo(json.dumps(value))
