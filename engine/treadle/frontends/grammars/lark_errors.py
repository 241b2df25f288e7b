"""What lark says about a grammar, as errors of ours with a place.

Lark raises GrammarError with a sentence in English and no position, or an UnexpectedInput with one; a few
mistakes end in an AssertionError or an OSError. The names in the sentences are looked up in the grammar's
text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from treadle.errors import InvalidConstraint, LimitExceeded
from treadle.frontends.grammars.grammar_text import NESTING, GrammarText

_NAME = r"[A-Za-z_][\w{},]*"
#: Lark's sentences: pattern, our message, and whether the place is where the name is used or defined.
_SENTENCES: tuple[tuple[str, str, str], ...] = (
    (rf"(?:Rule|Terminal|Template) '?({_NAME})'? used but not defined", "{name} is used but not defined", "use"),
    (rf"Terminal used but not defined: ({_NAME})", "{name} is used but not defined", "use"),
    (rf"Using an undefined rule: NonTerminal\('({_NAME})'\)", "{name} is used but not defined", "use"),
    (rf"(?:Rule|Terminal) '({_NAME})' defined more than once", "{name} is defined more than once", "again"),
    (rf"Recursion in terminal '({_NAME})'", "terminal {name} is made of itself", "definition"),
    (rf"Terminals cannot be empty \(({_NAME})\)", "terminal {name} is empty", "definition"),
    (rf"Rules aren't allowed inside terminals \(.*'({_NAME})'\)", "rule {name} inside of a terminal", "use"),
    (rf"Cannot override a nonexisting (?:rule|terminal) ({_NAME})", "nothing to override: {name}", "definition"),
    (rf"Can't extend (?:rule|terminal) ({_NAME})", "{name} cannot be extended", "definition"),
    (rf"Names starting with double-underscore .*Error at ({_NAME})", "{name}: two underscores", "definition"),
    (rf"Wrong number of template arguments used for ({_NAME})", "wrong number of arguments for {name}", "use"),
)  # fmt: skip


#: What the lexemes of Lark's own language look like.
_LEXEMES = {
    "NUMBER": "a number",
    "OP": "'?', '*' or '+'",
    "REGEXP": "a /pattern/",
    "RULE": "a rule",
    "RULE_MODIFIERS": "a modifier",
    "STRING": 'a "text"',
    "TERMINAL": "a TERMINAL",
    "_COLON": "':'",
    "_COMMA": "','",
    "_DOT": "'.'",
    "_DOTDOT": "'..'",
    "_LBRA": "'['",
    "_LBRACE": "'{'",
    "_LPAR": "'('",
    "_NL": "the end of a line",
    "_NL_OR": "'|' in a new line",
    "_OR": "'|'",
    "_RBRA": "']'",
    "_RBRACE": "'}'",
    "_RPAR": "')'",
    "_TO": "'->'",
}


@contextmanager
def lark_errors(text: GrammarText, parses: Callable[[str], object]) -> Iterator[None]:
    """Turn what lark raises inside into errors of ours. `parses` is lark's reader, to see whose mistake it was."""
    from lark.exceptions import GrammarError, LarkError, UnexpectedInput

    try:
        yield
    except RecursionError:
        raise LimitExceeded(
            "the grammar nests too deeply, or imports go round in a circle", limit="NESTING", value=NESTING
        ) from None
    except UnexpectedInput as error:
        raise _unexpected(error, str(error), text, parses) from None
    except GrammarError as error:
        if isinstance(error.__context__, UnexpectedInput):
            raise _unexpected(error.__context__, str(error), text, parses) from None
        raise _said(str(error), text) from None
    except (LarkError, AssertionError, OSError, ValueError, OverflowError, SyntaxError) as error:
        raise _unreadable(error) from None
    except Exception as error:
        # Where the `regex` package is installed lark uses it, and its errors have a base of their own.
        if type(error).__name__ != "error":
            raise
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> InvalidConstraint:
    return InvalidConstraint("the grammar cannot be read", found=f"{type(error).__name__}: {error}"[:200])


def _unexpected(
    error: object, sentence: str, text: GrammarText, parses: Callable[[str], object]
) -> InvalidConstraint:
    from lark.exceptions import LarkError, UnexpectedInput, UnexpectedToken

    assert isinstance(error, UnexpectedInput)
    where = f"line {error.line} column {error.column}"
    if isinstance(error, UnexpectedToken):
        at_end = error.token.type == "$END"
        found = "the end of the grammar" if at_end else repr(str(error.token))
        names = sorted(error.accepts or error.expected)
        expected = ", ".join(dict.fromkeys(_LEXEMES.get(name, name) for name in names))
    else:
        found, expected = repr(getattr(error, "char", "")), ""
    try:
        parses(text.text)
        where = f"an imported grammar, {where}"
    except LarkError:
        pass
    reason = sentence.splitlines()[0].split(", at line")[0].rstrip(".") if sentence else "wrong syntax"
    if reason.startswith(("Unexpected", "No terminal")):
        reason = "wrong syntax"
    return InvalidConstraint(reason, where=where, found=found[:80], expected=expected[:200])


def _said(sentence: str, text: GrammarText) -> InvalidConstraint:
    for pattern, message, kind in _SENTENCES:
        if match := re.match(pattern, sentence):
            name = match[1]
            where = text.of_use(name) if kind == "use" else text.of_name(name)
            if kind == "again" and len(text.places.get(name, ())) > 1:
                where = _second_definition(name, text)
            return InvalidConstraint(message.format(name=name), where=where)
    # Whatever else: the first name of the sentence that the grammar has.
    names = [name for name in re.findall(r"[A-Za-z_]\w*", sentence) if name in text.places]
    where = text.of_name(names[-1]) if names else ""
    return InvalidConstraint(" ".join(sentence.split())[:300], where=where)


def _second_definition(name: str, text: GrammarText) -> str:
    starts = [
        offset for offset in text.places[name] if not text.text[:offset].rpartition("\n")[2].strip(" \t?!")
    ]
    return text.where(starts[1]) if len(starts) > 1 else text.of_name(name)


def unknown_import(path: str, text: GrammarText) -> InvalidConstraint:
    """Lark itself would open a file in the working folder, to see it fail."""
    last = re.split(r"[\\/]", path)[-1].removesuffix(".lark")
    imports = [token.offset for token in text.tokens if token.text == "%import"]
    used = [offset for offset in text.places.get(last, ()) if any(0 <= offset - at < 200 for at in imports)]
    where = text.where(used[0]) if used else ""
    return InvalidConstraint(
        "no grammar of this name to import from",
        where=where, found=path, expected="a file in the import folders, or common, python, lark, unicode",
    )  # fmt: skip
