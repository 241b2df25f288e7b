"""One problem being searched: makes hypotheses, keeps account, keeps what is finished. And what a strategy is.

A *strategy* is an object with a method `search(search)` that is a generator: it yields lists of hypotheses, gets back
the list of their `Children`, and returns its finished hypotheses, best first. (It may yield none: it goes on with the
next turn of the driver, before which it can be stopped.) What it finished is also noted in
`search.finished` as it goes, so that a search that is interrupted, or whose budget runs out, still has its texts.

    def search(self, search):
        alive = [search.root]
        while alive:
            families = yield alive
            ...
            child = search.child(family, token)     # None: refused, by the token budget or a check
        return search.finished

Token budget. As in loop.py: a child is made only if a completion is known to fit after it. Where all the children that
a strategy tries are refused, `Search.rescue` gives the one that the known completion goes on with. Refusals of the
budget are left out of `local`, unless `exact_budget` is set: then every choice is looked at before the sum is made 1.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.budget import Plan, first_plan, fitting
from treadle.decoding.hypotheses import NO_END, Children, Hypothesis, choices
from treadle.decoding.prefixes import EMPTY, Extension, PrefixTree
from treadle.decoding.problem import Event, Kind, Problem, Statistics
from treadle.errors import InvalidConstraint
from treadle.masks.bitset import to_tokens

#: Children of one hypothesis that may be refused before its known completion is followed.
TRIES = 64
#: How many choices of an expanded hypothesis a trace shows.
_PASSED_BY = 5

Asking = Generator[Sequence[Hypothesis], list[Children], Sequence[Hypothesis]]


class SearchEnded(Exception):
    """Thrown into a strategy that gets no more expansions: it may return what it has. If it does not catch this,
    `search.finished` is its answer.
    """


class Strategy(Protocol):
    """A way of searching."""

    def search(self, search: Search) -> Asking:
        """Yields what to expand, returns what is finished, best first."""


@dataclass
class Search:
    """One problem being searched: makes hypotheses, counts, keeps what is finished."""

    problem: Problem
    tree: PrefixTree
    statistics: Statistics = field(default_factory=Statistics)
    #: Finished hypotheses in order of finding.
    finished: list[Hypothesis] = field(default_factory=list)
    #: Notes of a strategy on single hypotheses, by number; they go into Result.notes.
    notes: dict[int, dict[str, Any]] = field(default_factory=dict)
    #: Numbers of hypotheses of which the token budget refused a child.
    _refused: set[int] = field(default_factory=set)
    #: Whether the last refusal of `child` was a sound check's, of a prefix: nothing that goes on from it is admitted.
    refused_for_good: bool = False
    _made: int = 0

    def __post_init__(self) -> None:
        self.automaton = self.problem.automaton
        self.vocabulary = self.problem.vocabulary
        self.ends = tuple(self.vocabulary.eos_ids)
        if not self.ends:
            raise InvalidConstraint(
                "a search needs an end of text", found="none in the vocabulary", expected="eos_ids"
            )
        self.rng = np.random.default_rng(self.problem.seed)
        self.root = self._root()

    @property
    def expansions_left(self) -> int | None:
        """How many more hypotheses may be expanded."""
        limit = self.problem.expansions
        return None if limit is None else limit - self.statistics.expansions

    # -- making hypotheses -------------------------------------------------------------------------

    def _root(self) -> Hypothesis:
        plan = first_plan(self.automaton, self.problem.max_tokens)
        run, state, plan = self._forced(self.automaton.start, self.problem.max_tokens, plan)
        root = Hypothesis(
            number=self._number(),
            parent=None,
            tokens=run,
            data=self.vocabulary.decode_bytes(run),
            state=state,
            node=EMPTY,
            unread=(*self.problem.prompt, *run),
            unscored=len(run),
            raw=0.0,
            local=0.0,
            free=0,
            left=self.problem.max_tokens - len(run),
            plan=plan,
        )
        self.event("born", root)
        return root

    def _number(self) -> int:
        self._made += 1
        return self._made - 1

    def child(self, family: Children, token: int, mark: Any = None) -> Hypothesis | None:
        """The hypothesis behind a choice; None if the token budget or a check refuses it."""
        if token == family.end:
            return self._end(family, mark)
        before = family.hypothesis
        state = self.automaton.advance(before.state, token)
        plan = fitting(self.automaton, state, before.left - 1, before.plan, (token,))
        if plan is False:
            self.refused_for_good = False
            self._refused.add(before.number)
            self._lost("budget", family, token)
            return None
        return self._grown(family, token, state, plan, mark)

    def _grown(self, family: Children, token: int, state: int, plan: Plan, mark: Any) -> Hypothesis | None:
        before, place = family.hypothesis, family.place(token)
        run, state, plan = self._forced(state, before.left - 1, plan)
        new = (token, *run)
        data = before.data + self.vocabulary.decode_bytes(new)
        if not self._checked(data, False):
            self._lost("refused", family, token)
            return None
        born = Hypothesis(
            number=self._number(),
            parent=before,
            tokens=before.tokens + new,
            data=data,
            state=state,
            node=before.node,
            unread=new,
            unscored=len(run),
            raw=before.raw + float(family.raw[place]),
            local=before.local + float(family.local[place]),
            free=before.free + family.is_choice,
            left=before.left - len(new),
            plan=plan,
            cramped=before.cramped or before.number in self._refused,
            mark=before.mark if mark is None else mark,
        )
        self.event("born", born)
        return born

    def _end(self, family: Children, mark: Any) -> Hypothesis | None:
        before, place = family.hypothesis, family.place(family.end)
        if not self._checked(before.data, True):
            self._lost("refused", family, family.end)
            return None
        ended = replace(
            before,
            number=self._number(),
            parent=before,
            raw=before.raw + float(family.raw[place]),
            local=before.local + float(family.local[place]),
            free=before.free + family.is_choice,
            plan=(),
            finished=True,
            cramped=before.cramped or before.left == 0 or before.number in self._refused,
            mark=before.mark if mark is None else mark,
        )
        self.event("born", ended)
        return ended

    def rescue(self, family: Children, mark: Any = None) -> Hypothesis | None:
        """The child that a completion known to fit goes on with: for a hypothesis whose other children do not fit.

        None where a check refuses that too, or the model holds it for impossible.
        """
        before = family.hypothesis
        plan = before.plan if before.plan is not None else tuple(self.automaton.closing(before.state))
        self._refused.add(before.number)
        if (plan[0] if plan else family.end) not in family.tokens:
            return None
        if not plan:
            return self._end(family, mark)
        state = self.automaton.advance(before.state, plan[0])
        return self._grown(family, plan[0], state, plan[1:], mark)

    def copy(self, hypothesis: Hypothesis) -> Hypothesis:
        """The same once more, with a number of its own: for strategies that note something of each copy."""
        return replace(hypothesis, number=self._number())

    def _forced(self, state: int, left: int, plan: Plan) -> tuple[tuple[int, ...], int, Plan]:
        """(the forced run from `state`, the state behind it, its plan); an empty run where it would not fit."""
        if not self.problem.forced_runs:
            return (), state, plan
        run: list[int] = []
        after = state
        for token in self.automaton.forced(state):
            if token in self.ends:
                break
            run.append(token)
            after = self.automaton.advance(after, token)
        behind = fitting(self.automaton, after, left - len(run), plan, run) if run else False
        return ((), state, plan) if behind is False else (tuple(run), after, behind)

    def _checked(self, data: bytes, finished: bool) -> bool:
        text = data[self.problem.skip :]
        refusing = next((one for one in self.problem.checks if not one.admits(text, finished)), None)
        self.refused_for_good = (
            refusing is not None and not finished and bool(getattr(refusing, "sound", False))
        )
        return refusing is None

    # -- keeping account ---------------------------------------------------------------------------

    def finish(self, hypothesis: Hypothesis) -> None:
        """Note a finished hypothesis."""
        assert hypothesis.finished
        self.finished.append(hypothesis)
        self.event("finished", hypothesis)

    def bonus(self, hypothesis: Hypothesis) -> float:
        """What the scorers add to its score. Like checks they see the text alone, not the prompt's end before it."""
        if not self.problem.scorers:
            return 0.0
        skip = self.problem.skip
        seen = replace(hypothesis, data=hypothesis.data[skip:]) if skip else hypothesis
        return sum(scorer.score(seen) for scorer in self.problem.scorers)

    def event(self, kind: Kind, hypothesis: Hypothesis, score: float | None = None) -> None:
        """Note what happened to a hypothesis, if anyone wants to know."""
        if self.problem.trace:
            parent = hypothesis.parent
            new = hypothesis.tokens[len(parent.tokens) :] if parent else hypothesis.tokens
            number = parent.number if parent else -1
            self._note(kind, hypothesis.number, number, new, hypothesis.raw, hypothesis.local, score)

    def _lost(self, kind: Kind, family: Children, token: int) -> None:
        if self.problem.trace:
            before, place = family.hypothesis, family.place(token)
            raw, local = before.raw + float(family.raw[place]), before.local + float(family.local[place])
            self._note(kind, -1, before.number, (token,), raw, local, None)

    def _note(
        self,
        kind: Kind,
        number: int,
        parent: int,
        tokens: tuple[int, ...],
        raw: float,
        local: float,
        score: float | None,
    ) -> None:
        turn = self.statistics.forwards
        self.statistics.events.append(Event(turn, kind, number, parent, tokens, raw, local, score))

    def families(self, hypotheses: Sequence[Hypothesis], extensions: Sequence[Extension]) -> list[Children]:
        """The children of hypotheses that the model has read."""
        self.statistics.expansions += len(hypotheses)
        self.statistics.forwards += 1
        # One hypothesis that was asked for twice (draws begin with copies of the root) has one family.
        known: dict[int, Children] = {}
        for one, extension in zip(hypotheses, extensions, strict=True):
            if one.number not in known:
                known[one.number] = self.family(one, extension)
        return [known[one.number] for one in hypotheses]

    def family(self, hypothesis: Hypothesis, extension: Extension) -> Children:
        """The children of one hypothesis."""
        read = hypothesis.read(extension)
        self.event("expanded", read)
        family = replace(self._choices(read, extension), hypothesis=read, rest=extension.rest)
        # Nothing but an end fits; looking at every other choice would only refuse it.
        family = family if read.left or family.end == NO_END else family.only_end()
        self.statistics.dead_ends += not len(family.tokens)
        if self.problem.trace:
            self._passed_by(family)
        return family

    def _choices(self, read: Hypothesis, extension: Extension) -> Children:
        """The arrays of a family; searches that read the same prefix in the same state share them."""
        width = min(len(extension.logits), len(self.vocabulary))
        row, logits = self.automaton.mask(read.state), extension.logits[:width]
        if self.problem.exact_budget or self.problem.reweight or read.raw == -np.inf:
            admitted = self._admitted(read, width) if self.problem.exact_budget else None
            return choices(read, logits, row, self.ends, self.problem.reweight, admitted)
        key = (id(self.automaton), read.state, width, self.ends)
        known: Children | None = extension.shared.get(key)
        if known is None:
            known = extension.shared[key] = choices(read, logits, row, self.ends)
        return known

    def _passed_by(self, family: Children) -> None:
        """The likeliest choices, for drawing what was not gone on with; those that were have events of their own."""
        for place in family.best(_PASSED_BY).tolist():
            if family.tokens[place] != family.end:
                self._lost("pruned", family, int(family.tokens[place]))

    def _admitted(self, read: Hypothesis, width: int) -> NDArray[np.bool_]:
        """bool[width]: choices after which the text can still be finished."""
        admitted = np.zeros(width, np.bool_)
        for token in to_tokens(self.automaton.mask(read.state)).tolist():
            if token < width:
                after = self.automaton.advance(read.state, token)
                plan = fitting(self.automaton, after, read.left - 1, read.plan, (token,))
                admitted[token] = token in self.ends or plan is not False
        return admitted
