"""xgrammar's structural tags, the interchange format of tool calls, read as compositions.

In: the JSON of a structural tag, `{"type": "structural_tag", "format": {...}}`, or its old form with
`triggers` and `structures`. Out: an item of `operators`. The formats: const_string, json_schema, any_text,
grammar, regex, sequence, or, tag, triggered_tags, tags_with_separator, optional, plus, star, repeat,
dispatch. As there, free text inside of a tag ends where the tag's end stands first.

Refused, because they are not about texts: formats that name tokens, budgets in tokens, JSON styles other than
"json". `any_order` means the order is free; required members are required all the same.

Source: https://xgrammar.mlc.ai/docs/tutorials/structural_tag.html and python/xgrammar/structural_tag.py of
0.2.8.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from treadle.errors import InvalidConstraint, LimitExceeded, UnsupportedFeature
from treadle.frontends.grammars.composition import TagItem, free_text, separated, tags_in_text
from treadle.frontends.grammars.grammar_text import NESTING
from treadle.frontends.grammars.operators import Item, Language, Options, Row, Times
from treadle.grammar.expression import text

#: (kind, value, options) of what is a constraint of its own -> its item: json_schema, regex, grammar.
Leaf = Callable[[str, Any, Mapping[str, Any]], Item]
Ends = tuple[str, ...]


def read_structural_tag(tag: Any, leaf: Leaf) -> Item:
    """The item of a structural tag, as JSON text or parsed. Errors name the JSON pointer."""
    if isinstance(tag, str):
        try:
            tag = json.loads(tag)
        except (ValueError, RecursionError) as error:
            raise InvalidConstraint("the structural tag is not JSON", found=str(error)[:100]) from None
    if not isinstance(tag, Mapping) or tag.get("type") != "structural_tag":
        raise InvalidConstraint("not a structural tag", where="#", expected='"type": "structural_tag"')
    if "format" not in tag and "triggers" in tag:
        return _Reader(leaf).old_form(tag)
    return _Reader(leaf).item(_field(tag, "format", "#", Mapping), "#/format", ())


def _field(format_: Mapping[str, Any], name: str, where: str, kind: Any, default: Any = None) -> Any:
    value = format_.get(name, default)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        wanted = getattr(kind, "__name__", str(kind))
        raise InvalidConstraint(
            f"no fitting {name!r}", where=where, found=repr(value)[:60], expected=wanted.lower()
        )
    return value


def _strings(format_: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    values = _field(format_, name, where, list, [])
    if not all(isinstance(value, str) and value for value in values):
        raise InvalidConstraint(f"{name!r} holds something else than strings", where=where)
    return tuple(values)


class _Reader:
    """One method for each format. `ends`: strings that end the tag around, which free text inside stops at."""

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf

    def item(self, format_: Any, where: str, ends: Ends) -> Item:
        if not isinstance(format_, Mapping) or not isinstance(format_.get("type"), str):
            raise InvalidConstraint("not a format", where=where, found=repr(format_)[:60], expected="type")
        if where.count("/") > 2 * NESTING:
            raise LimitExceeded("formats nested too deeply", limit="NESTING", value=NESTING, where=where)
        kind = format_["type"]
        if kind in _TOKENS:
            raise UnsupportedFeature("a format that names tokens", where=where, found=kind)
        if kind not in _FORMATS:
            raise InvalidConstraint(
                "unknown format", where=where, found=repr(kind), expected=", ".join(sorted(_FORMATS))
            )
        return _FORMATS[kind](self, format_, where, ends)

    def const_string(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        return Language(text(_field(format_, "value", where, str)))

    def json_schema(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        if format_.get("style", "json") != "json":
            raise UnsupportedFeature(
                "a style of JSON", where=where, found=str(format_["style"]), expected="json"
            )
        for name in ("excludes", "max_whitespace_cnt"):
            if format_.get(name):
                raise UnsupportedFeature(f"{name} inside of JSON", where=where)
        schema = _field(format_, "json_schema", where, (Mapping, bool))
        order = "any" if format_.get("any_order") else "declared"
        return self.leaf("json_schema", schema, {"property_order": order})

    def regex(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        return self.leaf("regex", _field(format_, "pattern", where, str), {})

    def grammar(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        return self.leaf("grammar", _field(format_, "grammar", where, str), {})

    def any_text(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        if format_.get("max_tokens") is not None:
            raise UnsupportedFeature("a budget in tokens", where=where, expected="max_chars")
        most = format_.get("max_chars")
        if most is not None and _field(format_, "max_chars", where, int) < 0:
            raise InvalidConstraint("less than no characters", where=where, found=str(most))
        return free_text((*_strings(format_, "excludes", where), *ends), most)

    def sequence(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        elements = _field(format_, "elements", where, list)
        last = len(elements) - 1
        return Row(
            tuple(
                self.item(element, f"{where}/elements/{index}", ends if index == last else ())
                for index, element in enumerate(elements)
            )
        )

    def or_(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        elements = _field(format_, "elements", where, list)
        return Options(
            tuple(self.item(each, f"{where}/elements/{index}", ends) for index, each in enumerate(elements))
        )

    def tag(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        return self._tag(format_, where).behind("")

    def _tag(self, format_: Any, where: str) -> TagItem:
        if not isinstance(format_, Mapping):
            raise InvalidConstraint("not a tag", where=where, found=repr(format_)[:60])
        if isinstance(format_.get("begin"), Mapping) or isinstance(format_.get("end"), Mapping):
            raise UnsupportedFeature("a tag that begins or ends with a token", where=where)
        begin = _field(format_, "begin", where, str)
        end = _field(format_, "end", where, (str, list))
        ends = (end,) if isinstance(end, str) else _strings(format_, "end", where)
        stops = tuple(filter(None, ends))
        return TagItem(begin, self.item(format_.get("content"), f"{where}/content", stops), ends)

    def _tags(self, format_: Mapping[str, Any], where: str) -> list[TagItem]:
        tags = _field(format_, "tags", where, list)
        return [self._tag(tag, f"{where}/tags/{index}") for index, tag in enumerate(tags)]

    def triggered_tags(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        tags, triggers = self._tags(format_, where), _strings(format_, "triggers", where)
        for index, tag in enumerate(tags):
            if sum(tag.begin.startswith(trigger) for trigger in triggers) != 1:
                raise InvalidConstraint(
                    "a tag that does not begin with exactly one of the triggers",
                    where=f"{where}/tags/{index}", found=repr(tag.begin),
                )  # fmt: skip
        return tags_in_text(
            tags, triggers, stops=(*_strings(format_, "excludes", where), *ends),
            at_once=bool(format_.get("at_least_one")), once=bool(format_.get("stop_after_first")),
        )  # fmt: skip

    def dispatch(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        tags = []
        for index, rule in enumerate(_field(format_, "rules", where, list)):
            place = f"{where}/rules/{index}"
            if (
                not isinstance(rule, (list, tuple))
                or len(rule) != 2
                or not isinstance(rule[0], str)
                or not rule[0]
            ):
                raise InvalidConstraint("not a pair of a pattern and a format", where=place)
            tags.append(TagItem(rule[0], self.item(rule[1], f"{place}/1", ())))
        stops = (*_strings(format_, "excludes", where), *ends)
        triggers = [tag.begin for tag in tags]
        return tags_in_text(tags, triggers, stops=stops, once=not format_.get("loop", True))

    def tags_with_separator(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        return separated(
            self._tags(format_, where), _field(format_, "separator", where, str),
            at_least_one=bool(format_.get("at_least_one")), once=bool(format_.get("stop_after_first")),
        )  # fmt: skip

    def times(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        low, high = _BOUNDS[format_["type"]]
        return Times(self.item(format_.get("content"), f"{where}/content", ends), low, high)

    def repeat(self, format_: Mapping[str, Any], where: str, ends: Ends) -> Item:
        low, high = _field(format_, "min", where, int), _field(format_, "max", where, int)
        if low < 0 or (high != -1 and high < low):
            raise InvalidConstraint("bounds the wrong way round", where=where, found=f"{low}, {high}")
        content = self.item(format_.get("content"), f"{where}/content", ends)
        return Times(content, low, None if high == -1 else high)

    def old_form(self, tag: Mapping[str, Any]) -> Item:
        """Triggers and structures of a begin, a schema and an end."""
        structures = _field(tag, "structures", "#", list)
        tags = [
            {
                "begin": _field(one, "begin", f"#/structures/{index}", str),
                "content": {"type": "json_schema", "json_schema": one.get("schema")},
                "end": _field(one, "end", f"#/structures/{index}", str),
            }
            for index, one in enumerate(structures)
            if isinstance(one, Mapping)
        ]
        return self.triggered_tags({"tags": tags, "triggers": tag["triggers"]}, "#", ())


_FORMATS: dict[str, Callable[[_Reader, Mapping[str, Any], str, Ends], Item]] = {
    "const_string": _Reader.const_string,
    "json_schema": _Reader.json_schema,
    "any_text": _Reader.any_text,
    "grammar": _Reader.grammar,
    "regex": _Reader.regex,
    "sequence": _Reader.sequence,
    "or": _Reader.or_,
    "tag": _Reader.tag,
    "triggered_tags": _Reader.triggered_tags,
    "dispatch": _Reader.dispatch,
    "tags_with_separator": _Reader.tags_with_separator,
    "optional": _Reader.times,
    "plus": _Reader.times,
    "star": _Reader.times,
    "repeat": _Reader.repeat,
}
_BOUNDS: dict[str, tuple[int, int | None]] = {"optional": (0, 1), "plus": (1, None), "star": (0, None)}
_TOKENS = frozenset(
    {"token", "exclude_token", "any_tokens", "token_triggered_tags", "token_dispatch", "qwen_xml_parameter"}
)
