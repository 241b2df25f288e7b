"""Constraints made of constraints: one after the other, optional, repeated, and between free text.

    Sequence("Answer: ", Choice(["yes", "no"]), Optional(Sequence(" because ", FreeText())))
    Tags([Tag("<tool>", JsonSchema(call), "</tool>")])         free text with tool calls in it
    Sequence("<think>", FreeText(until="</think>"), Tags(...))
    StructuralTag({"type": "structural_tag", "format": ...})   the same in xgrammar's JSON

Every part is a constraint or a string, which stands for itself. All of it becomes one scannerless grammar
(frontends/grammars/composition.py), so it is exact: a schema or a scannerless grammar may be part of it, a
grammar that needs its lexer may not, since where its last lexeme ends would depend on what comes behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from typing import Union as Either

from treadle.constraints import Composition, Constraint, Grammar, JsonSchema, Regex
from treadle.errors import InvalidConstraint
from treadle.frontends.grammars.composition import Collected, TagItem, free_text, tags_in_text, through
from treadle.frontends.grammars.operators import Item, Language, Options, Row, Times
from treadle.frontends.grammars.structural_tag import read_structural_tag
from treadle.grammar.expression import text

#: What compositions are made of: a string stands for itself.
Part = Either[Constraint, str]


def item_of(part: Any, collected: Collected) -> Item:
    """A part as an item of a grammar."""
    if isinstance(part, str):
        return Language(text(part))
    if not isinstance(part, Constraint):
        raise InvalidConstraint(
            "not a part of a composition", found=repr(part)[:60], expected="a constraint or a string"
        )
    return part.item(collected)


@dataclass(frozen=True)
class Sequence(Composition):
    """The parts, one after the other."""

    parts: tuple[Part, ...]

    def __init__(self, *parts: Part) -> None:
        object.__setattr__(self, "parts", parts)

    def item(self, collected: Collected) -> Item:
        return Row(tuple(item_of(part, collected) for part in self.parts))


@dataclass(frozen=True)
class Repeat(Composition):
    """A part `low` to `high` times; None = any number of times."""

    part: Part
    low: int = 0
    high: int | None = None

    def item(self, collected: Collected) -> Item:
        if self.low < 0 or (self.high is not None and self.high < self.low):
            raise InvalidConstraint("bounds the wrong way round", found=f"{self.low}, {self.high}")
        return Times(item_of(self.part, collected), self.low, self.high)


@dataclass(frozen=True)
class Optional(Composition):
    """A part, or nothing."""

    part: Part

    def item(self, collected: Collected) -> Item:
        return Times(item_of(self.part, collected), 0, 1)


@dataclass(frozen=True)
class FreeText(Composition):
    """Any text. `until`: strings that end it, the first of which belongs to it; `without`: strings that it has not;
    `most`: characters, what ends it not counted.
    """

    until: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    most: int | None = None

    def __init__(
        self, until: str | Iterable[str] = (), without: str | Iterable[str] = (), most: int | None = None
    ) -> None:
        object.__setattr__(self, "until", _strings(until))
        object.__setattr__(self, "without", _strings(without))
        object.__setattr__(self, "most", most)

    def item(self, collected: Collected) -> Item:
        if not self.until:
            return free_text(self.without, self.most)
        stops = (*self.until, *self.without)
        ways: list[Item] = [Language(through(end, stops, self.most)) for end in self.until]
        return Options(tuple(ways))


def _strings(given: str | Iterable[str]) -> tuple[str, ...]:
    strings: tuple[Any, ...] = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(string, str) and string for string in strings):
        raise InvalidConstraint("a string that free text could stop at is empty, or no string")
    return strings


@dataclass(frozen=True)
class Tag:
    """A begin, a constrained content, an end."""

    begin: str
    content: Part
    end: str = ""

    def item(self, collected: Collected) -> TagItem:
        return TagItem(self.begin, item_of(self.content, collected), (self.end,) if self.end else ())


@dataclass(frozen=True)
class Tags(Composition):
    """Free text with tags in it. A trigger, as soon as it is written, has to become one of the tags.

    triggers   strings that tags begin with; without any, each tag's begin
    at_once    the text begins with a tag
    once       the text ends with its first tag
    """

    tags: tuple[Tag, ...]
    triggers: tuple[str, ...]
    at_once: bool = False
    once: bool = False

    def __init__(
        self, tags: Iterable[Tag], triggers: Iterable[str] = (), *, at_once: bool = False, once: bool = False
    ) -> None:
        object.__setattr__(self, "tags", tuple(tags))
        object.__setattr__(
            self, "triggers", _strings(triggers) or tuple(dict.fromkeys(t.begin for t in self.tags))
        )
        object.__setattr__(self, "at_once", at_once)
        object.__setattr__(self, "once", once)

    def item(self, collected: Collected) -> Item:
        if not self.tags:
            raise InvalidConstraint("tags without a tag")
        for tag in self.tags:
            if not tag.begin or not any(tag.begin.startswith(trigger) for trigger in self.triggers):
                raise InvalidConstraint("a tag that no trigger begins", found=repr(tag.begin))
        items = [tag.item(collected) for tag in self.tags]
        return tags_in_text(items, self.triggers, at_once=self.at_once, once=self.once)


@dataclass(frozen=True)
class StructuralTag(Composition):
    """xgrammar's structural tag, as JSON text or parsed (frontends/grammars/structural_tag.py)."""

    tag: Any

    def item(self, collected: Collected) -> Item:
        def leaf(kind: str, value: Any, options: Mapping[str, Any]) -> Item:
            if kind == "json_schema":
                schema = dict(value) if isinstance(value, Mapping) else value
                return JsonSchema(schema, **options).item(collected)
            return (Regex(value) if kind == "regex" else Grammar(value, syntax="gbnf")).item(collected)

        return read_structural_tag(self.tag, leaf)
