"""Canvases that are noised again (DiffusionGemma), and drafts that a causal model verifies (APD)."""

from __future__ import annotations

import numpy as np
import pytest

import treadle
from treadle.diffusion.protocols import MaskedTable, random_masked_table
from treadle.diffusion.renoising import Renoising, denoise
from treadle.diffusion.verifying import Apd, decode_verified
from treadle.vocabulary import Vocabulary

TOYS = ["dyck-long-tokens", "two-brackets", "regular", "nested"]


@pytest.fixture(scope="module")
def by_name(toys):
    return {toy.name: toy for toy in toys.toys()}


def denoiser(size: int, seed: int):
    table = random_masked_table(size, seed, spread=3.0)
    return lambda canvas, last: table(tuple(canvas.tolist())) + (0 if last is None else 0.5 * last)


@pytest.mark.parametrize("name", TOYS)
def test_every_denoised_canvas_is_in_the_language(by_name, name):
    toy = by_name[name]
    refused = 0
    for seed in range(8):
        done = denoise(
            denoiser(toy.end + 1, seed), 6, toy.end + 1, Renoising(6, 0.8), toy.automaton, seed=seed
        )
        stop = done.tokens.index(toy.end) if toy.end in done.tokens else 6
        assert toy.judge(toy.vocabulary.decode(done.tokens[:stop]))
        assert set(done.tokens[stop:]) <= {toy.end}
        refused += done.refused
    assert refused


def test_denoising_is_unchanged_by_a_constraint_that_refuses_nothing():
    letters = Vocabulary([b"a", b"b", b"c"])
    automaton = treadle.compile(treadle.Regex("[abc]*"), letters).automaton
    for seed in range(6):
        free = denoise(denoiser(3, seed), 7, 3, Renoising(5, 0.5), seed=seed)
        assert free == denoise(denoiser(3, seed), 7, 3, Renoising(5, 0.5), automaton, seed=seed)


def test_acceptance_and_the_final_canvas_are_those_of_transformers():
    """EntropyBoundSampler of transformers on the same logits: the same cells, given the same draws."""
    torch = pytest.importorskip("torch")
    source = pytest.importorskip("transformers.models.diffusion_gemma.generation_diffusion_gemma")
    from treadle.diffusion.renoising import _accept
    from treadle.diffusion.samplers import entropies, log_softmax

    for seed in range(10):
        logits = np.random.default_rng(seed).normal(0, 4, (9, 5))
        config = source.EntropyBoundSamplerConfig(entropy_bound=0.6)
        theirs = source.EntropyBoundSampler(config, 9, 5, 10)
        drawn = torch.tensor(logits).argmax(-1)[None]
        theirs.accept_canvas(torch.full((1, 9), -1), drawn, torch.tensor(logits)[None], 0)
        ours, _ = _accept(None, logits, entropies(log_softmax(logits)), 0.6)
        assert sorted(ours) == torch.nonzero(theirs.accepted_token_mask[0])[:, 0].tolist()


def test_a_sure_model_stops_early():
    certain = np.full((4, 3), -40.0)
    certain[:, 1] = 40.0
    done = denoise(lambda canvas, last: certain, 4, 3, Renoising(20))
    assert (done.tokens, done.forwards, done.accepted) == ((1, 1, 1, 1), 2, (4, 4))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("name", TOYS)
def test_verified_drafts_are_in_the_language(by_name, name, temperature):
    toy = by_name[name]
    size = toy.end + 2
    vocabulary = Vocabulary([*toy.tokens, None, None], eos_ids=toy.end, special_ids=[toy.end + 1])
    automaton = treadle.compile(toy.constraint, vocabulary).automaton
    for seed in range(4):
        model = MaskedTable(vocabulary, toy.end + 1, random_masked_table(size, seed))
        causal = random_masked_table(size, seed + 100)
        options = Apd(0.6, 4, temperature)
        done = decode_verified(
            model, lambda row, c=causal: c(tuple(row)), [0], 7, options, automaton, seed=seed
        )
        assert toy.judge(done.text)
        assert done.forwards <= len(done.commits)


def test_a_verifier_that_agrees_lets_every_draft_stand():
    """With ratio 1 the target is the draft: passes are cells / lookahead."""
    vocabulary = Vocabulary([b"a", b"b", None], eos_ids=(), special_ids=[2])
    model = MaskedTable(vocabulary, 2, random_masked_table(3))
    done = decode_verified(model, lambda row: np.zeros((len(row), 3)), [0], 12, Apd(1.0, 4, 1.0), seed=3)
    assert (done.forwards, len(done.tokens)) == (3, 12)
