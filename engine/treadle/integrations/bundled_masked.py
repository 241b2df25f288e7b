"""Two small masked-diffusion models that need no hub: one that ships with treadle, one out of the package `rxnmapper`.

`text_model`    our own, trained on generated tasks (bench/train_masked.py): records from facts, functions of one line
                from words. 1.7 M parameters in float16 beside this file; transformers' ModernBertForMaskedLM.
`smiles_model`  the masked language model of the package rxnmapper 0.4 (MIT): AlbertForMaskedLM over reactions written
                as SMILES, 591 tokens. Found, never imported: the package wants an old transformers, and only its
                weights are used. Its word pieces are spelled exactly as they stand in vocab.txt, with no space between.

Both give a `TransformersMaskedModel`. Nothing is fetched from a network.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from treadle.integrations.masked_models import TransformersMaskedModel
from treadle.integrations.packages import MissingPackage, require
from treadle.vocabulary import Vocabulary

PURPOSE = "a bundled masked model"
TEXT_FOLDER = Path(__file__).parent / "masked_text"

PACKAGE = "rxnmapper"
SMILES_FOLDER = Path("models/transformers/albert_heads_8_uspto_all_1310k")
#: [CLS], which every row of the model of molecules begins with.
SMILES_START = 12
#: Lines of vocab.txt that stand for no text; anything else in brackets is an atom.
_CONTROL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def text_model(folder: Path | None = None) -> TransformersMaskedModel:
    """The model that ships with treadle, or one that bench/train_masked.py wrote to `folder`."""
    for package in ("torch", "transformers", "safetensors"):
        require(package, PURPOSE)
    import torch
    from safetensors.torch import load_file
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    chosen = folder or TEXT_FOLDER
    config = json.loads((chosen / "config.json").read_text("utf-8"))
    model = ModernBertForMaskedLM(ModernBertConfig(**config))
    weights = {
        name: tensor.to(torch.float32) for name, tensor in load_file(chosen / "model.safetensors").items()
    }
    _load(model, weights, tied="decoder.weight")
    vocabulary = Vocabulary.from_tokenizer(chosen / "tokenizer.json", eos="<end>")
    return TransformersMaskedModel(model, vocabulary, mask_id=config["mask_token_id"])


def smiles_model() -> TransformersMaskedModel:
    """The masked language model of rxnmapper, with its vocabulary. A row begins with [CLS] and ends with [SEP]."""
    for package in ("torch", "transformers"):
        require(package, PURPOSE)
    import torch
    from transformers import AlbertConfig, AlbertForMaskedLM

    folder = package_folder()
    config = AlbertConfig.from_json_file(folder / "config.json")
    model = AlbertForMaskedLM(config)
    weights = torch.load(folder / "pytorch_model.bin", map_location="cpu", weights_only=True)
    _load(model, weights, tied="predictions.decoder.weight")
    words = (folder / "vocab.txt").read_text("utf-8").splitlines()
    return TransformersMaskedModel(model, smiles_vocabulary(words), mask_id=words.index("[MASK]"))


def package_folder() -> Path:
    """The folder of the weights inside of the installed package."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        # Without its dependencies: it pins an old transformers, and none of its code is used.
        raise MissingPackage(PACKAGE, "the model of molecules", "pip install --no-deps rxnmapper==0.4.3")
    return Path(found.origin).parent / SMILES_FOLDER


def smiles_vocabulary(words: list[str]) -> Vocabulary:
    """The lines of vocab.txt as tokens: [SEP] ends a text; control symbols and unused lines stand for none."""
    special = [i for i, word in enumerate(words) if word in _CONTROL or word.startswith("[unused")]
    tokens = [None if i in set(special) else word.encode() for i, word in enumerate(words)]
    return Vocabulary(tokens, eos_ids=words.index("[SEP]"), special_ids=special)


def _load(model: Any, weights: dict[str, Any], *, tied: str) -> None:
    """Take over weights of the very names of the class; the decoder of both heads is its embedding."""
    missing, extra = model.load_state_dict(weights, strict=False)
    # Positions are counted, and the pooler belongs to the head of another task.
    spare = (tied, "position_ids", "pooler")
    wrong = [name for name in [*missing, *extra] if not any(part in name for part in spare)]
    if wrong:
        raise ValueError(f"weights of other names than the model's: {', '.join(wrong[:5])}")
    model.tie_weights()
