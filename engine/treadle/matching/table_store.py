"""Token tables on disk: made once for each tokenizer, mapped into memory by every later process.

In: a vocabulary's fingerprint and the tables' attributes. Out: the same attributes. The entry's name carries a hash of
the sources that make the tables, so an entry of other sources is never read, and is removed when a new one is written.

Kept are arrays, tries, numbers and sets of numbers; any other attribute is refused, so that a new one is not forgotten.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.vocabulary import cache as store

Arrays = dict[str, NDArray[Any]]

#: What the tables are made by, relative to the package.
_SOURCES = (
    "matching/token_tables.py",
    "matching/kernels.py",
    "matching/trie_kernels.py",
    "masks/bitset.py",
    "vocabulary/trie.py",
)


def remember(fingerprint: str, values: dict[str, Any], trie: type) -> bool:
    """Store attributes; False when the cache cannot be written."""
    arrays: Arrays = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            arrays[f"{'array' if value.flags.writeable else 'frozen'}:{name}"] = value
        elif isinstance(value, trie):
            for part in trie.__slots__:  # type: ignore[attr-defined]
                arrays[f"trie:{name}:{part}"] = getattr(value, part)
        elif isinstance(value, int):
            arrays[f"int:{name}"] = np.array(value)
        elif isinstance(value, frozenset):
            arrays[f"set:{name}"] = np.array(sorted(value), np.int64)
        else:
            raise TypeError(f"{name} is a {type(value).__name__}: how should it be stored?")
    return store.store(_entry(fingerprint), arrays, instead_of=f"tables/{fingerprint}-*")


def recall(fingerprint: str, trie: type) -> dict[str, Any] | None:
    """The attributes stored for a vocabulary, or None."""
    stored = store.load(_entry(fingerprint))
    if stored is None:
        return None
    values: dict[str, Any] = {}
    for key, array in stored.items():
        kind, name, *part = key.split(":")
        if kind == "trie":
            owner = values.setdefault(name, object.__new__(trie))
            setattr(owner, part[0], array)
        else:
            values[name] = _value(kind, array)
    return values


def _value(kind: str, array: NDArray[Any]) -> Any:
    if kind == "int":
        return int(array)
    if kind == "set":
        return frozenset(array.tolist())
    # numba compiles for read-only arrays apart: what came frozen has to come back frozen.
    array.flags.writeable = kind == "array"
    return array


def _entry(fingerprint: str) -> str:
    return f"tables/{fingerprint}-{_version()}"


@cache
def _version() -> str:
    digest = hashlib.blake2b(digest_size=8)
    package = Path(__file__).resolve().parents[1]
    for source in _SOURCES:
        try:
            digest.update((package / source).read_bytes())
        except OSError:  # an archive: its sources do not change under their version
            digest.update(version("treadle").encode())
    return digest.hexdigest()
