"""Cases judged through the engine: a schema becomes one byte automaton, and it reads every spelling of every instance.

In: a group, which is a schema with its cases. Out: an outcome for each case. A case is right when all its spellings
are accepted and it is valid, or all are refused and it is not. Of several outcomes the worst counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from treadle.automata.byte_automaton import DEAD, ByteAutomaton
from treadle.constraints import JsonSchema
from treadle.errors import ConstraintError, UnsatisfiableConstraint


class Grade(IntEnum):
    """From best to worst."""

    RIGHT = 0
    #: Compiling the schema raised, with a reason.
    SCHEMA_REFUSED = 1
    #: The schema was compiled, and reading the instance raised, with a reason.
    GAVE_UP = 2
    WRONGLY_REFUSED = 3
    WRONGLY_ACCEPTED = 4
    #: An exception that is no ConstraintError.
    CRASHED = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case, and the reason where there is one."""

    grade: Grade
    reason: str = ""

    def __str__(self) -> str:
        words = self.grade.name.lower().replace("_", " ")
        return f"{words}: {self.reason}" if self.reason else words

    @classmethod
    def parse(cls, text: str) -> Outcome:
        words, _, reason = text.partition(": ")
        return cls(Grade[words.upper().replace(" ", "_")], reason)


RIGHT = Outcome(Grade.RIGHT)


@dataclass(frozen=True, slots=True)
class Case:
    """An instance as texts, and whether it is valid. Names are unique in a data set."""

    name: str
    valid: bool
    spellings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A schema with its cases; `options` are JsonSchema's."""

    name: str
    schema: Any
    cases: tuple[Case, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def constraint(self) -> JsonSchema:
        return JsonSchema(self.schema, property_order="any", escapes="any", **self.options)


@dataclass(frozen=True, slots=True)
class Judged:
    """The outcomes of a group's cases; a group without cases has one outcome, under its own name."""

    outcomes: dict[str, Outcome]
    #: The sentence with which the schema was refused as unsatisfiable.
    unsatisfiable: str = ""


def judge(group: Group) -> Judged:
    """Compile the schema once, read every spelling of every case."""
    try:
        root, _ = group.constraint().rules()
        automaton = ByteAutomaton(root)
    except UnsatisfiableConstraint as error:
        return _unsatisfiable(group, str(error))
    except ConstraintError as error:
        return _same_for_all(group, Outcome(Grade.SCHEMA_REFUSED, f"{type(error).__name__}: {error}"))
    except Exception as error:
        return _same_for_all(group, Outcome(Grade.CRASHED, type(error).__name__))
    if automaton.start == DEAD:
        return _unsatisfiable(group, "no text satisfies this constraint")
    if not group.cases:
        return Judged({group.name: RIGHT})
    return Judged(
        {case.name: max(_outcomes(automaton, case), key=lambda found: found.grade) for case in group.cases}
    )


def _unsatisfiable(group: Group, sentence: str) -> Judged:
    """A schema that nothing satisfies refuses every instance: wrong only where there is a valid one."""
    outcomes = {case.name: _compared(case, accepted=False) for case in group.cases}
    return Judged(outcomes or {group.name: RIGHT}, sentence)


def _same_for_all(group: Group, outcome: Outcome) -> Judged:
    return Judged({case.name: outcome for case in group.cases} or {group.name: outcome})


def _outcomes(automaton: ByteAutomaton, case: Case) -> Iterator[Outcome]:
    for text in case.spellings:
        try:
            yield _compared(case, accepted=accepts(automaton, text))
        except ConstraintError as error:
            yield Outcome(Grade.GAVE_UP, f"{type(error).__name__}: {error}")
        except Exception as error:
            yield Outcome(Grade.CRASHED, type(error).__name__)


def _compared(case: Case, *, accepted: bool) -> Outcome:
    if accepted == case.valid:
        return RIGHT
    return Outcome(Grade.WRONGLY_ACCEPTED if accepted else Grade.WRONGLY_REFUSED)


def accepts(automaton: ByteAutomaton, text: str) -> bool:
    """Whether a whole text is read, byte by byte, to a state where it may end."""
    state = automaton.run(automaton.start, text.encode("utf-8", "surrogatepass"))
    return state != DEAD and automaton.is_accepting(state)
