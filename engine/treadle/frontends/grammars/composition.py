"""Texts around constrained texts: free text until a trigger, tags, and a composition of all of it as one
grammar.

Free text is a regular language, so that a trigger is seen at the character that completes it, wherever it
stands and whatever came before (Aho & Corasick 1975, here by derivatives). What stands behind the trigger is
an item of `operators`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from treadle.errors import UnsupportedFeature
from treadle.frontends.grammars.operators import (
    Embedded,
    Item,
    Language,
    Nested,
    Options,
    Row,
    Rule,
    Times,
    build,
)
from treadle.frontends.json_schema.report import Report
from treadle.grammar import rules
from treadle.grammar.cfg import Cfg
from treadle.grammar.expression import (
    ANY_CHAR,
    ANY_TEXT,
    EPSILON,
    Expr,
    alternate,
    complement,
    concat,
    intersect,
    repeat,
    text,
)


def without(strings: Iterable[str]) -> Expr:
    """Texts in which none of the strings occurs."""
    return complement(concat(ANY_TEXT, alternate(*map(text, strings)), ANY_TEXT))


def through(last: str, strings: Iterable[str], most: int | None = None) -> Expr:
    """Texts that end with `last`, in which no string ends earlier, with at most so many characters in front."""
    earlier = concat(ANY_TEXT, alternate(*map(text, [last, *strings])), repeat(ANY_CHAR, 1, None))
    return intersect(concat(repeat(ANY_CHAR, 0, most), text(last)), complement(earlier))


def free_text(stops: Iterable[str] = (), most: int | None = None) -> Item:
    """Any text of at most so many characters without these strings in it."""
    return Language(intersect(without(stops), repeat(ANY_CHAR, 0, most)))


@dataclass(frozen=True, slots=True)
class TagItem:
    """A begin, what stands behind it, and its end: any of several strings, or none where there is none."""

    begin: str
    content: Item
    ends: tuple[str, ...] = ()

    def behind(self, read: str) -> Item:
        """The tag behind the first characters of its begin."""
        end = Language(alternate(*map(text, self.ends)) if self.ends else EPSILON)
        return Row((Language(text(self.begin[len(read) :])), self.content, end))


def tags_in_text(
    tags: Sequence[TagItem],
    triggers: Sequence[str],
    *,
    stops: Sequence[str] = (),
    at_once: bool = False,
    once: bool = False,
) -> Item:
    """Free text in which a trigger, as soon as it is written, has to become one of the tags that begin with it.

    `stops`: strings that the free text does not have. `at_once`: a tag comes first, without text in front of it.
    `once`: the text ends with the first tag.
    """
    any_tag = Options(tuple(tag.behind("") for tag in tags))
    found = []
    for trigger in triggers:
        behind = tuple(tag.behind(trigger) for tag in tags if tag.begin.startswith(trigger))
        if behind:
            found.append(Row((Language(through(trigger, [*triggers, *stops])), Options(behind))))
    text_and_tag: Item = Options(tuple(found))
    rest = Language(without([*triggers, *stops]))
    if once:
        return any_tag if at_once else Options((rest, text_and_tag))
    more = Row((Times(text_and_tag, 0, None), rest))
    return Row((any_tag, more)) if at_once else more


def separated(tags: Sequence[TagItem], separator: str, *, at_least_one: bool, once: bool) -> Item:
    """Tags with a separator between them and nothing else."""
    one = Options(tuple(tag.behind("") for tag in tags))
    some: Item = one if once else Row((one, Times(Row((Language(text(separator)), one)), 0, None)))
    return some if at_least_one else Times(some, 0, 1)


def item_of_rules(node: rules.Node) -> Item:
    """What rules write, as an item: a language where they are plain text, because a terminal is never empty."""
    if isinstance(node, rules.Text):
        return Language(intersect(node.language, repeat(ANY_CHAR, node.fewest, node.most)))
    if isinstance(node, rules.Choice):
        return Options(tuple(map(item_of_rules, node.options)))
    return Embedded(node)


@dataclass(slots=True)
class Collected:
    """What the parts of one composition bring along: their guards, under names of their own, and their reports."""

    guards: dict[str, Callable[[str, str], bool]] = field(default_factory=dict)
    report: Report = field(default_factory=Report)

    def note(self, report: Report) -> None:
        for note in report:
            self.report.add(note.kind, note.pointer, note.message)

    def nested(self, cfg: Cfg, guards: Mapping[str, Callable[[str, str], bool]]) -> Item:
        """A grammar as an item. Raises UnsupportedFeature for one that needs its lexer."""
        if cfg.lexing == "lexical":
            raise UnsupportedFeature(
                "a grammar with a lexer inside of another constraint", expected='lexing="scannerless"'
            )
        names = {name: f"{len(self.guards)}:{name}" for name in guards}
        self.guards.update((names[name], guard) for name, guard in guards.items())
        productions = (replace(p, guard=names.get(p.guard, p.guard)) for p in cfg.productions)
        return Nested(replace(cfg, productions=tuple(productions)))


def grammar_of(item: Item) -> Cfg:
    """An item as a grammar."""
    return build([Rule("text", item, "")], "text", ()).cfg
