"""A tokenizer -> the bytes of each of its ids (`TokenTable`).

The bytes of a token are what the tokenizer's own *decoder* makes of it in the middle of a text. The decoder part of a
tokenizer.json is therefore read as a chain of steps on one token, and no tokenizer library is needed:

    ByteLevel      each character stands for a byte (GPT-2's table)           Llama-3, Qwen, GPT-2
    Replace        U+2581 -> " "                                              Gemma, Llama-2
    ByteFallback   <0xNN> is the byte NN                                      SentencePiece with byte fallback
    Metaspace      U+2581 -> " "                                              Unigram (T5, XLM-R)
    WordPiece      "##x" continues a word, any other token begins one: " x"   BERT
    BPEDecoder     a suffix ends a word: "x</w>" -> "x "                      CLIP
    Fuse, Strip    work on whole texts; see below

Prefix space. SentencePiece, WordPiece and some byte-level tokenizers put a space before the text and drop it again
when decoding from the start. Output begins after a prompt, in the middle of a text: a leading U+2581 is a space here,
always, and `encoding.py` encodes without the dummy prefix.

No bytes (None): special tokens, the unknown token, ids that nothing uses (holes). Added tokens that are not special
are text (Qwen's `<think>`, Gemma's runs of newlines). Source: the decoders of the `tokenizers` package.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from treadle.errors import VocabularyMismatch

Step = Callable[[str], "str | bytes"]
Json = Mapping[str, Any]

#: U+2581, the visible space of SentencePiece.
MARKER = "\u2581"
_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")

#: What the end of a text is called where no file says so.
USUAL_EOS = (
    "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>", "<end_of_turn>", "<eos>", "</s>", "<|end|>",
    "<|return|>", "[EOS]", "[SEP]",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TokenTable:
    """What a tokenizer says about its ids."""

    #: Bytes by id; None where a token stands for no text.
    tokens: Sequence[bytes | None]
    #: Ids of special tokens (control, unknown), whether or not they end a text.
    special: frozenset[int]
    #: Ids by their written form, for looking up the end of text by name.
    names: dict[str, int]


def from_tokenizer_json(data: Json) -> TokenTable:
    """Read a parsed tokenizer.json."""
    model = data["model"]
    names = model_names(model)
    added = {entry["id"]: entry for entry in data.get("added_tokens") or ()}
    special = {i for i, entry in added.items() if entry.get("special", True)} | unknown_ids(model, names)
    tokens: list[bytes | None] = [None] * (1 + max([*names.values(), *added, -1]))
    spell, step = speller(decoder_steps(data)), added_speller(data)
    for text, i in names.items():
        if i not in added and i not in special:
            tokens[i] = spell(text)
    for i, entry in added.items():
        if i not in special:
            tokens[i] = step(entry["content"])
    return TokenTable(tokens, frozenset(special), names | {entry["content"]: i for i, entry in added.items()})


def model_names(model: Json) -> dict[str, int]:
    """Token text -> id of a tokenizer.json's model; Unigram keeps a list of [text, score]."""
    vocab = model.get("vocab")
    if isinstance(vocab, Mapping):
        return dict(vocab)
    if isinstance(vocab, list):
        return {entry[0]: i for i, entry in enumerate(vocab)}
    raise VocabularyMismatch("a tokenizer model without a vocabulary", found=str(model.get("type")))


def unknown_ids(model: Json, names: Mapping[str, int]) -> set[int]:
    """The unknown token: it stands for any text, so for none."""
    by_name = names.get(model.get("unk_token") or "")
    by_id = model.get("unk_id")
    return {i for i in (by_name, by_id) if i is not None}


def decoder_steps(data: Json) -> list[Step]:
    """The decoder as steps on one token; without a decoder, what the rest of the file implies."""
    steps = [step for part in flatten(data.get("decoder"), "decoders") for step in decoder_step(part)]
    if not steps:
        parts = flatten(data.get("pre_tokenizer"), "pretokenizers")
        steps = [
            step
            for part in parts
            if part["type"] in ("ByteLevel", "Metaspace")
            for step in decoder_step(part)
        ]
        if prefix := data["model"].get("continuing_subword_prefix"):
            steps += decoder_step({"type": "WordPiece", "prefix": prefix})
    # Llama-2's first conversions keep byte pieces without saying so in the decoder.
    return [byte_piece, *steps] if data["model"].get("byte_fallback") else steps


def decoder_step(part: Json) -> list[Step]:
    """What one part of a decoder does to one token."""
    kind = part["type"]
    if kind == "ByteLevel":
        return [byte_level]
    if kind == "Replace":
        return [replacing(part["pattern"], part["content"])]
    if kind == "ByteFallback":
        return [byte_piece]
    if kind == "Metaspace":
        return [lambda text: text.replace(part.get("replacement", MARKER), " ")]
    if kind == "WordPiece":
        return [continuing(part.get("prefix", "##"))]
    if kind == "BPEDecoder":
        return [lambda text: text.replace(part.get("suffix", "</w>"), " ")]
    if kind in ("Fuse", "Strip", "Sequence"):
        return []
    raise VocabularyMismatch("a tokenizer decoder that has no meaning token by token", found=kind)


def flatten(part: Json | None, field: str) -> list[Json]:
    """The parts of a (nested) Sequence, in order."""
    if part is None:
        return []
    if part["type"] == "Sequence":
        return [inner for each in part[field] for inner in flatten(each, field)]
    return [part]


def speller(steps: list[Step]) -> Callable[[str], bytes]:
    """Apply steps until one of them arrives at bytes."""

    def spell(text: str) -> bytes:
        value: str | bytes = text
        for step in steps:
            if isinstance(value, bytes):
                return value
            value = step(value)
        return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")

    return spell


def added_speller(data: Json) -> Callable[[str], bytes]:
    """Added tokens are written in plain text; only the markers of SentencePiece are read in them.

    ByteLevel is left out on purpose: an added "é" means those two UTF-8 bytes, not the byte E9. So is WordPiece.
    """
    parts = flatten(data.get("decoder"), "decoders")
    return speller(
        [step for part in parts if part["type"] in ("Replace", "Metaspace") for step in decoder_step(part)]
    )


def byte_level(text: str) -> str | bytes:
    """GPT-2's printable stand-ins for bytes; a token with any other character is plain text."""
    try:
        return text.translate(BYTE_OF_CHARACTER).encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def byte_piece(text: str) -> str | bytes:
    """`<0xNN>` is a byte."""
    match = _BYTE_PIECE.match(text)
    return bytes([int(match[1], 16)]) if match else text


def replacing(pattern: Json, content: str) -> Step:
    """A Replace step with a literal or a regular expression."""
    if "String" in pattern:
        return lambda text: text.replace(pattern["String"], content)
    regex = re.compile(pattern["Regex"])
    return lambda text: regex.sub(lambda _: content, text)


def continuing(prefix: str) -> Step:
    """A token begins a word, unless it carries the prefix."""
    return lambda text: text[len(prefix) :] if text.startswith(prefix) else " " + text


def _byte_stand_ins() -> dict[int, int]:
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {byte: byte for byte in printable} | {256 + k: byte for k, byte in enumerate(others)}
    # Characters below 256 that are no stand-in (space, controls) must not pass for bytes: send them out of latin-1.
    return dict.fromkeys(others, 0xFFFF) | table


#: Character of GPT-2's alphabet -> the byte it stands for.
BYTE_OF_CHARACTER = _byte_stand_ins()


def from_tiktoken(encoding: Any) -> TokenTable:
    """Read a `tiktoken.Encoding` (or anything with its public methods)."""
    special = {encoding.encode_single_token(name): name for name in encoding.special_tokens_set}
    tokens: list[bytes | None] = [None] * encoding.n_vocab
    for i in range(encoding.n_vocab):
        if i in special:
            continue
        try:
            tokens[i] = encoding.decode_single_token_bytes(i)
        except KeyError:
            continue  # a hole between the ranks and the special tokens
    return TokenTable(tokens, frozenset(special), {name: i for i, name in special.items()})


def from_ranks(lines: Iterable[bytes]) -> TokenTable:
    """Read a .tiktoken file: a line is the token in base64 and its rank. Special tokens are not in it."""
    ranks: dict[int, bytes] = {}
    try:
        for line in filter(None, map(bytes.strip, lines)):
            text, rank = line.split()
            ranks[int(rank)] = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise VocabularyMismatch("not a file of tiktoken ranks", found=str(error)) from error
    return TokenTable([ranks.get(i) for i in range(max(ranks, default=-1) + 1)], frozenset(), {})


def from_sentencepiece(processor: Any) -> TokenTable:
    """Read a `sentencepiece.SentencePieceProcessor`."""
    size = processor.get_piece_size()
    pieces = [processor.id_to_piece(i) for i in range(size)]
    special = {i for i in range(size) if processor.is_control(i) or processor.is_unknown(i)}
    tokens = [
        None if i in special or processor.is_unused(i) else _piece_bytes(pieces[i]) for i in range(size)
    ]
    return TokenTable(tokens, frozenset(special), {piece: i for i, piece in enumerate(pieces)})


def _piece_bytes(piece: str) -> bytes:
    value = byte_piece(piece)
    return value if isinstance(value, bytes) else value.replace(MARKER, " ").encode()
