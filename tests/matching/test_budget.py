"""Laws of forgetting: whatever is let go, masks and states stay what they are.

masks after rows were let go = masks before;  states after transitions were forgotten = states before
a matcher alive across both goes on as one that nothing was taken from
"""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

import treadle
from laws import vocabularies
from laws.random_rules import random_rule
from laws.walks import automaton, walk
from treadle.automata import layout as at
from treadle.masks import bitset
from treadle.masks.pool import RowPool, Short
from treadle.matching import budget
from treadle.matching.batch import fill_bitmasks

TRAPS = vocabularies.traps()
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 9},
        "tags": {"type": "array", "uniqueItems": True},
    },
}


@pytest.fixture(
    params=[{"rows": 2}, {"transitions": 2}, {"rows": 3, "transitions": 40}, {"rows": 16}], ids=str
)
def tight(request: pytest.FixtureRequest) -> Iterator[None]:
    before = budget.limit(**request.param)
    yield
    budget.limit(**vars(before))


def walked(compiled, seed: int) -> list[tuple[int, int, bytes]]:
    rng = random.Random(seed)
    return [(state, token, compiled.mask(state).tobytes()) for state, token in walk(compiled, rng, 25)]


@pytest.mark.parametrize("seed", range(12))
def test_masks_and_states_are_those_of_an_automaton_that_forgets_nothing(seed, tight):
    node = random_rule(random.Random(seed))
    before = budget.limit(rows=1 << 14, transitions=1 << 18)
    expected = [walked(automaton(node, TRAPS), seed + k) for k in range(3)]
    budget.limit(**vars(before))
    compiled, other = automaton(node, TRAPS), automaton(random_rule(random.Random(seed + 100)), TRAPS)
    for k in range(3):
        # The states of earlier walks are numbers still; those of another automaton come in between.
        found = walked(compiled, seed + k)
        walked(other, seed + k)
        assert [(token, mask) for _, token, mask in found] == [
            (token, mask) for _, token, mask in expected[k]
        ]
        for state, _, mask in found:
            assert compiled.mask(state).tobytes() == mask
        assert walked(compiled, seed + k) == found


@pytest.mark.parametrize("seed", range(6))
def test_a_live_matcher_goes_on_when_everything_is_forgotten_under_it(seed):
    compiled = treadle.compile(treadle.JsonSchema(SCHEMA), TRAPS)
    free = treadle.compile(treadle.JsonSchema(SCHEMA), TRAPS)
    one, other = compiled.matcher(), free.matcher()
    rng = random.Random(seed)
    for _ in range(30):
        assert one.mask().tobytes() == other.mask().tobytes()
        token = rng.choice(bitset.to_tokens(one.mask()).tolist())
        assert one.accept_token(token) and other.accept_token(token)
        if one.is_terminated:
            break
        forget(compiled)
        assert one.fork().mask().tobytes() == other.mask().tobytes()
    while len(one._states) > 1:
        one.rollback(1)
        other.rollback(1)
        forget(compiled)
        assert one.mask().tobytes() == other.mask().tobytes()


def forget(compiled: treadle.Compiled) -> None:
    """All that a budget can take."""
    compiled.automaton.bytes.memory.forget_transitions()
    compiled.automaton._next.clear()
    with compiled.automaton.pool._lock:
        for _ in range(2):
            compiled.automaton.pool._turn()


def test_a_row_that_its_caller_holds_is_not_overwritten():
    pool = RowPool(4, 4)
    rows = [kept(pool, value) for value in range(1, 60)]
    assert [int(row[0]) for row in rows] == list(range(1, 60))
    assert len(pool) <= 4
    assert kept(pool, 59) is rows[-1] and kept(pool, 1) is not rows[0]
    with pytest.raises(ValueError, match="read-only"):
        rows[0][0] = 7


def kept(pool: RowPool, value: int) -> np.ndarray:
    return pool.keep(filled(pool, value))[0]


def filled(pool: RowPool, value: int) -> np.ndarray:
    scratch = pool.scratch()
    assert not scratch.any()
    scratch[0], scratch[1:] = value, -1
    return scratch


def test_equal_rows_are_one_array():
    pool = RowPool(4, 100)
    assert kept(pool, 5) is kept(pool, 5)
    assert kept(pool, 5) is not kept(pool, 6)
    one, other = (
        treadle.compile(treadle.JsonSchema(schema), TRAPS) for schema in (SCHEMA, {"type": "object"})
    )
    assert one.automaton.mask(one.automaton.start) is other.automaton.mask(other.automaton.start)


def test_rows_that_were_let_go_come_back_from_their_short_forms(monkeypatch):
    monkeypatch.setattr("treadle.masks.pool._BASES", 4)
    pool, rng = RowPool(400, 4), np.random.default_rng(0)
    known = []
    for value in range(1, 40):
        scratch = pool.scratch()
        scratch[value] = value
        if value % 4 == 0:  # these have no short form
            scratch[:] = rng.integers(1, 9, 400)
        words = scratch.copy()
        known.append((words, pool.keep(scratch)[1]))
    gone = [(words, kept.short is not None) for words, kept in known if kept.row is None]
    assert len(gone) >= 35 and {has for _, has in gone} == {True, False}
    for words, kept in known:
        row = pool.again(kept)
        if row is None:
            assert kept.row is None and kept.short is None
        else:
            np.testing.assert_array_equal(row, words)


def test_a_row_that_is_used_survives_every_turn():
    pool = RowPool(4, 4)
    row, used = pool.keep(filled(pool, 1))
    for value in range(2, 60):
        kept(pool, value)
        assert pool.again(used) is row
        assert kept(pool, 1) is row


def test_rows_of_one_hash_stay_apart(monkeypatch):
    monkeypatch.setattr("treadle.masks.kernels.digest", lambda _: 0)
    pool = RowPool(4, 100)
    rows = [kept(pool, value) for value in (1, 2, 1, 2, 3)]
    assert [int(row[0]) for row in rows] == [1, 2, 1, 2, 3]


@pytest.mark.parametrize("size", [40, 4008, (1 << 16) + 9])
@pytest.mark.parametrize("filling", [0, -1])
def test_a_short_form_is_its_row(size, filling):
    rng = np.random.default_rng(size)
    pool = RowPool(size, 10)
    row = np.full(size, filling, np.int32)
    row[rng.integers(0, size, 4)] = rng.integers(-(1 << 31), 1 << 31, 4)
    row[-1] = 77
    scratch = pool.scratch()
    scratch[:] = row
    short = Short.of(pool.keep(scratch)[0], [np.zeros(size, np.int32), np.full(size, -1, np.int32)])
    out = np.empty(size, np.int32)
    assert short is not None and len(short.places) == 5
    short.whole(out)
    np.testing.assert_array_equal(out, row)


def test_a_constraint_with_too_many_states_begins_anew_and_old_matchers_live_on():
    compiled = treadle.compile(treadle.JsonSchema(SCHEMA), TRAPS)
    old = compiled.matcher()
    expected = old.mask().tobytes()
    before = budget.limit(states=2)
    try:
        new = compiled.matcher()
    finally:
        budget.limit(**vars(before))
    assert new.automaton is not old.automaton and compiled.automaton is new.automaton
    token = bitset.to_tokens(new.mask())[0]
    assert old.accept_token(token) and new.accept_token(token)
    assert new.mask().tobytes() == old.mask().tobytes()
    old.rollback(1)
    assert old.mask().tobytes() == expected
    gone = weakref.ref(old.automaton)
    del old
    gc.collect()
    assert gone() is None


def test_automata_that_are_gone_are_not_counted():
    ledger, compiled = budget.Ledger(), automaton(random_rule(random.Random(1)), TRAPS)
    ledger.note(compiled.bytes, -1)
    assert ledger._total == compiled.bytes.state_count
    del compiled
    gc.collect()
    assert ledger._total == 0


def test_the_automaton_that_grew_longest_ago_forgets_first():
    automata = [automaton(random_rule(random.Random(seed)), TRAPS) for seed in (1, 2, 3)]
    for one in automata:
        walked(one, 1)
    ledger = budget.Ledger()
    states = [one.bytes.state_count for one in automata]
    before = budget.limit(transitions=sum(states) - 1)
    try:
        for one in automata:
            ledger.note(one.bytes, -1)
    finally:
        budget.limit(**vars(before))
    remembered = [transitions(one) for one in automata]
    assert [any_left > 0 for any_left in remembered] == [False, True, True]


def transitions(compiled) -> int:
    memory = compiled.bytes.memory
    return int(memory.rows(at.AT_NEXT, 0, compiled.bytes.state_count + 2).any(axis=1).sum())


def test_budgets_are_named_and_checked():
    with pytest.raises(ValueError, match="rows is at least 2"):
        budget.limit(rows=0)
    with pytest.raises(TypeError):
        budget.limit(lines=4)


def test_a_batch_may_hold_states_without_matchers():
    compiled = treadle.compile(treadle.JsonSchema(SCHEMA), TRAPS)
    matcher = compiled.matcher()
    rows = np.full((2, bitset.words(len(TRAPS)) + 1), -1, np.int32)
    fill_bitmasks([matcher, (compiled.automaton, compiled.automaton.DONE)], rows)
    np.testing.assert_array_equal(rows[0, :-1], matcher.mask())
    assert bitset.to_tokens(rows[1]).tolist() == sorted(TRAPS.eos_ids)
