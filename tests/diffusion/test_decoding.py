"""Samplers: as their sources write them when nothing is constrained, and always in the language when something is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import treadle
from treadle.diffusion.decoding import decode
from treadle.diffusion.protocols import MaskedTable, random_masked_table, shifted
from treadle.diffusion.samplers import Dream, EntropyBounded, Llada, Threshold, log_softmax
from treadle.errors import InvalidConstraint, LimitExceeded, UnsatisfiableConstraint
from treadle.infilling.cells import canvas_of
from treadle.infilling.completability import Canvas
from treadle.infilling.limits import Limits
from treadle.vocabulary import Vocabulary

SAMPLERS = {
    "llada": Llada(steps=4),
    "llada-sampled": Llada(steps=8, temperature=1.0),
    "llada-random": Llada(steps=3, remasking="random", temperature=0.5),
    "llada-blocks": Llada(steps=6, block_length=3),
    "dream-entropy": Dream(steps=5),
    "dream-margin": Dream(steps=5, algorithm="topk_margin", temperature=0.7, top_p=0.9),
    "dream-maskgit": Dream(steps=3, algorithm="maskgit_plus", temperature=1.0, top_k=2),
    "dream-origin": Dream(steps=6, algorithm="origin", temperature=1.0),
    "dream-drawn-order": Dream(steps=5, algorithm="entropy", order_temperature=0.5),
    "threshold": Threshold(0.5),
    "entropy-bounded": EntropyBounded(1.0, block_length=4),
    "dingo": Llada(steps=2, joint=True),
    "dingo-threshold": Threshold(0.3, joint=True),
}
TIGHT = Limits(nodes=150)
TOYS = ["dyck", "dyck-long-tokens", "two-brackets", "regular", "nested", "names"]


def model_over(toy, seed: int = 0) -> MaskedTable:
    """A random model with the toy's tokens, its end, and a mask."""
    size = toy.end + 2
    return MaskedTable(wide(toy), toy.end + 1, random_masked_table(size, seed))


def wide(toy) -> Vocabulary:
    return Vocabulary([*toy.tokens, None, None], eos_ids=toy.end, special_ids=[toy.end + 1])


@pytest.fixture(scope="module")
def worlds(toys):
    """Toys whose vocabulary has a mask token."""
    by_name = {toy.name: toy for toy in toys.toys()}
    return {
        name: (by_name[name], treadle.compile(by_name[name].constraint, wide(by_name[name]))) for name in TOYS
    }


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
@pytest.mark.parametrize("name", TOYS)
def test_every_text_is_in_the_language_and_every_step_completable(worlds, name, sampler):
    toy, compiled = worlds[name]
    for seed in range(4):
        model = model_over(toy, seed)

        def completable(row, mask=model.mask_id):
            cells = canvas_of(row.tokens[row.first :], mask)
            assert Canvas(compiled.automaton, cells).is_completable

        done = decode(model, [0], 6, sampler, compiled.automaton, seed=seed, watch=completable)
        assert model.mask_id not in done.tokens
        assert toy.judge(done.text), done.text
        stop = done.tokens.index(toy.end) if toy.end in done.tokens else 6
        assert set(done.tokens[stop:]) <= {toy.end}


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_a_constraint_that_refuses_nothing_changes_nothing(sampler):
    """Card 5.1 (6). Every token is a byte, so that every row of tokens is a text of `(?s).*`."""
    letters = Vocabulary([b"a", b"b", b"c", b"d", None], eos_ids=(), special_ids=[4])
    compiled = treadle.compile(treadle.Regex("(?s).*"), letters)
    for seed in range(5):
        model = MaskedTable(letters, 4, random_masked_table(5, seed))
        free = decode(model, [0, 1], 9, sampler, seed=seed)
        bound = decode(model, [0, 1], 9, sampler, compiled.automaton, seed=seed)
        if sampler.joint:
            assert free.tokens == bound.tokens
        else:
            assert free == bound


@pytest.mark.parametrize("drafts", [2, 3, 8])
@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_drafting_gives_the_tokens_of_one_step_decoding(worlds, sampler, drafts):
    for (toy, compiled), bound in itertools.product(
        [worlds["regular"], worlds["two-brackets"]], [True, False]
    ):
        automaton = compiled.automaton if bound else None
        for seed in range(3):
            model = model_over(toy, seed)
            plain = decode(model, [], 7, sampler, automaton, seed=seed)
            drafted = decode(model, [], 7, sampler, automaton, seed=seed, drafts=drafts)
            assert (drafted.tokens, drafted.commits) == (plain.tokens, plain.commits)
            assert drafted.forwards <= plain.forwards + 1


def test_drafts_save_passes_where_the_model_is_of_one_mind(worlds):
    """Logits that do not look at the row: all drafts are right."""
    toy, compiled = worlds["regular"]
    fixed = random_masked_table(toy.end + 2)((0,) * 12)
    model = MaskedTable(wide(toy), toy.end + 1, lambda row: fixed)
    plain = decode(model, [], 12, Llada(steps=12), compiled.automaton)
    drafted = decode(model, [], 12, Llada(steps=12), compiled.automaton, drafts=4)
    assert drafted.tokens == plain.tokens
    assert (plain.forwards, drafted.forwards) == (12, 4)


# -- the sources, written down once more --------------------------------------------------------------


def llada_as_published(model, prompt, gen_length, block_length, steps):
    """generate.py of LLaDA at temperature 0 without guidance, line by line."""
    x = np.array([*prompt, *[model.mask_id] * gen_length])
    blocks = gen_length // block_length
    steps = steps // blocks
    for block in range(blocks):
        start, stop = len(prompt) + block * block_length, len(prompt) + (block + 1) * block_length
        masks = (x[start:stop] == model.mask_id).sum()
        transfer = np.full(steps, masks // steps)
        transfer[: masks % steps] += 1
        for i in range(steps):
            logits = model.logits([x])[0].copy()
            logits[:, model.mask_id] = -np.inf
            mask = x == model.mask_id
            x0 = logits.argmax(axis=-1)
            p = np.exp(log_softmax(logits))[np.arange(len(x)), x0]
            p[stop:] = -np.inf
            confidence = np.where(mask, p, -np.inf)
            chosen = np.argsort(-confidence, kind="stable")[: transfer[i]]
            x[chosen] = x0[chosen]
    return tuple(int(t) for t in x[len(prompt) :])


@pytest.mark.parametrize(("length", "block", "steps"), [(12, 12, 12), (12, 12, 5), (12, 4, 6), (12, 3, 12)])
def test_llada_is_the_published_loop(length, block, steps):
    vocabulary = Vocabulary([b"a", b"b", b"c", None], eos_ids=(), special_ids=[3])
    for seed in range(6):
        model = MaskedTable(vocabulary, 3, random_masked_table(4, seed))
        expected = llada_as_published(model, [0, 2], length, block, steps)
        assert decode(model, [0, 2], length, Llada(steps, block)).tokens == expected


def dream_as_published(model, prompt, length, steps, algorithm, eps=1e-3):
    """_sample of Dream at temperature 0."""
    x = np.array([*prompt, *[model.mask_id] * length])
    times = np.linspace(1, eps, steps + 1)
    for i in range(steps):
        mask = np.flatnonzero(x == model.mask_id)
        logits = model.logits([x])[0][mask].copy()
        logits[:, model.mask_id] = -np.inf
        p = np.exp(log_softmax(logits))
        x0 = p.argmax(axis=-1)
        ranked = np.sort(p, axis=-1)
        confidence = {
            "maskgit_plus": p.max(axis=-1),
            "topk_margin": ranked[:, -1] - ranked[:, -2],
            "entropy": (p * np.log(p + 1e-10)).sum(axis=-1),
        }[algorithm]
        count = int(len(mask) * (1 - times[i + 1] / times[i])) if i < steps - 1 else len(mask)
        chosen = np.argsort(-confidence, kind="stable")[:count]
        x[mask[chosen]] = x0[chosen]
    return tuple(int(t) for t in x[len(prompt) :])


@pytest.mark.parametrize("algorithm", ["maskgit_plus", "topk_margin", "entropy"])
@pytest.mark.parametrize("steps", [1, 4, 10])
def test_dream_is_the_published_loop(algorithm, steps):
    vocabulary = Vocabulary([b"a", b"b", b"c", None], eos_ids=(), special_ids=[3])
    for seed in range(6):
        model = MaskedTable(vocabulary, 3, random_masked_table(4, seed))
        expected = dream_as_published(model, [0], 10, steps, algorithm)
        assert decode(model, [0], 10, Dream(steps, algorithm)).tokens == expected


def test_shifted_logits_stand_one_to_the_right():
    logits = np.arange(12.0).reshape(1, 4, 3)
    assert (shifted(logits)[0] == logits[0][[0, 0, 1, 2]]).all()


def test_entropy_bounded_takes_the_longest_prefix_within_the_bound():
    vocabulary = Vocabulary([b"a", b"b", None], eos_ids=(), special_ids=[2])
    sure = np.array([[9.0, 0, 0], [0, 9, 0], [0.1, 0, 0], [0, 0.1, 0]])
    model = MaskedTable(vocabulary, 2, lambda row: sure)
    first = []
    decode(model, [], 4, EntropyBounded(0.01), watch=lambda row: first.append(len(row.open_cells)))
    assert first == [1, 0]


def test_noise_draws_from_the_models_distribution_under_the_constraint():
    """Ten thousand seeds of one hole: frequencies are the masked softmax."""
    vocabulary = Vocabulary([b"a", b"b", b"c", b"d", None, None], eos_ids=4, special_ids=[5])
    automaton = treadle.compile(treadle.Regex("[acd]"), vocabulary).automaton
    logits = np.array([0.0, 1.5, 1.0, -0.5, 0.0, 0.0])
    model = MaskedTable(vocabulary, 5, lambda row: logits[None])
    counts = np.zeros(4)
    for seed in range(4000):
        counts[decode(model, [], 1, Llada(steps=1, temperature=1.0), automaton, seed=seed).tokens[0]] += 1
    p = np.exp(logits[:4]) * [1, 0, 1, 1]
    expected = 4000 * p / p.sum()
    assert counts[1] == 0
    assert ((counts - expected)[[0, 2, 3]] ** 2 / expected[[0, 2, 3]]).sum() < 13.8  # chi-square, p = 0.001


def test_what_cannot_fit_is_refused_before_the_first_pass(worlds):
    toy, compiled = worlds["nested"]
    with pytest.raises(UnsatisfiableConstraint) as error:
        decode(model_over(toy), [], 1, Llada(), compiled.automaton)
    assert error.value.found == "1 cells"
    with pytest.raises(InvalidConstraint):
        Llada(steps=0)


def test_a_limit_raises_or_is_counted_and_never_leaves_the_language(worlds):
    toy, compiled = worlds["two-brackets"]
    cells = [*[toy.end + 1] * 9, 4, 1]
    with pytest.raises(LimitExceeded):  # noqa: PT012  # some seed meets the limit
        for seed in range(20):
            decode(
                model_over(toy, seed), [], cells, Llada(9), compiled.automaton, limits=TIGHT, seed=seed,
                undecided="raise",
            )  # fmt: skip
    for seed in range(20):
        done = decode(
            model_over(toy, seed), [], cells, Llada(9, temperature=1), compiled.automaton, seed=seed,
            limits=TIGHT, undecided="defer",
        )  # fmt: skip
        assert toy.judge(done.text)


@pytest.mark.parametrize("nodes", [90, 150, 400])
def test_decodes_end_however_tight_the_limit_is(worlds, nodes):
    """What no limit can decide is filled from a filling that is known, and nothing is asked for twice."""
    toy, compiled = worlds["two-brackets"]
    hole, ended = toy.end + 1, 0
    for seed, sampler in itertools.product(
        range(6), (Llada(5, temperature=1), Threshold(0.9), Dream(3, top_k=1))
    ):
        try:
            done = decode(
                model_over(toy, seed), [], [*[hole] * 8, 1, hole, hole], sampler, compiled.automaton,
                limits=Limits(nodes), undecided="defer", seed=seed, tail=False,
            )  # fmt: skip
        except LimitExceeded:
            continue
        ended += 1
        assert toy.judge(done.text) and hole not in done.tokens
    assert ended or nodes == 90
