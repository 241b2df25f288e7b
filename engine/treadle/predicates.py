"""A predicate as a constraint, beside constraints that have masks.

    Regex(r"[0-9]{3}") & Predicate(divisible_by_seven)
    JsonSchema(order) & Predicate(compiles_so_far, when="partial") & Predicate(passes_tests)
    generate(prompt, regex=r"[a-z ]{20,60}", predicate=no_rhyme)

What has a mask gives the masks; a predicate is a function of the text, asked when tokens are drawn: by AWRS (which
tests tokens and keeps account of what it refused, decoding/proposals.py), by SMC and CARS, or by a search, which
drops what is refused. when="final": asked of whole texts only. when="partial": of every prefix too; sound=True says
that no continuation of a refused prefix would be admitted, and nobody can verify that (decoding/components.py).

A predicate alone stands beside any text. There is no `rules()`: what only has masks cannot meet a predicate, so a
logits processor or `compile` refuses it instead of leaving it out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from treadle.constraints import Constraint, Regex
from treadle.decoding.components import Check
from treadle.errors import InvalidConstraint, UnsupportedFeature
from treadle.frontends.json_schema.report import Report
from treadle.grammar import rules

#: Any text.
ANYTHING = Regex(r"(?s:.*)")


class _Predicated(Constraint):
    """What has a predicate in it."""

    def rules(self) -> tuple[rules.Node, Report]:
        raise UnsupportedFeature(
            "a predicate has no mask",
            expected="treadle.generate, whose strategies ask it; or compile the constraint beside it",
        )

    def __and__(self, other: Any) -> Constrained:
        return _together(self, other)

    def __rand__(self, other: Any) -> Constrained:
        return _together(other, self)

    def __or__(self, other: Any) -> Any:
        raise UnsupportedFeature("a union with a predicate in it", expected="a predicate that says `or`")


@dataclass(frozen=True)
class Predicate(_Predicated):
    """Texts that a function admits."""

    function: Callable[[str], bool]
    when: Literal["final", "partial"] = "final"
    #: Whether a refused prefix has no admissible continuation.
    sound: bool = True

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InvalidConstraint(
                "a predicate is a function of the text", found=repr(self.function)[:60], expected="a callable"
            )
        self.check()

    def check(self) -> Check:
        """What searches ask."""
        return Check(self.function, self.when, self.sound)


@dataclass(frozen=True)
class Constrained(_Predicated):
    """A constraint with masks, and predicates."""

    constraint: Constraint
    predicates: tuple[Predicate, ...]


def split(constraint: Constraint) -> tuple[Constraint, tuple[Check, ...]]:
    """(what has masks, what has to be asked)"""
    if isinstance(constraint, Predicate):
        return ANYTHING, (constraint.check(),)
    if isinstance(constraint, Constrained):
        return constraint.constraint, tuple(one.check() for one in constraint.predicates)
    return constraint, ()


def _together(left: Any, right: Any) -> Constrained:
    parts = [_parts(left), _parts(right)]
    constraints = [constraint for constraint, _ in parts if constraint is not None]
    if len(constraints) > 1:
        raise UnsupportedFeature(
            "of two constraints joined by & one has to be a predicate",
            found=" & ".join(type(one).__name__ for one in constraints),
        )
    predicates = tuple(one for _, found in parts for one in found)
    return Constrained(constraints[0] if constraints else ANYTHING, predicates)


def _parts(one: Any) -> tuple[Constraint | None, tuple[Predicate, ...]]:
    if isinstance(one, Predicate):
        return None, (one,)
    if isinstance(one, Constrained):
        return (None if one.constraint is ANYTHING else one.constraint), one.predicates
    if isinstance(one, Constraint):
        return one, ()
    raise InvalidConstraint("not a constraint", found=repr(one)[:60], expected="a constraint or a Predicate")
