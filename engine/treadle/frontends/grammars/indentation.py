"""Which terminals mean blocks by indentation: lark's `Indenter`, asked for by a comment or an argument.

    // indentation: newline=_NEWLINE indent=_INDENT dedent=_DEDENT opening=LPAR,LSQB closing=RPAR,RSQB tab=8

or `// indentation: python`, which stands for lark's PythonIndenter.
"""

from __future__ import annotations

from dataclasses import dataclass

from treadle.errors import InvalidConstraint
from treadle.frontends.grammars.grammar_text import GrammarText


@dataclass(frozen=True, slots=True)
class Indenting:
    """Names of terminals, as the attributes of lark's Indenter."""

    newline: str = "_NEWLINE"
    indent: str = "_INDENT"
    dedent: str = "_DEDENT"
    opening: tuple[str, ...] = ("LPAR", "LSQB", "LBRACE")
    closing: tuple[str, ...] = ("RPAR", "RSQB", "RBRACE")
    tab_width: int = 8


PYTHON = Indenting()


def read_indenting(text: GrammarText) -> Indenting | None:
    """What the comment in a grammar asks for; None where there is none."""
    request = text.requests.get("indentation")
    return None if request is None else indenting_of(request)


def indenting_of(request: str) -> Indenting:
    if request.strip() == "python":
        return PYTHON
    given: dict[str, str] = {}
    for part in request.split():
        key, separator, value = part.partition("=")
        if not separator or key not in {"newline", "indent", "dedent", "opening", "closing", "tab"}:
            raise InvalidConstraint(
                "unknown indentation", found=repr(part),
                expected="python, or newline=NAME indent=NAME dedent=NAME opening=NAMES closing=NAMES tab=NUMBER",
            )  # fmt: skip
        given[key] = value
    for name in ("newline", "indent", "dedent"):
        if not given.get(name):
            raise InvalidConstraint(
                "indentation without a terminal", found=repr(request), expected=f"{name}=NAME"
            )
    width = given.get("tab", "8")
    if not width.isdecimal() or not 1 <= int(width) <= 64:
        raise InvalidConstraint("unknown width of a tab", found=repr(width), expected="1 to 64")
    return Indenting(
        given["newline"], given["indent"], given["dedent"],
        _names(given.get("opening", "")), _names(given.get("closing", "")), int(width),
    )  # fmt: skip


def _names(value: str) -> tuple[str, ...]:
    return tuple(name for name in value.split(",") if name)
