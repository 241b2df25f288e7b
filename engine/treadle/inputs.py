"""What the command line's arguments name: schemas, grammars, documents, types, vocabularies.

In: a file, `-` for standard input, or the name of a schema that ships with treadle. Out: what is in it; whatever is
wrong with it is an InvalidConstraint or a WrongArgument with its place.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import treadle
from treadle import library
from treadle.errors import InvalidConstraint, TreadleError


class WrongArgument(TreadleError):
    """Arguments that do not go together, or a file that is not there."""


def registry(resources: list[str] | None) -> Any:
    """The documents under the URI given, or else under the path given and the file's name."""
    if not resources:
        return None
    from treadle.frontends.json_schema.documents import registry_of

    named: list[tuple[str, Any]] = []
    for given in resources:
        uri, separator, source = given.rpartition("=")
        if separator and not Path(given).exists():
            named.append((uri, schema(source)))
        else:
            contents = schema(given)
            named += [(given, contents), (Path(given).name, contents)]
    return registry_of(named)


def schema(source: str) -> Any:
    if source != "-" and not Path(source).exists() and source == Path(source).stem:
        source = str(library.find("schemas", source))
    place = "standard input" if source == "-" else source
    try:
        schema = json.loads(decode(read(source), place), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"{place}, line {error.lineno}, column {error.colno}"
        raise InvalidConstraint(f"the schema is not JSON: {error.msg}", where=where) from None
    except ValueError as error:  # NaN, or a number of more digits than Python reads
        raise InvalidConstraint(f"the schema is not JSON: {error}", where=place) from None
    except RecursionError:
        raise InvalidConstraint("the schema is nested too deeply to be read", where=place) from None
    if not isinstance(schema, (dict, bool)):
        raise InvalidConstraint(
            "not a schema", where=place, found=type(schema).__name__, expected="an object or a boolean"
        )
    return schema


def grammar(source: str) -> Path | str:
    """What `treadle.Grammar` takes: text from standard input, a path, or the name of a shipped grammar."""
    if source == "-":
        return decode(read(source), "standard input")
    path = Path(source)
    return path if path.exists() or path.suffix else library.find("grammars", source)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def python_type(name: str) -> Any:
    builtin = {"int": int, "float": float, "bool": bool, "str": str}.get(name)
    if builtin is not None:
        return builtin
    module, separator, attribute = name.partition(":")
    if not separator:
        raise WrongArgument(f"--type {name}: give int, float, bool, str, or module:Class")
    sys.path.insert(0, str(Path.cwd()))  # a class in the user's own file, as `python -m` would find it
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise WrongArgument(f"--type {name}: {error}") from None
    finally:
        sys.path.pop(0)


def named_object(name: str) -> Any:
    """What `file.py:name` or `module:name` stands for."""
    module, separator, attribute = name.rpartition(":")
    if not separator:
        raise WrongArgument(f"{name}: give file.py:name or module:name")
    file = Path(module)
    sys.path.insert(0, str(file.resolve().parent if file.suffix == ".py" else Path.cwd()))
    try:
        return getattr(import_module(file.stem if file.suffix == ".py" else module), attribute)
    except (ImportError, AttributeError) as error:
        raise WrongArgument(f"{name}: {error}") from None
    finally:
        sys.path.pop(0)


def vocabulary(source: Path | None) -> Any:
    if source is None:
        return treadle.Vocabulary([bytes([byte]) for byte in range(256)] + [None], eos_ids=256)
    if not source.exists():
        raise WrongArgument(f"--vocab {source}: no such file or folder")
    return treadle.Vocabulary.from_tokenizer(source)


def read(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise WrongArgument(f"{source}: {error.strerror or error}") from None


def write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise WrongArgument(f"{path}: {error.strerror or error}") from None


def decode(data: bytes, place: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidConstraint("not UTF-8", where=f"{place}, byte {error.start}") from None
