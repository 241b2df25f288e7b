"""`Configuration`: strategy x constraints x parameters, as a value that can be written down and read again.

    Configuration("mcts", {"width": 3, "rollouts": 16}, ("grammar", "tests"), {"max_tokens": 64}).save("best.toml")

`constraints` are names of components of a task (task.py), since functions cannot be written down. The file is JSON or
TOML, by its name; TOML has no null, so an option that is None is refused there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from treadle.decoding.draws import Draws
from treadle.decoding.strategies import built
from treadle.errors import InvalidConstraint, UnsupportedFeature

#: What a parameter may be, and what it is for. `weight.NAME` is the weight of a score component.
PARAMETERS: Final[Mapping[str, str]] = {
    "max_tokens": "tokens of a text at most",
    "temperature": "logits divided by it before the mask",
    "n": "texts asked for; the first counts",
    "expansions": "prefixes read for an example at most",
    "forced_runs": "whether forced text is written without asking the model",
}


@dataclass(frozen=True)
class Configuration:
    """One point of a configuration space."""

    strategy: str = "greedy"
    options: Mapping[str, Any] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.parameters:
            if name not in PARAMETERS and not name.startswith("weight."):
                raise InvalidConstraint(
                    "no such parameter", found=name, expected=", ".join((*PARAMETERS, "weight.NAME"))
                )
        # Copies that nobody can change, in one order, so that equal configurations are written alike.
        for name in ("options", "parameters"):
            given: Mapping[str, Any] = getattr(self, name)
            object.__setattr__(self, name, MappingProxyType({key: given[key] for key in sorted(given)}))
        object.__setattr__(self, "constraints", tuple(sorted(self.constraints)))

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def key(self) -> str:
        """The configuration as one line of JSON; equal for equal ones."""
        return json.dumps(self.to_dict(), sort_keys=True)

    def build(self) -> Any:
        """The strategy; a sampler becomes a search that draws with it."""
        made = built(self.strategy, dict(self.options))
        return made if hasattr(made, "search") else Draws(made)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "strategy": self.strategy,
            "options": dict(self.options),
            "constraints": list(self.constraints),
            "parameters": dict(self.parameters),
        }

    @classmethod
    def from_dict(cls, data: Any, where: str = "configuration") -> Configuration:
        """From plain data; whatever is wrong is named."""
        kinds = {"strategy": str, "options": dict, "constraints": list, "parameters": dict}
        if not isinstance(data, dict):
            raise InvalidConstraint(
                "not a configuration", where=where, found=type(data).__name__, expected="a table"
            )
        for name, value in data.items():
            if name not in kinds:
                raise InvalidConstraint("no such part", where=where, found=name, expected=", ".join(kinds))
            if not isinstance(value, kinds[name]):
                raise InvalidConstraint(
                    f"{name} is of the wrong kind",
                    where=where,
                    found=type(value).__name__,
                    expected=kinds[name].__name__,
                )
        found = dict(data)
        found["constraints"] = tuple(found.get("constraints", ()))
        return cls(**found)

    def save(self, path: str | Path) -> None:
        """Write a file, .json or .toml."""
        path = Path(path)
        text = _toml(self.to_dict()) if _is_toml(path) else json.dumps(self.to_dict(), indent=2) + "\n"
        path.write_text(text, "utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Configuration:
        """Read a file that `save` wrote, or that somebody wrote by hand."""
        return cls.from_dict(read_table(path), str(path))


def read_table(path: str | Path) -> Any:
    """The data of a JSON or TOML file."""
    path = Path(path)
    try:
        text = path.read_text("utf-8")
        if not _is_toml(path):
            return json.loads(text)
        try:
            tomllib = import_module("tomllib")
        except ImportError:
            raise UnsupportedFeature("TOML needs Python 3.11", where=str(path), expected="JSON") from None
        return tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidConstraint("the file cannot be read", where=str(path), found=str(error)) from error


def _is_toml(path: Path) -> bool:
    if path.suffix not in (".json", ".toml"):
        raise InvalidConstraint(
            "what kind of file", found=path.name, expected="a name ending in .json or .toml"
        )
    return path.suffix == ".toml"


def _toml(data: Mapping[str, Any]) -> str:
    plain = [f"{name} = {_value(value)}" for name, value in data.items() if not isinstance(value, dict)]
    tables = [
        "\n".join([f"\n[{name}]", *(f"{_key(key)} = {_value(item)}" for key, item in value.items())])
        for name, value in data.items()
        if isinstance(value, dict)
    ]
    return "\n".join([*plain, *tables]) + "\n"


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else json.dumps(name)


def _value(value: Any) -> str:
    if value is None:
        raise InvalidConstraint("TOML has no null", found="None", expected="JSON, or leave the option out")
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    # A JSON text, number or truth value is one of TOML.
    return json.dumps(value)
