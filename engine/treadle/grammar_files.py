"""Grammars by name, path or text: what is meant, in which language it is written, and its reading, kept on disk.

Lark takes a tenth of a second and more for the grammar of a programming language, and half of that to be
imported. So what it makes of a text is kept in the user's cache folder (`vocabulary.cache`) under a hash of
everything it depends on, and a hit imports no lark. Imported files are compared with what they were.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from treadle import library
from treadle.errors import ConstraintError, InvalidConstraint, UnsupportedFeature
from treadle.frontends.grammars import stored
from treadle.frontends.grammars.extensions import extended, filled
from treadle.frontends.grammars.reading import Reading
from treadle.grammar.rules import Node
from treadle.vocabulary import cache

Syntax = Literal["lark", "gbnf", "ebnf"]

#: Suffixes of files in each language.
SUFFIXES: Final[dict[str, Syntax]] = {".lark": "lark", ".gbnf": "gbnf", ".ebnf": "ebnf"}
#: Where a grammar begins if nothing else is said; EBNF has no such custom and begins with its first rule.
STARTS: Final[dict[Syntax, str]] = {"lark": "start", "gbnf": "root", "ebnf": ""}


#: Readings that are kept in memory, the last ones.
KEPT: Final = 32
_RECENT: dict[str, Reading] = {}


@dataclass(frozen=True, slots=True)
class Source:
    """A grammar's text and where it is from."""

    text: str
    syntax: Syntax
    path: Path | None = None


def find(grammar: str | Path, syntax: Literal["auto", "lark", "gbnf", "ebnf"] = "auto") -> Source:
    """A grammar that ships with treadle, of a file, or written out."""
    if isinstance(grammar, Path):
        return _of_file(grammar, syntax)
    if not isinstance(grammar, str):
        raise InvalidConstraint(
            "not a grammar", found=type(grammar).__name__, expected="a name, a path or text"
        )
    if re.fullmatch(r"[\w-]+", grammar):
        return _of_file(library.find("grammars", grammar), syntax)
    if "\n" not in grammar and Path(grammar).suffix in SUFFIXES:
        return _of_file(Path(grammar), syntax)
    return Source(grammar, _syntax_of(grammar) if syntax == "auto" else syntax)


def _of_file(path: Path, syntax: Literal["auto", "lark", "gbnf", "ebnf"]) -> Source:
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        why = error.strerror or str(error)
        raise InvalidConstraint(f"the grammar cannot be read: {why}", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise InvalidConstraint("not UTF-8", where=f"{path}, byte {error.start}") from None
    return Source(text, SUFFIXES.get(path.suffix) or _syntax_of(text) if syntax == "auto" else syntax, path)


def _syntax_of(text: str) -> Syntax:
    """By `::=`, which Lark's language has not: with a rule called root it is llama.cpp's, else W3C's EBNF."""
    if re.search(r"^[ \t]*root[ \t]*::=", text, re.MULTILINE):
        return "gbnf"
    return "ebnf" if re.search(r"^[ \t]*(\[\d+\])?[ \t]*[\w-]+\s*::=", text, re.MULTILINE) else "lark"


def read(
    source: Source,
    *,
    start: str | None,
    imports: Sequence[str | Path],
    lexing: Literal["auto", "lexical", "scannerless"],
    indentation: str | None,
    guards: Sequence[str],
    rules_of: Callable[[Any], Node],
) -> Reading:
    """The reading of a grammar, from the cache where it is there. `rules_of`: a JSON Schema inside of it as rules."""
    with _named(source.path):
        return _cached(source, _options(source, start, imports, lexing, indentation, guards), rules_of)


@contextmanager
def _named(path: Path | None) -> Iterator[None]:
    """What is wrong with a grammar of a file begins with the file's name."""
    try:
        yield
    except ConstraintError as error:
        if path is None:
            raise
        raise error.at(str(path)) from None


def _options(
    source: Source,
    start: str | None,
    imports: Sequence[str | Path],
    lexing: str,
    indentation: str | None,
    guards: Sequence[str],
) -> dict[str, Any]:
    folders = [str(source.path.parent)] if source.path else []
    folders += [*map(str, imports), *map(str, library.folders("grammars"))]
    return {
        "start": STARTS[source.syntax] if start is None else start,
        "source": str(source.path or ""),
        "imports": folders,
        "lexing": lexing,
        "indentation": indentation,
        "guards": sorted(guards),
    }


def _cached(source: Source, options: dict[str, Any], rules_of: Callable[[Any], Node]) -> Reading:
    if source.syntax != "lark":
        return _read(source, options)
    name = f"grammars/{stored.key(text=source.text, syntax=source.syntax, **options)}"
    known = _RECENT.get(name)
    if known is not None and stored.is_current(known):
        return known
    known = _RECENT[name] = _loaded(name, source, options, rules_of)
    while len(_RECENT) > KEPT:
        _RECENT.pop(next(iter(_RECENT)), None)
    return known


def _loaded(name: str, source: Source, options: dict[str, Any], rules_of: Callable[[Any], Node]) -> Reading:
    known = _load(name)
    if known is None:
        known = _read(source, options)
        cache.store(name, {"reading": np.frombuffer(stored.dump(known), np.uint8)})
    return filled(known, extended(source.text), rules_of) if known.extended else known


def _load(name: str) -> Reading | None:
    arrays = cache.load(name)
    if arrays is None or "reading" not in arrays:
        return None
    try:
        reading = stored.load(arrays["reading"].tobytes())
    except (ValueError, KeyError, TypeError):
        return None
    return reading if stored.is_current(reading) else None


def _read(source: Source, options: dict[str, Any]) -> Reading:
    from treadle.frontends.grammars.ebnf import read_ebnf
    from treadle.frontends.grammars.gbnf import read_gbnf
    from treadle.frontends.grammars.indentation import indenting_of
    from treadle.frontends.grammars.lark_syntax import read_lark

    indentation = options["indentation"]
    indenting = None if indentation is None else indenting_of(indentation)
    if source.syntax == "lark":
        return read_lark(source.text, **{**options, "indentation": indenting})
    if options["lexing"] == "lexical":
        raise UnsupportedFeature(
            "GBNF and EBNF have no lexer", found="lexing='lexical'", expected="scannerless"
        )
    read_text = read_gbnf if source.syntax == "gbnf" else read_ebnf
    return read_text(source.text, start=options["start"], guards=options["guards"])
