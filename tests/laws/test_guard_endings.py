"""Guarded generation has a way on: what masks admit can be completed, with the endings that guards know of."""

from __future__ import annotations

import random
from itertools import product

import pytest

import treadle
from treadle.errors import LimitExceeded
from treadle.frontends import ring_closures
from treadle.frontends.ring_closures import GUARDS
from treadle.grammar.guards import Judge
from treadle.masks.bitset import to_tokens
from treadle.matching.guarded_tokens import GuardedTokenAutomaton
from treadle.vocabulary import Vocabulary

PIECES = [
    "C",
    "c",
    "N",
    "1",
    "2",
    "%",
    "%1",
    "%10",
    "(",
    ")",
    "=",
    "-",
    ".",
    "[",
    "C1",
    "C1C",
    "=1",
    "C2C1",
    "1)",
    "CC",
    "13",
]
WORDS = Vocabulary(
    [b"</s>", *(bytes([byte]) for byte in range(128)), *(piece.encode() for piece in PIECES if len(piece) > 1)],
    eos_ids=(0,), special_ids=(),
)  # fmt: skip


def compiled(guards: dict[str, Judge]) -> GuardedTokenAutomaton:
    automaton = treadle.compile(treadle.Grammar("smiles", guards=guards), WORDS).automaton
    assert isinstance(automaton, GuardedTokenAutomaton)
    return automaton


@pytest.fixture(scope="module")
def molecules() -> GuardedTokenAutomaton:
    return compiled(dict(GUARDS))


@pytest.mark.parametrize(
    ("text", "offset"),
    [("C1C1", 3), ("C11", 2), ("C12CC12", 6), ("C1(C1)", 4), ("C=1CC-1", 6), ("CC1C", 4), ("C%11%10C%1", 10)],
)  # fmt: skip
def test_what_nothing_can_follow_is_refused_where_it_comes(text: str, offset: int) -> None:
    verdict = treadle.check(treadle.Grammar("smiles", guards=GUARDS), text)
    assert not verdict
    assert verdict.offset == offset


def test_a_number_none_of_whose_digits_can_follow_is_not_begun() -> None:
    """Ten bonds are open at the atom in front, so `%1` is no ring bond of this one, whatever comes."""
    atom = "C" + "".join(f"%1{digit}" for digit in range(10))
    grammar = treadle.Grammar("smiles", guards=GUARDS)
    assert treadle.check(grammar, f"{atom}C%1").offset == len(atom) + 2
    assert treadle.check(grammar, f"{atom}C%2").offset == len(atom) + 3


def walk(automaton: GuardedTokenAutomaton, rng: random.Random, tokens: int) -> list[int]:
    """States of a walk over the masks, every piece as likely."""
    state, states = automaton.start, []
    likely = [WORDS.encode_bytes(piece.encode())[0] for piece in PIECES]
    for _ in range(tokens):
        allowed = set(to_tokens(automaton.mask(state)).tolist()) - {0}
        state = automaton.advance(state, rng.choice(sorted(allowed & set(likely)) or sorted(allowed)))
        assert state >= 0
        states.append(state)
    return states


def test_everything_that_masks_admit_has_a_completion(molecules: GuardedTokenAutomaton) -> None:
    rng, opened = random.Random(5), 0
    for _ in range(25):
        for state in walk(molecules, rng, 12):
            end = state
            for token in molecules.closing(state):
                end = molecules.advance(end, token)
            assert molecules.is_accepting(end)
            opened += len(molecules.closing(state)) > 2
    assert opened > 20


def test_the_rings_of_completed_texts_are_closed(molecules: GuardedTokenAutomaton) -> None:
    rng = random.Random(6)
    for _ in range(10):
        state = walk(molecules, rng, 12)[-1]
        text = (molecules._text(state) + WORDS.decode_bytes(molecules.closing(state))).decode()
        assert not ring_closures.rings_of(text).open
        assert treadle.check(treadle.Grammar("smiles"), text)


def test_without_endings_completions_are_not_found(molecules: GuardedTokenAutomaton) -> None:
    """The control."""
    bare = compiled({**GUARDS, "start": ring_closures.may_end})
    text = b"C1C2C%13CCC"
    with pytest.raises(LimitExceeded):
        bare.closing(bare.bytes.run(bare.start, text))
    assert molecules.closing(molecules.bytes.run(molecules.start, text))


PROGRAM = (
    'start: (decl | use)+\ndecl: "var" W ";"\nuse: "use" known ";"\nknown: W\nW: /[a-z]{1,3}/\n%ignore " "\n'
)


def declared(text: str, before: str) -> bool:
    return f"var {text};" in before


def test_masks_are_what_bytes_say_where_a_veto_leaves_nothing() -> None:
    """A word of three letters ends by itself, and ignored blanks behind a veto lead nowhere."""
    tokens = ["use ", "var ", "abc", "abd", "ab", "c", "d", ";", " ", "  ", "abc;", "abd;", "d ", "d;", " ;"]
    vocabulary = Vocabulary([b"</s>", *(token.encode() for token in tokens)], eos_ids=(0,), special_ids=())
    for lexing in ("lexical", "scannerless"):
        grammar = treadle.Grammar(PROGRAM, lexing=lexing, guards={"known": declared})  # type: ignore[arg-type]
        automaton = treadle.compile(grammar, vocabulary).automaton
        for rest in product(["", "use ", "ab", "c", "d", " ", ";"], repeat=4):
            state = automaton.bytes.run(automaton.start, ("var abc;" + "".join(rest)).encode())
            if state <= 1:
                continue
            expected = [0] if automaton.is_accepting(state) else []
            expected += [
                k + 1 for k, token in enumerate(tokens) if automaton.bytes.run(state, token.encode()) > 1
            ]
            assert to_tokens(automaton.mask(state)).tolist() == expected, rest
