"""Named schemas and grammars that come with treadle: a kind and a name in, a path out.

In a checkout (and so in an editable installation) they are the top-level folders `schemas/` and `grammars/`; in an
installed wheel they are `treadle/_data/`. Both are looked at, the checkout first, so that an edit counts at once.
Reading and checking the file is the caller's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from treadle.errors import InvalidConstraint

Kind = Literal["schemas", "grammars"]

SUFFIX: dict[Kind, str] = {"schemas": ".json", "grammars": ".lark"}
#: Accept and reject examples lie beside each file; they are data for tests, not schemas.
CASES = ".cases.json"

_PACKAGE = Path(__file__).resolve().parent


def find(kind: Kind, name: str) -> Path:
    """The file of a schema or grammar that ships with treadle, e.g. `find("schemas", "person")`."""
    shipped = _shipped(kind)
    if name not in shipped:
        raise InvalidConstraint(
            f"no {kind.removesuffix('s')} of this name ships with treadle",
            found=repr(name),
            expected=", ".join(sorted(shipped)) or "none: this installation has no data files",
        )
    return shipped[name]


def names(kind: Kind) -> tuple[str, ...]:
    """The names that `find` knows, sorted."""
    return tuple(sorted(_shipped(kind)))


def _shipped(kind: Kind) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for folder in folders(kind):
        for path in folder.glob(f"*{SUFFIX[kind]}"):
            if not path.name.endswith(CASES):
                files.setdefault(path.name.removesuffix(SUFFIX[kind]), path)
    return files


def folders(kind: Kind) -> tuple[Path, ...]:
    """Where such files are looked for, in this order."""
    checkout = _PACKAGE.parents[1]
    # Beside an installed package there may be any folder called schemas; only a checkout has our pyproject.toml too.
    is_checkout = _PACKAGE.parent.name == "engine" and (checkout / "pyproject.toml").is_file()
    shipped = _PACKAGE / "_data" / kind
    return (checkout / kind, shipped) if is_checkout else (shipped,)
