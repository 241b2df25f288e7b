"""The engines that can be measured, by name: a module for each package, loaded when its engine is.

A name of `ENGINES`, or `package.module:Class`, in, an adapter over a tokenizer out. A package that is not installed
raises EngineMissing, which a run says and goes on without.
"""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from treadle import __version__ as own_version  # `treadle` would be the module of this folder
from treadle.bench.adapters.protocol import Engine
from treadle.bench.tokenizer_folder import TokenizerFolder
from treadle.errors import TreadleError


class Source(NamedTuple):
    #: Module of this folder, and the class in it.
    module: str
    name: str
    #: Distribution, for its version; "" where there is none.
    package: str


#: What `--engines` takes, in the order in which reports list them.
ENGINES = {
    "treadle": Source("treadle", "AnyOrder", "treadle"),
    "treadle-declared": Source("treadle", "DeclaredOrder", "treadle"),
    # As `treadle-declared`; where a model writes, by `treadle.generate`, which keeps within the budget of tokens.
    "treadle-budget": Source("treadle", "Budgeted", "treadle"),
    "llguidance": Source("llguidance", "Llguidance", "llguidance"),
    "glrmask": Source("glrmask", "Glrmask", "glrmask"),
    "xgrammar": Source("xgrammar", "Strict", "xgrammar"),
    "xgrammar-compliant": Source("xgrammar", "Compliant", "xgrammar"),
    "outlines-core": Source("outlines_core", "OutlinesCore", "outlines-core"),
    "lm-format-enforcer": Source("lm_format_enforcer", "LmFormatEnforcer", "lm-format-enforcer"),
    "llama.cpp": Source("llama_cpp", "LlamaCpp", "llama-cpp-python"),
    "null": Source("null", "Null", ""),
    # The same by the name that it has where a model writes.
    "unconstrained": Source("null", "Null", ""),
}


class EngineMissing(TreadleError):
    """An engine whose package cannot be imported: `engine`, `reason`."""

    def __init__(self, engine: str, reason: str) -> None:
        self.engine = engine
        self.reason = " ".join(reason.split())
        super().__init__(f"{engine} is left out: {self.reason}")


def load(engine: str, tokenizer: TokenizerFolder) -> Engine:
    if engine in ENGINES:
        module, name = f"{__name__}.{ENGINES[engine].module}", ENGINES[engine].name
    else:
        module, _, name = engine.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise EngineMissing(engine, str(error)) from error
    try:
        adapter: Engine = made(tokenizer)
    except ImportError as error:  # something that it needs beside the package
        raise EngineMissing(engine, str(error)) from error
    return adapter


def is_known(engine: str) -> bool:
    """A name of the table, or `package.module:Class` for an adapter of the user's own."""
    module, separator, name = engine.partition(":")
    return engine in ENGINES or bool(separator and module and name.isidentifier())


def version_of(engine: str) -> str:
    package = ENGINES[engine].package if engine in ENGINES else ""
    if package == "treadle":
        return own_version  # a checkout on the path has no metadata
    try:
        return version(package) if package else ""
    except PackageNotFoundError:
        return ""
