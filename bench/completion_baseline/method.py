"""The published check of a canvas, built anew for each proposal, and the loop that proposes.

In: a grammar's text, a vocabulary, tokens by cell with None for a hole. A run of holes is a gap of any text; an end of
text closes the canvas, and behind it only ends may stand. Tokens are read as characters each for itself, as published.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import lark
import numpy as np

from bench.completion_baseline.binary_form import BinaryForm, binary_form
from bench.completion_baseline.completion import completions
from bench.completion_baseline.emptiness import is_empty
from bench.completion_baseline.lexing import Lexer, Terminal, terminals_of
from treadle.diffusion.samplers import Sampler
from treadle.vocabulary import Vocabulary


@dataclass
class PublishedCheck:
    """A grammar, ready to judge canvases; counts where the time goes."""

    terminals: list[Terminal]
    form: BinaryForm
    lexer: Lexer
    #: Checks made; seconds until the automaton stands, and in the worklist.
    checks: int = 0
    building: float = 0.0
    searching: float = 0.0
    #: States of the last automaton.
    states: int = 0

    @classmethod
    def of(cls, grammar: str, start: str = "start") -> PublishedCheck:
        parsed = lark.Lark(grammar, parser="lalr", start=start)
        terminals = terminals_of(parsed)
        return cls(terminals, binary_form(parsed, start), Lexer(terminals))

    def completable(self, tokens: Sequence[int | None], vocabulary: Vocabulary) -> bool:
        """Does the grammar have a text with these fragments in this order, and any text in the gaps?"""
        ends = set(vocabulary.eos_ids)
        stop = next((i for i, token in enumerate(tokens) if token in ends), len(tokens))
        if any(token is not None and token not in ends for token in tokens[stop:]):
            return False
        started = time.process_time()
        texts, leading, trailing = fragments_of(tokens[:stop], vocabulary)
        found = [self.lexer.fragment(text) for text in texts]
        if texts or leading:
            automaton = completions(found, self.terminals, leading=leading, trailing=trailing)
        else:
            automaton = np.full((1, len(self.terminals)), -1, np.int32), np.ones(1, np.bool_)
        built = time.process_time()
        empty = is_empty(self.form, automaton)
        self.searching += time.process_time() - built
        self.building += built - started
        self.checks, self.states = self.checks + 1, len(automaton[0])
        return not empty


def fragments_of(tokens: Sequence[int | None], vocabulary: Vocabulary) -> tuple[list[str], bool, bool]:
    """The texts between gaps; and is there a gap in front, and behind?"""
    runs = [(is_gap, list(run)) for is_gap, run in groupby(tokens, lambda token: token is None)]
    texts = [
        "".join((vocabulary.token_bytes(token) or b"").decode("utf-8", "replace") for token in run)
        for is_gap, run in runs
        if not is_gap
    ]
    return texts, bool(runs) and runs[0][0], bool(runs) and runs[-1][0]


@dataclass
class Progress:
    """A decode so far."""

    tokens: list[int | None]
    commits: int = 0
    refused: int = 0
    forwards: int = 0
    #: A hole for which every token was refused: the method's dead end, which its authors repair.
    stuck: int | None = None
    #: Seconds up to and with each commit, logits left out.
    seconds: list[float] = field(default_factory=list)


def fill(
    logits: Callable[[list[int | None]], np.ndarray], cells: int, sampler: Sampler, check: PublishedCheck,
    vocabulary: Vocabulary, mask_id: int, seed: int = 0,
) -> Iterator[Progress]:  # fmt: skip
    """Propose the surest token, check it, commit it or refuse it; shown after every commit."""
    done, step = Progress([None] * cells), 0
    spent = 0.0
    while any(token is None for token in done.tokens):
        window = sampler.window(step, [i for i, t in enumerate(done.tokens) if t is None], cells)
        if window is None:
            return
        scores = np.array(logits(done.tokens)[window], np.float64)
        done.forwards += 1
        scores[:, mask_id] = -np.inf
        started = time.process_time()
        draft = sampler.draft(scores, np.random.default_rng([seed, step]))
        left, ranked = set(range(len(window))), draft.scores.copy()
        for _ in range(sampler.quota(step, draft, window, cells).least):
            if not left:
                break
            while True:
                best = {k: int(ranked[k].argmax()) for k in left}
                k = max(left, key=lambda k: draft.priority(k, best[k]))
                if not np.isfinite(ranked[k].max()):
                    done.stuck = window[k]
                    yield done
                    return
                proposed = list(done.tokens)
                proposed[window[k]] = best[k]
                if check.completable(proposed, vocabulary):
                    break
                ranked[k, best[k]] = -np.inf
                done.refused += 1
            done.tokens = proposed
            left.discard(k)
            done.commits += 1
            done.seconds.append(spent + time.process_time() - started)
            yield done
        spent += time.process_time() - started
        step += 1
