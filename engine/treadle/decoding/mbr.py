"""Minimum Bayes risk selection: of many texts the one whose value the others agree with most.

In: the texts that another strategy finds, as candidates and as voters. Out: the `n` candidates with the highest
expected utility, sum over voters of weight * utility(candidate, voter), each text once. Utilities compare parsed values
where the constraint is about JSON (field_f1: F1 of fields), not texts: two spellings of a value are one opinion.

Weights are the inner strategy's (`Result.notes["weight"]`: stochastic beam search gives the weights of drawing without
replacement), else equal; a text drawn twice votes twice. Notes: "expected_utility", and "share", the weight of the
voters with an equal value. Source: Kumar & Byrne 2004; Eikema & Aziz 2020 for samples as voters; design card 6.8.
Defaults: 16 candidates by stochastic beam search, field_f1 for JSON and equality (a vote) for other texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from treadle.decoding.hypotheses import Hypothesis
from treadle.decoding.results import parsed
from treadle.decoding.scores import Floats
from treadle.decoding.search import Asking, Search, Strategy
from treadle.decoding.stochastic_beam import StochasticBeam
from treadle.decoding.utilities import UTILITIES, Utility, equality
from treadle.errors import InvalidConstraint


@dataclass(frozen=True, slots=True)
class MBR:
    """Minimum Bayes risk selection over the texts of another strategy."""

    candidates: int = 16
    inner: Strategy = field(default_factory=StochasticBeam)
    #: A function of two values, or the name of one; None: field_f1 for JSON, else equality.
    utility: Utility | str | None = None

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise InvalidConstraint(
                "candidates is out of range", found=str(self.candidates), expected="1 or more"
            )
        if isinstance(self.utility, str) and self.utility not in UTILITIES:
            raise InvalidConstraint(
                "no such utility", found=repr(self.utility), expected=" or ".join(map(repr, UTILITIES))
            )

    def search(self, search: Search) -> Asking:
        """Find the candidates, let them vote."""
        asked = search.problem
        search.problem = replace(asked, n=self.candidates)
        try:
            found = yield from self.inner.search(search)
        finally:
            search.problem = asked
        return self._selected(search, list(found)[: self.candidates])

    def _selected(self, search: Search, found: Sequence[Hypothesis]) -> list[Hypothesis]:
        values = [value_of(search, one) for one in found]
        weights = np.array([search.notes.get(one.number, {}).get("weight", 1.0) for one in found], np.float64)
        if weights.sum() > 0:
            weights /= weights.sum()
        expected = expected_utilities(values, weights, self._utility(search))
        shares = expected_utilities(values, weights, equality)
        first: dict[bytes, int] = {}
        for k in np.argsort(-expected, kind="stable").tolist():
            first.setdefault(found[k].data, k)
        for k in first.values():
            notes = search.notes.setdefault(found[k].number, {})
            notes.update(expected_utility=float(expected[k]), share=float(shares[k]))
        return [found[k] for k in first.values()]

    def _utility(self, search: Search) -> Utility:
        if self.utility is None:
            return UTILITIES["field_f1"] if search.problem.is_json else equality
        return UTILITIES[self.utility] if isinstance(self.utility, str) else self.utility


def expected_utilities(values: Sequence[object], weights: Floats, utility: Utility) -> Floats:
    """float64[n]: sum over voters j of weights[j] * utility(values[i], values[j])."""
    matrix = [[utility(one, other) for other in values] for one in values]
    return np.array(matrix, np.float64).reshape(len(values), len(values)) @ weights


def value_of(search: Search, one: Hypothesis) -> object:
    """The parsed value of a finished hypothesis, its text where it is no JSON."""
    text = one.data[search.problem.skip :].decode()
    return parsed(text) if search.problem.is_json else text
