"""Does a text satisfy a constraint, and if not, where does it leave it?

In: a constraint and a text. Out: a `Verdict` with the byte where the text first left every allowed continuation, what
was allowed there, and, worked out when asked for, the value at fault and the keyword or policy that it violates
(`explaining`). No vocabulary is needed: the byte automaton reads the text alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from treadle.automata.byte_automaton import DEAD, ByteAutomaton
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.constraints import Constraint, context_free
from treadle.explaining import Explanation, Refusal, explain
from treadle.parse_tables import parse_tables
from treadle.predicates import split


@dataclass(frozen=True)
class Verdict:
    """Whether a text is accepted; where not, the rest says why."""

    accepted: bool
    #: Bytes read before the text was refused; the length of the text when it only ended too early.
    offset: int
    #: What was allowed at `offset`, in words.
    expected: str = ""
    #: What stood there.
    found: str = ""
    _refused: tuple[Constraint, Refusal] | None = field(default=None, repr=False, compare=False)

    def __bool__(self) -> bool:
        return self.accepted

    @cached_property
    def explanation(self) -> Explanation:
        """Why the text was refused. Takes some compilations the first time."""
        return Explanation() if self._refused is None else explain(*self._refused)

    @property
    def pointer(self) -> str:
        """JSON pointer of the value at fault, "" outside of JSON."""
        return self.explanation.pointer

    @property
    def keyword(self) -> str:
        """The keyword of the schema that the value violates, "" where the reason is another."""
        return self.explanation.keyword

    @property
    def schema_pointer(self) -> str:
        """Where that keyword stands."""
        return self.explanation.schema_pointer

    @property
    def reason(self) -> str:
        """The reason in one sentence."""
        return self.explanation.reason


def check(constraint: Constraint, text: str | bytes) -> Verdict:
    """Judge a text. Raises a ConstraintError when the constraint itself is refused."""
    constraint, predicates = split(constraint)
    automaton = _automaton(constraint)
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    state, offset = (DEAD, 0) if automaton.start == DEAD else automaton.run_to(automaton.start, data)
    if state != DEAD and automaton.is_accepting(state):
        if all(one.admits(data, True) for one in predicates):
            return Verdict(True, len(data))
        return Verdict(False, len(data), "a text that the predicate admits", "the end")
    is_short = state != DEAD
    if is_short:
        before, offset = state, len(data)
    else:
        before = DEAD if automaton.start == DEAD else automaton.run_to(automaton.start, data[:offset])[0]
    allowed = [] if before == DEAD else automaton.allowed_bytes(before)
    expected = _in_words(allowed, before != DEAD and automaton.is_accepting(before))
    refusal = Refusal(data, offset, is_short, frozenset(allowed))
    return Verdict(
        False, offset, expected, "the end" if is_short else _snippet(data[offset:]), (constraint, refusal)
    )


def _automaton(constraint: Constraint) -> ByteAutomaton | ParseAutomaton:
    grammar = context_free(constraint)
    if grammar is None:
        return ByteAutomaton(constraint.rules()[0])
    return ParseAutomaton(parse_tables(grammar.cfg(), frozenset(range(256))), grammar.guards)


def _snippet(data: bytes) -> str:
    return repr(data[:24].decode("utf-8", "replace"))


def _in_words(allowed: list[int], may_end: bool) -> str:
    """The bytes that may follow, as short ranges of characters."""
    names = [_range_name(first, last) for first, last in _ranges(allowed)]
    if may_end:
        names.append("the end")
    return " ".join(names) or "nothing"


def _ranges(values: list[int]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for value in values:
        if out and out[-1][1] == value - 1:
            out[-1] = (out[-1][0], value)
        else:
            out.append((value, value))
    return out


def _range_name(first: int, last: int) -> str:
    def name(byte: int) -> str:
        return repr(chr(byte)) if byte < 0x80 else f"0x{byte:02x}"

    return name(first) if first == last else f"{name(first)}-{name(last)}"
