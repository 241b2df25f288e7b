"""What of a schema is enforced: a walk over all of it, for `treadle compile`.

In: a `JsonSchema`. Out: how often each keyword is enforced, and every note, also about places that decoding has not
reached (`compiled.report` grows as they are reached). Each schema location is expanded by itself, so what only a
combination of several brings up is not seen here.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from treadle.constraints import Grammar, JsonSchema
from treadle.explaining import compilation_of
from treadle.frontends.json_schema import Note
from treadle.frontends.json_schema.schema import Schema


class Survey(NamedTuple):
    """Result of `survey`."""

    #: keyword -> number of places where it restricts something, most frequent first.
    keywords: dict[str, int]
    notes: tuple[Note, ...]


def survey(constraint: JsonSchema) -> Survey:
    """Expand every location of the schema once. Raises what compiling would raise on reaching it."""
    compilation = compilation_of(constraint)
    schemas = list(compilation.schemas.values())
    for schema in schemas:
        compilation.goal(schema.contents, schema.link, schema.resource).cases()
    # The pointers of keywords that assert nothing there.
    idle = {note.pointer for note in compilation.report if note.kind in {"annotation", "relaxed"}}
    counts = Counter(
        name for schema in schemas for name in _asserting(schema) if not idle or schema.at(name) not in idle
    )
    return Survey(dict(counts.most_common()), compilation.report.notes)


def survey_grammar(constraint: Grammar) -> Survey:
    """What there is of a grammar as it is written; everything in it is enforced."""
    cfg = constraint.cfg()
    counts = {
        "rules": len(cfg.rule_names),
        "productions": len(cfg.productions),
        "terminals": len(cfg.terminals),
        "keywords": len(cfg.keywords),
        "guards": len(constraint.guards),
        f"{cfg.lexing} lexing": 1,
    }
    return Survey({name: count for name, count in counts.items() if count}, constraint.report().notes)


def _asserting(schema: Schema) -> list[str]:
    alone = "$ref" in schema.contents and not schema.draft.ref_siblings
    names = ["$ref"] if alone else schema.contents
    return [name for name in names if name in schema.draft.keywords and schema.draft.keywords[name].group]
