"""GBNF, the grammar language of llama.cpp -> a scannerless grammar.

    root ::= "yes" | "no" [0-9]{1,3} item*      # a comment

In: text. Rules end with their line, except inside of brackets, behind `::=` and around `|`. Strings and
character classes have the escapes \\n \\r \\t \\\\ \\" \\[ \\] \\xHH \\uHHHH \\UHHHHHHHH; `.` is any
character. Left out: elements that name tokens of a vocabulary (`<think>`, `<[1000]>`), which no text can be
compared with.

Source: grammars/README.md of llama.cpp, https://github.com/ggml-org/llama.cpp
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from treadle.errors import UnsupportedFeature
from treadle.frontends.grammars.operators import (
    Item,
    Language,
    Name,
    Options,
    Row,
    Rule,
    Times,
    build,
)
from treadle.frontends.grammars.reader import Reader
from treadle.frontends.grammars.reading import Reading
from treadle.grammar.charset import CharSet
from treadle.grammar.expression import ANY_CHAR, chars, text

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t]|#[^\n]*)*")
_GAP = re.compile(r"(?:\s|#[^\n]*)*")
_RULE_AHEAD = re.compile(r"[A-Za-z0-9_-]+[ \t]*::=")
_COUNT = re.compile(r"\{\s*(\d+)\s*(?:(,)\s*(\d+)?\s*)?\}")
_SIMPLE = {
    "n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "[": "[", "]": "]", "-": "-", "^": "^", "'": "'", "/": "/",
}  # fmt: skip
_HEX = {"x": 2, "u": 4, "U": 8}


def read_gbnf(grammar: str, *, start: str = "root", guards: Sequence[str] = ()) -> Reading:
    """The grammar of a text in GBNF. Raises InvalidConstraint with line and column."""
    reader = Reader(grammar)
    rules = []
    _skip(reader, _GAP)
    while reader.next:
        rules.append(_rule(reader))
        _skip(reader, _GAP)
    return build(rules, start, guards)


def _skip(reader: Reader, what: re.Pattern[str]) -> None:
    found = what.match(reader.text, reader.at)
    assert found is not None
    reader.at = found.end()


def _rule(reader: Reader) -> Rule:
    where = reader.where
    name = _name(reader)
    _skip(reader, _BLANK)
    reader.wants("::=")
    _skip(reader, _GAP)
    return Rule(name, _options(reader, nested=False), where)


def _name(reader: Reader) -> str:
    found = _NAME.match(reader.text, reader.at)
    if found is None:
        raise reader.error("wrong syntax", "the name of a rule")
    reader.at = found.end()
    return found.group()


def _options(reader: Reader, *, nested: bool) -> Item:
    options = [_row(reader, nested)]
    while _at_bar(reader):
        _skip(reader, _GAP)
        options.append(_row(reader, nested))
    if not nested and reader.next not in {"", "\n", "\r"}:
        raise reader.error("wrong syntax", "the end of the rule")
    return options[0] if len(options) == 1 else Options(tuple(options))


def _at_bar(reader: Reader) -> bool:
    """A bar may also stand on the next line."""
    before = reader.at
    _skip(reader, _GAP)
    if reader.takes("|"):
        return True
    reader.at = before
    return False


def _row(reader: Reader, nested: bool) -> Item:
    items: list[Item] = []
    while True:
        _skip(reader, _GAP if nested else _BLANK)
        item = _element(reader)
        if item is None:
            return items[0] if len(items) == 1 else Row(tuple(items))
        items.append(_repeated(reader, item, nested))


def _element(reader: Reader) -> Item | None:
    match reader.next:
        case '"':
            return Language(text(_string(reader)))
        case "[":
            return Language(chars(_class(reader)))
        case ".":
            reader.at += 1
            return Language(ANY_CHAR)
        case "(":
            reader.enter()
            reader.at += 1
            item = _options(reader, nested=True)
            _skip(reader, _GAP)
            reader.wants(")")
            reader.leave()
            return item
        case "<":
            raise UnsupportedFeature("an element that names a token of the vocabulary", where=reader.where)
    if _RULE_AHEAD.match(reader.text, reader.at) or not _NAME.match(reader.text, reader.at):
        return None
    where = reader.where
    return Name(_name(reader), where)


def _repeated(reader: Reader, item: Item, nested: bool) -> Item:
    while True:
        _skip(reader, _GAP if nested else _BLANK)
        if reader.takes("*"):
            item = Times(item, 0, None)
        elif reader.takes("+"):
            item = Times(item, 1, None)
        elif reader.takes("?"):
            item = Times(item, 0, 1)
        elif reader.next == "{":
            item = _counted(reader, item)
        else:
            return item


def _counted(reader: Reader, item: Item) -> Item:
    found = _COUNT.match(reader.text, reader.at)
    if found is None:
        raise reader.error("wrong syntax", "{m}, {m,} or {m,n}")
    low = int(found[1])
    high = low if found[2] is None else None if found[3] is None else int(found[3])
    if high is not None and high < low:
        raise reader.error("a repetition with its bounds the wrong way round")
    reader.at = found.end()
    return Times(item, low, high)


def _string(reader: Reader) -> str:
    begin = reader.at
    reader.at += 1
    found = []
    while not reader.takes('"'):
        if reader.next in {"", "\n"}:
            reader.at = begin
            raise reader.error("a string that is not closed")
        found.append(_character(reader))
    return "".join(found)


def _class(reader: Reader) -> CharSet:
    begin = reader.at
    reader.at += 1
    negated = reader.takes("^")
    bounds = []
    while not reader.takes("]"):
        if reader.next in {"", "\n"}:
            reader.at = begin
            raise reader.error("a character class that is not closed")
        low = high = _character(reader)
        if reader.sees("-") and not reader.sees("-]"):
            reader.at += 1
            high = _character(reader)
        if high < low:
            raise reader.error("a range with its ends the wrong way round")
        bounds.append((ord(low), ord(high)))
    found = CharSet.of(bounds)
    return found.complement() if negated else found


def _character(reader: Reader) -> str:
    if not reader.takes("\\"):
        reader.at += 1
        return reader.text[reader.at - 1]
    kind = reader.next
    if kind in _SIMPLE:
        reader.at += 1
        return _SIMPLE[kind]
    digits = reader.text[reader.at + 1 : reader.at + 1 + _HEX.get(kind, 0)]
    if (
        kind not in _HEX
        or not re.fullmatch(rf"[0-9a-fA-F]{{{_HEX[kind]}}}", digits)
        or int(digits, 16) > 0x10FFFF
    ):
        raise reader.error("unknown escape", 'n r t \\ " [ ] or x, u, U with 2, 4, 8 hexadecimal digits')
    reader.at += 1 + len(digits)
    return chr(int(digits, 16))
