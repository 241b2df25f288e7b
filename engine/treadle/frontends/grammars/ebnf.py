"""EBNF in its two common flavours -> a scannerless grammar.

    W3C    Digits ::= [0-9]+ - '0'   /* comment */      as in the specifications of XML and SPARQL
    ISO    digits = digit, { digit } ;   (* comment *)  ISO/IEC 14977

The flavour is seen from the first rule. W3C: strings without escapes, #xHH, classes [a-z#xHH] and [^...], ? *
+, A - B, numbers like [12] in front of a rule; a rule ends where the next one begins. ISO: , | - [ ] { } ( ),
n * x, strings without escapes; commas may be left out; a rule ends with ; or a dot. Names are letters,
digits, _ and inner hyphens, so an exception has blanks around its sign. A - B needs two regular sides. ISO's
special sequences ? ... ? are refused: what they mean is not written down anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from treadle.errors import InvalidConstraint, UnsupportedFeature
from treadle.frontends.grammars.operators import (
    Except,
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
from treadle.grammar.expression import chars, text

_NAME = re.compile(r"[A-Za-z_]\w*(?:-\w+)*", re.ASCII)
_GAP = {
    "w3c": re.compile(r"(?:\s|/\*(?:[^*]|\*(?!/))*\*/|//[^\n]*)*"),
    "iso": re.compile(r"(?:\s|\(\*(?:[^*]|\*(?!\)))*\*\))*"),
}
_RULE_AHEAD = re.compile(r"(?:\[\d+[a-z]?\]\s*)?[A-Za-z_]\w*(?:-\w+)*\s*::=", re.ASCII)
_NUMBERED = re.compile(r"\[\d+[a-z]?\]\s*(?=[A-Za-z_])")
_CODE = re.compile(r"#x([0-9A-Fa-f]{1,6})")


def read_ebnf(grammar: str, *, start: str = "", guards: Sequence[str] = ()) -> Reading:
    """The grammar of a text in EBNF; it starts with its first rule. Raises InvalidConstraint with line and column."""
    is_w3c = re.search(r"^\s*(?:\[\d+\w?\]\s*)?[A-Za-z_][\w-]*\s*::=", grammar, re.MULTILINE)
    parser = _W3c(grammar) if is_w3c else _Iso(grammar)
    return build(parser.rules(), start, guards)


class _Parser:
    """What the flavours have in common. One method for each level: options, row, exception, repetition, element."""

    flavour: str
    definition: str

    def __init__(self, grammar: str) -> None:
        self.reader = Reader(grammar)

    def rules(self) -> list[Rule]:
        found = []
        self.skip()
        while self.reader.next:
            found.append(self.rule())
            self.skip()
        return found

    def skip(self) -> None:
        gap = _GAP[self.flavour].match(self.reader.text, self.reader.at)
        assert gap is not None
        self.reader.at = gap.end()

    def rule(self) -> Rule:
        where = self.reader.where
        name = self.name()
        self.skip()
        self.reader.wants(self.definition)
        return Rule(name, self.options(), where)

    def name(self) -> str:
        found = _NAME.match(self.reader.text, self.reader.at)
        if found is None:
            raise self.reader.error("wrong syntax", "the name of a rule")
        self.reader.at = found.end()
        return found.group()

    def options(self) -> Item:
        options = [self.row()]
        while self.takes_bar():
            options.append(self.row())
        return options[0] if len(options) == 1 else Options(tuple(options))

    def takes_bar(self) -> bool:
        self.skip()
        return self.reader.takes("|")

    def row(self) -> Item:
        items = []
        while (item := self.exception()) is not None:
            items.append(item)
            self.comma()
        return items[0] if len(items) == 1 else Row(tuple(items))

    def comma(self) -> None:
        """Nothing stands between the items of a row."""

    def exception(self) -> Item | None:
        self.skip()
        item = self.repetition()
        self.skip()
        where = self.reader.where
        if item is None or not self.reader.takes("-"):
            return item
        self.skip()
        excluded = self.repetition()
        if excluded is None:
            raise self.reader.error("wrong syntax", "what is to be left out")
        return Except(item, excluded, where)

    def repetition(self) -> Item | None:
        raise NotImplementedError

    def string(self) -> Item:
        begin, quote = self.reader.at, self.reader.next
        end = self.reader.text.find(quote, begin + 1)
        if end < 0 or "\n" in self.reader.text[begin:end]:
            raise self.reader.error("a string that is not closed")
        self.reader.at = end + 1
        return Language(text(self.reader.text[begin + 1 : end]))

    def group(self, closing: str) -> Item:
        """Options between the bracket that comes next and `closing`."""
        self.reader.enter()
        self.reader.at += 1
        item = self.options()
        self.skip()
        self.reader.wants(closing)
        self.reader.leave()
        return item

    def named(self) -> Item | None:
        where = self.reader.where
        return Name(self.name(), where) if _NAME.match(self.reader.text, self.reader.at) else None


class _W3c(_Parser):
    flavour = "w3c"
    definition = "::="

    def rule(self) -> Rule:
        numbered = _NUMBERED.match(self.reader.text, self.reader.at)
        if numbered:
            self.reader.at = numbered.end()
        return super().rule()

    def repetition(self) -> Item | None:
        item = self.element()
        while item is not None:
            self.skip()
            if self.reader.takes("*"):
                item = Times(item, 0, None)
            elif self.reader.takes("+"):
                item = Times(item, 1, None)
            elif self.reader.takes("?"):
                item = Times(item, 0, 1)
            else:
                return item
        return None

    def element(self) -> Item | None:
        reader = self.reader
        if _RULE_AHEAD.match(reader.text, reader.at):
            return None
        match reader.next:
            case "'" | '"':
                return self.string()
            case "(":
                return self.group(")")
            case "[":
                return Language(chars(self.character_class()))
            case "#":
                return Language(text(chr(self.code())))
            case _:
                return self.named()

    def character_class(self) -> CharSet:
        begin = self.reader.at
        self.reader.at += 1
        negated = self.reader.takes("^")
        bounds = []
        while not self.reader.takes("]"):
            if self.reader.next in {"", "\n"}:
                self.reader.at = begin
                raise self.reader.error("a character class that is not closed")
            low = high = self.member()
            if self.reader.sees("-") and not self.reader.sees("-]"):
                self.reader.at += 1
                high = self.member()
            if high < low:
                raise self.reader.error("a range with its ends the wrong way round")
            bounds.append((low, high))
        found = CharSet.of(bounds)
        return found.complement() if negated else found

    def member(self) -> int:
        if self.reader.sees("#x"):
            return self.code()
        self.reader.at += 1
        return ord(self.reader.text[self.reader.at - 1])

    def code(self) -> int:
        found = _CODE.match(self.reader.text, self.reader.at)
        if found is None or int(found[1], 16) > 0x10FFFF:
            raise self.reader.error("wrong syntax", "#x and a code point")
        self.reader.at = found.end()
        return int(found[1], 16)


class _Iso(_Parser):
    flavour = "iso"
    definition = "="

    def rule(self) -> Rule:
        rule = super().rule()
        self.skip()
        if not (self.reader.takes(";") or self.reader.takes(".")):
            raise self.reader.error("wrong syntax", "; at the end of the rule")
        return rule

    def takes_bar(self) -> bool:
        self.skip()
        return any(self.reader.takes(sign) for sign in "|/!")

    def comma(self) -> None:
        self.skip()
        if self.reader.takes(","):
            self.skip()
            if self.reader.next in {"", ",", "|", ";", ".", ")", "]", "}"}:
                raise self.reader.error("wrong syntax", "what stands behind the comma")

    def repetition(self) -> Item | None:
        count = re.compile(r"(\d+)\s*\*(?!\))").match(self.reader.text, self.reader.at)
        if count is None:
            return self.element()
        self.reader.at = count.end()
        self.skip()
        item = self.element()
        if item is None:
            raise self.reader.error("wrong syntax", "what is to be repeated")
        if len(count[1]) > 6:
            raise InvalidConstraint("too many repetitions", where=self.reader.where, found=count[1][:20])
        return Times(item, int(count[1]), int(count[1]))

    def element(self) -> Item | None:
        match self.reader.next:
            case "'" | '"':
                return self.string()
            case "(":
                return self.group(")")
            case "[":
                return Times(self.group("]"), 0, 1)
            case "{":
                item = Times(self.group("}"), 0, None)
                return self.at_least_once(item)
            case "?":
                raise UnsupportedFeature("a special sequence", where=self.reader.where)
            case _:
                return self.named()

    def at_least_once(self, item: Times) -> Item:
        """`{ x }-` is ISO's way to write one or more: all but the empty text."""
        place = self.reader.at
        self.skip()
        if self.reader.takes("-"):
            self.skip()
            if self.reader.next in {",", ";", ".", "|", ")", "]", "}"}:
                return Times(item.item, 1, None)
        self.reader.at = place
        return item
