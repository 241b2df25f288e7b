"""Every exception that treadle raises on purpose.

    TreadleError
    ├── ConstraintError           something about a constraint, with its place
    │   ├── InvalidConstraint     the schema, pattern or grammar is wrong
    │   ├── UnsupportedFeature    right, but nothing here can enforce it (never ignored in silence)
    │   ├── UnsatisfiableConstraint   nothing satisfies it, or nothing within the token budget
    │   ├── VocabularyMismatch    a vocabulary that cannot spell it, or a row of the wrong width
    │   └── LimitExceeded         a named limit ran out
    └── TokenRejected             a token that the constraint does not allow here

Each one is a single line when printed and carries what it says as fields, so that programs need not read English.
"""

from __future__ import annotations


class TreadleError(Exception):
    """Base of every exception here."""


class ConstraintError(TreadleError):
    """What is wrong with a constraint, and where.

    `where` is a JSON pointer ("#/properties/age/minimum"), a position in a pattern ("column 7") or a line and
    column of a grammar; `found` and `expected` say the rest. Empty strings mean "does not apply".
    """

    def __init__(self, message: str, *, where: str = "", found: str = "", expected: str = "") -> None:
        self.message = message
        #: JSON pointer, or line and column.
        self.where = where
        self.found = found
        self.expected = expected
        super().__init__(self._line())

    def _line(self) -> str:
        parts = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.found:
            parts.append(f"found {self.found}")
        if self.expected:
            parts.append(f"expected {self.expected}")
        return "; ".join(" ".join(part.split()) for part in parts)

    def at(self, where: str) -> ConstraintError:
        """The same error, seen from a place further out (a pattern's column inside a schema's pointer)."""
        inner = f"{where}: {self.where}" if self.where else where
        return type(self)(self.message, where=inner, found=self.found, expected=self.expected)


class InvalidConstraint(ConstraintError):
    """The schema, pattern or grammar is malformed."""


class UnsupportedFeature(ConstraintError):
    """A well-formed constraint that nothing here can enforce exactly; refused rather than weakened."""


class UnsatisfiableConstraint(ConstraintError):
    """No text satisfies the constraint, or none fits into the token budget.

    `conflict`: pointers of keywords that admit nothing together, each of them needed for that; empty where they were
    not looked for or not found within the limits.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str = "",
        found: str = "",
        expected: str = "",
        conflict: tuple[str, ...] = (),
    ) -> None:
        self.conflict = conflict
        super().__init__(message, where=where, found=found, expected=expected)

    def at(self, where: str) -> UnsatisfiableConstraint:
        inner = f"{where}: {self.where}" if self.where else where
        return UnsatisfiableConstraint(
            self.message, where=inner, found=self.found, expected=self.expected, conflict=self.conflict
        )


class VocabularyMismatch(ConstraintError):
    """The vocabulary cannot serve this constraint, or a row or logits tensor has the wrong width."""


class LimitExceeded(ConstraintError):
    """A named limit ran out. `limit` is the option's name, `value` what it was set to."""

    def __init__(
        self,
        message: str,
        *,
        limit: str = "",
        value: int = 0,
        where: str = "",
        found: str = "",
        expected: str = "",
    ) -> None:
        self.limit = limit
        self.value = value
        super().__init__(message, where=where, found=found, expected=expected)

    def at(self, where: str) -> LimitExceeded:
        inner = f"{where}: {self.where}" if self.where else where
        return LimitExceeded(
            self.message,
            limit=self.limit,
            value=self.value,
            where=inner,
            found=self.found,
            expected=self.expected,
        )


class TokenRejected(TreadleError):
    """A token that the constraint does not allow: `token` at `position` of what was offered."""

    def __init__(self, token: int, position: int, expected: str = "") -> None:
        self.token = token
        self.position = position
        self.expected = expected
        super().__init__(
            f"token {token} at position {position} is not allowed"
            + (f"; expected {expected}" if expected else "")
        )
