"""Lark's own verdict on a text: the judge from outside of every grammar that lark can read.

A grammar that asks for `// lexing: lexical` is read by lark's LALR(1) parser with the contextual lexer, one that
asks for `// lexing: scannerless` by its Earley parser, which tries every way to cut a text into terminals.
"""

from __future__ import annotations

from functools import cache

import lark

from treadle import library


@cache
def lark_parser(name: str) -> lark.Lark:
    """Lark's parser for a grammar that ships with treadle."""
    path = library.find("grammars", name)
    folders = [str(path.parent)]
    text = path.read_text("utf-8")
    if text.startswith("// lexing: scannerless"):
        return lark.Lark(
            text, parser="earley", lexer="dynamic_complete", ambiguity="forest", import_paths=folders
        )
    return lark.Lark(text, parser="lalr", lexer="contextual", import_paths=folders)


def lark_accepts(name: str, text: str) -> bool:
    """Does lark read the whole text?"""
    try:
        lark_parser(name).parse(text)
    except lark.exceptions.UnexpectedInput:
        return False
    return True
