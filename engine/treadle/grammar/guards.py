"""Guards: what a user's predicate says of the texts of a rule, and how what it asks for can be come by.

A judge may be any function, so whether a text that it let stand can be completed is a question without an answer in
general. Completions are searched for; a guard that knows of some says so, and what it says is tried before anything is
believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

#: The text of a completed rule and the text in front of it -> may it stand?
Judge = Callable[[str, str], bool]


@dataclass(frozen=True)
class Guard:
    """A judge that knows what it waits for; a bare judge is a guard as well.

    endings     a text that is not complete -> texts that may be its end, the best first: what closes a bond or a tag,
                declares a name. Each is tried as it is, and behind the rest that the grammar alone would ask for
    """

    judge: Judge
    endings: Callable[[str], Iterable[str]] | None = None

    def __call__(self, text: str, before: str) -> bool:
        return self.judge(text, before)
