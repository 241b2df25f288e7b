"""What is known of a grammar's lexer, and of it over a vocabulary, on disk: a second process does not start anew.

Two entries of the user's cache (vocabulary/cache.py): LR tables and the scanner of a grammar, by the grammar's content;
and profiles (readings.py), by that and the vocabulary's fingerprint. Profiles name states of the scanner by number, and
a scanner numbers its states as they come, so both are written together, under a random mark; profiles are taken only
where the scanner has their mark, that is, where it is the one that they were made with, gone on from there.

Names carry a hash of the sources that make these things, and entries a checksum, for kernels go where numbers point.
They are written when a grammar's first profiles were made, and at the end of a process that made more. A folder that
cannot be written costs nothing but the time to make all of it again.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import threading
import uuid
import weakref
import zlib
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.automata import lr, scanner_store
from treadle.automata.parse_automaton import ParseTables
from treadle.grammar.cfg import Cfg
from treadle.vocabulary import cache as store

Arrays = dict[str, NDArray[Any]]
#: Entries of each kind that stay on disk, the last ones used.
ENTRIES: Final = 64
#: Marks of a scanner that are remembered.
_MARKS: Final = 64
_LEXERS: Final = "lexers"
_PROFILES: Final = "profiles"


@dataclass(slots=True)
class Lexer:
    """A grammar's name on disk, whether its tables are those of the normal form, and the marks of its scanner."""

    key: str
    normal: bool
    marks: list[str] = field(default_factory=list)


class Profiles(Protocol):
    """Profiles that were made (readings.Readings)."""

    lock: threading.RLock
    tables: ParseTables
    fingerprint: str

    def dump(self) -> Arrays | None:
        """What is new since the last time, with all the rest; None if nothing is."""


_KNOWN: weakref.WeakKeyDictionary[ParseTables, Lexer] = weakref.WeakKeyDictionary()
#: Whose profiles are written down at the end.
_GROWING: weakref.WeakSet[Any] = weakref.WeakSet()


def key_of(cfg: Cfg, usable: frozenset[int]) -> str | None:
    """A name for a lexical grammar by all that its tables depend on; None where some terminal is not a pattern."""
    if cfg.lexing != "lexical" or any(t.language is not None or t.rules is not None for t in cfg.terminals):
        return None
    blocks = cfg.indentation and [
        sorted(value) if isinstance(value, frozenset) else value
        for value in (getattr(cfg.indentation, each.name) for each in fields(cfg.indentation))
    ]
    content = [
        _version(), [[t.name, t.source, t.text] for t in cfg.terminals], len(cfg.rule_names),
        [[p.head, p.body, p.guard] for p in cfg.productions], cfg.start, cfg.nullable, sorted(cfg.ignored),
        sorted(cfg.keywords), sorted(cfg.also_scanned), sorted(cfg.declared), blocks, sorted(usable),
    ]  # fmt: skip
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def recall_lexer(
    key: str, read: scanner_store.Reader
) -> tuple[Lexer, lr.Tables, scanner_store.KeptScanner] | None:
    """LR tables and scanner of a grammar, if they were kept. `read`: the pattern of a terminal."""
    arrays = _load(f"{_LEXERS}/{key}")
    if arrays is None:
        return None
    tables: dict[str, Any] = {each.name: arrays[f"lr:{each.name}"] for each in fields(lr.Tables)}
    tables["conflicts"] = int(tables["conflicts"])
    lexer = Lexer(key, bool(arrays["normal"]), json.loads(arrays["marks"].tobytes()))
    return lexer, lr.Tables(**tables), scanner_store.KeptScanner(arrays, read)


def keep(tables: ParseTables, lexer: Lexer) -> None:
    """From now on what is found out about a grammar is written down."""
    _KNOWN[tables] = lexer


def recall_profiles(tables: ParseTables, fingerprint: str) -> Arrays | None:
    """What `Profiles.dump` gave, if it was kept and is of this scanner."""
    known = _KNOWN.get(tables)
    arrays = _load(f"{_PROFILES}/{known.key}-{fingerprint}") if known is not None else None
    if known is None or arrays is None or arrays["mark"].tobytes().decode() not in known.marks:
        return None
    return arrays


def remember(profiles: Profiles) -> None:
    """Write profiles and their scanner down, now and at the end if more are made."""
    known = _KNOWN.get(profiles.tables)
    if known is not None:
        _GROWING.add(profiles)
        with profiles.lock, profiles.tables.lock:
            _write(known, profiles)


def _write(known: Lexer, profiles: Profiles) -> None:
    arrays = profiles.dump()
    scanner = scanner_store.dump(profiles.tables.scanner) if arrays is not None else None
    if arrays is None or scanner is None:
        return
    mark = uuid.uuid4().hex
    marks = [*known.marks, mark][-_MARKS:]
    grammar = {
        f"lr:{each.name}": np.asarray(getattr(profiles.tables.lr, each.name)) for each in fields(lr.Tables)
    }
    grammar |= {"normal": np.array(known.normal), "marks": _text(json.dumps(marks))}
    if _store(_LEXERS, known.key, scanner | grammar) and _store(
        _PROFILES, f"{known.key}-{profiles.fingerprint}", arrays | {"mark": _text(mark)}
    ):
        known.marks = marks


@atexit.register
def _remember_all() -> None:
    for profiles in list(_GROWING):
        with suppress(Exception):
            remember(profiles)


def _text(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


def _load(name: str) -> Arrays | None:
    arrays = store.load(name)
    if arrays is None or "checksum" not in arrays or int(arrays.pop("checksum")) != _checksum(arrays):
        return None
    with suppress(OSError):
        os.utime(store.cache_directory() / name)
    return arrays


def _store(folder: str, name: str, arrays: Arrays) -> bool:
    if not store.store(f"{folder}/{name}", {**arrays, "checksum": np.array(_checksum(arrays))}):
        return False
    with suppress(OSError):
        entries = sorted((store.cache_directory() / folder).iterdir(), key=lambda path: path.stat().st_mtime)
        for path in entries[:-ENTRIES]:
            path.unlink()
    return True


def _checksum(arrays: Arrays) -> int:
    total = 0
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), total)
        total = zlib.crc32(array.reshape(-1).view(np.uint8).data, total)
    return total


@cache
def _version() -> str:
    """A hash of the sources that these things are made by."""
    digest = hashlib.blake2b(digest_size=8)
    package = Path(__file__).resolve().parents[1]
    folders = [package / folder for folder in ("automata", "grammar", "frontends/regex", "matching")]
    try:
        for path in sorted(path for folder in folders for path in folder.glob("*.py")):
            digest.update(path.read_bytes())
        digest.update((package / "parse_tables.py").read_bytes())
    except OSError:  # an archive: its sources do not change under their version
        pass
    digest.update(version("treadle").encode())
    return digest.hexdigest()
