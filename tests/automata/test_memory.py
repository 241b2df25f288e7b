"""The memory: tables keep their rows when they move, and come back clean."""

from __future__ import annotations

import numpy as np
import pytest

from treadle.automata import layout as at
from treadle.automata.memory import TABLES, Memory


def test_tables_do_not_overlap():
    memory = Memory()
    ends = sorted(
        (int(memory.words[offset]), int(memory.words[offset]) + int(memory.words[cap]) * width)
        for offset, cap, width, _ in TABLES
    )
    assert ends[0][0] == at.HEADER and ends[-1][1] == len(memory.words)
    # Hash tables begin with a part of what is laid out for them.
    assert all(end <= start for (_, end), (start, _) in zip(ends, ends[1:], strict=False))


@pytest.mark.parametrize("table", [at.AT_POSITIONS, at.AT_EDGES, at.AT_CHARS, at.AT_LITERAL_CHARS], ids=str)
def test_append_grows_and_keeps(table):
    memory = Memory()
    rows = []
    for value in range(1, 40):
        first = memory.append(table, 1_000)
        memory.rows(table, first, 1_000)[:] = value
        rows.append(first)
    for value, first in enumerate(rows, 1):
        assert np.all(memory.rows(table, first, 1_000) == value)


def test_growth_of_one_table_keeps_the_others():
    memory = Memory()
    first = memory.append(at.AT_POSITIONS, 3)
    memory.rows(at.AT_POSITIONS, first, 3)[:] = 7
    memory.grow({at.AT_CONFIGS, at.AT_MEMO, at.AT_MEMO_HASH})
    assert np.all(memory.rows(at.AT_POSITIONS, first, 3) == 7)


def test_released_memory_is_zero_where_it_was_used():
    memory = Memory()
    first = memory.append(at.AT_EDGES, 5)
    memory.rows(at.AT_EDGES, first, 5)[:] = -1
    words = memory.words
    memory.release()
    assert not words[int(words[at.AT_EDGES]) : int(words[at.AT_EDGES]) + 100].any()


def test_forgotten_transitions_are_unknown_and_nothing_else_changes():
    memory = Memory()
    words = memory.words
    words[at.N_STATES] = 50
    memory.rows(at.AT_NEXT, 0, 60)[:] = 9
    before = words.copy()
    memory.forget_transitions()
    start = int(words[at.AT_NEXT])
    assert not words[start : start + 50 * 256].any()
    before[start : start + 50 * 256] = 0
    np.testing.assert_array_equal(words, before)


def test_hash_tables_take_more_slots_in_place():
    memory = Memory()
    words, slots = memory.words, int(memory.words[at.CAP_MEMO_HASH])
    memory.grow({at.AT_MEMO_HASH})
    assert memory.words is words and words[at.CAP_MEMO_HASH] == 4 * slots
    for _ in range(3):
        memory.grow({at.AT_MEMO_HASH})
    assert memory.words is not words and memory.words[at.CAP_MEMO_HASH] == 256 * slots
