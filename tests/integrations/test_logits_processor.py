"""The plug-in under `model.generate` of transformers, on a tiny random model and a toy vocabulary."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from treadle.errors import VocabularyMismatch  # noqa: E402
from treadle.integrations.logits_processor import LogitsProcessor  # noqa: E402

THREE = ("yes", "no", "abcab")
MANY = tuple(f"{a}{b}{c}" for a in "abcd" for b in ("ab", "é", "x") for c in ("", "yes", "zz"))
PAD = 256  # a hole of the toy vocabulary
END = 260


@pytest.fixture(scope="module")
def vocabulary(doubles):
    return doubles.toy_vocabulary()


def tiny_model(vocabulary_size: int, seed: int = 0, layers: int = 2):
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=vocabulary_size, hidden_size=32, intermediate_size=64, num_hidden_layers=layers,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.6,
        bos_token_id=None, eos_token_id=END, pad_token_id=PAD,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def model():
    # Wider than the vocabulary, as padded embeddings are.
    return tiny_model(288)


def batch(*prompts: str):
    """Left-padded prompts of bytes."""
    width = max(map(len, prompts))
    ids = [[PAD] * (width - len(p)) + list(p.encode()) for p in prompts]
    mask = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def texts(vocabulary, output, prompt_width: int) -> list[str]:
    """What was generated. Behind the end of text there is nothing but padding."""
    found = []
    for row in output[:, prompt_width:].tolist():
        end = next((k for k, token in enumerate(row) if token in {END, PAD}), len(row))
        assert set(row[end:]) <= {END, PAD}
        found.append(vocabulary.decode_bytes(row[:end]).decode())
    return found


def run(model, vocabulary, inputs, processor, **options) -> list[str]:
    output = model.generate(
        **inputs,
        logits_processor=[processor],
        max_new_tokens=20,
        eos_token_id=END,
        pad_token_id=PAD,
        **options,
    )
    return texts(vocabulary, output, inputs["input_ids"].shape[1])


def test_greedy_over_a_batch_of_different_prompts(doubles, vocabulary, model):
    processor = LogitsProcessor(doubles.finite(MANY, vocabulary))
    assert set(run(model, vocabulary, batch("a prompt", "b", "other"), processor, do_sample=False)) <= set(
        MANY
    )


def test_results_do_not_depend_on_the_batch(doubles, vocabulary, model):
    prompts = ("a prompt", "b", "other")
    compiled = doubles.finite(MANY, vocabulary)
    together = run(model, vocabulary, batch(*prompts), LogitsProcessor(compiled), do_sample=False)
    alone = [run(model, vocabulary, batch(p), LogitsProcessor(compiled), do_sample=False)[0] for p in prompts]
    assert together == alone


def test_three_prompts_of_four_beams(doubles, vocabulary, model):
    processor = LogitsProcessor(doubles.finite(MANY, vocabulary))
    found = run(
        model, vocabulary, batch("a prompt", "b", "other"), processor, num_beams=4, num_return_sequences=4,
        do_sample=False,
    )  # fmt: skip
    assert set(found) <= set(MANY)
    for k in range(3):
        # Two spellings of a text are two hypotheses, so that texts may repeat; token sequences may not.
        assert found[4 * k] in MANY


@pytest.mark.parametrize("seed", range(4))
def test_sampling_five_sequences_of_each_prompt(doubles, vocabulary, model, seed):
    torch.manual_seed(seed)
    processor = LogitsProcessor(doubles.finite(MANY, vocabulary))
    found = run(
        model,
        vocabulary,
        batch("x", "yy"),
        processor,
        do_sample=True,
        num_return_sequences=5,
        temperature=5.0,
    )
    assert len(found) == 10 and set(found) <= set(MANY)
    assert len(set(found)) > 2


def test_one_constraint_per_prompt_with_repeated_rows(doubles, vocabulary, model):
    languages = [("aa", "ab"), ("x",), ("yes", "yo")]
    processor = LogitsProcessor([doubles.finite(language, vocabulary) for language in languages])
    for options in ({"do_sample": True, "num_return_sequences": 3}, {"num_beams": 3, "do_sample": False}):
        found = run(model, vocabulary, batch("p", "longer", "p"), processor, **options)
        each = len(found) // 3
        assert each == options.get("num_return_sequences", 1)
        for k, text in enumerate(found):
            assert text in languages[k // each]


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("early", [True, False, "never"])
def test_five_beams_in_a_language_of_three_repeat_nothing(doubles, model, penalty, early):
    # One spelling of each text, so that repeated texts are repeated hypotheses.
    vocabulary = doubles.toy_vocabulary()
    compiled = doubles.finite(("p", "qr", "stu"), vocabulary)
    for prompts in (("a",), ("a", "bcd"), ("a", "a")):
        inputs = batch(*prompts)
        processor = LogitsProcessor(compiled)
        output = model.generate(
            **inputs, logits_processor=[processor], max_new_tokens=12, num_beams=5,
            num_return_sequences=5, do_sample=False, length_penalty=penalty, early_stopping=early, eos_token_id=END,
            pad_token_id=PAD, return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
        found = texts(vocabulary, output.sequences, inputs["input_ids"].shape[1])
        for k in range(len(prompts)):
            mine, scores = found[5 * k : 5 * k + 5], output.sequences_scores[5 * k : 5 * k + 5].tolist()
            assert sorted(mine[:3]) == ["p", "qr", "stu"]
            # transformers returns five rows whatever happens; what is left over is marked by its score.
            assert all(score > -1e4 for score in scores[:3]) and all(score <= -1e9 for score in scores[3:])
        if prompts != ("a", "a"):  # there the second prompt's texts do repeat the first's
            assert processor.results(output.sequences) == [row for row in range(len(found)) if row % 5 < 3]


def test_beam_scores_are_those_of_the_texts(doubles, model):
    vocabulary = doubles.toy_vocabulary()
    language = ("p", "qr", "stu")
    inputs = batch("a")
    output = model.generate(
        **inputs, logits_processor=[LogitsProcessor(doubles.finite(language, vocabulary))], max_new_tokens=12,
        num_beams=3, num_return_sequences=3, do_sample=False, length_penalty=0.0, early_stopping="never",
        eos_token_id=END, pad_token_id=PAD, return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    found = texts(vocabulary, output.sequences, 1)
    for text, score in zip(found, output.sequences_scores.tolist(), strict=True):
        ids = torch.tensor([[ord("a"), *text.encode(), END]])
        logs = model(ids).logits[0].log_softmax(-1)
        assert score == pytest.approx(
            sum(logs[k, ids[0, k + 1]].item() for k in range(len(text) + 1)), abs=1e-3
        )


@pytest.mark.parametrize("sample", [False, True])
def test_assisted_decoding(doubles, vocabulary, model, sample):
    assistant = tiny_model(288, seed=5, layers=1)
    for seed in range(4):
        torch.manual_seed(seed)
        processor = LogitsProcessor(doubles.finite(MANY, vocabulary))
        found = run(
            model, vocabulary, batch("a prompt"), processor, assistant_model=assistant, do_sample=sample
        )
        assert found[0] in MANY


def test_assisted_decoding_writes_what_greedy_search_writes(doubles, vocabulary, model):
    compiled = doubles.finite(MANY, vocabulary)
    plain = run(model, vocabulary, batch("a prompt"), LogitsProcessor(compiled), do_sample=False)
    assistant = tiny_model(288, 7)
    helped = run(
        model,
        vocabulary,
        batch("a prompt"),
        LogitsProcessor(compiled),
        do_sample=False,
        assistant_model=assistant,
    )
    assert plain == helped


def test_prompt_lookup_decoding_survives_guesses_outside_of_the_language(doubles, vocabulary, model):
    processor = LogitsProcessor(doubles.finite(("abxaby", "abxabz"), vocabulary))
    inputs = batch("abq abq ab abx")
    found = run(model, vocabulary, inputs, processor, do_sample=False, prompt_lookup_num_tokens=3)
    assert found[0] in {"abxaby", "abxabz"}


def test_one_processor_serves_many_calls(doubles, vocabulary, model):
    processor = LogitsProcessor(doubles.finite(MANY, vocabulary))
    for prompts in (
        ("a prompt",),
        ("a prompt",),
        ("a prompt and more of it",),
        ("a",),
        ("a", "b"),
        ("a", "ab"),
    ):
        assert set(run(model, vocabulary, batch(*prompts), processor, do_sample=False)) <= set(MANY)
        assert set(run(model, vocabulary, batch(*prompts), processor, num_beams=2, do_sample=False)) <= set(
            MANY
        )


def test_a_prompt_that_continues_an_earlier_one_starts_anew(doubles, vocabulary):
    processor = LogitsProcessor(doubles.finite(("yes",), vocabulary))
    scores = torch.zeros(1, 266)
    for prompt in ("p", "pq", "pqr"):
        allowed = processor(batch(prompt)["input_ids"], scores).isfinite()[0].nonzero().flatten().tolist()
        assert allowed == [ord("y"), vocabulary.tokens.index(b"ye")]


def test_a_text_cut_by_its_budget_goes_on_in_the_next_call(doubles, vocabulary, model):
    processor = LogitsProcessor(doubles.finite(("x" * 9,), vocabulary))
    inputs = batch("p")
    options = {"logits_processor": [processor], "do_sample": False, "eos_token_id": END, "pad_token_id": PAD}
    first = model.generate(**inputs, max_new_tokens=4, **options)
    second = model.generate(
        input_ids=first, attention_mask=torch.ones_like(first), max_new_tokens=20, **options
    )
    assert texts(vocabulary, second, 1) == ["x" * 9]


def test_each_call_advances_each_row_once(doubles, vocabulary, model):
    compiled = doubles.finite(("z" * 12,), vocabulary)
    run(model, vocabulary, batch("p", "qq"), LogitsProcessor(compiled), do_sample=False)
    assert compiled.automaton.advances <= 13  # both rows spell the same text: they share their states


def test_a_finished_row_is_left_alone(doubles, vocabulary):
    processor = LogitsProcessor(doubles.finite(("a",), vocabulary), prompt_length=1)
    ids = torch.tensor([[65, ord("a"), END], [65, ord("a"), END]])
    scores = torch.randn(2, 266)
    assert torch.equal(processor(ids, scores), scores)
    assert torch.equal(processor(torch.cat([ids, torch.full((2, 2), PAD)], 1), scores), scores)


def test_logits_past_the_vocabulary_are_forbidden(doubles, vocabulary):
    processor = LogitsProcessor(doubles.finite(("a",), vocabulary))
    out = processor(torch.tensor([[65]]), torch.zeros(1, 300))
    assert out.isfinite().nonzero()[:, 1].tolist() == [ord("a")]
    assert math.isinf(out[0, 299])


def test_logits_narrower_than_every_allowed_token_are_refused(doubles, vocabulary):
    with pytest.raises(VocabularyMismatch):
        LogitsProcessor(doubles.finite(("a",), vocabulary))(torch.tensor([[65]]), torch.zeros(1, 50))


def test_rows_that_do_not_divide_among_the_constraints_are_refused(doubles, vocabulary):
    compiled = [doubles.finite((text,), vocabulary) for text in "ab"]
    with pytest.raises(VocabularyMismatch) as caught:
        LogitsProcessor(compiled)(torch.tensor([[65], [65], [65]]), torch.zeros(3, 266))
    assert "3 rows" in caught.value.found


def test_masks_do_not_change_the_scores_that_were_handed_in(doubles, vocabulary):
    scores = torch.randn(1, 266)
    before = scores.clone()
    LogitsProcessor(doubles.finite(("a",), vocabulary))(torch.tensor([[65]]), scores)
    assert torch.equal(scores, before)


def test_a_prompt_that_is_longer_by_words_of_the_language_starts_anew(doubles, vocabulary):
    processor = LogitsProcessor(doubles.finite(("xxxx",), vocabulary))
    scores = torch.zeros(1, 266)
    processor(batch("p")["input_ids"], scores)
    allowed = processor(batch("pxxxx")["input_ids"], scores).isfinite()[0].nonzero().flatten().tolist()
    assert allowed == [ord("x")]
