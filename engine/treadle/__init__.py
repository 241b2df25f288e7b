"""treadle: constrained decoding. Text that satisfies a JSON Schema, a regex, a grammar or a Python type: always.

    import treadle
    text = treadle.generate("Extract the person: ...", schema=Person)

Names are loaded at first use, so that `import treadle` needs neither torch nor transformers and compiles nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Not lazily: `treadle.generate` is a function here and a module of the package, and an import of that module, whenever
# it happened, would put the module in the function's place. It loads nothing but the errors.
from treadle.generate import generate, stream
from treadle.infill import infill

if TYPE_CHECKING:
    from treadle.checking import Verdict, check
    from treadle.composition import FreeText, Optional, Repeat, Sequence, StructuralTag, Tag, Tags
    from treadle.constraints import Choice, Constraint, Grammar, JsonSchema, PythonType, Regex, Union, compile
    from treadle.decoding.allocation import PhraseBeam
    from treadle.decoding.asap import ASAp
    from treadle.decoding.astar import AStar
    from treadle.decoding.beam import Beam
    from treadle.decoding.cars import CARS
    from treadle.decoding.chunked_astar import ChunkedAStar
    from treadle.decoding.components import Check, Scorer
    from treadle.decoding.diverse import DiverseBeam
    from treadle.decoding.draws import BestOf
    from treadle.decoding.foresight import PhiDecoding
    from treadle.decoding.lattice_decoding import LatticeSearch
    from treadle.decoding.lookahead import Lookahead
    from treadle.decoding.mbr import MBR
    from treadle.decoding.mcts import MCTS
    from treadle.decoding.sampling import Greedy, Sampling
    from treadle.decoding.scores import Normalisation
    from treadle.decoding.smc import AWRS, SMC
    from treadle.decoding.stochastic_beam import StochasticBeam
    from treadle.decoding.superposed import Superposed
    from treadle.drawing import draw
    from treadle.errors import (
        ConstraintError,
        InvalidConstraint,
        LimitExceeded,
        TokenRejected,
        TreadleError,
        UnsatisfiableConstraint,
        UnsupportedFeature,
        VocabularyMismatch,
    )
    from treadle.grammar.guards import Guard
    from treadle.integrations.logits_processor import LogitsProcessor
    from treadle.matching.compiled import Compiled
    from treadle.matching.matcher import Matcher
    from treadle.predicates import Predicate
    from treadle.tuning import Budget, Component, Configuration, Example, Space, Task, tune
    from treadle.vocabulary import Vocabulary

_HOMES = {
    "treadle.checking": ("Verdict", "check"),
    "treadle.composition": ("FreeText", "Optional", "Repeat", "Sequence", "StructuralTag", "Tag", "Tags"),
    "treadle.constraints": (
        "Choice", "Constraint", "Grammar", "JsonSchema", "PythonType", "Regex", "Union", "compile",
    ),
    "treadle.decoding.allocation": ("PhraseBeam",),
    "treadle.decoding.asap": ("ASAp",),
    "treadle.decoding.astar": ("AStar",),
    "treadle.decoding.beam": ("Beam",),
    "treadle.decoding.cars": ("CARS",),
    "treadle.decoding.chunked_astar": ("ChunkedAStar",),
    "treadle.decoding.components": ("Check", "Scorer"),
    "treadle.decoding.diverse": ("DiverseBeam",),
    "treadle.decoding.draws": ("BestOf",),
    "treadle.decoding.foresight": ("PhiDecoding",),
    "treadle.decoding.lattice_decoding": ("LatticeSearch",),
    "treadle.decoding.lookahead": ("Lookahead",),
    "treadle.decoding.mbr": ("MBR",),
    "treadle.decoding.mcts": ("MCTS",),
    "treadle.decoding.sampling": ("Greedy", "Sampling"),
    "treadle.decoding.scores": ("Normalisation",),
    "treadle.decoding.smc": ("AWRS", "SMC"),
    "treadle.decoding.stochastic_beam": ("StochasticBeam",),
    "treadle.decoding.superposed": ("Superposed",),
    "treadle.drawing": ("draw",),
    "treadle.errors": (
        "ConstraintError", "InvalidConstraint", "LimitExceeded", "TokenRejected", "TreadleError",
        "UnsatisfiableConstraint", "UnsupportedFeature", "VocabularyMismatch",
    ),
    "treadle.grammar.guards": ("Guard",),
    "treadle.integrations.logits_processor": ("LogitsProcessor",),
    "treadle.matching.compiled": ("Compiled",),
    "treadle.matching.matcher": ("Matcher",),
    "treadle.predicates": ("Predicate",),
    "treadle.tuning": ("Budget", "Component", "Configuration", "Example", "Space", "Task", "tune"),
    "treadle.vocabulary": ("Vocabulary",),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AWRS",
    "CARS",
    "SMC",
    "ASAp",
    "AStar",
    "Beam",
    "BestOf",
    "Budget",
    "Check",
    "Choice",
    "ChunkedAStar",
    "Compiled",
    "Component",
    "Configuration",
    "Constraint",
    "ConstraintError",
    "DiverseBeam",
    "Example",
    "FreeText",
    "Grammar",
    "Greedy",
    "Guard",
    "InvalidConstraint",
    "JsonSchema",
    "LatticeSearch",
    "LimitExceeded",
    "LogitsProcessor",
    "Lookahead",
    "MBR",
    "MCTS",
    "Matcher",
    "Normalisation",
    "Optional",
    "PhiDecoding",
    "PhraseBeam",
    "Predicate",
    "PythonType",
    "Regex",
    "Repeat",
    "Sampling",
    "Scorer",
    "Sequence",
    "Space",
    "StochasticBeam",
    "StructuralTag",
    "Superposed",
    "Tag",
    "Tags",
    "Task",
    "TokenRejected",
    "TreadleError",
    "Union",
    "UnsatisfiableConstraint",
    "UnsupportedFeature",
    "Verdict",
    "Vocabulary",
    "VocabularyMismatch",
    "check",
    "compile",
    "draw",
    "generate",
    "infill",
    "stream",
    "tune",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'treadle' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
