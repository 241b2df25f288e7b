"""`generate` and `stream`: real constraints, and a model that is a table over a toy vocabulary."""

from __future__ import annotations

import json
import re
import sys

import pytest

import treadle
from treadle.decoding import Greedy, Result, Sampling
from treadle.errors import InvalidConstraint, UnsatisfiableConstraint, VocabularyMismatch
from treadle.generate import sampler_for

EMOJI = r"[\U0001F600-\U0001F64F]{1,3}"


@pytest.fixture(scope="module")
def model(doubles):
    return doubles.TableModel(doubles.toy_vocabulary(b'{"', b'":', b'": "', b"123", b"\xf0\x9f"))


@pytest.mark.parametrize("seed", range(5))
def test_a_regex(model, seed):
    text = treadle.generate(
        "p", model=model, regex=r"[a-c]{2,5}-\d+é?", max_tokens=12, temperature=1, seed=seed
    )
    assert isinstance(text, str) and re.fullmatch(r"[a-c]{2,5}-\d+é?", text)


def test_choices_and_constraint_objects(model):
    assert treadle.generate("p", model=model, choices=["yes", "no"]) in {"yes", "no"}
    assert treadle.generate("p", treadle.Choice(["yes", "no"]), model=model) in {"yes", "no"}


@pytest.mark.parametrize("schema", [{"type": "array", "items": {"enum": ["ab", 1]}, "maxItems": 3}], ids=str)
@pytest.mark.parametrize("form", ["dict", "text", "path"])
def test_a_schema_gives_a_value(model, schema, form, tmp_path):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(schema))
    given = {"dict": schema, "text": json.dumps(schema), "path": path}[form]
    for seed in range(4):
        (result,) = treadle.generate(
            "p", model=model, schema=given, whitespace="compact", temperature=1, seed=seed, max_tokens=30,
            return_results=True,
        )  # fmt: skip
        assert result.value == json.loads(result.text)
        assert len(result.value) <= 3 and all(item in {"ab", 1} for item in result.value)


def test_a_shipped_schema_by_name(model):
    if "person" not in __import__("treadle.library", fromlist=["names"]).names("schemas"):
        pytest.skip("no such schema")
    jsonschema = pytest.importorskip("jsonschema")
    from treadle import library

    text = treadle.generate("p", model=model, schema="person", max_tokens=120, temperature=1, seed=2)
    jsonschema.validate(json.loads(text), json.loads(library.find("schemas", "person").read_text()))


def test_several_results_are_repeatable_and_scored(model):
    options = {"model": model, "regex": "[ab]{3}x{0,20}", "n": 4, "seed": 9, "max_tokens": 9}
    first, second = (treadle.generate("p", **options) for _ in range(2))
    assert [r.text for r in first] == [r.text for r in second]
    assert len(first) == 4 and len({r.text for r in first}) > 1
    for result in first:
        assert isinstance(result, Result) and str(result) == result.text
        assert result.scores.raw <= result.scores.local + 1e-6 <= 1e-6
        assert len(result.tokens) <= 9 and result.value is None and result.model_calls >= 2


def test_greedy_results_are_equal(model):
    results = treadle.generate("p", model=model, regex="[ab]{3}", n=3, temperature=0)
    assert len({r.text for r in results}) == 1 and len(results) == 3


@pytest.mark.parametrize("seed", range(6))
def test_a_stream_is_whole_characters_that_join_to_the_text(model, seed):
    options = {
        "model": model,
        "regex": EMOJI + "é[a-z]{0,9}",
        "temperature": 1,
        "seed": seed,
        "max_tokens": 20,
    }
    pieces = list(treadle.stream("p", **options))
    assert "".join(pieces) == treadle.generate("p", **options)
    assert all(pieces) and "\ufffd" not in "".join(pieces)


def test_a_healed_prompt_continues_where_the_text_was_cut(doubles):
    model = doubles.TableModel(doubles.toy_vocabulary(b"://", b":/"))
    options = {"model": model, "regex": "//[ab]{1,3}", "heal_prompt": True, "temperature": 1}
    for seed in range(8):
        (result,) = treadle.generate("http:", **options, seed=seed, return_results=True)
        assert re.fullmatch("//[ab]{1,3}", result.text)
        assert model.vocabulary.decode(result.tokens) == ":" + result.text
        assert "".join(treadle.stream("http:", **options, seed=seed)) == result.text


def test_errors_come_before_the_first_piece(model):
    with pytest.raises(InvalidConstraint):
        treadle.stream("p", model=model, regex="(")


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({}, InvalidConstraint, "exactly one"),
        ({"regex": "a", "choices": ["a"]}, InvalidConstraint, "regex and choices"),
        ({"regex": "a", "n": 0}, InvalidConstraint, "n is out of range"),
        ({"regex": "a", "max_tokens": 0}, InvalidConstraint, "max_tokens"),
        ({"regex": "a", "temperature": -1}, InvalidConstraint, "temperature"),
        ({"regex": "a", "strategy": "magic"}, InvalidConstraint, "magic"),
        ({"grammar": "missing"}, InvalidConstraint, "grammar"),
        ({"regex": "a{9}", "max_tokens": 3}, UnsatisfiableConstraint, "9"),
        ({"constraint": treadle.Choice(["a"]), "whitespace": "any"}, InvalidConstraint, "whitespace"),
        ({"schema": {"type": "number", "minimum": 3, "maximum": 2}}, UnsatisfiableConstraint, ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_requests_are_refused_in_one_line(model, arguments, error, said):
    with pytest.raises(error) as caught:
        treadle.generate("p", model=model, **arguments)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_messages_for_a_model_that_reads_text_are_refused(model):
    with pytest.raises(InvalidConstraint):
        treadle.generate([{"role": "user", "content": "x"}], model=model, regex="a")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((None, 1, None, None, None, None), Greedy()),
        ((None, 1, 0.0, None, None, None), Greedy()),
        ((None, 1, 0.7, None, None, None), Sampling(0.7)),
        ((None, 1, None, 5, None, None), Sampling(1.0, 5)),
        ((None, 3, None, None, None, None), Sampling()),
        ((None, 3, 0.0, None, None, None), Greedy()),
        (("greedy", 3, 0.9, 5, None, None), Greedy()),
        (("sampling", 1, None, None, 0.9, 0.1), Sampling(1.0, None, 0.9, 0.1)),
        ((Sampling(2.0), 1, None, None, None, None), Sampling(2.0)),
    ],
    ids=str,
)
def test_the_sampler_that_the_arguments_ask_for(arguments, expected):
    assert sampler_for(*arguments) == expected


def test_models_that_cannot_be_loaded_are_one_line():
    pytest.importorskip("transformers")
    from treadle.integrations.models import ModelUnavailable, load

    for wrong in ("no/such-model", "/no/such/folder", 5):
        with pytest.raises(ModelUnavailable) as caught:
            load(wrong)
        assert "\n" not in str(caught.value)


def test_a_pair_of_model_and_tokenizer(doubles):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({c: i for i, c in enumerate([*alphabet, "</s>"])}, []))
    inner.pre_tokenizer, inner.decoder = (
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        decoders.ByteLevel(),
    )
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="</s>")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=288, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, eos_token_id=256, bos_token_id=None,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    results = treadle.generate(
        "hé", model=(model, tokenizer), regex="[a-f]{4}é{3}x{0,30}", n=3, seed=1, max_tokens=24
    )
    for result in results:
        assert re.fullmatch("[a-f]{4}é{3}x{0,30}", result.text)
        ids = torch.tensor([[*tokenizer("hé")["input_ids"], *result.tokens, 256]])
        logs = model(ids).logits[0].log_softmax(-1)
        scored = [logs[k, ids[0, k + 1]].item() for k in range(2, ids.shape[1] - 1)]
        total = sum(scored if result.finish_reason == "stop" else scored[:-1])
        assert result.scores.raw == pytest.approx(total, abs=1e-2)
    with pytest.raises(VocabularyMismatch):
        treadle.generate([{"role": "user", "content": "x"}], model=(model, tokenizer), regex="a")
    assert treadle.generate("", model=(model, tokenizer), choices=["a"]) == "a"


def test_generate_is_the_function_whatever_was_imported():
    assert callable(sys.modules["treadle"].generate)
