"""A reading as JSON text and back, so that a grammar is read by lark once and then only loaded.

Terminals that are languages or rules are not written: they are what `extensions` puts in afterwards.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from treadle.frontends.grammars.reading import Reading
from treadle.grammar.cfg import Cfg, Indentation, Production, Terminal


@cache
def stamp() -> str:
    """Changes with lark, with Python (patterns are what its `re` makes of them) and with the code that reads."""
    digest = hashlib.sha256(f"{importlib.metadata.version('lark')} {sys.version_info[:3]}".encode())
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), here.parents[1] / "grammar" / "cfg.py"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def key(**arguments: Any) -> str:
    """A name for a reading by everything that it depends on, imported files left out."""
    return hashlib.sha256(json.dumps([stamp(), arguments], sort_keys=True).encode()).hexdigest()


def dump(reading: Reading) -> bytes:
    cfg = reading.cfg
    indentation = cfg.indentation
    return json.dumps(
        {
            "terminals": [[t.name, t.source, t.text, t.where] for t in cfg.terminals],
            "rule_names": cfg.rule_names,
            "rule_places": cfg.rule_places,
            "productions": [[p.head, p.body, p.guard] for p in cfg.productions],
            "start": cfg.start,
            "lexing": cfg.lexing,
            "ignored": sorted(cfg.ignored),
            "keywords": sorted(cfg.keywords),
            "also_scanned": sorted(cfg.also_scanned),
            "declared": sorted(cfg.declared),
            "indentation": indentation and _indentation_fields(indentation),
            "nullable": cfg.nullable,
            "notes": reading.notes,
            "extended": reading.extended,
            "sources": dict(reading.sources),
            "files": dict(reading.files),
        }
    ).encode()


def load(data: bytes) -> Reading:
    """Raises ValueError, KeyError or TypeError for what `dump` did not write."""
    read = json.loads(data)
    cfg = Cfg(
        terminals=tuple(
            Terminal(name, source, text=text, where=where) for name, source, text, where in read["terminals"]
        ),
        rule_names=tuple(read["rule_names"]),
        productions=tuple(Production(head, tuple(body), guard) for head, body, guard in read["productions"]),
        start=read["start"],
        lexing=read["lexing"],
        ignored=frozenset(read["ignored"]),
        keywords=_pairs(read["keywords"]),
        also_scanned=_pairs(read["also_scanned"]),
        declared=frozenset(read["declared"]),
        indentation=_indentation(read["indentation"]),
        nullable=read["nullable"],
        rule_places=tuple(read["rule_places"]),
    )
    notes = tuple((place, sentence) for place, sentence in read["notes"])
    return Reading(cfg, notes, read["extended"], read["sources"], read["files"])


def is_current(reading: Reading) -> bool:
    """Are the imported files what they were?"""
    try:
        return all(
            hashlib.sha256(Path(path).read_text("utf-8").encode()).hexdigest() == digest
            for path, digest in reading.files.items()
        )
    except (OSError, UnicodeDecodeError):
        return False


def _pairs(listed: list[list[int]]) -> frozenset[tuple[int, int]]:
    return frozenset((keyword, pattern) for keyword, pattern in listed)


def _indentation_fields(indentation: Indentation) -> list[Any]:
    return [
        indentation.newline,
        indentation.indent,
        indentation.dedent,
        sorted(indentation.opening),
        sorted(indentation.closing),
        indentation.tab_width,
    ]


def _indentation(fields: list[Any] | None) -> Indentation | None:
    if fields is None:
        return None
    newline, indent, dedent, opening, closing, tab_width = fields
    return Indentation(newline, indent, dedent, frozenset(opening), frozenset(closing), tab_width)
