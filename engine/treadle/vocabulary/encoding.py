"""Text -> token ids that spell exactly that text: the tokenizer's own way wherever that way is exact.

A tokenizer.json says how a *whole document* is encoded. Output is the continuation of a prompt, so the parts that only
concern the start of a document are taken out first (`as_continuation`): the dummy prefix of SentencePiece (Prepend,
Metaspace's prepend_scheme, ByteLevel's add_prefix_space), the post-processor with its BOS, truncation and padding. So
are normalizers that change the text (NFC, lower case, ...): ids for text T have to spell T. Special tokens written out
in the text are encoded as ordinary text.

What still does not spell the text byte for byte (WordPiece drops white space, an unknown character becomes [UNK]) is
spelled with as few tokens as possible (`spell`), or refused with VocabularyMismatch when no tokens spell it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from treadle.errors import VocabularyMismatch
from treadle.vocabulary.readers import flatten

if TYPE_CHECKING:
    from treadle.vocabulary.trie import Trie

Encode = Callable[[str], "list[int]"]

#: Normalizers that only choose another way of writing the same text; every other one changes it.
_FAITHFUL = ("Replace",)


def json_encoder(read: Callable[[], str]) -> Encode:
    """Encode with the tokenizer.json that `read` returns; `tokenizers` is imported at the first call."""
    ready: list[Any] = []

    def encode(text: str) -> list[int]:
        if not ready:
            ready.append(_tokenizer(as_continuation(json.loads(read()))))
        return list(ready[0].encode(text, add_special_tokens=False).ids)

    return encode


def _tokenizer(data: Mapping[str, Any]) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise VocabularyMismatch(
            "encoding text needs the package tokenizers", expected="pip install tokenizers"
        ) from error
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.encode_special_tokens = True
    return tokenizer


def as_continuation(data: Mapping[str, Any]) -> dict[str, Any]:
    """A tokenizer.json that encodes text as what follows other text."""
    normalizers = [part for part in flatten(data.get("normalizer"), "normalizers") if _is_faithful(part)]
    pre_tokenizers = [_without_prefix(part) for part in flatten(data.get("pre_tokenizer"), "pretokenizers")]
    return {
        **data,
        "normalizer": {"type": "Sequence", "normalizers": normalizers} if normalizers else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": pre_tokenizers} if pre_tokenizers else None,
        "post_processor": None,
        "truncation": None,
        "padding": None,
    }


def _is_faithful(part: Mapping[str, Any]) -> bool:
    return part["type"] in _FAITHFUL and "String" in part["pattern"]


def _without_prefix(part: Mapping[str, Any]) -> dict[str, Any]:
    if part["type"] == "ByteLevel":
        return {**part, "add_prefix_space": False}
    if part["type"] == "Metaspace":
        # Files from before tokenizers 0.15 say add_prefix_space; newer ones prepend_scheme. Both at once are refused.
        old = "add_prefix_space" in part and "prepend_scheme" not in part
        return {**part, "add_prefix_space": False} if old else {**part, "prepend_scheme": "never"}
    return dict(part)


def spell(trie: Trie, data: bytes) -> list[int]:
    """The fewest tokens whose bytes are `data`; among equals, the longest token first.

    Dynamic programming from the end: best[i] = 1 + min of best[i + len(t)] over the tokens t that data[i:] starts with.
    """
    best: list[int | None] = [None] * len(data) + [0]
    choice: list[tuple[int, int]] = [(0, 0)] * len(data)
    for i in range(len(data) - 1, -1, -1):
        for token, length in matches(trie, data, i):
            rest = best[i + length]
            # `matches` goes from short to long, so <= keeps the longest of the best.
            if rest is not None and (best[i] is None or rest + 1 <= best[i]):  # type: ignore[operator]
                best[i], choice[i] = rest + 1, (token, length)
    if best[0] is None:
        raise VocabularyMismatch("no tokens spell this text", found=_unspellable(trie, data))
    return _follow(choice)


def _follow(choice: Sequence[tuple[int, int]]) -> list[int]:
    ids, i = [], 0
    while i < len(choice):
        token, length = choice[i]
        ids.append(token)
        i += length
    return ids


def matches(trie: Trie, data: bytes, begin: int) -> list[tuple[int, int]]:
    """(lowest id, length) of every token that data[begin:] starts with, shortest first."""
    found = []
    first, end = 0, len(trie)
    for position in range(begin, len(data)):
        node = first
        while node < end and trie.byte[node] != data[position]:
            node = int(trie.skip[node])
        if node >= end:
            break
        if trie.token_start[node] < trie.token_start[node + 1]:
            found.append((int(trie.tokens[trie.token_start[node]]), position + 1 - begin))
        first, end = node + 1, int(trie.skip[node])
    return found


def _unspellable(trie: Trie, data: bytes) -> str:
    missing = sorted({value for value in data if trie.find(bytes([value])) < 0})
    return f"byte 0x{missing[0]:02x}, which is no token of its own" if missing else repr(data[:40])
