"""Is the intersection of a grammar in binary form with an automaton empty? A worklist over (state, symbol, state).

Bottom-up: what a terminal's edge or an empty rule derives is marked; a marked item makes those of its unit rules and,
with a marked neighbour, those of its pairs. Rows of marks are words of 64 bits, so neighbours are met 64 at a time.
Stops at (start, start symbol, accepting): the item is a witness. Compiled with numba, as treadle's own inner loops are.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bench.completion_baseline.binary_form import BinaryForm
from bench.completion_baseline.completion import Automaton


def is_empty(form: BinaryForm, automaton: Automaton) -> bool:
    """Is there no text of the grammar that the automaton accepts?"""
    table, accepting = automaton
    return not _meets(table, accepting, form.terminals, form.symbols, form.start, form.empty, *_index(form))


def _index(form: BinaryForm) -> tuple[np.ndarray, ...]:
    """Rules by the symbol that makes them: units, pairs by their first and by their second symbol."""
    unit, pair = form.unit, form.pair
    first, second = pair[np.argsort(pair[:, 1], kind="stable")], pair[np.argsort(pair[:, 2], kind="stable")]
    unit = unit[np.argsort(unit[:, 1], kind="stable")]
    bounds = np.arange(form.symbols + 1)
    return (
        unit, np.searchsorted(unit[:, 1], bounds), first, np.searchsorted(first[:, 1], bounds),
        second, np.searchsorted(second[:, 2], bounds),
    )  # fmt: skip


@njit(cache=True)
def _meets(
    table, accepting, terminals, symbols, start, empty, unit, of_unit, first, of_first, second, of_second
):
    states = len(table)
    words = (states + 63) // 64
    one = np.uint64(1)
    # marks[X, p] holds the q of (p, X, q), back[X, q] the p.
    marks = np.zeros((symbols, states, words), np.uint64)
    back = np.zeros((symbols, states, words), np.uint64)
    stack = np.empty((1024, 3), np.int32)
    size = 0
    for p in range(states):
        for t in range(terminals):
            q = table[p, t]
            if q >= 0 and not (marks[t, p, q >> 6] >> np.uint64(q & 63)) & one:
                size, stack = _mark(marks, back, stack, size, p, t, q)
        for k in range(len(empty)):
            size, stack = _mark(marks, back, stack, size, p, empty[k], p)
    while size:
        size -= 1
        p, x, q = stack[size]
        if x == start and p == 0 and accepting[q]:
            return True
        for k in range(of_unit[x], of_unit[x + 1]):
            left = unit[k, 0]
            if not (marks[left, p, q >> 6] >> np.uint64(q & 63)) & one:
                size, stack = _mark(marks, back, stack, size, p, left, q)
        for k in range(of_first[x], of_first[x + 1]):
            left, other = first[k, 0], first[k, 2]
            for w in range(words):
                new = marks[other, q, w] & ~marks[left, p, w]
                while new:
                    r = (w << 6) + _lowest(new)
                    new &= new - one
                    size, stack = _mark(marks, back, stack, size, p, left, r)
        for k in range(of_second[x], of_second[x + 1]):
            left, other = second[k, 0], second[k, 1]
            for w in range(words):
                new = back[other, p, w] & ~back[left, q, w]
                while new:
                    r = (w << 6) + _lowest(new)
                    new &= new - one
                    size, stack = _mark(marks, back, stack, size, r, left, q)
    return False


@njit(cache=True)
def _mark(marks, back, stack, size, p, x, q):
    marks[x, p, q >> 6] |= np.uint64(1) << np.uint64(q & 63)
    back[x, q, p >> 6] |= np.uint64(1) << np.uint64(p & 63)
    if size == len(stack):
        wider = np.empty((2 * size, 3), np.int32)
        wider[:size] = stack
        stack = wider
    stack[size, 0], stack[size, 1], stack[size, 2] = p, x, q
    return size + 1, stack


@njit(cache=True)
def _lowest(word):
    """The number of the lowest bit that is set."""
    k = 0
    for shift in (32, 16, 8, 4, 2, 1):
        low = (np.uint64(1) << np.uint64(shift)) - np.uint64(1)
        if not word & low:
            word >>= np.uint64(shift)
            k += shift
    return k
