"""Names in an object: the explicit ones in their order, and classes of all the others.

In: a container formula. Out: a `NameTable`. Explicit names are those that keywords list; every other name matters only
by which patterns it matches, so the others fall into classes, one for each combination of patterns that some name
has. Patterns are mostly disjoint, so there are mostly as many classes as patterns, and one more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from treadle.errors import LimitExceeded
from treadle.frontends.json_schema.formula import Formula
from treadle.frontends.json_schema.literals import LiteralObjects
from treadle.frontends.json_schema.member_trackers import Members, MembersLeft, NameClass
from treadle.frontends.json_schema.object_trackers import UnevaluatedMembers
from treadle.grammar.derivative import matches
from treadle.grammar.emptiness import is_empty, live_transitions
from treadle.grammar.expression import ANY_TEXT, NOTHING, Expr, as_words, complement, intersect

#: Names of a class that are counted.
_FEW = 64
#: Classes that one object may have.
_CLASSES = 512


class NameTable:
    """The explicit names of a container formula, in order, and its name classes. Interned by the compilation."""

    __slots__ = ("_classes", "index", "languages", "names", "ordered")

    def __init__(self, names: tuple[str, ...], ordered: int, languages: tuple[Expr, ...]) -> None:
        self.names = names
        #: So many names at the front have a place in the order "declared"; those behind come like unlisted ones.
        self.ordered = ordered
        self.index = {name: position for position, name in enumerate(names)}
        self.languages = languages
        self._classes: tuple[NameClass, ...] | None = None

    @property
    def classes(self) -> tuple[NameClass, ...]:
        if self._classes is None:
            self._classes = name_classes(self.languages)
        return self._classes


def names_and_languages(formula: Formula) -> tuple[tuple[str, ...], int, tuple[Expr, ...]]:
    """Declared names in order of appearance, then names that are only required, then names that are only excluded;
    how many of them have a place in the order; and all patterns.

    "Not this object", which `uniqueItems` says of earlier items, declares nothing about the names in it.
    """
    declared: dict[str, None] = {}
    others: dict[str, None] = {}
    excluded: dict[str, None] = {}
    languages: dict[Expr, None] = {}
    for literal in literals_of(formula):
        atom: Any = literal.atom
        if isinstance(atom, LiteralObjects):
            into = excluded if literal.is_not else declared
        else:
            into = declared if isinstance(atom, (Members, MembersLeft, UnevaluatedMembers)) else others
        into.update(dict.fromkeys(atom.names))
        languages.update(dict.fromkeys(atom.languages))
    declared.update(others)
    ordered = len(declared)
    declared.update(excluded)
    return tuple(declared), ordered, tuple(languages)


def trackers_of(formula: Formula) -> Iterator[Any]:
    """All atoms of a container formula, also negated ones, from left to right."""
    return (literal.atom for literal in literals_of(formula))


def literals_of(formula: Formula) -> Iterator[Formula]:
    """All atoms of a container formula and all negated ones, from left to right."""
    work = [formula]
    while work:
        part = work.pop()
        if part.atom is not None:
            yield part
        work.extend(reversed(part.members))


def name_classes(languages: tuple[Expr, ...]) -> tuple[NameClass, ...]:
    """The partition of all names by the languages, by refining it one language after the other."""
    classes: list[tuple[Expr, frozenset[Expr]]] = [(ANY_TEXT, frozenset())]
    for language in languages:
        refined = []
        for names, within in classes:
            inside = intersect(names, language)
            if not _is_empty(inside):
                refined.append((inside, within | {language}))
            outside = intersect(names, complement(language))
            if not _is_empty(outside):
                refined.append((outside, within))
        classes = refined
        if len(classes) > _CLASSES:
            raise LimitExceeded(
                "the patterns of an object's names overlap in too many ways",
                limit="name_classes",
                value=_CLASSES,
            )
    return tuple(NameClass(names, within) for names, within in classes)


@lru_cache(maxsize=4096)
def finite_names(name_class: NameClass) -> frozenset[str] | None:
    """The names of a class that has only a few; None for any other."""
    for language in name_class.within:
        listed = as_words(language, _FEW)
        if listed is not None:
            return frozenset(name for name in listed if matches(name_class.language, name))
    return _spelled_out(name_class.language)


def _spelled_out(language: Expr) -> frozenset[str] | None:
    """All texts of a language by walking it; None as soon as there are more than a few ways to go on."""
    found: set[str] = set()
    work = [("", language)]
    try:
        while work:
            read, rest = work.pop()
            if rest.nullable:
                found.add(read)
            for charset, target in live_transitions(rest):
                if charset.size() + len(work) + len(found) > _FEW:
                    return None
                work.extend((read + chr(codepoint), target) for codepoint in charset.codepoints())
            if len(read) > _FEW:
                return None
    except LimitExceeded:
        return None
    return frozenset(found)


def names_left(name_class: NameClass, gone: Iterable[str]) -> int | None:
    """How many names of the class are left; None = they do not run out."""
    names = finite_names(name_class)
    return None if names is None else len(names.difference(gone))


def a_name_left(name_class: NameClass, gone: Iterable[str]) -> str | None:
    """A name to try where only a few are left, since one less may make a difference; None = no name in particular."""
    names = finite_names(name_class)
    return None if names is None else min(names.difference(gone), default=None)


def _is_empty(language: Expr) -> bool:
    if language is NOTHING:
        return True
    try:
        return is_empty(language)
    except LimitExceeded:
        # A class that has no names is harmless: no name can be written in it.
        return False
