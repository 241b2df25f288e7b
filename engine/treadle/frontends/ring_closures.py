"""Ring bonds of SMILES, which no context-free grammar can match: guards for the rules of the grammar `smiles`.

In: a molecule as far as it is written. Out: may a ring bond stand there, may the molecule end? A number opens a bond at
its atom and the same number closes it at a later one. The bond joins neither an atom to itself nor two atoms that are
joined already, and what its ends say of its kind agrees (OpenSMILES 3.4); where the molecule ends, no bond is open.
Leaves out what takes the whole molecule: valences, aromaticity, stereo bonds.

What these guards let stand can always go on to a molecule: with a dot and an atom of its own for each open bond, which
is the ending that they know of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from treadle.grammar.guards import Guard

_PIECE: Final = re.compile(
    r"(?P<atom>\[[^\]]*\]|Br|Cl|[BCNOPSFIbcnops*])|(?P<kind>[-=#$:/\\])?(?P<number>\d|%\d\d)|[-=#$:/\\.()]"
)
#: A number of two digits that is being written, and the kind of its bond.
_BEGUN: Final = re.compile(r"[-=#$:/\\]?%\d?\Z")
#: Two ways to write a direction. Which of them is right depends on the double bond beside it.
_DIRECTIONS: Final = frozenset("/\\")


@dataclass(frozen=True, slots=True)
class Rings:
    """What ring bonds see of a molecule. Atoms are numbered as they come."""

    #: The atom that is written last, in this branch; -1 for none.
    atom: int
    #: Number -> (atom, kind; "" where it is not said) of the bonds that are open.
    open: Mapping[int, tuple[int, str]]
    #: Pairs of atoms with a bond, the earlier one first.
    joined: frozenset[tuple[int, int]]

    def takes(self, number: int, kind: str) -> bool:
        """May a ring bond open or close at the last atom?"""
        first, said = self.open.get(number, (-1, ""))
        if first < 0:
            return True
        return first != self.atom and (first, self.atom) not in self.joined and _agree(said, kind)


@lru_cache(maxsize=1 << 10)
def rings_of(text: str) -> Rings:
    """The rings of a text whose ring bonds may stand."""
    atoms, last = 0, -1
    branches: list[int] = []
    opened: dict[int, tuple[int, str]] = {}
    joined: set[tuple[int, int]] = set()
    for piece in _PIECE.finditer(text):
        if piece["atom"]:
            joined.add((last, atoms))
            last, atoms = atoms, atoms + 1
        elif piece["number"]:
            number = _number(piece)
            if number in opened:
                joined.add((opened.pop(number)[0], last))
            else:
                opened[number] = last, piece["kind"] or ""
        elif piece.group() == "(":
            branches.append(last)
        elif piece.group() == ")":
            last = branches.pop()
        elif piece.group() == ".":
            last = -1
    return Rings(last, opened, frozenset(joined))


def _number(piece: re.Match[str]) -> int:
    return int(piece["number"].removeprefix("%"))


def _agree(one: str, other: str) -> bool:
    return not one or not other or one == other or {one, other} <= _DIRECTIONS


def may_stand(text: str, before: str) -> bool:
    """Guard of the rule `ring`: a ring bond behind an atom."""
    piece = _PIECE.fullmatch(text)
    assert piece is not None and piece["number"]
    return rings_of(before).takes(_number(piece), piece["kind"] or "")


def may_go_on(text: str, before: str) -> bool:
    """Guard of the rule `tens`: a number of two digits, of which the first is written."""
    kind = before[-1] if before and before[-1] in "-=#$:/\\" else ""
    rings = rings_of(before)
    return any(rings.takes(int(text[1]) * 10 + last, kind) for last in range(10))


def may_end(text: str, before: str) -> bool:
    """Guard of the rule `start`: no ring bond is open."""
    return not rings_of(text).open


def endings(text: str) -> Iterator[str]:
    """An atom in a part of its own for each open bond, behind the end of the number that is being written."""
    begun = _BEGUN.search(text)
    if begun is None:
        yield _closing(rings_of(text))
        return
    first, before = len(begun.group().rpartition("%")[2]), text[: begun.start()]
    for number in range(10, 100):
        rest = str(number)[first:]
        if (begun.group() + rest).endswith(f"%{number}") and may_stand(begun.group() + rest, before):
            yield rest + _closing(rings_of(text + rest))


def _closing(rings: Rings) -> str:
    return "".join(f".C{number}" if number < 10 else f".C%{number}" for number in rings.open)


GUARDS: Final = {"ring": may_stand, "tens": may_go_on, "start": Guard(may_end, endings)}
