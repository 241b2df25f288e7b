"""`Program`: a text as a Python program that has to pass tests, in the sandbox. Its score is the share that it passes.

    judge = Program(["assert add(1, 2) == 3"], before="def add(a, b):\\n")

`before` and `after` go around the text, for a text that goes on with a function whose head the prompt has given.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from treadle.execution.sandbox import Sandbox, Verdict


@dataclass(frozen=True, slots=True)
class Program:
    """Executes a text and tests it."""

    tests: tuple[str, ...] | list[str] = ()
    before: str = ""
    after: str = ""
    sandbox: Sandbox = field(default_factory=Sandbox)

    def __call__(self, text: str) -> float:
        """The share of tests passed, from 0 to 1."""
        return self.verdict(text).score

    def verdict(self, text: str) -> Verdict:
        """What came of it."""
        return self.sandbox.run(self.before + text + self.after, self.tests)
