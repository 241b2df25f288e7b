"""Conditions on JSON numbers -> languages of number texts.

In: bounds and steps, as ints, floats or decimals. Out: `Expr` of the texts whose exact value meets the condition.
The construction is one hand-written deterministic automaton, `NUMBERS`, whose states are residual conditions: all
schemas share them, nothing is enumerated, and a state that can reach no member is never made (the arithmetic is in
`number_plain` and `number_scientific`). The conjunction of any bounds, steps and negated steps is one start state, so
that `meet(at_least(0), INTEGER, multiple_of(7), negate(multiple_of(3)))` costs no product; a negated bound is a bound.

Texts. `JSON_NUMBER` has every number of RFC 8259 whose exponent has at most three digits. Conditions speak of the
`SUPPORTED` forms: plain ones ("-12.50", any length) and normalised scientific ones ("-1.25e+1": one digit that is not
zero before the point), which is what every serialiser writes. Within `SUPPORTED` all is exact: `at_least(x)` and
`below(x)` cut it in two, and `negate` is the complement in it. Other spellings ("12.5e3", "0e1") meet no condition
but having a number. A float means the decimal that its shortest text names.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from treadle.frontends.json_schema.number_bounds import (
    ALL_MAGNITUDES,
    Edge,
    Limits,
    Number,
    exact,
)
from treadle.frontends.json_schema.number_plain import PlainState, whole
from treadle.frontends.json_schema.number_scientific import ScientificState, mantissa
from treadle.frontends.json_schema.number_shortest import shortest_plain, shortest_scientific
from treadle.frontends.json_schema.number_sieve import Sieve, Step, step_of
from treadle.grammar.charset import CharSet
from treadle.grammar.expression import (
    EPSILON,
    NOTHING,
    Expr,
    alternate,
    chars,
    complement,
    concat,
    intersect,
    leaf,
    repeat,
    text,
)
from treadle.grammar.nodes import Alternate, Leaf


@dataclass(frozen=True, slots=True)
class Condition:
    """Where a text begins. `Condition.of` makes the normal form."""

    #: The magnitudes allowed without a minus sign, None = none, and with one.
    positive: Limits | None
    negative: Limits | None
    #: Multiples of this only, None = all; and of none of these.
    step: Step | None = None
    without: tuple[Step, ...] = ()
    #: Digits only, no point and no exponent; the step is then an integer.
    bare: bool = False

    accepting = False

    @staticmethod
    def of(
        positive: Limits | None,
        negative: Limits | None,
        step: Step | None = None,
        without: Iterable[Step] = (),
        *,
        bare: bool = False,
    ) -> Condition:
        excluded = sorted(set(without))
        excluded = [
            one for one in excluded if not any(other.divides(one) for other in excluded if other is not one)
        ]
        if step is not None and any(one.divides(step) for one in excluded):
            return Condition(None, None)
        return Condition(positive, negative, step, tuple(excluded), bare)

    def after(self, character: str) -> NumberState | None:
        if character == "-":
            after = self._begun(self.negative)
            return after if after is not None and any(map(after.after, _DIGITS)) else None
        begun = self._begun(self.positive)
        return None if begun is None else begun.after(character)

    def _begun(self, limits: Limits | None) -> Unsigned | None:
        """The magnitude of one sign. A single one either passes the sieve or not: no need to follow residues."""
        sieve = Sieve.of(self.step, self.without)
        if limits is not None and sieve is not None and limits.is_point():
            value, unit = limits.low.as_integer() if limits.low is not None else (0, 0)
            limits, sieve = (limits if sieve.passes(unit, value) else None), None
        return None if limits is None else Unsigned(limits, sieve, self.bare)

    def meet(self, other: Condition) -> Condition:
        step = self.step or other.step
        if self.step is not None and other.step is not None:
            step = self.step.common(other.step)
        return Condition.of(
            _meet(self.positive, other.positive),
            _meet(self.negative, other.negative),
            step,
            self.without + other.without,
            bare=self.bare or other.bare,
        )


@dataclass(frozen=True, slots=True)
class Unsigned:
    """Before the first digit."""

    limits: Limits
    sieve: Sieve | None
    bare: bool

    accepting = False

    def after(self, character: str) -> NumberState | None:
        if character not in _DIGITS:
            return None
        return _reading(
            whole(self.limits, self.sieve, character, bare=self.bare),
            None if self.bare else mantissa(self.limits, self.sieve, character),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """After a digit: what the text may become as a plain and as a scientific form."""

    plain: PlainState | None
    scientific: ScientificState | None

    @property
    def accepting(self) -> bool:
        return bool(self.plain and self.plain.accepting) or bool(
            self.scientific and self.scientific.accepting
        )

    def after(self, character: str) -> NumberState | None:
        return _reading(
            self.plain and self.plain.after(character), self.scientific and self.scientific.after(character)
        )


NumberState = Condition | Unsigned | Reading


def _meet(first: Limits | None, second: Limits | None) -> Limits | None:
    return None if first is None or second is None else first.meet(second)


def _reading(plain: PlainState | None, scientific: ScientificState | None) -> Reading | None:
    return Reading(plain, scientific) if plain is not None or scientific is not None else None


_DIGITS = "0123456789"
_LETTER_E = CharSet.from_text("eE")
_CHARACTERS = "-+." + _DIGITS


class _Numbers:
    """The automaton. Its states are the conditions above; every one that `transitions` gives is live."""

    def transitions(self, state: Hashable, /) -> Sequence[tuple[CharSet, Hashable]]:
        return _transitions(state)

    def accepting(self, state: Hashable, /) -> bool:
        return state.accepting  # type: ignore[attr-defined, no-any-return]

    def dead(self, state: Hashable, /) -> bool:
        return isinstance(state, Condition) and not _transitions(state)

    def shortest_length(self, state: Hashable, /) -> int:
        """Characters of a shortest text that is accepted from a live state."""
        return _shortest_length(state)

    def shortest(self, state: Hashable, /) -> str:
        """A shortest text that is accepted from a live state."""
        text = ""
        while (left := _shortest_length(state)) > 0:
            charset, state = next(
                edge for edge in _transitions(state) if _shortest_length(edge[1]) == left - 1
            )
            text += chr(charset.min())
        return text

    def __repr__(self) -> str:
        return "NUMBERS"


@lru_cache(maxsize=16384)
def _transitions(state: NumberState) -> tuple[tuple[CharSet, NumberState], ...]:
    classes: dict[NumberState, str] = {}
    for character in _CHARACTERS:
        target = state.after(character)
        if target is not None:
            classes[target] = classes.get(target, "") + character
    target = state.after("e")
    if target is not None:
        classes[target] = "eE"
    return tuple((_set_of(characters), target) for target, characters in classes.items())


@lru_cache(maxsize=1024)
def _set_of(characters: str) -> CharSet:
    return CharSet.from_text(characters)


@lru_cache(maxsize=16384)
def _shortest_length(state: NumberState) -> int:
    if isinstance(state, Reading):
        return min(
            shortest_plain(state.plain) if state.plain is not None else _LONG,
            shortest_scientific(state.scientific) if state.scientific is not None else _LONG,
        )
    return 1 + min((_shortest_length(target) for _, target in _transitions(state)), default=_LONG)


_LONG = 1 << 30
NUMBERS = _Numbers()


def _language(condition: Condition) -> Expr:
    return NOTHING if NUMBERS.dead(condition) else leaf(NUMBERS, condition)


_DIGIT = chars(CharSet.from_text(_DIGITS))
_MINUS = alternate(EPSILON, text("-"))
_NATURAL = alternate(text("0"), concat(chars(CharSet.from_text("123456789")), repeat(_DIGIT, 0, None)))
_FRACTION = alternate(EPSILON, concat(text("."), repeat(_DIGIT, 1, None)))
_EXPONENT = concat(chars(_LETTER_E), alternate(EPSILON, chars(CharSet.from_text("+-"))), repeat(_DIGIT, 1, 3))

#: Every JSON number text with an exponent of at most three digits.
JSON_NUMBER = concat(_MINUS, _NATURAL, _FRACTION, alternate(EPSILON, _EXPONENT))
_INTEGRAL = Step.of(1, 0)
_ANYTHING = Condition(ALL_MAGNITUDES, ALL_MAGNITUDES)
#: Plain and normalised scientific forms; see the top of the file.
SUPPORTED = _language(_ANYTHING)
#: Texts whose value is integral, in any supported form: "12", "1.0", "1.50e1".
INTEGER = _language(Condition(ALL_MAGNITUDES, ALL_MAGNITUDES, _INTEGRAL))
#: Integers written with digits only, as drafts 3 and 4 mean them.
PLAIN_INTEGER = _language(Condition(ALL_MAGNITUDES, ALL_MAGNITUDES, _INTEGRAL, bare=True))


def interval(
    low: Number | None = None,
    low_inclusive: bool = True,
    high: Number | None = None,
    high_inclusive: bool = True,
    *,
    integral: bool = False,
    multiples: Iterable[Number] = (),
    bare: bool = False,
) -> Expr:
    """The texts of numbers between two bounds that are multiples of all `multiples`; `bare` = digits only."""
    steps = (*multiples, 1) if integral or bare else tuple(multiples)
    conditions = [Condition(ALL_MAGNITUDES, ALL_MAGNITUDES, step_of(steps), bare=bare)]
    if low is not None:
        conditions.append(_from(low, low_inclusive))
    if high is not None:
        conditions.append(_up_to(high, high_inclusive))
    joint = conditions[0]
    for condition in conditions[1:]:
        joint = joint.meet(condition)
    return _language(joint)


def at_least(bound: Number) -> Expr:
    return interval(bound)


def above(bound: Number) -> Expr:
    return interval(bound, low_inclusive=False)


def at_most(bound: Number) -> Expr:
    return interval(high=bound)


def below(bound: Number) -> Expr:
    return interval(high=bound, high_inclusive=False)


def equal_to(value: Number) -> Expr:
    """Every supported spelling of the value."""
    return interval(value, high=value)


def multiple_of(step: Number) -> Expr:
    return interval(multiples=(step,))


def _from(bound: Number, inclusive: bool) -> Condition:
    """Magnitudes of the numbers above a bound; a bound of zero admits both zeros or neither."""
    value = exact(bound)
    edge = Edge.at(value, inclusive=inclusive)
    if value < 0:
        return Condition(ALL_MAGNITUDES, Limits.between(None, edge))
    return Condition(Limits.between(edge, None), None if value else Limits.between(None, edge))


def _up_to(bound: Number, inclusive: bool) -> Condition:
    """Magnitudes of the numbers below a bound: those above its negative, with the signs changed."""
    mirrored = _from(exact(bound).copy_negate(), inclusive)
    return Condition(mirrored.negative, mirrored.positive)


#: Unions of conditions that `meet` multiplies out: at most so many conditions.
_MULTIPLIED = 64


def meet(*languages: Expr) -> Expr:
    """The intersection of number languages. Conditions become one start state, unions of them a union.

    Anything else is left to the generic product.
    """
    joint = [_ANYTHING]
    others = []
    for language in languages:
        conditions = _conditions_of(language)
        if conditions is None or len(joint) * len(conditions) > _MULTIPLIED:
            others.append(language)
        else:
            joint = [one.meet(other) for one in joint for other in conditions]
    if joint == [_ANYTHING] and all(language is JSON_NUMBER for language in languages):
        return JSON_NUMBER
    return intersect(alternate(*map(_language, joint)), *others)


def _conditions_of(language: Expr) -> list[Condition] | None:
    """The conditions of which the language is the union; None for expressions that are not made of conditions."""
    if language is JSON_NUMBER:
        return [_ANYTHING]
    parts = language.members if isinstance(language, Alternate) else (language,)
    found = [condition_of(part) for part in parts]
    return None if None in found else [condition for condition in found if condition is not None]


def condition_of(language: Expr) -> Condition | None:
    """The condition that a language of this module stands for, None for other expressions."""
    if isinstance(language, Leaf) and isinstance(language.state, Condition):
        return language.state
    return None


def negate(language: Expr) -> Expr:
    """The supported texts that are not in `language`."""
    if language is JSON_NUMBER:
        return NOTHING
    conditions = _conditions_of(language)
    if conditions is None:
        return intersect(SUPPORTED, complement(language))
    return meet(SUPPORTED, *map(_negated, conditions))


def _negated(condition: Condition) -> Expr:
    pieces = [
        _outside(condition, Limits.below, ALL_MAGNITUDES),
        _outside(condition, Limits.above, None),
        *(_language(Condition(ALL_MAGNITUDES, ALL_MAGNITUDES, step)) for step in condition.without),
    ]
    if condition.step is not None:
        pieces.append(_language(Condition(ALL_MAGNITUDES, ALL_MAGNITUDES, None, (condition.step,))))
    if condition.bare:
        pieces.append(intersect(SUPPORTED, complement(PLAIN_INTEGER)))
    return alternate(*pieces)


def _outside(condition: Condition, side: Callable[[Limits], Limits | None], otherwise: Limits | None) -> Expr:
    """The numbers on one side of the condition's magnitudes; `otherwise` for a sign that it refuses altogether."""
    positive, negative = (
        otherwise if limits is None else side(limits) for limits in (condition.positive, condition.negative)
    )
    return _language(Condition(positive, negative))
