"""String conditions: `pattern`, `format`, lengths, `enum` and `const` -> unions of `StringCase`.

A condition is a language of decoded characters with length bounds kept apart as numbers, because a counter beside an
automaton is cheaper than a counter inside of it: `maxLength: 100000` costs nothing. Conjunctions of conditions are one
condition. Lengths are worked into the language only where they must: a lower bound that a pattern does not imply.
Strings that are listed are filtered here, one by one, and stay a word list.

A condition with a format that is not regular is held between two languages (see `formats.Format`): what is written is
of the inner one, what the condition's negation allows is outside of the outer one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from treadle.errors import LimitExceeded
from treadle.frontends.json_schema import formats
from treadle.frontends.json_schema.drafts import Group
from treadle.frontends.json_schema.formats import Format
from treadle.frontends.json_schema.formula import CONTAINER, Algebra, Formula
from treadle.frontends.json_schema.schema import Schema
from treadle.frontends.json_schema.splitting import alternatives
from treadle.grammar.derivative import matches
from treadle.grammar.emptiness import is_empty, shortest_length
from treadle.grammar.expression import (
    ANY_CHAR,
    ANY_TEXT,
    NOTHING,
    Expr,
    alternate,
    complement,
    intersect,
    repeat,
    words,
)

#: Alternatives of a boolean combination of string conditions that are kept apart; more are joined in one language.
_APART = 16


@dataclass(frozen=True, slots=True)
class StringCase:
    """Strings whose decoded characters are in the language and whose length is within the bounds.

    `min_length` is above 0 only where the language is ANY_TEXT; with any other language, and no `max_length`, every
    text of the language is meant.
    """

    language: Expr
    min_length: int = 0
    max_length: int | None = None

    def accepts(self, text: str) -> bool:
        if len(text) < self.min_length or (self.max_length is not None and len(text) > self.max_length):
            return False
        return self.language is ANY_TEXT or matches(self.language, text)

    def as_language(self) -> Expr:
        """The case as one language, lengths included."""
        if self.min_length == 0 and self.max_length is None:
            return self.language
        return intersect(self.language, repeat(ANY_CHAR, self.min_length, self.max_length))


@dataclass(frozen=True, slots=True)
class Gap:
    """Strings that may satisfy a condition though they are not of its language: of these, those that all accept."""

    outer: Expr
    decides: frozenset[Callable[[str], bool]]

    def accepts(self, text: str) -> bool:
        return matches(self.outer, text) and all(decide(text) for decide in self.decides)


@dataclass(frozen=True, slots=True)
class StringCondition:
    """The atom: strings of the language within the lengths; only the listed ones where there is a list."""

    language: Expr = ANY_TEXT
    low: int = 0
    high: int | None = None
    listed: frozenset[str] | None = None
    #: What else could satisfy it; None where the language is exact.
    gap: Gap | None = None

    sort = CONTAINER
    meets = True

    @property
    def outer(self) -> Expr:
        """No string outside of this language satisfies the condition."""
        return self.language if self.gap is None else self.gap.outer

    def accepts(self, text: str) -> bool:
        if self.listed is not None and text not in self.listed:
            return False
        if len(text) < self.low or (self.high is not None and len(text) > self.high):
            return False
        if self.language is ANY_TEXT or matches(self.language, text):
            return True
        return self.gap is not None and self.gap.accepts(text)

    def kinds(self) -> tuple[int, int]:
        raise NotImplementedError("string conditions are no value atoms")

    def describe(self) -> str:
        return "string condition"

    @staticmethod
    def meet(algebra: Algebra, members: list[Formula]) -> list[Formula] | None:
        """All positive conditions as one, listed strings filtered by every condition; None where nothing changes."""
        positive = [member.atom for member in members if member.is_atom]
        negative = [member for member in members if member.is_not]
        lists = [atom for atom in positive if atom.listed is not None]
        if lists:
            atoms = [member.atom for member in negative]
            kept = frozenset(
                text
                for text in min((atom.listed for atom in lists), key=len)
                if all(atom.accepts(text) for atom in positive)
                and not any(atom.accepts(text) for atom in atoms)
            )
            return [algebra.atom(StringCondition(listed=kept))] if kept else [algebra.FALSE]
        if len(positive) < 2:
            return None
        joint = _met(positive)
        return [algebra.FALSE] if joint is None else [algebra.atom(joint), *negative]


def _met(conditions: list[StringCondition]) -> StringCondition | None:
    low = max(condition.low for condition in conditions)
    highs = [condition.high for condition in conditions if condition.high is not None]
    high = min(highs) if highs else None
    language = intersect(*(condition.language for condition in conditions))
    gaps = [condition.gap for condition in conditions if condition.gap is not None]
    if (language is NOTHING and not gaps) or (high is not None and high < low):
        return None
    return StringCondition(language, low, high, gap=_joint_gap(conditions, gaps))


def _joint_gap(conditions: list[StringCondition], gaps: list[Gap]) -> Gap | None:
    if not gaps:
        return None
    outer = intersect(*(condition.outer for condition in conditions))
    return Gap(outer, frozenset[Callable[[str], bool]]().union(*(gap.decides for gap in gaps)))


def string_conditions(schema: Schema) -> Formula:
    """The schema's own string keywords."""
    algebra = schema.compilation.algebra
    if not schema.groups & Group.STRING:
        return algebra.TRUE
    pattern = schema.get("pattern")
    languages = [] if pattern is None else [schema.compilation.pattern(pattern)]
    named = _format(schema)
    if named is not None:
        languages.append(named.language)
    low, high = int(schema.get("minLength") or 0), schema.get("maxLength")
    high = None if high is None else int(high)
    if not languages and not low and high is None:
        return algebra.TRUE
    language = intersect(*languages) if languages else ANY_TEXT
    gap = None
    if named is not None and named.decides is not None:
        gap = Gap(intersect(*languages[:-1], named.outer), frozenset((named.decides,)))
    if (language is NOTHING and gap is None) or (high is not None and high < low):
        return algebra.FALSE
    return algebra.atom(StringCondition(language, low, high, gap=gap))


def _format(schema: Schema) -> Format | None:
    """What `format` asserts; None where it is an annotation."""
    name = schema.get("format")
    if name is None:
        return None
    compilation = schema.compilation
    if not compilation.assert_formats:
        compilation.report.add(
            "annotation", schema.at("format"), f"format {name!r} is not asserted (formats='annotate')"
        )
        return None
    found = formats.format_of(name, schema.draft.name)
    if found is None:
        compilation.report.add("annotation", schema.at("format"), f"unknown format {name!r} asserts nothing")
    return found


def listed_strings(algebra: Algebra, texts: Iterable[str]) -> Formula:
    listed = frozenset(texts)
    return algebra.atom(StringCondition(listed=listed)) if listed else algebra.FALSE


def string_cases(formula: Formula, note: Any) -> tuple[StringCase, ...]:
    """A formula over string conditions as a union of cases; empty ones left out.

    `note(message)` is called where emptiness could not be decided within the limit.
    """
    if formula.is_true:
        return (StringCase(ANY_TEXT),)
    found: list[StringCase] = []
    for option in alternatives(formula, _APART):
        found.extend(_cases_of(option))
    return tuple(case for case in dict.fromkeys(found) if not _is_empty(case, note))


def _cases_of(formula: Formula) -> list[StringCase]:
    if formula.is_atom:
        case = _as_case(formula.atom)
        return [] if case is None else [case]
    if any(member.is_or for member in formula.conjuncts):
        return [StringCase(_language_of(formula))]
    options = [StringCondition()]
    negations = 0
    for member in formula.conjuncts:
        if member.is_atom:
            options = [met for option in options if (met := _met_one(option, member.atom)) is not None]
        else:
            negations += 1
            if negations > 3:
                return [StringCase(_language_of(formula))]
            rest = _negated(member.atom)
            options = [
                met for option in options for other in rest if (met := _met_one(option, other)) is not None
            ]
    return [case for option in options if (case := _as_case(option)) is not None]


def _met_one(first: StringCondition, second: StringCondition) -> StringCondition | None:
    if first.listed is None and second.listed is None:
        return _met([first, second])
    texts = second.listed if first.listed is None else first.listed
    assert texts is not None
    kept = frozenset(text for text in texts if first.accepts(text) and second.accepts(text))
    return StringCondition(listed=kept) if kept else None


def _negated(condition: StringCondition) -> list[StringCondition]:
    """What is outside of a condition, as a union."""
    if condition.listed is not None:
        return [StringCondition(complement(words(condition.listed)))]
    outside = []
    if condition.outer is not ANY_TEXT:
        outside.append(StringCondition(complement(condition.outer), gap=_gap_outside(condition)))
    if condition.low:
        outside.append(StringCondition(high=condition.low - 1))
    if condition.high is not None:
        outside.append(StringCondition(low=condition.high + 1))
    return outside


def _gap_outside(condition: StringCondition) -> Gap | None:
    """Of the strings between the two languages of a condition, those that it does not accept."""
    gap = condition.gap
    if gap is None:
        return None
    return Gap(complement(condition.language), frozenset((lambda text: not gap.accepts(text),)))


def _as_case(condition: StringCondition) -> StringCase | None:
    if condition.listed is not None:
        return StringCase(words(condition.listed))
    language, low, high = condition.language, condition.low, condition.high
    if language is ANY_TEXT:
        return StringCase(language, low, high)
    if high is not None and language.max_length is not None and language.max_length <= high:
        high = None
    if low > language.min_length:
        language = intersect(language, repeat(ANY_CHAR, low, None))
    return None if language is NOTHING else StringCase(language, 0, high)


def _language_of(formula: Formula) -> Expr:
    """Any formula over string conditions as one language."""
    if formula.is_true:
        return ANY_TEXT
    if formula.is_atom:
        return _whole_language(formula.atom)
    if formula.is_not:
        return complement(_whole_language(formula.atom, outer=True))
    parts = [_language_of(member) for member in formula.members]
    return intersect(*parts) if formula.is_and else alternate(*parts)


def _whole_language(condition: StringCondition, *, outer: bool = False) -> Expr:
    if condition.listed is not None:
        return words(condition.listed)
    language = condition.outer if outer else condition.language
    if not condition.low and condition.high is None:
        return language
    return intersect(language, repeat(ANY_CHAR, condition.low, condition.high))


def is_unwritten(formula: Formula) -> bool:
    """Whether a condition that no case was found for may have strings all the same."""
    if not formula.is_atom or formula.atom.gap is None:
        return False
    outer = StringCase(formula.atom.outer, formula.atom.low, formula.atom.high)
    try:
        return not is_empty(outer.as_language())
    except LimitExceeded:
        return True


def _is_empty(case: StringCase, note: Any) -> bool:
    language = case.language
    if language is ANY_TEXT:
        return case.max_length is not None and case.max_length < case.min_length
    try:
        if is_empty(language):
            return True
        if case.max_length is None or (language.exact and language.min_length <= case.max_length):
            return False
        return shortest_length(language) > case.max_length
    except LimitExceeded:
        note("whether some string satisfies it was not decided within the limit")
        return False
