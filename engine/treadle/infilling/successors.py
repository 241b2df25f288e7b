"""The distinct states behind one token, each with the tokens that lead there.

In: a token automaton. Out, for a state, its *edges*: tens of thousands of tokens usually lead to a few dozen states,
because equal futures are equal ints. Everything about holes is done on these groups, once for each state, whatever
canvas asks. End-of-text tokens are no edges: whether a text may end is the canvas's business.

`samples` are edges by a few hundred tokens instead of all: those that stand for a group behind some of the first states
of the automaton, and those of one byte. A search that only wants some way asks them, a hundred times as fast.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from treadle.errors import LimitExceeded
from treadle.infilling import edge_kernels
from treadle.masks import bitset
from treadle.matching.grammar_tokens import GrammarTokenAutomaton
from treadle.matching.token_automaton import TokenAutomaton

Int32 = NDArray[np.int32]
#: Tokens that are looked at in one go, and the most states behind one state that are told apart.
CHUNK: Final = 4096
WIDEST: Final = 2048
#: States, breadth first from the start, whose groups say which tokens are sampled, and the most of these.
SAMPLED: Final = 16
SAMPLES: Final = 512


@dataclass(frozen=True)
class Edges:
    """Where one token leads from a state."""

    #: The distinct states behind it; those that most tokens lead to come first.
    targets: tuple[int, ...]
    #: Tokens by target: tokens[starts[k] : starts[k + 1]] lead to targets[k], ascending.
    tokens: Int32
    starts: Int32
    size: int

    def group(self, k: int) -> Int32:
        """The tokens that lead to targets[k]."""
        return self.tokens[self.starts[k] : self.starts[k + 1]]

    @cached_property
    def rows(self) -> NDArray[np.int32]:
        """int32[targets, words]: the groups as rows of masks."""
        width = bitset.words(self.size)
        out = np.zeros((len(self.targets), width), np.int32)
        for k in range(len(self.targets)):
            out[k] = bitset.from_tokens(self.group(k), self.size)
        return out


class Successors:
    """Edges of the states of one automaton, computed at first use."""

    def __init__(self, automaton: Any) -> None:
        self.automaton = automaton
        self.size = len(automaton.vocabulary)
        self._ends = np.array(sorted(automaton.vocabulary.eos_ids), np.int64)
        self._edges: dict[int, Edges] = {}
        self._wide: set[int] = set()
        self._samples: dict[int, Edges] = {}
        self._spell = _kernel_for(automaton)
        self._spell_all = _kernel_for_all(automaton)
        #: Are the tokens of a state many thousand questions, or one?
        self.at_once = self._spell is not _one_by_one or self.size <= CHUNK

    def __call__(self, state: int) -> Edges:
        known = self._edges.get(state)
        if known is None:
            if state in self._wide:
                raise self._too_wide()
            known = self._edges[state] = self._compute(state)
        return known

    def samples(self, state: int) -> Edges:
        """Edges by the sampled tokens only; all of them where a vocabulary is small."""
        if self.size <= CHUNK:
            return self(state)
        known = self._samples.get(state)
        if known is None:
            known = self._samples[state] = self._grouped(
                self._sampled, self._spell(self.automaton, state, self._sampled)
            )
        return known

    @cached_property
    def _sampled(self) -> Int32:
        """Tokens that stand for others, a function of the automaton alone."""
        single = np.flatnonzero(np.diff(self.automaton.tables.starts[: self.size + 1]) == 1)
        chosen = dict.fromkeys(single.tolist())
        # With guards all tokens of a state are as many questions; those of one byte write everything, if slowly.
        ahead = [int(self.automaton.start)] if self.at_once else []
        seen = set(ahead)
        for number, state in enumerate(ahead):
            if number == SAMPLED or len(chosen) >= SAMPLES:
                break
            try:
                edges = self(state)
            except LimitExceeded:
                continue
            for k, target in enumerate(edges.targets):
                chosen[int(edges.tokens[edges.starts[k]])] = None
                if target not in seen:
                    seen.add(target)
                    ahead.append(target)
        tokens = np.array(list(chosen)[:SAMPLES], np.int64)
        return np.sort(tokens[~np.isin(tokens, self._ends)]).astype(np.int32)

    @property
    def is_wide(self) -> bool:
        """Has some state too many behind it?"""
        return bool(self._wide)

    def anonymous(self, state: int) -> int | None:
        """The state in the world where names of members may come twice; None: there is no such world."""
        if self.automaton.__class__ is not TokenAutomaton:
            return None
        return int(self.automaton.bytes.anonymous(state))

    def behind(self, states: Int32, token: int) -> Int32:
        """Where one token, none that ends a text, leads from each of many states; 1 and less: it is refused."""
        return self._spell_all(self.automaton, token, states)

    def spells(self, token: int) -> bool:
        """Does a token stand for any bytes?"""
        starts = self.automaton.tables.starts
        return 0 <= token < len(starts) - 1 and bool(starts[token] < starts[token + 1])

    @staticmethod
    def _too_wide() -> LimitExceeded:
        return LimitExceeded("too many states behind one token", limit="WIDEST", value=WIDEST)

    def _compute(self, state: int) -> Edges:
        allowed = bitset.to_tokens(self.automaton.mask(state))
        tokens = allowed[~np.isin(allowed, self._ends)].astype(np.int32)
        reached, seen = np.zeros(len(tokens), np.int32), np.zeros(0, np.int32)
        for first in range(0, len(tokens), CHUNK):
            part = slice(first, first + CHUNK)
            reached[part] = self._spell(self.automaton, state, tokens[part])
            # Where each token makes a state of its own (a member name that must not come twice), a vocabulary of them
            # would fill the automaton.
            seen = _distinct(np.concatenate([seen, reached[part]]))
            if len(tokens) > CHUNK and len(seen) > WIDEST:
                self._wide.add(state)
                raise self._too_wide()
        return self._grouped(tokens, reached)

    def _grouped(self, tokens: Int32, reached: Int32) -> Edges:
        """Tokens, ascending, by the states that they lead to."""
        tokens, reached = tokens[reached > 1], reached[reached > 1]
        targets = _distinct(reached)
        inverse = np.searchsorted(targets, reached)
        counts = np.bincount(inverse, minlength=len(targets))
        # Of several writes the last one stays.
        earliest = np.empty(len(targets), np.int64)
        earliest[inverse[::-1]] = np.arange(len(reached))[::-1]
        # Among equally large groups the one with the least token: states are numbered as they come up, and what a
        # search finds must not hang on what was asked before.
        order = np.lexsort((earliest, -counts))
        # Sixteen bits are sorted by counting.
        rank = np.empty(len(order), np.uint16 if len(order) < 1 << 16 else np.int64)
        rank[order] = np.arange(len(order))
        by_target = np.argsort(rank[inverse], kind="stable")
        starts = np.concatenate([[0], np.cumsum(counts[order])]).astype(np.int32)
        return Edges(tuple(targets[order].tolist()), tokens[by_target], starts, self.size)


def _distinct(values: Int32) -> Int32:
    """Ascending; neighbours are mostly equal, so that little is left to sort."""
    heads = values[np.flatnonzero(np.diff(values, prepend=-1))]
    return np.unique(heads)


_KNOWN: weakref.WeakKeyDictionary[Any, Successors] = weakref.WeakKeyDictionary()


def successors_of(automaton: Any) -> Successors:
    """The edges of an automaton, shared by all canvases over it."""
    known = _KNOWN.get(automaton)
    if known is None:
        known = _KNOWN[automaton] = Successors(weakref.proxy(automaton))
    return known


#: A state and tokens, or a token and states: where they lead.
_Spell = Callable[[Any, int, Int32], Int32]
_SpellAll = _Spell


def _kernel_for(automaton: Any) -> _Spell:
    # A guard may refuse what the tables allow, so its automaton (a subclass) is asked token by token. What is held
    # here is a weak proxy, whose class is that of what it stands for.
    if automaton.__class__ is TokenAutomaton:
        return _spell_with(edge_kernels.ends_of_bytes)
    if automaton.__class__ is GrammarTokenAutomaton:
        return _spell_with(edge_kernels.ends_of_parse)
    return _one_by_one


def _kernel_for_all(automaton: Any) -> _SpellAll:
    if automaton.__class__ is TokenAutomaton:
        return _spell_with(edge_kernels.all_behind_bytes)
    if automaton.__class__ is GrammarTokenAutomaton:
        return _spell_with(edge_kernels.all_behind_parse)
    return lambda automaton, token, states: np.array(
        [automaton.advance(state, token) for state in states.tolist()], np.int32
    )


def _spell_with(kernel: Any) -> _Spell:
    def spell(automaton: Any, one: int, many: Int32) -> Int32:
        out = np.zeros(len(many), np.int32)
        tables, first = automaton.tables, 0
        with automaton.bytes.lock:
            while first >= 0:
                words = automaton.bytes.memory.words
                first = kernel(words, tables.blob, tables.starts, one, many, first, out)
                if first >= 0:
                    automaton.bytes.answer()
        return out

    return spell


def _one_by_one(automaton: Any, state: int, tokens: Int32) -> Int32:
    return np.array([automaton.advance(state, token) for token in tokens.tolist()], np.int32)
