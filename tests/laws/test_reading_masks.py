"""Masks of toys in which every shortcut of matching/mask_kernels.py decides something, at every prefix there is.

Tokens are all strings of up to three characters. LALR states are shared between places of these grammars, so that the
lexer looks for terminals that the parser cannot take there, and what it prefers makes texts wrong.
"""

from __future__ import annotations

from itertools import product

import pytest

import treadle
from treadle import parse_tables as parse_tables_module
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.masks import bitset
from treadle.matching.readings import Readings
from treadle.parse_tables import parse_tables
from treadle.vocabulary import Vocabulary

#: Name: grammar, characters, texts that lark accepts, texts that it does not.
TOYS: dict[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]] = {
    # Behind "xt" the lexer looks for "qrs" as well, and takes it.
    "a longer lexeme elsewhere": (
        'start: "x" t "q" "r" "s" | "y" t "qrs" | "x" t "q" "e"\nt: "t"\n',
        "xytqrse",
        ("ytqrs", "xtqe"),
        ("xtqrs", "xtqr"),
    ),
    "a longer lexeme next": (
        'start: "x" t "q" "r" | "y" t "qr" | "x" t "e"\nt: "t"\n', "xytqre", ("ytqr", "xte"), ("xtqr", "xtq")
    ),
    # The shorter one comes first: the longer one is nothing to it.
    "a shorter lexeme that is preferred": (
        'start: "x" t Q "r" "s" | "y" t B | "x" t Q "e"\nt: "t"\nQ.2: "q"\nB: "qrs"\n',
        "xytqrse",
        ("xtqrs", "xtqe"),
        ("ytqrs",),
    ),
    "what may come behind a lexeme": (
        'start: "a" N "x" | N "y" | "b" N | "a" M "x"\nN: /1(?![x1])/\nM: "2"\n',
        "abxy12",
        ("1y", "b1", "a2x"),
        ("a1x",),
    ),
    "keywords": (
        'start: s+\ns: "if" N ";" | N "=" N ";"\nN: /[ifx]+/\n%ignore " "\n', "ifx=; ", ("if x;", "ifx=x;"), ("ifx;",)
    ),
    "several stacks": (
        'start: a "c" | b "d"\na: X | X a\nb: X | Y b | X b\nX: /x[xy]?/\nY: "y"\n', "xycd", ("xxc", "yxd"), ("yxc",)
    ),
    "lines": (
        ("// indentation: newline=_NL indent=_INDENT dedent=_DEDENT opening=LPAR closing=RPAR\n"
        'start: (_NL | s)*\ns: "a" _NL | "i" _NL _INDENT s+ _DEDENT | "a" LPAR RPAR _NL\n'
        '_NL: /(\\n *)+/\nLPAR: "("\nRPAR: ")"\n%declare _INDENT _DEDENT\n'),
        "ai\n (",
        ("i\n a\n", "a\n"),
        ("i\na\n", "i\n a\n  a\n", "a"),
    ),
}  # fmt: skip
LONGEST = 7
MOST = 150


def vocabulary(characters: str) -> Vocabulary:
    tokens = ["".join(some) for length in (1, 2, 3) for some in product(characters, repeat=length)]
    return Vocabulary([b"</s>", *(token.encode() for token in tokens)], eos_ids=(0,), special_ids=())


def living(plain: ParseAutomaton, characters: str) -> list[bytes]:
    """Every beginning of a text, the shortest first."""
    found = [b""]
    for data in found:
        if len(data) < LONGEST and len(found) < MOST:
            found += [
                data + one.encode()
                for one in characters
                if plain.run(plain.start, data + one.encode()) != at.DEAD
            ]
    return found


@pytest.mark.parametrize("prepared", [True, False], ids=["prepared", "asked for"])
@pytest.mark.parametrize("name", TOYS)
def test_masks_of_toys_are_what_the_bytes_say(
    name: str, prepared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    grammar, characters, right, wrong = TOYS[name]
    if not prepared:
        # Masks stop wherever something is not known yet, and go on there.
        monkeypatch.setattr(Readings, "prepare", lambda *_: None)
    words = vocabulary(characters)
    plain = ParseAutomaton(parse_tables(treadle.Grammar(grammar).cfg(), frozenset(characters.encode())))
    # A scanner of its own, which was asked nothing.
    parse_tables_module._RECENT.clear()
    tokens = treadle.compile(treadle.Grammar(grammar), words).automaton
    for text in (*right, *wrong):
        state = plain.run(plain.start, text.encode())
        assert (state != at.DEAD and plain.is_accepting(state)) == (text in right), text
    for data in reversed(living(plain, characters)):
        here = plain.run(plain.start, data)
        expected = [0] if plain.is_accepting(here) else []
        expected += [t for t in range(1, len(words)) if plain.run(here, words.tokens[t] or b"") != at.DEAD]
        state = tokens.bytes.run(tokens.start, data)
        assert bitset.to_tokens(tokens.mask(state)).tolist() == expected, data
