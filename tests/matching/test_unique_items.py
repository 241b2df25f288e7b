"""uniqueItems through the automaton: items are recorded as they are read, and masks know the values that are taken."""

from __future__ import annotations

import pytest

import treadle
from treadle.automata.byte_automaton import DEAD
from treadle.masks import bitset

UNIQUE = {"type": "array", "uniqueItems": True}
NESTED = {**UNIQUE, "items": {**UNIQUE, "items": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "text", "accepted"),
    [
        (UNIQUE, "[1,2,3]", True),
        (UNIQUE, "[1,2,1]", False),
        (UNIQUE, "[1, 1]", False),
        (UNIQUE, "[1,12,1.0]", False),
        (UNIQUE, '["a","b","\\u0061"]', False),
        (UNIQUE, '[{"a":1,"b":2},{"b":2,"a":1}]', False),
        (UNIQUE, '[{"a":1,"b":2},{"b":2,"a":2}]', True),
        (UNIQUE, "[[1],[1]]", False),
        (UNIQUE, "[[1,1]]", True),
        (UNIQUE, "[null,false,0,[]]", True),
        (UNIQUE, "[true,true]", False),
        (NESTED, '[["a","b"],["b","a"]]', True),
        (NESTED, '[["a","a"]]', False),
        (NESTED, '[["a","b"],["a","b"]]', False),
        (NESTED, '[["a"],["a","b"],["a","c"]]', True),
    ],
)
def test_no_item_comes_twice(schema, text, accepted):
    constraint = treadle.JsonSchema(schema, property_order="any")
    assert bool(treadle.check(constraint, text)) is accepted


def test_masks_are_brute_force_where_items_are_taken():
    tokens = [bytes([byte]) for byte in range(256)]
    tokens += [b'"]', b'","', b'a","a"', b'","a"]', b'a"],["a"]', b'"],["b', b'b"]]', None]
    vocabulary = treadle.Vocabulary(tokens, eos_ids=len(tokens) - 1)
    automaton = treadle.compile(treadle.JsonSchema(NESTED), vocabulary).automaton
    for text in (b"[", b'[["', b'[["a","', b'[["a"],["', b'[["a"],["a', b'[["a"],["a"', b'[["ab"],["a","b"'):
        state = automaton.bytes.run(automaton.start, text)
        allowed = set(bitset.to_tokens(automaton.mask(state)).tolist())
        wanted = {i for i, data in enumerate(tokens) if data and automaton.bytes.run(state, data) != DEAD}
        assert allowed == wanted, text
