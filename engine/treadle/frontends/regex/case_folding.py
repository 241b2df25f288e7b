"""Character sets that ignore case, as Python's `re.IGNORECASE` understands it.

In: a set. Out: the set with every character that differs from one of it by case only. Two characters are alike when
they have the same simple lower case, or their lower cases have the same upper case (s and \\u017f, k and the Kelvin
sign): that is what `re` does, one character at a time. One character for two (ss for the sharp s) is left out, as in
`re`.
"""

from __future__ import annotations

from functools import cache

from treadle.grammar.charset import CharSet, Range

_ASCII_LETTERS = CharSet.of(((0x41, 0x5A), (0x61, 0x7A)))
#: No character beyond has another case.
_LAST_CASED = 0x1E943


@cache
def with_other_cases(charset: CharSet, *, ascii_only: bool) -> CharSet:
    if ascii_only:
        letters = (charset & _ASCII_LETTERS).codepoints()
        return charset | CharSet.of((letter ^ 0x20, letter ^ 0x20) for letter in letters)
    partners: list[Range] = []
    for codepoint, alike in _alike().items():
        if charset.contains(codepoint):
            partners.extend((other, other) for other in alike)
    return charset | CharSet.of(partners)


@cache
def _alike() -> dict[int, tuple[int, ...]]:
    """For every character that has one: all characters that differ from it by case only, itself included."""
    groups: dict[str, list[int]] = {}
    for codepoint in range(_LAST_CASED + 1):
        groups.setdefault(_representative(chr(codepoint)), []).append(codepoint)
    return {codepoint: tuple(group) for group in groups.values() if len(group) > 1 for codepoint in group}


def _representative(character: str) -> str:
    lower = character.lower()
    # N.B. the simple lower case of U+0130 is "i"; str.lower() gives the full one, "i" and a combining dot.
    return lower[0].upper()
