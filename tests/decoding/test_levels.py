"""Beams with collapsed forced runs find what beams find that take forced tokens one by one; mutants do not."""

from __future__ import annotations

import pytest

from decoding.searching import PROMPT, find, language, runs
from decoding.toys import TOYS, score
from treadle.decoding import beam as beam_module
from treadle.decoding.allocation import PhraseBeam
from treadle.decoding.beam import Beam
from treadle.decoding.diverse import DiverseBeam
from treadle.decoding.hypotheses import Children


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


def token_by_token(toy, table, width):
    """A beam of the field's textbooks over (log p, tokens, what is still to come of a forced run)."""
    alive, finished = [(0.0, (), runs(toy, ()))], []
    while alive:
        choices = []
        for total, tokens, pending in alive:
            row = table.log_probs((*PROMPT, *tokens))
            next_ones = pending[:1] or sorted(toy.allowed[tokens])
            choices += [(total + row[token], tokens, token, pending[1:]) for token in next_ones]
        choices.sort(key=lambda choice: -choice[0])
        alive, seen = [], set()
        for total, tokens, token, pending in choices:
            if len(alive) == width:
                break
            longer = (*tokens, token)
            if token == toy.end:
                finished.append(tokens)
            elif toy.text(longer) not in seen:
                seen.add(toy.text(longer))
                alive.append((total, longer, pending or runs(toy, longer)))
    return finished


def assert_one_by_one(toy, seed, width, make=Beam):
    table, _ = language(toy, seed)
    ranked = sorted(
        (score(toy, table, tokens, PROMPT) for tokens in token_by_token(toy, table, width)),
        key=lambda one: -one.raw,
    )
    best = {one.text: one for one in reversed(ranked)}
    expected = sorted(best.values(), key=lambda one: -one.raw)
    assert [one.tokens for one in find(toy, table, make(width), forced_runs=True)] == [
        one.tokens for one in expected
    ]


def all_toys_agree():
    for seed in range(25):
        for name in TOYS:
            assert_one_by_one(TOYS[name](), seed, 2)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(25))
def test_a_beam_finds_what_it_finds_token_by_token(toy, seed, width):
    assert_one_by_one(toy, seed, width)


@pytest.mark.parametrize(
    "make", [lambda w: DiverseBeam(w, 1), lambda w: PhraseBeam((), w)], ids=["diverse", "phrases"]
)
@pytest.mark.parametrize("seed", range(10))
def test_so_do_one_group_and_no_phrases(toy, seed, make):
    assert_one_by_one(toy, seed, 3, make)


def test_forced_runs_cost_fewer_passes_and_no_more_tokens_each():
    toy = TOYS["json"]()
    table, _ = language(toy, 0)
    apart, together = (
        find(toy, table, Beam(4), n=1, forced_runs=forced)[0].search for forced in (False, True)
    )
    assert together.forwards < apart.forwards


def whole_runs_count(self, length, objective):
    """Mutant: a prefix competes with all of its run paid for."""
    return self.hypothesis.value(objective)


def runs_are_free(self, length, objective):
    """Mutant: a prefix competes with nothing of its run paid for."""
    return self.hypothesis.value(objective) - sum(self.rest)


@pytest.mark.parametrize("mutant", [whole_runs_count, runs_are_free])
def test_other_ways_to_compare_are_caught(monkeypatch, mutant):
    monkeypatch.setattr(Children, "standing", mutant)
    with pytest.raises(AssertionError):
        all_toys_agree()


def test_a_run_that_waits_with_a_place_of_its_own_is_caught(monkeypatch):
    """Mutant: what is ahead is kept whatever it has cost."""
    original = beam_module.candidates

    def first(*arguments):
        found = list(original(*arguments))
        return iter(sorted(found, key=lambda choice: choice[2] != beam_module.ON_ITS_WAY))

    monkeypatch.setattr(beam_module, "candidates", first)
    with pytest.raises(AssertionError):
        all_toys_agree()
