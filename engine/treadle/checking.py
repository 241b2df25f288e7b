"""Does a text satisfy a constraint, and if not, where does it leave it?

In: a constraint and a text. Out: a `Verdict` with the byte where the text first left every allowed continuation, what
was allowed there, and the JSON pointer of the value that was being written. No vocabulary is needed: the byte
automaton reads the text alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from treadle.automata.byte_automaton import DEAD, ByteAutomaton
from treadle.constraints import Constraint


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a text is accepted; where not, the rest says why."""

    accepted: bool
    #: Bytes read before the text was refused; the length of the text when it only ended too early.
    offset: int
    #: What was allowed at `offset`, in words.
    expected: str
    #: What stood there.
    found: str
    #: JSON pointer of the value at `offset`, "" outside of JSON.
    pointer: str

    def __bool__(self) -> bool:
        return self.accepted


def check(constraint: Constraint, text: str | bytes) -> Verdict:
    """Judge a text. Raises a ConstraintError when the constraint itself is refused."""
    root, _ = constraint.rules()
    automaton = ByteAutomaton(root)
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    state, offset = (DEAD, 0) if automaton.start == DEAD else automaton.run_to(automaton.start, data)
    if state == DEAD:
        before, _ = automaton.run_to(automaton.start, data[:offset])
        found = _snippet(data[offset:])
        return Verdict(False, offset, _allowed(automaton, before), found, pointer_at(data[:offset]))
    if not automaton.is_accepting(state):
        return Verdict(False, len(data), _allowed(automaton, state), "the end", pointer_at(data))
    return Verdict(True, len(data), "", "", "")


def _snippet(data: bytes) -> str:
    return repr(data[:24].decode("utf-8", "replace"))


def _allowed(automaton: ByteAutomaton, state: int) -> str:
    """The bytes that may follow, as short ranges of characters."""
    if state == DEAD:
        return "nothing"
    allowed = automaton.allowed_bytes(state)
    names = [_range_name(first, last) for first, last in _ranges(allowed)]
    if automaton.is_accepting(state):
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


def pointer_at(data: bytes) -> str:
    """JSON pointer of the value that a beginning of a JSON text is writing: a scan that trusts the text so far."""
    path: list[str | int] = []
    key_next: list[bool] = []
    i = 0
    while i < len(data):
        byte = data[i]
        if byte == 0x22:
            end = _string_end(data, i)
            if key_next and key_next[-1] and end <= len(data) and path:
                path[-1] = data[i + 1 : end - 1].decode("utf-8", "replace")
            i = end
            continue
        if byte in b"{[":
            path.append("" if byte == 0x7B else 0)
            key_next.append(byte == 0x7B)
        elif byte in b"}]" and path:
            path.pop()
            key_next.pop()
        elif byte == 0x3A and key_next:
            key_next[-1] = False
        elif byte == 0x2C and path:
            last = path[-1]
            if isinstance(last, int):
                path[-1] = last + 1
            else:
                key_next[-1] = True
                path[-1] = ""
        i += 1
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in path if part != ""]
    return "#" + "".join("/" + part for part in parts)


def _string_end(data: bytes, start: int) -> int:
    """Index behind the string that starts at `start`, past the data when it is not closed."""
    i = start + 1
    while i < len(data):
        if data[i] == 0x5C:
            i += 2
        elif data[i] == 0x22:
            return i + 1
        else:
            i += 1
    return len(data) + 1
