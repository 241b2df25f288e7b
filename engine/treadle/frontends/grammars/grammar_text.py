"""The text of a grammar in Lark's language, seen as tokens: where names stand, what comments ask for, how big it
is.

Lark keeps no positions behind its parser, so messages about a name are placed by looking it up here. The same
pass refuses what would make lark's own reader run for hours: its patterns for strings and regular expressions
take exponential time on one that is not closed, so the tokens here are written without a choice of readings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from treadle.errors import InvalidConstraint, LimitExceeded

#: Characters of the longest grammar.
LONGEST = 2_000_000
#: Brackets inside of brackets.
NESTING = 100

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>(?://|\#)[^\n]*)
      | (?P<string>"(?:\\.|[^"\\\n])*"i?)
      | (?P<regexp>/(?!/)(?:\\.|[^/\\])+/[imslux]*)
      | (?P<open>["/])
      | (?P<directive>%[a-z]+)
      | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<number>[+-]?[0-9]+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_REQUEST = re.compile(r"(?://|\#)\s*(?P<key>lexing|indentation)\s*:\s*(?P<value>.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class GrammarText:
    """A grammar's text and its tokens, white space left out."""

    text: str
    tokens: tuple[Token, ...]
    #: What comments of the form `// lexing: lexical` ask for.
    requests: dict[str, str]
    #: Offsets at which each name, string and pattern occurs.
    places: dict[str, list[int]]
    #: Offset of each name's definition.
    definitions: dict[str, int] = field(default_factory=dict)

    def where(self, offset: int) -> str:
        return place(self.text, offset)

    def of_name(self, name: str) -> str:
        """Where a name is defined or, failing that, first used; "" for names of other grammars."""
        offset = self.definitions.get(name)
        if offset is None:
            offset = next(iter(self.places.get(name, ())), None)
        return "" if offset is None else self.where(offset)

    def of_use(self, name: str) -> str:
        """Where a name is first used."""
        defined = self.definitions.get(name)
        uses = [offset for offset in self.places.get(name, ()) if offset != defined]
        return self.where(uses[0]) if uses else self.of_name(name)


def place(text: str, offset: int) -> str:
    """An offset as line and column, from 1."""
    line = text.count("\n", 0, offset) + 1
    return f"line {line} column {offset - text.rfind(chr(10), 0, offset)}"


def scan(text: str) -> GrammarText:
    """Tokens and names of a grammar; LimitExceeded or InvalidConstraint where it could not be read in a fair time."""
    if len(text) > LONGEST:
        raise LimitExceeded(
            "the grammar is too long", limit="LONGEST", value=LONGEST, found=f"{len(text)} characters"
        )
    tokens: list[Token] = []
    requests: dict[str, str] = {}
    places: dict[str, list[int]] = {}
    for match in _TOKEN.finditer(text):
        token = Token(str(match.lastgroup), match.group(), match.start())
        if token.kind == "open":
            kind = "string" if token.text == '"' else "regular expression"
            raise InvalidConstraint(f"a {kind} that is not closed", where=place(text, token.offset))
        if token.kind == "comment":
            if request := _REQUEST.match(token.text):
                requests[request["key"]] = request["value"]
        elif token.kind != "space":
            tokens.append(token)
            if token.kind in {"name", "string", "regexp"}:
                places.setdefault(token.text, []).append(token.offset)
    _check_nesting(text, tokens)
    return GrammarText(text, tuple(tokens), requests, places, _definitions(text, tokens))


def _check_nesting(text: str, tokens: list[Token]) -> None:
    depth = 0
    for token in tokens:
        if token.text in "([{" and token.kind == "other":
            depth += 1
            if depth > NESTING:
                raise LimitExceeded(
                    "brackets nested too deeply",
                    limit="NESTING",
                    value=NESTING,
                    where=place(text, token.offset),
                )
        elif token.text in ")]}" and token.kind == "other":
            depth -= 1


def _definitions(text: str, tokens: list[Token]) -> dict[str, int]:
    """Names at the start of a statement, which a colon, a priority or parameters follow."""
    found: dict[str, int] = {}
    behind = -1
    for token, after in zip(tokens, [*tokens[1:], Token("other", "", len(text))], strict=True):
        starts = behind < 0 or "\n" in text[behind : token.offset]
        if token.kind == "name" and starts and after.text in {":", ".", "{"}:
            found.setdefault(token.text, token.offset)
        # Modifiers and %override belong to the definition that they stand before.
        if not (starts and (token.text in {"!", "?"} or token.text in {"%override", "%extend"})):
            behind = token.offset + len(token.text)
    return found
