"""Optional packages: import them where they are needed, and say which extra brings them when they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from treadle.errors import TreadleError


class MissingPackage(TreadleError):
    """A feature needs a package that is not installed: `package`, and the `extra` of treadle that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(f"{purpose} needs the package {package}; install it with: pip install 'treadle[{extra}]'")


def require(package: str, purpose: str, extra: str = "models") -> ModuleType:
    """Import `package`, or raise MissingPackage."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingPackage(package.partition(".")[0], extra, purpose) from error
