"""A place in a grammar's text that is read from left to right, as the readers of GBNF and EBNF do it."""

from __future__ import annotations

from treadle.errors import InvalidConstraint, LimitExceeded
from treadle.frontends.grammars.grammar_text import LONGEST, NESTING, place


class Reader:
    """A place in a text that is read from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise LimitExceeded(
                "the grammar is too long", limit="LONGEST", value=LONGEST, found=f"{len(text)} characters"
            )
        self.text = text
        self.at = 0
        self.depth = 0

    @property
    def where(self) -> str:
        return place(self.text, self.at)

    @property
    def next(self) -> str:
        """The next character; "" at the end."""
        return self.text[self.at : self.at + 1]

    def sees(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def takes(self, text: str) -> bool:
        found = self.sees(text)
        if found:
            self.at += len(text)
        return found

    def wants(self, text: str) -> None:
        if not self.takes(text):
            raise self.error("wrong syntax", repr(text))

    def enter(self) -> None:
        self.depth += 1
        if self.depth > NESTING:
            raise LimitExceeded(
                "brackets nested too deeply", limit="NESTING", value=NESTING, where=self.where
            )

    def leave(self) -> None:
        self.depth -= 1

    def error(self, message: str, expected: str = "") -> InvalidConstraint:
        found = repr(self.next) if self.next else "the end of the grammar"
        return InvalidConstraint(message, where=self.where, found=found, expected=expected)
