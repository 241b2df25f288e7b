"""LLaDA's and Dream's classes in tiny, through TransformersMaskedModel, beside their published loops in torch."""

from __future__ import annotations

import numpy as np
import pytest

import treadle
from treadle.diffusion.decoding import decode
from treadle.diffusion.samplers import Dream, Llada
from treadle.integrations.masked_models import TransformersMaskedModel
from treadle.vocabulary import Vocabulary

torch = pytest.importorskip("torch")
tiny_models = pytest.importorskip("diffusion.tiny_models")

SIZE, MASK = 9, 8
LETTERS = Vocabulary([b"a", b"b", b"c", b"d", b"e", b"f", b"<", b">", None], eos_ids=(), special_ids=[MASK])
PROMPT = [0, 2, 1]


def no_mask(logits):
    """Checkpoints never answer with their mask; random weights do."""
    logits = logits.clone()
    logits[..., MASK] = -torch.inf
    return logits


def llada_generate(model, prompt, length, block, steps, temperature, cfg, seed):
    """generate.py of LLaDA. The noise is that of a step of ours, so that draws can be compared."""
    x = torch.full((1, len(prompt) + length), MASK)
    x[0, : len(prompt)] = torch.tensor(prompt)
    prompt_index = x != MASK
    blocks = length // block
    per_block, number = steps // blocks, 0
    for b in range(blocks):
        start, stop = len(prompt) + b * block, len(prompt) + (b + 1) * block
        held = int((x[0, start:stop] == MASK).sum())
        transfer = [held // per_block + (i < held % per_block) for i in range(per_block)]
        for i in range(per_block):
            mask_index = x == MASK
            if cfg > 0:
                un_x = x.clone()
                un_x[prompt_index] = MASK
                logits, un_logits = torch.chunk(model(torch.cat([x, un_x])).logits, 2)
                logits = un_logits + (cfg + 1) * (logits - un_logits)
            else:
                logits = model(x).logits
            logits = no_mask(logits)
            noisy = logits.double().exp()
            if temperature > 0:
                here = torch.nonzero(mask_index[0, start:stop])[:, 0] + start
                noise = torch.ones_like(noisy)
                uniform = np.random.default_rng([seed, number]).random((len(here), SIZE))
                noise[0, here] = (-torch.from_numpy(uniform).log()) ** temperature
                noisy = noisy / noise
            x0 = noisy.argmax(-1)
            p = torch.softmax(logits.double(), -1).gather(-1, x0[..., None])[..., 0]
            p[:, stop:] = -torch.inf
            confidence = torch.where(mask_index, p, -torch.inf)
            _, chosen = torch.topk(confidence[0], k=transfer[i])
            x[0, chosen] = x0[0, chosen]
            number += 1
    return tuple(x[0, len(prompt) :].tolist())


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("cfg", [0.0, 1.5])
@pytest.mark.parametrize(("block", "steps"), [(12, 12), (12, 5), (4, 6)])
def test_llada_decodes_as_its_generate_does(block, steps, cfg, temperature):
    seen = set()
    for seed in range(3):
        tiny = tiny_models.Tiny("llada", SIZE, MASK, seed).eval()
        model = TransformersMaskedModel(tiny, LETTERS, guidance=cfg)
        model.prompt_length = len(PROMPT)
        assert (model.mask_id, model.shift) == (MASK, False)
        with torch.inference_mode():
            expected = llada_generate(tiny, PROMPT, 12, block, steps, temperature, cfg, seed)
        done = decode(model, PROMPT, 12, Llada(steps, block, temperature), seed=seed)
        assert done.tokens == expected
        seen.update(expected)
    assert len(seen) > 2


def dream_sample(model, prompt, length, steps, algorithm, eps=1e-3):
    """_sample of Dream at temperature 0, with its shift."""
    x = torch.full((1, len(prompt) + length), MASK)
    x[0, : len(prompt)] = torch.tensor(prompt)
    times = torch.linspace(1, eps, steps + 1, dtype=torch.float64)
    for i in range(steps):
        mask_index = x == MASK
        logits = model(x).logits
        logits = no_mask(torch.cat([logits[:, :1], logits[:, :-1]], dim=1))
        probabilities = torch.softmax(logits[mask_index].double(), dim=-1)
        confidence, x0 = probabilities.max(dim=-1)
        if algorithm == "topk_margin":
            ranked, _ = torch.sort(probabilities, dim=-1, descending=True)
            confidence = ranked[:, 0] - ranked[:, 1]
        if algorithm == "entropy":
            confidence = (probabilities * torch.log(probabilities + 1e-10)).sum(dim=-1)
        held = int(mask_index.sum())
        count = int(held * (1 - times[i + 1] / times[i])) if i < steps - 1 else held
        if count:
            _, chosen = torch.topk(confidence, count)
            places = torch.nonzero(mask_index[0])[:, 0][chosen]
            x[0, places] = x0[chosen]
    return tuple(x[0, len(prompt) :].tolist())


@pytest.mark.parametrize("algorithm", ["maskgit_plus", "topk_margin", "entropy"])
@pytest.mark.parametrize("steps", [3, 12])
def test_dream_decodes_as_its_sample_does(algorithm, steps):
    for seed in range(3):
        tiny = tiny_models.Tiny("Dream", SIZE, MASK, seed).eval()
        model = TransformersMaskedModel(tiny, LETTERS)
        assert model.shift
        with torch.inference_mode():
            expected = dream_sample(tiny, PROMPT, 12, steps, algorithm)
        assert decode(model, PROMPT, 12, Dream(steps, algorithm)).tokens == expected
        # The shift matters: without it the text is another one.
        straight = TransformersMaskedModel(tiny, LETTERS, shift=False)
        assert decode(straight, PROMPT, 12, Dream(steps, algorithm)).tokens != expected


@pytest.mark.parametrize("kind", ["llada", "Dream"])
def test_under_a_constraint_the_texts_are_in_the_language(kind):
    automaton = treadle.compile(treadle.Grammar('start: p\np: "<" p ">" | "a" "b"*'), LETTERS).automaton
    for seed in range(3):
        model = TransformersMaskedModel(tiny_models.Tiny(kind, SIZE, MASK, seed), LETTERS)
        sampler = Llada(5, temperature=0.5) if kind == "llada" else Dream(5, temperature=0.5)
        text = decode(model, PROMPT, 7, sampler, automaton, seed=seed, tail=False).text
        depth = text.count("<")
        assert text == "<" * depth + "a" + "b" * (7 - 2 * depth - 1) + ">" * depth
