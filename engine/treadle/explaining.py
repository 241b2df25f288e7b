"""Why a JSON text was refused at a byte: the value at fault, the keyword, or the policy on how values are written.

In: a JsonSchema, a text, and the byte where the automaton refused it. Out: an `Explanation`. In this order:

    a policy      one that, when relaxed, lets the automaton read on: order of members, white space, escapes
    a name twice  which JSON Schema knows nothing of
    not JSON      the automaton of all JSON texts stops at the same byte
    too short     what open strings, arrays and objects still lack
    a keyword     of those that an outside judge finds violated the one nearest to the byte (`violations`)
    a spelling    of a number: treadle writes fewer of them than JSON allows (docs/json-schema.md)

Costs some compilations and is done only when somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from treadle.automata.byte_automaton import DEAD, ByteAutomaton
from treadle.constraints import Constraint, JsonSchema, PythonType
from treadle.errors import LimitExceeded
from treadle.frontends.json_schema.beginning import Path, Place, pointer_of_path, read
from treadle.frontends.json_schema.compilation import Compilation

if TYPE_CHECKING:
    from treadle.frontends.json_schema.violations import Judge

_DELIMITERS = frozenset(b",]} \t\r\n")
_NUMBER_BYTES = frozenset(b"+-.0123456789Ee")
#: What each policy is relaxed to, and what its violation is called.
_POLICIES = {
    "property_order": (
        "any",
        "the schema's order of members has passed this name or still waits for another",
    ),
    "whitespace": ("any", "white space that the policy does not write"),
    "escapes": ("any", "a character that the policy writes in another way"),
}
_TOO_SHORT = {
    "string": "the string is not closed",
    "key": "the name is not closed",
    "object": "the object is not closed",
    "array": "the array is not closed",
    "word": "the word is not complete",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a text was refused."""

    #: JSON pointer of the value at fault, "" outside of JSON.
    pointer: str = ""
    #: The keyword that is violated and where it stands; "" where none is.
    keyword: str = ""
    schema_pointer: str = ""
    #: One sentence.
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the automaton says."""

    data: bytes
    offset: int
    #: Whether every byte was read and only the end was refused.
    is_short: bool
    #: Bytes that were allowed at the offset.
    allowed: frozenset[int]


def compilation_of(constraint: JsonSchema) -> Compilation:
    """A compilation of its own, for looking at."""
    return Compilation(
        constraint.schema,
        declared_order=constraint.property_order == "declared",
        assert_formats=constraint.formats == "assert",
        lenient=constraint.lenient,
        registry=constraint.registry,
    )


def explain(constraint: Constraint, refusal: Refusal) -> Explanation:
    """See the top of the file."""
    if isinstance(constraint, PythonType):
        constraint = constraint.schema()
    if not isinstance(constraint, JsonSchema):
        return Explanation(reason="the text ends early" if refusal.is_short else "")
    return _Explainer(constraint, refusal).explanation()


class _Explainer:
    def __init__(self, constraint: JsonSchema, refusal: Refusal) -> None:
        self._constraint = constraint
        self._refusal = refusal
        self._json_end = _read_by(_all_json(), refusal.data)
        #: The text as far as it is JSON, and as far as it was not refused.
        self._text = read(refusal.data[: self._json_end])
        self._before = read(refusal.data[: refusal.offset])

    def explanation(self) -> Explanation:
        refusal = self._refusal
        if refusal.is_short:
            return self._too_short()
        policy = self._policy()
        if policy is not None:
            return self._against_policy(policy)
        key = read(refusal.data).key_at(refusal.offset)
        if key is not None and key.is_repeated and key.is_closed:
            reason = f"the name {key.name!r} comes twice in this object"
            return Explanation(pointer_of_path(key.path), reason=reason)
        if self._json_end == refusal.offset:
            return Explanation(self._pointer(), reason="not JSON")
        return self._against_keyword(self._judge()) or self._without_keyword()

    def _judge(self) -> Judge:
        from treadle.frontends.json_schema.violations import Judge  # loads jsonschema

        return Judge(compilation_of(self._constraint))

    def _against_keyword(self, judge: Judge) -> Explanation | None:
        found = judge.nearest(judge.errors(self._text.value), self._refusal.offset, self._text.span)
        if found is None:
            return None
        reason = found.message
        if found.alternatives:
            reason += f" (in the branch of {' and '.join(found.alternatives)} that got furthest)"
        return Explanation(pointer_of_path(found.path), found.keyword, found.schema_pointer, reason)

    def _without_keyword(self) -> Explanation:
        number = self._number()
        if number is None:
            return Explanation(self._pointer(), reason="nothing that satisfies the schema goes on like this")
        reason = "a spelling of the number that treadle does not write"
        return Explanation(pointer_of_path(number.path), reason=reason)

    def _too_short(self) -> Explanation:
        """The text is JSON so far; what is said about open values is what they lack."""
        text = self._before
        if text.due is not None:
            return Explanation(pointer_of_path(text.due), reason="the text ends early: a value is missing")
        open_places = list(text.open_places())
        judge = self._judge()
        lacking = list(judge.late(judge.errors(text.value), {place.path for place in open_places}))
        pointer, keyword, schema_pointer = self._pointer(), "", ""
        reasons = ["the text ends early"]
        if lacking:
            deepest = max(lacking, key=lambda violation: len(violation.path))
            keyword, schema_pointer = deepest.keyword, deepest.schema_pointer
            pointer = pointer_of_path(deepest.path)
            reasons.extend(dict.fromkeys(one.message for one in lacking if one.path == deepest.path))
        elif self._number() is not None and not self._may_end_number():
            about_number = self._against_keyword(judge)
            if about_number is not None:
                return about_number
            reasons.append("the number is not complete")
        elif open_places:
            reasons.append(_TOO_SHORT[open_places[0].kind])
        return Explanation(pointer, keyword, schema_pointer, ": ".join((reasons[0], ", ".join(reasons[1:]))))

    # Policies.

    def _policy(self) -> str | None:
        """The policy that alone stands in the way, or all that together do."""
        given = self._constraint
        strict = [name for name, (free, _) in _POLICIES.items() if getattr(given, name) != free]
        if not strict or not self._goes_on_without(strict):
            return None
        alone = (name for name in strict if len(strict) == 1 or self._goes_on_without([name]))
        return next(alone, " and ".join(strict))

    def _goes_on_without(self, policies: list[str]) -> bool:
        given = self._constraint
        options = {name: getattr(given, name) for name in _POLICIES}
        options |= {name: _POLICIES[name][0] for name in policies}
        freer = JsonSchema(
            given.schema,
            **options,
            formats=given.formats,
            lenient=given.lenient,
            registry=given.registry,
        )
        return _read_by(ByteAutomaton(freer.rules()[0]), self._refusal.data) > self._refusal.offset

    def _against_policy(self, policy: str) -> Explanation:
        value = getattr(self._constraint, policy, None)
        told = f"{policy}={value!r}" if value is not None else policy
        reason = f"{_POLICIES[policy][1]} ({told})" if policy in _POLICIES else f"against {told} together"
        path = self._path()
        if policy == "property_order":
            # A name that never comes is worse than one that comes too late.
            judge = self._judge()
            for lacking in judge.late(judge.errors(self._text.value), {path}):
                reason = f"{lacking.message}; {reason}"
                return Explanation(pointer_of_path(path), lacking.keyword, lacking.schema_pointer, reason)
        return Explanation(pointer_of_path(path), reason=reason)

    # Places.

    def _pointer(self) -> str:
        return pointer_of_path(self._path())

    def _path(self) -> Path:
        """The value that was being written at the byte, or was due there."""
        before = self._before
        if before.due is not None:
            return before.due
        number = self._number()
        if number is not None and (self._goes_on_as_number() or not self._may_end_number()):
            return number.path
        return next((place.path for place in before.open_places()), ())

    def _number(self) -> Place | None:
        return self._before.number_before(self._refusal.offset)

    def _goes_on_as_number(self) -> bool:
        data, offset = self._refusal.data, self._refusal.offset
        return offset < len(data) and data[offset] in _NUMBER_BYTES

    def _may_end_number(self) -> bool:
        return bool(self._refusal.allowed & _DELIMITERS)


@cache
def _all_json() -> ByteAutomaton:
    return ByteAutomaton(JsonSchema(True, property_order="any", whitespace="any").rules()[0])


def _read_by(automaton: ByteAutomaton, data: bytes) -> int:
    """So many bytes the automaton reads."""
    if automaton.start == DEAD:
        return 0
    try:
        state, offset = automaton.run_to(automaton.start, data)
    except LimitExceeded:
        return 0
    return offset if state == DEAD else len(data) + 1
