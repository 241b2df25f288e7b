"""Real model classes with tiny random weights, filling canvases under a constraint."""

from __future__ import annotations

import numpy as np
import pytest

import treadle
from treadle.diffusion.decoding import decode
from treadle.diffusion.renoising import Renoising, denoise
from treadle.diffusion.samplers import Dream, Llada
from treadle.errors import InvalidConstraint
from treadle.vocabulary import Vocabulary

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

LETTERS = Vocabulary([b"<", b">", b"a", b"<>", None, None], eos_ids=4, special_ids=[5])
BRACKETS = 'start: p*\np: "<" p* ">" | "a"'


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=6, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=32, attn_implementation="eager",
    )  # fmt: skip
    return transformers.BertForMaskedLM(config).eval()


@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("sampler", [Llada(4), Dream(4, temperature=0.5)], ids=["llada", "dream"])
def test_a_masked_model_of_transformers_fills_canvases(encoder, sampler, shift):
    from treadle.integrations.masked_models import TransformersMaskedModel

    model = TransformersMaskedModel(encoder, LETTERS, mask_id=5, shift=shift)
    automaton = treadle.compile(treadle.Grammar(BRACKETS), model.vocabulary).automaton
    for seed in range(3):
        done = decode(model, [2, 2], 8, sampler, automaton, seed=seed)
        assert done.text.replace("a", "").count("<") == done.text.count(">")
        assert treadle.check(treadle.Grammar(BRACKETS), done.text.encode())


def test_shift_and_guidance_are_the_published_formulas(encoder):
    from treadle.integrations.masked_models import TransformersMaskedModel

    row = [0, 1, 5, 5]
    plain = TransformersMaskedModel(encoder, LETTERS, mask_id=5).logits([row])
    moved = TransformersMaskedModel(encoder, LETTERS, mask_id=5, shift=True).logits([row])
    np.testing.assert_array_equal(moved[0, 1:], plain[0, :-1])
    np.testing.assert_array_equal(moved[0, 0], plain[0, 0])
    guided = TransformersMaskedModel(encoder, LETTERS, mask_id=5, guidance=1.5)
    guided.prompt_length = 2
    blind = TransformersMaskedModel(encoder, LETTERS, mask_id=5).logits([[5, 5, 5, 5]])
    np.testing.assert_allclose(guided.logits([row]), blind + 2.5 * (plain - blind), atol=1e-5)


def test_a_model_without_a_mask_is_refused(encoder):
    from treadle.integrations.masked_models import TransformersMaskedModel

    with pytest.raises(InvalidConstraint):
        TransformersMaskedModel(encoder, LETTERS)


def test_diffusion_gemma_fills_canvases():
    gemma = pytest.importorskip("transformers.models.diffusion_gemma")
    from treadle.integrations.masked_models import gemma_denoiser

    text = {
        "vocab_size": 6, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 8, "global_head_dim": 8,
        "num_experts": 2, "top_k_experts": 1, "moe_intermediate_size": 8, "pad_token_id": 4, "eos_token_id": 4,
        "bos_token_id": 3, "sliding_window": 16, "num_global_key_value_heads": 1,
        "layer_types": ["sliding_attention", "full_attention"],
    }  # fmt: skip
    torch.manual_seed(0)
    config = gemma.DiffusionGemmaConfig(text_config=text, canvas_length=6)
    model = gemma.DiffusionGemmaForBlockDiffusion(config).eval()
    automaton = treadle.compile(treadle.Grammar(BRACKETS), LETTERS).automaton
    for seed in range(3):
        done = denoise(gemma_denoiser(model, [2, 0]), 6, 6, Renoising(3, 2.0), automaton, seed=seed)
        ends = done.tokens.index(4) if 4 in done.tokens else 6
        assert treadle.check(treadle.Grammar(BRACKETS), LETTERS.decode_bytes(done.tokens[:ends]))
