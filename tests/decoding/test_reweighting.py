"""Re-weightings: a penalty for repeated structure, contrasts; they come before the mask and never forbid."""

from __future__ import annotations

import numpy as np
import pytest

from decoding.searching import PROMPT, find, language
from decoding.toys import TOYS, vocabulary
from treadle.decoding.contrast import Beside, Contrastive, Instructive
from treadle.decoding.draws import Draws
from treadle.decoding.repetition import RepetitionPenalty, lexeme_kinds, repetitions
from treadle.decoding.sampling import Greedy
from treadle.decoding.scores import log_softmax
from treadle.decoding.tables import TableModel, random_table
from treadle.errors import InvalidConstraint


def by_definition(kinds, least):
    """Blocks that stand `count` times at the end, tried one by one."""
    found = []
    for length in range(1, len(kinds) + 1):
        count = 1
        while (count + 1) * length <= len(kinds) and all(
            kinds[len(kinds) - (count + 1) * length + i] == kinds[len(kinds) - length + i]
            for i in range(length)
        ):
            count += 1
        if count >= least:
            found.append((length, count))
    return found


def test_repetitions_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    for _ in range(400):
        kinds = rng.integers(0, 2, rng.integers(0, 14)).tolist()
        for least in (2, 3):
            assert repetitions(kinds, least) == by_definition(kinds, least)


def test_kinds_forget_spelling():
    one, other = (lexeme_kinds(text) for text in (b"x1 = f(1)\n", b"total = g(27)\n"))
    assert [kind for kind, _ in one] == [kind for kind, _ in other]
    assert [kind for kind, _ in lexeme_kinds(b"return 'a'")] == [b"return", "string"]


OURS = vocabulary("x", "y", "=", "1", "2", "\n", "if")


def spell(text):
    return tuple(OURS.encode_bytes(text.encode()))


def test_what_began_the_copies_loses_more_with_every_copy():
    logits = np.zeros(len(OURS), np.float32)
    penalty = RepetitionPenalty(OURS, 2.0)
    lost = []
    for text in ("x=1\n", "x=1\ny=2\n", "x=1\ny=2\nx=2\n"):
        changed = penalty(spell(text), logits)
        lost.append(float(-changed.min()))
        for token in np.flatnonzero(changed):
            assert token in (spell("x")[0], spell("y")[0])
    assert lost == pytest.approx([0, np.log(2), 2 * np.log(2)])
    assert not logits.any(), "the logits handed in are not changed"


def test_a_penalty_of_one_changes_nothing():
    logits = np.arange(len(OURS), dtype=np.float32)
    assert (RepetitionPenalty(OURS, 1.0)(spell("x=1\ny=2\n"), logits) == logits).all()
    with pytest.raises(InvalidConstraint, match="penalty"):
        RepetitionPenalty(OURS, 0.5)
    with pytest.raises(InvalidConstraint, match="twice"):
        RepetitionPenalty(OURS, least=1)


@pytest.mark.parametrize("name", TOYS)
def test_no_reweighting_leaves_the_language_or_changes_raw_scores(name):
    toy = TOYS[name]()
    table, everything = language(toy, 3)
    raw = {one.tokens: one.raw for one in everything}
    other = Beside(TableModel(toy.vocabulary, random_table(len(toy.vocabulary), 9)).tree(), PROMPT)
    for step in (
        RepetitionPenalty(toy.vocabulary, 50.0, shortest=1),
        Instructive(other),
        Contrastive(other, plausible=1.0),
        Contrastive(other, 3.0, 0.0),
    ):
        for one in find(toy, table, Draws(), n=40, seed=1, reweight=(step,)):
            assert one.scores.raw == pytest.approx(raw[one.tokens], abs=1e-4)


def test_no_strength_is_no_change_and_a_choice_that_is_none_is_not_touched():
    toy = TOYS["json"]()
    table, _ = language(toy, 3)
    other = Beside(TableModel(toy.vocabulary, random_table(len(toy.vocabulary), 9)).tree(), PROMPT)
    (plain,) = find(toy, table, Draws(Greedy()), n=1)
    for step in (Instructive(other, 0.0), Contrastive(other, 0.0, 0.0), Contrastive(other, 0.0)):
        (one,) = find(toy, table, Draws(Greedy()), n=1, reweight=(step,))
        assert one.tokens == plain.tokens


def test_contrasts_are_their_formulas():
    size = 6
    strong, weak = random_table(size, 1), random_table(size, 2)
    ours = vocabulary(*"abcd")
    beside = Beside(TableModel(ours, weak).tree(), (0, 1))
    text = (2, 3, 2)
    z, noisy = strong((0, *text)), weak((0, 1, *text))
    assert Instructive(beside, 0.3)(text, z) == pytest.approx(z - 0.3 * noisy, abs=1e-5)
    found = Contrastive(beside, 0.5, 0.1)(text, z)
    p, q = log_softmax(z), log_softmax(noisy)
    plausible = p >= p.max() + np.log(0.1)
    assert found[plausible] == pytest.approx((1.5 * p - 0.5 * q)[plausible], abs=1e-4)
    assert found[~plausible].max(initial=-np.inf) < found[plausible].min() - 100
    assert (np.argsort(found[~plausible]) == np.argsort(p[~plausible])).all()


def test_a_text_is_read_once_behind_the_other_prompt():
    ours = vocabulary(*"abcd")
    tree = TableModel(ours, random_table(6, 2)).tree()
    beside = Beside(tree, (0, 1))
    for text in ((), (2,), (2, 3, 3), (2, 3, 3), (2,), (2, 3)):
        assert beside.logits(text, 6) == pytest.approx(random_table(6, 2)((0, 1, *text)))
    assert tree.counters.forwards <= 4
    for options in ({"epsilon": -1.0},):
        with pytest.raises(InvalidConstraint):
            Instructive(beside, **options)
    with pytest.raises(InvalidConstraint, match="plausible"):
        Contrastive(beside, plausible=2.0)
