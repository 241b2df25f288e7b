"""Python's regular expressions -> programs of ordered threads, for lexers.

The same reader as python_dialect.py, but here the order of attempts is the point: greedy and lazy operators and the
order of alternatives decide which match `re.match` returns, and so where a lexeme ends (grammar/preferred.py).
Conditions on neighbours may look back at one character, and ahead at several inside of a terminal, at one behind its
end. Refused: back-references and conditionals, atomic groups and possessive quantifiers, longer lookahead and
lookbehind, `^` and `$` in the middle of a text.
"""

from __future__ import annotations

import re
from typing import Any

from treadle.errors import InvalidConstraint, LimitExceeded, UnsupportedFeature
from treadle.frontends.regex import unicode_classes as classes
from treadle.frontends.regex.ecma import NESTING
from treadle.frontends.regex.python_dialect import _REFUSED, _Mode, _reader
from treadle.frontends.regex.syntax import Atom
from treadle.grammar.charset import ALL, CharSet
from treadle.grammar.preferred import After, Before, Instruction, Look, Match, Program, Read, Split

#: Most instructions of one pattern: counted repetitions are written out.
PROGRAM_LIMIT = 100_000


def read_preferred(pattern: str, flags: int = 0) -> Program:
    """The program of a pattern. Raises InvalidConstraint, UnsupportedFeature or LimitExceeded."""
    try:
        parsed = _reader.parse(pattern, flags)
    except re.error as error:
        where = "" if error.pos is None else f"column {error.pos + 1}"
        raise InvalidConstraint(
            error.msg, where=where, found=repr(pattern), expected="a regular expression"
        ) from None
    except (OverflowError, ValueError) as error:
        raise InvalidConstraint(str(error), found=repr(pattern), expected="a regular expression") from None
    except RecursionError:
        raise LimitExceeded("groups nested too deeply", limit="nesting", value=NESTING) from None
    writer = _Writer(pattern)
    end = writer.add(Match())
    start = writer.sequence(parsed, _Mode(parsed.state.flags, 0), end)
    return writer.program(start)


class _Writer:
    """Instructions are written from the end, so that every one knows what follows it."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._code: list[Instruction | None] = [None]

    def program(self, start: int) -> Program:
        code = [Split((start,)), *self._code[1:]]
        return Program(tuple(step for step in code if step is not None))

    def add(self, step: Instruction | None) -> int:
        if len(self._code) >= PROGRAM_LIMIT:
            raise LimitExceeded("a pattern is too long", limit="program", value=PROGRAM_LIMIT)
        self._code.append(step)
        return len(self._code) - 1

    def refuse(self, what: str) -> UnsupportedFeature:
        return UnsupportedFeature(f"{what} in a terminal", found=repr(self._pattern)[:120])

    def sequence(self, items: Any, mode: _Mode, then: int) -> int:
        for code, argument in reversed(list(items)):
            then = self.item(str(code), argument, mode, then)
        return then

    def item(self, code: str, argument: Any, mode: _Mode, then: int) -> int:
        if code in _REFUSED:
            raise self.refuse(_REFUSED[code])
        charset = single(code, argument, mode)
        if charset is not None:
            return self.add(Read(charset, then))
        if code == "BRANCH":
            return self.add(Split(tuple(self.sequence(option, mode, then) for option in argument[1])))
        if code == "SUBPATTERN":
            _, added, removed, items = argument
            return self.sequence(items, _Mode((mode.flags | added) & ~removed, mode.depth + 1), then)
        if code in {"MAX_REPEAT", "MIN_REPEAT"}:
            return self.repeated(argument, mode, then, greedy=code == "MAX_REPEAT")
        if code in {"ASSERT", "ASSERT_NOT"}:
            return self.neighbour(argument, mode, then, negated=code == "ASSERT_NOT")
        if code == "AT":
            return self.place(str(argument), mode, then)
        if code == "FAILURE":
            return self.add(Split(()))
        raise self.refuse(code.lower())

    def repeated(self, argument: Any, mode: _Mode, then: int, *, greedy: bool) -> int:
        low, high, items = argument

        def order(go: int, stop: int) -> tuple[int, int]:
            return (go, stop) if greedy else (stop, go)

        if high == _reader.MAXREPEAT:
            loop = self.add(None)
            body = self.sequence(items, mode, loop)
            self._code[loop] = Split(order(body, then))
            entry = loop
        else:
            entry = then
            for _ in range(high - low):
                entry = self.add(Split(order(self.sequence(items, mode, entry), then)))
        for _ in range(low):
            entry = self.sequence(items, mode, entry)
        return entry

    def neighbour(self, argument: Any, mode: _Mode, then: int, *, negated: bool) -> int:
        direction, items = argument
        items = list(items)
        charset = single(str(items[0][0]), items[0][1], mode) if len(items) == 1 else None
        if charset is None and len(items) == 1 and str(items[0][0]) == "BRANCH":
            charset = one_of(items[0][1][1], mode)
        if charset is None and direction > 0:
            return self.add(Look(self.sequence(items, mode, self.add(Match())), negated, then))
        if charset is None:
            raise self.refuse("looking back at more than one character")
        wanted = charset.complement() if negated else charset
        if direction > 0:
            return self.add(Before(wanted, negated, then))
        return self.add(After(wanted, negated, then))

    def place(self, name: str, mode: _Mode, then: int) -> int:
        if name in {"AT_BOUNDARY", "AT_NON_BOUNDARY"}:
            word, flip = mode.word, name == "AT_NON_BOUNDARY"
            other = word.complement()
            # Behind a word character no word character may come, and the other way round; flipped for \B.
            behind_word = self.add(Before(word if flip else other, not flip, then))
            behind_other = self.add(Before(other if flip else word, flip, then))
            return self.add(
                Split(
                    (
                        self.add(After(word, False, behind_word)),
                        self.add(After(other, True, behind_other)),
                    )
                )
            )
        if name == "AT_END" and mode.flags & re.MULTILINE:
            return self.add(Before(classes.NEWLINE, True, then))
        if name == "AT_END_STRING":
            return self.add(Before(CharSet.of(()), True, then))
        if name == "AT_BEGINNING" and mode.flags & re.MULTILINE:
            raise self.refuse("`^`")
        raise self.refuse(f"the position {name.lower()}")


def single(code: str, argument: Any, mode: _Mode) -> CharSet | None:
    """The set that an item which reads one character reads; None for other items."""
    if code == "LITERAL":
        tree = mode.literal(argument)
    elif code == "NOT_LITERAL":
        tree = mode.not_literal(argument)
    elif code == "ANY":
        tree = mode.any(argument)
    elif code == "IN":
        tree = mode.members(argument)
    else:
        return None
    if isinstance(tree, Atom):
        return tree.set
    return ALL


def one_of(options: Any, mode: _Mode) -> CharSet | None:
    found = CharSet.of(())
    for option in options:
        items = list(option)
        charset = single(str(items[0][0]), items[0][1], mode) if len(items) == 1 else None
        if charset is None:
            return None
        found |= charset
    return found
