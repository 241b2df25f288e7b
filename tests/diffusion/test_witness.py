"""A witness is a filling, found wherever it is asked for, and what lets a decode go on within any limit."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

import treadle
from treadle.diffusion import steps
from treadle.diffusion.decoding import decode
from treadle.diffusion.protocols import MaskedTable, random_masked_table
from treadle.diffusion.samplers import Dream, Llada, Threshold
from treadle.errors import LimitExceeded, UnsatisfiableConstraint
from treadle.infilling.cells import HOLE
from treadle.infilling.completability import Canvas
from treadle.infilling.limits import Limits
from treadle.infilling.witness import Neighbourhood, first_witness, witness_of
from treadle.vocabulary import Vocabulary

NAMES = ["dyck", "dyck-long-tokens", "two-brackets", "regular", "counted", "numbers", "nested", "names"]
SAMPLERS = [
    Llada(6, temperature=1.0, remasking="random"),
    Dream(3, algorithm="origin", temperature=1.0),
    Threshold(0.3),
    Llada(2, joint=True),
    Threshold(0.3, joint=True),
]
#: No exact question is ever decided.
BLIND = Limits(deferred=0, universe=0)
#: What sets of states say, and nothing else.
SETS = Limits(deferred=0, local=0)
#: Every one is.
ALL = Limits(deferred=20_000)


@pytest.fixture(scope="module")
def by_name(toys):
    return {toy.name: toy for toy in toys.toys()}


@pytest.fixture(scope="module")
def worlds(by_name):
    """Toys, and their constraints over a vocabulary with a mask."""
    wide = {
        name: Vocabulary([*toy.tokens, None, None], toy.end, [toy.end + 1]) for name, toy in by_name.items()
    }
    return {
        name: (toy, wide[name], treadle.compile(toy.constraint, wide[name]).automaton)
        for name, toy in by_name.items()
    }


@pytest.mark.parametrize("tail", [False, True], ids=["exact", "tail"])
@pytest.mark.parametrize("name", NAMES)
def test_a_witness_is_a_filling_and_so_is_every_one_found_near_it(toys, by_name, name, tail):
    toy, rng, found = by_name[name], random.Random(1), 0
    fillings = toy.fillings(toy.cells, tail)
    states = list(toy.canvases(toy.cells, tail))
    for state in rng.sample(states, 60):
        possible = toys.matching(state, fillings)
        canvas = Canvas(toy.automaton, toys.cells_of(state), tail=tail)
        if not possible:
            with pytest.raises(UnsatisfiableConstraint):
                first_witness(canvas)
            continue
        near = Neighbourhood(canvas, first_witness(canvas))
        assert near.witness.tokens in possible
        for cell in canvas.holes:
            for token in range(toy.end + tail):
                other = near.through(cell, token)
                if other is not None:
                    found += 1
                    assert other.tokens in possible and other.tokens[cell] == token
                    assert len(other.states) == toy.cells + 1
                    for i, behind in enumerate(other.tokens):
                        assert canvas.behind_token(other.states[i], behind) == (other.states[i + 1],)
    assert found


@pytest.mark.parametrize("name", NAMES)
def test_what_crosses_an_end_never_fits_and_behind_one_fillers_alone_do(toys, by_name, name):
    toy, found, behind = by_name[name], 0, 0
    fillings = toy.fillings(4, True)
    for state in list(toy.canvases(4, True))[::5]:
        possible = toys.matching(state, fillings)
        if not possible:
            continue
        canvas = Canvas(toy.automaton, toys.cells_of(state))
        near = Neighbourhood(canvas, witness_of(canvas, possible[0]))
        for hole in canvas.holes:
            truth = {filling[hole] for filling in possible}
            crossing = {token for token in range(toy.end + 1) if near.crosses_an_end(hole, token)}
            found += len(crossing)
            assert not crossing & truth
            if near.is_behind_the_end(hole):
                behind += 1
                assert truth == {toy.end}
    assert found
    assert behind or name == "names"  # whose shortest text fills the canvas


def test_on_small_canvases_nearly_every_token_that_fits_is_found_nearby(toys, by_name):
    fits = found = 0
    for which, state in [
        (name, state) for name in NAMES for state in list(by_name[name].canvases(4, True))[::17]
    ]:
        toy = by_name[which]
        possible = toys.matching(state, toy.fillings(4, True))
        if possible:
            canvas = Canvas(toy.automaton, toys.cells_of(state))
            near = Neighbourhood(canvas, first_witness(canvas))
            for cell in canvas.holes:
                for token in {filling[cell] for filling in possible}:
                    fits += 1
                    found += near.through(cell, token) is not None
    assert found >= 0.95 * fits


def _decodes(toys, world, sampler, limits, seeds=range(4)):
    """Final texts, and the rows behind every step that brute force finds nothing for."""
    toy, vocabulary, automaton = world
    fillings, wrong, texts = toy.fillings(toy.cells, True), [], []
    for seed in seeds:
        model = MaskedTable(vocabulary, toy.end + 1, random_masked_table(len(vocabulary), seed))

        def look(row):
            state = tuple(None if token == row.mask_id else token for token in row.tokens)
            if not toys.matching(state, fillings):
                wrong.append(state)

        done = decode(model, [], toy.cells, sampler, automaton, seed=seed, limits=limits, watch=look)
        texts.append(done)
    return texts, wrong


@pytest.mark.parametrize(
    "limits", [ALL, SETS, BLIND, replace(BLIND, local=0)], ids=["exact", "sets", "local", "blind"]
)
@pytest.mark.parametrize("name", NAMES)
def test_no_decode_comes_to_a_dead_end_whatever_the_limits(toys, worlds, name, limits):
    for sampler in SAMPLERS:
        texts, wrong = _decodes(toys, worlds[name], sampler, limits)
        assert not wrong
        for done in texts:
            assert worlds[name][0].judge(done.text), done.text
        if limits == ALL:
            assert not any(done.undecided for done in texts)


def test_a_witness_that_is_not_renewed_is_caught(toys, worlds, monkeypatch):
    """The mutant: a commit leaves the old witness in force."""
    renewed = steps.Row.put

    def stale(row, cell, token, witness, refused=0):
        kept = row.near
        renewed(row, cell, token, witness, refused)
        row.around = kept

    monkeypatch.setattr(steps.Row, "put", stale)
    caught = 0
    for name in ("two-brackets", "regular", "nested"):
        try:
            caught += bool(_decodes(toys, worlds[name], SAMPLERS[0], BLIND, range(12))[1])
        except (AssertionError, LookupError, ValueError):
            caught += 1
    assert caught == 3


def test_a_decode_is_a_function_of_its_seed_whatever_was_asked_before(worlds):
    toy, vocabulary, automaton = worlds["two-brackets"]
    fresh = treadle.compile(toy.constraint, vocabulary).automaton
    for seed in range(6):
        model = MaskedTable(vocabulary, toy.end + 1, random_masked_table(len(vocabulary), seed))
        runs = [
            decode(model, [], 14, SAMPLERS[0], which, seed=seed, limits=BLIND)
            for which in (automaton, fresh, automaton)
        ]
        assert runs[0] == runs[1] == runs[2]


def test_a_canvas_beyond_the_exact_graph_fills_up_in_random_order(worlds):
    """Nested JSON over 96 cells with brackets standing at the far end: the exact graph has no chance."""
    _, vocabulary, automaton = worlds["nested"]
    toy, mask = worlds["nested"][0], len(vocabulary) - 1
    cells = [*[mask] * 90, 1, mask, 1]
    for seed in range(3):
        model = MaskedTable(vocabulary, mask, random_masked_table(len(vocabulary), seed))
        done = decode(model, [], cells, SAMPLERS[0], automaton, seed=seed, limits=Limits(deferred=50))
        assert toy.judge(done.text) and done.tokens[90] == done.tokens[92] == 1


@pytest.mark.parametrize("name", ["dyck-long-tokens", "nested", "names"])
def test_what_was_put_off_is_not_looked_for_until_something_near_changes(worlds, monkeypatch, name):
    _, vocabulary, automaton = worlds[name]
    mask, failed, again = len(vocabulary) - 1, set(), []
    rows = []
    through = Neighbourhood.through

    def noted(near, cell, token, *widest):
        found = through(near, cell, token, *widest)
        asked = (cell, token, rows[-1].nearby(cell))
        again.append(asked in failed)
        if found is None:
            failed.add(asked)
        return found

    put = steps.Stepper._put
    monkeypatch.setattr(Neighbourhood, "through", noted)
    monkeypatch.setattr(
        steps.Stepper, "_put", lambda self, row, *rest: rows.append(row) or put(self, row, *rest)
    )
    undecided = 0
    for seed in range(6):
        failed.clear()
        model = MaskedTable(vocabulary, mask, random_masked_table(len(vocabulary), seed))
        limits = Limits(deferred=0, universe=0, local=0, local_nodes=8)
        undecided += decode(model, [], 40, Llada(40), automaton, seed=seed, limits=limits).undecided
    assert failed and undecided > len(failed)
    assert not any(again)


class _Narrow(Canvas):
    """A canvas whose automaton gives up on some tokens, as one does at its own limits."""

    def behind_token(self, state, token):
        if token == 0 and self.refusing:
            raise LimitExceeded("too many alternatives are alive at once", limit="frontier", value=1)
        return super().behind_token(state, token)


def test_a_way_that_the_automaton_gives_up_on_is_not_taken(by_name):
    toy = by_name["regular"]
    canvas = _Narrow(toy.automaton, [HOLE] * 4)
    canvas.refusing = False
    witness = first_witness(canvas)
    canvas.refusing = True
    near = Neighbourhood(canvas, witness)
    assert near.through(0, 0) is None
    assert near.through(0, witness.tokens[0]) is witness
