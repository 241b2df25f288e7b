"""Strategies by name: "beam", or with options "diverse_beam:width=8,groups=4", as the command line writes them.

A value is JSON where it is that (numbers, true, null, "text"), else a text. Nothing is loaded before it is asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import import_module
from inspect import signature
from typing import Any

from treadle.errors import InvalidConstraint

#: Name -> (module, class). Samplers (sampling.py) choose one token; the others search.
_HOMES: dict[str, tuple[str, str]] = {
    "greedy": ("sampling", "Greedy"),
    "sampling": ("sampling", "Sampling"),
    "best_of": ("draws", "BestOf"),
    "beam": ("beam", "Beam"),
    "diverse_beam": ("diverse", "DiverseBeam"),
    "phrase_beam": ("allocation", "PhraseBeam"),
    "stochastic_beam": ("stochastic_beam", "StochasticBeam"),
    "astar": ("astar", "AStar"),
    "superposed": ("superposed", "Superposed"),
    "lookahead": ("lookahead", "Lookahead"),
    "lattice": ("lattice_decoding", "LatticeSearch"),
    "mbr": ("mbr", "MBR"),
    "smc": ("smc", "SMC"),
    "awrs": ("smc", "AWRS"),
    "asap": ("asap", "ASAp"),
    "cars": ("cars", "CARS"),
    "mcts": ("mcts", "MCTS"),
    "phi": ("foresight", "PhiDecoding"),
}
NAMES = tuple(_HOMES)
#: Options that are strategies themselves: "astar:first=beam:width=8".
_STRATEGIES = ("first",)
_SPLIT = re.compile(r",(?=\w+=)")


def named(text: str) -> Any:
    """The strategy or sampler that `name` or `name:option=value,...` stands for."""
    name, _, rest = text.partition(":")
    return built(name, dict(_option(name, part) for part in _SPLIT.split(rest)) if rest else {})


def built(name: str, options: Mapping[str, Any]) -> Any:
    """The strategy or sampler of a name, with options."""
    if name not in _HOMES:
        raise InvalidConstraint("no such strategy", found=repr(name), expected=", ".join(NAMES))
    module, cls = _HOMES[name]
    made = getattr(import_module(f"treadle.decoding.{module}"), cls)
    known = signature(made).parameters
    if not options.keys() <= known.keys():
        unknown = ", ".join(sorted(options.keys() - known.keys()))
        raise InvalidConstraint(
            f"no such option of {name}", found=unknown, expected=", ".join(known) or "no options"
        )
    try:
        return made(**options)
    except TypeError as error:  # Python says which option is missing
        found = ",".join(f"{key}={value}" for key, value in options.items()) or "none"
        raise InvalidConstraint(f"the options of {name} are wrong: {error}", found=found) from error


def _option(name: str, part: str) -> tuple[str, Any]:
    key, equals, value = part.partition("=")
    if not (equals and key.isidentifier()):
        raise InvalidConstraint(f"an option of {name} without a value", found=part, expected="option=value")
    if key in _STRATEGIES:
        return key, named(value)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
