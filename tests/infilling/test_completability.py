"""What a canvas says is what brute force says: completable or not, every mask, whatever is committed in which order."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

import treadle
from treadle.errors import LimitExceeded, TokenRejected, UnsatisfiableConstraint
from treadle.infilling.cells import GAP, HOLE, Fixed, Text, canvas_of, template
from treadle.infilling.completability import Canvas
from treadle.infilling.limits import Limits
from treadle.masks import bitset
from treadle.vocabulary import Vocabulary

NAMES = [
    "dyck",
    "dyck-long-tokens",
    "two-brackets",
    "regular",
    "counted",
    "utf-8",
    "numbers",
    "nested",
    "names",
]


@pytest.fixture(scope="module")
def by_name(toys):
    return {toy.name: toy for toy in toys.toys()}


def differences(toys, toy, tail: bool, build=Canvas) -> list:
    fillings = toy.fillings(toy.cells, tail)
    found = []
    for state in toy.canvases(toy.cells, tail):
        possible = toys.matching(state, fillings)
        canvas = build(toy.automaton, toys.cells_of(state), tail=tail)
        if canvas.is_completable != bool(possible):
            found.append(state)
            continue
        found += [
            (state, hole)
            for hole in canvas.holes
            if bitset.to_tokens(canvas.mask(hole)).tolist() != sorted({f[hole] for f in possible})
        ]
    return found


@pytest.mark.parametrize("tail", [False, True], ids=["exact", "tail"])
@pytest.mark.parametrize("name", NAMES)
def test_every_state_of_filling_is_what_brute_force_says(toys, by_name, name, tail):
    assert not differences(toys, by_name[name], tail)


def test_gaps_of_any_length_accept_57_of_the_729_states_that_nothing_completes(toys, by_name):
    """The mutant: each run of holes as a gap of any length, as the published method has it."""
    toy = by_name["dyck"]
    fillings, wrong, states = toy.fillings(6, False), 0, 0
    for state in toy.canvases(6, False):
        cells = [GAP if cell is None else Fixed(cell) for cell in state]
        loose = [cell for i, cell in enumerate(cells) if cell != GAP or i == 0 or cells[i - 1] != GAP]
        try:
            says = Canvas(toy.automaton, loose, tail=False, limits=Limits(gap_states=60)).is_completable
        except LimitExceeded:
            says = False  # brackets are opened for ever, and six cells need no more than six
        truth = bool(toys.matching(state, fillings))
        assert says or not truth
        wrong += says != truth
        states += 1
    assert (states, wrong) == (729, 57)


@pytest.mark.parametrize("name", NAMES)
def test_any_order_of_commits_stays_completable_and_ends_in_the_language(toys, by_name, name):
    toy, rng = by_name[name], random.Random(1)
    for tail, _ in itertools.product((False, True), range(12)):
        fillings = toy.fillings(toy.cells, tail)
        if not fillings:
            continue
        canvas = Canvas(toy.automaton, [HOLE] * toy.cells, tail=tail)
        order = rng.sample(range(toy.cells), toy.cells)
        for cell in order:
            token = rng.choice(bitset.to_tokens(canvas.mask(cell)).tolist())
            canvas.commit(cell, token)
            # What is kept between commits is what a new canvas computes.
            fresh = Canvas(toy.automaton, canvas.cells, tail=tail)
            assert fresh.is_completable and canvas.is_completable
            for hole in canvas.holes:
                assert (canvas.mask(hole) == fresh.mask(hole)).all()
        assert tuple(canvas.tokens()) in set(fillings)


@pytest.mark.parametrize("name", NAMES)
def test_a_question_for_one_token_is_the_bit_of_the_mask(toys, by_name, name):
    toy, rng = by_name[name], random.Random(2)
    states = list(toy.canvases(toy.cells, True))
    for state in rng.sample(states, 40):
        asked, masked = (Canvas(toy.automaton, toys.cells_of(state)) for _ in range(2))
        for hole in masked.holes:
            row = masked.mask(hole)
            for token in range(toy.end + 1):
                assert asked.allows(hole, token) == bitset.contains(row, token)


@pytest.mark.parametrize("name", ["dyck-long-tokens", "regular", "nested"])
def test_left_to_right_is_the_autoregressive_mask_where_there_is_room(by_name, name):
    """Card 5.1 (4): with more cells than any completion needs, the first hole's mask is the automaton's."""
    toy, rng = by_name[name], random.Random(3)
    state, prefix = toy.automaton.start, []
    for _ in range(5):
        canvas = Canvas(toy.automaton, [*map(Fixed, prefix), *[HOLE] * 40])
        row = toy.automaton.mask(state)
        assert (canvas.mask(len(prefix)) == row).all()
        token = rng.choice([t for t in bitset.to_tokens(row).tolist() if t != toy.end] or [toy.end])
        if token == toy.end:
            break
        prefix.append(token)
        state = toy.automaton.advance(state, token)


@pytest.mark.parametrize("name", ["dyck", "regular", "names"])
def test_the_order_of_commits_does_not_change_what_can_be_reached(by_name, name):
    """Card 5.1 (5): the full canvases that masks lead to are the language, in every order of cells."""
    toy, cells = by_name[name], 4
    language = set(toy.fillings(cells, True))
    for order in itertools.permutations(range(cells)):
        canvases = [Canvas(toy.automaton, [HOLE] * cells)]
        for cell in order:
            grown = []
            for canvas in canvases:
                for token in bitset.to_tokens(canvas.mask(cell)).tolist():
                    grown.append(canvas.fork())
                    grown[-1].commit(cell, token)
            canvases = grown
        assert {tuple(canvas.tokens()) for canvas in canvases} == language
        assert len(canvases) == len(language)


@pytest.mark.parametrize("name", NAMES)
def test_taking_a_token_back_keeps_a_canvas_completable_and_its_masks_exact(by_name, name):
    """Card 5.1 (8), with the mutant that a canvas remembers what was dead before."""
    toy, rng = by_name[name], random.Random(4)
    for _ in range(10):
        canvas = Canvas(toy.automaton, [HOLE] * toy.cells)
        for cell in rng.sample(range(toy.cells), 3):
            canvas.commit(cell, rng.choice(bitset.to_tokens(canvas.mask(cell)).tolist()))
        for cell in [i for i, t in enumerate(canvas.tokens()) if t is not None]:
            canvas.uncommit(cell)
            fresh = Canvas(toy.automaton, canvas.cells)
            assert canvas.is_completable
            assert all((canvas.mask(h) == fresh.mask(h)).all() for h in canvas.holes)


def test_two_tokens_may_be_fine_alone_and_fatal_together(by_name):
    """Card 5.1 (9)."""
    toy = by_name["dyck"]
    canvas = Canvas(toy.automaton, [HOLE] * 4, tail=False)
    assert canvas.allows(1, 0) and canvas.allows(2, 0)
    canvas.commit(1, 0)
    assert not canvas.allows(2, 0)
    with pytest.raises(TokenRejected) as error:
        canvas.commit(2, 0)
    assert (error.value.token, error.value.position) == (0, 2)
    assert canvas.tokens() == [None, 0, None, None]


@pytest.mark.parametrize("name", NAMES)
def test_a_filling_fills_every_hole_and_is_in_the_language(toys, by_name, name):
    toy, rng = by_name[name], random.Random(5)
    fillings = set(toy.fillings(toy.cells, True))
    for state in rng.sample(list(toy.canvases(toy.cells, True)), 60):
        canvas = Canvas(toy.automaton, toys.cells_of(state))
        possible = toys.matching(state, sorted(fillings))
        if possible:
            assert tuple(itertools.chain(*canvas.filling())) in possible
        else:
            with pytest.raises(UnsatisfiableConstraint):
                canvas.filling()


def test_a_budget_that_ends_is_an_error_and_no_answer(by_name):
    toy = by_name["two-brackets"]
    with pytest.raises(LimitExceeded) as error:
        Canvas(
            toy.automaton, [*[HOLE] * 12, Fixed(4), Fixed(4), Fixed(1)], tail=False, limits=Limits(nodes=20)
        ).mask(9)
    assert error.value.limit == "nodes"
    with pytest.raises(LimitExceeded) as error:
        _ = Canvas(toy.automaton, [Text(b"("), GAP, Text(b"(")], limits=Limits(gap_states=30)).is_completable
    assert error.value.limit == "gap_states"


def test_padding_stands_behind_the_end_only(by_name):
    toy = by_name["regular"]
    end, pad = toy.end, 0
    assert Canvas(toy.automaton, canvas_of([3, end, 0, 9], 9), pads=[pad]).is_completable
    assert not Canvas(toy.automaton, canvas_of([3, 0, end, 9], 9), pads=[pad]).is_completable
    assert not Canvas(toy.automaton, canvas_of([3, end, 0, 9], 9)).is_completable
    row = Canvas(toy.automaton, canvas_of([3, end, 9], 9), pads=[pad]).mask(2)
    assert bitset.to_tokens(row).tolist() == [pad, end]


def test_templates_have_gaps_of_any_length(by_name):
    toy = by_name["dyck"]
    cells = template("((<gap>)<gap>")
    assert cells == (Text(b"(("), GAP, Text(b")"), GAP)
    filling = Canvas(toy.automaton, cells).filling()
    assert toy.judge(toy.vocabulary.decode(itertools.chain(*filling)))
    with pytest.raises(UnsatisfiableConstraint):
        Canvas(by_name["counted"].automaton, template("ab<gap>")).filling()


def test_rows_of_masks_are_as_wide_as_the_vocabulary(by_name):
    toy = by_name["nested"]
    row = Canvas(toy.automaton, [HOLE] * 3).mask(0)
    assert row.dtype == np.int32 and row.shape == (bitset.words(len(toy.vocabulary)),)


def test_where_no_token_ends_a_text_it_ends_with_the_last_cell(by_name):
    """A masked model for molecules has no end-of-text token; asking for a tail changes nothing there."""
    toy = by_name["dyck"]
    endless = treadle.compile(toy.constraint, Vocabulary(toy.tokens, eos_ids=())).automaton
    for state in toy.canvases(toy.cells, False):
        cells = [HOLE if token is None else Fixed(token) for token in state]
        with_tail, without = Canvas(endless, cells), Canvas(endless, cells, tail=False)
        assert with_tail.is_completable == without.is_completable
        if without.is_completable:
            assert toy.holds(tuple(token for run in with_tail.filling() for token in run))
