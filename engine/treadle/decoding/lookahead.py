"""Lookahead: a beam towards texts with given phrases, which looks some tokens ahead before it decides.

In: a search problem and clauses: of each clause at least one phrase should be in the text ("and" of "or"s). Out: the
texts that meet most clauses, among these the likeliest first. The clauses are a wish (soft); must-include phrases as a
condition are allocation.py's. Notes: "met", the number of clauses met.

A step looks at the best choices of all, the choices that begin or go on with an unmet phrase, and the best of each
prefix. Each of them is continued greedily, under the constraint, for `lookahead` tokens; its estimate is the best
log p that an unmet phrase is begun or gone on with on the way, and it is ranked by

    score / length + alpha * estimate

Prefixes that lag `tolerance` clauses behind are dropped; the others are sorted into buckets by what they have met, and
the beam is filled from the buckets in turn, so that no single way of meeting clauses crowds out the rest. The first
pass of the look ahead is the expansion of the candidate itself, so it is not made twice.
lookahead=0 or alpha=0 is NeuroLogic decoding; without clauses this is beam search.

Source: NeuroLogic A*esque, Lu et al., NAACL 2022. Left out: clauses that forbid a phrase (a Check does that), looking
ahead by beams or samples. Defaults: lookahead 5, alpha 0.25, tolerance 2 are theirs; width 8 for their 20 is ours.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice, zip_longest

from treadle.decoding.beam import Beam, candidates, check_width
from treadle.decoding.hypotheses import NO_END, Children, Hypothesis
from treadle.decoding.phrases import Coverage, Phrases
from treadle.decoding.search import TRIES, Asking, Search, SearchEnded
from treadle.errors import InvalidConstraint


@dataclass(frozen=True, slots=True)
class Lookahead:
    """NeuroLogic A*esque decoding."""

    #: A phrase, or a sequence of phrases of which one is enough.
    clauses: Sequence[str | Sequence[str]] = ()
    width: int = 8
    lookahead: int = 5
    alpha: float = 0.25
    tolerance: int = 2

    def __post_init__(self) -> None:
        check_width("width", self.width)
        if isinstance(self.clauses, str):
            raise InvalidConstraint(
                "clauses are a sequence", found=repr(self.clauses), expected="[phrase, ...]"
            )
        if self.lookahead < 0 or self.tolerance < 0:
            raise InvalidConstraint("lookahead and tolerance are counts", expected="0 or more")

    def search(self, search: Search) -> Asking:
        """Make candidates, look ahead, choose."""
        if not self.clauses:
            return (yield from Beam(self.width).search(search))
        wishes = Wishes(search, self)
        alive: Sequence[Hypothesis] = [replace(search.root, mark=wishes.coverage(None, search.root))]
        known: dict[int, Children] = {}
        try:
            while alive and wishes.may_improve(alive):
                if unknown := [one for one in alive if one.number not in known]:
                    known.update({family.hypothesis.number: family for family in (yield unknown)})
                made = wishes.candidates([known[one.number] for one in alive])
                known, futures = yield from wishes.look_ahead(made)
                alive = wishes.chosen(made, futures)
        except SearchEnded:
            pass
        return wishes.best()


Looked = Generator[Sequence[Hypothesis], list[Children], tuple[dict[int, Children], Mapping[int, float]]]


@dataclass
class Wishes:
    """The clauses, and what has been finished."""

    search: Search
    strategy: Lookahead
    finished: dict[bytes, Hypothesis] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lists = [(one,) if isinstance(one, str) else tuple(one) for one in self.strategy.clauses]
        self.phrases = Phrases([phrase for one in lists for phrase in one], self.search.vocabulary)
        place = {phrase: k for k, phrase in enumerate(self.phrases.phrases)}
        self.clauses = [frozenset(place[phrase.encode()] for phrase in one) for one in lists]

    def coverage(self, before: Hypothesis | None, one: Hypothesis) -> Coverage:
        """What a prefix has met; of a met clause no phrase is wanted any more."""
        start = before.mark if before else Coverage()
        begun = max(len(before.data) if before else 0, self.search.problem.skip)
        found = self.phrases.advance(start, one.data[begun:])
        done = (clause for clause in self.clauses if clause & found.met)
        return Coverage(found.node, found.met.union(*done))

    def met(self, one: Hypothesis) -> frozenset[int]:
        """The clauses that a prefix has met."""
        return frozenset(k for k, clause in enumerate(self.clauses) if clause & one.mark.met)

    # -- a step ------------------------------------------------------------------------------------

    def candidates(self, families: Sequence[Children]) -> list[Hypothesis]:
        """The children that are looked at; ends of text are finished."""
        made: dict[bytes, Hypothesis] = {}
        wanted = islice(candidates(self.search, families, "raw"), 2 * self.strategy.width + TRIES)
        for _, family, place in wanted:
            if len(made) < 2 * self.strategy.width:
                self._make(family, int(family.tokens[place]), made)
        for family in families:
            best = (int(family.tokens[place]) for place in family.best(1))
            for token in chain(best, self._continuing(family)):
                self._make(family, token, made)
            if family.end != NO_END:
                self._finish(family)
        if not made:
            self._rescue(families, made)
        return list(made.values())

    def _continuing(self, family: Children) -> Iterator[int]:
        """The likeliest choices that begin or go on with an unmet phrase."""
        tokens = self.phrases.continuing(family.hypothesis.mark)
        places = [k for k, token in enumerate(family.tokens.tolist()) if token in tokens] if tokens else []
        places.sort(key=lambda place: -float(family.raw[place]))
        yield from (int(family.tokens[place]) for place in places[: self.strategy.width])

    def _make(self, family: Children, token: int, made: dict[bytes, Hypothesis]) -> None:
        if token == family.end:
            return
        child = self.search.child(family, token)
        if child is not None:
            child = replace(child, mark=self.coverage(family.hypothesis, child))
            if child.data not in made or child.raw > made[child.data].raw:
                made[child.data] = child

    def _rescue(self, families: Sequence[Children], made: dict[bytes, Hypothesis]) -> None:
        for family in families:
            child = self.search.rescue(family) if len(family.tokens) > (family.end != NO_END) else None
            if child is not None and child.finished:
                self._note(child)
            elif child is not None:
                made[child.data] = replace(child, mark=self.coverage(family.hypothesis, child))

    def _finish(self, family: Children) -> None:
        child = self.search.child(family, family.end)
        if child is not None:
            self._note(child)

    def _note(self, child: Hypothesis) -> None:
        self.search.finish(child)
        self.search.notes[child.number] = {"met": len(self.met(child))}
        twin = self.finished.get(child.data)
        if twin is None or child.raw > twin.raw:
            self.finished[child.data] = child

    # -- looking ahead -----------------------------------------------------------------------------

    def look_ahead(self, made: Sequence[Hypothesis]) -> Looked:
        """(the expansions of the candidates, number -> estimate)"""
        known: dict[int, Children] = {}
        futures: dict[int, float] = {}
        if not self.strategy.alpha:
            return known, futures
        lanes = {one.number: one for one in made if len(self.met(one)) < len(self.clauses)}
        for turn in range(self.strategy.lookahead):
            if not lanes:
                break
            owners = list(lanes)
            families = yield [lanes[owner] for owner in owners]
            if turn == 0:
                known = dict(zip(owners, families, strict=True))
            lanes = {}
            for owner, family in zip(owners, families, strict=True):
                futures[owner] = max(futures.get(owner, -float("inf")), self._estimate(family))
                child = self._greedy(family)
                if child is not None and len(self.met(child)) < len(self.clauses):
                    lanes[owner] = child
        return known, futures

    def _estimate(self, family: Children) -> float:
        """The best log p of a choice that begins or goes on with an unmet phrase."""
        token = next(self._continuing(family), None)
        return -float("inf") if token is None else float(family.raw[family.place(token)])

    def _greedy(self, family: Children) -> Hypothesis | None:
        place = int(family.best(1)[0]) if len(family.tokens) else -1
        if place < 0 or family.tokens[place] == family.end:
            return None
        child = self.search.child(family, int(family.tokens[place]))
        return None if child is None else replace(child, mark=self.coverage(family.hypothesis, child))

    # -- choosing ----------------------------------------------------------------------------------

    def chosen(self, made: Sequence[Hypothesis], futures: Mapping[int, float]) -> list[Hypothesis]:
        """The beam, filled from the buckets in turn."""
        most = max((len(self.met(one)) for one in made), default=0)
        buckets: dict[frozenset[int], list[Hypothesis]] = {}
        ranks = {one.number: self._rank(one, futures) for one in made}
        for one in sorted(made, key=lambda one: -ranks[one.number]):
            if len(self.met(one)) >= most - self.strategy.tolerance:
                buckets.setdefault(self.met(one), []).append(one)
        # In the order of their best; a bucket with more met comes first among equals.
        in_turn = chain.from_iterable(zip_longest(*buckets.values()))
        alive = [one for one in in_turn if one is not None][: self.strategy.width]
        for one in made:
            self.search.event("kept" if one in alive else "pruned", one, ranks[one.number])
        return alive

    def _rank(self, one: Hypothesis, futures: Mapping[int, float]) -> float:
        # Nothing wanted within sight is as bad as the worst that was seen: minus infinity would drop good prefixes.
        seen = [value for value in futures.values() if value > -float("inf")]
        future = futures.get(one.number, 0.0)
        if future == -float("inf"):
            future = min(seen, default=0.0)
        return (one.raw + self.search.bonus(one)) / max(one.length, 1) + self.strategy.alpha * future

    def best(self) -> list[Hypothesis]:
        """What is finished: most clauses met, then the likeliest."""
        return sorted(
            self.finished.values(), key=lambda one: (-len(self.met(one)), -one.raw - self.search.bonus(one))
        )

    def may_improve(self, alive: Sequence[Hypothesis]) -> bool:
        """Whether something alive could still be among the answers."""
        best = self.best()[: self.search.problem.n]
        if len(best) < self.search.problem.n or len(self.met(best[-1])) < len(self.clauses):
            return True
        return bool(self.search.problem.scorers) or any(one.raw > best[-1].raw for one in alive)
