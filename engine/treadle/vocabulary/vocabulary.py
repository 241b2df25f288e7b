"""A tokenizer's ids as bytes: all that masks need to know about a model's tokens.

In: a tokenizer (file, folder, object of `tokenizers`, `transformers`, `tiktoken` or `sentencepiece`), or the bytes
themselves. Out: `Vocabulary`: bytes by id, which ids end a text, which are special, the trie, and the way back from
text to ids. Several ids may have the same bytes; ids without text (special tokens, holes, logits past the tokenizer's
end) have None and never take part in a constraint.

Law: b"".join(token_bytes(i) for i in encode(T)) == T.encode() for every text T, or encode raises VocabularyMismatch.

What was read from a file is kept in the user's cache folder under the file's hash, the trie under the vocabulary's: the
128,000 tokens of Llama-3 take 0.25 s the first time and their trie 0.3 s (one core of a shared machine), after that
both together 0.02 s. `tokens`, the bytes as Python objects, are made when somebody asks for them.
Leaves out: training, and normalisation of text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.errors import VocabularyMismatch
from treadle.vocabulary import cache, readers
from treadle.vocabulary.encoding import Encode, json_encoder, spell
from treadle.vocabulary.packed import PackedTokens
from treadle.vocabulary.readers import TokenTable
from treadle.vocabulary.trie import Trie

#: Part of every cache key: raise it when what is read from a tokenizer changes, or the trie made of it.
_FORMAT = 2
#: Vocabularies of at least so many ids are worth a file in the cache; for a smaller one everything is made in no time.
WORTH_STORING = 4096


class Vocabulary:
    """Bytes by token id. Immutable; safe to share between threads."""

    def __init__(
        self,
        tokens: Sequence[bytes | None],
        eos_ids: Iterable[int] | int = (),
        special_ids: Iterable[int] = (),
        encode: Encode | None = None,
    ) -> None:
        ends = (eos_ids,) if isinstance(eos_ids, int) else tuple(eos_ids)
        #: Ids that end a text, in the order given; the first is the one to write.
        self.eos_ids: tuple[int, ...] = tuple(dict.fromkeys(int(i) for i in ends))
        #: Ids that stand for no text on purpose, ends included.
        self.special_ids: frozenset[int] = frozenset(map(int, special_ids)) | frozenset(self.eos_ids)
        if outside := [i for i in self.special_ids if not 0 <= i < len(tokens)]:
            raise VocabularyMismatch(
                "a special token outside of the vocabulary",
                found=str(min(outside)),
                expected=f"0..{len(tokens) - 1}",
            )
        self._packed = PackedTokens.of(tokens).without(self.special_ids)
        self._encode = encode

    @staticmethod
    def from_tokenizer(
        tokenizer: Any, *, size: int | None = None, eos: int | str | Iterable[int | str] | None = None
    ) -> Vocabulary:
        """Read a tokenizer: a folder, a tokenizer.json, or an object.

        `size`: the width of the model's logits where it is not the tokenizer's; ids past the tokenizer's are holes.
        `eos`: ids or names of the tokens that end a text; by default what the files beside it or the object say.
        """
        if isinstance(tokenizer, Vocabulary):
            return tokenizer
        if isinstance(tokenizer, (str, PathLike)):
            return _from_path(Path(tokenizer), size, eos)
        return _from_object(tokenizer, size, eos)

    def __len__(self) -> int:
        return len(self._packed)

    @cached_property
    def tokens(self) -> tuple[bytes | None, ...]:
        """Bytes by id, None for special tokens and holes."""
        return tuple(self._packed.unpacked())

    @property
    def packed(self) -> PackedTokens:
        """The same as arrays."""
        return self._packed

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} ids, {self.fingerprint[:8]})"

    def token_bytes(self, token: int) -> bytes | None:
        """The bytes of an id; None for special tokens and holes."""
        return self.tokens[token]

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of some ids; those without text add nothing."""
        tokens = self.tokens
        return b"".join([tokens[i] or b"" for i in ids])

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; bytes that are no UTF-8 become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def encode(self, text: str) -> list[int]:
        """Ids that spell exactly `text` in the middle of a text, as the tokenizer would choose them. No specials."""
        data = text.encode()
        if self._encode is not None:
            ids = self._encode(text)
            if self.decode_bytes(ids) == data and not self.special_ids.intersection(ids):
                return ids
        return spell(self.trie, data)

    def encode_bytes(self, data: bytes) -> list[int]:
        """Like `encode`, for bytes that may begin or end inside a character."""
        try:
            return self.encode(data.decode())
        except UnicodeDecodeError:
            return spell(self.trie, data)

    @cached_property
    def trie(self) -> Trie:
        """The trie of all tokens that have bytes."""
        if len(self) < WORTH_STORING:
            return self._build_trie()
        name = f"trie/{self.fingerprint}-{_FORMAT}"
        if (stored := cache.load(name)) is not None:
            return Trie.of_arrays(stored)
        trie = self._build_trie()
        cache.store(name, trie.arrays())
        return trie

    def _build_trie(self) -> Trie:
        """From tokens in order of their bytes: sorting Python's bytes is faster than anything numpy has for it."""
        tokens = self.tokens
        # Pairs: ids with the same bytes stand side by side, ascending.
        ids = np.array([i for _, i in sorted((data, i) for i, data in enumerate(tokens) if data)], np.int32)
        return Trie.from_sorted(self._packed.blob, self._packed.start[ids], self._packed.width[ids], ids)

    def subtrie(self, ids: Iterable[int]) -> Trie:
        """The trie of some ids. 10 times faster than Trie.build: the order of the tokens is known already."""
        ids = np.fromiter(ids, np.int64)
        keep = np.zeros(len(self), bool)
        keep[ids] = True
        packed = self._packed
        order = self.trie.tokens
        chosen = order[keep[order]]
        return Trie.from_sorted(packed.blob, packed.start[chosen], packed.width[chosen], chosen)

    @cached_property
    def max_token_bytes(self) -> int:
        """Length of the longest token."""
        return max(0, int(self._packed.length.max(initial=0)))

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits that are equal for vocabularies with equal tokens, ends and specials."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self._packed.length.astype("<i4").data)
        digest.update(self._packed.blob.data)
        digest.update(json.dumps([_FORMAT, sorted(self.eos_ids), sorted(self.special_ids)]).encode())
        return digest.hexdigest()


Eos = int | str | Iterable[int | str] | None


def _from_path(path: Path, size: int | None, eos: Eos) -> Vocabulary:
    file = _tokenizer_file(path)
    raw = file.read_bytes()
    if file.name.endswith(".json"):
        table = _cached_table(raw)
        encode: Encode | None = json_encoder(lambda: file.read_text("utf-8"))
    elif _is_ranks(raw):
        table, encode = readers.from_ranks(raw.splitlines()), None
    else:
        processor = _sentencepiece(file)
        table, encode = readers.from_sentencepiece(processor), _sentencepiece_encoder(processor)
    ends = _eos_ids(table, eos, _declared_eos(file.parent))
    return _finish(table, ends, size, encode)


def _tokenizer_file(path: Path) -> Path:
    if path.is_file():
        return path
    for pattern in ("tokenizer.json", "*.tiktoken", "tokenizer.model", "*.model"):
        if found := sorted(path.glob(pattern)):
            return found[0]
    raise VocabularyMismatch(
        "no tokenizer here", where=str(path), expected="tokenizer.json, *.tiktoken or tokenizer.model"
    )


def _cached_table(raw: bytes) -> TokenTable:
    name = f"vocabulary/{hashlib.blake2b(raw, digest_size=16).hexdigest()}-{_FORMAT}"
    if (stored := cache.load(name)) is not None:
        return _unpack(stored)
    table = readers.from_tokenizer_json(_parse(raw))
    cache.store(name, _pack(table))
    return table


def _parse(raw: bytes | str) -> dict[str, Any]:
    try:
        data = json.loads(raw)
        if isinstance(data, dict) and "model" in data:
            return data
    except ValueError as error:
        raise VocabularyMismatch("a tokenizer.json that is not JSON", found=str(error)) from error
    raise VocabularyMismatch(
        "a JSON file that is no tokenizer.json", expected="an object with a member model"
    )


def _pack(table: TokenTable) -> dict[str, NDArray[Any]]:
    packed = PackedTokens.of(table.tokens)
    kept = {name: i for name, i in table.names.items() if packed.length[i] < 0}
    return {
        "length": packed.length,
        "blob": packed.blob,
        "special": np.array(sorted(table.special), np.int64),
        "names": np.frombuffer(json.dumps(kept).encode(), np.uint8),
    }


def _unpack(stored: dict[str, NDArray[Any]]) -> TokenTable:
    tokens = PackedTokens(stored["blob"], stored["length"])
    return TokenTable(tokens, frozenset(stored["special"].tolist()), json.loads(stored["names"].tobytes()))


def _from_object(tokenizer: Any, size: int | None, eos: Eos) -> Vocabulary:
    if hasattr(tokenizer, "decode_single_token_bytes"):  # tiktoken.Encoding
        declared = [tokenizer.eot_token] if tokenizer.special_tokens_set else []
        table = readers.from_tiktoken(tokenizer)
        return _finish(table, _eos_ids(table, eos, declared), size, tokenizer.encode_ordinary)
    if hasattr(tokenizer, "id_to_piece"):  # sentencepiece.SentencePieceProcessor
        table = readers.from_sentencepiece(tokenizer)
        ends = _eos_ids(table, eos, [tokenizer.eos_id()] if tokenizer.eos_id() >= 0 else [])
        return _finish(table, ends, size, _sentencepiece_encoder(tokenizer))
    backend = getattr(tokenizer, "backend_tokenizer", None) or tokenizer
    if hasattr(backend, "to_str"):  # tokenizers.Tokenizer, or a fast tokenizer of transformers
        text = backend.to_str()
        table = readers.from_tokenizer_json(_parse(text))
        return _finish(table, _eos_ids(table, eos, _eos_of(tokenizer)), size, json_encoder(lambda: text))
    if hasattr(inner := getattr(tokenizer, "sp_model", None), "id_to_piece"):  # slow ones of transformers
        table = _with_added(readers.from_sentencepiece(inner), tokenizer)
        return _finish(table, _eos_ids(table, eos, _eos_of(tokenizer)), size, _sentencepiece_encoder(inner))
    raise VocabularyMismatch(
        "not a tokenizer that can be read", found=type(tokenizer).__name__,
        expected="a folder, tokenizer.json, or a tokenizer of tokenizers, transformers, tiktoken or sentencepiece",
    )  # fmt: skip


def _finish(table: TokenTable, ends: Sequence[int], size: int | None, encode: Encode | None) -> Vocabulary:
    tokens = table.tokens
    if size is not None:
        tokens = PackedTokens.of(tokens).resized(size)
        ends = [i for i in ends if i < size]
    special = [i for i in table.special if i < len(tokens)]
    return Vocabulary(tokens, ends, special, encode)


def _eos_ids(table: TokenTable, given: Eos, declared: Iterable[int | str]) -> list[int]:
    wanted = [given] if isinstance(given, (int, str)) else list(declared if given is None else given)
    found = {name: i for name in wanted if (i := _id_of(table, name)) is not None}
    if given is None:
        usual = [i for name in readers.USUAL_EOS if (i := table.names.get(name)) is not None]
        return list(dict.fromkeys(found.values())) or usual[:1]
    if missing := [name for name in wanted if name not in found]:
        raise VocabularyMismatch("no such token to end a text", found=repr(missing[0]))
    return list(dict.fromkeys(found.values()))


def _id_of(table: TokenTable, name: int | str) -> int | None:
    if isinstance(name, int):
        return name
    if (known := table.names.get(name)) is not None:
        return known
    # The cache keeps the names of tokens without text only; an end of text that is text is found by its bytes.
    spelled, data = list(table.tokens), name.encode()
    return spelled.index(data) if data in spelled else None


def _declared_eos(folder: Path) -> list[int | str]:
    """Ends of text that the files beside a tokenizer name."""
    found: list[Any] = []
    for name, field in (
        ("tokenizer_config.json", "eos_token"), ("special_tokens_map.json", "eos_token"),
        ("generation_config.json", "eos_token_id"), ("config.json", "eos_token_id"),
    ):  # fmt: skip
        try:
            value = json.loads((folder / name).read_text("utf-8")).get(field)
        except (OSError, ValueError, AttributeError):
            continue
        found += value if isinstance(value, list) else [value]
    texts = [value["content"] if isinstance(value, dict) else value for value in found]
    return [value for value in texts if isinstance(value, (int, str))]


def _eos_of(tokenizer: Any) -> list[int]:
    value = getattr(tokenizer, "eos_token_id", None)
    return [] if value is None else [value] if isinstance(value, int) else list(value)


def _with_added(table: TokenTable, tokenizer: Any) -> TokenTable:
    """Tokens that a slow tokenizer of transformers adds to its model's."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    tokens = list(table.tokens) + [None] * (1 + max(added, default=-1) - len(table.tokens))
    special = set(table.special)
    for i, token in added.items():
        tokens[i] = None if token.special else token.content.encode()
        special |= {i} if token.special else set()
    return TokenTable(
        tokens, frozenset(special), table.names | {token.content: i for i, token in added.items()}
    )


def _is_ranks(raw: bytes) -> bool:
    first = raw[:400].split(b"\n")[0].split()
    return len(first) == 2 and first[1].isdigit()


def _sentencepiece(file: Path) -> Any:
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise VocabularyMismatch(
            "a SentencePiece model needs the package sentencepiece",
            where=str(file),
            expected="pip install sentencepiece",
        ) from error
    return SentencePieceProcessor(model_file=str(file))


def _sentencepiece_encoder(processor: Any) -> Encode:
    # SentencePiece puts a dummy prefix before the text; after a character that it keeps apart, it does not.
    apart = "\n"
    known: Callable[[str], list[int]] = processor.encode
    return lambda text: known(apart + text)[len(known(apart)) :]
