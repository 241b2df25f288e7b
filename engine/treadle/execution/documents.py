"""`Document`: a text as a JSON value, judged by a JSON Schema, a pydantic model, or a function of the value.

The judge is `jsonschema` (formats asserted) or pydantic, not the engine: what a grammar or a relaxed constraint wrote
is held against an outside opinion. A function may raise or answer false, or grade with a number from 0 to 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from treadle.errors import InvalidConstraint


@dataclass(frozen=True)
class Document:
    """Reads a text as JSON and judges the value."""

    #: A schema as dict or bool, a pydantic class, or a function of the value.
    judge: Any
    _validate: Callable[[Any], float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_validate", _validator(self.judge))

    def __call__(self, text: str) -> float:
        """From 0 to 1; 0 for what is no JSON."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return 0.0
        try:
            return float(self._validate(value))
        except Exception:  # noqa: BLE001 - whatever a judge raises of somebody else's value, the value has failed it
            return 0.0


def _validator(judge: Any) -> Callable[[Any], float]:
    if isinstance(judge, (dict, bool)):
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import validator_for

        cls = validator_for(judge)
        try:
            cls.check_schema(judge)
        except SchemaError as error:
            raise InvalidConstraint("not a JSON Schema", found=error.message) from None
        validator = cls(judge, format_checker=cls.FORMAT_CHECKER)
        return lambda value: float(validator.is_valid(value))
    if hasattr(judge, "model_validate"):
        return lambda value: float(judge.model_validate(value) is not None)
    if callable(judge):
        return judge  # type: ignore[no-any-return]
    raise InvalidConstraint(
        "nothing to judge by", found=type(judge).__name__, expected="a schema, a pydantic class or a function"
    )
