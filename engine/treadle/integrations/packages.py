"""Optional packages: import them where they are needed, and say how to get them when they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from treadle.errors import TreadleError


class MissingPackage(TreadleError):
    """A feature needs a package that is not installed: `package`, and the `command` that installs it."""

    def __init__(self, package: str, purpose: str, command: str = "pip install 'treadle[models]'") -> None:
        self.package = package
        self.command = command
        super().__init__(f"{purpose} needs the package {package}; install it with: {command}")


def require(package: str, purpose: str, command: str = "pip install 'treadle[models]'") -> ModuleType:
    """Import `package`, or raise MissingPackage."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingPackage(package.partition(".")[0], purpose, command) from error
