"""What a lexeme looks ahead at has to be able to come: states that nothing completes do not exist."""

from __future__ import annotations

from itertools import product

import pytest

import treadle
from oracles.cfg_recogniser import Lexical
from treadle.automata import parse_layout as at
from treadle.automata.parse_automaton import ParseAutomaton
from treadle.masks import bitset
from treadle.parse_tables import parse_tables
from treadle.vocabulary import Vocabulary

CASES = [
    ('start: "a" "b"?\n%ignore / (?=b)/\n', "ab "),
    ('start: "a" "b"*\n%ignore / (?=[bc])/\n', "abc "),
    ('start: "a" "b"*\n%ignore / (?!b)/\n', "ab "),
    ('start: A+ B?\nA: /a(?=b|a)/\nB: "b"\n%ignore / /\n', "ab "),
    ('start: A ("b" | C)*\nA: /a\\b/\nC: /c(?=b)/\n%ignore / \\Z/\n', "abc "),
]


@pytest.mark.parametrize(("grammar", "letters"), CASES)
def test_what_is_alive_can_be_completed_and_masks_say_so(grammar: str, letters: str) -> None:
    cfg = treadle.Grammar(grammar, lexing="lexical").cfg()
    automaton = ParseAutomaton(parse_tables(cfg, frozenset(range(256))))
    judge = Lexical(cfg)
    texts = ["".join(text) for size in range(7) for text in product(letters, repeat=size)]
    accepted = {text for text in texts if judge.accepts(text)}
    begun = {text[:end] for text in accepted for end in range(len(text) + 1)}
    alive = {text for text in texts if automaton.run(automaton.start, text.encode()) != at.DEAD}
    assert accepted == {
        t for t in alive if automaton.is_accepting(automaton.run(automaton.start, t.encode()))
    }
    short = {text for text in texts if len(text) < 5}
    assert short & alive == short & begun
    tokens = ["".join(text) for size in (1, 2) for text in product(letters, repeat=size)]
    vocabulary = Vocabulary([b"</s>", *(token.encode() for token in tokens)], eos_ids=(0,), special_ids=())
    compiled = treadle.compile(treadle.Grammar(grammar, lexing="lexical"), vocabulary).automaton
    for text in sorted(short & alive):
        state = compiled.bytes.run(compiled.start, text.encode())
        expected = [0] if text in accepted else []
        expected += [k + 1 for k, token in enumerate(tokens) if text + token in alive]
        assert bitset.to_tokens(compiled.mask(state)).tolist() == expected, text
