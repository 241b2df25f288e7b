"""Regular expressions of two dialects -> expressions over Unicode text."""

from __future__ import annotations

from treadle.frontends.regex.ecma import parse_ecma
from treadle.frontends.regex.python_dialect import parse_python

__all__ = ["parse_ecma", "parse_python"]
