"""The name under which other layers know what must be written: a goal is a formula over value atoms."""

from __future__ import annotations

from treadle.frontends.json_schema.formula import Formula

Goal = Formula

__all__ = ["Goal"]
