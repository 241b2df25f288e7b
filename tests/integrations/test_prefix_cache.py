"""The prefix tree over transformers models: tiny ones with random weights, and the bundled one against transformers."""

from __future__ import annotations

import numpy as np
import pytest

import treadle
from treadle.decoding.beam import Beam
from treadle.decoding.prefixes import EMPTY, PrefixTree
from treadle.decoding.problem import Problem
from treadle.decoding.solving import solve
from treadle.errors import UnsupportedFeature

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SIZE = 50
SHAPE = {
    "vocab_size": SIZE, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip


def llama(**more):
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SHAPE, **more))


def mistral():
    return transformers.MistralForCausalLM(transformers.MistralConfig(**SHAPE, sliding_window=6))


def gpt2():
    config = transformers.GPT2Config(
        vocab_size=SIZE, n_embd=32, n_layer=2, n_head=4, bos_token_id=1, eos_token_id=2
    )
    return transformers.GPT2LMHeadModel(config)


MODELS = {"llama": llama, "sliding window": mistral, "gpt2": gpt2}


def after(model, prefix):
    """log p at every position, in a pass of its own."""
    with torch.inference_mode():
        return torch.log_softmax(model(torch.tensor([prefix])).logits[0].float(), -1).numpy()


@pytest.mark.parametrize("layout", ["whichever is cheaper", "packed", "padded"])
@pytest.mark.parametrize("memory", [None, 60])
@pytest.mark.parametrize("name", MODELS)
def test_any_prefixes_give_what_a_pass_of_their_own_gives(name, memory, layout):
    from treadle.integrations import prefix_cache

    torch.manual_seed(0)
    model = MODELS[name]().eval()
    store = prefix_cache.PrefixStore(model)
    if layout == "packed" and name == "sliding window":
        pytest.skip("one line cannot show where a window slides")
    if layout in ("packed", "padded"):
        store._layout = getattr(prefix_cache, layout)
    tree, rng, known = PrefixTree(store, memory), np.random.default_rng(0), [(EMPTY, ())]
    for _ in range(10):
        picked = [known[k] for k in rng.integers(0, len(known), 4)]
        runs = [tuple(rng.integers(0, SIZE, rng.integers(1, 5)).tolist()) for _ in picked]
        found = tree.extend([node for node, _ in picked], runs)
        for (_, before), run, extension in zip(picked, runs, found, strict=True):
            exact = after(model, before + run)
            logits = extension.logits - np.logaddexp.reduce(extension.logits)
            assert np.allclose(logits, exact[-1], atol=1e-4)
            scores = [exact[len(before) + k, run[k + 1]] for k in range(len(run) - 1)]
            assert np.allclose(extension.rest, scores, atol=1e-4)
            known.append((extension.node, before + run))
    assert memory is None or tree.resident <= memory


def test_a_mask_that_shows_too_much_is_noticed(monkeypatch):
    from treadle.integrations import prefix_cache

    torch.manual_seed(0)
    honest = prefix_cache.packed

    def shows_all(batch):
        layout = honest(batch)
        layout.mask[:] = True
        return layout

    model = llama().eval()
    store = prefix_cache.PrefixStore(model)
    store._layout = shows_all
    (found, _) = PrefixTree(store).extend([EMPTY, EMPTY], [(3, 4, 5), (6, 7)])
    logits = found.logits - np.logaddexp.reduce(found.logits)
    assert not np.allclose(logits, after(model, (3, 4, 5))[-1], atol=1e-4)


def test_recurrent_layers_are_refused():
    from treadle.integrations.prefix_cache import PrefixStore

    model = llama().eval()
    model.config.layer_types = ["full_attention", "linear_attention"]
    with pytest.raises(UnsupportedFeature, match="linear_attention"):
        PrefixStore(model)


#: Without numbers: 12 may be written 12.000000, and a beam of transformers is cut off in the middle of that.
SMALL = [
    {"type": "object", "properties": {"ok": {"type": "boolean"}, "size": {"enum": ["small", "large"]}},
     "required": ["ok", "size"], "additionalProperties": False},
    {"enum": ["yes", "no", "perhaps", None]},
]  # fmt: skip


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize("schema", SMALL, ids=["object", "enum"])
def test_the_best_sequence_is_that_of_transformers_own_beam_search(schema):
    from treadle.integrations.models import load

    model = load()
    compiled = treadle.compile(
        treadle.JsonSchema(schema, whitespace="compact", escapes="canonical"), model.vocabulary
    )
    prompt = model.encode("Give me a JSON value.")
    asked = Problem(
        tuple(prompt), compiled.automaton, model.vocabulary, max_tokens=40, n=1, forced_runs=False
    )
    (found,) = solve(model, [asked], Beam(4, distinct="tokens"))[0]
    ids = torch.tensor([prompt])
    theirs = model.model.generate(
        ids, attention_mask=torch.ones_like(ids), num_beams=4, do_sample=False, max_new_tokens=41,
        length_penalty=0.0, early_stopping="never", return_dict_in_generate=True, output_scores=True,
        logits_processor=transformers.LogitsProcessorList([treadle.LogitsProcessor(compiled)]),
    )  # fmt: skip
    written = theirs.sequences[0, len(prompt) :].tolist()
    assert (
        written[: len(found.tokens)] == list(found.tokens)
        and written[len(found.tokens)] in model.vocabulary.eos_ids
    )
    assert abs(float(theirs.sequences_scores[0]) - found.scores.raw) < 1e-3
    rows = after(model.model, (*prompt, *found.tokens))
    told = [*found.tokens, model.vocabulary.eos_ids[0]]
    assert (
        abs(sum(rows[len(prompt) - 1 + k, token] for k, token in enumerate(told)) - found.scores.raw) < 1e-4
    )
