"""Loading every kernel once: so that a first token does not pay for it.

Kernels are compiled once per machine and cached on disk beside the package (or where NUMBA_CACHE_DIR says); loading
one from there still takes milliseconds. A toy automaton over a toy trie touches all of them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from treadle.automata import layout as at
from treadle.automata.byte_automaton import ByteAutomaton
from treadle.grammar import rules
from treadle.grammar.expression import ANY_TEXT
from treadle.masks import bitset
from treadle.masks import kernels as masks
from treadle.masks.pool import RowPool
from treadle.matching import kernels, language_kernels, trie_kernels
from treadle.vocabulary import Trie


@cache
def load_kernels() -> None:
    """Call every kernel once. Later calls do nothing."""
    automaton = ByteAutomaton(_toy())
    automaton.run_to(automaton.start, b'{"b":"x"')
    automaton.memory.grow({at.AT_STATES, at.AT_NEXT, at.AT_STATE_HASH, at.AT_MEMO, at.AT_MEMO_HASH})
    words = automaton.memory.words
    tokens = [b"{", b'"a']
    trie = Trie.build(tokens)
    nodes = np.array([ord("{") | 256, 1, 0, 0, 0, 1], np.int32)
    cover = np.zeros(4, np.int32)
    trie_kernels.byte_cover(nodes, cover)
    kin = np.zeros(2, np.int32)
    trie_kernels.kinship(nodes, kin)
    row, out = np.zeros(1, np.uint32), np.empty(256, np.int64)
    state = automaton.anonymous(automaton.start)
    trie_kernels.walk(words, nodes, np.array(trie.tokens), cover, kin, state, 0, row)
    kernels.visit(words, state)
    kernels.string_at(words, state, 0)
    kernels.gaps(words, state)
    kernels.add_string(row, row, row, row)
    _load_languages(automaton, trie, nodes, cover, kin)
    kernels.seen_entries(words, state, out)
    automaton.complete(lambda m: int(kernels.behind(m, 1, 0)))
    automaton.complete(lambda m: int(kernels.alone(m, state, 0)))
    inside = automaton.frontier(automaton.run(state, b'{"'))[0].tolist()
    automaton.complete(lambda m: int(kernels.behind_name(m, inside[at.CFG_POS], 0, inside[at.CFG_STACK])))
    blob, starts = np.frombuffer(b'{"a', np.uint8), np.array([0, 1, 3], np.int32)
    kernels.spell(words, blob, starts, state, 0)
    # Rows of masks are read-only, which is a type of its own for numba.
    frozen = row.copy()
    frozen.flags.writeable = False
    kernels.refused(words, blob, starts, state, starts[:1], 0, frozen)
    kernels.ending_item(words, blob, starts, state, state, starts[:1], frozen, np.empty(1, np.int32))
    kernels.successors(words, state, out)
    kernels.interior_lengths(blob, starts, np.empty(2, np.int32), np.empty(2, np.int32))
    name, _ = automaton.run_to(state, b'{"')
    automaton.complete(lambda m: int(kernels.unlisted(m, name)))
    paths = np.zeros(2 * trie_kernels.PATH, np.int32)
    trie_kernels.walk_listed(automaton.memory.words, nodes, np.array(trie.tokens), kin, paths, name, 0, row)
    pool = RowPool(4, 2)
    for value in (1, 1, 2):
        scratch = pool.scratch()
        scratch[0] = value
        pool.keep(scratch)
    placed = bitset.Placed.of(np.zeros((1, 1), np.int32))
    masks.gather(placed.addresses, placed.sizes, np.zeros((1, 1), np.int32))
    for rows in (placed, np.zeros((1, 1), np.int32)):
        bitset.apply_rows(rows, np.zeros((1, 2), np.float32))


def _load_languages(
    automaton: ByteAutomaton,
    trie: Trie,
    nodes: NDArray[np.int32],
    cover: NDArray[np.int32],
    kin: NDArray[np.int32],
) -> None:
    """The kernels for rows of string languages."""
    words, tokens = automaton.memory.words, np.array(trie.tokens)
    state = automaton.run(automaton.start, b'{"b":"')
    row, closers, after, height = (
        np.zeros(1, np.uint32),
        np.zeros(1, np.uint32),
        np.zeros(2, np.int32),
        cover[:1],
    )
    language_kernels.heights(nodes, height)
    language_kernels.walk_string(words, nodes, tokens, cover, kin, state, 0, row, closers, after)
    language_kernels.walk_cutting(words, nodes, tokens, cover, kin, height, state, 0, 0, row)
    pairs, queue = (
        np.zeros(4 * language_kernels.ALIKE_WIDTH, np.int32),
        np.zeros(3 * language_kernels.PAIRS + 1, np.int32),
    )
    levels = np.zeros(2 * at.LEVELS, np.int32)
    language_kernels.walk_beside(
        words,
        nodes,
        tokens,
        cover,
        kin,
        height,
        state,
        state,
        0,
        levels,
        pairs,
        queue,
        0,
        row,
        closers,
        after,
        after,
    )
    language_kernels.likeness(words, pairs, queue, state, state, 0)
    language_kernels.nearest(words, state, after[:1], np.zeros(256, np.int32))
    landed = np.empty(2, np.int32)
    language_kernels.landings(after, landed[:0], np.zeros(2, np.uint8), landed)
    language_kernels.to_come(words, landed[:0], landed, landed)
    chars, flags, starts = np.zeros(2, np.int32), np.zeros(2, bool), np.zeros(3, np.int32)
    language_kernels.measure(
        after, landed[:0], chars, chars, chars, flags, flags, starts, 1, np.zeros(2, np.int16)
    )


def _toy() -> rules.Node:
    text = rules.Sequence((rules.Literal(b'":"'), rules.Quoted(ANY_TEXT)))
    names = rules.Names(("a",), frozenset("a"), lambda _: text, (ANY_TEXT,), lambda *_: rules.Literal(b':""'))
    return rules.Sequence((rules.Literal(b'{"'), names, rules.Literal(b"}")))
