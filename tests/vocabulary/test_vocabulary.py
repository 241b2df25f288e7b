"""What a vocabulary says about its ids, and the traps of real tokenizers."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from treadle.errors import VocabularyMismatch
from treadle.vocabulary import Vocabulary, cache
from treadle.vocabulary.readers import from_tokenizer_json


def file(model=None, **parts):
    model = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "</s>": 3, "Ġb": 6}, "merges": []} | (
        model or {}
    )
    end = {"id": 3, "content": "</s>", "special": True}
    return {"model": model, "added_tokens": [end], "decoder": {"type": "ByteLevel"}, **parts}


def added(i, content, special):
    return {"id": i, "content": content, "special": special}


def test_holes_specials_and_added_tokens():
    text = [added(5, "<think>", False), added(8, "é", False), added(9, "", False)]
    table = from_tokenizer_json(file(added_tokens=[added(3, "</s>", True), *text]))
    assert table.tokens == [b"a", b"b", b"ab", None, None, b"<think>", b" b", None, "é".encode(), b""]
    assert table.special == {3}


@pytest.mark.parametrize(
    ("decoder", "model", "pairs"),
    [
        (
            {"type": "ByteLevel"}, {},
            {"Ġa": b" a", "Ċ": b"\n", "Ã©": "é".encode(), "Ã": b"\xc3", "日": "日".encode(), "\n": b"\n"},
        ),
        (
            {"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
            {"byte_fallback": True},
            {"▁a": b" a", "<0x0A>": b"\n", "<0xE3>": b"\xe3", "<0x0a": b"<0x0a", "▁▁": b"  ", "é": "é".encode()},
        ),
        (None, {"byte_fallback": True}, {"<0xFF>": b"\xff", "x": b"x"}),
        ({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}, {}, {"▁the": b" the", "ing": b"ing"}),
        ({"type": "WordPiece", "prefix": "##", "cleanup": True}, {}, {"the": b" the", "##ing": b"ing", "##": b""}),
        ({"type": "BPEDecoder", "suffix": "</w>"}, {}, {"the</w>": b"the ", "th": b"th"}),
        (None, {}, {"plain": b"plain"}),
    ],
    ids=["byte-level", "byte-fallback", "fallback-without-decoder", "metaspace", "wordpiece", "suffix", "none"],
)  # fmt: skip
def test_bytes_of_a_token_follow_the_decoder(decoder, model, pairs):
    model = {"type": "BPE", "vocab": {text: i for i, text in enumerate(pairs)}, "merges": [], **model}
    assert from_tokenizer_json({"model": model, "decoder": decoder}).tokens == list(pairs.values())


def test_without_a_decoder_the_pre_tokenizer_tells():
    byte_level = {"type": "Sequence", "pretokenizers": [{"type": "Digits"}, {"type": "ByteLevel"}]}
    assert from_tokenizer_json(file(decoder=None, pre_tokenizer=byte_level)).tokens[6] == b" b"


def test_unknown_tokens_stand_for_no_text():
    assert from_tokenizer_json(file({"unk_token": "a"})).tokens[:2] == [None, b"b"]
    data = {"model": {"type": "Unigram", "unk_id": 1, "vocab": [["x", 0.0], ["<unk>", 0.0]]}}
    assert from_tokenizer_json(data).tokens == [b"x", None]


def test_a_decoder_without_meaning_token_by_token_is_refused():
    with pytest.raises(VocabularyMismatch) as caught:
        from_tokenizer_json(file(decoder={"type": "CTC"}))
    assert caught.value.found == "CTC"


@pytest.mark.parametrize(
    ("files", "ends"),
    [
        ({}, (3,)),
        ({"tokenizer_config.json": {"eos_token": "b"}}, (1,)),
        ({"tokenizer_config.json": {"eos_token": {"content": "b"}}}, (1,)),
        (
            {"tokenizer_config.json": {"eos_token": "b"}, "generation_config.json": {"eos_token_id": [3, 2]}},
            (1, 3, 2),
        ),
        ({"config.json": {"eos_token_id": 3}}, (3,)),
        ({"tokenizer_config.json": {"eos_token": None}, "config.json": {}}, (3,)),
        ({"tokenizer_config.json": {"eos_token": "gone"}}, (3,)),
    ],
    ids=str,
)
def test_ends_of_text_are_what_the_files_say(tmp_path, no_cache, files, ends):
    for name, content in {"tokenizer.json": file(), **files}.items():
        (tmp_path / name).write_text(json.dumps(content))
    for _ in range(2):  # the second time from the cache
        vocabulary = Vocabulary.from_tokenizer(tmp_path)
        assert vocabulary.eos_ids == ends
        assert all(vocabulary.token_bytes(i) is None for i in ends)
    assert Vocabulary.from_tokenizer(tmp_path / "tokenizer.json").eos_ids == ends
    assert Vocabulary.from_tokenizer(tmp_path, eos="</s>").eos_ids == (3,)
    assert Vocabulary.from_tokenizer(tmp_path, eos=[2, "</s>"]).eos_ids == (2, 3)
    with pytest.raises(VocabularyMismatch):
        Vocabulary.from_tokenizer(tmp_path, eos="gone")


def test_size_pads_with_holes_or_cuts(tmp_path, no_cache):
    (tmp_path / "tokenizer.json").write_text(json.dumps(file()))
    wide = Vocabulary.from_tokenizer(tmp_path, size=64)
    assert len(wide) == 64 and wide.token_bytes(6) == b" b" and wide.token_bytes(63) is None
    narrow = Vocabulary.from_tokenizer(tmp_path, size=3)
    assert len(narrow) == 3 and narrow.eos_ids == ()


def test_ids_with_equal_bytes_are_all_kept():
    vocabulary = Vocabulary([b"a", b"b", b"a", b"a"], eos_ids=1)
    assert vocabulary.trie.node_tokens(vocabulary.trie.find(b"a")) == [0, 2, 3]
    assert vocabulary.encode("aa") == [0, 0]


def test_encoding_takes_the_fewest_and_then_the_longest_tokens_where_no_tokenizer_tells():
    vocabulary = Vocabulary([b"a", b"b", b"c", b"ab", b"abc", b"bcc"])
    assert [vocabulary.token_bytes(i) for i in vocabulary.encode("abcc")] == [b"abc", b"c"]
    assert [vocabulary.token_bytes(i) for i in vocabulary.encode("bbcc")] == [b"b", b"bcc"]
    assert vocabulary.encode("") == []
    assert vocabulary.encode_bytes(b"\x61") == [0]


def test_bytes_inside_of_a_character_are_spelled():
    vocabulary = Vocabulary([bytes([value]) for value in range(256)])
    assert vocabulary.encode_bytes(b"\xc3") == [0xC3]


def test_encoders_that_are_not_exact_are_not_believed():
    vocabulary = Vocabulary(
        [b"a", b"A", None], special_ids=[2], encode=lambda text: [0] if text == "A" else [2]
    )
    assert vocabulary.encode("A") == [1]
    assert vocabulary.encode("aa") == [0, 0]


def test_fingerprints_tell_vocabularies_apart():
    same = [Vocabulary([b"a", b"bc", None], eos_ids=2).fingerprint for _ in range(2)]
    others = [
        Vocabulary([b"a", b"bc", None]), Vocabulary([b"ab", b"c", None], eos_ids=2), Vocabulary([b"a", b"bc", b""]),
        Vocabulary([b"a", b"bc", None, None], eos_ids=2),
    ]  # fmt: skip
    assert same[0] == same[1] and len({same[0], *(v.fingerprint for v in others)}) == 5


def test_a_special_token_outside_is_refused():
    with pytest.raises(VocabularyMismatch):
        Vocabulary([b"a"], eos_ids=1)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', "\x00\x01"])
def test_files_that_are_no_tokenizer_are_refused(tmp_path, no_cache, content):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(VocabularyMismatch):
        Vocabulary.from_tokenizer(tmp_path)


def test_folders_and_objects_that_are_no_tokenizer_are_refused(tmp_path):
    for wrong in (tmp_path, tmp_path / "gone", 5, {"a": 1}):
        with pytest.raises(VocabularyMismatch):
            Vocabulary.from_tokenizer(wrong)


def test_a_cache_that_cannot_be_written_or_read_only_costs_time(tmp_path, monkeypatch):
    (tmp_path / "tokenizer.json").write_text(json.dumps(file()))
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("TREADLE_CACHE", str(blocked))
    assert len(Vocabulary.from_tokenizer(tmp_path)) == 7
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path / "cache"))
    Vocabulary.from_tokenizer(tmp_path)
    (stored,) = (tmp_path / "cache" / "vocabulary").iterdir()
    stored.write_bytes(b"PK\x03\x04 truncated")
    assert Vocabulary.from_tokenizer(tmp_path).token_bytes(2) == b"ab"
    assert cache.load(f"vocabulary/{stored.name}") is not None  # written anew


def test_reading_a_tokenizer_loads_no_tokenizer_library(tmp_path):
    (tmp_path / "tokenizer.json").write_text(json.dumps(file()))
    code = (
        "import sys; from treadle.vocabulary import Vocabulary; "
        f"v = Vocabulary.from_tokenizer({str(tmp_path)!r}); v.trie; v.fingerprint; "
        "print([name for name in ('tokenizers', 'torch', 'transformers', 'numba') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_transformers_tokenizers_are_read():
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    inner = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0, "Ġb": 1, "</s>": 2}, []))
    inner.decoder = tokenizers.decoders.ByteLevel()
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="</s>")
    fast.add_tokens(["<extra>"])
    vocabulary = Vocabulary.from_tokenizer(fast)
    assert vocabulary.tokens == (b"a", b" b", None, b"<extra>") and vocabulary.eos_ids == (2,)
    assert vocabulary.encode("a b<extra>") == [0, 1, 3]
    assert Vocabulary.from_tokenizer(vocabulary) is vocabulary
