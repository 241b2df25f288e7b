"""The grammars that ship with treadle: their tables of texts, and what treadle and lark say of a text.

A grammar that asks for `// lexing: lexical` is read by lark's LALR(1) parser with the contextual lexer, one that
asks for `// lexing: scannerless` by its Earley parser, which tries every way to cut a text into terminals.
"""

from __future__ import annotations

import json
from functools import cache
from unittest import mock

import lark

from treadle import Grammar, library
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.parse_tables import parse_tables

#: Python's has its own tests: its table is the standard library.
NAMES = tuple(name for name in library.names("grammars") if name != "python")


def text_of(name: str) -> str:
    return library.find("grammars", name).read_text("utf-8")


def is_scannerless(name: str) -> bool:
    return text_of(name).startswith("// lexing: scannerless")


def cases(name: str) -> dict[str, list[str]]:
    """The table beside a grammar: texts to accept and to reject."""
    path = library.find("grammars", name)
    table = path.with_name(name + library.CASES)
    return json.loads(table.read_text("utf-8")) if table.is_file() else {}


def judged(name: str) -> list[tuple[str, bool]]:
    """The same as rows: a text, and whether it is one of the language."""
    return [(text, verdict == "accept") for verdict, texts in cases(name).items() for text in texts]


@cache
def lark_parser(name: str) -> lark.Lark:
    folders = [str(library.find("grammars", name).parent)]
    if is_scannerless(name):
        options = {"parser": "earley", "lexer": "dynamic_complete", "ambiguity": "forest"}
    else:
        options = {"parser": "lalr", "lexer": "contextual"}
    # To warn of patterns that overlap lark compares all pairs, half a minute for C++; its verdicts do not depend on it.
    with mock.patch.object(lark.lexer, "has_interegular", False):
        return lark.Lark(text_of(name), import_paths=folders, **options)


def lark_accepts(name: str, text: str) -> bool:
    """Does lark read the whole text?"""
    try:
        lark_parser(name).parse(text)
    except lark.exceptions.UnexpectedInput:
        return False
    return True


@cache
def automaton(name: str) -> ParseAutomaton:
    """Treadle's automaton over bytes, as if every byte were a token."""
    return ParseAutomaton(parse_tables(Grammar(name).cfg(), frozenset(range(256))))


def treadle_accepts(name: str, text: str) -> bool:
    made = automaton(name)
    state = made.run(made.start, text.encode())
    return state != at.DEAD and made.is_accepting(state)
