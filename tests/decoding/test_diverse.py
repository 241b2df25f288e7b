"""Diverse beam search: the laws of its card, and mutants that break them."""

from __future__ import annotations

import math

import pytest

from decoding.searching import find, language, problem
from decoding.toys import TOYS
from treadle.decoding.beam import Beam
from treadle.decoding.diverse import DiverseBeam
from treadle.decoding.prefixes import EMPTY
from treadle.decoding.search import Search
from treadle.decoding.tables import TableModel
from treadle.errors import InvalidConstraint

DIVERSITIES = ("tokens", "decisions")


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


def told(results):
    return [(one.tokens, one.scores.raw, one.scores.local) for one in results]


def one_group_is_a_beam(toy, make, seed):
    table, _ = language(toy, seed)
    for strength in (0.0, 0.5, 100.0):
        for forced in (True, False):
            options = {"n": 4, "forced_runs": forced}
            assert told(find(toy, table, make(4, 1, strength), **options)) == told(
                find(toy, table, Beam(4), **options)
            )


@pytest.mark.parametrize("diversity", DIVERSITIES)
@pytest.mark.parametrize("seed", range(10))
def test_one_group_is_a_beam_whatever_the_strength(toy, seed, diversity):
    one_group_is_a_beam(toy, lambda w, g, s: DiverseBeam(w, g, s, diversity), seed)


def no_strength_gives_copies(toy, make, seed):
    table, _ = language(toy, seed)
    copies = told(find(toy, table, make(6, 3, 0.0), n=6))
    # What comes once in the results is in every group, and is what a beam of the group's width finds.
    assert copies == told(find(toy, table, Beam(2), n=2))


@pytest.mark.parametrize("seed", range(10))
def test_without_strength_every_group_is_the_same_beam(toy, seed):
    no_strength_gives_copies(toy, DiverseBeam, seed)


def first_choices(toy, table, strategy, **options):
    """Token by group after one step."""
    model = TableModel(toy.vocabulary, table.log_probs)
    search = Search(problem(toy, **options), model.tree())
    asking = strategy.search(search)
    hypotheses = next(asking)
    found = search.tree.extend(
        [one.node for one in hypotheses],
        [one.unread for one in hypotheses],
        [one.unscored for one in hypotheses],
    )
    assert hypotheses[0].node == EMPTY
    after = asking.send(search.families(hypotheses, found))
    return after, search


@pytest.mark.parametrize("seed", range(20))
def test_an_infinite_strength_makes_groups_choose_apart(toy, seed):
    table, _ = language(toy, seed)
    choices = len(toy.allowed[()])
    after, _ = first_choices(toy, table, DiverseBeam(choices, choices, 1e6))
    assert len({one.tokens[0] for one in after}) == len(after) == choices


@pytest.mark.parametrize("diversity", DIVERSITIES)
@pytest.mark.parametrize("seed", range(10))
def test_the_penalty_is_strength_times_counts_and_no_part_of_scores(toy, seed, diversity):
    table, everything = language(toy, seed)
    exact = {one.tokens: one for one in everything}
    for one in find(toy, table, DiverseBeam(4, 4, 0.7, diversity), n=4):
        assert math.isclose(one.scores.raw, exact[one.tokens].raw, abs_tol=1e-4)
        assert math.isclose(one.notes["penalty"] / 0.7, round(one.notes["penalty"] / 0.7), abs_tol=1e-6)
        if one.notes["group"] == 0:
            assert one.notes["penalty"] == 0


@pytest.mark.parametrize("seed", range(10))
def test_what_is_forced_is_no_decision(seed):
    toy = TOYS["json"]()
    table, _ = language(toy, seed)
    apart = find(toy, table, DiverseBeam(3, 3, 5.0, distinct="tokens"), n=3)
    for one in apart:
        free = sum(len(toy.allowed[one.tokens[:k]]) > 1 for k in range(len(one.tokens) + 1))
        assert one.notes["penalty"] <= 5.0 * 2 * free


def test_a_group_without_enough_choices_shrinks():
    toy = TOYS["regular"]()
    table, everything = language(toy, 0)
    found = find(toy, table, DiverseBeam(600, 3, 1.0, ends="any", distinct="tokens"))
    assert {one.tokens for one in found} == {one.tokens for one in everything}
    assert all(math.isfinite(one.scores.raw) for one in found)


#: Where the first choice of each language shows in its texts.
FIRST_CHOICE = {"regular": 0, "dyck": 0, "json": 5}


@pytest.mark.parametrize("diversity", DIVERSITIES)
def test_diverse_beams_find_more_different_beginnings_than_a_beam(toy, diversity):
    at, plain, diverse = FIRST_CHOICE[toy.name], 0, 0
    for seed in range(20):
        table, _ = language(toy, seed)
        plain += len({one.text[at] for one in find(toy, table, Beam(4), n=4)})
        diverse += len({one.text[at] for one in find(toy, table, DiverseBeam(4, 4, 2.0, diversity), n=4)})
    assert diverse > plain


class Selfish(DiverseBeam):
    """Mutant: a group is penalised for its own choices."""

    __slots__ = ()

    def _choose(self, search, families, before, pool, share, level):
        before.update([int(family.tokens[family.best(1)[0]]) for family in families])
        return DiverseBeam._choose(self, search, families, before, pool, share, level)


class Insistent(DiverseBeam):
    """Mutant: always some strength."""

    __slots__ = ()

    def search(self, search):
        return DiverseBeam.search(
            DiverseBeam(self.width, self.groups, max(self.strength, 1.0), distinct=self.distinct), search
        )


@pytest.mark.parametrize(
    ("law", "mutant"), [(one_group_is_a_beam, Selfish), (no_strength_gives_copies, Insistent)]
)
def test_mutants_are_caught(toy, law, mutant):
    with pytest.raises(AssertionError):
        [law(toy, mutant, seed) for seed in range(10)]


@pytest.mark.parametrize("arguments", [(8, 3), (0, 1), (4, 0), (4, 2, -1.0), (4, 2, 1.0, "letters")], ids=str)
def test_wrong_options_are_refused(arguments):
    with pytest.raises(InvalidConstraint):
        DiverseBeam(*arguments)
