"""The law: the bytes of encode(T)'s ids, joined, are T's UTF-8; for every kind of tokenizer.

The tiny tokenizers are trained here, one of each kind. Large ones are taken from TREADLE_TOKENIZERS (a folder with a
folder for each, as tools/maskbench/get-tokenizers makes it), or from tok/ beside the checkout.
"""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import pytest

from treadle.errors import VocabularyMismatch
from treadle.vocabulary import Vocabulary

tokenizers = pytest.importorskip("tokenizers")
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

FOLDER = Path(os.environ.get("TREADLE_TOKENIZERS") or Path(__file__).resolve().parents[3] / "tok")
LARGE = ("llama3_1", "qwen3", "gemma3")
SPECIAL = ["<s>", "</s>", "<unk>"]


def train(tokenizer, trainer, texts):
    tokenizer.train_from_iterator([*texts.values(), *texts.values()], trainer)
    return tokenizer


def byte_level_bpe(texts, prefix_space=False):
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    return train(tokenizer, trainer, texts)


def llama2(texts):
    """SentencePiece BPE with byte fallback as transformers converts it: the dummy prefix is a normalizer."""
    tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    bytes_ = [f"<0x{value:02X}>" for value in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=[*SPECIAL, *bytes_], limit_alphabet=60, show_progress=False
    )
    data = json.loads(train(tokenizer, trainer, texts).to_str())
    # The trainer makes the byte pieces special; a real file keeps them in the model only.
    data["added_tokens"] = [entry for entry in data["added_tokens"] if not entry["content"].startswith("<0x")]
    return tokenizers.Tokenizer.from_str(json.dumps(data))


def unigram(texts, scheme="always"):
    tokenizer = tokenizers.Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" ", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme)
    trainer = trainers.UnigramTrainer(
        vocab_size=900, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    return train(tokenizer, trainer, texts)


def wordpiece(texts):
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=900, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False
    )
    return train(tokenizer, trainer, texts)


EXACT = {
    "byte-level": byte_level_bpe,
    "byte-level with prefix space": lambda texts: byte_level_bpe(texts, prefix_space=True),
    "byte fallback": llama2,
}


def assert_law(vocabulary, text):
    ids = vocabulary.encode(text)
    assert vocabulary.decode_bytes(ids) == text.encode()
    assert not vocabulary.special_ids.intersection(ids)


@pytest.mark.parametrize("kind", EXACT)
def test_every_text_comes_back(kind, texts):
    vocabulary = Vocabulary.from_tokenizer(EXACT[kind](texts))
    for text in [*texts.values(), "▁ ▁▁", "Hello world", " Hello", "\U0010ffff\x00"]:
        assert_law(vocabulary, text)


@pytest.mark.parametrize("kind", EXACT)
def test_a_text_begins_without_a_dummy_space(kind, texts):
    vocabulary = Vocabulary.from_tokenizer(EXACT[kind](texts))
    (first, *_) = vocabulary.encode("the")
    assert not (vocabulary.token_bytes(first) or b"").startswith(b" ")


@pytest.mark.parametrize("kind", EXACT)
def test_ids_are_those_of_the_tokenizer_in_the_middle_of_a_text(kind, texts):
    tokenizer = EXACT[kind](texts)
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    text = "\nfox jumps over lazy dogs"  # a newline is a token of its own for all of these
    whole = tokenizer.encode(text, add_special_tokens=False).ids
    ours = vocabulary.encode(text)
    assert ours == whole[len(whole) - len(ours) :]


@pytest.mark.parametrize("scheme", ["always", "first", "never"])
def test_unigram_gives_back_what_it_can_spell(texts, scheme):
    vocabulary = Vocabulary.from_tokenizer(unigram(texts, scheme))
    for text in ("The quick brown fox", " two  spaces ", "Съешь ещё", "天地玄黃", ""):
        assert_law(vocabulary, text)
    with pytest.raises(VocabularyMismatch):
        vocabulary.encode("\U0010ffff")


def test_a_dummy_prefix_changes_no_id(texts):
    data = json.loads(unigram(texts, "always").to_str())
    ids = []
    for scheme in ("always", "first", "never"):
        data["pre_tokenizer"]["prepend_scheme"] = data["decoder"]["prepend_scheme"] = scheme
        vocabulary = Vocabulary.from_tokenizer(tokenizers.Tokenizer.from_str(json.dumps(data)))
        ids.append([vocabulary.encode(text) for text in ("quick brown fox", " fox", "lazy  dogs")])
    assert ids[0] == ids[1] == ids[2]
    judge = tokenizers.Tokenizer.from_str(json.dumps(data))
    assert ids[0][0] == judge.encode("quick brown fox", add_special_tokens=False).ids


def test_special_tokens_in_a_text_are_spelled_as_the_tokenizer_would(texts):
    tokenizer = byte_level_bpe(texts)
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    text = texts["multilingual"] + "<s>" + texts["code"]
    tokenizer.encode_special_tokens = True
    assert vocabulary.encode(text) == tokenizer.encode(text, add_special_tokens=False).ids


def test_wordpiece_gives_back_what_it_can_spell(texts):
    vocabulary = Vocabulary.from_tokenizer(wordpiece(texts))
    for text in (" the quick brown fox", "the", " lazy dogs"):
        assert_law(vocabulary, text)
    (word,) = vocabulary.encode(" the")
    assert vocabulary.token_bytes(word) == b" the"
    with pytest.raises(VocabularyMismatch):
        vocabulary.encode(" UPPER")


def test_tiktoken_gives_back_every_text(texts):
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes([value]): value for value in range(256)} | {b"th": 256, b"the": 257, b" the": 260}
    encoding = tiktoken.Encoding(
        "toy", pat_str=r"\s?\w+|.|\n", mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 262}
    )
    vocabulary = Vocabulary.from_tokenizer(encoding)
    assert (len(vocabulary), vocabulary.eos_ids) == (263, (262,))
    assert [vocabulary.token_bytes(i) for i in (258, 260, 261, 262)] == [None, b" the", None, None]
    for text in texts.values():
        assert_law(vocabulary, text)


def test_a_file_of_ranks_is_read(tmp_path, texts):
    import base64

    lines = [base64.b64encode(bytes([value])) + b" %d" % value for value in range(256)]
    (tmp_path / "toy.tiktoken").write_bytes(b"\n".join([*lines, base64.b64encode(b"the ") + b" 257"]))
    vocabulary = Vocabulary.from_tokenizer(tmp_path)
    assert (len(vocabulary), vocabulary.token_bytes(256), vocabulary.token_bytes(257)) == (258, None, b"the ")
    for text in texts.values():
        assert_law(vocabulary, text)


def test_sentencepiece_models_are_read(tmp_path, texts):
    sentencepiece = pytest.importorskip("sentencepiece")
    lines = [line for text in texts.values() for line in text.split("\n") if line.strip()] * 3
    with (tmp_path / "tokenizer.model").open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=file, vocab_size=600, model_type="bpe", byte_fallback=True,
            normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2,
        )  # fmt: skip
    vocabulary = Vocabulary.from_tokenizer(tmp_path)
    assert vocabulary.eos_ids == (2,)
    assert [vocabulary.token_bytes(i) for i in (0, 1, 2, 3)] == [None, None, None, b"\x00"]
    for text in texts.values():
        assert_law(vocabulary, text)


@pytest.mark.parametrize("name", LARGE)
def test_large_tokenizers_give_back_every_text(name, texts):
    if not (FOLDER / name).is_dir():
        pytest.skip(f"no {name} in TREADLE_TOKENIZERS")
    vocabulary = Vocabulary.from_tokenizer(FOLDER / name)
    for text in [*texts.values(), "▁"]:
        assert_law(vocabulary, text)


@pytest.mark.parametrize("name", LARGE)
def test_large_tokenizers_have_the_ids_that_their_files_say(name):
    if not (FOLDER / name).is_dir():
        pytest.skip(f"no {name} in TREADLE_TOKENIZERS")
    vocabulary = Vocabulary.from_tokenizer(FOLDER / name)
    judge = tokenizers.Tokenizer.from_file(str(FOLDER / name / "tokenizer.json"))
    assert len(vocabulary) == 1 + max(judge.get_vocab().values())
    rows = list(range(0, len(vocabulary), 97))
    for i in rows:
        data = vocabulary.token_bytes(i)
        text = judge.decode([i], skip_special_tokens=False)
        if data is not None and "\ufffd" not in text:
            assert data.decode() == text


@pytest.mark.model
def test_the_bundled_tokenizer_gives_back_every_text_it_can_spell(texts):
    if importlib.util.find_spec("gguf") is None:
        pytest.skip("no gguf")
    from treadle.integrations import bundled

    vocabulary = bundled.vocabulary()
    assert (len(vocabulary), vocabulary.eos_ids) == (49152, (2,))
    # These bytes are no tokens: their texts cannot be spelled, and saying so beats dropping them.
    missing = {bytes([value]) for value in range(256) if vocabulary.trie.find(bytes([value])) < 0}
    assert {b"\x04", b"\x06", b"\x13", b"\x14", b"\x16", b"\x1d"} <= missing and len(missing) == 21
    for text in texts.values():
        assert_law(vocabulary, "".join(c for c in text if c.encode() not in missing))
    with pytest.raises(VocabularyMismatch, match="0x04"):
        vocabulary.encode("a\x04")
    # With the split into digits, which the GGUF file does not mention.
    assert [vocabulary.token_bytes(i) for i in vocabulary.encode("x  12")] == [b"x", b"  ", b"1", b"2"]
