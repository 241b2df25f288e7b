"""phi-decoding: go on by steps, and choose each step by how the text would end if it were taken.

In: a search problem. Out: up to `beams` finished texts, those first whose chosen tokens were the likeliest on average.
From each beam `candidates` steps are drawn, a step being a unit of the grammar (units.py). Then

    width pruning   steps whose mean log p is far below the others' (mean - sigmas * deviation) go
    foresight       what is left is completed once; F is the completion's mean log p
    advantage       A = F - F of the beam it comes from; what does not gain goes, if anything gains
    alignment       C = the share of completions that are like its own (clusters.py)
    choice          `beams` of them without replacement, half by softmax(A / tau_advantage), half by softmax(C /
                    tau_alignment)

and when most completions are alike (`share`), or after `most` steps, every beam is written to its end.
Only choices count in mean log p, not what the constraint forces. foresight=0 looks no further than the step: the beams
with the likeliest steps are kept. In the first step there is no F to compare with, and the mean of all stands for it
(ours).
Source: Xu et al., ACL 2025, defaults of its table 5; its program uses 0.1 and 1 where the paper says 0.6 and 0.6.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from treadle.decoding.clusters import clusters
from treadle.decoding.hypotheses import Children, Hypothesis
from treadle.decoding.search import TRIES, Asking, Search, SearchEnded
from treadle.decoding.units import Counter, Unit, counter
from treadle.errors import InvalidConstraint

Floats = NDArray[np.float64]
Drawing = Generator[Sequence[Hypothesis], list[Children], list[Hypothesis | None]]
#: Sharpness of the choice of steps that are taken back where too few survive width pruning.
_REFILL = 0.1


@dataclass(frozen=True, slots=True)
class PhiDecoding:
    """Foresight sampling."""

    beams: int = 4
    candidates: int = 4
    least: int = 4
    most: int = 8
    clusters: int = 3
    share: float = 0.7
    sigmas: float = 1.0
    temperature: float = 0.6
    tau_advantage: float = 0.6
    tau_alignment: float = 0.6
    unit: Unit | Counter = "statement"
    #: Tokens of a completion at most; None: to the end.
    foresight: int | None = None

    def __post_init__(self) -> None:
        for name in ("beams", "candidates", "most", "clusters"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        for name in ("temperature", "tau_advantage", "tau_alignment"):
            _check(name, getattr(self, name), getattr(self, name) > 0, "a number above 0")
        _check("share", self.share, 0 < self.share <= 1, "above 0, at most 1")
        _check(
            "foresight", self.foresight, self.foresight is None or self.foresight >= 0, "0 or more, or None"
        )
        counter(self.unit)

    def search(self, search: Search) -> Asking:
        """Steps, then the ends."""
        stepping = Stepping(self, search)
        with contextlib.suppress(SearchEnded):
            yield from stepping.run()
        return stepping.best()


@dataclass(frozen=True, slots=True)
class Step:
    """A beam after a step."""

    hypothesis: Hypothesis
    #: Mean log p of the step, and of the completion behind it.
    step: float
    foresight: float = 0.0
    advantage: float = 0.0
    #: The text that the completion comes to.
    text: str = ""


@dataclass
class Stepping:
    """One search."""

    phi: PhiDecoding
    search: Search
    #: The beams at their ends.
    finished: list[Hypothesis] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.count = counter(self.phi.unit)
        seeds = self.search.rng.integers(2**63, size=3)
        self.stepping, self.looking, self.choosing = (np.random.default_rng(seed) for seed in seeds)

    def run(self) -> Generator[Sequence[Hypothesis], list[Children], None]:
        """All steps."""
        phi = self.phi
        beams = [Step(self.search.root, 0.0)]
        for number in range(1, phi.most + 1):
            steps = yield from self._steps(beams)
            if not steps:
                return
            steps = pruned(steps, phi.beams, phi.sigmas, self.choosing)
            if phi.foresight == 0:
                beams = sorted(steps, key=lambda one: -one.step)[: phi.beams]
                agreed = False
            else:
                steps = yield from self._foreseen(steps, first=number == 1)
                labels = clusters([one.text for one in steps], phi.clusters, self.choosing)
                shares = np.array([labels.count(label) for label in labels]) / len(labels)
                beams = [steps[k] for k in self._chosen(steps, shares)]
                agreed = number >= phi.least and bool(shares.max() >= phi.share)
            for one in beams:
                self.search.event("kept", one.hypothesis, one.foresight)
            if agreed or all(one.hypothesis.finished for one in beams):
                break
        ends = yield from self._drawn([one.hypothesis for one in beams], None, self.stepping)
        self.finished += [end for end in ends if end is not None]

    def _steps(self, beams: Sequence[Step]) -> Generator[Sequence[Hypothesis], list[Children], list[Step]]:
        """Every beam's steps, different ones only; a finished beam stays as it is."""
        starts = [one.hypothesis for one in beams for _ in range(self.phi.candidates)]
        before = [one for one in beams for _ in range(self.phi.candidates)]
        ends = yield from self._drawn(starts, 1, self.stepping)
        found: dict[tuple[bytes, bool], Step] = {}
        for beam, end in zip(before, ends, strict=True):
            if end is not None:
                step = Step(end, mean(beam.hypothesis, end), beam.foresight)
                found.setdefault((end.data, end.finished), step)
        return list(found.values())

    def _foreseen(
        self, steps: Sequence[Step], first: bool
    ) -> Generator[Sequence[Hypothesis], list[Children], list[Step]]:
        """The same with completions, and what they gain."""
        ends = yield from self._drawn(
            [one.hypothesis for one in steps], None, self.looking, self.phi.foresight
        )
        values = [
            one.step if end is None or end.free == one.hypothesis.free else mean(one.hypothesis, end)
            for one, end in zip(steps, ends, strict=True)
        ]
        skip = self.search.problem.skip
        texts = ["" if end is None else end.data[skip:].decode("utf-8", "ignore") for end in ends]
        return [
            replace(one, foresight=value, advantage=value - (np.mean(values) if first else one.foresight), text=text)
            for one, value, text in zip(steps, values, texts, strict=True)
        ]  # fmt: skip

    def _chosen(self, steps: Sequence[Step], shares: Floats) -> list[int]:
        """Places of the beams that are kept."""
        phi = self.phi
        advantages = np.array([one.advantage for one in steps])
        gaining = np.flatnonzero(advantages > 0)
        places = gaining if len(gaining) else np.arange(len(steps))
        chances = weights(advantages[places], shares[places], phi.tau_advantage, phi.tau_alignment)
        # The largest of perturbed logarithms are a draw without replacement.
        order = np.argsort(-(np.log(chances) + self.choosing.gumbel(size=len(places))))
        return [int(places[k]) for k in order[: phi.beams]]

    # -- drawing -----------------------------------------------------------------------------------

    def _drawn(
        self,
        starts: Sequence[Hypothesis],
        units: int | None,
        rng: np.random.Generator,
        tokens: int | None = None,
    ) -> Drawing:
        """Each start gone on with by so many units, or tokens, or to its end; None where checks refuse it."""
        ends: list[Hypothesis | None] = list(starts)
        alive = [k for k, one in enumerate(starts) if not one.finished]
        while alive:
            unique = list({one.number: one for k in alive if (one := ends[k]) is not None}.values())
            families = {family.hypothesis.number: family for family in (yield unique)}
            made: dict[tuple[int, int], Hypothesis | None] = {}
            for k in alive:
                at = ends[k]
                assert at is not None
                ends[k] = self._next(families[at.number], made, rng)
            alive = [k for k in alive if self._goes_on(starts[k], ends[k], units, tokens)]
        return ends

    def _next(
        self, family: Children, made: dict[tuple[int, int], Hypothesis | None], rng: np.random.Generator
    ) -> Hypothesis | None:
        """A child drawn at the temperature, the first that is not refused; drawn twice it is the same object."""
        order = np.argsort(-(family.local / self.phi.temperature + rng.gumbel(size=len(family.local))))
        for place in order[:TRIES].tolist():
            key = (family.hypothesis.number, int(family.tokens[place]))
            if key not in made:
                made[key] = child = self.search.child(family, key[1])
                self._note(child)
            if made[key] is not None:
                return made[key]
        rescued = self.search.rescue(family)
        self._note(rescued)
        return rescued

    def _note(self, one: Hypothesis | None) -> None:
        """Whatever is finished, on the way or in foresight, is there for a search that is cut short."""
        if one is not None and one.finished:
            self.search.finish(one)

    def _goes_on(
        self, start: Hypothesis, at: Hypothesis | None, units: int | None, tokens: int | None
    ) -> bool:
        if at is None or at.finished:
            return False
        if tokens is not None and len(at.tokens) - len(start.tokens) >= tokens:
            return False
        return units is None or self.count(at.data) - self.count(start.data) < units

    # -- what comes out ----------------------------------------------------------------------------

    def best(self) -> list[Hypothesis]:
        """Different texts, best first."""
        rank = lambda one: (self.search.bonus(one), one.local / max(one.free, 1), -one.number)
        found: dict[bytes, Hypothesis] = {}
        for one in sorted(self.finished or self.search.finished, key=rank, reverse=True):
            found.setdefault(one.data, one)
        return list(found.values())


def mean(before: Hypothesis, after: Hypothesis) -> float:
    """Mean log p of the choices made in between."""
    return (after.local - before.local) / max(after.free - before.free, 1)


def pruned(steps: Sequence[Step], least: int, sigmas: float, rng: np.random.Generator) -> list[Step]:
    """Width pruning: what is far below the mean goes; if fewer than `least` are left, some are taken back at random."""
    values = np.array([one.step for one in steps])
    kept = values > values.mean() - sigmas * values.std()
    # Where all are alike, none is below.
    kept |= values >= values.mean()
    lacking = min(least, len(steps)) - int(kept.sum())
    if lacking > 0:
        out = np.flatnonzero(~kept)
        order = np.argsort(-(values[out] / _REFILL + rng.gumbel(size=len(out))))
        kept[out[order[:lacking]]] = True
    return [one for one, keep in zip(steps, kept, strict=True) if keep]


def weights(advantages: Floats, shares: Floats, tau_advantage: float, tau_alignment: float) -> Floats:
    """The chances of the steps: half by what they gain, half by how many agree."""
    return (softmax(advantages / tau_advantage) + softmax(shares / tau_alignment)) / 2


def softmax(values: Floats) -> Floats:
    """exp(values), made 1."""
    found = np.exp(values - values.max())
    return np.asarray(found / found.sum())


def _check(name: str, value: object, right: bool, expected: str) -> None:
    if not right:
        raise InvalidConstraint(f"{name} is out of range", found=repr(value), expected=expected)
